"""A fitted estimator as a model of TensorFlow, which `save` takes as it takes one of Keras."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fluentml.estimators.layers import Affine, Array, Layer
from fluentml.training.estimator_rows import matrix


@dataclasses.dataclass(frozen=True)
class _Held:
    layers: Sequence[Layer]
    spec: Mapping[str, Any]


class EstimatorModel(tf.Module):
    """The layers of a fitted estimator, behind the features that they read.

    It returns float32 of shape [batch, 1] for a regression and for two classes, else
    [batch, classes], as models of Keras do.

    Args:
        layers: What the estimator was translated into.
        spec: The parsing spec of its features, in their order.
    """

    def __init__(self, layers: Sequence[Layer], spec: Mapping[str, Any]) -> None:
        super().__init__()
        # As variables, and not as constants: each signature has a graph of its own.
        self._arrays: list[tf.Variable] = []
        # TensorFlow would try to save lists and dicts.
        self._held = _Held([self._holding(layer) for layer in layers], spec)

    def _holding(self, layer: Layer) -> Layer:
        """Return a layer with variables in place of its arrays."""
        arrays = {
            name: tf.Variable(value, trainable=False)
            for name, value in vars(layer).items()
            if isinstance(value, np.ndarray)
        }
        self._arrays += arrays.values()
        return dataclasses.replace(layer, **arrays)

    @property
    def inputs(self) -> dict[str, Any]:
        """The parsing spec by feature, in the order in which the estimator has them."""
        return dict(self._held.spec)

    def __call__(self, features: Mapping[str, Any], training: bool = False) -> tf.Tensor:
        """Return the predictions for a batch of features."""
        return self.predict(matrix(features, self._held.spec))

    def predict(self, rows: tf.Tensor) -> tf.Tensor:
        """Return the predictions for rows as the estimator gets them."""
        for layer in self._held.layers:
            rows = layer(rows)
        return tf.cast(rows, tf.float32)


def by_class_number(classes: Array, count: int) -> tuple[Layer, ...]:
    """Return the layer from probabilities of `classes_` to those of the classes 0 to `count`.

    Args:
        classes: What training saw: numbers of classes, ascending.
        count: How many classes there are; of two, the second one's probability alone is told.
    """
    places = np.eye(count)[classes]
    if len(classes) == 2:  # the probability of the second one is there alone
        return () if count == 2 else (Affine(places[1:] - places[:1], places[0]),)
    return () if len(classes) == count else (Affine(places, np.zeros(count)),)
