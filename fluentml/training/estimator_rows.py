"""Examples as an estimator takes them: all at once, as rows of numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from fluentml.errors import DataError, DefinitionError, listing
from fluentml.estimators.layers import Array
from fluentml.training.batches import Batches

BATCH = 1024
"""So many examples are read at a time."""


class Rows(NamedTuple):
    """Examples as an estimator takes them: float64 of shape [examples, features], and labels."""

    x: Array
    y: Array
    weight: Array | None


def spec_of(batches: Batches) -> dict[str, Any]:
    """Return the parsing spec of the features that an estimator gets, in their order."""
    return {n: batches.spec[n] for n in sorted({*batches.spec} - {*batches.no_features})}


def read(batches: Batches) -> tuple[Rows, Rows]:
    """Return the examples to train and to evaluate on."""
    files = batches.fn_args.train_files, batches.fn_args.eval_files
    train, evaluation = (_rows(batches, each) for each in files)
    if not len(train.y):
        raise DataError(
            "There is no training example.",
            hint="give the split rows, or name others by train_splits=.",
        )
    return train, evaluation


def _rows(batches: Batches, files: list[str]) -> Rows:
    spec = spec_of(batches)
    x, y, weights = [np.empty([0, 0])], [np.empty(0)], [np.empty(0)]
    for features, target, *weight in batches.once(files, tuple(spec)):
        _check_single(features, spec)
        x.append(matrix(features, spec).numpy())
        y.append(np.ravel(target))
        weights += [np.ravel(each) for each in weight]
    x, y = x[1:] or x, y[1:] or y
    return Rows(
        np.concatenate(x), np.concatenate(y), np.concatenate(weights) if weights[1:] else None
    )


def _check_single(features: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
    for name in spec:
        column = features[name]
        if isinstance(column, tf.SparseTensor) and column.dense_shape[1] > 1:
            raise DataError(
                f"The feature {name!r} has several values in an example.",
                hint="make it dense in preprocessing_fn, as many numbers for each example.",
            )


def check_features(spec: Mapping[str, Any]) -> None:
    """Raise a DefinitionError if features are no numbers."""
    words = [name for name, column in spec.items() if column.dtype == tf.string]
    if words:
        raise DefinitionError(
            f"An estimator learns from numbers, and {listing(words)} of its features are text.",
            hint="number them in preprocessing_fn, or preprocess(categorical=[…], …); what is not "
            "returned there, training does not read.",
        )
    plain = (tf.io.FixedLenFeature, tf.io.VarLenFeature)
    strange = [name for name, column in spec.items() if not isinstance(column, plain)]
    if strange:
        raise DefinitionError(
            f"An estimator takes as many numbers of each example, and {listing(strange)} have no "
            "fixed shape.",
            hint="make them dense in preprocessing_fn.",
        )
    if not spec:
        raise DefinitionError(
            "There is no feature beside the label to learn from.",
            hint="return some from preprocessing_fn.",
        )


def matrix(features: Mapping[str, Any], spec: Mapping[str, Any]) -> tf.Tensor:
    """Return the features of a batch side by side, float64; a missing value is NaN."""
    columns = []
    for name, column in spec.items():
        if isinstance(column, tf.io.VarLenFeature):
            columns.append(_with_gaps(features[name]))
        else:
            wide = tf.reshape(features[name], [-1, math.prod(column.shape)])
            columns.append(tf.cast(wide, tf.float64))
    return tf.concat(columns, axis=1)


def _with_gaps(column: tf.SparseTensor) -> tf.Tensor:
    """Return the first value of each example, or NaN, as [batch, 1]."""
    values = tf.cast(column.values, tf.float64)
    shape = [column.dense_shape[0], tf.maximum(column.dense_shape[1], 1)]
    sparse = tf.SparseTensor(column.indices, values, shape)
    return tf.sparse.to_dense(sparse, tf.constant(math.nan, tf.float64))[:, :1]
