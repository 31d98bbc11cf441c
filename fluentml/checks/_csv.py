"""What the first rows of CSV files show to be wrong, long before TFX reads them on Beam.

The rules are TFX's own: UTF-8, cells between commas, a header whose quotes belong to the names, and
the same header in every file of a split.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

from fluentml.errors import PipelineError, did_you_mean, listing, shown

ROWS = 100
"""As many rows of each file are looked at."""
BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "UTF-8 with a byte order mark",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


def header(path: Path) -> list[str]:
    """Return the column names of a CSV file, as TFX reads them."""
    with path.open("rb") as lines:
        return lines.readline().decode(errors="replace").strip().split(",")


def look(verb: str, files: Iterable[Path]) -> Iterator[PipelineError]:
    """Yield the first problem of the files that are read together, in one split."""
    first: tuple[Path, list[str]] | None = None
    rows = 0
    for path in files:
        with path.open("rb") as lines:
            problem, seen = _file(verb, path, lines)
        if problem:
            yield problem
            return
        rows += seen
        first = first or (path, header(path))
        if header(path) != first[1]:
            yield PipelineError(
                f"{verb} reads files with different headers into one split.",
                f"  {shown(first[0])}:1: {','.join(first[1])}",
                f"  {shown(path)}:1: {','.join(header(path))}",
                hint="give them the same columns in the same order.",
            )
            return
    if first and not rows:
        yield PipelineError(
            f"{verb} finds a header in {shown(first[0])!r}, and no rows.",
            hint="add rows, or name files that have some.",
        )


def missing_column(verb: str, parameter: str, column: str, path: Path) -> Iterator[PipelineError]:
    """Yield a problem where a file has no such column."""
    columns = header(path)
    if column not in columns:
        yield PipelineError(
            f"{verb}: {parameter}={column!r} is no column of the CSV.",
            f"The columns: {listing(columns)}.",
            hint=did_you_mean(column, columns) or "name one of these.",
        )


def _file(verb: str, path: Path, lines: Iterable[bytes]) -> tuple[PipelineError | None, int]:
    """Return the first problem of a file, and the number of rows that were looked at."""
    columns: list[str] = []
    rows = 0
    for number, raw in itertools.islice(_records(lines), ROWS + 1):
        place = f"{shown(path)}:{number}"
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            return _encoding(verb, place, raw, error), rows
        if not columns:
            columns = text.strip().split(",")
            problem = _header(verb, place, raw, columns)
        else:
            problem = _row(verb, place, text, columns)
            rows += bool(text.strip())
        if problem:
            return problem, rows
    if not columns:
        return PipelineError(
            f"{verb} cannot read {shown(path)!r}, which is empty.",
            hint="write a header and rows to it, or take it away.",
        ), 0
    return None, rows


def _records(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the header and the rows, each with the number of its first line.

    A quoted cell may go on over several lines.
    """
    start, record = 1, b""
    for number, line in enumerate(lines, 1):
        record += line
        if number == 1 or record.count(b'"') % 2 == 0:
            yield start, record
            start, record = number + 1, b""
    if record:
        yield start, record


def _encoding(verb: str, place: str, raw: bytes, error: UnicodeDecodeError) -> PipelineError:
    mark = next((name for mark, name in BYTE_ORDER_MARKS.items() if raw.startswith(mark)), None)
    line = f"{raw[: error.start].decode()}\N{REPLACEMENT CHARACTER}"
    return PipelineError(
        f"{verb} reads UTF-8, and this is {mark or 'not'}.",
        f"  {place}: {line[-60:]}" if not mark else f"  {place}",
        hint="write the file again in UTF-8.",
    )


def _header(verb: str, place: str, raw: bytes, columns: list[str]) -> PipelineError | None:
    if raw.startswith(b"\xef\xbb\xbf"):
        return PipelineError(
            f"{verb} would take the byte order mark of this file for part of its first column's "
            "name.",
            f"  {place}: {','.join(columns)}",
            hint='write the file again in plain UTF-8 (not "utf-8-sig").',
        )
    if columns == [""]:
        return PipelineError(
            f"{verb} takes the first line for the header, and it is empty.",
            f"  {place}",
            hint="write the names of the columns into it.",
        )
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        return PipelineError(
            f"{verb} finds the column {twice!r} more than once.",
            f"  {place}: {','.join(columns)}",
            hint="give every column a name of its own; the first line is the header.",
        )
    if len(columns) == 1 and any(mark in columns[0] for mark in ";\t|"):
        return PipelineError(
            f"{verb} reads cells between commas, and the header has none.",
            f"  {place}: {columns[0]}",
            hint="write the files with commas between the cells.",
        )
    return None


def _row(verb: str, place: str, text: str, columns: list[str]) -> PipelineError | None:
    if text.count('"') % 2:
        return PipelineError(
            f"{verb} finds a quote that opens and never closes.",
            f"  {place}: {text.splitlines()[0]}",
            hint='close it; a quote within a cell is written twice: "".',
        )
    try:
        cells = next(csv.reader([text]), [])
    except csv.Error as error:
        return PipelineError(
            f"{verb} cannot read a row: {error}.", f"  {place}", hint="mend that line."
        )
    if cells and len(cells) != len(columns):
        return PipelineError(
            f"{verb} finds a row of {len(cells)} cells under a header of {len(columns)}.",
            f"  {place}: {text.splitlines()[0]}",
            hint='give every row a cell per column; a cell with a comma goes in quotes: "a, b".',
        )
    return None
