"""Pieces of TFRecord files: many records at once, written by one sink, compressed beside it."""

from __future__ import annotations

import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import apache_beam as beam
import google_crc32c
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.io.filebasedsink import FileBasedSink
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from fluentml.executors.feature_columns import Numbers, binary, content


def records(examples: pa.Array, contents: list[bytes]) -> pa.Array:
    """Return examples as records of a TFRecord file."""
    sums = np.array([google_crc32c.value(example) for example in contents], np.uint32)
    lengths, rows = np.unique(pc.binary_length(examples), return_inverse=True)
    starts = [int(length).to_bytes(8, "little") for length in lengths]
    checks = _masked(np.array([google_crc32c.value(start) for start in starts], np.uint32))
    heads = [start + check.tobytes() for start, check in zip(starts, checks, strict=True)]
    return pc.binary_join_element_wise(
        pa.array(heads, pa.binary()).take(pa.array(rows)),
        examples,
        binary(_masked(sums).tobytes(), np.full(len(sums), 4)),
        pa.scalar(b"", pa.binary()),
    )


def piece(examples: list[bytes]) -> bytes:
    """Return serialized examples, or other messages, as the piece of a file."""
    return content(records(pa.array(examples, pa.binary()), examples))


def _masked(sums: Numbers) -> Numbers:
    """Return checksums as they stand in TFRecord files."""
    return (sums >> np.uint32(15) | sums << np.uint32(17)) + np.uint32(0xA282EAD8)


class TFRecordSink(FileBasedSink):
    """Write pieces of a TFRecord file as they are, under the names that Beam's own sink gives."""

    def __init__(self, path: str) -> None:
        super().__init__(path, coder=beam.coders.BytesCoder(), file_name_suffix=".gz")

    def open(self, temp_path: str) -> _GzipFile:
        """Return a new file."""
        return _GzipFile(
            FileSystems.create(temp_path, compression_type=CompressionTypes.UNCOMPRESSED)
        )

    def write_record(self, file_handle: _GzipFile, value: bytes) -> None:
        """Write a piece of many records."""
        file_handle.write(value)


class _GzipFile:
    """A file that is compressed in a thread of its own, while the next batch is made."""

    LEVEL = 2
    """Twice as fast as zlib's default; as features come in order, files are smaller than TFX's."""
    WAITING = 4
    """So many pieces wait at most, and take no more memory."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._gzip = zlib.compressobj(self.LEVEL, wbits=zlib.MAX_WBITS | 16)
        self._thread = ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()

    def write(self, piece: bytes) -> None:
        self._waiting.append(self._thread.submit(self._compress, piece))
        if len(self._waiting) > self.WAITING:
            self._waiting.popleft().result()

    def close(self) -> None:
        with self._thread:
            for piece in self._waiting:
                piece.result()
        self._file.write(self._gzip.flush())
        self._file.close()

    def _compress(self, piece: bytes) -> None:
        self._file.write(self._gzip.compress(piece))
