"""Rows as a test writes them down, as one table with a type for every column."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from fluentml import frames
from fluentml.errors import DefinitionError, listing
from fluentml.spec import import_needed

VERB = "run_preprocessing()"
FORMS = "a list of dicts, a dict of columns, a pandas DataFrame or a pyarrow Table"


def to_table(rows: Any) -> Any:
    """Return rows as a pyarrow Table.

    Whole numbers among fractions become fractions, as in a CSV file; None is a missing value.

    Args:
        rows: A list of dicts, a dict of columns, a pandas DataFrame or a pyarrow Table.

    Raises:
        DefinitionError: They are none of these, there are none, or a column has no one type.
    """
    table = _table(rows)
    if not table.num_rows or not table.num_columns:
        raise DefinitionError(
            f"{VERB} got {table.num_rows} rows and {table.num_columns} columns.",
            hint="give it a row: means and vocabularies are those of the rows that it gets.",
        )
    return table


def _table(rows: Any) -> Any:
    arrow = import_needed("pyarrow")
    if isinstance(rows, arrow.RecordBatch):
        return arrow.Table.from_batches([rows])
    if isinstance(rows, arrow.Table) or _is_frame(rows):
        return frames.to_table(rows, VERB)
    if isinstance(rows, Mapping):
        return _from_columns(rows)
    if isinstance(rows, Sequence) and not isinstance(rows, str | bytes):
        return _from_dicts(rows)
    raise DefinitionError(
        f"{VERB} takes {FORMS}, not a value of the type {type(rows).__name__}.",
        hint='write [{"fare": 12.5, "company": "Blue"}, …].',
    )


def _is_frame(rows: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(rows, pandas.DataFrame)


def _from_dicts(rows: Sequence[Any]) -> Any:
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise DefinitionError(
                f"{VERB} takes a dict per row, and row {number} is {row!r}.",
                hint='name the columns: [{"fare": 12.5, "company": "Blue"}, …].',
            )
    names = dict.fromkeys(name for row in rows for name in row)
    return _from_columns({name: [row.get(name) for row in rows] for name in names})


def _from_columns(columns: Mapping[str, Any]) -> Any:
    lengths = {}
    for name, values in columns.items():
        if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
            raise DefinitionError(
                f"{VERB} takes a list per column, and {name!r} is {values!r}.",
                hint="for one row write a list of one dict: [{…}].",
            )
        lengths[name] = len(values)
    if len({*lengths.values()}) > 1:
        raise DefinitionError(
            f"{VERB} takes as many values in every column.",
            f"There are: {', '.join(f'{name!r} {count}' for name, count in lengths.items())}.",
            hint="write None where a value is missing.",
        )
    arrow = import_needed("pyarrow")
    return arrow.table({str(name): _column(str(name), one) for name, one in columns.items()})


def _column(name: str, values: Any) -> Any:
    arrow = import_needed("pyarrow")
    try:
        return arrow.array(values)
    except (arrow.ArrowException, TypeError, ValueError) as error:
        kinds = {type(value).__name__: None for value in values if value is not None}
        raise DefinitionError(
            f"{VERB} cannot give the column {name!r} one type: it has {listing(kinds)}.",
            hint="write numbers, or text, or lists of them; None where a value is missing.",
        ) from error
