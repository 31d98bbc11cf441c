"""FairnessIndicators: the rates of right and wrong decisions at thresholds, for each slice.

TFMA had this metric once, as an add-on, and has it no longer; here it is again, under the same
result keys, so that the viewers made for it find them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tensorflow_model_analysis.metrics import (
    binary_confusion_matrices,
    metric_types,
    metric_util,
)

NAME = "fairness_indicators_metrics"
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


class FairnessIndicators(metric_types.Metric):
    """Eight rates for each threshold; a rate of nothing is NaN."""

    def __init__(self, thresholds: Sequence[float] = THRESHOLDS, name: str = NAME) -> None:
        """Take the thresholds on the prediction, each between 0 and 1.

        Args:
            thresholds: A prediction above counts as positive.
            name: What the result keys begin with.
        """
        super().__init__(
            metric_util.merge_per_key_computations(_computations), thresholds=thresholds, name=name
        )


def _computations(
    thresholds: Sequence[float],
    name: str = NAME,
    eval_config: Any = None,
    model_name: str = "",
    output_name: str = "",
    sub_key: Any = None,
    aggregation_type: Any = None,
    class_weights: dict[int, float] | None = None,
    example_weighted: bool | None = None,
) -> list[Any]:
    matrices = binary_confusion_matrices.binary_confusion_matrices(
        thresholds=[*thresholds],
        eval_config=eval_config,
        model_name=model_name,
        output_name=output_name,
        sub_key=sub_key,
        aggregation_type=aggregation_type,
        class_weights=class_weights,
        example_weighted=example_weighted,
    )
    (matrices_key,) = matrices[-1].keys

    def key_of(rate: str, threshold: float) -> Any:
        return metric_types.MetricKey(
            name=f"{name}/{rate}@{_fixed(threshold, thresholds)}",
            model_name=model_name,
            output_name=output_name,
            sub_key=sub_key,
            aggregation_type=aggregation_type,
            # TFMA looks for what has a threshold by its full name under a key without this mark.
            example_weighted=None,
        )

    def result(metrics: dict[Any, Any]) -> dict[Any, float]:
        counts = metrics[matrices_key]
        by_threshold = zip(thresholds, counts.tp, counts.tn, counts.fp, counts.fn, strict=True)
        return {
            key_of(rate, threshold): value
            for threshold, *four in by_threshold
            for rate, value in rates(*four).items()
        }

    keys = [key_of(rate, threshold) for threshold in thresholds for rate in rates(1, 1, 1, 1)]
    return [*matrices, metric_types.DerivedMetricComputation(keys=keys, result=result)]


def rates(tp: float, tn: float, fp: float, fn: float) -> dict[str, float]:
    """Return the rates by name; they are counts of examples, or sums of their weights.

    Args:
        tp: True positives.
        tn: True negatives.
        fp: False positives.
        fn: False negatives.
    """
    shares = {
        "false_positive_rate": (fp, fp + tn),
        "false_negative_rate": (fn, fn + tp),
        "true_positive_rate": (tp, fn + tp),
        "true_negative_rate": (tn, fp + tn),
        "positive_rate": (tp + fp, tp + tn + fp + fn),
        "negative_rate": (tn + fn, tp + tn + fp + fn),
        "false_discovery_rate": (fp, fp + tp),
        "false_omission_rate": (fn, fn + tn),
    }
    return {name: part / whole if whole else math.nan for name, (part, whole) in shares.items()}


def _fixed(threshold: float, thresholds: Sequence[float]) -> str:
    digits = max(1, *(len(str(each)) - 2 for each in thresholds))
    return f"{threshold:.{digits}f}"
