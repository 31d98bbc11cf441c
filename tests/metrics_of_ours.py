"""A metric that TFMA does not know, as a user would write one."""

from __future__ import annotations

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
