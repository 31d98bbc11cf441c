"""What the values of CSV files show to be wrong: text among numbers, and labels that are missing.

TFX gives a column the widest type of its values, in all files of a split: one "N/A" makes text of a
million numbers, and no step says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fluentml.errors import PipelineError, shown

MOST = 0.95
"""From this share of numbers on, the text among them is taken for a mistake..."""
ENOUGH = 20
"""...where there are as many numbers at least."""
FIRST = 100
"""Where a column begins with so many numbers, it is one of numbers, whatever comes later."""
TOLD = 5
"""So many places are told."""


class Place(NamedTuple):
    """The line on which a row begins."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{shown(self.file)}:{self.line}"


class Role(NamedTuple):
    """What a step takes a column for: `preprocess(): numeric=`, and whether that is a number."""

    named: str
    is_number: bool


class Values:
    """What is known of the columns so far."""

    def __init__(
        self, columns: Sequence[str], labels: Mapping[str, str], roles: Mapping[str, Role]
    ) -> None:
        """Start with the names of the columns, the verb that names each label, and the roles."""
        self._roles = roles
        self._columns = [_Column(name) for name in columns]
        self._labels = {
            columns.index(name): verb for name, verb in labels.items() if name in columns
        }
        self._unlabelled: dict[int, list[Place]] = {index: [] for index in self._labels}

    def add(self, file: Path, lines: Sequence[int], columns: Iterable[Sequence[str]]) -> None:
        """Take more rows of a file: their lines, and the cells of each column."""
        for index, cells in enumerate(columns):
            self._columns[index].add(file, lines, cells)
            if index in self._labels:
                pairs = zip(lines, cells, strict=True)
                missing = [Place(file, line) for line, cell in pairs if _is_missing(cell)]
                self._unlabelled[index] += missing

    def problems(self, verb: str, mixed: Iterable[str]) -> Iterator[PipelineError]:
        """Yield what is wrong; text among numbers is right in the columns that `mixed` names."""
        odd = [column for column in self._columns if column.is_odd and column.name not in mixed]
        if odd:
            names = ", ".join(f'"{column.name}"' for column in odd[:TOLD])
            yield PipelineError(
                f"{verb} finds text among numbers, and TFX would read the numbers as text too.",
                *(f"  {column.told()}" for column in odd[:TOLD]),
                hint="mend the rows (a missing value is an empty cell); where text is meant, write "
                f"mixed=[{names}].",
            )
        # TFX reads as text whatever has some text.
        for column in self._columns:
            role = self._roles.get(column.name)
            if role and role.is_number and column.has_text and column not in odd:
                yield PipelineError(
                    f"{role.named} names {column.name!r}, which is text.",
                    f"  {column.first_text()}",
                    hint="take a column of numbers, or name it in categorical= or text=.",
                )
            elif role and not role.is_number and column.has_numbers_only:
                yield PipelineError(
                    f"{role.named} names {column.name!r}, which has numbers only.",
                    hint="take a column of text, or name it in numeric= or categorical=.",
                )
        for index, places in self._unlabelled.items():
            if places:
                count = f"{len(places)} row{'s' if len(places) > 1 else ''}"
                yield PipelineError(
                    f"{self._labels[index]}: label={self._columns[index].name!r} is empty or NaN "
                    f"in {count} of the CSV, and nothing can be learned from such a row.",
                    *(f"  {place}" for place in places[:TOLD]),
                    hint="fill it in, or take these rows out.",
                )


def _is_missing(cell: str) -> bool:
    return not cell or cell.isspace() or number_of(cell) is math.nan


def number_of(cell: str) -> float | None:
    """Return the number that TFX reads; None for text."""
    try:
        found = float(cell)
    except ValueError:
        return None
    return math.nan if found != found else found


class _Column:
    def __init__(self, name: str) -> None:
        self.name = name
        self._numbers = self._texts = self._before = 0
        self._first: tuple[Place, str] | None = None

    def add(self, file: Path, lines: Sequence[int], cells: Sequence[str]) -> None:
        if self._texts > self._numbers and self._before < FIRST:
            return  # A column of text.
        try:
            # NaN stands for a missing value in columns of text as well.
            missing = ["", *(cell for cell in {*cells} - {""} if math.isnan(float(cell)))]
        except ValueError:
            self._add_each(file, lines, cells)
        else:
            self._numbers += len(cells) - sum(map(cells.count, missing))

    def _add_each(self, file: Path, lines: Sequence[int], cells: Sequence[str]) -> None:
        for line, cell in zip(lines, cells, strict=True):
            found = number_of(cell)
            if cell and found is None:
                if not self._first:
                    self._first, self._before = (Place(file, line), cell), self._numbers
                self._texts += 1
            elif cell and found is not math.nan:
                self._numbers += 1

    @property
    def is_odd(self) -> bool:
        """Whether numbers are meant, and text is there as well."""
        most = self._numbers >= max(ENOUGH, MOST * (self._numbers + self._texts))
        return self._texts > 0 and (most or self._before >= FIRST)

    @property
    def has_text(self) -> bool:
        return self._texts > 0

    @property
    def has_numbers_only(self) -> bool:
        return self._numbers > 0 and not self._texts

    def first_text(self) -> str:
        assert self._first
        place, cell = self._first
        return f"{place}: {self.name!r} is {cell[:40]!r}"

    def told(self) -> str:
        return f"{self.first_text()} ({self._texts} such among {self._numbers} numbers)"
