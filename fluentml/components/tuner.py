"""Tuner: the search for hyperparameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator
from typing_extensions import Self

from fluentml.components import _sources
from fluentml.components._steps import TrainingSteps
from fluentml.spec import Input, Proto, proto_of, thaw


class Tuner(TrainingSteps):
    """Run the search that `tuner_fn(fn_args)` sets up; keep the best hyperparameters.

    Attributes:
        parallel_trials: How many trials run at a time, at least 1: more than one by as many
            processes of this machine, or machines of the job on Vertex AI.
        tune_args: TFX's `tuner_pb2.TuneArgs`, instead of the number.
    """

    VERB: ClassVar[str] = "tune"
    LOWERED_TO: ClassVar[str] = "Tuner; with `parallel_trials` ours"
    RUNS_HERE: ClassVar[str] = "yes; with `vertex` given Google Cloud credentials"
    FUNCTION: ClassVar[str] = "tuner_fn"
    PARAMETERS: ClassVar[tuple[str, ...]] = ("fn_args",)
    INPUTS: ClassVar[Mapping[str, Input]] = {
        "examples": Input(type="Examples", sources=_sources.TRAINING_EXAMPLES),
        "schema": Input(type="Schema", sources=_sources.SCHEMA, optional=True),
        "transform_graph": Input(
            type="TransformGraph", sources=_sources.TRANSFORM_GRAPH, optional=True
        ),
        "base_model": Input(type="Model", sources=_sources.BASE_MODEL, optional=True),
    }
    OUTPUTS: ClassVar[Mapping[str, str]] = {
        "best_hyperparameters": "HyperParameters",
        "tuner_results": "TunerResults",
    }

    parallel_trials: Annotated[int, Field(ge=1)] = 1
    tune_args: Annotated[Proto | None, proto_of("tfx.components.tuner.TuneArgs")] = None

    @model_validator(mode="after")
    def _number_or_proto(self) -> Self:
        if self.tune_args and self.parallel_trials > 1:
            raise ValueError("takes parallel_trials=, or the proto tune_args=, not both")
        return self

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Tuner, or the one of its kind that does what is asked for.

        With trials side by side it is ours, and with `vertex` TFX's own, whose executor starts a
        job and waits.
        """
        from tfx.proto import tuner_pb2

        arguments = {**inputs, **self.module_arguments(), **self.step_arguments()}
        if self.tune_args or self.parallel_trials > 1:
            number = tuner_pb2.TuneArgs(num_parallel_trials=self.parallel_trials)
            arguments["tune_args"] = self.tune_args.message() if self.tune_args else number
        if self.vertex:
            from tfx.extensions.google_cloud_ai_platform.tuner import component as vertex
            from tfx.extensions.google_cloud_ai_platform.tuner.executor import TUNING_ARGS_KEY

            machines = arguments["tune_args"].num_parallel_trials if "tune_args" in arguments else 1
            config = self.config_with_job(TUNING_ARGS_KEY, machines)
            return vertex.Tuner(**arguments, custom_config=config)
        arguments["custom_config"] = thaw(self.custom_config)
        if "tune_args" in arguments:
            from fluentml.executors.tuner import Tuner as ParallelTuner

            return ParallelTuner(**arguments)
        from tfx.components.tuner import component

        return component.Tuner(**arguments)
