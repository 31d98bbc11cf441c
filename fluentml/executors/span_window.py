"""A window of spans in one Examples artifact: TFX's FileBasedExampleGen reads one span.

The driver finds the spans, and writes a pattern for each into the input config, a line apiece; the
executors read them all. The fingerprint covers every file, so a cached result stands as long as the
window holds the same files.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import apache_beam as beam
import tensorflow as tf
from tfx.components.example_gen import component, driver, input_processor
from tfx.components.example_gen.base_example_gen_executor import BaseExampleGenExecutor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2, range_config_pb2
from tfx.types import standard_component_specs
from tfx.utils import io_utils

from fluentml import spans
from fluentml.errors import DataError
from fluentml.executors import csv_example_gen
from fluentml.executors.kinds import Row, to_examples
from fluentml.executors.row_files import RowFilesExecutor
from fluentml.executors.rows import plain

_BETWEEN = "\n"


class SpanWindowDriver(driver.FileBasedDriver):
    """Find the spans of the window before the cache is asked."""

    def get_input_processor(
        self,
        splits: Iterable[example_gen_pb2.Input.Split],
        range_config: range_config_pb2.RangeConfig | None = None,
        input_base_uri: str | None = None,
    ) -> input_processor.InputProcessor:
        """Return what resolves spans, patterns and the fingerprint for TFX's driver."""
        return _Processor(input_base_uri, splits, _window(range_config))


class SpanWindowExampleGen(component.FileBasedExampleGen):
    """FileBasedExampleGen whose `range_config` may span more than one span.

    A rolling range counts the spans that exist, so a day without data takes no place in it.
    """

    DRIVER_CLASS = SpanWindowDriver


def _window(range_config: Any) -> spans.Window:
    if range_config.HasField("rolling_range"):
        return int(range_config.rolling_range.num_spans)
    static = range_config.static_range
    return static.start_span_number, static.end_span_number


class _Processor(input_processor.FileBasedInputProcessor):
    def __init__(self, folder: str | None, splits: Any, window: spans.Window) -> None:
        super().__init__(folder, splits)
        self._window = window
        self._places: list[spans.Place] = []

    def resolve_span_and_version(self) -> tuple[int, int | None]:
        """Return the last span; a window has no one version."""
        found = {split.name: self._find(split.pattern) for split in self._splits}
        self._places, *others = found.values()
        if any(places != self._places for places in others):
            raise DataError(
                "spans= reads the same spans for all splits, and does not find the same in each.",
                "; ".join(f"{split!r}: {spans.listed(places)}" for split, places in found.items()),
                hint="complete the data, or name what every split has: spans=…",
            )
        return self._places[-1][0], None

    def _find(self, pattern: str) -> list[spans.Place]:
        whole = self._whole(pattern)
        files, odd = spans.by_places(whole, fileio.glob(spans.any_span(whole)))
        if odd and isinstance(self._window, int):
            raise DataError(
                f"spans= cannot tell the span of {odd[0]!r} by {pattern!r}.",
                hint="name only files of spans, or the first and the last span to read.",
            )
        places = spans.chosen(files, self._window)
        if not places:
            raise DataError(
                f"spans= finds no file of {spans.called(self._window)} by {pattern!r} in "
                f"{self._input_base_uri!r}.",
                f"The spans there: {spans.listed(spans.chosen(files, len(files))) or 'none'}.",
                hint="name a window that holds some of these.",
            )
        return places

    def _whole(self, pattern: str) -> str:
        return os.path.join(self._input_base_uri, pattern)  # noqa: PTH118 (it may be a URI)

    def get_pattern_for_span_version(self, pattern: str, span: int, version: int | None) -> str:
        """Return the patterns of all spans, a line apiece."""
        fill = super().get_pattern_for_span_version
        return _BETWEEN.join(fill(pattern, *place) for place in self._places)

    def get_input_fingerprint(self, span: int, version: int | None) -> str:
        """Return the fingerprint of the files of all spans."""
        return _BETWEEN.join(
            io_utils.generate_fingerprint(split.name, self._whole(pattern))
            for split in self._splits
            for pattern in self.get_pattern_for_span_version(split.pattern, span, version).split(
                _BETWEEN
            )
        )


def _each(folder: str, patterns: str) -> list[str]:
    """Return the pattern of each span, with its folder."""
    return [
        os.path.join(folder, pattern)  # noqa: PTH118 (it may be a URI)
        for pattern in patterns.split(_BETWEEN)
    ]


@beam.ptransform_fn
@beam.typehints.with_input_types(beam.Pipeline)
@beam.typehints.with_output_types(tf.train.Example)
def _read_records(pipeline: Any, exec_properties: dict[str, Any], split_pattern: str) -> Any:
    """Read as TFX's ImportExampleGen does."""
    patterns = _each(exec_properties[standard_component_specs.INPUT_BASE_KEY], split_pattern)
    records = [pipeline | files >> beam.io.ReadFromTFRecord(files) for files in patterns]
    return records | beam.Flatten() | "ToExample" >> beam.Map(tf.train.Example.FromString)


class TFRecordWindowExecutor(BaseExampleGenExecutor):
    """Read TFRecord files of several spans."""

    def GetInputSourceToExamplePTransform(self) -> Any:  # noqa: N802 (TFX's name)
        """Return the transform that reads the spans of one split."""
        return _read_records


@beam.ptransform_fn
@beam.typehints.with_input_types(beam.Pipeline)
@beam.typehints.with_output_types(tf.train.Example)
def _read_rows(
    pipeline: Any, exec_properties: dict[str, Any], split_pattern: str, source: Callable[[str], Any]
) -> Any:
    """Read rows, with one type for a column over all spans."""
    patterns = _each(exec_properties[standard_component_specs.INPUT_BASE_KEY], split_pattern)
    rows = [pipeline | files >> source(files) for files in patterns] | beam.Flatten()
    return rows | "Plain" >> beam.Map(_plain).with_output_types(Row) | to_examples()


def _plain(row: Mapping[str, Any]) -> Row:
    return {str(name): plain(value) for name, value in row.items()}


class _RowsWindowExecutor(RowFilesExecutor):
    def GetInputSourceToExamplePTransform(self) -> Any:  # noqa: N802 (TFX's name)
        """Return the transform that reads the spans of one split."""
        return functools.partial(_read_rows, source=type(self).SOURCE)


class ParquetWindowExecutor(_RowsWindowExecutor):
    """Read Parquet files of several spans."""

    SOURCE = beam.io.ReadFromParquet


class AvroWindowExecutor(_RowsWindowExecutor):
    """Read Avro files of several spans."""

    SOURCE = beam.io.ReadFromAvro


class CsvWindowExecutor(csv_example_gen.Executor):
    """Read CSV files of several spans, with one type for a column over all of them."""

    def patterns(self, folder: str, pattern: str) -> list[str]:
        """Return the pattern of each span, with its folder."""
        return _each(folder, pattern)
