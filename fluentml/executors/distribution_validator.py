"""DistributionValidator that chooses each feature's measure itself, and may stop the run.

With the measure that does not fit a feature, TensorFlow Data Validation finds the distance 0; which
one fits is only known from the statistics.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx import types
from tfx.components.distribution_validator import executor as tfx_executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from fluentml.errors import DataError, did_you_mean, listing
from fluentml.executors.anomalies import COMPARISON, judge
from fluentml.executors.statistics import TEXT, features_of, kind_of, load, splits_of

CONFIG = standard_component_specs.DISTRIBUTION_VALIDATOR_CONFIG_KEY
PAIRS = standard_component_specs.INCLUDE_SPLIT_PAIRS_KEY


class DistributionValidatorSpec(standard_component_specs.DistributionValidatorSpec):
    """What TFX's component takes, and what stops the run; a first run has no baseline."""

    PARAMETERS: ClassVar = {
        **standard_component_specs.DistributionValidatorSpec.PARAMETERS,
        "choose_measure": component_spec.ExecutionParameter(type=int),
        "fail_on": component_spec.ExecutionParameter(type=str),
    }
    INPUTS: ClassVar = {
        **standard_component_specs.DistributionValidatorSpec.INPUTS,
        "baseline_statistics": component_spec.ChannelParameter(
            type=standard_artifacts.ExampleStatistics, optional=True
        ),
    }


class Executor(tfx_executor.Executor):
    """TFX's, given for each feature the one measure that fits it."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> Any:
        """Write the anomalies; then, if `fail_on` says so, raise them.

        Raises:
            DataError: The data have anomalies and `fail_on` names them, or a split or feature to
                compare is in neither.
        """
        inputs = {"baseline_statistics": [], **input_dict}
        properties = dict(exec_properties)
        pairs: list[tuple[str, str]] = []
        if inputs["baseline_statistics"]:
            statistics, baseline = inputs["statistics"][0], inputs["baseline_statistics"][0]
            pairs = split_pairs(json.loads(properties[PAIRS]), statistics, baseline)
            properties[PAIRS] = json_utils.dumps(pairs)
            for artifact in (statistics, baseline):
                artifact.split_names = artifact_utils.encode_split_names(splits_of(artifact))
            if properties["choose_measure"]:
                keep_one_measure(properties[CONFIG], [*load(statistics).values()])
        done = super().Do(inputs, output_dict, properties)
        (output,) = output_dict["anomalies"]
        judge(_by_pair(output.uri, pairs), properties["fail_on"], COMPARISON)
        return done


class DistributionValidator(base_component.BaseComponent):
    """The component; its parameters are those of `fluentml.components.DistributionValidator`."""

    SPEC_CLASS = DistributionValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        config: Any,
        choose_measure: bool,
        include_split_pairs: list[tuple[str, str]],
        **parameters: Any,
    ) -> None:
        super().__init__(
            DistributionValidatorSpec(
                **{CONFIG: config, PAIRS: json.dumps(include_split_pairs)},
                choose_measure=int(choose_measure),
                anomalies=types.Channel(type=standard_artifacts.ExampleAnomalies),
                **parameters,
            )
        )


def split_pairs(
    asked: list[list[str]], statistics: types.Artifact, baseline: types.Artifact
) -> list[tuple[str, str]]:
    """Return the pairs of splits to compare.

    Args:
        asked: Those that the chain names; if it names none, those of the same name, and of other
            data with one split that one.
        statistics: The artifact of the data.
        baseline: The artifact of the other data.

    Raises:
        DataError: There is no such split, or none to compare.
    """
    here, there = splits_of(statistics), splits_of(baseline)
    lone = there[0] if len(there) == 1 else None
    same = [(split, lone or split) for split in here if lone or split in there]
    pairs = [(one, two) for one, two in asked] or same
    if pairs and all(one in here and two in there for one, two in pairs):
        return pairs
    wanted = ", ".join(f"{one!r} against {two!r}" for one, two in asked)
    raise DataError(
        f"split_pairs= asks for {wanted}, and not all of these splits are there."
        if asked
        else "the two data sets have no split of the same name.",
        f"The statistics have {listing(here)}; what they are compared with has {listing(there)}.",
        hint='say which to compare: split_pairs=[("train", "…")].',
    )


def keep_one_measure(config: Any, statistics: list[Any]) -> None:
    """Leave each feature the comparator that fits: L-infinity for text, else Jensen-Shannon.

    Args:
        config: TFX's `DistributionValidatorConfig`, changed in place.
        statistics: Those of the data, a message per split.

    Raises:
        DataError: The data have no such feature.
    """
    known = {name for message in statistics for name in features_of(message)}
    for feature in config.default_slice_config.feature:
        name = ".".join(feature.path.step)
        if name not in known:
            raise DataError(
                f"thresholds= names {name!r}, and the statistics have no such feature.",
                f"They have: {listing(sorted(known))}.",
                hint=did_you_mean(name, known) or "name a feature of the data.",
            )
        is_text = any(kind_of(message, name) == TEXT for message in statistics)
        other = "jensen_shannon_divergence" if is_text else "infinity_norm"
        feature.distribution_comparator.ClearField(other)


def _by_pair(uri: str, pairs: list[tuple[str, str]]) -> dict[str, Any]:
    by_pair = {}
    for one, two in pairs:
        path = f"{uri}/SplitPair-{one}_{two}/{tfx_executor.DEFAULT_FILE_NAME}"
        with fileio.open(path, "rb") as file:
            by_pair[f"{one} against {two}"] = anomalies_pb2.Anomalies.FromString(file.read())
    return by_pair
