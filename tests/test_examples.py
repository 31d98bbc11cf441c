"""Every example runs to a pushed model, which a fresh process asks in named columns."""

from __future__ import annotations

import ast
import csv
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fluentml import cli, datasets
from fluentml.cli.starting import Template
from fluentml.loading import load
from tests.conftest import EXAMPLES
from tests.test_lowering import as_dict
from tests.test_training import fn_args_reading

pytestmark = pytest.mark.tfx

DATA = {
    "iris": datasets.iris,
    "diabetes": datasets.diabetes,
    "digits": datasets.digits,
    "docstrings": datasets.docstrings,
    "breast_cancer": datasets.breast_cancer,
}
TEXT = ("variety", "pixels", "text", "library", "diagnosis")

# As a client of a model server, which knows the columns: no pipeline, and no scikit-learn.
ASK = """
import json, sys
sys.modules["sklearn"] = None
import tensorflow as tf

def answers(model, columns):
    raw = tf.saved_model.load(model).signatures["serving_raw"]
    types = raw.structured_input_signature[1]
    asked = {name: tf.cast(tf.constant(columns[name]), spec.dtype) for name, spec in types.items()}
    return {name: value.numpy().tolist() for name, value in raw(**asked).items()}

questions = json.load(sys.stdin)
json.dump({m: answers(m, c) for m, c in questions.items()}, sys.stdout, default=bytes.decode)
"""


@pytest.fixture(scope="module")
def pushed(tmp_path_factory):
    """The results of the examples by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("examples"))
        names = [*DATA, "taxi"]
        return {name: load(str(EXAMPLES / f"{name}.py")).run(quiet=True) for name in names}


def rows_of(name: str) -> list[dict[str, str]]:
    (file,) = Path(DATA[name]()).glob("*.csv")
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def answers(pushed):
    """What the models answer to the rows of their data, by the example's name."""
    questions = {}
    for name in DATA:
        rows = rows_of(name)
        questions[pushed[name].pushed_model] = {
            column: [row[column] if column in TEXT else float(row[column]) for row in rows]
            for column in rows[0]
        }
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(zip(DATA, json.loads(done.stdout).values(), strict=True))


def test_iris_answers_in_words(answers):
    rows = rows_of("iris")
    words = answers["iris"]["label"]
    right = [word == [row["variety"]] for word, row in zip(words, rows, strict=True)]
    assert sum(right) > 0.9 * len(rows)


def test_diabetes_is_a_regression(answers):
    rows = rows_of("diabetes")
    assert set(answers["diabetes"]) == {"outputs"}
    errors = [
        abs(guess - float(row["progression"]))
        for (guess,), row in zip(answers["diabetes"]["outputs"], rows, strict=True)
    ]
    assert sum(errors) / len(rows) < 55


def test_a_forest_of_scikit_learn_answers_in_words(answers, pushed):
    rows = rows_of("breast_cancer")
    served = answers["breast_cancer"]
    assert set(served) == {"outputs", "label"}
    right = [word == [row["diagnosis"]] for word, row in zip(served["label"], rows, strict=True)]
    assert sum(right) > 0.95 * len(rows)
    assert pushed["breast_cancer"].metrics["AUC"] > 0.98
    assert len((EXAMPLES / "breast_cancer.py").read_text().splitlines()) <= 50


def test_digits_are_images(answers):
    rows = rows_of("digits")
    guesses = [max(range(10), key=c.__getitem__) for c in answers["digits"]["outputs"]]
    right = [guess == int(row["digit"]) for guess, row in zip(guesses, rows, strict=True)]
    assert sum(right) > 0.9 * len(rows)


def test_docstrings_are_of_a_library(answers):
    rows = rows_of("docstrings")
    words = answers["docstrings"]["label"]
    right = [word == [row["library"]] for word, row in zip(words, rows, strict=True)]
    assert sum(right) > 0.85 * len(rows)


@pytest.mark.parametrize("template", Template)
def test_a_template_is_sound_and_an_example_that_ran(pushed, tmp_path, monkeypatch, template):
    monkeypatch.chdir(tmp_path)
    for command in (["init", "mine.py", "-t", template.value], ["check", "mine.py"]):
        assert CliRunner().invoke(cli.app, command).exit_code == 0
    assert Path("mine.py").read_bytes() == (EXAMPLES / f"{template.example}.py").read_bytes()
    planned = CliRunner().invoke(cli.app, ["plan", "mine.py"]).output
    nodes = [line.split()[0] for line in planned.splitlines() if line and line[0] != " "]
    assert nodes == [*pushed[template.example].nodes]


def test_taxi_in_one_file(pushed):
    assert pushed["taxi"].metrics["AUC"] > 0.9
    assert len((EXAMPLES / "taxi.py").read_text().splitlines()) <= 70
    (trials,) = pushed["taxi"].tunings
    assert len(pushed["taxi"].trials()) == 3, trials


def test_the_demo_predicts_with_what_it_pushed(pushed):
    """In a fresh process, which takes over what the same chain made here before."""
    folder = Path(pushed["taxi"].pushed_model).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "fluentml", "demo", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    table = [line.split("│")[1:-1] for line in done.stdout.splitlines() if line.startswith("│")]
    predicted = {true.strip(): [] for *_, true in table}
    for *_, probability, true in table:
        predicted[true.strip()].append(float(probability))
    assert [*map(len, predicted.values())] == [3, 3]
    assert min(predicted["yes"]) > max(predicted["no"])


# -- taxi by hand, against TFX ---------------------------------------------------------------------


def test_by_hand_the_graph_is_the_same(tmp_path, monkeypatch):
    from tfx.components.util import udf_utils

    from tests.handwritten.taxi.pipeline import MODULE, create_pipeline

    monkeypatch.chdir(tmp_path)
    # A wheel for each step takes seconds, and says nothing of the graph.
    monkeypatch.setattr(udf_utils, "should_package_user_modules", lambda: False)
    ours = json.dumps(as_dict(load(str(EXAMPLES / "taxi.py")).to_tfx()))
    ours = re.sub(r"[^\"]*/_modules/\w+/\w+\.py", str(MODULE), ours).replace(f"{tmp_path}/", "")
    assert json.loads(ours) == as_dict(create_pipeline())


def test_by_hand_the_features_are_the_same():
    import tensorflow as tf

    from fluentml import training
    from tests.handwritten.taxi import module

    def statements(path):
        """Return what preprocessing_fn does, but for what it imports."""
        (function,) = (
            node
            for node in ast.parse(Path(path).read_text()).body
            if getattr(node, "name", "") == "preprocessing_fn"
        )
        kept = [node for node in function.body if not isinstance(node, ast.Import | ast.ImportFrom)]
        return [ast.dump(node) for node in kept]

    assert statements(module.__file__) == statements(EXAMPLES / "taxi.py")
    for column in (tf.constant([[1], [2]]), tf.constant([["a"], ["b"]])):
        sparse = tf.sparse.from_dense(tf.concat([column[:1], tf.zeros_like(column)], axis=0))
        for given in (column, sparse):
            dense = module.fill_missing(given)
            assert dense.shape == (column.shape if given is column else (3, 1))
            assert tf.reduce_all(dense == training.fill_missing(given))


def test_by_hand_the_model_is_the_same():
    import keras
    import keras_tuner

    from tests.handwritten.taxi import module

    def described(model):
        return re.sub(r"_\d+", "", str([model.get_config(), model.get_compile_config()]))

    by_hand = module.build_model(keras_tuner.HyperParameters())
    features = {
        name: keras.Input(tensor.shape[1:], name=name, dtype=tensor.dtype)
        for name, tensor in by_hand.input.items()
    }
    build_model = runpy.run_path(str(EXAMPLES / "taxi.py"))["build_model"]
    ours = build_model(keras_tuner.HyperParameters(), features)
    assert described(ours) == described(by_hand)


def test_by_hand_it_searches_and_trains_and_serves(pushed, tmp_path):
    import tensorflow as tf

    from tests.handwritten.taxi import module

    taxi = pushed["taxi"]
    (transformed,), (graph,), (raw,) = (
        taxi.artifacts(channel)
        for channel in (
            "Transform.transformed_examples",
            "Transform.transform_graph",
            "CsvExampleGen.examples",
        )
    )
    fn_args = fn_args_reading(
        transformed.uri,
        transform_graph_path=graph.uri,
        train_steps=3,
        working_dir=str(tmp_path / "search"),
        model_run_dir=str(tmp_path / "logs"),
        serving_model_dir=str(tmp_path / "model"),
    )
    found = module.tuner_fn(fn_args)
    found.tuner.search(**found.fit_kwargs, validation_steps=2)
    (best,) = found.tuner.get_best_hyperparameters()
    assert best.get("width") in (32, 64, 96, 128)
    fn_args.hyperparameters = best.get_config()
    fn_args.train_steps = 100
    module.run_fn(fn_args)

    (file,) = Path(raw.uri).glob("Split-eval/*")
    examples = next(iter(tf.data.TFRecordDataset(str(file), "GZIP").batch(200)))
    by_hand, ours = (
        tf.saved_model.load(model).signatures
        for model in (str(tmp_path / "model"), taxi.pushed_model)
    )
    assert by_hand["serving_default"](examples)["outputs"].shape == (200, 1)
    features, same = (each["transform_features"](examples) for each in (by_hand, ours))
    assert features.keys() == same.keys()
    for name, column in features.items():
        assert tf.reduce_all(column == same[name])
