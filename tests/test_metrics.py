import inspect
import json
import math
from types import SimpleNamespace

import pytest

from fluentml.errors import DefinitionError
from fluentml.metrics import _TABLE, METRICS, REQUIRED, direction, result_key

# One value for every setting that some metric requires.
SETTINGS = {
    "class_ids": [1],
    "false_positive_rate": 0.1,
    "feature_key": "fare",
    "feature_key_path": ["trip", "fare"],
    "gain_key": "gain",
    "ground_truth_key": "truth",
    "num_classes": 2,
    "precision": 0.5,
    "prediction_key": "prediction",
    "recall": 0.5,
    "rouge_type": "rougeL",
    "sample_size": 3,
    "sensitivity": 0.5,
    "specificity": 0.5,
    "target_class_ids": [1],
    "thresholds": [0.5],
}
# These have no key of their own, or none in the results; the docstring of result_key names them.
WITHOUT_KEY = {"BooleanFlipRates", "QueryStatistics", "SemanticSegmentationConfusionMatrix"}
# Keras keeps MeanMetricWrapper as a base class, and cannot take its function from JSON.
BASE_CLASSES = {"MeanMetricWrapper"}
# Its normalizer is an array, which Keras does not read back from JSON.
NOT_FROM_JSON = {"MeanRelativeError"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AUC", "higher"),
        ("SparseCategoricalAccuracy", "higher"),
        ("MeanSquaredError", "lower"),
        ("FalsePositives", "lower"),
        ("ExampleCount", None),
        ("CalibrationPlot", None),
    ],
)
def test_direction(name, expected):
    assert direction(name) == expected


@pytest.mark.parametrize(("wrong", "right"), [("auc", "AUC"), ("BinaryAcuracy", "BinaryAccuracy")])
def test_unknown_metric_names_the_near_miss(wrong, right):
    with pytest.raises(DefinitionError, match=f"Hint: did you mean '{right}'"):
        direction(wrong)


@pytest.mark.parametrize(
    ("name", "config", "key"),
    [
        ("AUC", {}, "auc"),
        ("AUC", {"name": "roc"}, "roc"),
        ("F1Score", {}, "f1_score"),
        ("SparseTopKCategoricalAccuracy", {}, "sparse_top_k_categorical_accuracy"),
        ("BinaryCrossEntropy", {}, "binary_crossentropy"),
        ("OfMyOwn", {}, "of_my_own"),
    ],
)
def test_result_key(name, config, key):
    assert result_key(name, config) == key


def test_every_metric_stands_once():
    names = [name for _, names in _TABLE for name in names.split()]
    assert len(names) == len(set(names))


def required(cls):
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return tuple(
        p.name
        for p in parameters
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    )


@pytest.fixture(scope="module")
def classes():
    """Class name to class: TFMA's registry, then Keras metrics that compare with a label."""
    import tensorflow_model_analysis  # noqa: F401  (fills the registry)
    from tensorflow_model_analysis.metrics import metric_types
    from tensorflow_model_analysis.utils.keras_lib import tf_keras

    keras_metrics = {
        name: cls
        for name, cls in vars(tf_keras.metrics).items()
        if inspect.isclass(cls) and "y_true" in inspect.signature(cls.update_state).parameters
    }
    for name in BASE_CLASSES:
        del keras_metrics[name]
    return keras_metrics | metric_types.registered_metrics()


@pytest.mark.tfx
def test_table_holds_what_tfma_builds(classes):
    assert sorted(METRICS) == sorted(classes)


@pytest.mark.tfx
def test_required_settings(classes):
    assert dict(REQUIRED) == {name: r for name, cls in classes.items() if (r := required(cls))}


@pytest.mark.tfx
@pytest.mark.parametrize("name", sorted(METRICS.keys() - NOT_FROM_JSON))
def test_tfma_builds_it_and_names_it_so(name):
    from tensorflow_model_analysis.metrics import metric_specs
    from tensorflow_model_analysis.proto import config_pb2

    config = {setting: SETTINGS[setting] for setting in REQUIRED.get(name, ())}
    metric = metric_specs.metric_instance(
        config_pb2.MetricConfig(class_name=name, config=json.dumps(config))
    )
    if name not in WITHOUT_KEY:
        assert metric.name == result_key(name, config)


@pytest.mark.tfx
def test_a_metric_that_is_no_number_is_read():
    """A model that learned from NaN: its summary shows that, and does not fail."""
    from fluentml.results import evaluation

    outputs = {"": {"": {"auc": {"doubleValue": "NaN"}, "loss": {"doubleValue": 0.5}}}}
    result = SimpleNamespace(slicing_metrics=[((), outputs)])
    metrics = evaluation._by_slice(result, {"auc": "AUC"}, evaluation.number)[""]
    assert math.isnan(metrics.pop("AUC"))
    assert metrics == {"loss": 0.5}
