"""From a row of plain values to a tf.Example.

TFX's own `dict_to_example`, which its Parquet and Avro executors call, takes 0, False and "" for
missing values (tensorflow/tfx#6407), and fails on dates, decimals and bytes that are no text.
"""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from fluentml.errors import FluentmlError

_AS_TEXT = (datetime.date, datetime.time, uuid.UUID)


def to_example(row: Mapping[str, Any]) -> tf.train.Example:
    """Return the tf.Example of a row.

    Booleans and whole numbers become int64 lists, floats and decimals float lists, text (UTF-8) and
    bytes bytes lists; dates, times and UUIDs become text, as ISO 8601 writes it, and time spans
    seconds. A list gives a feature of several values; None and empty lists one without any.

    Raises:
        FluentmlError: A column holds values of another kind.
    """
    features = {str(name): feature(str(name), value) for name, value in row.items()}
    return tf.train.Example(features=tf.train.Features(feature=features))


def feature(name: str, value: Any) -> tf.train.Feature:
    """Return the feature of a value in a row: see `to_example`."""
    values = value if isinstance(value, list | tuple) else [value]
    values = [plain(item) for item in values if item is not None]
    if not values:
        return tf.train.Feature()
    if all(isinstance(item, int) for item in values):
        return tf.train.Feature(int64_list=_int64_list(name, values))
    if all(isinstance(item, int | float) for item in values):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    if all(isinstance(item, bytes) for item in values):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
    kinds = " and ".join(sorted({type(item).__name__ for item in values}))
    raise FluentmlError(
        f"The column {name!r} holds values of the type {kinds}, and a feature cannot.",
        hint="leave it out, or write it as numbers, text or lists of one of these.",
    )


def _int64_list(name: str, values: list[int]) -> tf.train.Int64List:
    try:
        # protobuf 6 takes no booleans.
        return tf.train.Int64List(value=map(int, values))
    except ValueError as error:
        raise FluentmlError(
            f"The column {name!r} holds whole numbers of more than 64 bits, such as "
            f"{max(values, key=abs)}.",
            hint="cast them to a smaller type, to floats or to text.",
        ) from error


def plain(value: Any) -> Any:
    """Return a value as a number, bytes, None or a list of these, where it can be told by one."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, _AS_TEXT):
        return (str(value) if isinstance(value, uuid.UUID) else value.isoformat()).encode()
    return value
