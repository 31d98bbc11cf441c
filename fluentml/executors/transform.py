"""TFX's Transform, which tells what is wrong with a `preprocessing_fn` in the user's own words.

TFX traces the function before it reads an example, and what TensorFlow then says of it names
attributes of None and lines of its own.
"""

from __future__ import annotations

import contextlib
import functools
import traceback
from collections.abc import Callable, Mapping
from typing import Any
from unittest import mock

import tensorflow as tf
from apache_beam.pipeline import AppliedPTransform
from tfx.components.transform import executor

from fluentml.errors import DefinitionError, defined_at, did_you_mean, listing

TENSORS = (tf.Tensor, tf.SparseTensor, tf.RaggedTensor)

SAID = {
    "as a Python `bool`": (
        "asks in Python whether a tensor is true, and it has no value yet",
        "write tf.where(condition, a, b) in place of if, and & for and.",
    ),
    "to a numpy array": (
        "gives a tensor to NumPy or to Python, and it has no value yet",
        "call TensorFlow's function: tf.math.log in place of np.log.",
    ),
    "tf.string": (
        "reckons with a column of text",
        "make numbers of it first: tft.compute_and_apply_vocabulary(…).",
    ),
    "SparseTensor": (
        "uses a sparse column, which can miss values, as if it were dense",
        "fluentml.training.fill_missing(…) puts a value where there is none.",
    ),
}
"""What stands in TensorFlow's message, to what the function does and what to do."""


def second_passes() -> contextlib.AbstractContextManager[Any]:
    """Let an analysis read what another one found, which takes a second pass over the data.

    TensorFlow Transform 1.16 copies the reading for it, and leaves out two arguments that Beam has
    asked for since 2.55: there TFX's own Transform ends in a TypeError.
    """
    return mock.patch.object(AppliedPTransform.__init__, "__defaults__", (None, None))


class Executor(executor.Executor):
    """Call the user's function within what checks it."""

    def Do(  # noqa: N802 (TFX's name)
        self, input_dict: Any, output_dict: Any, exec_properties: Any
    ) -> None:
        """Do what TFX's does."""
        with second_passes():
            super().Do(input_dict, output_dict, exec_properties)

    def _GetPreprocessingFn(  # noqa: N802 (TFX's name)
        self, inputs: Mapping[str, Any], unused_outputs: Mapping[str, Any]
    ) -> Callable[..., Any]:
        return checked(super()._GetPreprocessingFn(inputs, unused_outputs))


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a `preprocessing_fn` that raises a DefinitionError where it is wrong."""
    user = function.func if isinstance(function, functools.partial) else function

    def preprocessing_fn(inputs: Mapping[str, Any]) -> Any:
        columns = sorted(inputs)
        try:
            outputs = function(inputs)
        except Exception as error:
            problem = _problem(user, error, columns)
            if problem is None:
                raise
            raise problem.with_traceback(error.__traceback__) from None
        _check(user, outputs)
        return outputs

    return preprocessing_fn


def _problem(user: Any, error: Exception, columns: list[str]) -> DefinitionError | None:
    """Return what an error means; None where its own words say it best."""
    name = error.args[0] if isinstance(error, KeyError) and error.args else None
    last = traceback.extract_tb(error.__traceback__)[-1].filename
    if isinstance(name, str) and name not in columns and last == _file(user):
        return DefinitionError(
            f"preprocessing_fn reads the column {name!r}, which does not exist.",
            f"There are: {listing(columns)}.",
            hint=did_you_mean(name, columns) or "take one of these.",
        )
    if isinstance(error, TypeError | ValueError | NotImplementedError):
        for said, (what, hint) in SAID.items():
            if said in str(error):
                return DefinitionError(f"preprocessing_fn {what}.", hint=hint)
    return None


def _file(user: Any) -> str:
    code = getattr(user, "__code__", None)
    return code.co_filename if code else ""


def _check(user: Any, outputs: Any) -> None:
    if not isinstance(outputs, Mapping):
        is_nothing, is_one = outputs is None, isinstance(outputs, TENSORS)
        what = "one tensor" if is_one else f"a {type(outputs).__name__}"
        raise DefinitionError(
            f"preprocessing_fn returns {None if is_nothing else what}, not a dict of tensors by "
            "feature.",
            *defined_at(user),
            hint="end it with: return outputs" if is_nothing else 'write return {"…": …}.',
        )
    for name, value in outputs.items():
        if not isinstance(value, TENSORS):
            raise DefinitionError(
                f"preprocessing_fn returns a {type(value).__name__} for {name!r}, not a tensor.",
                *defined_at(user),
                hint=f'make a value of each example: tf.fill(tf.shape(inputs["…"]), {value!r}).'
                if isinstance(value, int | float | str)
                else "return a tensor with a value of each example.",
            )
        if value.shape.rank == 0:
            raise DefinitionError(
                f"preprocessing_fn returns one number for {name!r}, not one of each example.",
                *defined_at(user),
                hint=f'spread it: tf.fill(tf.shape(inputs["…"]), {name}).',
            )


CLASS_PATH = f"{Executor.__module__}.{Executor.__qualname__}"
STOCK_CLASS_PATH = f"{executor.Executor.__module__}.{executor.Executor.__qualname__}"
