"""CSV files in ranges of whole records, and their cells as Arrow columns, read as TFX reads them.

TFX takes a line after the other, joins lines until their quotes are even, and has Python's csv
module take each record apart. Arrow does the same for what is well-formed, much faster; what is not
goes TFX's way.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from apache_beam.io.filesystems import FileSystems
from tfx.components.example_gen.csv_example_gen import executor as tfx_csv

from fluentml.errors import DataError

RANGE_BYTES = 2 << 20
"""What is read at a time: enough for Arrow to be fast, and little beside the libraries."""
LONGEST_CELL = 131_072
"""Python's csv module raises an error beyond."""


class Range(NamedTuple):
    """Some whole records of a file."""

    path: str
    start: int
    stop: int

    def read(self) -> bytes:
        """Return its bytes."""
        with FileSystems.open(self.path) as file:
            file.seek(self.start)
            return bytes(file.read(self.stop - self.start))


def ranges(path: str, size: int = RANGE_BYTES) -> Iterator[Range]:
    """Yield the records of a file in ranges of about that many bytes, but for the header.

    Raises:
        ValueError: The file ends within quotes.
    """
    with FileSystems.open(path) as file:
        start, wanted = len(file.readline()), size
        while True:
            file.seek(start)
            block = file.read(wanted)
            is_last = len(block) < wanted
            length = _whole_records(block, is_last)
            if length is None and is_last:
                raise ValueError(f"Csv record had unbalanced quotes. File: {path}")
            if length:
                yield Range(path, start, start + length)
            if is_last:
                return
            # A record of more than that takes a larger range.
            start, wanted = start + (length or 0), size if length else 2 * wanted


def _whole_records(block: bytes, is_last: bool) -> int | None:
    """Return how many bytes of it are records that end; None where its last one does not."""
    quotes, end = block.count(b'"'), len(block)
    if is_last:
        return end if quotes % 2 == 0 else None
    while (newline := block.rfind(b"\n", 0, end)) >= 0:
        quotes -= block.count(b'"', newline, end)
        if quotes % 2 == 0:
            return newline + 1
        end = newline
    return None


def cells(block: bytes, names: list[str]) -> list[pa.Array]:
    """Return the columns of whole records as binary cells; null where a cell is empty.

    Raises:
        ValueError: As TFX does, of a row of fewer or more cells than the header.
        UnicodeDecodeError: It is no UTF-8.
        DataError: A cell does not end.
    """
    if _is_well_formed(block):
        try:
            return _by_arrow(block, len(names))
        except pa.ArrowInvalid:
            pass
    return _as_tfx(block, names)


def _is_well_formed(block: bytes) -> bool:
    if b"\0" in block or (b"\r" in block and block.count(b"\r") != block.count(b"\r\n")):
        return False
    if not block.isascii():
        try:
            block.decode()
        except UnicodeDecodeError:
            return False
    return b'"' not in block or _has_tidy_quotes(block)


def _has_tidy_quotes(block: bytes) -> bool:
    """Return whether every quote starts or ends a cell, or stands for one within quotes."""
    data = np.frombuffer(b"\n" + block + b"\n", np.uint8)
    quotes = np.flatnonzero(data == ord('"'))
    opening, closing = quotes[::2], quotes[1::2]
    if len(opening) != len(closing):
        return False
    doubled = closing[:-1] + 1 == opening[1:]
    starts = np.isin(data[opening - 1], [ord(","), ord("\n")])
    ends = np.isin(data[closing + 1], [ord(","), ord("\n"), ord("\r")])
    starts[1:] |= doubled
    ends[:-1] |= doubled
    return bool(starts.all() and ends.all())


def _by_arrow(block: bytes, columns: int) -> list[pa.Array]:
    names = [str(place) for place in range(columns)]
    if not block.strip(b"\r\n"):
        return [pa.array([], pa.binary()) for _ in names]
    # Its read_csv() asks Python's garbage collector about all objects, on Python 3.10.
    reader = pa.csv.open_csv(
        pa.BufferReader(block),
        pa.csv.ReadOptions(column_names=names, block_size=len(block) + 1, use_threads=False),
        pa.csv.ParseOptions(newlines_in_values=b'"' in block),
        pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.binary()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            check_utf8=False,
        ),
    )
    (batch,) = reader
    found: list[pa.Array] = batch.columns
    if any((pc.max(pc.binary_length(cells)).as_py() or 0) > LONGEST_CELL for cells in found):
        raise pa.ArrowInvalid("a cell is longer than Python's csv module takes")
    return found


def _as_tfx(block: bytes, names: list[str]) -> list[pa.Array]:
    buffer, rows = tfx_csv._CsvLineBuffer(), []
    for line in io.BytesIO(block):
        buffer.write(line.decode())
        if buffer.is_complete_line() and (row := _row(buffer.read())):
            if len(row) != len(names):
                raise ValueError(f"Columns do not match specified csv headers: {names} -> {row}")
            rows.append(row)
    return [pa.array([row[i] or None for row in rows], pa.binary()) for i in range(len(names))]


def _row(record: str) -> list[bytes]:
    def lines() -> Iterator[str]:
        yield record
        # TFX gives it the same record again, for ever and a day.
        raise DataError(
            f"A cell of a CSV file starts with a quote that does not end: {record[:200]!r}.",
            hint='put the cell in quotes, and write each quote in it twice: "a ""b"" c".',
        )

    return [cell.encode() for cell in next(csv.reader(lines()))]
