"""What a user's `run_fn` and `tuner_fn` import: data in, hyperparameters, SavedModel out.

    from fluentml.training import inputs, read_examples, save

    def run_fn(fn_args):
        train, evaluation = read_examples(fn_args, label="variety_xf", batch_size=16)
        features = inputs(fn_args, label="variety_xf")
        model = keras.Model(features, ...)
        model.compile(...)
        model.fit(train, validation_data=evaluation)
        save(model, fn_args, label="variety_xf")

Every function takes the `FnArgs` that TFX hands to the user's function and finds the rest in it:
the transform graph if the pipeline has a `preprocess` step, the data schema otherwise. Features
are called as in the training data: transformed names behind a transform graph, raw ones without.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import keras
import keras_tuner
import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.graph_tools import get_dependent_inputs
from tensorflow_transform.saved.saved_transform_io_v2 import SavedModelLoader
from tensorflow_transform.tf2_utils import get_structured_inputs_from_func_graph
from tensorflow_transform.tf_metadata import schema_utils
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx_bsl.tfxio.dataset_options import TensorFlowDatasetOptions

from fluentml.errors import DefinitionError, did_you_mean, listing

__all__ = ["fill_missing", "hyperparameters", "inputs", "read_examples", "save", "warm_start"]


def fill_missing(
    feature: tf.Tensor | tf.SparseTensor, default: float | str | None = None
) -> tf.Tensor:
    """Return a dense column with `default` where an example has no value.

    A column of which some cells are empty reaches `preprocessing_fn` as a SparseTensor, a full
    one as a dense tensor; this gives the same shape for both.

    Args:
        feature: One raw feature, at most one value for each example, of any dtype.
        default: What stands for a missing value; 0, or `""` for a string feature, unless given.

    Returns:
        A dense tensor of the feature's dtype and of shape [batch, 1].
    """
    if not isinstance(feature, tf.SparseTensor):
        return feature
    if default is None:
        default = "" if feature.dtype == tf.string else 0
    return tft.sparse_tensor_to_dense_with_shape(feature, [None, 1], default)


def read_examples(
    fn_args: FnArgs, label: str, *, batch_size: int = 64, seed: int | None = None
) -> tuple[tf.data.Dataset, tf.data.Dataset]:
    """Read the training and the evaluation examples as finite datasets.

    Both end by themselves, so `model.fit(train, validation_data=evaluation)` needs no step counts:
    after `train_steps` and `eval_steps` batches, starting over with the files as often as that
    takes, or after one pass where no steps are given. Only the training data are shuffled.

    Args:
        fn_args: What TFX passes to `run_fn` or `tuner_fn`.
        label: The label's feature name.
        batch_size: Examples in one batch. The last batch of a single pass may be smaller.
        seed: Makes the shuffling repeatable; every run differs without it.

    Returns:
        Two datasets of (features, label): features is a dict of name to tensor of shape
        [batch, …] without the label, both with the dtypes that the transform graph or the schema
        tells (float32, int64 or string).

    Raises:
        DefinitionError: If there is no such label, or no schema to read the examples by.
    """
    schema = _schema(fn_args)
    _check_label(label, _feature_spec(schema))

    def read(files: list[str], steps: int | None, *, shuffle: bool) -> tf.data.Dataset:
        options = TensorFlowDatasetOptions(
            batch_size=batch_size,
            num_epochs=None if steps else 1,
            shuffle=shuffle,
            shuffle_seed=seed,
            label_key=label,
        )
        dataset = fn_args.data_accessor.tf_dataset_factory(files, options, schema)
        if not steps:
            return dataset
        # Keras warns about a dataset that ends unannounced.
        return dataset.take(steps).apply(tf.data.experimental.assert_cardinality(steps))

    return (
        read(fn_args.train_files, fn_args.train_steps, shuffle=True),
        read(fn_args.eval_files, fn_args.eval_steps, shuffle=False),
    )


def inputs(fn_args: FnArgs, label: str) -> dict[str, keras.KerasTensor]:
    """Return one Keras input for every feature but the label.

    Args:
        fn_args: What TFX passes to `run_fn` or `tuner_fn`.
        label: The label's feature name, left out.

    Returns:
        Feature name to `keras.Input`, with the shape (usually [batch, 1]) and dtype that
        `read_examples` yields.

    Raises:
        DefinitionError: If there is no such label, or a feature is sparse or ragged, which no Keras
            input takes as it is.
    """
    spec = _feature_spec(_schema(fn_args))
    _check_label(label, spec)
    columns = {name: feature for name, feature in spec.items() if name != label}
    loose = [n for n, f in columns.items() if not isinstance(f, tf.io.FixedLenFeature)]
    if loose:
        raise DefinitionError(
            f"inputs() makes dense Keras inputs, and {listing(loose)} can miss values.",
            hint="fill_missing(feature) in preprocessing_fn puts a value where there is none.",
        )
    return {
        name: keras.Input(feature.shape, name=name, dtype=feature.dtype.name)
        for name, feature in columns.items()
    }


def hyperparameters(fn_args: FnArgs) -> keras_tuner.HyperParameters:
    """Return the hyperparameters that a model builder reads: the tuned ones, or its defaults.

    In a builder written for keras-tuner, `hp.Float("learning_rate", 1e-4, 1e-1, default=1e-3)`
    gives the tuned value behind a `tune` step and the default without one. So the same
    `build(hp)` serves `tuner_fn` and `run_fn`, and a default stands in one place.
    """
    if fn_args.hyperparameters:
        return keras_tuner.HyperParameters.from_config(fn_args.hyperparameters)
    return keras_tuner.HyperParameters()


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


def save(model: keras.Model, fn_args: FnArgs, label: str) -> None:
    """Write the SavedModel for serving, evaluation and bulk inference.

    Its signatures take one input `examples`, a string tensor of shape [batch] of serialized
    `tf.Example`s with raw features:

    - `serving_default` returns the predictions: `outputs`, or the model's own names if it returns
      a dict. It reads only the columns that the model's inputs are made from, hence no label.
    - `transform_features`, only with a transform graph, returns the transformed features and the
      label. `evaluate_model` names it as the preprocessing function.

    Where no column that the model needs can miss values, there is one signature more,
    `serving_columns`: `serving_default` on the raw columns themselves, a tensor of shape [batch, …]
    each, by name. Clients of TensorFlow Serving's REST API send it plain JSON, and it converts to
    TensorFlow.js and, with fewer operations left to TensorFlow, to TensorFlow Lite.

    Args:
        model: A built Keras 3 model called with the dict of features that `read_examples` yields.
        fn_args: What TFX passes to `run_fn`.
        label: The label's feature name.

    Raises:
        DefinitionError: If there is no such label.
    """
    # A Keras 3 model alone makes a SavedModel that graph-mode loaders such as BulkInferrer's
    # cannot restore ("Could not find variable"): they need the plain variables tracked.
    module = tf.Module()
    module.model = model
    module.variables_to_restore = [getattr(v, "value", v) for v in model.variables]

    spec = _feature_spec(_schema(fn_args))
    _check_label(label, spec)
    named = getattr(model, "input", None)
    features = set(named) if isinstance(named, dict) else spec.keys() - {label}
    signatures = {}
    if transform_output := _transform_output(fn_args):
        # Not transform_features_layer(): that is a Keras 2 model, and tracing its methods takes
        # ten seconds. This is the loader that the layer wraps, tracked as the layer tracks it.
        loader = SavedModelLoader(transform_output.transform_savedmodel_dir)
        module.transform = vars(loader)
        transform = loader.apply_transform_model
        raw_spec = transform_output.raw_feature_spec()
        signatures["transform_features"] = _signature(lambda raw: _dense(transform(raw)), raw_spec)
        serving_spec = _read_for(features, loader, raw_spec)
    else:
        transform = dict
        serving_spec = {name: spec[name] for name in features}

    def serve(raw: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        transformed = transform(raw)
        predictions = model({name: transformed[name] for name in features}, training=False)
        return predictions if isinstance(predictions, dict) else {"outputs": predictions}

    signatures["serving_default"] = _signature(serve, serving_spec)
    if all(isinstance(column, tf.io.FixedLenFeature) for column in serving_spec.values()):
        signatures["serving_columns"] = _signature_of_columns(serve, serving_spec)
    tf.saved_model.save(module, fn_args.serving_model_dir, signatures=signatures)


def _dense(features: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    """Return `features` without the sparse and ragged ones, which no signature can return."""
    return {name: feature for name, feature in features.items() if isinstance(feature, tf.Tensor)}


def _signature(
    function: Callable[[Mapping[str, Any]], dict[str, tf.Tensor]], spec: Mapping[str, Any]
) -> Any:
    """Trace `function` of parsed features as one of serialized examples."""

    def parse_and_call(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return function(tf.io.parse_example(examples, spec))

    examples = tf.TensorSpec([None], tf.string, name="examples")
    return tf.function(parse_and_call, autograph=False).get_concrete_function(examples)


def _signature_of_columns(
    function: Callable[[Mapping[str, Any]], dict[str, tf.Tensor]], spec: Mapping[str, Any]
) -> Any:
    """Trace `function` of parsed features as one of these features, all dense."""

    def call(**columns: tf.Tensor) -> dict[str, tf.Tensor]:
        return function(columns)

    columns = {
        name: tf.TensorSpec([None, *column.shape], column.dtype, name=name)
        for name, column in spec.items()
    }
    return tf.function(call, autograph=False).get_concrete_function(**columns)


def _read_for(
    features: Collection[str], transform: SavedModelLoader, raw_spec: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the part of `raw_spec` that the transform graph makes `features` from."""
    outputs = {name: transform.structured_outputs[name] for name in features}
    graph = tf.nest.flatten(outputs, expand_composites=True)[0].graph
    columns = get_structured_inputs_from_func_graph(graph)
    return {name: raw_spec[name] for name in get_dependent_inputs(graph, columns, outputs)}


def _transform_output(fn_args: FnArgs) -> tft.TFTransformOutput | None:
    path = fn_args.transform_graph_path or fn_args.transform_output
    return tft.TFTransformOutput(path) if path else None


def _schema(fn_args: FnArgs) -> schema_pb2.Schema:
    """Return the schema of the examples that `fn_args` names."""
    if transform_output := _transform_output(fn_args):
        return transform_output.transformed_metadata.schema
    path = fn_args.schema_path or fn_args.schema_file
    if not path:
        raise DefinitionError(
            "The training examples came with neither a transform graph nor a schema to read them.",
            hint="add preprocess(...), infer_schema() or with_imported_schema(...) to the chain.",
        )
    with tf.io.gfile.GFile(path) as file:
        return text_format.Parse(file.read(), schema_pb2.Schema())


def _feature_spec(schema: schema_pb2.Schema) -> dict[str, Any]:
    return dict(schema_utils.schema_as_feature_spec(schema).feature_spec)


def _check_label(label: str, spec: Mapping[str, Any]) -> None:
    if label not in spec:
        raise DefinitionError(
            f"Label {label!r} is not among the features of the training examples.",
            f"They have: {listing(sorted(spec))}.",
            hint=did_you_mean(label, spec) or "return it from preprocessing_fn.",
        )
