"""BulkInferrer that also writes its predictions as a table."""

from __future__ import annotations

from typing import Any, ClassVar

from tfx.components.bulk_inferrer import component, executor
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.proto import bulk_inferrer_pb2
from tfx.types import standard_artifacts, standard_component_specs
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ExecutionParameter

from fluentml.executors.prediction_table import PredictionTable

OUTPUTS = ("inference_result", "output_examples")


class Executor(executor.Executor):
    """TFX's executor, and then the table; for a model without its blessing there is neither."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Read `examples` and `model`, write the predictions and the table."""
        super().Do(input_dict, output_dict, exec_properties)
        (artifact,) = (made for key in OUTPUTS for made in output_dict.get(key, ()))
        table = PredictionTable(artifact.uri)
        if table.files:
            table.write(exec_properties["write_to"])


class BulkInferrerSpec(standard_component_specs.BulkInferrerSpec):
    """TFX's, and where the table goes."""

    PARAMETERS: ClassVar = {
        **standard_component_specs.BulkInferrerSpec.PARAMETERS,
        "write_to": ExecutionParameter(type=str),
    }


class BulkInferrer(component.BulkInferrer):
    """TFX's BulkInferrer with the executor above."""

    SPEC_CLASS = BulkInferrerSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        write_to: str,
        data_spec: Any = None,
        model_spec: Any = None,
        output_example_spec: Any = None,
        **inputs: BaseChannel,
    ) -> None:
        made = (
            {"output_examples": Channel(type=standard_artifacts.Examples)}
            if output_example_spec
            else {"inference_result": Channel(type=standard_artifacts.InferenceResult)}
        )
        spec = BulkInferrerSpec(
            **inputs,
            **made,
            write_to=write_to,
            data_spec=data_spec or bulk_inferrer_pb2.DataSpec(),
            model_spec=model_spec or bulk_inferrer_pb2.ModelSpec(),
            output_example_spec=output_example_spec,
        )
        # TFX's own __init__ knows no further parameter.
        base_beam_component.BaseBeamComponent.__init__(self, spec=spec)
