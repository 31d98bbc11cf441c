"""Our Evaluator's executor beside TFX's: the same metrics, the same verdict, the same files."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.tfx

ROWS = 300
IN_PROCESS = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"


def _columns() -> dict[str, list[list[Any]]]:
    import numpy as np

    random = np.random.default_rng(7)
    score = random.uniform(0, 1, ROWS).round(3)
    columns = {
        "score": [[one] for one in score],
        "label": [[int(one)] for one in random.uniform(0, 1, ROWS) < score],
        "share": [[one] for one in (score + random.uniform(0, 1, ROWS)) / 2],
        "kind": [[int(one)] for one in random.integers(0, 3, ROWS)],
        "weight": [[one] for one in random.uniform(0.1, 3, ROWS)],
        "hour": [[int(one)] for one in random.integers(0, 5, ROWS)],
        "city": [[one] for one in random.choice(["Ghent", "Łódź"], ROWS)],
        "tags": [[*random.choice(["a", "b", "c"], random.integers(0, 3))] for _ in range(ROWS)],
    }
    columns["hour"][::7] = [[]] * len(columns["hour"][::7])
    return columns


def _write_examples(folder: Path) -> None:
    import tensorflow as tf

    options = tf.io.TFRecordOptions(compression_type="GZIP")
    folder.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(folder / "data-00000-of-00001.gz"), options) as writer:
        columns = _columns()
        for row in zip(*columns.values(), strict=True):
            example = tf.train.Example()
            for name, values in zip(columns, row, strict=True):
                feature = example.features.feature[name]
                if name in ("hour", "label", "kind"):
                    feature.int64_list.value.extend(values)
                elif name in ("city", "tags"):
                    feature.bytes_list.value.extend(one.encode() for one in values)
                else:
                    feature.float_list.value.extend(values)
            writer.write(example.SerializeToString())


def _save_model(folder: Path, outputs: Callable[[Any], Any]) -> None:
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def serve(examples: Any) -> Any:
        spec = {"score": tf.io.FixedLenFeature([1], tf.float32)}
        return outputs(tf.io.parse_example(examples, spec)["score"])

    module = tf.Module()
    module.serve = serve
    tf.saved_model.save(module, str(folder / "Format-Serving"), {"serving_default": serve})


def _binary(score: Any) -> Any:
    return {"output": score}


def _worse(score: Any) -> Any:
    return {"output": 1 - score * score}


def _three(score: Any) -> Any:
    import tensorflow as tf

    return {"output": tf.concat([score / 2, 1 - score, score / 2], axis=1)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    _write_examples(folder / "examples/Split-eval")
    for model in (_binary, _worse, _three):
        _save_model(folder / model.__name__, model)
    return folder


def _evaluate(executor: type, made: Path, folder: Path, model: str, config: Any, baseline: str):
    """Run an executor; return all it found, and the files it wrote."""
    import tensorflow_model_analysis as tfma
    from google.protobuf import json_format
    from tfx.types import standard_artifacts as kinds

    def artifact(kind: type, uri: Path, id: int = 1) -> Any:
        one = kind()
        one.uri, one.id = str(uri), id
        return one

    examples = artifact(kinds.Examples, made / "examples")
    examples.split_names = '["eval"]'
    inputs = {"examples": [examples], "model": [artifact(kinds.Model, made / model)]}
    if baseline:
        inputs["baseline_model"] = [artifact(kinds.Model, made / baseline, 2)]
    blessing = artifact(kinds.ModelBlessing, folder / "blessing")
    outputs = {
        "evaluation": [artifact(kinds.ModelEvaluation, folder / "evaluation")],
        "blessing": [blessing],
    }
    context = executor.Context(
        beam_pipeline_args=[IN_PROCESS], tmp_dir=str(folder / "tmp"), unique_id="1"
    )
    properties = {"eval_config": json_format.MessageToJson(config), "example_splits": "null"}
    executor(context).Do(inputs, outputs, properties)
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    result = tfma.load_eval_result(str(folder / "evaluation"))
    found = {repr(slice): metrics for slice, metrics in result.slicing_metrics}
    verdict = tfma.load_validation_result(str(folder / "evaluation"))
    return found, verdict, files, blessing.get_int_custom_property("blessed")


def _numbers(value: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Return the leaves of a nested dict."""
    if isinstance(value, dict):
        leaves = {}
        for name, one in value.items():
            leaves |= _numbers(one, (*path, str(name)))
        return leaves
    return {path: value}


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == pytest.approx(other, rel=1e-6, abs=1e-9, nan_ok=True)
    return bool(one == other)


BOUNDS = {"value_threshold": {"lower_bound": 0.7}}
GAIN = {
    "value_threshold": {"lower_bound": 0.6},
    "change_threshold": {"direction": "HIGHER_IS_BETTER", "absolute": 0.0},
}
BINARY = [
    {"class_name": "AUC", "threshold": BOUNDS},
    {"class_name": "AUC", "config": json.dumps({"name": "pr", "curve": "PR"})},
    {"class_name": "BinaryAccuracy"},
    {"class_name": "Precision", "config": json.dumps({"thresholds": [0.3, 0.8]})},
    {"class_name": "BinaryCrossentropy"},
    {"class_name": "ExampleCount"},
    {"class_name": "WeightedExampleCount"},
    {"class_name": "MeanLabel"},
]
SLICES = [
    {},
    {"feature_keys": ["hour"]},
    {"feature_keys": ["tags"]},
    {"feature_keys": ["hour", "city"]},
    {"feature_keys": ["tags"], "feature_values": {"city": "Łódź"}},
    {"feature_values": {"hour": "3"}},
    {"feature_keys": ["nowhere"]},
]
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "slices": (
        "_binary",
        {"specs": [{"metrics": BINARY}], "slicing_specs": SLICES, "example_weight_key": "weight"},
    ),
    "fractions": (
        "_binary",
        {
            "specs": [
                {
                    "metrics": [
                        {"class_name": "AUC"},
                        {"class_name": "BinaryAccuracy"},
                        {"class_name": "MeanSquaredError"},
                        {"class_name": "CalibrationPlot"},
                    ]
                }
            ],
            "label_key": "share",
        },
    ),
    "classes": (
        "_three",
        {
            "specs": [
                {
                    "metrics": [
                        {"class_name": "SparseCategoricalAccuracy"},
                        {"class_name": "MultiClassConfusionMatrixPlot"},
                    ]
                },
                {
                    "metrics": [{"class_name": "AUC"}, {"class_name": "BinaryAccuracy"}],
                    "aggregate": {"micro_average": True},
                    "binarize": {"class_ids": {"values": [0, 2]}},
                },
            ],
            "label_key": "kind",
            "slicing_specs": SLICES[:2],
        },
    ),
    "worse than the baseline": (
        "_worse",
        {
            "specs": [{"metrics": [{"class_name": "AUC", "threshold": GAIN}]}],
            "slicing_specs": SLICES[:2],
            "baseline": "_binary",
        },
    ),
}


def _config(settings: dict[str, Any]) -> Any:
    from google.protobuf import json_format
    from tensorflow_model_analysis.proto import config_pb2

    model = {"signature_name": "serving_default", "label_key": settings.get("label_key", "label")}
    if "example_weight_key" in settings:
        model["example_weight_key"] = settings["example_weight_key"]
    config = {
        "model_specs": [model],
        "metrics_specs": settings["specs"],
        "slicing_specs": settings.get("slicing_specs", []),
        "options": settings.get("options", {}),
        "cross_slicing_specs": settings.get("cross_slicing_specs", []),
    }
    return json_format.ParseDict(config, config_pb2.EvalConfig())


@pytest.mark.parametrize("case", CASES)
def test_the_same_as_tfx(case: str, made: Path, tmp_path: Path):
    from tfx.components.evaluator import executor as stock

    from fluentml.executors import evaluator

    model, settings = CASES[case]
    arguments = model, _config(settings), settings.get("baseline", "")
    assert evaluator._is_plain(arguments[1])
    theirs = _evaluate(stock.Executor, made, tmp_path / "theirs", *arguments)
    ours = _evaluate(evaluator.Executor, made, tmp_path / "ours", *arguments)
    found, expected = _numbers(ours[0]), _numbers(theirs[0])
    assert found.keys() == expected.keys()
    differing = {path for path in found if not _same(found[path], expected[path])}
    assert not differing, {path: (found[path], expected[path]) for path in differing}
    assert any(isinstance(value, float) and not math.isnan(value) for value in found.values())
    assert ours[2:] == theirs[2:]
    assert ours[1].validation_ok == theirs[1].validation_ok


AUC = [{"metrics": [{"class_name": "AUC"}]}]


@pytest.mark.parametrize(
    "settings",
    [
        {"specs": AUC, "options": {"compute_confidence_intervals": True}},
        {"specs": AUC, "options": {"min_slice_size": 9}},
        {"specs": [{**AUC[0], "query_key": "hour"}]},
        {"specs": AUC, "cross_slicing_specs": [{"baseline_spec": {}, "slicing_specs": [{}]}]},
        {"specs": AUC, "slicing_specs": [{"slice_keys_sql": "SELECT 1"}]},
    ],
    ids=str,
)
def test_what_needs_each_example_is_tfmas(settings: dict[str, Any]):
    from fluentml.executors import evaluator

    assert evaluator.in_batches({"eval_config": _config({"specs": AUC})}) is not None
    assert evaluator.in_batches({"eval_config": _config(settings)}) is None
    with_extractors = {"eval_config": _config({"specs": AUC}), "extractors": [None]}
    assert evaluator.in_batches(with_extractors) is None


@pytest.mark.parametrize("prediction", [math.nan, 0.5, -math.inf, math.inf])
def test_predictions_that_are_no_numbers(prediction: float):
    import numpy as np
    from tensorflow_model_analysis.metrics import calibration_histogram

    from fluentml.executors.evaluation_batches import Batch, Part
    from fluentml.executors.evaluation_counts import Histogram, _of_batches

    (computation,) = calibration_histogram.calibration_histogram()
    ours, theirs = _of_batches(computation).combiner, computation.combiner
    assert isinstance(ours, Histogram)
    inputs = {"labels": np.array([1]), "predictions": np.array([prediction])}
    part = Part(Batch({**inputs, "example_weights": None}), np.array([0]))
    if math.isnan(prediction):
        for combiner in (ours, theirs):
            with pytest.raises(ValueError, match="NaN"):
                combiner.add_inputs({}, part)
    else:
        assert ours.add_inputs({}, part) == theirs.add_inputs({}, list(part))


READ = ("6956ee2d3e8c21f1", "714ec88c05858aae")
"""The sources of TFMA 0.47.1 and 0.52.0, which do the same."""


def test_the_patched_parts_of_tfma_are_as_they_were_read():
    import hashlib
    import inspect

    from tensorflow_model_analysis.evaluators import (
        metrics_plots_and_validations_evaluator as tfma_evaluator,
    )
    from tensorflow_model_analysis.extractors import slice_key_extractor, unbatch_extractor
    from tensorflow_model_analysis.metrics import (
        binary_confusion_matrices,
        calibration_histogram,
        example_count,
        metric_util,
    )

    read = [
        tfma_evaluator._PreprocessorDoFn,
        tfma_evaluator._ComputationsCombineFn,
        slice_key_extractor,
        unbatch_extractor,
        binary_confusion_matrices._BinaryConfusionMatrixCombiner,
        calibration_histogram._CalibrationHistogramCombiner,
        example_count._ExampleCountCombiner,
        metric_util.to_label_prediction_example_weight,
        metric_util._yield_fractional_labels,
    ]
    source = "".join(map(inspect.getsource, read))
    # Changed: read it again, see that our executor still does the same, and note its hash.
    assert hashlib.sha256(source.encode()).hexdigest()[:16] in READ
