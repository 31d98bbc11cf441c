"""The trained model out: a SavedModel that serves raw examples and raw columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow_transform.saved.saved_transform_io_v2 import SavedModelLoader
from tfx.components.trainer.fn_args_utils import FnArgs

from fluentml.errors import DefinitionError
from fluentml.training import labels
from fluentml.training.building import feature_names
from fluentml.training.data import (
    check_label,
    feature_spec,
    names_of,
    schema_of,
    transform_output,
)

Features = Mapping[str, Any]
Function = Callable[[Features], dict[str, tf.Tensor]]


def save(model: keras.Model, fn_args: FnArgs, label: str | Sequence[str]) -> None:
    """Write the SavedModel for serving, evaluation and bulk inference.

    The transform graph is part of it, so what is served is what was trained. Its signatures:

    - `serving_default` takes `examples`, a string tensor of shape [batch] of serialized
      `tf.Example`s with raw features, and returns the predictions: `outputs`, or the model's own
      names if it returns a dict. It reads only the columns that the model's inputs are made from,
      hence no label.
    - `serving_raw` takes the same columns as named tensors of shape [batch] or [batch, n], as a
      REST call sends them. NaN, or `""` for text, is a missing value where the schema allows one.
    - `serving_columns`, where no column that the model needs can miss values, takes them as tensors
      of shape [batch, …], which are what converts to TensorFlow.js and, with fewer operations left
      to TensorFlow, to TensorFlow Lite.
    - `transform_features`, only with a transform graph, takes `examples` too and returns the
      transformed features and the label. `evaluate_model` names it as the preprocessing function.

    Where `preprocessing_fn` makes the label from text by a vocabulary, both serving signatures
    return `label` too: the word of the class that the model predicts, a string tensor of shape
    [batch, 1].

    Args:
        model: A built and compiled Keras model, called with the dict of features that
            `read_examples` yields; of Keras 3, or of Keras 2 (`tf_keras`).
        fn_args: What TFX passes to `run_fn`.
        label: The label's feature name, or those of a model of several outputs.

    Raises:
        DefinitionError: If there is no such label.
    """
    spec = feature_spec(schema_of(fn_args))
    for name in names_of(label):
        check_label(name, spec)
    features = feature_names(model) or spec.keys() - {*names_of(label)}
    module = _tracking(model)
    signatures = {}
    if transformed := transform_output(fn_args):
        # Not transform_features_layer(): that is a Keras 2 model, and tracing its methods takes
        # ten seconds. This is the loader that the layer wraps, tracked as the layer tracks it.
        loader = SavedModelLoader(transformed.transform_savedmodel_dir)
        module.transform = vars(loader)
        transform = loader.apply_transform_model
        raw_spec = transformed.raw_feature_spec()
        signatures["transform_features"] = _of_examples(lambda r: _dense(transform(r)), raw_spec)
        serving_spec = {n: raw_spec[n] for n in labels.sources_of(features, loader)}
    else:
        transform = dict
        serving_spec = {name: spec[name] for name in features}
    words = labels.words(fn_args, label) if isinstance(label, str) else ()

    def serve(raw: Features) -> dict[str, tf.Tensor]:
        columns = transform(raw)
        predictions = model({name: columns[name] for name in features}, training=False)
        if isinstance(predictions, dict):
            return predictions
        return {"outputs": predictions, **labels.predicted(predictions, words, model)}

    signatures["serving_default"] = _of_examples(serve, serving_spec)
    if all(isinstance(column, _PLAIN) for column in serving_spec.values()):
        signatures["serving_raw"] = _of_columns(serve, serving_spec)
    if all(isinstance(column, tf.io.FixedLenFeature) for column in serving_spec.values()):
        signatures["serving_columns"] = _of_fixed_columns(serve, serving_spec)
    tf.saved_model.save(module, fn_args.serving_model_dir, signatures=signatures)


def warm_start(model: keras.Model, fn_args: FnArgs) -> bool:
    """Take over the weights of the base model, so that training goes on from there.

    The optimizer starts anew: it is no part of a SavedModel.

    Args:
        model: A built Keras 3 model of the same layers as the base model, which `save` wrote.
        fn_args: What TFX passes to `run_fn` or `tuner_fn`.

    Returns:
        Whether there is a base model. With `train(…, warm_start=True)` a first run has none.

    Raises:
        DefinitionError: If the base model has other layers, or was not written by `save`.
    """
    if not fn_args.base_model:
        return False
    saved = getattr(tf.saved_model.load(fn_args.base_model), "variables_to_restore", None)
    if saved is None:
        raise DefinitionError(
            f"The base model {fn_args.base_model!r} was not written by save(model, fn_args, …).",
            hint="read it in your own way: fn_args.base_model is a SavedModel's folder.",
        )
    shapes, old = ([tuple(v.shape) for v in each] for each in (model.variables, saved))
    if shapes != old:
        raise DefinitionError(
            "The base model has other layers than this model.",
            f"Shapes of its weights: {_listed(old)}; of this model's: {_listed(shapes)}.",
            hint="build it as before; one that changed starts without warm_start=True.",
        )
    for variable, value in zip(model.variables, saved, strict=True):
        variable.assign(value)
    return True


def _listed(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes)) or "none"


def _tracking(model: keras.Model) -> tf.Module:
    """Return what tf.saved_model.save can write of a model.

    A Keras 3 model alone makes a SavedModel that graph-mode loaders such as BulkInferrer's
    cannot restore ("Could not find variable"): they need the plain variables tracked.
    """
    module = tf.Module()
    module.model = model
    module.variables_to_restore = [
        variable.value if isinstance(variable, keras.Variable) else variable
        for variable in model.variables
    ]
    return module


def _dense(features: Features) -> dict[str, tf.Tensor]:
    """Return `features` without the sparse and ragged ones, which no signature can return."""
    return {name: feature for name, feature in features.items() if isinstance(feature, tf.Tensor)}


def _of_examples(function: Function, spec: Features) -> Any:
    """Trace `function` of parsed features as one of serialized examples."""

    def parse_and_call(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return function(tf.io.parse_example(examples, spec))

    examples = tf.TensorSpec([None], tf.string, name="examples")
    return tf.function(parse_and_call, autograph=False).get_concrete_function(examples)


_PLAIN = (tf.io.FixedLenFeature, tf.io.VarLenFeature)


def _of_columns(function: Function, spec: Features) -> Any:
    """Trace `function` of parsed features as one of named tensors."""

    def call(**columns: tf.Tensor) -> dict[str, tf.Tensor]:
        return function({name: _parsed(columns[name], spec[name]) for name in spec})

    tensors = {name: tf.TensorSpec(None, column.dtype, name) for name, column in spec.items()}
    return tf.function(call, autograph=False).get_concrete_function(**tensors)


def _of_fixed_columns(function: Function, spec: Features) -> Any:
    """Trace `function` of parsed features as one of these features, all dense."""

    def call(**columns: tf.Tensor) -> dict[str, tf.Tensor]:
        return function(columns)

    columns = {
        name: tf.TensorSpec([None, *column.shape], column.dtype, name=name)
        for name, column in spec.items()
    }
    return tf.function(call, autograph=False).get_concrete_function(**columns)


def _parsed(column: tf.Tensor, spec: Any) -> tf.Tensor | tf.SparseTensor:
    """Return a column of any rank as tf.io.parse_example returns it."""
    if isinstance(spec, tf.io.FixedLenFeature):
        return tf.reshape(column, [-1, *spec.shape])
    rows = tf.reshape(column, [tf.shape(column)[0], -1])
    if column.dtype == tf.string:
        given = rows != ""
    elif column.dtype.is_floating:
        given = ~tf.math.is_nan(rows)
    else:
        given = tf.ones_like(rows, tf.bool)
    places = tf.where(given)
    return tf.SparseTensor(places, tf.gather_nd(rows, places), tf.shape(rows, out_type=tf.int64))
