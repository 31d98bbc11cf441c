"""Rows into tf.Examples with one type per column.

A feature has one type, and a column may not: SQLite gives 1 and 1.5 from one, and what was written
as a whole number in one month may be a fraction in the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import tensorflow as tf

from fluentml.executors.rows import to_example

Row = dict[str, Any]
"""A row by column, its values as `rows.plain` makes them."""


class _WidestKinds(beam.CombineFn):
    """Find the kind of every column: the widest of its values', as for CSV files."""

    def create_accumulator(self) -> dict[str, type]:
        return {}

    def add_input(self, kinds: dict[str, type], row: Row) -> dict[str, type]:
        for name, value in row.items():
            for item in value if isinstance(value, list) else [value]:
                kinds[name] = _wider(kinds.get(name), type(item))
        return kinds

    def merge_accumulators(self, many: Iterable[dict[str, type]]) -> dict[str, type]:
        merged: dict[str, type] = {}
        for kinds in many:
            for name, kind in kinds.items():
                merged[name] = _wider(merged.get(name), kind)
        return merged

    def extract_output(self, kinds: dict[str, type]) -> dict[str, type]:
        return kinds


_WIDTHS: list[type] = [type(None), bool, int, float, bytes]


def _wider(one: type | None, other: type) -> type:
    if one is None or one is other:
        return other
    if one in _WIDTHS and other in _WIDTHS:
        return max(one, other, key=_WIDTHS.index)
    return one if other is type(None) else other


def _typed(row: Row, kinds: dict[str, type]) -> tf.train.Example:
    # A column of empty lists has none.
    return to_example({name: _cast(value, kinds.get(name)) for name, value in row.items()})


def _cast(value: Any, kind: type | None) -> Any:
    if isinstance(value, list):
        return [_cast(item, kind) for item in value]
    if value is None or kind is None or isinstance(value, kind):
        return value
    if kind is bytes:
        return str(value).encode()
    return kind(value) if kind in (int, float) else value


@beam.ptransform_fn
@beam.typehints.with_input_types(Row)
@beam.typehints.with_output_types(tf.train.Example)
def to_examples(rows: Any) -> Any:
    """Return the examples of all rows; this looks at them twice."""
    kinds = beam.pvalue.AsSingleton(rows | "Kinds" >> beam.CombineGlobally(_WidestKinds()))
    return rows | "Typed" >> beam.Map(_typed, kinds)
