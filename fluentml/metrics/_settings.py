"""The settings of each metric: the parameters of its class, as the installed TFMA has them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# A line: metrics, a colon, their settings; `**` where the class passes others on.
_TABLE = """
BalancedAccuracy ConfusionMatrixAtThresholds DiagnosticOddsRatio F1Score FN FNR FP FPR FallOut
  FalseDiscoveryRate FalseNegatives FalseOmissionRate FalsePositives FowlkesMallowsIndex
  Informedness Markedness MatthewsCorrelationCoefficient MissRate NPV NegativeLikelihoodRatio
  NegativePredictiveValue PPV PositiveLikelihoodRatio PredictedPositiveRate Prevalence
  PrevalenceThreshold Specificity TN TNR TP TPR ThreatScore TrueNegatives TruePositives: class_id
  name thresholds top_k
Calibration CoefficientOfDiscrimination ExampleCount MeanAbsoluteAttributions MeanAttributions
  MeanLabel MeanPrediction ModelCosineSimilarity RelativeCoefficientOfDiscrimination
  SquaredPearsonCorrelation SymmetricPredictionDifference TotalAbsoluteAttributions
  TotalAttributions WeightedExampleCount: name
Accuracy CategoricalAccuracy CategoricalHinge Hinge KLDivergence LogCoshError Poisson
  RootMeanSquaredError SparseCategoricalAccuracy SquaredHinge: dtype name
NegToNegFlipRate NegToPosFlipRate PosToNegFlipRate PosToPosFlipRate SymmetricFlipRate: name
  threshold
MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError: **
  name
SemanticSegmentationConfusionMatrix SemanticSegmentationFalsePositive
  SemanticSegmentationTruePositive: class_ids decode_ground_truth decode_prediction
  ground_truth_key ignore_ground_truth_id name prediction_key
PrecisionAtRecall ThresholdAtRecall: ** class_id name num_thresholds recall thresholds top_k
Precision Recall: ** class_id name thresholds top_k
SetMatchPrecision SetMatchRecall: ** class_key name prediction_class_key prediction_score_key
  thresholds top_k weight_key
ObjectDetectionPrecisionAtRecall ObjectDetectionThresholdAtRecall: allow_missing_key area_range
  class_id class_weight iou_threshold labels_to_stack max_num_detections name num_detections_key
  num_thresholds predictions_to_stack recall thresholds
ObjectDetectionPrecision ObjectDetectionRecall: allow_missing_key area_range class_id class_weight
  iou_threshold labels_to_stack max_num_detections name num_detections_key predictions_to_stack
  thresholds
FalseNegativeFeatureSampler FalsePositiveFeatureSampler: class_id feature_key name sample_size
  threshold top_k
SparseTopKCategoricalAccuracy TopKCategoricalAccuracy: dtype k name
BinaryCrossEntropy CategoricalCrossEntropy: from_logits label_smoothing name
MultiClassConfusionMatrixPlot MultiLabelConfusionMatrixPlot: name num_thresholds thresholds
MaxRecall: ** class_id name top_k
ConfusionMatrixPlot: ** name num_thresholds
COCOAveragePrecision: allow_missing_key area_range class_id class_weight iou_threshold
  labels_to_stack max_num_detections name num_detections_key num_recalls num_thresholds
  predictions_to_stack recalls
ObjectDetectionConfusionMatrixPlot: allow_missing_key area_range class_id class_weight
  iou_threshold labels_to_stack max_num_detections name num_detections_key num_thresholds
  predictions_to_stack
ObjectDetectionMaxRecall: allow_missing_key area_range class_id class_weight iou_threshold
  labels_to_stack max_num_detections name num_detections_key predictions_to_stack
COCOAverageRecall: allow_missing_key area_range class_id class_weight iou_thresholds
  labels_to_stack max_num_detections name num_detections_key predictions_to_stack
COCOMeanAveragePrecision: allow_missing_key area_range class_ids class_weights iou_thresholds
  labels_to_stack max_num_detections name num_detections_key num_recalls num_thresholds
  predictions_to_stack recalls
COCOMeanAverageRecall: allow_missing_key area_range class_ids class_weights iou_thresholds
  labels_to_stack max_num_detections name num_detections_key predictions_to_stack
FBetaScore: average beta dtype name threshold
SparseCategoricalCrossentropy: axis dtype from_logits ignore_class name
CategoricalCrossentropy: axis dtype from_logits label_smoothing name
OneHotMeanIoU: axis dtype ignore_class name num_classes sparse_y_pred
MeanIoU: axis dtype ignore_class name num_classes sparse_y_pred sparse_y_true
IoU: axis dtype ignore_class name num_classes sparse_y_pred sparse_y_true target_class_ids
OneHotIoU: axis dtype ignore_class name num_classes sparse_y_pred target_class_ids
CosineSimilarity: axis dtype name
R2Score: class_aggregation dtype name num_regressors
AUC: class_id curve name num_thresholds summation_method thresholds top_k
RecallAtFalsePositiveRate: class_id false_positive_rate name num_thresholds top_k
RecallAtPrecision: class_id name num_thresholds precision top_k
SpecificityAtSensitivity: class_id name num_thresholds sensitivity top_k
SensitivityAtSpecificity: class_id name num_thresholds specificity top_k
AUCPrecisionRecall: class_id name num_thresholds summation_method thresholds top_k
BinaryAccuracy: class_id name threshold top_k
ExactMatch: convert_to name
BinaryCrossentropy: dtype from_logits label_smoothing name
MeanRelativeError: dtype name normalizer
BinaryIoU: dtype name target_class_ids threshold
Mean: example_weights_key_path feature_key_path name
BooleanFlipRates: flip_rate_name neg_to_neg_flip_rate_name neg_to_pos_flip_rate_name
  pos_to_neg_flip_rate_name pos_to_pos_flip_rate_name threshold
Bleu: force lowercase name smooth_method smooth_value tokenize use_effective_order
NDCG: gain_key name top_k_list
MinLabelPosition: label_key name
CalibrationPlot: left name num_buckets right
QueryStatistics: max_documents_name min_documents_name total_documents_name total_queries_name
ScoreDistributionPlot: name num_thresholds
Rouge: name rouge_type split_summaries tokenizer use_stemmer
MultiClassConfusionMatrixAtThresholds: name thresholds
"""


def _read(table: str) -> dict[str, frozenset[str]]:
    lines = table.strip().replace("\n  ", " ").splitlines()
    return {
        name: frozenset(settings.split())
        for names, _, settings in (line.partition(":") for line in lines)
        for name in names.split()
    }


SETTINGS: Mapping[str, frozenset[str]] = MappingProxyType(
    {**_read(_TABLE), "FairnessIndicators": frozenset({"name", "thresholds"})}
)
"""Class name to the settings that the metric takes; with `**` among them, also others."""
