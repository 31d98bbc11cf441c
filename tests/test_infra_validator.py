"""A fresh process plays the model server: what it blesses, and in which words it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import fluentml as fml

pytestmark = pytest.mark.tfx


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An Examples artifact: the split `eval` has x = 0 … 19, the split `none` nothing."""
    import tensorflow as tf
    from tfx.types import standard_artifacts

    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path_factory.mktemp("examples"))
    artifact.split_names = '["eval", "none"]'
    Path(artifact.uri, "Split-none").mkdir()
    folder = Path(artifact.uri, "Split-eval")
    folder.mkdir()
    with tf.io.TFRecordWriter(str(folder / "data.gz"), "GZIP") as writer:
        for number in range(20):
            floats = tf.train.FloatList(value=[float(number)])
            features = tf.train.Features(feature={"x": tf.train.Feature(float_list=floats)})
            writer.write(tf.train.Example(features=features).SerializeToString())
    return artifact


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A Model artifact with a signature for every way to answer."""
    import tensorflow as tf
    from tfx.types import standard_artifacts

    def x(examples, **more):
        spec = {"x": tf.io.FixedLenFeature([1], tf.float32), **more}
        return tf.io.parse_example(examples, spec)["x"]

    def abort(examples):
        with tf.control_dependencies([tf.raw_ops.Abort(error_msg="out of order")]):
            return x(examples) + 0

    def sparse(examples):
        spec = {"x": tf.io.VarLenFeature(tf.float32)}
        return tf.io.parse_example(examples, spec)["x"]

    answers = {
        "serving_default": lambda examples: 2 * x(examples),
        "words": lambda examples: tf.strings.as_string(x(examples)),
        "sparse": sparse,
        "logarithm": lambda examples: tf.math.log(x(examples) - 3),
        "mean": lambda examples: tf.reduce_mean(x(examples), keepdims=True),
        "number": lambda examples: tf.reduce_mean(x(examples)),
        "labelled": lambda examples: x(examples, y=tf.io.FixedLenFeature([1], tf.float32)),
        "abort": abort,
    }
    takes = tf.TensorSpec([None], tf.string, name="examples")
    signatures = {
        name: tf.function(
            lambda examples, answer=answer: {"y": answer(examples)}, autograph=False
        ).get_concrete_function(takes)
        for name, answer in answers.items()
    }
    features = tf.TensorSpec([None, 1], tf.float32, name="x")
    double = tf.function(lambda x: {"y": 2 * x}, autograph=False)
    signatures["features"] = double.get_concrete_function(features)
    artifact = standard_artifacts.Model()
    artifact.uri = str(tmp_path_factory.mktemp("model"))
    folder = f"{artifact.uri}/Format-Serving"
    tf.saved_model.save(tf.Module(), folder, signatures=signatures)
    return artifact


def validate(folder: Path, model: Any, examples: Any | None, **parameters: Any) -> tuple[Any, Any]:
    """Return the blessing that the component's executor writes, and the report in it."""
    from tfx.types import standard_artifacts

    from fluentml.executors.infra_validator import REPORT, Executor

    blessing = standard_artifacts.InfraBlessing()
    blessing.uri = str(folder)
    inputs = {"model": [model], **({"examples": [examples]} if examples else {})}
    Executor().Do(inputs, {"blessing": [blessing]}, properties(**parameters))
    return blessing, json.loads((folder / REPORT).read_text())


def properties(**parameters: Any) -> dict[str, Any]:
    """Return the execution properties that the lowered component has."""
    chain = fml.PipelineDef("p").from_csv("data").train("json.loads")
    lowered = chain.infra_validate(**parameters).to_tfx()
    (component,) = (c for c in lowered.components if c.id == "InfraValidator")
    return {name: value for name, value in component.exec_properties.items() if value is not None}


def test_a_model_that_serves_is_blessed_as_tfx_does_it(tmp_path: Path, model, examples):
    from tfx.components.infra_validator import executor as stock
    from tfx.components.util import model_utils

    blessing, report = validate(
        tmp_path,
        model,
        examples,
        signatures=["serving_default", "words", "sparse"],
        requests=20,
        max_startup_s=60,
        max_latency_ms=60_000,
        max_memory_mb=100_000,
    )
    assert model_utils.is_infra_validated(blessing)
    assert {path.name for path in tmp_path.iterdir()} == {stock._BLESSED_FILENAME, "report.json"}
    assert (report["blessed"], report["reasons"]) == (True, [])
    assert 0 < report["startup_s"] < 60
    assert 100 < report["memory_mb"] < 2000  # and nothing of this process's own
    for facts in report["signatures"].values():
        assert facts["outputs"] == {"y": [10, 1]}
        assert len(facts["latencies_ms"]) == 20
        # The 19th of 20: nobody but the slowest may take longer.
        assert facts["latency_ms"] == sorted(facts["latencies_ms"])[18]


def test_every_refusal_says_why(tmp_path: Path, model, examples):
    from tfx.components.infra_validator import executor as stock
    from tfx.components.util import model_utils

    blessing, report = validate(
        tmp_path,
        model,
        examples,
        signatures=[
            *("serving_default", "logarithm", "mean", "number", "labelled", "features", "predict"),
        ],
        max_startup_s=1e-6,
        max_latency_ms=1e-6,
        max_memory_mb=1,
        percentile=50,
    )
    assert not model_utils.is_infra_validated(blessing)
    assert blessing.get_int_custom_property("blessed") == 0
    assert (tmp_path / stock._NOT_BLESSED_FILENAME).exists()
    *answers, startup, memory, latency = report["reasons"]
    assert answers == [
        "logarithm answered 4 of 10 examples with NaN or infinity in 'y'",
        "mean answered 10 examples with 1 in 'y'",
        "number answered 10 examples with one number in 'y'",
        "asking labelled failed: InvalidArgumentError: Name: <unknown>, Feature: y (data type: "
        "float) is required but could not be found.",
        "features takes x (float32 (None, 1)), not one batch of serialized tf.Examples",
        "the model has no signature 'predict'; it has: 'serving_default', 'words', 'sparse', "
        "'logarithm', 'mean', 'number', 'labelled', 'abort', 'features'",
    ]
    assert startup.startswith("loading the model took ")
    assert startup.endswith(" s, more than 1e-06")
    assert memory.endswith(" MB of memory, more than 1")
    assert latency.startswith("serving_default took ")
    assert latency.endswith(" ms at the 50th percentile, more than 1e-06")


def test_a_model_that_takes_its_process_down_is_refused(tmp_path: Path, model, examples):
    blessing, report = validate(tmp_path, model, examples, signatures=["serving_default", "abort"])
    assert blessing.get_int_custom_property("blessed") == 0
    assert report["reasons"] == ["its process was killed by SIGABRT while asking abort"]
    assert report["signatures"]["serving_default"]["latency_ms"] > 0  # what was known before


def test_a_model_that_takes_too_long_is_refused(tmp_path: Path, model, examples):
    _, report = validate(tmp_path, model, examples, timeout_s=0.2)
    (reason,) = report["reasons"]
    assert reason.startswith("it was still starting")
    assert reason.endswith(" after 0.2 s")


def test_a_model_that_does_not_load_is_refused(tmp_path: Path, examples):
    from tfx.types import standard_artifacts

    empty = standard_artifacts.Model()
    empty.uri = str(tmp_path / "model")
    _, report = validate(tmp_path, empty, examples, split="none")
    no_examples, no_model = report["reasons"]
    assert no_examples == "the split 'none' has no examples"
    assert no_model.startswith("loading the model failed: OSError: SavedModel file does not exist")


def test_without_examples_the_model_is_only_loaded(tmp_path: Path, model):
    _, report = validate(tmp_path, model, None, max_latency_ms=5)
    assert report["reasons"] == ["it got no examples to measure the latency with"]
    assert report["startup_s"] > 0
    assert report["signatures"] == {}


def test_it_runs_and_gates_under_tfx_s_own_runner(tmp_path: Path, model, examples):
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    for name in ("good", "bad"):
        signature = "serving_default" if name == "good" else "logarithm"
        chain = (
            fml.PipelineDef(name, root=tmp_path)
            .from_tfrecord(Path(examples.uri, "Split-eval"), split={"eval": 1})
            .with_base_model(f"{model.uri}")
            .infra_validate(
                signatures=[signature],
                inputs={"model": "ImportedModel.result", "examples": "ImportExampleGen.examples"},
            )
            .push_to(
                tmp_path / name / "serving",
                inputs={"model": "ImportedModel.result"},
            )
        )
        LocalDagRunner().run(chain.to_tfx())
    assert len([*(tmp_path / "good/serving").iterdir()]) == 1
    assert not (tmp_path / "bad/serving").exists()
