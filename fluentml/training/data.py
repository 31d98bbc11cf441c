"""Examples in: how they are described, and as datasets and inputs for Keras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import schema_utils
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx_bsl.tfxio.dataset_options import TensorFlowDatasetOptions

from fluentml.errors import DefinitionError, did_you_mean, listing


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
    schema = schema_of(fn_args)
    check_label(label, feature_spec(schema))

    def read(files: list[str], steps: int | None, *, shuffle: bool) -> tf.data.Dataset:
        options = TensorFlowDatasetOptions(
            batch_size=batch_size,
            num_epochs=None if steps else 1,
            shuffle=shuffle,
            shuffle_seed=seed,
            label_key=label,
        )
        dataset = fn_args.data_accessor.tf_dataset_factory(files, options, schema)
        return first(dataset, steps) if steps else dataset

    return (
        read(fn_args.train_files, fn_args.train_steps, shuffle=True),
        read(fn_args.eval_files, fn_args.eval_steps, shuffle=False),
    )


def first(dataset: tf.data.Dataset, steps: int) -> tf.data.Dataset:
    """Return that many batches; Keras warns about a dataset that ends unannounced."""
    return dataset.take(steps).apply(tf.data.experimental.assert_cardinality(steps))


def inputs(
    fn_args: FnArgs, label: str | Sequence[str], *, make: Any = keras.Input
) -> dict[str, keras.KerasTensor]:
    """Return one Keras input for every feature but the label.

    Args:
        fn_args: What TFX passes to `run_fn` or `tuner_fn`.
        label: The label's feature name, left out; or several names, such as those of a label and
            of an example weight.
        make: Makes the inputs: `keras.Input`, or `tf_keras.Input` for a model of Keras 2.

    Returns:
        Feature name to `keras.Input`, with the shape (usually [batch, 1]) and dtype that
        `read_examples` yields.

    Raises:
        DefinitionError: If there is no such label, or a feature is sparse or ragged, which no Keras
            input takes as it is.
    """
    spec = feature_spec(schema_of(fn_args))
    left_out = names_of(label)
    for name in left_out:
        check_label(name, spec)
    columns = {name: feature for name, feature in spec.items() if name not in left_out}
    loose = [n for n, f in columns.items() if not isinstance(f, tf.io.FixedLenFeature)]
    if loose:
        raise DefinitionError(
            f"inputs() makes dense Keras inputs, and {listing(loose)} can miss values.",
            hint="fill_missing(feature) in preprocessing_fn puts a value where there is none.",
        )
    return {
        name: make(feature.shape, name=name, dtype=feature.dtype.name)
        for name, feature in columns.items()
    }


def names_of(label: str | Sequence[str]) -> tuple[str, ...]:
    """Return the labels' names, one or more."""
    return (label,) if isinstance(label, str) else tuple(label)


def transform_output(fn_args: FnArgs) -> tft.TFTransformOutput | None:
    """Return what the pipeline's Transform made, or None where it has none."""
    path = fn_args.transform_graph_path or fn_args.transform_output
    return tft.TFTransformOutput(path) if path else None


def schema_of(fn_args: FnArgs) -> schema_pb2.Schema:
    """Return the schema of the examples that `fn_args` names."""
    if transformed := transform_output(fn_args):
        return transformed.transformed_metadata.schema
    path = fn_args.schema_path or fn_args.schema_file
    if not path:
        raise DefinitionError(
            "The training examples came with neither a transform graph nor a schema to read them.",
            hint="add preprocess(...), infer_schema() or with_imported_schema(...) to the chain.",
        )
    with tf.io.gfile.GFile(path) as file:
        return text_format.Parse(file.read(), schema_pb2.Schema())


def feature_spec(schema: schema_pb2.Schema) -> dict[str, Any]:
    """Return TensorFlow's parsing spec by feature."""
    return dict(schema_utils.schema_as_feature_spec(schema).feature_spec)


def check_label(name: str, spec: Mapping[str, Any], what: str = "Label") -> None:
    """Raise a DefinitionError if the examples have no such feature."""
    if name not in spec:
        raise DefinitionError(
            f"{what} {name!r} is not among the features of the training examples.",
            f"They have: {listing(sorted(spec))}.",
            hint=did_you_mean(name, spec) or "return it from preprocessing_fn.",
        )
