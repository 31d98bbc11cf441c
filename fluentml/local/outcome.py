"""What a node found, read from its artifacts: the verdicts that a run tells of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from itertools import chain
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from fluentml.components import ExampleDiff, Pusher
from fluentml.graph import Node
from fluentml.results import (
    Artifact,
    Comparison,
    Evaluation,
    InfraValidation,
    Push,
    Tuning,
    Validation,
    predictions_among,
)

Outputs = Mapping[str, tuple[Artifact, ...]]


@dataclass(frozen=True)
class Outcome:
    """What came of a node: in a word or two, and the verdicts in full."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(ser_json_inf_nan="constants")

    note: str = ""
    validations: tuple[Validation, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    tunings: tuple[Tuning, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    infra_validations: tuple[InfraValidation, ...] = ()
    pushes: tuple[Push, ...] = ()

    def to_json(self) -> str:
        """Return it as JSON; nothing where `from_json` would not give the same back."""
        text = _as_json().dump_json(self).decode()
        try:
            return text if self.from_json(text) == self else ""
        except ValidationError:
            return ""

    @classmethod
    def from_json(cls, text: str) -> Outcome:
        """Return what `to_json` wrote."""
        return _as_json().validate_json(text)

    @property
    def blessed(self) -> bool:
        """Whether it judged a model, and let it pass."""
        return any(judge.blessed for judge in self._judges)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why a model did not pass."""
        return tuple(reason for judge in self._judges for reason in judge.reasons)

    @property
    def _judges(self) -> list[Evaluation | InfraValidation]:
        return [*self.evaluations, *self.infra_validations]


@cache
def _as_json() -> TypeAdapter[Outcome]:
    return TypeAdapter(Outcome)


def all_verdicts(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """Return the verdicts of all nodes as a `RunResult` has them, by its fields."""
    known = [*outcomes]
    kinds = [one.name for one in fields(Outcome) if one.name != "note"]
    return {kind: tuple(chain(*(getattr(one, kind) for one in known))) for kind in kinds}


def read_outcome(node: Node, outputs: Outputs, blame: str = "") -> Outcome:
    """Read the verdicts among a node's outputs.

    Args:
        node: The node.
        outputs: Its artifacts.
        blame: Why a pusher pushed nothing, if it did not.
    """
    step = node.component
    by = step.identified_by if isinstance(step, ExampleDiff) else ()
    return outcome_of(node.id, outputs, blame, by)


def skipped(node: Node, why: str) -> Outcome:
    """Return the outcome of a node that did not run, as a condition does not hold."""
    is_push = isinstance(node.component, Pusher)
    return Outcome(why, pushes=(Push(node.id, None, why),) if is_push else ())


def outcome_of(
    id: str, outputs: Outputs, blame: str = "", identified_by: tuple[str, ...] = ()
) -> Outcome:
    """Read the verdicts among outputs, without the step that made them.

    Args:
        id: The node's id.
        outputs: Its artifacts.
        blame: Why a pusher pushed nothing, if it did not.
        identified_by: The features by which it compared examples, if it did.
    """
    found = {a.type: a for artifacts in outputs.values() for a in artifacts}
    # By key: Transform has outputs of that type too, in another layout.
    if found.pop("ExampleAnomalies", None) and "anomalies" in outputs:
        found = {"ExampleAnomalies": outputs["anomalies"][0]}
    for kind, read in READERS.items():
        if kind in found:
            return read(id, found)
    if "ExamplesDiff" in found:
        return _comparisons(id, found["ExamplesDiff"], identified_by)
    if "PushedModel" in found:
        return _push(id, found["PushedModel"], blame)
    if made := predictions_among(outputs):
        from fluentml.results.predictions import Predictions

        has_files = Predictions(id, made.uri).files
        return Outcome("" if has_files else "not blessed, no predictions")
    return Outcome()


def _validation(id: str, found: Mapping[str, Artifact]) -> Outcome:
    from fluentml.results.validation import read_validation

    validation = read_validation(id, found["ExampleAnomalies"])
    return Outcome(validation.note, validations=(validation,))


def _comparisons(id: str, artifact: Artifact, by: tuple[str, ...]) -> Outcome:
    from fluentml.results.comparison import read_comparisons

    comparisons = read_comparisons(id, artifact.uri, by)
    differ = any(one.differing for one in comparisons)
    return Outcome("differences" if differ else "no differences", comparisons=comparisons)


def _tuning(id: str, found: Mapping[str, Artifact]) -> Outcome:
    from fluentml.results.tuning import read_tuning

    tuning = read_tuning(id, found["TunerResults"].uri)
    count = len(tuning.trials)
    return Outcome(f"{count} trial{'' if count == 1 else 's'}", tunings=(tuning,))


def _evaluation(id: str, found: Mapping[str, Artifact]) -> Outcome:
    from fluentml.results.evaluation import read_evaluation

    blessing = found.get("ModelBlessing")
    flag = blessing.properties.get("blessed") if blessing else None
    blessed = None if flag is None else bool(flag)
    evaluation = read_evaluation(id, found["ModelEvaluation"].uri, blessed)
    return Outcome("blessed" if blessed else "not blessed", evaluations=(evaluation,))


def _infra_validation(id: str, found: Mapping[str, Artifact]) -> Outcome:
    from fluentml.results.infra_validation import read_infra_validation

    artifact = found["InfraBlessing"]
    blessed = bool(artifact.properties.get("blessed"))
    validation = read_infra_validation(id, artifact.uri, blessed)
    return Outcome("blessed" if blessed else "not blessed", infra_validations=(validation,))


def _push(id: str, artifact: Artifact, blame: str) -> Outcome:
    if not artifact.properties.get("pushed"):
        return Outcome("not pushed", pushes=(Push(id, None, blame),))
    destination = artifact.properties.get("pushed_destination")
    return Outcome("pushed", pushes=(Push(id, destination),))


READERS: Mapping[str, Callable[[str, Mapping[str, Artifact]], Outcome]] = {
    "ExampleAnomalies": _validation,
    "TunerResults": _tuning,
    "ModelEvaluation": _evaluation,
    "InfraBlessing": _infra_validation,
}
"""By artifact type, best first."""
