"""Parquet and Avro files into tf.Examples, as TFX does it, with every value kept (see `rows`)."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any, ClassVar

import apache_beam as beam
import tensorflow as tf
from tfx.components.example_gen.base_example_gen_executor import BaseExampleGenExecutor
from tfx.types import standard_component_specs

from fluentml.executors import parquet_columns
from fluentml.executors.example_batches import BatchExampleGenExecutor
from fluentml.executors.rows import to_example


@beam.ptransform_fn
@beam.typehints.with_input_types(beam.Pipeline)
@beam.typehints.with_output_types(tf.train.Example)
def _read(
    pipeline: Any, exec_properties: dict[str, Any], split_pattern: str, source: Callable[[str], Any]
) -> Any:
    folder = exec_properties[standard_component_specs.INPUT_BASE_KEY]
    files = os.path.join(folder, split_pattern)  # noqa: PTH118 (it may be a URI)
    return pipeline | "Read" >> source(files) | "ToExample" >> beam.Map(to_example)


class RowFilesExecutor(BaseExampleGenExecutor):
    """Read files of rows; a subclass names the source."""

    SOURCE: ClassVar[Callable[[str], Any]]
    """Beam's transform that reads the files of a pattern as one dict per row."""

    def GetInputSourceToExamplePTransform(self) -> Any:  # noqa: N802 (TFX's name)
        """Return the transform that reads one split's files."""
        return functools.partial(_read, source=type(self).SOURCE)


class ParquetExecutor(BatchExampleGenExecutor, RowFilesExecutor):
    """Read Parquet files, a batch of rows at a time."""

    SOURCE = beam.io.ReadFromParquet

    def read(self, pipeline: Any, folder: str, pattern: str) -> Any:
        """Return the batches of the files of one input split."""
        files = os.path.join(folder, pattern)  # noqa: PTH118 (it may be a URI)
        tables = pipeline | "Tables" >> beam.io.ReadFromParquetBatched(files)
        return tables | "ToColumns" >> beam.FlatMap(parquet_columns.batches)


class AvroExecutor(RowFilesExecutor):
    """Read Avro files."""

    SOURCE = beam.io.ReadFromAvro
