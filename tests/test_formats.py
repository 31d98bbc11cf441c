"""A push in other formats: made of the blessed model, and held to its predictions."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import fluentml as fml
from fluentml.components import MetricCondition
from fluentml.errors import BackendError, DataError
from tests.conftest import Run
from tests.messages import message_of

P = fml.PipelineDef("test").from_csv("d").train("m.py")
# TensorFlow 2.21 has no interpreter for models that parse tf.Examples.
LITE = ("tflite",) if sys.version_info < (3, 11) else ()


# -- the chain -------------------------------------------------------------------------------------


def test_an_unknown_format():
    assert message_of(fml.DefinitionError, P.push_to, "s", formats=("tf_lite",)) == (
        "push_to() knows no format 'tf_lite'.\n"
        "It knows: 'saved_model', 'tflite', 'tfjs', 'hub'.\n"
        "Hint: did you mean 'tflite'?"
    )
    assert message_of(fml.DefinitionError, P.push_to, "s", formats="tflite") == (
        "push_to() takes formats= as a list, not 'tflite'.\n"
        'Hint: write formats=("tflite",), or name a signature: '
        'formats={"tflite": "serving_columns"}.'
    )


def test_the_saved_model_is_always_pushed():
    plain = P.push_to("s")
    assert P.push_to("s", formats=("saved_model",)) == plain
    assert [node.id for node in plain.graph.nodes] == ["CsvExampleGen", "Trainer", "Pusher"]
    both = P.push_to("s", formats=("tflite", "saved_model", "tflite"))
    assert dict(both.components[-1].formats) == {"tflite": "serving_default"}
    named = P.push_to("s", formats={"saved_model": "any", "tflite": "serving_columns"})
    assert dict(named.graph["Pusher_formats"].component.formats) == {"tflite": "serving_columns"}


def test_the_converter_stands_behind_the_same_gates():
    chain = (
        P.train("m.py", id="Other")
        .evaluate_model("l", metrics=["AUC"], thresholds={"AUC": 0.8})
        .infra_validate(id="Others", inputs={"model": "Other.model"})
        .push_to("s", formats=("tflite",))
        .push_to("t", formats=("hub",), id="Second", inputs={"model": "Other.model"})
    )
    reads = {
        node.id: {key: str(wire.channel) for key, wire in node.inputs.items()}
        for node in chain.graph.nodes
    }
    assert reads["Pusher_formats"] == {
        "model": "Trainer.model",
        "examples": "CsvExampleGen.examples",
        "model_blessing": "Evaluator.blessing",
    }
    assert reads["Pusher"] == {
        "model": "Trainer.model",
        "model_blessing": "Evaluator.blessing",
        "converted_model": "Pusher_formats.converted_model",
    }
    assert reads["Second_formats"] == {
        "model": "Other.model",
        "examples": "CsvExampleGen.examples",
        "infra_blessing": "Others.blessing",
    }
    assert fml.Graph.from_json(chain.graph.to_json()) == chain.graph


def test_the_converter_waits_for_the_same_condition():
    good = MetricCondition(metric="AUC", key="auc", comparison=">", bound=0.9)
    chain = (
        P.evaluate_model("l", metrics=["AUC"], thresholds={"AUC": 0.8})
        .push_to("s", formats=("hub",), when=good)
        .push_to("t", formats=("hub",), when=good, id="Second")
    )
    for id in ("Pusher", "Second"):
        nodes = chain.graph[id], chain.graph[f"{id}_formats"]
        assert {node.component.when for node in nodes} == {chain.graph[id].component.when}
        assert {str(node.inputs["when.AUC"].channel) for node in nodes} == {"Evaluator_AUC.value"}


def test_a_chain_without_examples():
    chain = fml.PipelineDef("p").with_base_model("m")
    chain = chain.push_to("s", formats=("hub",), inputs={"model": "ImportedModel.result"})
    assert message_of(fml.WiringError, lambda: chain.graph) == (
        "push_to(formats=…) reads 'examples' (an Examples artifact), and no step of this pipeline "
        "produces it.\n"
        "Looked for: ExampleGen.examples.\n"
        "Hint: start the chain with from_csv(...), from_tfrecord(...) or another from_… step."
    )


@pytest.mark.tfx
def test_a_missing_program_is_told_before_the_run(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    (tmp_path / "d").mkdir()
    (tmp_path / "d/a.csv").write_text("x\n1\n")
    (tmp_path / "m.py").write_text("def run_fn(fn_args): ...\n")
    chain = (
        fml.PipelineDef("p", root=tmp_path / "artifacts")
        .from_csv(tmp_path / "d")
        .train(tmp_path / "m.py")
        .push_to(tmp_path / "s", formats=("tfjs",))
    )
    assert message_of(BackendError, chain.run) == (
        "push_to(formats=…) calls tensorflowjs_converter, which is not on the PATH.\n"
        "Hint: pip install tensorflowjs into an environment of its own, and put the bin/ of that "
        "on the PATH."
    )
    assert not (tmp_path / "artifacts").exists()


# -- a real run ------------------------------------------------------------------------------------


@pytest.mark.tfx
@pytest.mark.skipif(bool(LITE), reason="TensorFlow 2.16 runs these operations")
def test_a_lite_model_that_nothing_here_can_ask_is_refused(bench: Bench):
    import tensorflow as tf

    def parse(examples):
        return {
            "y": tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([], tf.float32)})["x"]
        }

    what, hint = message_of(DataError, bench.convert, bench.model(parse), "tflite").splitlines()
    assert what.startswith("The TensorFlow Lite model needs operations of TensorFlow itself, and ")
    assert '{"tflite": "serving_columns"}' in hint


@pytest.mark.tfx
def test_tflite_and_hub_models_beside_the_saved_model_predict_the_same(
    first_run: Run, unlabelled_rows: Path, tmp_path: Path
):
    import numpy as np
    import tensorflow as tf

    (model,) = first_run.result.artifacts("model")
    result = (
        fml.PipelineDef("p", root=tmp_path / "artifacts")
        .with_base_model(model.uri)
        .from_csv(unlabelled_rows)
        .push_to(
            tmp_path / "serving",
            formats=("saved_model", *LITE, "hub"),
            inputs={"model": "ImportedModel.result"},
        )
        .run(quiet=True)
    )
    (version,) = (tmp_path / "serving").iterdir()
    assert str(version) == result.pushed_model
    plain = {path.name for path in Path(model.uri, "Format-Serving").iterdir()}
    assert {path.name for path in version.iterdir()} == {
        *(*plain, "model.tar.gz"),
        *("model.tflite" for _ in LITE),
    }
    # Each is made of vocabularies in files, and asked for rows that were not there before.
    files = tf.io.gfile.glob(f"{result.artifacts('examples')[0].uri}/Split-train/*")
    examples = [*tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator()]
    wanted = tf.saved_model.load(str(version)).signatures["serving_default"](tf.constant(examples))
    wanted = wanted["outputs"].numpy()
    assert len(wanted) > 50
    assert wanted.max() > 2 * wanted.min()
    if LITE:
        lite = tf.lite.Interpreter(str(version / "model.tflite")).get_signature_runner()
        got = [lite(examples=np.array([one], object))["outputs"] for one in examples]
        assert np.concatenate(got) == pytest.approx(wanted, rel=1e-3, abs=1e-5)
    shutil.unpack_archive(version / "model.tar.gz", tmp_path / "unpacked")
    unpacked = tf.saved_model.load(str(tmp_path / "unpacked")).signatures["serving_default"]
    assert unpacked(tf.constant(examples))["outputs"].numpy() == pytest.approx(wanted)
    assert fml.Graph.from_json(first_run.pipeline.graph.to_json()) == first_run.pipeline.graph


# -- models of all kinds ------------------------------------------------------------------------


COLORS = (b"red", b"blue", b"green", b"unheard of")


class Bench:
    """A folder with examples, into which models are put and converted."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0

    def examples(self) -> Any:
        import tensorflow as tf
        from tfx.types import standard_artifacts

        artifact = standard_artifacts.Examples()
        artifact.uri, artifact.split_names = str(self.folder / "examples"), '["all"]'
        (self.folder / "examples/Split-all").mkdir(parents=True, exist_ok=True)
        path = str(self.folder / "examples/Split-all/e.gz")
        with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
            for number in range(20):
                features = {
                    "x": tf.train.Feature(float_list=tf.train.FloatList(value=[number / 7])),
                    "color": tf.train.Feature(
                        bytes_list=tf.train.BytesList(value=[COLORS[number % 4]])
                    ),
                    "n": tf.train.Feature(int64_list=tf.train.Int64List(value=[number])),
                }
                example = tf.train.Example(features=tf.train.Features(feature=features))
                writer.write(example.SerializeToString())
        return artifact

    def model(
        self, function: Any, *, name: str = "serving_default", holds: Any = None, **specs: Any
    ) -> Any:
        """Return a Model artifact; `holds` is a tf.Module with what the function reads."""
        import tensorflow as tf
        from tfx.types import standard_artifacts

        self.count += 1
        artifact = standard_artifacts.Model()
        artifact.uri = str(self.folder / f"model-{self.count}")
        specs = specs or {"examples": tf.TensorSpec([None], tf.string, name="examples")}
        traced = tf.function(function).get_concrete_function(**specs)
        path = f"{artifact.uri}/Format-Serving"
        tf.saved_model.save(holds or tf.Module(), path, signatures={name: traced})
        return artifact

    def convert(
        self, model: Any, *formats: str, signature: str = "serving_default", **gates: Any
    ) -> Path:
        """Return the folder of the converted model."""
        from tfx.types import standard_artifacts

        from fluentml.executors.model_converter import Executor

        converted = standard_artifacts.Model()
        converted.uri = f"{model.uri}-converted"
        Executor().Do(
            {"model": [model], "examples": [self.examples()], **gates},
            {"converted_model": [converted]},
            {"formats": json.dumps(dict.fromkeys(formats, signature))},
        )
        return Path(converted.uri)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.tfx
def test_a_model_that_predicts_otherwise_is_refused(bench: Bench):
    import tensorflow as tf

    model = bench.model(lambda examples: {"chance": tf.random.uniform(tf.shape(examples)) + 1})
    what, hint = message_of(DataError, bench.convert, model, "tflite").splitlines()
    # Where another test has set a seed, the first batch may well be the same.
    assert re.fullmatch(
        "The TensorFlow Lite model predicts otherwise than the SavedModel: 'chance' differs for "
        r"(\d+ of 20|1 of 1) examples, by up to 0\.\d+\.",
        what,
    )
    assert hint == (
        "Hint: leave 'tflite' out of formats=, or replace the operations whose kernels differ."
    )
    assert not Path(f"{model.uri}-converted").exists()


@pytest.mark.tfx
def test_an_operation_that_does_not_convert_is_named(bench: Bench):
    import tensorflow as tf

    model = bench.model(lambda examples: {"raw": tf.raw_ops.DecodeCompressed(bytes=examples)})
    assert message_of(DataError, bench.convert, model, "tflite") == (
        "The model does not convert to TensorFlow Lite: 'tf.DecodeCompressed' op is neither a "
        "custom op nor a flex op\n"
        "Hint: leave 'tflite' out of formats=, or replace what it cannot hold."
    )


@pytest.mark.tfx
def test_a_model_without_the_signature(bench: Bench):
    model = bench.model(lambda examples: {"y": examples}, name="predict")
    assert message_of(DataError, bench.convert, model, "hub") == (
        "Another format is to be made of the signature 'serving_default', which the model lacks.\n"
        "It has: 'predict'.\n"
        'Hint: name another: push_to(…, formats={"tflite": "serving_default"}); '
        "fluentml.training.save says which it writes."
    )
    folder = bench.convert(model, "hub", "tflite", signature="predict")
    assert {path.name for path in folder.iterdir()} == {"Format-Hub", "Format-TFLite"}


@pytest.mark.tfx
def test_a_model_without_its_blessing_is_not_converted(bench: Bench):
    from tfx.types import standard_artifacts

    blessing = standard_artifacts.ModelBlessing()
    blessing.set_int_custom_property("blessed", 0)
    model = bench.model(lambda examples: {"y": examples})
    assert not bench.convert(model, "hub", model_blessing=[blessing]).exists()


@pytest.mark.tfx
def test_a_signature_of_plain_features_is_asked_by_their_names(bench: Bench):
    import tensorflow as tf

    specs = {
        "x": tf.TensorSpec([None, 1], tf.float32, name="x"),
        "n": tf.TensorSpec([None, 1], tf.int32, name="n"),
    }
    model = bench.model(lambda x, n: {"y": tf.sqrt(x) + tf.cast(n, tf.float32)}, **specs)
    folder = bench.convert(model, "tflite", "hub")
    assert {str(path.relative_to(folder)) for path in folder.rglob("*.*")} == {
        "Format-TFLite/model.tflite",
        "Format-Hub/model.tar.gz",
    }
    unknown = bench.model(lambda z: {"y": z}, z=tf.TensorSpec([None, 3], tf.float32, name="z"))
    assert message_of(DataError, bench.convert, unknown, "hub") == (
        "The signature 'serving_default' takes z (float32 (None, 3)), and the raw examples have no "
        "such features to compare predictions on.\n"
        "Hint: let it take serialized tf.Examples, or features as they stand in the data."
    )


@pytest.mark.tfx
def test_differences_in_words():
    import numpy as np

    from fluentml.executors.model_converter import difference

    right = {"y": np.array([[1.0], [2.0], [np.nan]]), "k": np.array([[1], [2], [3]])}
    assert difference(right, {name: array.copy() for name, array in right.items()}) is None
    near = {**right, "y": right["y"] * 1.0005}
    assert difference(right, near) is None
    far = {**right, "y": right["y"] + [[0.0], [0.25], [0.0]]}
    assert difference(right, far) == "'y' differs for 1 of 3 examples, by up to 0.25"
    other = {**right, "k": np.array([[1], [0], [0]])}
    assert difference(right, other) == "'k' differs for 2 of 3 examples, by up to 3"
    text = {"t": np.array([b"a", b"b"], object)}
    assert difference(text, {"t": np.array([b"a", b"c"], object)}) == (
        "'t' differs for 1 of 2 examples"
    )
    flags = {"f": np.array([True, False])}
    assert difference(flags, {"f": ~flags["f"]}) == "'f' differs for 2 of 2 examples"
    mean = {"m": np.float32(0.5) * np.ones([])}
    assert difference(mean, {"m": mean["m"] + 1}) == "'m' differs for 1 of 1 examples, by up to 1"
    assert difference(right, {"y": right["y"]}) == "it returns ['y'] rather than ['k', 'y']"
    flat = {**right, "k": right["k"].ravel()}
    assert difference(right, flat) == "'k' has the shape (3,) rather than (3, 1)"


def model_with_a_vocabulary(bench: Bench) -> Any:
    """Return a Model artifact of columns and a table in a file, with another that nobody reads."""
    import tensorflow as tf

    lookup, index = tf.lookup, tf.lookup.TextFileIndex
    vocabulary = bench.folder / "colors.txt"
    vocabulary.write_text("red\nblue\ngreen\n")
    module = tf.Module()
    module.weights = tf.Variable([[0.3], [0.7]])
    module.colors = lookup.StaticHashTable(
        lookup.TextFileInitializer(
            str(vocabulary), tf.string, index.WHOLE_LINE, tf.int64, index.LINE_NUMBER
        ),
        -1,
    )
    unread = lookup.KeyValueTensorInitializer(["a"], tf.constant([1], tf.int64))
    module.unread = lookup.StaticHashTable(unread, -1)

    def predict(color: Any, x: Any) -> Any:
        code = tf.cast(module.colors.lookup(color), tf.float32)
        return {"y": tf.sigmoid(tf.concat([code, x], 1) @ module.weights)}

    return bench.model(
        predict,
        name="serving_columns",
        holds=module,
        color=tf.TensorSpec([None, 1], tf.string, name="color"),
        x=tf.TensorSpec([None, 1], tf.float32, name="x"),
    )


@pytest.mark.tfx
def test_a_vocabulary_travels_with_the_model(bench: Bench):
    import numpy as np
    import tensorflow as tf

    model = model_with_a_vocabulary(bench)
    folder = bench.convert(model, "tflite", "hub", signature="serving_columns")
    shutil.rmtree(model.uri)
    (bench.folder / "colors.txt").unlink()
    path = str(folder / "Format-TFLite/model.tflite")
    lite = tf.lite.Interpreter(path).get_signature_runner("serving_columns")
    x = np.array([[2.0]], np.float32)
    for code, color in zip((0, 1, 2, -1), COLORS, strict=True):
        answer = lite(color=np.array([[color]], object), x=x)["y"]
        assert answer == pytest.approx(1 / (1 + np.exp(-(0.3 * code + 1.4))), rel=1e-5)


@pytest.mark.tfx
@pytest.mark.skipif(
    shutil.which("tensorflowjs_converter") is None,
    reason="tensorflowjs wants an environment of its own; put its bin/ on the PATH",
)
def test_the_real_tensorflow_js_converter(bench: Bench):
    folder = bench.convert(model_with_a_vocabulary(bench), "tfjs", signature="serving_columns")
    model = json.loads((folder / "Format-TFJS/tfjs/model.json").read_text())
    assert {*model["signature"]["inputs"]} >= {"color", "x"}
    assert model["weightsManifest"][0]["paths"]


# -- TensorFlow.js: the converter is a stand-in, which keeps what it was called with ---------------


@pytest.fixture
def fake_converter(tmp_path: Path, monkeypatch) -> Path:
    """Put a stand-in for tensorflowjs_converter on the PATH; return the file with its arguments."""
    program = tmp_path / "bin/tensorflowjs_converter"
    program.parent.mkdir()
    told = tmp_path / "told"
    program.write_text(
        textwrap.dedent(f"""\
            #!/bin/sh
            for last; do :; done
            for option; do echo "$option"; done > {told}
            test -f "$3/saved_model.pb" || exit 3
            test -e {tmp_path}/fail && echo "Unsupported Ops: Foo" >&2 && exit 1
            mkdir -p "$last" && echo {{}} > "$last/model.json"
            """)
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return told


@pytest.mark.tfx
def test_the_tensorflow_js_converter_is_called(bench: Bench, fake_converter: Path):
    import tensorflow as tf

    model = bench.model(lambda x: {"y": x}, x=tf.TensorSpec([None, 1], tf.float32, name="x"))
    folder = bench.convert(model, "tfjs")
    assert (folder / "Format-TFJS/tfjs/model.json").exists()
    options = fake_converter.read_text().splitlines()
    assert options[:2] == ["--input_format=tf_saved_model", "--signature_name=serving_default"]
    assert options[3].endswith("/tfjs")
    (fake_converter.parent / "fail").touch()
    assert message_of(DataError, bench.convert, model, "tfjs") == (
        "The model does not convert to TensorFlow.js: Unsupported Ops: Foo\n"
        "Hint: leave 'tfjs' out of formats=, or replace what it cannot hold."
    )


@pytest.mark.tfx
def test_tensorflow_js_parses_no_examples(bench: Bench):
    model = bench.model(lambda examples: {"y": examples})
    assert message_of(DataError, bench.convert, model, "tfjs") == (
        "TensorFlow.js cannot parse tf.Examples, which the signature 'serving_default' takes.\n"
        'Hint: name one that takes columns: formats={"tfjs": "serving_columns"}; '
        "fluentml.training.save writes it where no column can miss values."
    )
