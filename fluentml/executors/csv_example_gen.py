"""CSV files into tf.Examples, the same ones as TFX's CsvExampleGen makes.

The files are read twice, in ranges of whole records that any Beam runner deals out: for the types
of the columns, and for the examples.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from tfx.components.example_gen.csv_example_gen import executor as tfx_csv
from tfx.dsl.io import fileio
from tfx.utils import io_utils

from fluentml.errors import DataError
from fluentml.executors import csv_columns, csv_files
from fluentml.executors.example_batches import Batch, BatchExampleGenExecutor

CLASS_PATH = f"{__name__}.Executor"
STOCK_CLASS_PATH = f"{tfx_csv.__name__}.Executor"

Types = dict[str, csv_columns.Type]


class Executor(BatchExampleGenExecutor, tfx_csv.Executor):
    """Make examples of CSV files with TFX's types and values."""

    def patterns(self, folder: str, pattern: str) -> list[str]:
        """Return the file patterns of an input split."""
        return [os.path.join(folder, pattern)]  # noqa: PTH118 (it may be a URI)

    def read(self, pipeline: Any, folder: str, pattern: str) -> Any:
        """Return the batches of the files of one input split."""
        files = [file for each in self.patterns(folder, pattern) for file in fileio.glob(each)]
        names = _one_header(files, pattern)
        ranges = (
            pipeline
            | "Files" >> beam.Create(files)
            | "Ranges" >> beam.FlatMap(csv_files.ranges)
            | "Spread" >> beam.Reshuffle()
        )
        types = beam.pvalue.AsSingleton(
            ranges
            | "InferTypes" >> beam.ParDo(_Types(names))
            | "WidestTypes" >> beam.CombineGlobally(_widest)
        )
        return ranges | "ToColumns" >> beam.ParDo(_ToColumns(names), types)


def _one_header(files: list[str], pattern: str) -> list[str]:
    if not files:
        raise DataError(f"CSV files are read by {pattern!r}, and there is none.")
    first = io_utils.load_csv_column_names(files[0])
    for file in files[1:]:
        header = io_utils.load_csv_column_names(file)
        if header != first:
            raise DataError(
                "CSV files of one split have different headers.",
                f"  {files[0]}:1: {','.join(first)}",
                f"  {file}:1: {','.join(header)}",
                hint="give them the same columns in the same order.",
            )
    return list(first)


def _widest(many: Iterable[Types]) -> Types:
    widest: Types = {}
    for types in many:
        for name, type in types.items():
            widest[name] = max(type, widest.get(name, csv_columns.UNKNOWN))
    return widest


class _Types(beam.DoFn):
    """Find the types of the columns, of all ranges that come to one worker together."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._known: Types = {}

    def process(self, records: csv_files.Range) -> Iterator[Types]:
        # What is text is looked at no more.
        for name, cells in zip(
            self._names, csv_files.cells(records.read(), self._names), strict=True
        ):
            known = self._known.get(name, csv_columns.UNKNOWN)
            self._known[name] = csv_columns.type_of(cells, known)
        yield dict(self._known)


class _ToColumns(beam.DoFn):
    def __init__(self, names: list[str]) -> None:
        self._names = names

    def process(self, records: csv_files.Range, types: Types) -> Iterator[Batch]:
        cells = csv_files.cells(records.read(), self._names)
        yield csv_columns.features(cells, self._names, types)
