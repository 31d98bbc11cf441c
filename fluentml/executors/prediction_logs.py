"""What a bulk inferrer writes, as rows: each example's features, and what the model said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from fluentml.errors import DataError

_FEATURES = {"int64_list": "int64", "float_list": "float32", "bytes_list": "object"}

HALF = ("float16", "bfloat16")
"""What Arrow and Parquet know badly or not at all, and 32 bits hold as well."""


class Cell(NamedTuple):
    """What one example has in one column.

    Attributes:
        kind: NumPy's name of the type of each value; `object` stands for bytes.
        depth: How deep the lists are nested, at least 1.
        values: The list.
    """

    kind: str
    depth: int
    values: list[Any]


Cells = dict[str, Cell]


class Row(NamedTuple):
    """An example: its features, and the outputs of the model."""

    features: Cells
    outputs: Cells


def row_of_example(record: bytes) -> Iterator[Row]:
    """Yield the row of a serialized tf.Example, which has the predictions among its features."""
    yield Row(_cells(record), {})


def rows_of_log(record: bytes) -> Iterator[Row]:
    """Yield the rows of a PredictionLog: it may hold a batch."""
    log = prediction_log_pb2.PredictionLog.FromString(record)
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        yield from _predictions(log.predict_log)
        return
    if kind not in ("classify_log", "regress_log", "multi_inference_log"):
        raise DataError(f"The predictions are kept as {kind}, which has no rows.")
    content = getattr(log, kind)
    examples = content.request.input.example_list.examples
    for number, example in enumerate(examples):
        yield Row(_cells(example.SerializeToString()), dict(_verdict(content.response, number)))


def _predictions(log: Any) -> Iterator[Row]:
    inputs = dict(log.request.inputs.items())
    (first, *more) = inputs.values()
    if more or not first.string_val:
        columns = {name: tf.make_ndarray(tensor) for name, tensor in inputs.items()}
        features = [_cells_of(columns, row) for row in range(len(next(iter(columns.values()))))]
    else:
        features = [_cells(example) for example in first.string_val]
    outputs = {name: tf.make_ndarray(tensor) for name, tensor in log.response.outputs.items()}
    for name, array in outputs.items():
        if not array.shape or len(array) != len(features):
            raise DataError(
                f"The output {name!r} has the shape {array.shape} for {len(features)} examples.",
                hint="let the signature return a row for each example.",
            )
    for row, cells in enumerate(features):
        yield Row(cells, _cells_of(outputs, row))


def _verdict(response: Any, number: int) -> Iterator[tuple[str, Cell]]:
    """Yield what a classification or regression says of an example, by the signature's own names.

    Where there are several signatures, each name starts with that of its signature.
    """
    if hasattr(response, "results"):
        for result in response.results:
            kind = result.WhichOneof("result")
            for name, cell in _judgement(getattr(result, kind), number):
                yield f"{result.model_spec.signature_name}_{name}", cell
    else:
        yield from _judgement(response.result, number)


def _judgement(result: Any, number: int) -> Iterator[tuple[str, Cell]]:
    if hasattr(result, "regressions"):
        yield "outputs", Cell("float32", 1, [result.regressions[number].value])
        return
    classes = result.classifications[number].classes
    if any(one.label for one in classes):
        yield "classes", Cell("object", 1, [one.label.encode() for one in classes])
    yield "scores", Cell("float32", 1, [one.score for one in classes])


def _cells(serialized: bytes) -> Cells:
    """Return the features of a tf.Example, or of a tf.SequenceExample, of which it is a part."""
    message = tf.train.SequenceExample.FromString(serialized)
    cells = {name: _cell(feature) for name, feature in message.context.feature.items()}
    for name, steps in message.feature_lists.feature_list.items():
        parts = [_cell(step) for step in steps.feature]
        kind = next((part.kind for part in parts if part.values), "object")
        cells[name] = Cell(kind, 2, [part.values for part in parts])
    return cells


def _cell(feature: Any) -> Cell:
    kind = feature.WhichOneof("kind")
    return Cell(_FEATURES[kind], 1, [*getattr(feature, kind).value]) if kind else Cell("", 1, [])


def _cells_of(arrays: Mapping[str, Any], row: int) -> Cells:
    cells = {}
    for name, array in arrays.items():
        part = np.atleast_1d(array[row])
        if part.dtype.name in HALF:
            part = part.astype(np.float32)
        cells[name] = Cell(part.dtype.name, part.ndim, part.tolist())
    return cells
