"""Chicago taxi as one writes it for TFX by hand: the features, the search and the training."""

import keras
import keras_tuner
import tensorflow as tf
import tensorflow_transform as tft
from tfx import v1 as tfx
from tfx_bsl.public import tfxio

LABEL = "tips_xf"
BATCH_SIZE = 128

AMOUNTS = ("fare", "trip_miles", "trip_seconds")
PLACES, BUCKETS = ("pickup_latitude", "pickup_longitude"), 10
WORDS, VOCABULARY = ("payment_type", "company"), 40
# Whole numbers from 0 on, and how many; a missing one counts as 0.
CODES = {"trip_start_hour": 24, "trip_start_day": 8, "trip_start_month": 13}
CODES |= {"pickup_community_area": 78, "dropoff_community_area": 78}
SIZES = [*CODES.values(), *[BUCKETS] * len(PLACES), *[VOCABULARY + 1] * len(WORDS)]


def fill_missing(column):
    """Return a dense column: 0 or the empty text where an example has no value."""
    if not isinstance(column, tf.SparseTensor):
        return column
    default = "" if column.dtype == tf.string else 0
    return tft.sparse_tensor_to_dense_with_shape(column, [None, 1], default)


def preprocessing_fn(inputs):
    """Scaled amounts, numbered categories and the label."""
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


def build_model(hp: keras_tuner.HyperParameters) -> keras.Model:
    """Embedded categories beside the amounts, then two dense layers."""
    features = {
        "amounts_xf": keras.Input([len(AMOUNTS)], name="amounts_xf"),
        "categories_xf": keras.Input([len(SIZES)], name="categories_xf", dtype="int64"),
    }
    embedding = keras.layers.Embedding(sum(SIZES), 4)
    embedded = keras.layers.Flatten()(embedding(features["categories_xf"]))
    hidden = keras.layers.Concatenate()([features["amounts_xf"], embedded])
    width = hp.Int("width", 32, 128, step=32, default=64)
    hidden = keras.layers.Dense(width, "relu")(hidden)
    hidden = keras.layers.Dense(width // 2, "relu")(hidden)
    model = keras.Model(features, keras.layers.Dense(1, "sigmoid")(hidden))
    rate = hp.Float("learning_rate", 3e-4, 3e-2, sampling="log", default=3e-3)
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["binary_accuracy"])
    return model


def input_fn(
    files: list[str], fn_args: tfx.components.FnArgs, *, training: bool = False
) -> tf.data.Dataset:
    """Return batches of (features, label); those for training are shuffled and never end."""
    transformed = tft.TFTransformOutput(fn_args.transform_graph_path)
    options = tfxio.TensorFlowDatasetOptions(
        batch_size=BATCH_SIZE, num_epochs=None if training else 1, shuffle=training, label_key=LABEL
    )
    schema = transformed.transformed_metadata.schema
    return fn_args.data_accessor.tf_dataset_factory(files, options, schema)


def tuner_fn(fn_args: tfx.components.FnArgs) -> tfx.components.TunerFnResult:
    """Search a width and a learning rate at random."""
    tuner = keras_tuner.RandomSearch(
        build_model,
        objective="val_loss",
        max_trials=3,
        directory=fn_args.working_dir,
        project_name="taxi",
    )
    return tfx.components.TunerFnResult(
        tuner=tuner,
        fit_kwargs={
            "x": input_fn(fn_args.train_files, fn_args, training=True),
            "steps_per_epoch": fn_args.train_steps,
            "validation_data": input_fn(fn_args.eval_files, fn_args),
            "verbose": 2,
        },
    )


def serving_signatures(model: keras.Model, transformed: tft.TFTransformOutput) -> dict:
    """Return what the saved model answers: predictions, and the features for the Evaluator."""
    model.transform = transformed.transform_features_layer()
    examples = tf.TensorSpec([None], tf.string, name="examples")

    @tf.function(input_signature=[examples])
    def serve(examples):
        spec = transformed.raw_feature_spec()
        spec.pop("tips")  # Who asks for a prediction does not know the label.
        columns = model.transform(tf.io.parse_example(examples, spec))
        return {"outputs": model({name: columns[name] for name in model.input})}

    @tf.function(input_signature=[examples])
    def transform_features(examples):
        spec = transformed.raw_feature_spec()
        return model.transform(tf.io.parse_example(examples, spec))

    return {"serving_default": serve, "transform_features": transform_features}


def run_fn(fn_args: tfx.components.FnArgs) -> None:
    """Train with the best hyperparameters, and save the model."""
    model = build_model(keras_tuner.HyperParameters.from_config(fn_args.hyperparameters))
    model.fit(
        input_fn(fn_args.train_files, fn_args, training=True),
        steps_per_epoch=fn_args.train_steps,
        validation_data=input_fn(fn_args.eval_files, fn_args),
        callbacks=[keras.callbacks.TensorBoard(fn_args.model_run_dir)],
        verbose=2,
    )
    transformed = tft.TFTransformOutput(fn_args.transform_graph_path)
    signatures = serving_signatures(model, transformed)
    tf.saved_model.save(model, fn_args.serving_model_dir, signatures=signatures)
