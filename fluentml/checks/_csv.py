"""What CSV files show to be wrong, long before TFX reads them on Beam; of many, their first rows.

The rules are TFX's own: UTF-8, cells between commas, a header whose quotes belong to the names, and
the same header in every file of a split.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, TypeAlias

from fluentml.checks._csv_values import Place, Role, Values, number_of
from fluentml.errors import PipelineError, did_you_mean, listing, shown

BYTES = 16 * 2**20
"""As much of the files of a split is looked at, which takes a second or two..."""
ROWS = 100
"""...and of each file so many rows at least."""
_AT_A_TIME = 2**17

Record: TypeAlias = tuple[int, bytes]
"""The header or a row: the number of its first line, and its text."""
BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "UTF-8 with a byte order mark",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


def header(path: Path) -> list[str]:
    """Return the column names of a CSV file, as TFX reads them."""
    with path.open("rb") as lines:
        return lines.readline().decode(errors="replace").strip().split(",")


def has_text(path: Path, column: str) -> bool:
    """Return whether the first rows of a sound CSV file have text in a column."""
    place = header(path).index(column)
    with path.open("rb") as file:
        records = itertools.islice(_records(file.readlines(_AT_A_TIME), 1), ROWS)
        rows = [raw.decode(errors="replace") for _, raw in records]
    cells = [cells[place] for cells in csv.reader(rows[1:]) if len(cells) > place]
    return any(cell and number_of(cell) is None for cell in cells)


def look(
    verb: str,
    files: Iterable[Path],
    *,
    mixed: Sequence[str] = (),
    labels: Mapping[str, str] = MappingProxyType({}),
    roles: Mapping[str, Role] = MappingProxyType({}),
) -> Iterator[PipelineError]:
    """Yield the first problem of the files that are read together, in one split.

    Args:
        verb: The step that reads them.
        files: The files.
        mixed: Columns in which text is right among numbers.
        labels: The columns that no row may lack, each with the verb that says so.
        roles: The columns that have to be numbers, or text.
    """
    try:
        values = _values(verb, [*files], labels, roles)
    except PipelineError as problem:
        yield problem
    else:
        yield from values.problems(verb, mixed) if values else ()


def _values(
    verb: str, files: list[Path], labels: Mapping[str, str], roles: Mapping[str, Role]
) -> Values | None:
    """Return what the files hold; raise the first problem of a line."""
    values: Values | None = None
    first: list[str] = []
    left = BYTES
    for path in files:
        columns = header(path)
        first = first or columns
        for numbers, cells in _by_column(verb, path, left):
            values = values or Values(first, labels, roles)
            if columns == first:
                values.add(path, numbers, cells)
        left -= path.stat().st_size
        if columns != first:
            raise PipelineError(
                f"{verb} reads files with different headers into one split.",
                f"  {shown(files[0])}:1: {','.join(first)}",
                f"  {shown(path)}:1: {','.join(columns)}",
                hint="give them the same columns in the same order.",
            )
    if files and values is None:
        raise PipelineError(
            f"{verb} finds a header in {shown(files[0])!r}, and no rows.",
            hint="add rows, or name files that have some.",
        )
    return values


def missing_column(verb: str, parameter: str, column: str, path: Path) -> Iterator[PipelineError]:
    """Yield a problem where a file has no such column."""
    columns = header(path)
    if column not in columns:
        yield PipelineError(
            f"{verb}: {parameter}={column!r} is no column of the CSV.",
            f"The columns: {listing(columns)}.",
            hint=did_you_mean(column, columns) or "name one of these.",
        )


def _by_column(
    verb: str, path: Path, most: int
) -> Iterator[tuple[Sequence[int], Sequence[Sequence[str]]]]:
    """Yield the lines of rows that have cells, many at a time, and the cells of each column.

    Raises:
        PipelineError: The first problem of a line.
    """
    with path.open("rb") as file:
        columns = _columns(verb, path, file.readline())
        for number, lines in _batches(file, most):
            records = [*_records(lines, number)]
            cells = _sound([raw for _, raw in records], len(columns))
            if cells is None:
                # One of them is odd; one by one shows which.
                rows = [_cells(verb, path, record, columns) for record in records]
                records = [*itertools.compress(records, rows)]
                cells = [*zip(*filter(None, rows), strict=True)]
            if cells:
                yield [number for number, _ in records], cells


def _batches(file: BinaryIO, most: int) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the lines below the header, many at a time, and the number of the first of them.

    A quoted cell may go on over several lines, but not into the next batch. After so many bytes, if
    not within the first rows, it is enough.
    """
    number = 2
    while most >= 0 or number <= ROWS:
        lines = file.readlines(max(1, min(most, _AT_A_TIME)))
        if not lines:
            return
        is_closed = _is_closed(b"".join(lines))
        while not is_closed and (line := file.readline()):
            lines.append(line)
            is_closed = not _is_closed(line)
        yield number, lines
        number += len(lines)
        most -= sum(map(len, lines))


def _records(lines: Sequence[bytes], first: int) -> Iterator[Record]:
    """Yield the header and the rows, of which the first begins on the line of that number."""
    if b'"' not in b"".join(lines):
        yield from enumerate(lines, first)
        return
    start, record = first, b""
    for number, line in enumerate(lines, first):
        record += line
        # The quotes of a header belong to its names.
        if number == 1 or _is_closed(record):
            yield start, record
            start, record = number + 1, b""
    if record:
        yield start, record


def _sound(lines: Sequence[bytes], width: int) -> list[Sequence[str]] | None:
    """Return the cells of each column, of lines with so many cells each; None if one has others."""
    whole = b"".join(lines)
    try:
        if b'"' not in whole and b"\r" not in whole:
            if any(line.count(b",") != width - 1 for line in lines):
                return None
            cells = whole.decode().removesuffix("\n").replace("\n", ",").split(",")
            return [cells[place::width] for place in range(width)]
        rows = [*csv.reader(map(bytes.decode, lines))]
    except (UnicodeDecodeError, csv.Error):
        return None
    is_sound = len(rows) == len(lines) and {*map(len, rows)} == {width}
    return [*zip(*rows, strict=True)] if is_sound and _is_closed(lines[-1]) else None


def _is_closed(record: bytes) -> bool:
    return record.count(b'"') % 2 == 0


def _decoded(verb: str, place: Place, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise _encoding(verb, place, raw, error) from None


def _encoding(verb: str, place: Place, raw: bytes, error: UnicodeDecodeError) -> PipelineError:
    mark = next((name for mark, name in BYTE_ORDER_MARKS.items() if raw.startswith(mark)), None)
    line = f"{raw[: error.start].decode()}\N{REPLACEMENT CHARACTER}"
    return PipelineError(
        f"{verb} reads UTF-8, and this is {mark or 'not'}.",
        f"  {place}: {line[-60:]}" if not mark else f"  {place}",
        hint="write the file again in UTF-8.",
    )


def _columns(verb: str, path: Path, raw: bytes) -> list[str]:
    if not raw:
        raise PipelineError(
            f"{verb} cannot read {shown(path)!r}, which is empty.",
            hint="write a header and rows to it, or take it away.",
        )
    place = Place(path, 1)
    columns = _decoded(verb, place, raw).strip().split(",")
    if raw.startswith(b"\xef\xbb\xbf"):
        raise PipelineError(
            f"{verb} would take the byte order mark of this file for part of its first column's "
            "name.",
            f"  {place}: {','.join(columns)}",
            hint='write the file again in plain UTF-8 (not "utf-8-sig").',
        )
    if columns == [""]:
        raise PipelineError(
            f"{verb} takes the first line for the header, and it is empty.",
            f"  {place}",
            hint="write the names of the columns into it.",
        )
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise PipelineError(
            f"{verb} finds the column {twice!r} more than once.",
            f"  {place}: {','.join(columns)}",
            hint="give every column a name of its own; the first line is the header.",
        )
    if len(columns) == 1 and any(mark in columns[0] for mark in ";\t|"):
        raise PipelineError(
            f"{verb} reads cells between commas, and the header has none.",
            f"  {place}: {columns[0]}",
            hint="write the files with commas between the cells.",
        )
    return columns


def _cells(verb: str, path: Path, record: Record, columns: list[str]) -> list[str]:
    number, raw = record
    place = Place(path, number)
    text = _decoded(verb, place, raw)
    if not _is_closed(raw):
        raise PipelineError(
            f"{verb} finds a quote that opens and never closes.",
            f"  {place}: {text.splitlines()[0]}",
            hint='close it; a quote within a cell is written twice: "".',
        )
    try:
        cells = next(csv.reader([text]), [])
    except csv.Error as error:
        raise PipelineError(
            f"{verb} cannot read a row: {error}.", f"  {place}", hint="mend that line."
        ) from error
    if cells and len(cells) != len(columns):
        raise PipelineError(
            f"{verb} finds a row of {len(cells)} cells under a header of {len(columns)}.",
            f"  {place}: {text.splitlines()[0]}",
            hint='give every row a cell per column; a cell with a comma goes in quotes: "a, b".',
        )
    return cells
