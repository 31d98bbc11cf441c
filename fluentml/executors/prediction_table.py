"""Predictions as a table: a row per example, with its features and what the model said of it."""

from __future__ import annotations

import base64
import contextlib
import csv
import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from tfx.dsl.io import fileio

from fluentml.errors import DataError
from fluentml.executors.prediction_logs import Cell, Row, row_of_example, rows_of_log
from fluentml.spec import is_remote

ROWS_AT_ONCE = 10_000


class Column:
    """What all rows have in a column: enough to give it a type."""

    def __init__(self) -> None:
        self.kinds: set[str] = set()
        self.depth, self.longest, self.is_text = 1, 0, True

    def see(self, cell: Cell) -> None:
        """Take note of a cell that has values."""
        self.kinds.add(cell.kind)
        self.depth = max(self.depth, cell.depth)
        self.longest = max(self.longest, len(cell.values))
        if cell.kind == "object" and self.is_text:
            self.is_text = all(_is_text(value) for value in _flat(cell.values))

    @property
    def is_scalar(self) -> bool:
        """Whether no row has more than one value."""
        return self.depth == 1 and self.longest <= 1

    @property
    def is_bytes(self) -> bool:
        """Whether it holds bytes, which may well be text."""
        return self.kinds == {"object"}

    def type(self, name: str) -> Any:
        """Return the Arrow type; numbers of several types meet in the one that holds them all."""
        if not self.kinds:
            return pa.null()
        if "object" in self.kinds and not self.is_bytes:
            raise DataError(
                f"The predictions have text and numbers in the same column, {name!r}.",
                hint="give the feature one type in all examples.",
            )
        if self.is_bytes:
            type = pa.string() if self.is_text else pa.binary()
        else:
            type = pa.from_numpy_dtype(np.result_type(*map(np.dtype, self.kinds)))
        for _ in range(0 if self.is_scalar else self.depth):
            type = pa.list_(type)
        return type

    def plain(self, cell: Cell | None) -> Any:
        """Return a cell as a plain value, text decoded; None where the example has none."""
        if cell is None or not cell.values:
            return None
        values = cell.values
        if self.is_bytes and self.is_text:
            values = _mapped(bytes.decode, values)
        return values[0] if self.is_scalar else values


class PredictionTable:
    """The table of an InferenceResult artifact, or of an Examples artifact with predictions.

    It is read batch by batch: first to learn the columns, and then for every call that wants rows.

    Args:
        uri: The artifact's folder.
    """

    def __init__(self, uri: str) -> None:
        logs, examples = (fileio.glob(f"{uri}/{pattern}") for pattern in ("*.gz", "Split-*/*.gz"))
        self._parse = rows_of_log if logs else row_of_example
        found = [*logs, *examples]
        self.files = sorted(file if isinstance(file, str) else file.decode() for file in found)

    def rows(self) -> Iterator[Row]:
        """Yield the rows in the order of the files."""
        for record in tf.data.TFRecordDataset(self.files, "GZIP").as_numpy_iterator():
            yield from self._parse(record)

    @cached_property
    def _seen(self) -> tuple[int, dict[str, Column], dict[str, Column]]:
        """The number of rows, the columns of features and those of outputs, by their own names."""
        count = 0
        features: dict[str, Column] = {}
        outputs: dict[str, Column] = {}
        for count, row in enumerate(self.rows(), 1):  # noqa: B007 (it is the number of rows)
            for columns, cells in ((features, row.features), (outputs, row.outputs)):
                for name, cell in cells.items():
                    column = columns.setdefault(name, Column())
                    if cell.values:
                        column.see(cell)
        return count, features, outputs

    def __len__(self) -> int:
        return self._seen[0]

    @cached_property
    def _columns(self) -> dict[str, tuple[Column, int, str]]:
        """By its name in the table: the column, and in which part of a row its cells have which."""
        _, features, outputs = self._seen
        columns = {name: (features[name], 0, name) for name in sorted(features)}
        for name in sorted(outputs):
            free = name
            while free in columns:
                free = f"predicted_{free}"
            columns[free] = (outputs[name], 1, name)
        return columns

    @cached_property
    def schema(self) -> Any:
        """The Arrow schema: features by name, then outputs by name."""
        return pa.schema(
            [(name, column.type(name)) for name, (column, *_) in self._columns.items()]
        )

    def batches(self) -> Iterator[Any]:
        """Yield the rows as Arrow record batches."""
        schema, rows = self.schema, self.rows()
        while some := [*islice(rows, ROWS_AT_ONCE)]:
            arrays = []
            for field, (column, part, name) in zip(schema, self._columns.values(), strict=True):
                values = [column.plain(row[part].get(name)) for row in some]
                arrays.append(pa.array(values, field.type))
            yield pa.record_batch(arrays, schema=schema)

    def write(self, path: str) -> None:
        """Write a CSV file where the name ends so, else a Parquet file."""
        self.write_csv(path) if path.endswith(".csv") else self.write_parquet(path)

    def write_parquet(self, path: str) -> None:
        """Write a Parquet file."""
        with (
            _appearing(path) as unfinished,
            pq.ParquetWriter(str(unfinished), self.schema) as writer,
        ):
            for batch in self.batches():
                writer.write_batch(batch)

    def write_csv(self, path: str) -> None:
        """Write a CSV file: an empty cell for what is missing, JSON for lists, Base64 for bytes."""
        with (
            _appearing(path) as unfinished,
            unfinished.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(self.schema.names)
            for batch in self.batches():
                columns = [
                    [_csv_cell(value, field.type) for value in array.to_pylist()]
                    for field, array in zip(self.schema, batch.columns, strict=True)
                ]
                writer.writerows(zip(*columns, strict=True))


@contextlib.contextmanager
def _appearing(path: str) -> Iterator[Path]:
    """Yield a hidden file that becomes `path`, a local file or a URI, once it is whole."""
    parent = Path() if is_remote(path) else Path(path).parent
    parent.mkdir(parents=True, exist_ok=True)
    unfinished = parent / f".{path.rpartition('/')[2]}-{uuid.uuid4().hex}"
    try:
        yield unfinished
        if is_remote(path):
            fileio.copy(str(unfinished), path, overwrite=True)
        else:
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value


def _mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """Return nested lists with the function applied to every value in them."""
    return [_mapped(function, v) for v in value] if isinstance(value, list) else function(value)


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _csv_cell(value: Any, type: Any) -> Any:
    while pa.types.is_list(type):
        type = type.value_type
    if value is None or pa.types.is_string(type):
        plain = value
    elif pa.types.is_binary(type):
        plain = _mapped(lambda item: base64.b64encode(item).decode(), value)
    elif pa.types.is_float32(type):
        # 0.1 rather than 0.10000000149011612
        plain = _mapped(lambda item: float(str(np.float32(item))), value)
    else:
        plain = value
    return json.dumps(plain) if isinstance(plain, list) else plain
