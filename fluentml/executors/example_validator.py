"""ExampleValidator with drift and skew, which TFX's own leaves out; it writes the same artifact."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, ClassVar

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx import types
from tfx.components.example_validator import executor as tfx_executor
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import io_utils, writer_utils

from fluentml.errors import DataError, listing
from fluentml.executors.anomalies import judge
from fluentml.executors.features import feature_of
from fluentml.executors.statistics import NUMBERS, TEXT, kind_of, load

NAMES = {"drift": "previous", "skew": "serving"}
"""How TFDV's sentences call what the data are compared with."""

IN_WORDS = {TEXT: "text", NUMBERS: "numbers", None: "no values"}


class ExampleValidatorSpec(component_spec.ComponentSpec):
    """What the component takes; dicts and lists travel as JSON."""

    PARAMETERS: ClassVar = {
        name: component_spec.ExecutionParameter(type=str)
        for name in ("drift", "skew", "serving_split", "environment", "fail_on", "exclude_splits")
    }
    INPUTS: ClassVar = {
        "statistics": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "schema": component_spec.ChannelParameter(type=standard_artifacts.Schema),
        "previous_statistics": component_spec.ChannelParameter(
            type=standard_artifacts.ExampleStatistics, optional=True
        ),
        "serving_statistics": component_spec.ChannelParameter(
            type=standard_artifacts.ExampleStatistics, optional=True
        ),
    }
    OUTPUTS: ClassVar = {
        "anomalies": component_spec.ChannelParameter(type=standard_artifacts.ExampleAnomalies)
    }


class Executor(base_executor.BaseExecutor):
    """Validate every split against the schema, and against other statistics."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Write the anomalies; then, if `fail_on` says so, raise them.

        Raises:
            DataError: The data have anomalies of the kind that `fail_on` names, or a feature to
                compare is not in the schema.
        """
        statistics, output = input_dict["statistics"][0], output_dict["anomalies"][0]
        excluded = json.loads(exec_properties["exclude_splits"])
        by_split = {
            split: stats for split, stats in load(statistics).items() if split not in excluded
        }
        schema_folder = artifact_utils.get_single_uri(input_dict["schema"])
        schema = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(schema_folder))
        environment = _known_environment(schema, exec_properties["environment"])
        others = {
            "drift": Others(_load_first(input_dict, "previous_statistics")),
            "skew": _serving(input_dict, exec_properties["serving_split"]),
        }
        thresholds = {kind: json.loads(exec_properties[kind]) for kind in NAMES}
        anomalies = {
            split: validate(split, stats, schema, others, thresholds, environment)
            for split, stats in by_split.items()
        }
        _write(anomalies, statistics, output)
        previous = input_dict.get("previous_statistics")
        if thresholds["drift"]:
            output.set_string_custom_property("previous", previous[0].uri if previous else "")
        judge(anomalies, exec_properties["fail_on"])


class ExampleValidator(base_component.BaseComponent):
    """The component; its parameters are those of `fluentml.components.ExampleValidator`."""

    SPEC_CLASS = ExampleValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        drift: Mapping[str, float],
        skew: Mapping[str, float],
        exclude_splits: tuple[str, ...],
        **parameters: Any,
    ) -> None:
        super().__init__(
            ExampleValidatorSpec(
                drift=json.dumps(dict(drift), sort_keys=True),
                skew=json.dumps(dict(skew), sort_keys=True),
                exclude_splits=json.dumps(list(exclude_splits)),
                anomalies=types.Channel(type=standard_artifacts.ExampleAnomalies),
                **parameters,
            )
        )


class Others:
    """Other statistics by split, and which of them a split is compared with."""

    def __init__(self, by_split: Mapping[str, Any], one: str | None = None) -> None:
        self.by_split, self.one = by_split, one

    def of(self, split: str) -> Any:
        """Return the statistics of the one split that counts, else of the split of that name."""
        names = [*self.by_split]
        return self.by_split.get(self.one or (names[0] if len(names) == 1 else split))

    def concern(self, split: str) -> bool:
        """Return whether there is anything to compare: a split is not compared with itself."""
        return bool(self.by_split) and split != self.one


def _serving(input_dict: Mapping[str, Any], serving_split: str) -> Others:
    others = _load_first(input_dict, "serving_statistics")
    if not others:
        return Others(_load_first(input_dict, "statistics"), serving_split)
    # Of other data, a split of the same name is not the same split.
    return Others({"": others[serving_split]} if serving_split in others else others)


def _load_first(input_dict: Mapping[str, Any], key: str) -> dict[str, Any]:
    artifacts = input_dict.get(key)
    return load(artifacts[0]) if artifacts else {}


def validate(
    split: str,
    statistics: Any,
    schema: Any,
    others: Mapping[str, Others],
    thresholds: Mapping[str, Mapping[str, float]],
    environment: str | None = None,
) -> Any:
    """Return TFDV's anomalies of a split, with those that it passes over in silence.

    Args:
        split: Its name.
        statistics: What to validate.
        schema: The schema; comparators are added to a copy.
        others: What to compare with, for "drift" and for "skew".
        thresholds: The greatest distances by feature, for both.
        environment: Which of the schema's environments the data are of; None takes the whole.
    """
    watching = type(schema).FromString(schema.SerializeToString())
    compared = {kind: other for kind, other in others.items() if other.concern(split)}
    for kind in NAMES:
        for feature, threshold in thresholds[kind].items():
            comparator = getattr(feature_of(watching, feature, kind), f"{kind}_comparator")
            comparator.Clear()
            # The wrong measure is no error to TFDV: it finds the distance 0.
            is_text = kind_of(statistics, feature) == TEXT
            measure = "infinity_norm" if is_text else "jensen_shannon_divergence"
            getattr(comparator, measure).threshold = threshold
    anomalies = tfdv.validate_statistics(
        statistics,
        watching,
        environment,
        **{
            f"{NAMES[kind]}_statistics": other.of(split)
            for kind, other in compared.items()
            if thresholds[kind]
        },
    )
    for kind, other in compared.items():
        for feature in thresholds[kind]:
            _tell_if_unmeasured(anomalies, feature, kind, split, statistics, other)
    return anomalies


def _known_environment(schema: Any, name: str) -> str | None:
    if name and name not in schema.default_environment:
        raise DataError(
            f"environment= names {name!r}, which the schema does not know.",
            f"It knows: {listing(schema.default_environment)}.",
            hint='curate_schema(label="…") adds the environments TRAINING and SERVING.',
        )
    return name or None


def _tell_if_unmeasured(
    anomalies: Any, feature: str, kind: str, split: str, statistics: Any, other: Others
) -> None:
    """Add an anomaly where no distance was measured and TFDV says nothing about it."""
    measured = any(
        [*info.path.step] == [feature] and getattr(info, f"{kind}_measurements")
        for info in anomalies.drift_skew_info
    )
    told = anomalies.anomaly_info.get(feature)
    missing = anomalies_pb2.AnomalyInfo.COMPARATOR_CONTROL_DATA_MISSING
    gone = anomalies_pb2.AnomalyInfo.COMPARATOR_TREATMENT_DATA_MISSING
    if measured or (told and any(reason.type in (missing, gone) for reason in told.reason)):
        return
    name, before = NAMES[kind], other.of(split)
    if before is None:
        why = f"the {name} statistics have the splits {listing(other.by_split)}"
    else:
        now, then = (kind_of(stats, feature) for stats in (statistics, before))
        why = f"{IN_WORDS.get(now, now)} here, {IN_WORDS.get(then, then)} in the {name} statistics"
    info = anomalies.anomaly_info[feature]
    info.path.step[:] = [feature]
    info.severity = anomalies_pb2.AnomalyInfo.ERROR
    short = f"no distance to the {name} statistics"
    info.reason.add(
        type=missing,
        short_description=short,
        description=f"The distance to the {name} statistics cannot be measured: {why}.",
    )
    info.short_description = short if len(info.reason) == 1 else "Multiple errors"
    info.description = " ".join(reason.description for reason in info.reason)


def _write(anomalies: Mapping[str, Any], statistics: Any, output: Any) -> None:
    """Write what TFX's ExampleValidator writes, and where."""
    output.split_names = artifact_utils.encode_split_names([*anomalies])
    output.span = statistics.span
    blessed = {}
    for split, message in anomalies.items():
        folder = artifact_utils.get_split_uri([output], split)
        file = os.path.join(folder, tfx_executor.DEFAULT_FILE_NAME)  # noqa: PTH118 (URI)
        writer_utils.write_anomalies(file, message)
        is_clean = not message.anomaly_info and not message.HasField("dataset_anomaly_info")
        blessed[split] = int(is_clean)
    output.set_json_value_custom_property(tfx_executor.ARTIFACT_PROPERTY_BLESSED_KEY, blessed)
