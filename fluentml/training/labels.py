"""Labels that are words: the vocabulary behind the numbers, and back from predictions to words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform.graph_tools import retrieve_sources
from tensorflow_transform.saved.saved_transform_io_v2 import SavedModelLoader
from tensorflow_transform.tf2_utils import get_structured_inputs_from_func_graph
from tfx.components.trainer.fn_args_utils import FnArgs

# A larger vocabulary is not one of classes.
MOST_BYTES = 1_000_000


def words(fn_args: FnArgs, label: str) -> tuple[bytes, ...]:
    """Return the words whose numbers the label is, in the order of the numbers.

    They are those of the vocabulary that the transform graph turns into 0, 1, 2, … when it makes
    the label of them; so the graph itself tells which vocabulary it is.

    Returns:
        The words; none where the label is not made from one text column by a vocabulary.
    """
    path = fn_args.transform_graph_path or fn_args.transform_output
    return _words(path, label) if path else ()


# A search asks for each trial, and loading the graph takes half a second.
@lru_cache(maxsize=16)
def _words(path: str, label: str) -> tuple[bytes, ...]:
    transformed = tft.TFTransformOutput(path)
    loader = SavedModelLoader(transformed.transform_savedmodel_dir)
    output = loader.structured_outputs[label]
    if not isinstance(output, tf.Tensor) or not output.dtype.is_integer:
        return ()
    raw_spec = transformed.raw_feature_spec()
    column, *others = sources_of([label], loader)
    if others or raw_spec[column].dtype != tf.string:
        return ()
    for vocabulary in _vocabularies(transformed):
        parsed = tf.io.parse_example(
            [_example(column, word) for word in vocabulary], {column: raw_spec[column]}
        )
        numbers = loader.apply_transform_model(parsed)[label].numpy().ravel()
        if np.array_equal(numbers, np.arange(len(vocabulary))):
            return vocabulary
    return ()


def sources_of(features: Iterable[str], transform: SavedModelLoader) -> list[str]:
    """Return the raw columns that the transform graph makes features from."""
    outputs = [transform.structured_outputs[name] for name in features]
    tensors = tf.nest.flatten(outputs, expand_composites=True)
    # By control dependencies every vocabulary table would need the columns of those before it.
    operations = [tensor.op for tensor in tensors]
    found = {id(t) for t in retrieve_sources(operations, ignore_control_dependencies=True)}
    columns = get_structured_inputs_from_func_graph(tensors[0].graph)
    return [
        name
        for name, column in columns.items()
        if found & {id(t) for t in tf.nest.flatten(column, expand_composites=True)}
    ]


def _vocabularies(transformed: tft.TFTransformOutput) -> Iterator[tuple[bytes, ...]]:
    """Yield every vocabulary in the transform graph, of those that could be one of classes."""
    folder = f"{transformed.transform_savedmodel_dir}/{tf.saved_model.ASSETS_DIRECTORY}"
    for file in tf.io.gfile.glob(f"{folder}/*"):
        if tf.io.gfile.stat(file).length <= MOST_BYTES:
            name = file.rpartition("/")[2].removesuffix(".tfrecord.gz")
            yield tuple(transformed.vocabulary_by_name(name))


def _example(column: str, word: bytes) -> bytes:
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[word]))
    features = tf.train.Features(feature={column: feature})
    return bytes(tf.train.Example(features=features).SerializeToString())


def predicted(
    predictions: tf.Tensor, vocabulary: Sequence[bytes], model: keras.Model
) -> dict[str, tf.Tensor]:
    """Return `{"label": words}` for the model's predictions, where they are of the vocabulary.

    Args:
        predictions: Shape [batch, classes], or [batch, 1] for two classes.
        vocabulary: The words by number of the class.
        model: Tells by its loss whether a single number is a probability or a logit.
    """
    units = predictions.shape[-1]
    if units == len(vocabulary) > 1:
        classes = tf.argmax(predictions, axis=-1)
    elif units == 1 and len(vocabulary) == 2:
        logits = getattr(getattr(model, "loss", None), "from_logits", False)
        classes = tf.cast(predictions[..., 0] > (0.0 if logits else 0.5), tf.int64)
    else:
        return {}
    return {"label": tf.gather(tf.constant(vocabulary), classes)[..., tf.newaxis]}


def class_weights(
    given: str | Mapping[Any, float], counts: Mapping[int, int], vocabulary: Sequence[bytes]
) -> dict[int | str, float]:
    """Return the weights by the class's number; by name where there is no such word.

    Args:
        given: `"balanced"`, for weights that give every class the same total; or weights by the
            class's number or word, 1 for the others.
        counts: Training examples by class.
        vocabulary: The words by number of the class.
    """
    if isinstance(given, str):
        total, classes = sum(counts.values()), len(counts)
        return {number: total / (classes * count) for number, count in counts.items()}
    numbers = {word.decode(errors="replace"): i for i, word in enumerate(vocabulary)}
    return {numbers.get(name, name): weight for name, weight in given.items()}
