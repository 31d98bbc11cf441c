"""Does a Chicago taxi rider tip more than 20 % of the fare? Features, search and training."""

from __future__ import annotations

from typing import Any

import keras
import keras_tuner
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from fluentml.training import fill_missing, hyperparameters, inputs, read_examples, save

LABEL = "tips_xf"
BATCH_SIZE = 128

AMOUNTS = ("fare", "trip_miles", "trip_seconds")
PLACES = ("pickup_latitude", "pickup_longitude")
WORDS = ("payment_type", "company")
# Integer columns and how many values from 0 on they can take; a missing one counts as 0.
CODES = {
    "trip_start_hour": 24,
    "trip_start_day": 8,
    "trip_start_month": 13,
    "pickup_community_area": 78,
    "dropoff_community_area": 78,
}
BUCKETS = 10
VOCABULARY = 40
CATEGORIES = CODES | dict.fromkeys(PLACES, BUCKETS) | dict.fromkeys(WORDS, VOCABULARY + 1)


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, tf.Tensor]:
    """Turn raw columns into scaled numbers, category numbers and the label, each [batch, 1]."""
    outputs = {}
    for name in AMOUNTS:
        # Fares and distances span three orders of magnitude; their logarithms are near normal.
        amount = tf.math.log1p(tf.cast(fill_missing(inputs[name]), tf.float32))
        outputs[name] = tft.scale_to_z_score(amount)
    for name in PLACES:
        outputs[name] = tft.bucketize(fill_missing(inputs[name]), BUCKETS)
    for name in WORDS:
        outputs[name] = tft.compute_and_apply_vocabulary(
            fill_missing(inputs[name]), top_k=VOCABULARY, num_oov_buckets=1
        )
    for name, size in CODES.items():
        outputs[name] = tf.clip_by_value(fill_missing(inputs[name]), 0, size - 1)

    tips, fare = fill_missing(inputs["tips"]), fill_missing(inputs["fare"])
    outputs["tips"] = tf.cast(tips > 0.2 * fare, tf.int64)
    return {f"{name}_xf": tensor for name, tensor in outputs.items()}


def build(features: dict[str, keras.KerasTensor], hp: keras_tuner.HyperParameters) -> keras.Model:
    """Return a compiled model: embedded categories beside the amounts, then two dense layers."""
    amounts = [features[f"{name}_xf"] for name in AMOUNTS]
    categories = keras.layers.Concatenate()([features[f"{name}_xf"] for name in CATEGORIES])
    # One table holds all categories, each in rows of its own: a third of the time to trace.
    first_rows = np.cumsum([0, *CATEGORIES.values()])
    embedded = keras.layers.Embedding(int(first_rows[-1]), 4)(categories + first_rows[:-1])

    width = hp.Int("width", 32, 128, step=32, default=64)
    hidden = keras.layers.Concatenate()([*amounts, keras.layers.Flatten()(embedded)])
    hidden = keras.layers.Dense(width, activation="relu")(hidden)
    hidden = keras.layers.Dense(width // 2, activation="relu")(hidden)
    probability = keras.layers.Dense(1, activation="sigmoid")(hidden)

    model = keras.Model(features, probability)
    learning_rate = hp.Float("learning_rate", 3e-4, 3e-2, sampling="log", default=3e-3)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="binary_crossentropy",
        metrics=["binary_accuracy"],
    )
    return model


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """Search a width and a learning rate with a few random trials."""
    train, evaluation = read_examples(fn_args, LABEL, batch_size=BATCH_SIZE)
    tuner = keras_tuner.RandomSearch(
        lambda hp: build(inputs(fn_args, LABEL), hp),
        objective="val_loss",
        max_trials=3,
        directory=fn_args.working_dir,
        project_name="taxi",
    )
    return TunerFnResult(tuner, {"x": train, "validation_data": evaluation, "verbose": 2})


def run_fn(fn_args: FnArgs) -> None:
    """Train with the best hyperparameters, or the defaults, and save the model."""
    train, evaluation = read_examples(fn_args, LABEL, batch_size=BATCH_SIZE)
    model = build(inputs(fn_args, LABEL), hyperparameters(fn_args))
    logs = keras.callbacks.TensorBoard(fn_args.model_run_dir, write_graph=False)
    model.fit(train, validation_data=evaluation, callbacks=[logs], verbose=2)
    save(model, fn_args, LABEL)
