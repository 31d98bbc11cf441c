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


def run_fn(fn_args):
    """Train a model on the features, and save it so that it serves raw examples."""
    import keras

    from fluentml.training import inputs, read_examples, save

    train, evaluation = read_examples(fn_args, "variety_xf", batch_size=16)
    features = inputs(fn_args, "variety_xf")
    hidden = keras.layers.Dense(8, "relu")(keras.layers.Concatenate()([*features.values()]))
    model = keras.Model(features, keras.layers.Dense(3, "softmax")(hidden))
    adam = keras.optimizers.Adam(0.01)
    model.compile(adam, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(train, validation_data=evaluation, verbose=2)
    save(model, fn_args, "variety_xf")


pipeline = (
    fml.PipelineDef("iris")  # everything that it makes lies under artifacts/iris
    .from_csv(datasets.iris())  # a folder of CSV files; two thirds to train, one to evaluate
    .generate_statistics()
    .infer_schema()
    .preprocess(preprocessing_fn)
    .train(run_fn, train_steps=200)
    .evaluate_model(
        "variety_xf",
        metrics=["SparseCategoricalAccuracy"],
        thresholds={"SparseCategoricalAccuracy": 0.85},  # less is not good enough to push
    )
    .push_to("serving/iris")  # where a model server looks for new versions
)
