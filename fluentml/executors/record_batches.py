"""Files of tf.Examples as Arrow batches, read and decoded in C++ ahead of who asks for them.

TFX hands Beam every record by itself, to put them together again; read in tfx_bsl 1.16.1 and
1.21.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
from apache_beam.io.filesystem import CompressionTypes
from tfx.dsl.io import fileio
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder
from tfx_bsl.tfxio.tf_example_record import TFExampleRecord

ROWS, BYTES = 8192, 20 << 20
"""What a batch holds at most, in examples and in bytes of them."""
COMPRESSIONS = {CompressionTypes.GZIP: "GZIP", CompressionTypes.UNCOMPRESSED: ""}
"""Those that Beam tells by a file's name and that TensorFlow's reader knows, to its names."""


def files_of(patterns: list[str]) -> list[str] | None:
    """Return the files that patterns name; None where they are not ours to read."""
    files = [file for pattern in patterns for file in sorted(fileio.glob(pattern))]
    readable = all(Path(file).is_file() and _compression(file) is not None for file in files)
    return files if files and readable else None


def _compression(file: str) -> str | None:
    return COMPRESSIONS.get(CompressionTypes.detect_compression_type(file))


def records(file: str, rows: int | None = None) -> Iterator[list[bytes]]:
    """Yield the records of a file, so many at once as memory allows.

    Args:
        file: One of those that `files_of` returns.
        rows: How many at most; default: `ROWS`.
    """
    options = tf.io.TFRecordOptions(compression_type=_compression(file))
    taken: list[bytes] = []
    size = 0
    for record in tf.compat.v1.io.tf_record_iterator(file, options):
        taken.append(record)
        size += len(record)
        if len(taken) >= (rows or ROWS) or size >= BYTES:
            yield taken
            taken, size = [], 0
    if taken:
        yield taken


def batches(file: str, decoder: Any, rows: int | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the examples of a file, the next ones decoded while these are worked with."""
    found = records(file, rows)

    def following() -> pa.RecordBatch | None:
        taken = next(found, None)
        return taken and decoder.DecodeBatch(taken)

    with ThreadPoolExecutor(1) as thread:
        upcoming = thread.submit(following)
        while (batch := upcoming.result()) is not None:
            upcoming = thread.submit(following)
            yield batch


class BatchedExamples(TFExampleRecord):
    """tfx_bsl's access to tf.Examples, whose Beam source makes batches by itself."""

    def BeamSource(self, batch_size: int | None = None) -> beam.PTransform:  # noqa: N802
        """Return the batches of all files."""
        files = files_of(self._file_pattern)
        if files is None or self.raw_record_column_name is not None:
            return super().BeamSource(batch_size)
        return _Source(files, self._GetSchemaForDecoding(), batch_size)

    def _ProjectImpl(self, tensor_names: list[str]) -> BatchedExamples:  # noqa: N802
        projected: BatchedExamples = batched(super()._ProjectImpl(tensor_names))
        return projected


def batched(tfxio: Any) -> Any:
    """Return what reads the same in batches; what is no tf.Examples stays."""
    if type(tfxio) is TFExampleRecord:
        tfxio.__class__ = BatchedExamples
    return tfxio


class _Source(beam.PTransform):
    def __init__(self, files: list[str], schema: Any, rows: int | None) -> None:
        super().__init__()
        self._files, self._read = files, _Read(schema and schema.SerializeToString(), rows)

    def expand(self, pipeline: Any) -> Any:
        return pipeline | "Files" >> beam.Create(self._files) | "Read" >> beam.ParDo(self._read)


@beam.typehints.with_input_types(str)
@beam.typehints.with_output_types(pa.RecordBatch)
class _Read(beam.DoFn):
    def __init__(self, schema: bytes | None, rows: int | None) -> None:
        self._schema, self._rows = schema, rows

    def process(self, file: str) -> Iterator[pa.RecordBatch]:
        yield from batches(file, ExamplesToRecordBatchDecoder(self._schema), self._rows)
