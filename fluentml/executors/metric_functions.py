"""Metrics that a function computes of all labels and predictions of a slice at once.

TFMA asks a metric for an accumulator that grows example by example and merges with others. Of a
function of whole arrays that can only be the arrays themselves: each worker keeps the labels,
predictions and weights of its part of a slice, for one number each some 24 bytes an example, and
the function sees those of the whole slice on one worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, TypeAlias

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util

from fluentml.errors import DefinitionError, defined_at

Array: TypeAlias = np.ndarray[Any, Any]
Columns: TypeAlias = list[list[Array]]
"""Labels, predictions and weights: parts, of many examples each, then the latest, one by one."""

PART = 1000
"""As many examples as are made one array."""


class FunctionMetric(metric_types.Metric):
    """What `function` returns for the labels and predictions of a slice; a subclass sets it."""

    function: ClassVar[Callable[..., Any]]
    weighted: ClassVar[str] = ""
    """The function's parameter that takes the weights of the examples; empty: it takes none."""

    def __init__(self, name: str, **settings: Any) -> None:
        """Take the name that the results call it, and the function's further arguments."""
        make = metric_util.merge_per_key_computations(self._computations)
        super().__init__(make, name=name, **settings)

    @classmethod
    def compute(cls, labels: Array, predictions: Array, weights: Array, settings: Any) -> Any:
        """Return what the function returns."""
        more = {cls.weighted: weights} if cls.weighted else {}
        return cls.function(labels, predictions, **more, **settings)

    def _computations(
        self,
        name: str,
        eval_config: Any = None,
        model_name: str = "",
        output_name: str = "",
        sub_key: Any = None,
        aggregation_type: Any = None,
        example_weighted: bool = False,
        **settings: Any,
    ) -> list[Any]:
        key = metric_types.MetricKey(
            name=name,
            model_name=model_name,
            output_name=output_name,
            sub_key=sub_key,
            aggregation_type=aggregation_type,
            example_weighted=example_weighted,
        )
        which = {
            "eval_config": eval_config,
            "model_name": model_name,
            "output_name": output_name,
            "sub_key": sub_key,
            "aggregation_type": aggregation_type,
            "example_weighted": example_weighted,
        }
        combiner = _OfAll(key, type(self), settings, which)
        return [metric_types.MetricComputation(keys=[key], preprocessors=None, combiner=combiner)]


class KerasMetric(FunctionMetric):
    """The metric of a class of Keras 3, of which TFMA knows nothing; a subclass sets `metric`."""

    metric: ClassVar[type]

    @classmethod
    def compute(cls, labels: Array, predictions: Array, weights: Array, settings: Any) -> Any:
        """Return its result once it has seen everything."""
        metric: Any = cls.metric(**settings)
        metric.update_state(labels, predictions, sample_weight=weights)
        return metric.result()


class _OfAll(beam.CombineFn):
    """Collects what a function computes a number of."""

    def __init__(
        self, key: Any, kind: type[FunctionMetric], settings: dict[str, Any], which: dict[str, Any]
    ) -> None:
        self._key, self._kind, self._settings, self._which = key, kind, settings, which

    def create_accumulator(self) -> Columns:
        return [[], [], []]

    def add_input(self, accumulator: Columns, element: Any) -> Columns:
        for values in self._read(element):
            for column, value in zip(accumulator, values, strict=True):
                column.append(value[np.newaxis])
        return self.compact(accumulator)

    def merge_accumulators(self, accumulators: Any) -> Columns:
        merged = self.create_accumulator()
        for accumulator in accumulators:
            for column, more in zip(merged, accumulator, strict=True):
                column += more
        return merged

    def compact(self, accumulator: Columns) -> Columns:
        # The parts stand first; what came since then is one example each.
        if len(accumulator[0]) < PART or len(accumulator[0][-PART]) > 1:
            return accumulator
        for column in accumulator:
            column[-PART:] = [_together(column[-PART:])]
        return accumulator

    def extract_output(self, accumulator: Columns) -> dict[Any, float]:
        labels, predictions, weights = map(_joined, accumulator)
        found = self._kind.compute(labels, predictions, weights.astype(float), self._settings)
        try:
            return {self._key: float(np.asarray(found).item())}
        except (TypeError, ValueError):
            raise DefinitionError(
                f"the metric {self._key.name!r} returned {found!r}, which is no number.",
                *defined_at(getattr(self._kind, "function", self._kind)),
                hint="end the function with a number: return float(…).",
            ) from None

    def _read(self, element: Any) -> Iterator[tuple[Array, ...]]:
        yield from metric_util.to_label_prediction_example_weight(
            element, flatten=False, **self._which
        )


def _together(parts: list[Array]) -> Array:
    """Return one array; one of arrays where some examples have more values than others."""
    if len({part.shape[1:] for part in parts}) == 1:
        return np.concatenate(parts)
    joined = np.empty(sum(map(len, parts)), object)
    joined[:] = [row for part in parts for row in part]
    return joined


def _joined(parts: list[Array]) -> Array:
    """Return the values of all examples: of shape [n] where each has one, else [n, …]."""
    joined = _together(parts) if parts else np.empty(0)
    if joined.shape[1:] == (1,):
        joined = joined[:, 0]
    return np.char.decode(joined.astype("S")) if _is_text(joined) else joined


def _is_text(values: Array) -> bool:
    return values.dtype.kind == "S" or (
        values.dtype.kind == "O" and values.size > 0 and isinstance(values.flat[0], bytes)
    )
