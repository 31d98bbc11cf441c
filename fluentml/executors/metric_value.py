"""One metric of a ModelEvaluation artifact as a Float artifact, which conditions can look at."""

from __future__ import annotations

from typing import Any, ClassVar

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.writers import eval_config_writer
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from fluentml.errors import DataError, did_you_mean, listing
from fluentml.executors.evaluations import CANDIDATE, number, of_output


class Executor(base_executor.BaseExecutor):
    """Write the metric's value."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Read `evaluation`, write `value`.

        Raises:
            DataError: The evaluation has no such metric, or no number for it.
        """
        uri = artifact_utils.get_single_uri(input_dict["evaluation"])
        values = whole(uri)
        name, key = exec_properties["metric"], exec_properties["key"]
        if key not in values:
            raise DataError(
                f"the evaluation has no number for {name!r} (TFMA's {key!r}).",
                f"It has: {listing(values)}.",
                hint=did_you_mean(key, values) or "add it to metrics= of evaluate_model().",
            )
        found = artifact_utils.get_single_instance(output_dict["value"])
        found.value = values[key]
        # Conditions on Vertex AI and Kubeflow see properties only.
        found.set_float_custom_property("value", values[key])


def whole(uri: str) -> dict[str, float]:
    """Return the numbers of an evaluation over the data as a whole, by TFMA's keys.

    Args:
        uri: The folder of a ModelEvaluation artifact.
    """
    _, _, _, models = eval_config_writer.load_eval_run(uri)
    result = tfma.load_eval_result(uri, model_name=CANDIDATE if CANDIDATE in models else None)
    return {
        of_output(output, key): found
        for slice_key, outputs in result.slicing_metrics
        if not slice_key
        for output, by_class in outputs.items()
        for metrics in by_class.values()
        for key, value in metrics.items()
        if (found := number(value)) is not None
    }


class MetricValueSpec(ComponentSpec):
    """What the component takes."""

    PARAMETERS: ClassVar = {
        "metric": ExecutionParameter(type=str),
        "key": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar = {"evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation)}
    OUTPUTS: ClassVar = {"value": ChannelParameter(type=standard_artifacts.Float)}


class MetricValue(base_component.BaseComponent):
    """The TFX component of this executor; `fluentml.components.MetricValue` documents it."""

    SPEC_CLASS = MetricValueSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, evaluation: BaseChannel, **parameters: Any) -> None:
        value = Channel(type=standard_artifacts.Float)
        super().__init__(MetricValueSpec(evaluation=evaluation, value=value, **parameters))
