"""Tables: numbers to the right, sortable and filterable where there is something to look for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from markupsafe import Markup

from fluentml.report.markup import Content, element
from fluentml.report.words import MINUS, number

LONG = 8
"""From so many rows on a table can be filtered."""

WIDE = 9
"""A table of more columns than this needs smaller letters on paper."""


class Cell(NamedTuple):
    """What stands in a cell, and by what it is sorted if by something else."""

    content: Content
    key: float | str = ""
    kind: str = ""


Row: TypeAlias = "Sequence[Content | Cell]"


def table(
    heads: Sequence[str],
    rows: Iterable[Row],
    *,
    caption: str,
    sortable: bool = False,
    filterable: bool = False,
) -> Markup:
    """Return a table; a column of numbers stands to the right.

    Args:
        heads: The heads of the columns; the first column names the rows.
        rows: Text, elements or numbers, which get four digits; a `Cell` says more.
        caption: What it shows; every table has one.
        sortable: Whether a click on a head sorts by that column.
        filterable: Whether there is a field to search in, where the rows are many.
    """
    cells = _aligned([[_cell(value) for value in row] for row in rows])
    right = {
        place for place in range(len(heads)) if any(isinstance(r[place].key, float) for r in cells)
    }
    body = [
        element("tr", [_written(cell, place, place in right) for place, cell in enumerate(row)])
        for row in cells
    ]
    heading = [_head(name, place in right, sortable) for place, name in enumerate(heads)]
    made = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", heading)),
        element("tbody", body),
        data_sortable=sortable or None,
        class_="wide" if len(heads) > WIDE else None,
    )
    scroll = element("div", made, class_="scroll", tabindex="0", role="region", aria_label=caption)
    if not (filterable and len(cells) >= LONG):
        return scroll
    field = element("input", type="search", data_filter=True, autocomplete="off")
    return element("div", element("label", "Filter", field, class_="filter"), scroll)


def facts(pairs: Iterable[tuple[str, Content]]) -> Markup:
    """Return names and what there is to say of each."""
    return element(
        "dl",
        [(element("dt", name), element("dd", value)) for name, value in pairs],
        class_="facts",
    )


def _aligned(rows: list[list[Cell]]) -> list[list[Cell]]:
    """Give a column of small numbers as many decimals in every row."""
    for place in range(min(map(len, rows), default=0)):
        keys = [row[place].key for row in rows if _is_number(row[place])]
        small = [key for key in keys if isinstance(key, float) and 0.1 <= abs(key) < 10]
        if len(keys) > 1 and len(small) == len(keys) and not all(k.is_integer() for k in small):
            for row in rows:
                if row[place].key in small:
                    row[place] = row[place]._replace(
                        content=f"{row[place].key:.4f}".replace("-", MINUS)
                    )
    return rows


def _is_number(cell: Cell) -> bool:
    return isinstance(cell.key, float) and cell.content == number(cell.key)


def _cell(value: Content | Cell) -> Cell:
    if isinstance(value, Cell):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Cell(number(value), float(value))
    return Cell(value)


def _written(cell: Cell, place: int, right: bool) -> Markup:
    classes = " ".join(filter(None, ["n" if right else "", cell.kind])) or None
    key = None if cell.key == "" else f"{cell.key!r}" if isinstance(cell.key, float) else cell.key
    if place == 0:
        return element("th", cell.content, scope="row", class_=classes, data_key=key)
    return element("td", cell.content, class_=classes, data_key=key)


def _head(name: str, right: bool, sortable: bool) -> Markup:
    content = element("button", name, type="button") if sortable and name else name
    return element("th", content, scope="col", class_="n" if right else None)
