"""A sample of what a source reads, in files of the same names: all that is said of files stays."""

from __future__ import annotations

import bz2
import gzip
import itertools
import json
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from fluentml import spans
from fluentml.component import Component
from fluentml.components import (
    AvroExampleGen,
    BigQueryExampleGen,
    CsvExampleGen,
    FileBasedExampleGen,
    ImportExampleGen,
    ParquetExampleGen,
    SqlExampleGen,
)
from fluentml.errors import DefinitionError
from fluentml.spec import FrozenDict, import_needed, is_remote

AMONG = 10_000
"""The rows of a sample come from so many first ones of each file."""

Item = TypeVar("Item")


def sample(step: Component, rows: int, folder: Path) -> Component:
    """Return the source with a sample in place of all that it reads.

    Args:
        step: The source.
        rows: How many rows to take, drawn alike every time.
        folder: Where to write the sample of files.

    Raises:
        DefinitionError: It cannot be told how to take a part of it.
    """
    if isinstance(step, SqlExampleGen):
        return step.model_copy(update={"query": _limited(step.query, rows)})
    if isinstance(step, BigQueryExampleGen) and not step.input_config:
        return _sample_of_bigquery(step, rows)
    if isinstance(step, FileBasedExampleGen) and not is_remote(step.path):
        return _sample_of_files(step, rows, folder)
    where = f" of {step.path!r}" if isinstance(step, FileBasedExampleGen) else ""
    raise DefinitionError(
        f"smoke_train() cannot take a sample{where} for {step.verb}.",
        hint=f'name another source to read in its place: sources={{"{step.id}": '
        'fml.from_csv("tests/data")}.',
    )


def _limited(query: str, rows: int) -> str:
    return f"SELECT * FROM ({query.strip().rstrip(';')}) AS sample LIMIT {rows}"


def _sample_of_bigquery(step: BigQueryExampleGen, rows: int) -> Component:
    if step.splits_are_queries:
        each = math.ceil(rows / len(step.split))
        split = {name: _limited(str(query), each) for name, query in step.split.items()}
        return step.model_copy(update={"split": FrozenDict(split)})
    return step.model_copy(update={"query": _limited(str(step.query), rows)})


def _sample_of_files(step: FileBasedExampleGen, rows: int, folder: Path) -> Component:
    patterns = step.patterns
    if step.input_config:
        splits = json.loads(step.input_config.text)["splits"]
        patterns = tuple(split["pattern"] for split in splits)
    for pattern in patterns:
        found = spans.find(step.path, pattern, step.window)
        # A span that lost its files would be none any more.
        every = 1 if found.places else math.ceil(len(found.files) / rows)
        files, left = found.files[::every], math.ceil(rows / len(patterns))
        for number, file in enumerate(files):
            target = folder / file.relative_to(Path(step.path).absolute())
            target.parent.mkdir(parents=True, exist_ok=True)
            share = max(math.ceil(left / (len(files) - number)), 1)
            left -= _copy(step, file, target, share)
    return step.model_copy(update={"path": str(folder)})


def _copy(step: Component, file: Path, target: Path, count: int) -> int:
    """Copy so many rows of a file to another one of its format; return how many there were."""
    for kind, copy in FORMATS.items():
        if isinstance(step, kind):
            return copy(file, target, count)
    raise AssertionError(step)


def chosen(rows: Iterator[Item] | Sequence[Item], count: int) -> list[Item]:
    """Return some of the first rows, in their order; the same ones every time."""
    first = [*itertools.islice(rows, AMONG)]
    picked = random.Random(len(first)).sample(range(len(first)), min(count, len(first)))
    return [first[place] for place in sorted(picked)]


def _copy_csv(file: Path, target: Path, count: int) -> int:
    opened: Any = {".gz": gzip.open, ".bz2": bz2.open}.get(file.suffix, open)
    with opened(file, "rb") as source:
        header, *_ = itertools.chain(source.readlines(1), [b""])
        rows = chosen(_records(source), count)
    with opened(target, "wb") as sink:
        sink.writelines([header, *(row if row.endswith(b"\n") else row + b"\n" for row in rows)])
    return len(rows)


def _records(lines: Any) -> Iterator[bytes]:
    """Yield the rows of a CSV file; a quoted cell may go on over several lines."""
    record = b""
    for line in lines:
        record += line
        if record.count(b'"') % 2 == 0:
            yield record
            record = b""
    if record:
        yield record


def _copy_records(file: Path, target: Path, count: int) -> int:
    tf = import_needed("tensorflow")
    compression = "GZIP" if file.suffix == ".gz" else ""
    rows = chosen(tf.data.TFRecordDataset(str(file), compression).as_numpy_iterator(), count)
    with tf.io.TFRecordWriter(str(target), compression) as sink:
        for row in rows:
            sink.write(row)
    return len(rows)


def _copy_parquet(file: Path, target: Path, count: int) -> int:
    parquet, arrow = import_needed("pyarrow.parquet"), import_needed("pyarrow")
    with parquet.ParquetFile(file) as source:
        first = next(source.iter_batches(batch_size=AMONG), None)
        table = arrow.Table.from_batches([first] if first else [], source.schema_arrow)
    table = table.take(chosen(range(table.num_rows), count))
    parquet.write_table(table, target)
    return int(table.num_rows)


def _copy_avro(file: Path, target: Path, count: int) -> int:
    avro = import_needed("fastavro")
    with file.open("rb") as source:
        reader = avro.reader(source)
        rows = chosen(reader, count)
        schema = reader.writer_schema
    with target.open("wb") as sink:
        avro.writer(sink, schema, rows)
    return len(rows)


FORMATS: Mapping[type[Component], Callable[[Path, Path, int], int]] = {
    CsvExampleGen: _copy_csv,
    ImportExampleGen: _copy_records,
    ParquetExampleGen: _copy_parquet,
    AvroExampleGen: _copy_avro,
}
