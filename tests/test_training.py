"""What user modules import, on a small set of shop items, with and without a transform graph."""

import itertools
from pathlib import Path

import pytest

from fluentml.errors import DefinitionError

pytestmark = pytest.mark.tfx

ROWS = 30
RUNNER = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"


def items():
    """Yield rows: a number, a word that is sometimes missing, one that never is, and the label."""
    for i in range(ROWS):
        color = [] if i % 5 == 0 else [b"red" if i % 2 else b"blue"]
        yield {"size": [float(i)], "color": color, "kind": [b"ab"[i % 2 :][:1]], "price": [i * 1.5]}


def item(**columns):
    """Return one serialized tf.Example of float and bytes columns."""
    import tensorflow as tf

    def feature(values):
        if values and isinstance(values[0], bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))

    features = {name: feature(values) for name, values in columns.items()}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def preprocessing_fn(inputs):
    import tensorflow as tf
    import tensorflow_transform as tft

    from fluentml.training import fill_missing

    return {
        "size_xf": tft.scale_to_0_1(inputs["size"]),
        "color_xf": tft.compute_and_apply_vocabulary(fill_missing(inputs["color"], "none")),
        "colors_xf": tft.compute_and_apply_vocabulary(inputs["color"]),
        "dear_xf": tf.cast(inputs["price"] > 20.0, tf.int64),
    }


def write_examples(folder, serialized):
    """Write the same examples as both splits, and return the FnArgs fields that name them."""
    import tensorflow as tf
    from tfx.components.trainer.fn_args_utils import DataAccessor
    from tfx.components.util import tfxio_utils
    from tfx.types.standard_artifacts import Examples

    serialized = list(serialized)
    for split in ("train", "eval"):
        (folder / f"Split-{split}").mkdir(parents=True)
        path = folder / f"Split-{split}" / "data-00000-of-00001.gz"
        with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
            for example in serialized:
                writer.write(example)

    artifact = Examples()
    artifact.uri, artifact.split_names = str(folder), '["train", "eval"]'
    dataset_factory = tfxio_utils.get_tf_dataset_factory_from_artifact([artifact], ["Test"])
    return {
        "train_files": [str(folder / "Split-train" / "*")],
        "eval_files": [str(folder / "Split-eval" / "*")],
        "data_accessor": DataAccessor(dataset_factory, None, None),
    }


@pytest.fixture(scope="module")
def raw_metadata():
    import tensorflow as tf
    from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata

    return DatasetMetadata.from_feature_spec(
        {
            "size": tf.io.FixedLenFeature([1], tf.float32),
            "color": tf.io.VarLenFeature(tf.string),
            "kind": tf.io.FixedLenFeature([1], tf.string),
            "price": tf.io.FixedLenFeature([1], tf.float32),
        }
    )


@pytest.fixture(scope="module")
def transformed(tmp_path_factory, raw_metadata):
    """FnArgs fields behind a Transform."""
    import apache_beam as beam
    import tensorflow_transform.beam as tft_beam
    from tensorflow_transform.coders import ExampleProtoCoder

    folder = tmp_path_factory.mktemp("transformed")
    raw = [{name: values or None for name, values in row.items()} for row in items()]
    with beam.Pipeline(argv=[RUNNER]) as pipeline, tft_beam.Context(str(folder / "temp")):
        (_, metadata), transform_fn = (
            pipeline | beam.Create(raw) | beam.combiners.ToList() | beam.FlatMap(lambda rows: rows),
            raw_metadata,
        ) | tft_beam.AnalyzeAndTransformDataset(preprocessing_fn)
        _ = transform_fn | tft_beam.WriteTransformFn(str(folder / "graph"))
    return folder
