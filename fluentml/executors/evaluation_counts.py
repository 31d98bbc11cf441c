"""Metrics of TFMA that add up a batch at once; read in TFMA 0.47.1 and 0.52.0.

Other metrics take a batch example by example, as TFMA has it.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from tensorflow_model_analysis.contrib.aggregates import binary_confusion_matrices as aggregate
from tensorflow_model_analysis.evaluators import (
    metrics_plots_and_validations_evaluator as tfma_evaluator,
)
from tensorflow_model_analysis.metrics import (
    binary_confusion_matrices,
    calibration_histogram,
    example_count,
    metric_util,
)

from fluentml.executors.evaluation_batches import Array, Part


class Computations(tfma_evaluator._ComputationsCombineFn):
    """TFMA's, with those metrics that can add up a batch."""

    def __init__(self, computations: list[Any]) -> None:
        """Take TFMA's computations, and leave them as they are."""
        super().__init__([_of_batches(one) for one in computations])


class Histogram(calibration_histogram._CalibrationHistogramCombiner):
    """The sums of labels, predictions and weights by bucket, of which comes AUC."""

    def add_inputs(self, accumulator: Any, elements: Part) -> Any:
        """Add a part of a batch."""
        labels, predictions, weights = elements.columns(
            **_reading(self), fractional_labels=self._fractional_labels
        )
        values = predictions if self._prediction_based_bucketing else labels
        if np.isnan(values).any():
            return super().add_inputs(accumulator, elements)  # which refuses it
        buckets, places = np.unique(self._buckets(values), return_inverse=True)
        sums = [
            np.bincount(places, column, len(buckets)).tolist()
            for column in (labels * weights, predictions * weights, weights)
        ]
        for bucket, *of_bucket in zip(buckets.tolist(), *sums, strict=True):
            more = calibration_histogram.Bucket(bucket, *of_bucket)
            if bucket in accumulator:
                accumulator[bucket].merge(more)
            else:
                accumulator[bucket] = more
        return accumulator

    def _buckets(self, values: Array) -> Array:
        found = (values - self._left) / self._range * self._num_buckets + 1
        # A number below the first bucket goes into bucket 0; cutting off is towards 0.
        buckets: Array = np.clip(found, 0, self._num_buckets + 1).astype(int)
        return buckets


class Confusion(binary_confusion_matrices._BinaryConfusionMatrixCombiner):
    """The weights of right and wrong by threshold, of which comes BinaryAccuracy."""

    def add_inputs(self, accumulator: Any, elements: Part) -> Any:
        """Add a part of a batch."""
        labels, predictions, weights = elements.columns(
            **_reading(self), fractional_labels=self._enable_fractional_labels
        )
        matrices = self._binary_confusion_matrices
        for threshold in matrices._thresholds:
            is_true = labels == 1 if self._enable_fractional_labels else labels > threshold
            is_found = predictions > threshold
            tp, tn, fp, fn = (
                float(weights[those].sum())
                for those in (
                    is_true & is_found,
                    ~is_true & ~is_found,
                    ~is_true & is_found,
                    is_true & ~is_found,
                )
            )
            matrix = aggregate.Matrix(tp=tp, tn=tn, fp=fp, fn=fn)
            entry = aggregate._ThresholdEntry(matrix, [], [], [], [])
            accumulator[threshold] = matrices._merge_entry(accumulator, threshold, entry)
        return accumulator


class Count(example_count._ExampleCountCombiner):
    """The number of examples."""

    def add_inputs(self, accumulator: float, elements: Part) -> float:
        """Add a part of a batch."""
        return accumulator + len(elements)


def _reading(combiner: Any) -> dict[str, Any]:
    """Return how a metric has labels, predictions and weights read."""
    key = combiner._key
    return {
        "eval_config": combiner._eval_config,
        "model_name": key.model_name,
        "output_name": key.output_name,
        "sub_key": key.sub_key,
        "flatten": True,
        "aggregation_type": combiner._aggregation_type,
        "class_weights": combiner._class_weights,
        "example_weighted": combiner._example_weighted,
    }


def _of_batches(computation: Any) -> Any:
    """Return a computation with the combiner that adds up a batch, if there is one."""
    ours = _kind(computation.combiner)
    if ours is None:
        return computation
    combiner = copy.copy(computation.combiner)
    combiner.__class__ = ours
    return computation._replace(combiner=combiner)


def _kind(combiner: Any) -> type | None:
    kind = type(combiner)
    if kind is calibration_histogram._CalibrationHistogramCombiner:
        return Histogram
    if kind is example_count._ExampleCountCombiner and not combiner._example_weighted:
        return Count
    plain = metric_util.to_label_prediction_example_weight
    if (
        kind is binary_confusion_matrices._BinaryConfusionMatrixCombiner
        and not combiner._example_id_key
        and combiner._extract_label_prediction_and_weight is plain
    ):
        return Confusion
    return None
