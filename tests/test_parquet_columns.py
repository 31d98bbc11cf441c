"""Columns of Arrow into examples: the same as row by row."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fluentml as fml

pytestmark = pytest.mark.tfx

WHOLE = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, 1, 127, 128, -1])
KINDS: dict[str, Any] = {
    "bool_": st.booleans(),
    "int8": st.integers(-128, 127),
    "uint16": st.integers(0, 2**16 - 1),
    "int64": WHOLE,
    "uint64": st.integers(0, 2**63 - 1),
    "float32": st.floats(width=32),
    "float64": st.floats(),
    "string": st.text(max_size=3) | st.sampled_from(["", "x" * 200]),
    "large_string": st.text(max_size=3),
    "binary": st.binary(max_size=3),
    "large_binary": st.binary(max_size=3),
    "date32": st.dates(),
    "null": st.none(),
}


@st.composite
def columns(draw) -> Any:
    """An array of one of the kinds, of single values or lists of them, and perhaps a slice."""
    import pyarrow as pa

    kind = draw(st.sampled_from([*KINDS]))
    values = KINDS[kind] | st.none()
    type = getattr(pa, kind)()
    shape = draw(st.sampled_from(["single", "list_", "large_list"]))
    if shape != "single":
        values, type = st.lists(values, max_size=3) | st.none(), getattr(pa, shape)(type)
    rows = draw(st.lists(values, min_size=4, max_size=4))
    array = pa.array(rows, type)
    if kind == "string" and shape == "single" and draw(st.booleans()):
        array = array.dictionary_encode()
    return array[1:] if draw(st.booleans()) else pa.concat_arrays([array])[:3]


def examples(table: Any) -> list[bytes]:
    from fluentml.executors.feature_columns import serialize
    from fluentml.executors.parquet_columns import batches

    return [one for batch in batches(table) for one in serialize(batch).to_pylist()]


@settings(deadline=None, max_examples=80)
@given(arrays=st.lists(columns(), min_size=1, max_size=4))
def test_columns_give_what_rows_give(arrays: list[Any]):
    import pyarrow as pa

    from fluentml.executors.rows import to_example

    names = ["b", "a" * 130, "", "bé"]
    table = pa.table(dict(zip(names, arrays, strict=False)))
    assert examples(table) == [
        to_example(row).SerializeToString(deterministic=True) for row in table.to_pylist()
    ]


def test_values_that_python_has_to_tell():
    import pyarrow as pa

    from fluentml.executors.rows import to_example

    rows = [
        {
            "money": decimal.Decimal("0.1"),
            "moment": datetime.datetime(2024, 5, 1, 12, 30, 0, 1),
            "span": datetime.timedelta(seconds=1.5),
            "prices": [decimal.Decimal("1.5"), None],
        },
        dict.fromkeys(["money", "moment", "span", "prices"]),
    ]
    table = pa.Table.from_pylist(rows)
    assert examples(table) == [
        to_example(row).SerializeToString(deterministic=True) for row in rows
    ]


def test_what_no_feature_can_hold():
    import pyarrow as pa

    with pytest.raises(fml.FluentmlError, match="'n' holds whole numbers of more than 64 bits"):
        examples(pa.table({"n": pa.array([1, 2**63], pa.uint64())}))
    with pytest.raises(fml.FluentmlError, match="'where' holds values of the type dict"):
        examples(pa.table({"where": [{"lat": 1}]}))


def test_many_rows_make_many_batches():
    import pyarrow as pa

    from fluentml.executors.parquet_columns import ROWS_AT_A_TIME, batches

    table = pa.table({"n": range(2 * ROWS_AT_A_TIME + 1)})
    sizes = [len(batch["n"].values) for batch in batches(table)]
    assert sizes == [ROWS_AT_A_TIME, ROWS_AT_A_TIME, 1]
