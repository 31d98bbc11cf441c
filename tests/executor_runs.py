"""What tests of executors share: tf.Examples on disk, artifacts by hand, and protos compared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

IN_PROCESS = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"

Row = Mapping[str, Sequence[Any] | None]
"""The values of features; None for a feature that is not there."""


def write_examples(file: Path, rows: Sequence[Row]) -> None:
    """Write a TFRecord file, compressed where its name ends in `.gz`."""
    import tensorflow as tf

    file.parent.mkdir(parents=True, exist_ok=True)
    options = tf.io.TFRecordOptions(compression_type="GZIP" if file.suffix == ".gz" else "")
    with tf.io.TFRecordWriter(str(file), options) as writer:
        for row in rows:
            writer.write(example(row).SerializeToString())


def example(row: Row) -> Any:
    """Return a row as a tf.Example."""
    import tensorflow as tf

    made = tf.train.Example()
    for name, values in row.items():
        if values is None:
            continue
        feature = made.features.feature[name]
        if not values:
            feature.SetInParent()
        elif isinstance(values[0], str):
            feature.bytes_list.value.extend(one.encode() for one in values)
        elif isinstance(values[0], int):
            feature.int64_list.value.extend(values)
        else:
            feature.float_list.value.extend(values)
    return made


def read_examples(folder: Path) -> list[Any]:
    """Return the tf.Examples of all files of a folder."""
    import tensorflow as tf

    return [tf.train.Example.FromString(record) for record in read_records(folder)]


def read_records(folder: Path) -> list[bytes]:
    """Return the records of all files of a folder."""
    import tensorflow as tf

    return [
        record
        for file in sorted(folder.iterdir())
        for record in tf.data.TFRecordDataset(str(file), "GZIP").as_numpy_iterator()
    ]


def artifact(kind: type, uri: Path, id: int = 1, **properties: Any) -> Any:
    """Return an artifact of a type."""
    one = kind()
    one.uri, one.id = str(uri), id
    for name, value in properties.items():
        setattr(one, name, value)
    return one


def run(executor: type, folder: Path, inputs: Any, outputs: Any, properties: Any) -> None:
    """Run an executor in this process."""
    context = executor.Context(
        beam_pipeline_args=[IN_PROCESS], tmp_dir=str(folder / "tmp"), unique_id="1"
    )
    executor(context).Do(inputs, outputs, properties)


def files(folder: Path) -> list[str]:
    """Return the paths of all files below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def leaves(message: Any, path: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], Any]:
    """Return the values of a proto by path; features by their names, for they have no order."""
    found: dict[tuple[Any, ...], Any] = {}
    for field, value in message.ListFields():
        many = value if field.label == field.LABEL_REPEATED else [value]
        if hasattr(many, "items"):
            many = [value for _, value in sorted(many.items())]
        for place, one in enumerate(many):
            steps = getattr(getattr(one, "path", None), "step", None)
            here = (*path, field.name, str(steps) if field.name == "features" else place)
            found |= leaves(one, here) if field.message_type else {here: one}
    return found


def assert_close(ours: Any, theirs: Any) -> None:
    """Assert that two protos say the same, but for the rounding of floats."""
    found, expected = leaves(ours), leaves(theirs)
    assert found.keys() == expected.keys()
    differing = {
        path: (found[path], expected[path])
        for path in found
        if not _same(found[path], expected[path])
    }
    assert not differing, differing


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and not math.isnan(one):
        return bool(one == pytest.approx(other, rel=1e-5, abs=1e-6))
    return bool(one == other) or (one != one and other != other)
