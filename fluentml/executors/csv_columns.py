"""Cells of CSV files into features, with the types that TFX's CsvExampleGen infers.

A column is INT where Python's `int` takes every cell, FLOAT where `float` does, else text; and text
where a whole number exceeds 64 bits. Where Arrow's own numbers are not Python's (hexadecimals, a
plus, blanks around), Python reads them.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
from tfx_bsl.coders import csv_decoder

from fluentml.executors import feature_columns
from fluentml.executors.feature_columns import Column

Type: TypeAlias = Any
UNKNOWN, INT, FLOAT, STRING = (
    csv_decoder.ColumnType.UNKNOWN,
    csv_decoder.ColumnType.INT,
    csv_decoder.ColumnType.FLOAT,
    csv_decoder.ColumnType.STRING,
)
_IN_INTS, _IN_FLOATS = b"-0123456789", b"+-.0123456789Ee"
_SURE_INT64 = 18
"""So many characters of a whole number always fit in 64 bits."""


def type_of(cells: pa.Array, known: Type) -> Type:
    """Return the type of a column of which `known` is known from other cells."""
    if known == STRING or cells.null_count == len(cells):
        return known
    if _consists_of(cells, _IN_INTS):
        if _cast(cells, pa.int64()) is not None:
            return max(known, INT)
    elif _consists_of(cells, _IN_FLOATS) and _cast(cells, pa.float64()) is not None:
        # One of these is no whole number; those that are might be long.
        cells = cells.filter(pc.greater(pc.binary_length(cells), _SURE_INT64))
        known = max(known, FLOAT)
    for cell in cells.unique().to_pylist():
        # None is a missing one.
        known = max(known, csv_decoder._InferValueType(cell))
        if known == STRING:
            break
    return known


def features(cells: list[pa.Array], names: list[str], types: dict[str, Type]) -> dict[str, Column]:
    """Return the features of a batch; of columns of one name, TFX keeps the last."""
    return {name: _feature(column, types[name]) for name, column in zip(names, cells, strict=True)}


def _feature(cells: pa.Array, type: Type) -> Column:
    if type == UNKNOWN:
        return feature_columns.of_features(pa.nulls(len(cells), pa.binary()))
    if type == STRING:
        return feature_columns.of_text(cells, feature_columns.NO_TEXT)
    if type == INT:
        return feature_columns.of_ints(_numbers(cells, INT), feature_columns.NO_INTS)
    return feature_columns.of_floats(_numbers(cells, FLOAT), feature_columns.NO_FLOATS)


def _numbers(cells: pa.Array, type: Type) -> pa.Array:
    kind, characters, number = (
        (pa.int64(), _IN_INTS, int) if type == INT else (pa.float64(), _IN_FLOATS, float)
    )
    if _consists_of(cells, characters):
        numbers = _cast(cells, kind)
        if numbers is not None:
            return numbers
    coded = cells.dictionary_encode()
    known = pa.array([number(cell) for cell in coded.dictionary.to_pylist()], kind)
    return known.take(coded.indices)


def _cast(cells: pa.Array, kind: pa.DataType) -> pa.Array | None:
    try:
        return cells.cast(pa.string()).cast(kind)
    except pa.ArrowInvalid:
        return None


def _consists_of(cells: pa.Array, characters: bytes) -> bool:
    return not feature_columns.content(cells).translate(None, characters)
