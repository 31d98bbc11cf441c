"""Arrow columns into features, with the values that `rows` gives to single rows."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from fluentml.executors import feature_columns, rows
from fluentml.executors.feature_columns import Column

ROWS_AT_A_TIME = 16_384


def batches(table: pa.Table) -> Iterator[dict[str, Column]]:
    """Yield the features of a table, some rows at a time."""
    for batch in table.to_batches(ROWS_AT_A_TIME):
        yield {name: _column(name, batch.column(i)) for i, name in enumerate(batch.schema.names)}


def _column(name: str, values: pa.Array) -> Column:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    found = _lists(values) if _is_list(values.type) else _plain(values)
    if found is None:
        # Dates, decimals and what else takes a Python value to tell.
        found = feature_columns.of_features(
            pa.array(
                [rows.feature(name, value).SerializeToString() for value in values.to_pylist()],
                pa.binary(),
            )
        )
    return found


def _plain(values: pa.Array) -> Column | None:
    types, kind = pa.types, values.type
    if types.is_boolean(kind) or types.is_integer(kind):
        try:
            return feature_columns.of_ints(values.cast(pa.int64()), b"")
        except pa.ArrowInvalid:
            return None
    if types.is_floating(kind):
        return feature_columns.of_floats(values, b"")
    if types.is_string(kind) or types.is_binary(kind):
        return feature_columns.of_text(values.cast(pa.binary()), b"")
    return None


def _lists(values: pa.Array) -> Column | None:
    items = _plain(values.flatten())
    if items is None:
        return None
    sizes = pc.list_value_length(values).fill_null(0).to_numpy()
    return feature_columns.of_lists(items, sizes)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))
