"""Trainer and Tuner for a smoke run: the user's code as it is, over a few batches and trials."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import keras
import keras_tuner
import tf_keras
from tfx.components.trainer import executor as trainer

from fluentml.executors import tuner

STEPS, TRIALS = 2, 2


class Trainer(trainer.GenericExecutor):
    """TFX's executor; Keras fits for one epoch of a few batches, whatever it is asked for."""

    def Do(self, *args: Any, **options: Any) -> None:  # noqa: N802 (TFX's name)
        """Call the user's `run_fn`."""
        with few_steps():
            super().Do(*args, **options)


class Tuner(tuner.Executor):
    """Our executor; keras-tuner also ends after a few trials."""

    def Do(self, *args: Any, **options: Any) -> None:  # noqa: N802 (TFX's name)
        """Search."""
        with few_steps(), few_trials():
            super().Do(*args, **options)


@contextlib.contextmanager
def few_steps() -> Iterator[None]:
    """Let `fit` of Keras 3 and tf_keras models take one epoch of a few batches."""
    with _replaced(keras.Model, "fit", _briefly), _replaced(tf_keras.Model, "fit", _briefly):
        yield


@contextlib.contextmanager
def few_trials() -> Iterator[None]:
    """Let every search of keras-tuner end after a few trials."""
    base = next(kind for kind in keras_tuner.Tuner.__mro__[::-1] if "search" in vars(kind))
    with _replaced(base, "search", _first_trials):
        yield


@contextlib.contextmanager
def _replaced(kind: Any, name: str, change: Callable[[Any], Any]) -> Iterator[None]:
    own = vars(kind).get(name)
    setattr(kind, name, change(getattr(kind, name)))
    try:
        yield
    finally:
        if own is None:
            delattr(kind, name)
        else:
            setattr(kind, name, own)


def _briefly(fit: Any) -> Any:
    signature = inspect.signature(fit)

    @functools.wraps(fit)
    def briefly(*args: Any, **options: Any) -> Any:
        call = signature.bind(*args, **options)
        given = call.arguments
        given["epochs"] = min(given.get("epochs", 1), given.get("initial_epoch", 0) + 1)
        given["steps_per_epoch"] = min(given.get("steps_per_epoch") or STEPS, STEPS)
        if given.get("validation_data") is not None:
            given["validation_steps"] = min(given.get("validation_steps") or STEPS, STEPS)
        return fit(*call.args, **call.kwargs)

    return briefly


def _first_trials(search: Any) -> Any:
    @functools.wraps(search)
    def first_trials(self: Any, *args: Any, **options: Any) -> Any:
        # Hyperband and an unbounded grid have no number of their own.
        self.oracle.max_trials = min(self.oracle.max_trials or TRIALS, TRIALS)
        return search(self, *args, **options)

    return first_trials
