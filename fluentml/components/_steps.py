"""Training and evaluation steps, as Trainer and Tuner take them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator
from typing_extensions import Self

from fluentml.components._google_cloud import VertexJob, with_known_keys
from fluentml.components._here import without_credentials
from fluentml.components._user_code import UserCode
from fluentml.errors import BackendError
from fluentml.spec import Proto, proto_of, thaw

# TFX's own defaults, which it wants left out.
TRAIN_SPLITS = ("train",)
EVAL_SPLITS = ("eval",)


class TrainingSteps(UserCode):
    """A component that trains: for how many steps, on which splits.

    Attributes:
        train_steps: Batches to train on, at least 1; None leaves it to the function.
        eval_steps: Batches to evaluate on, at least 1; None leaves it to the function.
        train_splits: Splits to train on.
        eval_splits: Splits to evaluate on.
        train_args: TFX's `trainer_pb2.TrainArgs`, instead of the plain values.
        eval_args: TFX's `trainer_pb2.EvalArgs`, instead of the plain values.
        vertex: A custom job of Vertex AI to do it in; None, where the step runs.
    """

    train_steps: Annotated[int, Field(ge=1)] | None = None
    eval_steps: Annotated[int, Field(ge=1)] | None = None
    train_splits: tuple[str, ...] = TRAIN_SPLITS
    eval_splits: tuple[str, ...] = EVAL_SPLITS
    train_args: Annotated[Proto | None, proto_of("tfx.components.trainer.TrainArgs")] = None
    eval_args: Annotated[Proto | None, proto_of("tfx.components.trainer.EvalArgs")] = None
    vertex: VertexJob | None = None

    @field_validator("vertex", mode="before")
    @classmethod
    def _keys_of_vertex(cls, value: Any) -> Any:
        return with_known_keys(VertexJob, cls.VERB, "vertex", value)

    @model_validator(mode="after")
    def _one_executor(self) -> Self:
        if self.vertex and self.executor:
            raise ValueError("takes executor= or vertex=, whose executor starts a job, not both")
        return self

    @model_validator(mode="after")
    def _plain_or_proto(self) -> Self:
        for phase, splits in (("train", TRAIN_SPLITS), ("eval", EVAL_SPLITS)):
            plain = getattr(self, f"{phase}_steps") or getattr(self, f"{phase}_splits") != splits
            if getattr(self, f"{phase}_args") and plain:
                raise ValueError(
                    f"takes {phase}_steps= and {phase}_splits=, or the proto {phase}_args=, "
                    "not both"
                )
        return self

    def step_arguments(self) -> dict[str, Any]:
        """Return TFX's `train_args` and `eval_args`."""
        from tfx.proto import trainer_pb2

        train_splits = self.train_splits if self.train_splits != TRAIN_SPLITS else ()
        eval_splits = self.eval_splits if self.eval_splits != EVAL_SPLITS else ()
        return {
            "train_args": self.train_args.message()
            if self.train_args
            else trainer_pb2.TrainArgs(splits=train_splits, num_steps=self.train_steps),
            "eval_args": self.eval_args.message()
            if self.eval_args
            else trainer_pb2.EvalArgs(splits=eval_splits, num_steps=self.eval_steps),
        }

    @property
    def needs_google_cloud(self) -> str | None:
        """The service of Google Cloud that the step calls, if it calls one."""
        return "Vertex AI" if self.vertex else None

    def missing_here(self) -> Iterator[BackendError]:
        """Yield that Google's libraries find no account, where one is needed."""
        yield from super().missing_here()
        if self.needs_google_cloud:
            yield from without_credentials(self.verb)

    def config_with_job(self, key: str, machines: int = 1) -> dict[str, Any]:
        """Return `custom_config` with the job of Vertex AI in it, which there has to be.

        Args:
            key: By which of its keys TFX takes the job.
            machines: How many machines the job has.
        """
        assert self.vertex is not None
        return {**(thaw(self.custom_config) or {}), **self.vertex.custom_config(key, machines)}
