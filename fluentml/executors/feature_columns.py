"""Columns into serialized tf.Examples, a batch of rows at once.

What comes out is what protobuf writes with `deterministic=True`, byte for byte, for TFX deals
examples into splits by a hash of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf.struct_pb2 import Struct

Numbers: TypeAlias = npt.NDArray[Any]

BYTES, FLOATS, INTS = b"\x0a", b"\x12", b"\x1a"
"""The tags of the three lists that a tf.train.Feature may hold."""
NO_TEXT, NO_FLOATS, NO_INTS = BYTES + b"\0", FLOATS + b"\0", INTS + b"\0"
"""The tf.train.Features of empty lists."""
_ITEM = b"\x0a"
_KEY, _VALUE = b"\x0a", b"\x12"
_NOTHING = pa.scalar(b"", pa.binary())


@dataclass(frozen=True)
class Column:
    """A feature of every row of a batch.

    Attributes:
        kind: The tag of its list; empty where the values are whole tf.train.Features.
        values: What stands in the list of a row, as binary; null where it has no value.
        framed: Whether `values` have the tags and lengths that stand before bytes, or packed
            numbers, in a list.
        empty: What the tf.train.Feature of a row without a value is.
    """

    kind: bytes
    values: pa.Array
    framed: bool
    empty: bytes

    def serialized(self) -> pa.Array:
        """Return the serialized tf.train.Feature of every row."""
        heads, _ = self._heads(self._head)
        return pc.binary_join_element_wise(heads, self.values.fill_null(b""), _NOTHING)

    def entries(self, name: str) -> tuple[pa.Array, Numbers]:
        """Return what stands before the values of each row, and the length of both together."""
        key = name.encode()
        start = _KEY + _varint(len(key)) + key + _VALUE

        def head(length: int | None) -> bytes:
            feature = self._head(length)
            inside = start + _varint(len(feature) + (length or 0)) + feature
            return _ITEM + _varint(len(inside) + (length or 0)) + inside

        return self._heads(head)

    def _head(self, length: int | None) -> bytes:
        if length is None or not self.kind:
            return self.empty
        item = b"" if self.framed else _ITEM + _varint(length)
        return self.kind + _varint(len(item) + length) + item

    def _heads(self, head: Callable[[int | None], bytes]) -> tuple[pa.Array, Numbers]:
        lengths = pc.binary_length(self.values).dictionary_encode("encode")
        known = lengths.dictionary.to_pylist()
        heads = [head(length) for length in known]
        sizes = np.array(
            [len(each) + (length or 0) for each, length in zip(heads, known, strict=True)], np.int64
        )
        rows = lengths.indices.to_numpy()
        return pa.array(heads, pa.binary()).take(lengths.indices), sizes[rows]


def of_text(values: pa.Array, empty: bytes) -> Column:
    """Return a column of one text, or bytes, for each row."""
    return Column(BYTES, values, False, empty)


def of_floats(values: pa.Array, empty: bytes) -> Column:
    """Return a column of one number for each row, rounded as protobuf rounds."""
    with np.errstate(over="ignore"):
        numbers = values.fill_null(0).to_numpy(zero_copy_only=False).astype("<f4")
    valid = _valid(values)
    return Column(FLOATS, binary(numbers[valid].tobytes(), 4 * valid, valid), False, empty)


def of_ints(values: pa.Array, empty: bytes) -> Column:
    """Return a column of one whole number for each row."""
    valid = _valid(values)
    data, sizes = varints(values.fill_null(0).to_numpy()[valid])
    lengths = np.zeros(len(values), np.int64)
    lengths[valid] = sizes
    return Column(INTS, binary(data, lengths, valid), False, empty)


def of_features(values: pa.Array) -> Column:
    """Return a column of tf.train.Features that are serialized already; null is one of no kind."""
    return Column(b"", values, True, b"")


def of_lists(items: Column, sizes: Numbers) -> Column:
    """Return a column of several values for each row.

    Args:
        items: All of them, in turn; null ones are left out.
        sizes: How many each row has, null ones included.
    """
    pieces, is_text = items.values.fill_null(b""), items.kind == BYTES
    if is_text:
        framed = Column(b"", items.values, True, b"")
        heads, _ = framed._heads(lambda n: b"" if n is None else _ITEM + _varint(n))
        pieces = pc.binary_join_element_wise(heads, pieces, _NOTHING)
    ends = np.concatenate([[0], np.cumsum(pc.binary_length(pieces).to_numpy())])
    lengths = np.diff(ends[np.concatenate([[0], np.cumsum(sizes)])])
    data = content(pieces)
    return Column(items.kind, binary(data, lengths, lengths > 0), is_text, b"")


def content(values: pa.Array) -> bytes:
    """Return binary values without nulls, one after the other."""
    _, offsets, data = values.buffers()
    ends = np.frombuffer(offsets, np.int32)[values.offset :]
    start, stop = int(ends[0]), int(ends[len(values)])
    return bytes(data.slice(start, stop - start)) if data else b""


def each(values: pa.Array) -> list[bytes]:
    """Return binary values without nulls; Arrow takes its time to do it."""
    data, ends = content(values), np.cumsum(pc.binary_length(values).to_numpy()).tolist()
    return [data[start:stop] for start, stop in zip([0, *ends], ends, strict=False)]


def varints(values: Numbers) -> tuple[bytes, Numbers]:
    """Return whole numbers of 64 bits as protobuf packs them, and the size of each."""
    bits = values.astype(np.int64, copy=False).view(np.uint64)
    sizes = np.ones(len(bits), np.int64)
    if bits.max(initial=0) < 0x80:
        return bits.astype(np.uint8).tobytes(), sizes
    for shift in range(7, 64, 7):
        sizes += bits >= np.uint64(1 << shift)
    places = np.arange(sizes.max(initial=1))
    septets = (bits[:, None] >> (7 * places).astype(np.uint64)).astype(np.uint8) & 0x7F
    septets[places < sizes[:, None] - 1] |= 0x80
    return septets[places < sizes[:, None]].tobytes(), sizes


def serialize(columns: Mapping[str, Column]) -> pa.Array:
    """Return the serialized tf.Example of every row."""
    parts: list[pa.Array] = []
    total: Numbers = np.zeros(1, np.int64)
    for name in sorted(columns, key=_place):
        heads, sizes = columns[name].entries(name)
        parts += [heads, columns[name].values.fill_null(b"")]
        total = total + sizes
    lengths, rows = np.unique(total, return_inverse=True)
    starts = pa.array([_ITEM + _varint(int(length)) for length in lengths], pa.binary())
    return pc.binary_join_element_wise(starts.take(pa.array(rows)), *parts, _NOTHING)


def _place(name: str) -> tuple[int, ...]:
    """Return by what protobuf sorts a key."""
    return (*name.encode(), _end_of_key())


@functools.cache
def _end_of_key() -> int:
    """Return where a key's end comes: before all bytes in protobuf 3.20, behind them in 6."""
    pair = Struct()
    pair.update({"a": True, "ab": True})
    data = pair.SerializeToString(deterministic=True)
    return -1 if data.index(b"\x01a") < data.index(b"\x02ab") else 256


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _valid(values: pa.Array) -> Numbers:
    return np.asarray(values.is_valid().to_numpy(zero_copy_only=False))


def binary(data: bytes, lengths: Numbers, valid: Numbers | None = None) -> pa.Array:
    """Return the binary values of these lengths that stand in `data`, one after the other.

    Args:
        data: The values.
        lengths: Of every row; where it is not valid, 0.
        valid: Which rows have a value; default: all.
    """
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    gaps = None
    if valid is not None and not valid.all():
        gaps = pa.py_buffer(np.packbits(valid, bitorder="little"))
    buffers = [gaps, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.binary(), len(lengths), buffers)
