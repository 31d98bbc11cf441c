"""Diabetes: how far will the disease go within a year? A regression.

fluentml run examples/diabetes.py
"""

import fluentml as fml
from fluentml import datasets


def preprocessing_fn(inputs):
    import tensorflow as tf
    import tensorflow_transform as tft

    label = tf.cast(inputs.pop("progression"), tf.float32)
    measures = tf.concat([tf.cast(m, tf.float32) for m in inputs.values()], axis=1)
    return {
        "progression_xf": label,
        "measures_xf": tft.scale_to_z_score(measures, elementwise=True),  # each by its own
    }


def build_model(hp, features):
    import keras

    hidden = keras.layers.Dense(16, "relu")(features["measures_xf"])
    # The network starts at the mean of the label, about 150, and learns what differs from it.
    mean = keras.initializers.Constant(150.0)
    model = keras.Model(features, keras.layers.Dense(1, bias_initializer=mean)(hidden))
    model.compile(keras.optimizers.Adam(0.01), loss="mse", metrics=["mae"])
    return model


pipeline = (
    fml.PipelineDef("diabetes")
    .from_csv(datasets.diabetes())
    .generate_statistics()
    .infer_schema()
    .preprocess(preprocessing_fn)
    .train(build_model, label="progression_xf", batch_size=16, early_stopping=5, in_memory=True)
    .evaluate_model(
        "progression_xf",
        metrics=["MeanAbsoluteError"],
        thresholds={"MeanAbsoluteError": 55.0},  # the mean for every patient is 66 off
    )
    .push_to("serving/diabetes")
)
