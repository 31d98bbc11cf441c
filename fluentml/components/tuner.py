"""Tuner: the search for hyperparameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from fluentml.components import _sources
from fluentml.components._steps import TrainingSteps
from fluentml.spec import Input, Proto, proto_of, thaw


class Tuner(TrainingSteps):
    """Run the search that `tuner_fn(fn_args)` sets up; keep the best hyperparameters.

    Attributes:
        tune_args: TFX's `tuner_pb2.TuneArgs`.
    """

    VERB: ClassVar[str] = "tune"
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

    tune_args: Annotated[Proto | None, proto_of("tfx.components.tuner.TuneArgs")] = None

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Tuner."""
        from tfx.components.tuner import component

        return component.Tuner(
            **inputs,
            **self.module_arguments(),
            **self.step_arguments(),
            tune_args=self.tune_args and self.tune_args.message(),
            custom_config=thaw(self.custom_config),
        )
