"""Training and evaluation steps, as Trainer and Tuner take them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator
from typing_extensions import Self

from fluentml.components._user_code import UserCode
from fluentml.spec import Proto, proto_of

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
    """

    train_steps: Annotated[int, Field(ge=1)] | None = None
    eval_steps: Annotated[int, Field(ge=1)] | None = None
    train_splits: tuple[str, ...] = TRAIN_SPLITS
    eval_splits: tuple[str, ...] = EVAL_SPLITS
    train_args: Annotated[Proto | None, proto_of("tfx.components.trainer.TrainArgs")] = None
    eval_args: Annotated[Proto | None, proto_of("tfx.components.trainer.EvalArgs")] = None

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
