"""Trainer: the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fluentml.components import _sources
from fluentml.components._steps import TrainingSteps
from fluentml.spec import Input, thaw


class Trainer(TrainingSteps):
    """Run `run_fn(fn_args)`, which trains a model and saves it to `fn_args.serving_model_dir`."""

    VERB: ClassVar[str] = "train"
    FUNCTION: ClassVar[str] = "run_fn"
    PARAMETERS: ClassVar[tuple[str, ...]] = ("fn_args",)
    INPUTS: ClassVar[Mapping[str, Input]] = {
        "examples": Input(type="Examples", sources=_sources.TRAINING_EXAMPLES),
        "transform_graph": Input(
            type="TransformGraph", sources=_sources.TRANSFORM_GRAPH, optional=True
        ),
        "schema": Input(type="Schema", sources=_sources.SCHEMA, optional=True),
        "base_model": Input(type="Model", sources=_sources.BASE_MODEL, optional=True),
        "hyperparameters": Input(
            type="HyperParameters", sources=_sources.HYPERPARAMETERS, optional=True
        ),
    }
    OUTPUTS: ClassVar[Mapping[str, str]] = {"model": "Model", "model_run": "ModelRun"}

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Trainer."""
        from tfx.components.trainer import component

        return component.Trainer(
            **inputs,
            **self.module_arguments(),
            **self.step_arguments(),
            custom_config=thaw(self.custom_config),
        )
