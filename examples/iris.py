"""Iris: which variety is it? The user's functions and the pipeline in one file.

fluentml check FILE     look for what is wrong, before anything runs
fluentml plan FILE      see what reads what, and why
fluentml run FILE       train, evaluate and push
"""

import fluentml as fml
from fluentml import datasets

# TensorFlow is imported inside the functions: so `check` and `plan` of this file take no time.


def preprocessing_fn(inputs):
    """Raw columns to features. TFX keeps this as a graph: serving runs the very same."""
    import tensorflow_transform as tft

    outputs = {"variety_xf": tft.compute_and_apply_vocabulary(inputs.pop("variety"))}
    return outputs | {f"{name}_xf": tft.scale_to_z_score(size) for name, size in inputs.items()}


def build_model(hp, features):
    """Return a compiled model of the features; tune() searches what it asks `hp` for."""
    import keras

    width = hp.Int("width", 4, 32, default=8)
    hidden = keras.layers.Dense(width, "relu")(keras.layers.Concatenate()([*features.values()]))
    model = keras.Model(features, keras.layers.Dense(3, "softmax")(hidden))
    adam = keras.optimizers.Adam(0.01)
    model.compile(adam, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


pipeline = (
    fml.PipelineDef("iris")  # everything that it makes lies under artifacts/iris
    # Your own: a folder of CSV files, "data/". Two thirds of the rows train, one third evaluates.
    .from_csv(datasets.iris())
    .generate_statistics()
    .infer_schema()
    .preprocess(preprocessing_fn)
    .train(build_model, label="variety_xf", batch_size=16, epochs=40)  # and how it is saved
    .evaluate_model(
        "variety_xf",
        metrics=["SparseCategoricalAccuracy"],
        thresholds={"SparseCategoricalAccuracy": 0.85},  # less is not good enough to push
    )
    .push_to("serving/iris")  # where a model server looks for new versions
)
