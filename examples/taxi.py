"""Chicago taxi: will a rider tip more than 20 % of the fare? From CSV to a pushed model."""

import fluentml as fml
from fluentml import datasets

AMOUNTS = ("fare", "trip_miles", "trip_seconds")
PLACES, BUCKETS = ("pickup_latitude", "pickup_longitude"), 10
WORDS, VOCABULARY = ("payment_type", "company"), 40
# Whole numbers from 0 on, and how many; a missing one counts as 0.
CODES = {"trip_start_hour": 24, "trip_start_day": 8, "trip_start_month": 13}
CODES |= {"pickup_community_area": 78, "dropoff_community_area": 78}
SIZES = [*CODES.values(), *[BUCKETS] * len(PLACES), *[VOCABULARY + 1] * len(WORDS)]


def preprocessing_fn(inputs):
    """Scaled amounts, numbered categories and the label."""
    import tensorflow as tf
    import tensorflow_transform as tft

    from fluentml.training import fill_missing

    raw = {name: fill_missing(column) for name, column in inputs.items()}
    # Fares and distances span three orders of magnitude; their logarithms are near normal.
    amounts = tf.concat([tf.cast(raw[name], tf.float32) for name in AMOUNTS], axis=1)
    categories = [tf.clip_by_value(raw[name], 0, size - 1) for name, size in CODES.items()]
    categories += [tft.bucketize(raw[name], BUCKETS) for name in PLACES]
    common = {"top_k": VOCABULARY, "num_oov_buckets": 1}
    categories += [tft.compute_and_apply_vocabulary(raw[name], **common) for name in WORDS]
    # Each category has numbers of its own, so that one table embeds them all.
    numbered = [category + sum(SIZES[:i]) for i, category in enumerate(categories)]
    return {
        "amounts_xf": tft.scale_to_z_score(tf.math.log1p(amounts), elementwise=True),
        "categories_xf": tf.concat(numbered, axis=1),
        "tips_xf": tf.cast(raw["tips"] > 0.2 * raw["fare"], tf.int64),
    }


def build_model(hp, features):
    """Embedded categories beside the amounts, then two dense layers."""
    from keras import Model, layers, optimizers

    embedded = layers.Flatten()(layers.Embedding(sum(SIZES), 4)(features["categories_xf"]))
    hidden = layers.Concatenate()([features["amounts_xf"], embedded])
    width = hp.Int("width", 32, 128, step=32, default=64)
    hidden = layers.Dense(width // 2, "relu")(layers.Dense(width, "relu")(hidden))
    model = Model(features, layers.Dense(1, "sigmoid")(hidden))
    rate = hp.Float("learning_rate", 3e-4, 3e-2, sampling="log", default=3e-3)
    model.compile(optimizers.Adam(rate), "binary_crossentropy", metrics=["binary_accuracy"])
    return model


pipeline = (
    fml.PipelineDef("taxi")
    .from_csv(datasets.taxi())  # your own: a folder of CSV files, "data/"
    .generate_statistics()
    .infer_schema()
    .validate_input_data()
    .preprocess(preprocessing_fn)
    # Three trials; the best one's width and learning rate are trained with.
    .tune(build_model, label="tips_xf", max_trials=3, batch_size=128, train_steps=150)
    .train(build_model, label="tips_xf", batch_size=128, train_steps=600)
    .evaluate_model(
        label="tips_xf",
        metrics=["AUC", "BinaryAccuracy"],
        thresholds={"AUC": 0.8},  # less is not good enough to push
        slices=["trip_start_hour"],
    )
    .push_to("serving/taxi")
)
