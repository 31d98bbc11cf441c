"""Real data without a download, from packages that the `tfx` extra installs anyway."""

from __future__ import annotations

import csv
import importlib.util
import os
import tempfile
from pathlib import Path

from platformdirs import user_cache_path

from fluentml.errors import MissingDependencyError

IRIS_COLUMNS = ("sepal_length", "sepal_width", "petal_length", "petal_width", "variety")


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
    source = _package("sklearn") / "datasets/data/iris.csv"
    folder = user_cache_path("fluentml") / "iris"
    target = folder / "iris.csv"
    if not target.exists():
        with source.open(newline="") as file:
            (_, _, *varieties), *rows = csv.reader(file)
        folder.mkdir(parents=True, exist_ok=True)
        # TFX reads every file of the folder, so the half-written one lies beside it.
        with tempfile.NamedTemporaryFile(
            "w", newline="", dir=folder.parent, delete=False
        ) as unfinished:
            writer = csv.writer(unfinished, lineterminator="\n")
            writer.writerow(IRIS_COLUMNS)
            writer.writerows([*lengths, varieties[int(kind)]] for *lengths, kind in rows)
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
