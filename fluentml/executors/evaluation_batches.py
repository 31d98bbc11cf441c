"""The examples of a batch by slice, as TFMA's metrics take them; read in TFMA 0.47.1 and 0.52.0."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.evaluators import (
    metrics_plots_and_validations_evaluator as tfma_evaluator,
)
from tensorflow_model_analysis.extractors import extractor as tfma_extractor
from tensorflow_model_analysis.extractors import slice_key_extractor
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.slicer import slicer_lib
from tensorflow_model_analysis.utils import util

Array: TypeAlias = np.ndarray[Any, Any]
Extracts: TypeAlias = dict[str, Any]

INPUTS = (constants.LABELS_KEY, constants.PREDICTIONS_KEY, constants.EXAMPLE_WEIGHTS_KEY)
FEATURES = (constants.FEATURES_KEY, constants.TRANSFORMED_FEATURES_KEY)
PART = "part"
REMEMBERED = 100_000
"""As many different values of the features that are sliced by as are remembered."""


class Batch:
    """What metrics read of the examples of a batch."""

    def __init__(self, inputs: Extracts) -> None:
        """Take labels, predictions and weights, each of all examples."""
        self.inputs = inputs
        self._columns: dict[str, tuple[Array, Array, Array, Array]] = {}

    @cached_property
    def rows(self) -> list[Any]:
        """The inputs of each example, as TFMA's Unbatch makes them."""
        return [metric_types.StandardMetricInputs(row) for row in util.split_extracts(self.inputs)]

    def columns(self, **settings: Any) -> tuple[Array, Array, Array, Array]:
        """Return labels, predictions, weights, and the example of each: TFMA's, in that order.

        Args:
            settings: Of `to_label_prediction_example_weight`.
        """
        key = repr([(name, settings[name]) for name in settings if name != "eval_config"])
        if key not in self._columns:
            self._columns[key] = self._read(settings)
        return self._columns[key]

    def _read(self, settings: dict[str, Any]) -> tuple[Array, Array, Array, Array]:
        whole = self._whole(**settings)
        if whole is None:
            return self._by_row(settings)
        labels, predictions, weights = whole
        places = np.arange(len(labels))
        if not settings["fractional_labels"]:
            return labels, predictions, weights, places
        # TFMA's two halves of an example: how much of it is 0 and how much 1.
        halves = np.concatenate([weights * (1 - labels), weights * labels])
        kept = halves != 0
        both = np.repeat([0.0, 1.0], len(labels)), np.tile(predictions, 2), halves
        labels, predictions, weights = (column[kept] for column in both)
        return labels, predictions, weights, np.tile(places, 2)[kept]

    def _whole(
        self, *, fractional_labels: bool, class_weights: Any, sub_key: Any, **settings: Any
    ) -> tuple[Array, Array, Array] | None:
        """Return the columns of examples of one number each; None for what TFMA reads by row."""
        if class_weights or sub_key or not _is_numbers(self.inputs.get(constants.LABELS_KEY)):
            return None
        settings |= {"flatten": False, "squeeze": False}
        inputs = metric_types.StandardMetricInputs(self.inputs)
        try:
            (found,) = metric_util.to_label_prediction_example_weight(inputs, **settings)
            labels, predictions, weights = (one.ravel().astype(float) for one in found)
        except (TypeError, ValueError):  # its message is of one example
            return None
        size = len(self)
        is_fraction = (labels >= 0) & (labels <= 1)
        if {len(labels), len(predictions)} != {size} or len(weights) not in (1, size):
            return None
        if not np.all(is_fraction if fractional_labels else labels != -1):
            return None
        return labels, predictions, np.broadcast_to(weights, labels.shape)

    def _by_row(self, settings: dict[str, Any]) -> tuple[Array, Array, Array, Array]:
        found = [
            (*map(metric_util.safe_to_scalar, values), place)
            for place, row in enumerate(self.rows)
            for values in metric_util.to_label_prediction_example_weight(row, **settings)
        ]
        columns = [*zip(*found, strict=True)] if found else [()] * 4
        labels, predictions, weights = (np.array(column, float) for column in columns[:3])
        return labels, predictions, weights, np.array(columns[3], int)

    def __len__(self) -> int:
        return int(util.batch_size(self.inputs) or 0)


class Part(Sequence[Any]):
    """Some examples of a batch, one by one to whom iterates."""

    def __init__(self, batch: Batch, places: Array) -> None:
        """Take the batch and the places of the examples in it."""
        self._batch, self._places = batch, places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, place: Any) -> Any:
        return self._batch.rows[self._places[place]]

    def columns(self, **settings: Any) -> tuple[Array, Array, Array]:
        """Return labels, predictions and weights, of `to_label_prediction_example_weight`."""
        *columns, places = self._batch.columns(**settings)
        is_ours = np.zeros(len(self._batch), bool)
        is_ours[self._places] = True
        chosen = is_ours[places]
        labels, predictions, weights = (column[chosen] for column in columns)
        return labels, predictions, weights


def extractor(eval_config: Any) -> Any:
    """Return what stands for TFMA's Unbatch and SliceKeyExtractor: a `Part` by batch and slice."""
    return tfma_extractor.Extractor(
        stage_name=slice_key_extractor.SLICE_KEY_EXTRACTOR_STAGE_NAME,
        ptransform=beam.ParDo(_Slice(eval_config)),
    )


class _Slice(beam.DoFn):
    """Asks TFMA once for the slices of equal values."""

    def __init__(self, eval_config: Any) -> None:
        specs = [slicer_lib.SingleSliceSpec(spec=spec) for spec in eval_config.slicing_specs]
        self._specs = specs or [slicer_lib.SingleSliceSpec()]
        self._names = {
            name
            for spec in eval_config.slicing_specs
            for name in (*spec.feature_keys, *spec.feature_values)
        }
        self._of_models = len(eval_config.model_specs) > 1
        self._slices = slice_key_extractor.ExtractSliceKeysFn(eval_config, materialize=False)
        self._known: dict[Hashable, list[Any]] = {}

    def process(self, extracts: Extracts) -> Iterator[Extracts]:
        """Yield a part of the batch for each slice."""
        batch = Batch({name: extracts[name] for name in INPUTS if name in extracts})
        places: dict[Any, list[int]] = {}
        for place, row in enumerate(self._features(extracts)):
            for slice in self._slices_of(row):
                places.setdefault(slice, []).append(place)
        for slice, those in places.items():
            yield {
                constants.SLICE_KEY_TYPES_KEY: slicer_lib.slice_keys_to_numpy_array([slice]),
                PART: Part(batch, np.array(those)),
            }

    def _features(self, extracts: Extracts) -> Iterable[Extracts]:
        """Return, by example, the features that are sliced by."""
        kept = {name: self._kept(extracts[name]) for name in FEATURES if extracts.get(name)}
        size = util.batch_size(extracts)
        return util.split_extracts(kept) or [{constants.FEATURES_KEY: {}}] * size

    def _kept(self, features: Mapping[str, Any]) -> Extracts:
        return {
            name: self._kept(value) if isinstance(value, Mapping) else value
            for name, value in features.items()
            if name in self._names or isinstance(value, Mapping)
        }

    def _slices_of(self, row: Extracts) -> list[Any]:
        key = _hashable(row)
        if key not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            row = {constants.FEATURES_KEY: {}, **row}
            (found,) = self._slices.process(row, self._specs)
            self._known[key] = [*found[constants.SLICE_KEY_TYPES_KEY]]
        return self._known[key]


def _is_numbers(labels: Any) -> bool:
    if isinstance(labels, Mapping):
        return all(map(_is_numbers, labels.values()))
    return isinstance(labels, np.ndarray) and labels.dtype.kind in "biuf"


def _hashable(value: Any) -> Hashable:
    if isinstance(value, Mapping):
        return tuple((name, _hashable(one)) for name, one in sorted(value.items()))
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, *value.ravel().tolist())
    if isinstance(value, tuple):  # TFMA's sparse and ragged values
        return tuple(map(_hashable, value))
    return repr(value)


class Inputs(tfma_evaluator._PreprocessorDoFn):
    """Hands the metrics a part of a batch; TFMA's makes their inputs of one example."""

    def process(self, extracts: Extracts) -> Iterator[Extracts]:
        """Yield the part as the inputs of each metric."""
        yield {
            constants.SLICE_KEY_TYPES_KEY: extracts[constants.SLICE_KEY_TYPES_KEY],
            tfma_evaluator._COMBINER_INPUTS_KEY: [None] * len(self._computations),
            tfma_evaluator._DEFAULT_COMBINER_INPUT_KEY: extracts[PART],
        }
