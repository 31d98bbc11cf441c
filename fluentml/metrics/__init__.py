"""The metrics that TensorFlow Model Analysis (TFMA) builds from a class name alone.

So `metrics=["AUC", "MeanSquaredError"]` can be checked, and `thresholds={"AUC": 0.8}` be read as
"at least" and `{"MeanSquaredError": 0.1}` as "at most", long before anything heavy is imported.

The names have two sources, in TFMA's own order of search for a `MetricConfig` without a `module`:

1. the metrics that TFMA registers, `metric_types.registered_metrics()`;
2. the metric classes of Keras 2, `tf_keras.metrics`, which TFMA uses whatever Keras the model has.

Keras losses such as `Huber` are not among them: TFMA builds those only with their module named.
`tests/test_metrics.py` holds every table of this module equal to the installed TFMA.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from fluentml.errors import DefinitionError, did_you_mean
from fluentml.metrics._settings import SETTINGS

__all__ = [
    "METRICS",
    "OURS",
    "REQUIRED",
    "SETTINGS",
    "Direction",
    "Value",
    "direction",
    "result_key",
    "values",
]

Direction: TypeAlias = Literal["higher", "lower"]
"""Which way a metric improves."""

_HIGHER_IS_BETTER = """
    AUC AUCPrecisionRecall Accuracy BalancedAccuracy BinaryAccuracy BinaryIoU Bleu
    COCOAveragePrecision COCOAverageRecall COCOMeanAveragePrecision COCOMeanAverageRecall
    CategoricalAccuracy CoefficientOfDiscrimination CosineSimilarity DiagnosticOddsRatio ExactMatch
    F1Score FBetaScore FowlkesMallowsIndex Informedness IoU Markedness
    MatthewsCorrelationCoefficient MaxRecall MeanIoU ModelCosineSimilarity NDCG NPV
    NegativePredictiveValue ObjectDetectionMaxRecall ObjectDetectionPrecision
    ObjectDetectionPrecisionAtRecall ObjectDetectionRecall OneHotIoU OneHotMeanIoU PPV
    PositiveLikelihoodRatio Precision PrecisionAtRecall R2Score Recall RecallAtFalsePositiveRate
    RecallAtPrecision RelativeCoefficientOfDiscrimination Rouge SemanticSegmentationTruePositive
    SensitivityAtSpecificity SetMatchPrecision SetMatchRecall SparseCategoricalAccuracy
    SparseTopKCategoricalAccuracy Specificity SpecificityAtSensitivity SquaredPearsonCorrelation TN
    TNR TP TPR ThreatScore TopKCategoricalAccuracy TrueNegatives TruePositives
"""

_LOWER_IS_BETTER = """
    BinaryCrossEntropy BinaryCrossentropy CategoricalCrossEntropy CategoricalCrossentropy
    CategoricalHinge FN FNR FP FPR FallOut FalseDiscoveryRate FalseNegatives FalseOmissionRate
    FalsePositives Hinge KLDivergence LogCoshError MeanAbsoluteError MeanAbsolutePercentageError
    MeanRelativeError MeanSquaredError MeanSquaredLogarithmicError MinLabelPosition MissRate
    NegToPosFlipRate NegativeLikelihoodRatio Poisson PosToNegFlipRate PrevalenceThreshold
    RootMeanSquaredError SemanticSegmentationFalsePositive SparseCategoricalCrossentropy
    SquaredHinge SymmetricFlipRate SymmetricPredictionDifference
"""

# What describes the data or the predictions, aims at a middle value, or is a plot, a table or a
# sample. `Calibration`, say, is best at 1, and `Prevalence` is a property of the labels.
_NO_DIRECTION = """
    BooleanFlipRates Calibration CalibrationPlot ConfusionMatrixAtThresholds ConfusionMatrixPlot
    ExampleCount FalseNegativeFeatureSampler FalsePositiveFeatureSampler Mean
    MeanAbsoluteAttributions MeanAttributions MeanLabel MeanPrediction
    MultiClassConfusionMatrixAtThresholds MultiClassConfusionMatrixPlot
    MultiLabelConfusionMatrixPlot NegToNegFlipRate ObjectDetectionConfusionMatrixPlot
    ObjectDetectionThresholdAtRecall PosToPosFlipRate PredictedPositiveRate Prevalence
    QueryStatistics ScoreDistributionPlot SemanticSegmentationConfusionMatrix ThresholdAtRecall
    TotalAbsoluteAttributions TotalAttributions WeightedExampleCount
"""

_TABLE: tuple[tuple[Direction | None, str], ...] = (
    ("higher", _HIGHER_IS_BETTER),
    ("lower", _LOWER_IS_BETTER),
    (None, _NO_DIRECTION),
)

METRICS: Mapping[str, Direction | None] = MappingProxyType(
    {name: direction for direction, names in _TABLE for name in names.split()}
)
"""Class name of every metric to its direction; None where neither direction is better."""

REQUIRED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ConfusionMatrixAtThresholds": ("thresholds",),
        "FalseNegativeFeatureSampler": ("feature_key", "sample_size"),
        "FalsePositiveFeatureSampler": ("feature_key", "sample_size"),
        "IoU": ("num_classes", "target_class_ids"),
        "Mean": ("feature_key_path",),
        "MeanIoU": ("num_classes",),
        "MeanRelativeError": ("normalizer",),
        "NDCG": ("gain_key",),
        "ObjectDetectionPrecisionAtRecall": ("recall",),
        "ObjectDetectionThresholdAtRecall": ("recall",),
        "OneHotIoU": ("num_classes", "target_class_ids"),
        "OneHotMeanIoU": ("num_classes",),
        "PrecisionAtRecall": ("recall",),
        "RecallAtFalsePositiveRate": ("false_positive_rate",),
        "RecallAtPrecision": ("precision",),
        "Rouge": ("rouge_type",),
        "SemanticSegmentationConfusionMatrix": ("class_ids", "ground_truth_key", "prediction_key"),
        "SemanticSegmentationFalsePositive": ("class_ids", "ground_truth_key", "prediction_key"),
        "SemanticSegmentationTruePositive": ("class_ids", "ground_truth_key", "prediction_key"),
        "SensitivityAtSpecificity": ("specificity",),
        "SpecificityAtSensitivity": ("sensitivity",),
        "ThresholdAtRecall": ("recall",),
    }
)
"""Class name to the settings without which the metric cannot be built; absent if there are none."""

FAIRNESS: Mapping[str, Direction | None] = MappingProxyType(
    {
        "false_positive_rate": "lower",
        "false_negative_rate": "lower",
        "true_positive_rate": "higher",
        "true_negative_rate": "higher",
        "positive_rate": None,
        "negative_rate": None,
        "false_discovery_rate": "lower",
        "false_omission_rate": "lower",
    }
)
"""What `FairnessIndicators` computes at each of its thresholds."""
FAIRNESS_NAME = "fairness_indicators_metrics"
FAIRNESS_THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

OURS: Mapping[str, str] = MappingProxyType(
    {"FairnessIndicators": "fluentml.executors.fairness_indicators"}
)
"""Class name to the module of the metrics that TFMA does not have: it gave this one up."""


class Value(NamedTuple):
    """A number that a metric computes.

    Attributes:
        name: What the chain and the results call it: "AUC", "false_positive_rate@0.5".
        key: The key under which TFMA reports it: "auc". Of a model with several outputs both
            begin with one's name: "tip/AUC", "tip/auc".
        direction: "higher" or "lower" for what is better, None where neither is, or nobody knows.
    """

    name: str
    key: str
    direction: Direction | None

    def of(self, output: str) -> Value:
        """Return the number as that of an output; of the only one if the name is empty."""
        prefix = f"{output}/" if output else ""
        return Value(prefix + self.name, prefix + self.key, self.direction)


def values(class_name: str, config: Mapping[str, Any] = MappingProxyType({})) -> tuple[Value, ...]:
    """Return what a metric computes: one number, but for `FairnessIndicators`.

    Args:
        class_name: The metric's class, in `METRICS` or not.
        config: Its settings; `name` among them is what the chain calls it.
    """
    if class_name not in OURS:
        name = str(config.get("name") or class_name)
        return (Value(name, result_key(class_name, config), METRICS.get(class_name)),)
    prefix = config.get("name") or FAIRNESS_NAME
    thresholds = config.get("thresholds") or FAIRNESS_THRESHOLDS
    return tuple(
        Value(
            f"{rate}@{threshold:g}"
            if prefix == FAIRNESS_NAME
            else f"{prefix}/{rate}@{threshold:g}",
            f"{prefix}/{rate}@{_fixed(threshold, thresholds)}",
            direction,
        )
        for threshold in thresholds
        for rate, direction in FAIRNESS.items()
    )


def _fixed(threshold: float, thresholds: Any) -> str:
    """Return a threshold with as many digits as the longest has: so TFMA's viewers expect it."""
    digits = max(1, *(len(str(each)) - 2 for each in thresholds))
    return f"{threshold:.{digits}f}"


# The result keys that are not the class name in snake case.
_RESULT_KEYS = {
    "BinaryCrossEntropy": "binary_crossentropy",
    "Bleu": "BLEU",
    "COCOAveragePrecision": "average_precision",
    "COCOAverageRecall": "average_recall",
    "COCOMeanAveragePrecision": "mean_average_precision",
    "COCOMeanAverageRecall": "mean_average_recall",
    "CategoricalCrossEntropy": "categorical_crossentropy",
    "ObjectDetectionConfusionMatrixPlot": "confusion_matrix_plot",
    "SemanticSegmentationFalsePositive": "semantic_segmentation_false_positives",
    "SemanticSegmentationTruePositive": "semantic_segmentation_true_positives",
}


def direction(name: str) -> Direction | None:
    """Return which way a metric improves.

    Args:
        name: A metric's class name, such as "AUC".

    Returns:
        "higher" or "lower" for what is better, None where neither is.

    Raises:
        DefinitionError: If TFMA builds no metric by this name.
    """
    if name not in METRICS:
        raise DefinitionError(
            f"{name!r} is not the class name of a metric that TFMA builds by itself.",
            "fluentml.metrics.METRICS lists them all; any other needs its module named.",
            hint=did_you_mean(name, METRICS),
        )
    return METRICS[name]


def result_key(name: str, config: Mapping[str, Any] = MappingProxyType({})) -> str:
    """Return the key under which TFMA reports a metric: "AUC" gives "auc".

    That is the name in the metric's settings if there is one, else the class name in snake case,
    except for a few of TFMA's own. `BooleanFlipRates` and `QueryStatistics` report several values
    under keys of their own.

    Args:
        name: The metric's class name, in `METRICS` or not.
        config: The metric's settings. `{"name": "roc"}` makes the key "roc".
    """
    if config.get("name"):
        return str(config["name"])
    if name == "Mean" and "feature_key_path" in config:
        return "mean_" + ".".join(config["feature_key_path"])
    if name == "Rouge" and "rouge_type" in config:
        return str(config["rouge_type"])
    return _RESULT_KEYS.get(name) or _snake_case(name)


def _snake_case(name: str) -> str:
    """Return `name` in snake case as TFMA forms it: "MeanIoU" gives "mean_io_u"."""
    words = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()
