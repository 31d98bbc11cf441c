"""Docstrings: which library is a sentence of documentation from? Words, and their embeddings.

fluentml run FILE
"""

import fluentml as fml
from fluentml import datasets

VOCABULARY, LENGTH = 4000, 24  # the most frequent words, and how many of a text are read


def preprocessing_fn(inputs):
    """Texts to numbers of words: 0 after the end, 1 for the most frequent one, and so on."""
    import tensorflow as tf
    import tensorflow_transform as tft

    text = tf.strings.lower(inputs["text"][:, 0])
    words = tf.strings.split(tf.strings.regex_replace(text, "[^a-z0-9]+", " "))
    words = words.to_tensor("", shape=[None, LENGTH])
    numbers = tft.compute_and_apply_vocabulary(words, top_k=VOCABULARY, num_oov_buckets=1)
    return {
        "words_xf": tf.where(words == "", tf.zeros_like(numbers), numbers + 1),
        "library_xf": tft.compute_and_apply_vocabulary(inputs["library"]),
    }


def build_model(hp, features):
    """The mean of what the words stand for; the order does not matter."""
    from keras import Model, layers, optimizers

    # One row for each word, one for all that are rare, one for what comes after the end.
    embedded = layers.Embedding(VOCABULARY + 2, 32, mask_zero=True)(features["words_xf"])
    hidden = layers.Dropout(0.3)(layers.GlobalAveragePooling1D()(embedded))
    model = Model(features, layers.Dense(4, "softmax")(hidden))
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


pipeline = (
    fml.PipelineDef("docstrings")
    .from_csv(datasets.docstrings())  # your own: a folder of CSV files, "data/"
    .generate_statistics()
    .infer_schema()
    .preprocess(preprocessing_fn)
    .train(build_model, label="library_xf", batch_size=64, epochs=3, in_memory=True)
    .evaluate_model(
        "library_xf",
        metrics=["SparseCategoricalAccuracy"],
        thresholds={"SparseCategoricalAccuracy": 0.7},  # the largest library has a third
    )
    .push_to("serving/docstrings")
)
