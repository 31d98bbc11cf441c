"""What came of a run: plain values, readable without TFX."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from fluentml.errors import LoadError, did_you_mean, listing
from fluentml.executors.anomalies import Anomaly, Distance
from fluentml.results._comparisons import Comparison as Comparison
from fluentml.results._evaluations import Check as Check
from fluentml.results._evaluations import Plots as Plots
from fluentml.results._shown import Shown
from fluentml.results._summary import in_words
from fluentml.spec import import_needed

if TYPE_CHECKING:
    from fluentml.report.comparing import RunComparison
    from fluentml.results.predictions import Predictions

State: TypeAlias = Literal["done", "cached", "skipped", "failed", "interrupted", "not run"]


@dataclass(frozen=True)
class Artifact:
    """An artifact as ML Metadata knows it.

    Attributes:
        type: TFX's name of its type.
        uri: Its folder.
        properties: Its properties, custom ones included.
        id: Its number there.
    """

    type: str
    uri: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    id: int = 0


@dataclass(frozen=True)
class NodeResult:
    """What came of one node.

    Attributes:
        id: The node's id.
        state: `done`, `cached` (an earlier execution's outputs), `skipped` (a condition was false),
            `failed`, `interrupted` (another one failed) or `not run`.
        seconds: Wall time.
        outputs: Its artifacts by output key.
        note: The outcome in a word or two, such as "blessed".
        changed: What had changed, in words, so that it had to run again: "train_steps 100 → 200";
            of a node that was taken over as it is (`from_=`, `only=`), what has changed since.
    """

    id: str
    state: State
    seconds: float = 0.0
    outputs: Mapping[str, tuple[Artifact, ...]] = field(default_factory=dict)
    note: str = ""
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trial:
    """One trial of a search.

    Attributes:
        id: keras-tuner's id of it.
        score: The objective's value.
        hyperparameters: Values by name; Hyperband adds some of its own, `tuner/…`.
    """

    id: str
    score: float
    hyperparameters: Mapping[str, str | int | float | bool]


class Trials(tuple[Trial, ...]):
    """The trials of a search that succeeded, best first."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        plain = handler.generate_schema(tuple[Trial, ...])
        return core_schema.no_info_after_validator_function(cls, plain)

    def to_pandas(self) -> Any:
        """Return a DataFrame: a row per trial, with the columns `trial`, `score` and the values.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        return self.to_frame()

    def to_frame(self) -> Any:
        """Return a DataFrame, as `to_pandas` does: every table has this method."""
        rows = [
            {"trial": trial.id, "score": trial.score, **trial.hyperparameters} for trial in self
        ]
        return import_needed("pandas").DataFrame(rows)


@dataclass(frozen=True)
class Tuning(Shown):
    """What a tuner found: its id, and the trials, best first."""

    node: str
    trials: Trials


@dataclass(frozen=True)
class Evaluation(Shown):
    """What an evaluator found.

    Attributes:
        node: The evaluator's id.
        metrics: Values over the whole data by metric, named as in the chain.
        slices: Values by slice, such as "trip_start_hour:3", then by metric.
        baseline: Values of the model compared with, over the whole data; empty without one.
        bounds: Each threshold in words, by metric: "at least 0.8".
        blessed: Whether the model passed; None where no threshold asks.
        reasons: Why it did not pass, a sentence each.
        intervals: The least and the greatest of the 95 % interval over the whole data, by metric;
            empty unless the chain asks for them.
        baseline_slices: The baseline's values by slice, then by metric.
        checks: What every threshold asked in every slice, and whether it was met.
        plots: The curves of plot metrics, such as "ConfusionMatrixPlot", over the whole data.
    """

    node: str
    metrics: Mapping[str, float]
    slices: Mapping[str, Mapping[str, float]]
    baseline: Mapping[str, float]
    bounds: Mapping[str, str]
    blessed: bool | None
    reasons: tuple[str, ...] = ()
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    baseline_slices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    plots: tuple[Plots, ...] = ()

    def to_frame(self) -> Any:
        """Return a pandas DataFrame: a row per slice, the whole data first, a column per metric.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        rows = {"": self.metrics, **self.slices}
        return import_needed("pandas").DataFrame.from_dict(rows, orient="index")


@dataclass(frozen=True)
class Validation(Shown):
    """What an example validator found.

    Attributes:
        node: The validator's id.
        anomalies: What is wrong, by feature; each prints as a sentence.
        distances: Every distance to other data that was measured, great or not.
        is_first: Whether `drift` had nothing to compare with: there is no earlier run.
    """

    node: str
    anomalies: tuple[Anomaly, ...] = ()
    distances: tuple[Distance, ...] = ()
    is_first: bool = False

    @property
    def note(self) -> str:
        """The outcome in a few words; none where all is well."""
        count = len(self.anomalies)
        found = f"{count} anomal{'y' if count == 1 else 'ies'}" if count else ""
        first = "no earlier run to compare with" if self.is_first else ""
        return ", ".join(filter(None, (found, first)))

    def to_frame(self) -> Any:
        """Return a pandas DataFrame: a row per distance that was measured.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        return import_needed("pandas").DataFrame(self.distances, columns=Distance._fields)


@dataclass(frozen=True)
class InfraValidation(Shown):
    """What an infra validator found; one with TensorFlow Serving measures nothing.

    Attributes:
        node: The infra validator's id.
        blessed: Whether the model can be served, within the budgets.
        reasons: Why not, a sentence each.
        startup_s: Seconds that loading the model took; None where it did not load.
        memory_mb: The process's peak in MB; None where it did not come to its end.
        latency_ms: By signature that answered well, the milliseconds for an example that
            `percentile` percent of the requests did not exceed.
        percentile: 95 unless the chain says otherwise.
        latencies_ms: By signature, the milliseconds for an example of every request.
    """

    node: str
    blessed: bool
    reasons: tuple[str, ...] = ()
    startup_s: float | None = None
    memory_mb: float | None = None
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    percentile: float | None = None
    latencies_ms: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Push(Shown):
    """What a pusher did: the folder of the new version, or why there is none."""

    node: str
    destination: str | None
    reason: str = ""


@dataclass(frozen=True)
class RunResult(Shown):
    """What came of a run.

    Attributes:
        pipeline: The pipeline's name.
        run_id: The run's id in ML Metadata.
        log: File with all that TensorFlow, Beam and user code printed.
        nodes: By id, in the order of the graph.
        validations: One per example validator or comparison of statistics that ran.
        comparisons: One per pair of splits of each comparison of examples that ran.
        tunings: One per tuner that ran.
        evaluations: One per evaluator that ran.
        infra_validations: One per infra validator that ran.
        pushes: One per pusher that ran.
        resumes: Id of the run that this one went on with.
    """

    pipeline: str
    run_id: str
    log: str
    nodes: Mapping[str, NodeResult]
    validations: tuple[Validation, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    tunings: tuple[Tuning, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    infra_validations: tuple[InfraValidation, ...] = ()
    pushes: tuple[Push, ...] = ()
    resumes: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether every node did its work, now or in an earlier run."""
        return all(node.state in ("done", "cached", "skipped") for node in self.nodes.values())

    @property
    def metrics(self) -> Mapping[str, float]:
        """The first evaluator's values over the whole data; empty where none ran."""
        return self.evaluations[0].metrics if self.evaluations else {}

    @property
    def pushed_model(self) -> str | None:
        """The folder that the first pusher wrote; None where nothing was pushed."""
        return next((push.destination for push in self.pushes if push.destination), None)

    def artifacts(self, output: str) -> tuple[Artifact, ...]:
        """Return the artifacts of an output.

        Args:
            output: An output key, `"model"`, or one node's, `"Trainer.model"`.

        Raises:
            LoadError: No node that ran has such an output.
        """
        id, _, key = output.rpartition(".")
        found = [
            node.outputs[key]
            for node in self.nodes.values()
            if key in node.outputs and id in ("", node.id)
        ]
        if not found:
            names = [f"{node.id}.{key}" for node in self.nodes.values() for key in node.outputs]
            raise LoadError(
                f"No node of this run made {output!r}.",
                f"There are: {listing(names)}.",
                hint=did_you_mean(output, [*names, *(n.partition(".")[2] for n in names)]),
            )
        return tuple(artifact for artifacts in found for artifact in artifacts)

    def trials(self, node: str = "") -> Trials:
        """Return the trials of a search, best first.

        Args:
            node: The tuner's id; the first tuner unless given.

        Raises:
            LoadError: No such tuner ran.
        """
        for tuning in self.tunings:
            if node in ("", tuning.node):
                return tuning.trials
        ids = [tuning.node for tuning in self.tunings]
        raise LoadError(
            f"No tuner {node!r} ran." if node else "No tuner ran.",
            f"Those that did: {listing(ids, 'none')}.",
            hint=did_you_mean(node, ids) or "tune(…) adds one.",
        )

    def predictions(self, node: str | None = None) -> Predictions:
        """Return the predictions of a `bulk_infer` as a table.

        Args:
            node: Id of the node; needed where several made predictions.

        Raises:
            LoadError: There is no such node, there are several, or the model lacked its blessing.
            MissingDependencyError: TFX is not installed.
        """
        made = {n.id: a.uri for n in self.nodes.values() if (a := predictions_among(n.outputs))}
        if not made or (node and node not in made):
            raise LoadError(
                f"No node {node!r} of this run made predictions."
                if node
                else "No node of this run made predictions.",
                f"There are: {listing(made, 'none')}.",
                hint=did_you_mean(node or "", made)
                or ("name one of these." if made else "add bulk_infer(…) to the chain."),
            )
        if not node and len(made) > 1:
            raise LoadError(
                "Several nodes of this run made predictions.",
                f"There are: {listing(made)}.",
                hint=f"name one: result.predictions({next(iter(made))!r}).",
            )
        import_needed("tfx")
        from fluentml.results.predictions import read_predictions

        id = node or next(iter(made))
        return read_predictions(id, made[id])

    def report(self, path: str | os.PathLike[str] = "report.html", card: Any = None) -> Path:
        """Write all that there is to see of the run to one HTML file; return its path.

        The file needs nothing else: it opens without a network, and as an attachment.

        Args:
            path: The file to write.
            card: What its people say of the model, for a model card: a dict with keys such as
                `owners`, `intended_use` and `limitations`, or a YAML file of them.

        Raises:
            BackendError: The run left no record beside its log.
            DefinitionError: The card has a field that there is not, or no such file.
        """
        from fluentml.report import report_result

        return report_result(self, path, card)

    def compare(self, earlier: RunResult) -> RunComparison:
        """Return this run beside an earlier one: parameters, data, metrics by slice, and code.

        A notebook shows the pictures, `print` the text; `write(path)` writes a page.

        Args:
            earlier: The other run, of this pipeline or another.

        Raises:
            BackendError: One of the runs left no record beside its log.
        """
        from fluentml.report import compare_results

        return compare_results(earlier, self)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain values, for JSON."""
        return {
            "pipeline": self.pipeline,
            "run_id": self.run_id,
            "resumes": self.resumes,
            "succeeded": self.succeeded,
            "anomalies": [str(anomaly) for v in self.validations for anomaly in v.anomalies],
            "distances": [d._asdict() for v in self.validations for d in v.distances],
            "comparisons": [comparison.to_dict() for comparison in self.comparisons],
            "trials": {t.node: [asdict(trial) for trial in t.trials] for t in self.tunings},
            "metrics": dict(self.metrics),
            "blessed": self.evaluations[0].blessed if self.evaluations else None,
            "infra_validations": [asdict(validation) for validation in self.infra_validations],
            "pushed_model": self.pushed_model,
            "log": self.log,
            "nodes": [
                {
                    "id": node.id,
                    "state": node.state,
                    "seconds": round(node.seconds, 3),
                    "changed": [*node.changed],
                    "outputs": {
                        key: [artifact.uri for artifact in artifacts]
                        for key, artifacts in node.outputs.items()
                    },
                }
                for node in self.nodes.values()
            ],
        }

    def summary(self) -> str:
        """Return what a person wants to know: anomalies, best trials, metrics, verdicts."""
        return in_words(self)


def predictions_among(outputs: Mapping[str, Sequence[Artifact]]) -> Artifact | None:
    """Return the artifact that holds predictions, as logs of them or as examples with them."""
    logs = [a for artifacts in outputs.values() for a in artifacts if a.type == "InferenceResult"]
    return next(iter([*logs, *outputs.get("output_examples", ())]), None)
