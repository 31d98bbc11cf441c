import csv
import importlib.util
from pathlib import Path

import pytest

import fluentml as fml
from fluentml import datasets
from fluentml.doctor import tfx_advice
from tests.messages import message_of

needs_sklearn = pytest.mark.skipif(
    importlib.util.find_spec("sklearn") is None, reason="scikit-learn carries the data"
)
needs_tfx_files = pytest.mark.skipif(
    importlib.util.find_spec("tfx") is None, reason="TFX carries the data"
)


def rows_of(folder):
    (file,) = Path(folder).iterdir()
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


@needs_tfx_files
def test_taxi():
    rows = rows_of(datasets.taxi())
    assert len(rows) == 15_002
    assert len(rows[0]) == 18
    assert {"tips", "fare", "trip_seconds", "trip_miles", "trip_start_timestamp"} <= rows[0].keys()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "user_cache_path", lambda name: tmp_path / name)
    return tmp_path


@needs_sklearn
def test_iris(cache):
    folder = datasets.iris()
    assert folder == str(cache / "fluentml/iris")
    rows = rows_of(folder)
    assert len(rows) == 150
    assert tuple(rows[0]) == datasets.IRIS_COLUMNS
    assert {row["variety"] for row in rows} == {"setosa", "versicolor", "virginica"}
    assert rows[0]["sepal_length"] == "5.1"


@needs_sklearn
def test_diabetes(cache):
    rows = rows_of(datasets.diabetes())
    assert len(rows) == 442
    assert tuple(rows[0]) == (*datasets.DIABETES_MEASURES, "progression")
    first = rows[0]
    assert (first["age"], first["body_mass_index"], first["progression"]) == ("59", "32.1", "151")


@needs_sklearn
def test_breast_cancer(cache):
    rows = rows_of(datasets.breast_cancer())
    assert len(rows) == 569
    assert tuple(rows[0]) == (*datasets.CELL_MEASURES, "diagnosis")
    first = rows[0]
    assert (first["radius_mean"], first["area_error"], first["diagnosis"]) == (
        "17.99",
        "153.4",
        "malignant",
    )
    assert sum(row["diagnosis"] == "benign" for row in rows) == 357


@needs_sklearn
def test_digits(cache):
    rows = rows_of(datasets.digits())
    assert len(rows) == 1797
    assert {len(row["pixels"].split()) for row in rows} == {64}
    assert [row["digit"] for row in rows[:10]] == [*"0123456789"]


@pytest.fixture
def libraries(tmp_path, monkeypatch, cache):
    """Four packages of one sentence each; returns Keras's module."""
    for name in datasets.LIBRARIES:
        (tmp_path / name / "tests").mkdir(parents=True)
        (tmp_path / name / "a.py").write_text(f"def a():\n    'What does {name} do?'\n")
    monkeypatch.setattr(datasets, "_package", lambda name: tmp_path / name)
    return tmp_path / "keras/a.py"


def test_docstrings(libraries):
    libraries.write_text(
        """
class Layer:
    '''A layer, "dense"
    or not.

    More of it.
    '''

    def call(self):
        "Call it on some tensors."

        def inner():
            "Not seen from outside."

    def _hidden(self):
        "Not for anybody to see."

def again(): "Call it on some tensors."
def short(): "Too few words."
def silent(): ...
"""
    )
    (libraries.parent / "tests/a.py").write_text("def a(): 'What is only a test.'")
    assert [tuple(row.values()) for row in rows_of(datasets.docstrings())] == [
        ('A layer, "dense" or not.', "keras"),
        ("Call it on some tensors.", "keras"),
        *((f"What does {name} do?", name) for name in ("pandas", "scipy", "sklearn")),
    ]


@needs_sklearn
def test_iris_is_written_once_and_leaves_nothing_beside_it(cache):
    file = Path(datasets.iris()) / "iris.csv"
    written = file.stat().st_mtime_ns
    datasets.iris()
    assert file.stat().st_mtime_ns == written
    assert [path.name for path in (cache / "fluentml").iterdir()] == ["iris"]


@pytest.mark.parametrize(
    ("dataset", "package"),
    [(datasets.taxi, "tfx"), (datasets.iris, "sklearn"), (datasets.docstrings, "sklearn")],
)
def test_a_missing_package_is_named_with_the_remedy(dataset, package, monkeypatch, cache):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert message_of(fml.MissingDependencyError, dataset) == (
        f"These data come with the package {package!r}, which is not installed.\n"
        f"Hint: {tfx_advice()}"
    )
