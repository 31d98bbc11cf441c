"""The taxi demo and the starter file: both are examples of the project, copied to the user."""

from __future__ import annotations

import contextlib
import csv
import itertools
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from fluentml import datasets
from fluentml.errors import FluentmlError
from fluentml.loading import load
from fluentml.spec import hush_tensorflow

TAXI = "taxi.py"
SHOWN = ("trip_miles", "fare", "payment_type", "tips")


def examples_folder() -> Path:
    """Return the folder of the examples: in the wheel, or beside the package in a checkout."""
    package = Path(__file__).parent
    installed = package / "examples"
    return installed if installed.is_dir() else package.parent / "examples"


def write_starter(file: Path, example: str) -> None:
    """Write an example, by its name, as a file to start from.

    Raises:
        FluentmlError: The file exists; it is left as it is.
    """
    if file.exists():
        raise FluentmlError(
            f"{str(file)!r} exists and is left as it is.",
            hint="name another file: fluentml init my_pipeline.py",
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(examples_folder() / f"{example}.py", file)


def run_demo(folder: Path, *, quiet: bool = False, verbose: bool = False) -> None:
    """Copy the taxi example to a folder, run it there, and predict with the model it pushes."""
    rows = datasets.taxi()
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / TAXI).exists():
        shutil.copyfile(examples_folder() / TAXI, folder / TAXI)
    with _working_in(folder):
        result = load(TAXI).run(quiet=quiet, verbose=verbose)
        if result.pushed_model:
            hush_tensorflow()
            schema = result.artifacts("SchemaGen.schema")[0].uri
            _show_predictions(result.pushed_model, Path(schema), Path(rows) / "data.csv")
    print(f"\nThe code is in {folder}/: change it, then  cd {folder} && fluentml run {TAXI}")


@contextlib.contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _show_predictions(model: str, schema: Path, data: Path) -> None:
    with data.open(newline="") as file:
        rows = [row for row in itertools.islice(csv.DictReader(file), 400) if row["tips"]]
    tipped = [row for row in rows if _tipped(row)]
    others = [row for row in rows if not _tipped(row) and float(row["trip_miles"])]
    rows = [*tipped[:3], *others[:3]]
    # The model must not see the answer.
    asked = [{name: text for name, text in row.items() if name != "tips"} for row in rows]
    table = Table(title="Does the tip exceed a fifth of the fare?")
    for column in (*SHOWN, "predicted", "true"):
        table.add_column(column, justify="left" if column == "payment_type" else "right")
    for row, probability in zip(rows, predict(model, schema, asked), strict=True):
        answer = "yes" if _tipped(row) else "no"
        table.add_row(*(row[name] for name in SHOWN), f"{probability:.2f}", answer)
    Console().print("", table)


def _tipped(row: Mapping[str, str]) -> bool:
    return float(row["tips"]) > 0.2 * float(row["fare"])


def predict(model: str, schema: Path, rows: list[dict[str, str]]) -> list[float]:
    """Return the number that the model predicts for rows of a CSV file.

    Args:
        model: A SavedModel with the signature `serving_default` on serialized tf.Examples.
        schema: Folder of the Schema artifact, which tells the columns' types.
        rows: Text by column; empty text is a missing value.
    """
    import tensorflow as tf
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    message = text_format.Parse((schema / "schema.pbtxt").read_text(), schema_pb2.Schema())
    types = {feature.name: feature.type for feature in message.feature}

    def feature(name: str, text: str) -> Any:
        if types[name] == schema_pb2.INT:
            return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(text)]))
        if types[name] == schema_pb2.FLOAT:
            return tf.train.Feature(float_list=tf.train.FloatList(value=[float(text)]))
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()]))

    def example(row: Mapping[str, str]) -> bytes:
        features = {name: feature(name, text) for name, text in row.items() if text}
        message = tf.train.Example(features=tf.train.Features(feature=features))
        return bytes(message.SerializeToString())

    signature = tf.saved_model.load(model).signatures["serving_default"]
    outputs = signature(examples=tf.constant([example(row) for row in rows]))
    values = outputs["outputs"].numpy()
    return [float(value.ravel()[0]) for value in values]
