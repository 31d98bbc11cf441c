"""What user modules import, on a small set of shop items, with and without a transform graph."""

from __future__ import annotations

import pytest

from fluentml.errors import DefinitionError

pytestmark = pytest.mark.tfx

RUNNER = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"
ITEMS = [
    {
        "size": [float(i)],
        "color": [b"red" if i % 2 else b"blue"] if i % 5 else [],  # every fifth is missing
        "kind": [b"shirt" if i % 3 else b"shoe"],
        "price": [i * 1.5],
    }
    for i in range(30)
]


def serialize(columns):
    """Return one serialized tf.Example."""
    import tensorflow as tf

    def feature(values):
        if values and isinstance(values[0], bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
        if values and isinstance(values[0], float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=values))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    features = {name: feature(values) for name, values in columns.items() if values}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def fn_args_of(folder, serialized, **fields):
    """Write `serialized` as both splits, and return the FnArgs for them."""
    import tensorflow as tf

    for split in ("train", "eval"):
        directory = folder / "examples" / f"Split-{split}"
        directory.mkdir(parents=True)
        with tf.io.TFRecordWriter(str(directory / "data.gz"), "GZIP") as writer:
            for example in serialized:
                writer.write(example)
    return fn_args_reading(
        str(folder / "examples"), serving_model_dir=str(folder / "model"), **fields
    )


def fn_args_reading(uri, **fields):
    """Return the FnArgs for an Examples artifact of two splits."""
    from tfx.components.trainer.fn_args_utils import DataAccessor, FnArgs
    from tfx.components.util import tfxio_utils
    from tfx.types.standard_artifacts import Examples

    artifact = Examples()
    artifact.uri, artifact.split_names = uri, '["train", "eval"]'
    return FnArgs(
        train_files=[f"{artifact.uri}/Split-train/*"],
        eval_files=[f"{artifact.uri}/Split-eval/*"],
        data_accessor=DataAccessor(
            tfxio_utils.get_tf_dataset_factory_from_artifact([artifact], ["test"]), None, None
        ),
        **fields,
    )


@pytest.fixture(scope="module")
def raw_spec():
    import tensorflow as tf

    return {
        "size": tf.io.FixedLenFeature([1], tf.float32),
        "color": tf.io.VarLenFeature(tf.string),
        "kind": tf.io.FixedLenFeature([1], tf.string),
        "price": tf.io.FixedLenFeature([1], tf.float32),
    }


def preprocessing_fn(inputs):
    import tensorflow as tf
    import tensorflow_transform as tft

    from fluentml.training import fill_missing

    return {
        "size_xf": tft.scale_to_0_1(inputs["size"]),
        "color_xf": tft.compute_and_apply_vocabulary(fill_missing(inputs["color"], "none")),
        "dear_xf": tf.cast(inputs["price"] > 20.0, tf.int64),
    }


@pytest.fixture(scope="module")
def transformed(tmp_path_factory, raw_spec):
    """FnArgs as they are behind a Transform."""
    import apache_beam as beam
    import tensorflow as tf
    import tensorflow_transform as tft
    import tensorflow_transform.beam as tft_beam
    from tensorflow_transform.tf_metadata import metadata_io
    from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata

    folder = tmp_path_factory.mktemp("transformed")
    metadata = DatasetMetadata.from_feature_spec(raw_spec)
    with tft_beam.Context(str(folder / "temp")), beam.Pipeline(argv=[RUNNER]) as pipeline:
        items = pipeline | beam.Create(ITEMS)
        graph = (items, metadata) | tft_beam.AnalyzeDataset(preprocessing_fn)
        graph | tft_beam.WriteTransformFn(str(folder / "graph"))
    metadata_io.write_metadata(metadata, str(folder / "graph" / "metadata"))

    parsed = tf.io.parse_example([serialize(item) for item in ITEMS], raw_spec)
    columns = tft.TFTransformOutput(str(folder / "graph")).transform_raw_features(parsed)
    rows = [
        {name: column[i].numpy().tolist() for name, column in columns.items()}
        for i in range(len(ITEMS))
    ]
    return fn_args_of(
        folder,
        [serialize(row) for row in rows],
        train_steps=7,
        eval_steps=2,
        transform_graph_path=str(folder / "graph"),
    )


@pytest.fixture(scope="module")
def raw(tmp_path_factory, raw_spec):
    """FnArgs as they are without a Transform: the schema alone tells how to read."""
    from google.protobuf import text_format
    from tensorflow_transform.tf_metadata import schema_utils

    folder = tmp_path_factory.mktemp("raw")
    spec = {name: feature for name, feature in raw_spec.items() if name != "color"}
    schema = schema_utils.schema_from_feature_spec(spec)
    (folder / "schema.pbtxt").write_text(text_format.MessageToString(schema))
    return fn_args_of(
        folder,
        [serialize(item) for item in ITEMS],
        schema_path=str(folder / "schema.pbtxt"),
    )


def build(fn_args, width=2):
    import keras

    from fluentml.training import inputs

    features = inputs(fn_args, "dear_xf")
    color = keras.layers.Flatten()(keras.layers.Embedding(4, width)(features["color_xf"]))
    hidden = keras.layers.Concatenate()([features["size_xf"], keras.layers.Dropout(0.1)(color)])
    model = keras.Model(features, keras.layers.Dense(1, "sigmoid")(hidden))
    model.compile(loss="binary_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def saved(transformed):
    """A model trained and saved behind a Transform, and the directory that it is saved in."""
    from fluentml.training import read_examples, save

    train, evaluation = read_examples(transformed, "dear_xf", batch_size=8)
    model = build(transformed)
    model.fit(train, validation_data=evaluation, verbose=0)
    save(model, transformed, "dear_xf")
    return model, transformed.serving_model_dir


def test_examples_last_as_many_steps_as_asked(transformed):
    from fluentml.training import read_examples

    train, evaluation = read_examples(transformed, "dear_xf", batch_size=8)
    assert (int(train.cardinality()), int(evaluation.cardinality())) == (7, 2)
    batches = list(train)
    assert len(batches) == 7  # 56 examples of 30: the files are read again
    features, label = batches[-1]
    assert {name: (f.shape, f.dtype.name) for name, f in features.items()} == {
        "size_xf": ((8, 1), "float32"),
        "color_xf": ((8, 1), "int64"),
    }
    assert (label.shape, label.dtype.name) == ((8, 1), "int64")


def test_examples_pass_once_without_steps(raw):
    from fluentml.training import read_examples

    train, evaluation = read_examples(raw, "price", batch_size=8)
    assert len(list(train)) == len(list(evaluation)) == 4
    prices = [float(price[0]) for _, label in evaluation for price in label]
    assert prices == [item["price"][0] for item in ITEMS]  # in order
    shuffled = [float(price[0]) for _, label in train for price in label]
    assert sorted(shuffled) == prices != shuffled


def test_inputs_are_what_read_examples_yields(transformed, raw):
    from fluentml.training import inputs

    assert {n: (i.shape, i.dtype) for n, i in inputs(transformed, "dear_xf").items()} == {
        "size_xf": ((None, 1), "float32"),
        "color_xf": ((None, 1), "int64"),
    }
    assert inputs(raw, "price")["kind"].dtype == "string"


def test_inputs_refuse_a_feature_that_may_be_missing(tmp_path, raw_spec):
    from google.protobuf import text_format
    from tensorflow_transform.tf_metadata import schema_utils
    from tfx.components.trainer.fn_args_utils import FnArgs

    from fluentml.training import inputs

    schema = schema_utils.schema_from_feature_spec(raw_spec)
    (tmp_path / "schema.pbtxt").write_text(text_format.MessageToString(schema))
    with pytest.raises(DefinitionError, match="'color' can miss values"):
        inputs(FnArgs(schema_path=str(tmp_path / "schema.pbtxt")), "price")


def test_wrong_label_names_the_right_one(transformed):
    from fluentml.training import read_examples

    with pytest.raises(DefinitionError, match="Hint: did you mean 'dear_xf'") as error:
        read_examples(transformed, "dear")
    assert "'color_xf', 'dear_xf', 'size_xf'" in str(error.value)


def test_examples_without_any_schema(raw):
    from tfx.components.trainer.fn_args_utils import FnArgs

    from fluentml.training import read_examples

    with pytest.raises(DefinitionError, match="Hint: add preprocess"):
        read_examples(FnArgs(train_files=raw.train_files), "price")


def test_hyperparameters_are_the_tuned_ones_or_the_defaults():
    import keras_tuner
    from tfx.components.trainer.fn_args_utils import FnArgs

    from fluentml.training import hyperparameters

    def width(hp):
        return hp.Int("width", 8, 64, default=16)

    assert width(hyperparameters(FnArgs())) == 16
    tuned = keras_tuner.HyperParameters()
    width(tuned)
    tuned.values["width"] = 48
    assert width(hyperparameters(FnArgs(hyperparameters=tuned.get_config()))) == 48


def test_serving_needs_only_the_columns_of_the_features(saved, raw_spec):
    import numpy as np
    import tensorflow as tf

    model, path = saved
    serve = tf.saved_model.load(path).signatures["serving_default"]
    (spec,) = serve.structured_input_signature[1].values()
    assert (spec.name, spec.dtype, spec.shape.rank) == ("examples", tf.string, 1)

    # Neither the label's column, price, nor kind, which nothing is made from.
    asked = [serialize({"size": [29.0], "color": [b"red"]}), serialize({"size": [0.0]})]
    served = serve(examples=tf.constant(asked))["outputs"]
    signatures = tf.saved_model.load(path).signatures
    # A column may miss values, so there is no serving_columns.
    assert {*signatures} == {"serving_default", "serving_raw", "transform_features"}
    transform = signatures["transform_features"]
    both = transform(examples=tf.constant([serialize(ITEMS[29]), serialize(ITEMS[0])]))
    expected = model({name: both[name] for name in ("size_xf", "color_xf")})
    np.testing.assert_allclose(served, expected, rtol=1e-5)
    assert both["dear_xf"].numpy().tolist() == [[1], [0]]


def test_graph_mode_loaders_restore_the_model(saved):
    """As BulkInferrer does, which finds no variables in what Keras 3 saves by itself."""
    import numpy as np
    import tensorflow as tf

    _, path = saved
    examples = [serialize({"size": [3.0], "color": [b"blue"]})]
    expected = tf.saved_model.load(path).signatures["serving_default"](tf.constant(examples))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        graph = tf.compat.v1.saved_model.load(session, ["serve"], path)
        signature = graph.signature_def["serving_default"]
        outputs = session.run(
            signature.outputs["outputs"].name, {signature.inputs["examples"].name: examples}
        )
    np.testing.assert_allclose(outputs, expected["outputs"], rtol=1e-5)


def test_a_warm_start_takes_over_the_weights(transformed, saved):
    import attr
    import numpy as np

    from fluentml.training import warm_start

    old, path = saved
    new = build(transformed)
    assert not warm_start(new, transformed)
    assert not np.allclose(new.get_weights()[0], old.get_weights()[0])
    fn_args = attr.evolve(transformed, base_model=path)
    assert warm_start(new, fn_args)
    for mine, its in zip(new.get_weights(), old.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)
    with pytest.raises(DefinitionError) as caught:
        warm_start(build(transformed, width=3), fn_args)
    what, shapes, hint = str(caught.value).splitlines()
    assert what == "The base model has other layers than this model."
    assert "(4, 2)" in shapes.partition("; of this model's:")[0]
    assert "(4, 3)" in shapes.partition("; of this model's:")[2]
    assert hint == "Hint: build it as before; one that changed starts without warm_start=True."


def test_a_base_model_of_another_kind_is_told(tmp_path, transformed):
    import attr
    import tensorflow as tf

    from fluentml.training import warm_start

    tf.saved_model.save(tf.Module(), str(tmp_path))
    with pytest.raises(DefinitionError, match="was not written by save") as caught:
        warm_start(build(transformed), attr.evolve(transformed, base_model=str(tmp_path)))
    assert "Hint: read it in your own way" in str(caught.value)


def test_model_of_raw_features_with_named_outputs(raw):
    import keras
    import numpy as np
    import tensorflow as tf

    from fluentml.training import inputs, save

    features = inputs(raw, "price")
    kind = keras.layers.StringLookup(vocabulary=["shirt", "shoe"], output_mode="one_hot")
    hidden = keras.layers.Concatenate()([features["size"], kind(features["kind"])])
    model = keras.Model(features, {"price": keras.layers.Dense(1)(hidden)})
    save(model, raw, "price")

    signatures = tf.saved_model.load(raw.serving_model_dir).signatures
    assert {*signatures} == {"serving_default", "serving_raw", "serving_columns"}
    asked = serialize({"size": [2.0], "kind": [b"shoe"]})
    expected = model({"size": tf.constant([[2.0]]), "kind": tf.constant([["shoe"]])})
    served = signatures["serving_default"](examples=tf.constant([asked]))
    np.testing.assert_allclose(served["price"], expected["price"], rtol=1e-5)
    columns = signatures["serving_columns"]
    assert {name: tuple(s.shape) for name, s in columns.structured_input_signature[1].items()} == {
        "size": (None, 1),
        "kind": (None, 1),
    }
    plain = columns(size=tf.constant([[2.0]]), kind=tf.constant([["shoe"]]))
    np.testing.assert_allclose(plain["price"], expected["price"], rtol=1e-5)


def test_fill_missing_gives_every_column_the_same_shape(raw_spec):
    import tensorflow as tf

    from fluentml.training import fill_missing

    parsed = tf.io.parse_example([serialize(item) for item in ITEMS[4:7]], raw_spec)
    assert fill_missing(parsed["color"]).numpy().tolist() == [[b"blue"], [b""], [b"blue"]]
    assert fill_missing(parsed["color"], "?").numpy()[1] == b"?"
    assert fill_missing(parsed["size"]) is parsed["size"]
