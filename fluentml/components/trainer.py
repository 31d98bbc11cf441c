"""Trainer: the model."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any, ClassVar

from pydantic import model_validator
from typing_extensions import Self

from fluentml.component import Component
from fluentml.components import _sources
from fluentml.components._steps import TrainingSteps
from fluentml.components.resolver import LastModel
from fluentml.spec import Input, thaw


class Trainer(TrainingSteps):
    """Run `run_fn(fn_args)`, which trains a model and saves it to `fn_args.serving_model_dir`.

    Attributes:
        warm_start: Whether the last model that this node made is the base model, unless the chain
            imports one.
    """

    VERB: ClassVar[str] = "train"
    LOWERED_TO: ClassVar[str] = "Trainer; with `warm_start` also a Resolver"
    RUNS_HERE: ClassVar[str] = "yes; with `vertex` given Google Cloud credentials"
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

    warm_start: bool = False

    @model_validator(mode="after")
    def _one_base_model(self) -> Self:
        if self.warm_start and "base_model" in self.inputs:
            raise ValueError("takes warm_start= or inputs={'base_model': …}, not both")
        return self

    def settled(self, roles: Set[str]) -> Self:
        """Return the spec without a warm start where the chain imports a base model."""
        imported = any(source.partition(".")[0] in roles for source in _sources.BASE_MODEL)
        return self.model_copy(update={"warm_start": False}) if imported else self

    def companions(self) -> Mapping[str, Component]:
        """Return what finds the model to start from."""
        if not self.warm_start:
            return {}
        return {"base_model": LastModel(id=f"{self.id}_last_model", maker=self.id)}

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Trainer; with `vertex` the one whose executor starts a job and waits."""
        arguments = {**inputs, **self.module_arguments(), **self.step_arguments()}
        if self.vertex:
            from tfx.extensions.google_cloud_ai_platform.trainer import component as vertex
            from tfx.extensions.google_cloud_ai_platform.trainer.executor import TRAINING_ARGS_KEY

            config = self.config_with_job(TRAINING_ARGS_KEY)
            return vertex.Trainer(**arguments, custom_config=config)
        from tfx.components.trainer import component

        return component.Trainer(**arguments, custom_config=thaw(self.custom_config))
