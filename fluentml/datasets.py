"""Real data without a download, from packages that the `tfx` extra installs anyway."""

from __future__ import annotations

import ast
import csv
import gzip
import importlib.util
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from platformdirs import user_cache_path

from fluentml.errors import MissingDependencyError

IRIS_COLUMNS = ("sepal_length", "sepal_width", "petal_length", "petal_width", "variety")
DIABETES_MEASURES = (
    "age",
    "sex",
    "body_mass_index",
    "blood_pressure",
    "total_cholesterol",
    "low_density_lipoproteins",
    "high_density_lipoproteins",
    "cholesterol_ratio",
    "triglycerides",
    "blood_sugar",
)
CELL_MEASURES = tuple(
    f"{measure}_{which}"
    for which in ("mean", "error", "worst")
    for measure in (
        "radius",
        "texture",
        "perimeter",
        "area",
        "smoothness",
        "compactness",
        "concavity",
        "concave_points",
        "symmetry",
        "fractal_dimension",
    )
)
LIBRARIES = ("keras", "pandas", "scipy", "sklearn")
SHORTEST = 4  # words of a sentence that says something


def taxi() -> str:
    """Return a folder with one CSV of 15,002 Chicago taxi trips, as TFX ships it.

    18 columns, many with empty cells; `tips` and `fare` are in dollars, `trip_seconds` in seconds,
    `trip_miles` in miles, `trip_start_timestamp` in Unix seconds.

    Raises:
        MissingDependencyError: TFX is not installed.
    """
    return str(_package("tfx") / "examples/chicago_taxi_pipeline/data/simple")


def iris() -> str:
    """Return a folder with one CSV of 150 iris flowers: four lengths in centimetres and `variety`.

    The data are scikit-learn's; the file is written once, to the user's cache folder.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """

    def table() -> Iterator[Sequence[str]]:
        with _sklearn("iris.csv").open(newline="") as file:
            (_, _, *varieties), *rows = csv.reader(file)
        yield IRIS_COLUMNS
        for *lengths, kind in rows:
            yield [*lengths, varieties[int(kind)]]

    return _written("iris", table)


def diabetes() -> str:
    """Return a folder with one CSV of 442 patients: ten measures and `progression`.

    `progression` tells how far the disease went within a year, from 25 to 346. The data are
    scikit-learn's; the file is written once, to the user's cache folder.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """

    def table() -> Iterator[Sequence[str]]:
        yield (*DIABETES_MEASURES, "progression")
        with (
            gzip.open(_sklearn("diabetes_data_raw.csv.gz"), "rt") as measures,
            gzip.open(_sklearn("diabetes_target.csv.gz"), "rt") as targets,
        ):
            for line, target in zip(measures, targets, strict=True):
                yield [f"{float(cell):g}" for cell in (*line.split(), target)]

    return _written("diabetes", table)


def breast_cancer() -> str:
    """Return a folder with one CSV of 569 tumours: 30 measures of their cells and `diagnosis`.

    `diagnosis` is `malignant` or `benign`. The data are scikit-learn's; the file is written once,
    to the user's cache folder.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """

    def table() -> Iterator[Sequence[str]]:
        with _sklearn("breast_cancer.csv").open(newline="") as file:
            (_, _, *diagnoses), *rows = csv.reader(file)
        yield (*CELL_MEASURES, "diagnosis")
        for *measures, kind in rows:
            yield [*measures, diagnoses[int(kind)]]

    return _written("breast_cancer", table)


def digits() -> str:
    """Return a folder with one CSV of 1,797 handwritten digits: `pixels` and `digit`.

    `pixels` is text of 64 numbers from 0 to 16, row by row of 8 × 8 pixels. The data are
    scikit-learn's; the file is written once, to the user's cache folder.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """

    def table() -> Iterator[Sequence[str]]:
        yield ("pixels", "digit")
        with gzip.open(_sklearn("digits.csv.gz"), "rt") as file:
            for line in file:
                *pixels, digit = (f"{float(cell):g}" for cell in line.split(","))
                yield (" ".join(pixels), digit)

    return _written("digits", table)


def docstrings() -> str:
    """Return a folder with one CSV of some 6,500 sentences of documentation: `text` and `library`.

    Each is the first paragraph of the docstring of a public class or function of Keras, pandas,
    SciPy or scikit-learn, as these are installed; the file is written once, to the user's cache
    folder.

    Raises:
        MissingDependencyError: One of the four is not installed.
    """

    def table() -> Iterator[Sequence[str]]:
        yield ("text", "library")
        for library, package in [(library, _package(library)) for library in LIBRARIES]:
            for text in dict.fromkeys(_first_paragraphs(package)):
                yield (text, library)

    return _written("docstrings", table)


def _first_paragraphs(package: Path) -> Iterator[str]:
    """Yield how the public classes and functions of a package's modules are introduced."""
    for file in sorted(package.rglob("*.py")):
        if "test" in str(file.relative_to(package)):
            continue
        # Reading the source is faster than importing it, and runs nothing.
        for node in _public(ast.parse(file.read_bytes()).body):
            paragraph, _, _ = (ast.get_docstring(node) or "").partition("\n\n")
            words = paragraph.split()
            if len(words) >= SHORTEST:
                yield " ".join(words)


def _public(body: Iterable[ast.stmt]) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    """Yield the public classes and functions of a module or class, methods included."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name[0] != "_":
            yield node
            yield from _public(node.body if isinstance(node, ast.ClassDef) else ())


def _sklearn(name: str) -> Path:
    """Return one of scikit-learn's files of data."""
    return _package("sklearn") / "datasets/data" / name


def _written(name: str, table: Callable[[], Iterable[Sequence[str]]]) -> str:
    """Return the folder of a CSV file of these rows, the header first; write it if it is new."""
    folder = user_cache_path("fluentml") / name
    target = folder / f"{name}.csv"
    _package("sklearn")
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # TFX reads every file of the folder, so the half-written one lies beside it.
        with tempfile.NamedTemporaryFile(
            "w", newline="", dir=folder.parent, delete=False
        ) as unfinished:
            csv.writer(unfinished, lineterminator="\n").writerows(table())
        os.replace(unfinished.name, target)  # noqa: PTH105 (a file name, not a Path)
    return str(folder)


def _package(name: str) -> Path:
    """Return the folder of an installed package without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        from fluentml.doctor import tfx_advice

        raise MissingDependencyError(
            f"These data come with the package {name!r}, which is not installed.",
            hint=tfx_advice(),
        )
    return Path(spec.origin).parent
