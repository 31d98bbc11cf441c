"""Digits: which one was written? Images of 8 × 8 grey pixels, and a convolution.

fluentml run FILE
"""

import fluentml as fml
from fluentml import datasets


def preprocessing_fn(inputs):
    """The pixels come as text, sixty-four numbers from 0 to 16.

    This is a graph of TensorFlow that runs in training and in the served model alike.
    """
    import tensorflow as tf

    pixels = tf.strings.to_number(tf.strings.split(inputs["pixels"][:, 0]).to_tensor("0"))
    return {
        "image_xf": tf.reshape(pixels / 16.0, [-1, 8, 8, 1]),
        "digit_xf": inputs["digit"],
    }


def build_model(hp, features):
    """A convolution, and a probability for each digit."""
    from keras import Model, layers, optimizers

    hidden = layers.Conv2D(16, 3, activation="relu")(features["image_xf"])
    hidden = layers.MaxPooling2D()(hidden)
    hidden = layers.Dropout(0.2)(layers.Flatten()(hidden))
    model = Model(features, layers.Dense(10, "softmax")(hidden))
    model.compile(optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


pipeline = (
    fml.PipelineDef("digits")
    .from_csv(datasets.digits())  # your own: a folder of CSV files, "data/"
    .generate_statistics()
    .infer_schema()
    .preprocess(preprocessing_fn)
    .train(build_model, label="digit_xf", batch_size=32, epochs=15, in_memory=True)
    .evaluate_model(
        "digit_xf",
        metrics=["SparseCategoricalAccuracy"],
        thresholds={"SparseCategoricalAccuracy": 0.9},  # less is not good enough to push
    )
    .push_to("serving/digits")
)
