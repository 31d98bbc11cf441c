"""Metrics that TFMA does not know, as a user would write them."""

from __future__ import annotations

import keras
from tensorflow_model_analysis.utils.keras_lib import tf_keras


class Profit(tf_keras.metrics.Metric):
    """What accepted trips bring in: a margin for each good one, a loss of 1 for each other."""

    def __init__(self, margin=1.0, name="profit_of_trips", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.margin = margin
        self.total = self.add_weight(name="total", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        import tensorflow as tf

        good, accepted = tf.cast(y_true, tf.float32), tf.cast(y_pred > 0.5, tf.float32)
        self.total.assign_add(tf.reduce_sum(accepted * (good * (1 + self.margin) - 1)))

    def result(self):
        return self.total

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}


class Share(keras.metrics.Metric):
    """The share of accepted trips, of Keras 3."""

    def __init__(self, least=0.5, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.least = least
        self.accepted = self.add_weight(name="accepted", initializer="zeros")
        self.all = self.add_weight(name="all", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight):
        accepted = keras.ops.cast(y_pred > self.least, "float32")
        self.accepted.assign_add(keras.ops.sum(accepted * sample_weight))
        self.all.assign_add(keras.ops.sum(sample_weight))

    def result(self):
        return self.accepted / self.all
