"""Every example runs to a pushed model, which a fresh process asks in named columns."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fluentml import datasets
from fluentml.loading import load
from tests.conftest import EXAMPLES

pytestmark = pytest.mark.tfx

DATA = {"iris": datasets.iris, "diabetes": datasets.diabetes, "digits": datasets.digits}
TEXT = ("variety", "pixels")

# As a client of a model server, which knows the columns and nothing of the pipeline.
ASK = """
import json, sys
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


def test_digits_are_images(answers):
    rows = rows_of("digits")
    guesses = [max(range(10), key=c.__getitem__) for c in answers["digits"]["outputs"]]
    right = [guess == int(row["digit"]) for guess, row in zip(guesses, rows, strict=True)]
    assert sum(right) > 0.9 * len(rows)


def test_taxi_in_one_file(pushed):
    assert pushed["taxi"].metrics["AUC"] > 0.93
    assert len((EXAMPLES / "taxi.py").read_text().splitlines()) <= 70
    (trials,) = pushed["taxi"].tunings
    assert len(pushed["taxi"].trials()) == 3, trials
