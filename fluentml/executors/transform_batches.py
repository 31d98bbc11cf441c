"""TFX's Transform, which reads, transforms and writes batches of examples.

What TFX analyzes and how is left to TensorFlow Transform; read in TFX 1.16.0 and 1.21.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

import apache_beam as beam
import pyarrow as pa
from tfx.components.transform import executor as tfx_executor
from tfx.components.transform import labels
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from fluentml.executors import transform
from fluentml.executors.record_batches import batched
from fluentml.executors.tfrecords import TFRecordSink, piece


class Executor(transform.Executor):
    """Hand TFX's transformation to `Processor`."""

    def Do(  # noqa: N802 (TFX's name)
        self, input_dict: Any, output_dict: Any, exec_properties: Any
    ) -> None:
        """Do what TFX's does."""
        with mock.patch.object(tfx_executor, "TransformProcessor", Processor):
            super().Do(input_dict, output_dict, exec_properties)


class Processor(tfx_executor.TransformProcessor):
    """TFX's, whose ends are batches."""

    def _CreateTFXIO(self, dataset: Any, schema: Any) -> Any:  # noqa: N802 (TFX's name)
        return batched(super()._CreateTFXIO(dataset, schema))

    def _EncodeAndWrite(self, schema: Any, file_format: Any, output_path: str) -> Any:  # noqa: N802
        if file_format != labels.FORMAT_TFRECORD:
            return super()._EncodeAndWrite(
                schema=schema, file_format=file_format, output_path=output_path
            )
        return _Write(schema, output_path)


class _Write(beam.PTransform):
    def __init__(self, schema: Any, path: str) -> None:
        super().__init__()
        self._schema, self._path = schema, path

    def expand(self, transformed: Any) -> Any:
        pieces = transformed | "Encode" >> beam.ParDo(_Encode(self._schema))
        return pieces | "Write" >> beam.io.Write(TFRecordSink(self._path))


@beam.typehints.with_output_types(bytes)
class _Encode(beam.DoFn):
    def __init__(self, schema: Any) -> None:
        self._encoder = RecordBatchToExamplesEncoder(schema)

    def process(self, transformed: tuple[pa.RecordBatch, Any]) -> Iterator[bytes]:
        batch, _ = transformed
        examples = self._encoder.encode(tfx_executor._FilterInternalColumn(batch))
        if examples:
            yield piece(examples)


CLASS_PATH = f"{Executor.__module__}.{Executor.__qualname__}"
STOCK_CLASS_PATH = transform.STOCK_CLASS_PATH
