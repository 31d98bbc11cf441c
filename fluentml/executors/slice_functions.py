"""Slices by functions of the user's: each becomes a feature, by which TFMA slices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis import constants
from tensorflow_model_analysis import extractors as tfma_extractors
from tensorflow_model_analysis.api import model_eval_lib
from tensorflow_model_analysis.extractors import slice_key_extractor

from fluentml.errors import DefinitionError, defined_at, did_you_mean, listing

Array: TypeAlias = np.ndarray[Any, Any]
SliceFunction: TypeAlias = Callable[[Mapping[str, Any]], Any]


class Row(dict[str, Any]):
    """The raw features of an example: a number or text, a list of several, None for none."""

    def __missing__(self, name: str) -> Any:
        raise DefinitionError(
            f"a slice function reads the feature {name!r}, which does not exist.",
            f"There are: {listing(sorted(self))}.",
            hint=did_you_mean(name, self) or "take one of these.",
        )


def extractors(
    functions: Sequence[SliceFunction],
    eval_shared_model: Any,
    eval_config: Any,
    tensor_adapter_config: Any,
) -> list[Any]:
    """Return TFMA's own extractors, and among them one that calls the functions.

    Args:
        functions: Each takes a `Row` and returns the value of its slice: text, a whole number, or
            None where the example belongs to none. The slices go by the function's name.
        eval_shared_model: As TFX's Evaluator passes it.
        eval_config: As TFX's Evaluator passes it.
        tensor_adapter_config: As TFX's Evaluator passes it.
    """
    made = model_eval_lib.default_extractors(
        eval_shared_model=eval_shared_model,
        eval_config=eval_config,
        tensor_adapter_config=tensor_adapter_config,
    )
    stages = [one.stage_name for one in made]
    place = stages.index(slice_key_extractor.SLICE_KEY_EXTRACTOR_STAGE_NAME)
    ours = tfma_extractors.Extractor(
        stage_name="ExtractSlicesOfFunctions", ptransform=beam.ParDo(_Slices([*functions]))
    )
    return [*made[:place], ours, *made[place:]]


class _Slices(beam.DoFn):
    """Adds what the functions return to the features of an example."""

    def __init__(self, functions: list[SliceFunction]) -> None:
        self._functions = functions

    def process(self, extracts: dict[str, Any]) -> Iterator[dict[str, Any]]:
        features = extracts[constants.FEATURES_KEY]
        # With a baseline beside the model each has its own.
        transformed = extracts.get(constants.TRANSFORMED_FEATURES_KEY) or {}
        of_models = [one for one in transformed.values() if isinstance(one, Mapping)]
        taken = {*features, *transformed, *(name for one in of_models for name in one)}
        row = Row({name: _plain(value) for name, value in features.items()})
        added = {}
        for function in self._functions:
            name = function.__name__
            if name in taken:
                raise DefinitionError(
                    f"the slice function {name!r} has the name of a feature.",
                    *defined_at(function),
                    hint="call the function otherwise: the slices go by its name.",
                )
            added[name] = _value(function, function(row))
        yield {**extracts, constants.FEATURES_KEY: {**features, **added}}


def _plain(value: Any) -> Any:
    """Return a feature of one example as Python has it."""
    values = np.asarray(getattr(value, "values", value)).ravel().tolist()
    texts = [one.decode(errors="replace") if isinstance(one, bytes) else one for one in values]
    return texts if len(texts) > 1 else next(iter(texts), None)


def _value(function: SliceFunction, value: Any) -> Array:
    if value is None:
        return np.array([])
    if isinstance(value, bool | np.bool_):
        value = str(bool(value))
    if isinstance(value, str | int | np.integer):
        return np.array([value.encode() if isinstance(value, str) else value])
    raise DefinitionError(
        f"the slice function {function.__name__!r} returned {value!r}.",
        *defined_at(function),
        hint="return text, a whole number, or None for no slice.",
    )
