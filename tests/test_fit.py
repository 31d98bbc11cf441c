"""The ready-made training and search, on a small set of shop items behind a Transform."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fluentml.errors import DefinitionError
from tests.test_training import RUNNER, fn_args_of, serialize

pytestmark = pytest.mark.tfx

KINDS = ["hat", "shirt", "shoe"]
# A kind's items have sizes around its own; every seventh has no color; shirts are most frequent.
ITEMS = [
    {
        "size": [(0.0, 5.0, 9.0)[kind] + (i % 5) / 5],
        "color": [[b"red", b"blue"][i % 2]] if i % 7 else [],
        "kind": [KINDS[kind].encode()],
        "sold": [b"yes" if kind == 1 else b"no"],
        "price": [10.0 + 2 * kind],
        "weight": [1.0 + i % 3],
    }
    for i, kind in enumerate([0, 1, 1, 2, 1, 1] * 10)
]


def preprocessing_fn(inputs):
    import tensorflow as tf
    import tensorflow_transform as tft

    from fluentml.training import fill_missing

    kind = tft.compute_and_apply_vocabulary(inputs["kind"], vocab_filename="kinds")
    return {
        "size_xf": tft.scale_to_z_score(inputs["size"]),
        "color_xf": tft.compute_and_apply_vocabulary(fill_missing(inputs["color"], "none")),
        "kind_xf": kind,
        "sold_xf": tft.compute_and_apply_vocabulary(inputs["sold"]),
        "tags_xf": tf.one_hot(kind[:, 0], 3),
        "price_xf": inputs["price"],
        "weight_xf": inputs["weight"],
    }


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The examples, and a function from a folder to FnArgs of a step that writes there."""
    import apache_beam as beam
    import attr
    import tensorflow as tf
    import tensorflow_transform as tft
    import tensorflow_transform.beam as tft_beam
    from tensorflow_transform.tf_metadata import metadata_io
    from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata

    folder = tmp_path_factory.mktemp("shop")
    spec = {
        name: tf.io.FixedLenFeature([1], tf.float32 if name in NUMBERS else tf.string)
        for name in ITEMS[1]
    } | {"color": tf.io.VarLenFeature(tf.string)}
    metadata = DatasetMetadata.from_feature_spec(spec)
    with tft_beam.Context(str(folder / "temp")), beam.Pipeline(argv=[RUNNER]) as pipeline:
        graph = (pipeline | beam.Create(ITEMS), metadata) | tft_beam.AnalyzeDataset(
            preprocessing_fn
        )
        graph | tft_beam.WriteTransformFn(str(folder / "graph"))
    metadata_io.write_metadata(metadata, str(folder / "graph" / "metadata"))

    parsed = tf.io.parse_example([serialize(item) for item in ITEMS], spec)
    columns = tft.TFTransformOutput(str(folder / "graph")).transform_raw_features(parsed)
    rows = [
        {name: column[i].numpy().tolist() for name, column in columns.items()}
        for i in range(len(ITEMS))
    ]
    fn_args = fn_args_of(
        folder, [serialize(row) for row in rows], transform_graph_path=str(folder / "graph")
    )

    def step(folder: Path, **fields):
        return attr.evolve(
            fn_args,
            serving_model_dir=str(folder / "model"),
            model_run_dir=str(folder / "Trainer" / "model_run" / "7"),
            working_dir=str(folder / "work"),
            **fields,
        )

    step.columns = columns
    return step


NUMBERS = ("size", "price", "weight")


def build_model(hp, features):
    """Three classes from size and color."""
    import keras

    hidden = keras.layers.Dense(hp.Int("width", 4, 16, default=8), "relu")(read(features))
    model = keras.Model(used(features), keras.layers.Dense(3, "softmax")(hidden))
    model.compile(
        keras.optimizers.Adam(0.03), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def used(features):
    return {name: features[name] for name in ("size_xf", "color_xf")}


def read(features):
    import keras

    color = keras.layers.CategoryEncoding(4, output_mode="one_hot")(features["color_xf"])
    return keras.layers.Concatenate()([features["size_xf"], color])


def one_number(hp, features, units=1, activation=None, loss="mse"):
    import keras

    model = keras.Model(used(features), keras.layers.Dense(units, activation)(read(features)))
    model.compile(keras.optimizers.Adam(0.1), loss)
    return model


@pytest.fixture(scope="module")
def classes(shop, tmp_path_factory):
    """A model of the kinds, trained and saved, and its SavedModel."""
    import tensorflow as tf

    from fluentml.training import fit

    fn_args = shop(tmp_path_factory.mktemp("classes"))
    model = fit(
        fn_args,
        build_model,
        label="kind_xf",
        batch_size=16,
        epochs=25,
        in_memory=True,
        class_weight="balanced",
        seed=1,
        verbose=0,
    )
    return model, tf.saved_model.load(fn_args.serving_model_dir), fn_args


def serve(saved, rows=ITEMS):
    import tensorflow as tf

    examples = [serialize({name: row[name] for name in ("size", "color")}) for row in rows]
    return saved.signatures["serving_default"](examples=tf.constant(examples))


def test_training_and_serving_cannot_skew(classes, shop):
    """Row by row: what is served for raw rows is what the trained model says of transformed."""
    import numpy as np

    model, saved, _ = classes
    expected = model(used(shop.columns))
    np.testing.assert_allclose(serve(saved)["outputs"], expected, rtol=1e-5, atol=1e-6)


def test_words_come_back_beside_the_numbers(classes):
    _, saved, _ = classes
    served = serve(saved)
    assert set(served) == {"outputs", "label"}
    assert [word.decode() for word in served["label"].numpy()[:, 0]] == [
        item["kind"][0].decode() for item in ITEMS
    ]


def test_raw_columns_are_served_as_examples_are(classes):
    import numpy as np
    import tensorflow as tf

    _, saved, _ = classes
    columns = {
        "size": [item["size"][0] for item in ITEMS],
        "color": [item["color"][0] if item["color"] else b"" for item in ITEMS],
    }
    raw = saved.signatures["serving_raw"]
    flat = raw(**{name: tf.constant(column) for name, column in columns.items()})
    nested = raw(**{name: tf.constant(column)[:, tf.newaxis] for name, column in columns.items()})
    for served in (flat, nested):
        np.testing.assert_allclose(served["outputs"], serve(saved)["outputs"], rtol=1e-6)
        np.testing.assert_array_equal(served["label"], serve(saved)["label"])


def test_the_evaluation_gets_features_and_label(classes, shop):
    import numpy as np
    import tensorflow as tf

    _, saved, _ = classes
    serialized = tf.constant([serialize(item) for item in ITEMS])
    transformed = saved.signatures["transform_features"](examples=serialized)
    for name, column in shop.columns.items():
        np.testing.assert_allclose(transformed[name], column, rtol=1e-6)


def test_logs_for_tensorboard_lie_with_the_model_run(classes):
    _, _, fn_args = classes
    names = {path.parent.name for path in Path(fn_args.model_run_dir).rglob("events.out*")}
    assert names == {"train", "validation"}


def epochs_seen(model):
    return list(model.history.epoch)


def test_steps_make_the_rounds(shop, tmp_path):
    from fluentml.training import fit

    model = fit(
        shop(tmp_path, train_steps=3, eval_steps=2),
        one_number,
        label="price_xf",
        batch_size=40,  # 60 examples: the files are read again
        verbose=0,
    )
    assert epochs_seen(model) == [0]
    assert int(model.optimizer.iterations) == 3


def test_early_stopping_takes_the_best_weights(shop, tmp_path):
    import keras

    from fluentml.training import fit

    losses = []

    class Spoil(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 3:
                self.model.set_weights([w + 100 for w in self.model.get_weights()])

        def on_epoch_end(self, epoch, logs=None):
            losses.append(logs["val_loss"])

    fn_args = shop(tmp_path)
    model = fit(
        fn_args,
        one_number,
        label="price_xf",
        early_stopping=2,
        in_memory=True,
        callbacks=[Spoil()],
        verbose=0,
    )
    assert len(losses) == 5  # the best one, the third, and two that are worse
    found = model.evaluate(used(shop.columns), shop.columns["price_xf"], verbose=0)
    assert found == pytest.approx(min(losses), rel=1e-4)


def test_an_interrupted_training_goes_on(shop, tmp_path):
    import attr
    import keras
    import numpy as np

    from fluentml.training import fit

    class Power(keras.callbacks.Callback):
        fails = True
        seen = ()

        def on_epoch_begin(self, epoch, logs=None):
            self.seen = (*self.seen, epoch)
            if epoch == 2 and self.fails:
                self.weights = self.model.get_weights()
                raise OSError("the power is off")
            if epoch == 2:
                self.resumed = self.model.get_weights()

    def attempt(number, power, **options):
        # A step that runs again gets another folder for its model run.
        run = str(tmp_path / "Trainer" / "model_run" / str(number))
        fn_args = attr.evolve(shop(tmp_path), model_run_dir=run)
        return fit(
            fn_args,
            one_number,
            label="price_xf",
            epochs=4,
            callbacks=[power],
            verbose=0,
            **options,
        )

    first, other, second = Power(), Power(), Power()
    with pytest.raises(OSError, match="power"):
        attempt(7, first)
    other.fails = second.fails = False
    attempt(8, other, batch_size=16)
    assert other.seen == (0, 1, 2, 3)  # another training starts at its own beginning
    attempt(9, second)
    assert second.seen == (2, 3)
    for mine, its in zip(second.resumed, first.weights, strict=True):
        np.testing.assert_array_equal(mine, its)
    assert not list((tmp_path / "Trainer/.system/training").iterdir())  # what is done goes


def test_weights_multiply(shop, tmp_path):
    """The weighted batches: by class and by example, which is no feature of the model."""
    import numpy as np

    from fluentml.training.batches import Batches

    batches = Batches(
        shop(tmp_path),
        "kind_xf",
        64,
        shuffle=False,
        class_weight={"shirt": 2.0, 1: 3.0},
        example_weight="weight_xf",
    )
    assert batches.no_features == ("kind_xf", "weight_xf")
    ((features, label, weight),) = batches.for_fit(["size_xf"])["x"]
    assert list(features) == ["size_xf"]
    by_class = np.array([2.0, 3.0, 1.0])[label.numpy()[:, 0]]  # shirts are most frequent: 0
    np.testing.assert_allclose(weight, by_class * shop.columns["weight_xf"].numpy()[:, 0])


def test_balanced_classes_have_the_same_total(shop, tmp_path):
    import numpy as np

    from fluentml.training.batches import Batches

    balanced = Batches(shop(tmp_path), "kind_xf", 7, class_weight="balanced", in_memory=True)
    totals = np.zeros(3)
    for _, label, weight in balanced.for_fit(["size_xf"])["x"]:
        np.add.at(totals, label.numpy()[:, 0], weight.numpy())
    np.testing.assert_allclose(totals, [20, 20, 20])


@pytest.mark.parametrize("in_memory", [True, False])
def test_each_epoch_has_another_order(shop, tmp_path, in_memory):
    from fluentml.training.batches import Batches

    train = Batches(shop(tmp_path), "price_xf", 7, in_memory=in_memory).for_fit(["size_xf"])["x"]

    def epoch():
        return [size for x, _ in train for size in x["size_xf"].numpy().ravel().tolist()]

    one, two = epoch(), epoch()
    assert one != two
    assert sorted(one) == sorted(two)
    assert len(one) == len(ITEMS)


def test_two_classes_by_a_single_number(shop, tmp_path):
    import tensorflow as tf

    from fluentml.training import fit

    def logit(hp, features):
        import keras

        hidden = keras.layers.Dense(8, "relu")(read(features))
        model = keras.Model(used(features), keras.layers.Dense(1)(hidden))
        model.compile(keras.optimizers.Adam(0.1), keras.losses.BinaryCrossentropy(True))
        return model

    fn_args = shop(tmp_path)
    fit(
        fn_args, logit, label="sold_xf", epochs=15, batch_size=10, in_memory=True, seed=1, verbose=0
    )
    served = serve(tf.saved_model.load(fn_args.serving_model_dir))
    assert served["label"].numpy()[:, 0].tolist() == [item["sold"][0] for item in ITEMS]


def test_several_labels_and_a_strategy(shop, tmp_path):
    """Outputs called as the labels; trained as over GPUs, of which there is one, a CPU."""
    import numpy as np
    import tensorflow as tf

    from fluentml.training import fit

    def two(hp, features):
        import keras

        hidden = read(features)
        tags = keras.layers.Dense(3, "sigmoid")(hidden)
        model = keras.Model(
            used(features), {"tags_xf": tags, "price_xf": keras.layers.Dense(1)(hidden)}
        )
        model.compile(loss={"tags_xf": "binary_crossentropy", "price_xf": "mse"})
        return model

    fn_args = shop(tmp_path)
    labels = ("tags_xf", "price_xf")
    mirrored = tf.distribute.MirroredStrategy(["/cpu:0"])
    model = fit(fn_args, two, label=labels, epochs=1, strategy=mirrored, verbose=0)
    served = serve(tf.saved_model.load(fn_args.serving_model_dir))
    expected = model(used(shop.columns))
    for name in labels:
        np.testing.assert_allclose(served[name], expected[name], rtol=1e-4)


def test_gpus_are_used_if_there_are_any(monkeypatch):
    import tensorflow as tf

    from fluentml.training import fitting

    assert not isinstance(fitting.default_strategy(), tf.distribute.MirroredStrategy)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    mirrored: list[str] = []
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", lambda: mirrored.append("all"))
    fitting.default_strategy()
    assert mirrored == ["all"]


def of_keras_2(hp, features):
    import tf_keras

    scaled = tf_keras.layers.Dense(1)(features["size_xf"])
    model = tf_keras.Model({"size_xf": features["size_xf"]}, scaled)
    rate = hp.Float("rate", 0.01, 1, default=0.1)
    # TensorFlow 2.16 takes ten seconds to trace a training step of Keras 2.
    model.compile(tf_keras.optimizers.Adam(rate), "mse", run_eagerly=True)
    return model


def test_a_model_of_keras_2(shop, tmp_path):
    import numpy as np
    import tensorflow as tf

    from fluentml.training import fit

    fn_args = shop(tmp_path)
    model = fit(fn_args, of_keras_2, label="price_xf", epochs=2, early_stopping=1, verbose=0)
    expected = model({"size_xf": shop.columns["size_xf"]})
    served = serve(tf.saved_model.load(fn_args.serving_model_dir))
    np.testing.assert_allclose(served["outputs"], expected, rtol=1e-5)


def test_a_model_class_of_the_users(shop, tmp_path):
    import numpy as np
    import tensorflow as tf

    from fluentml.training import fit

    def subclassed(hp, features):
        import keras

        class Line(keras.Model):
            def __init__(self):
                super().__init__()
                self.dense = keras.layers.Dense(1)

            def call(self, features):
                return self.dense(features["size_xf"])

        model = Line()
        model.compile(loss="mse")
        return model

    fn_args = shop(tmp_path)
    model = fit(fn_args, subclassed, label="price_xf", example_weight="weight_xf", verbose=0)
    expected = model(dict(shop.columns))
    saved = tf.saved_model.load(fn_args.serving_model_dir)
    served = saved.signatures["serving_default"](tf.constant([serialize(i) for i in ITEMS]))
    np.testing.assert_allclose(served["outputs"], expected, rtol=1e-5)


def search(shop, folder, **options):
    from fluentml.training import tuner

    steps = shop(folder, train_steps=2, eval_steps=1)
    return tuner(steps, build_model, label="kind_xf", verbose=0, **options)


def test_a_search_finds_values(shop, tmp_path):
    found = search(
        shop, tmp_path, max_trials=2, objective="val_accuracy", early_stopping=1, epochs=2, seed=1
    )
    found.tuner.search(**found.fit_kwargs)
    (best,) = found.tuner.get_best_hyperparameters()
    assert 4 <= best.get("width") <= 16
    assert found.tuner.oracle.objective.direction == "max"
    assert len(found.tuner.oracle.trials) == 2
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["search"]


@pytest.mark.parametrize(
    ("strategy", "kind", "trials"),
    [
        ("random", "RandomSearch", 10),
        ("bayesian", "BayesianOptimization", 10),
        ("grid", "GridSearch", None),
        ("hyperband", "Hyperband", None),
    ],
)
def test_every_strategy_is_one_of_keras_tuner(shop, tmp_path, strategy, kind, trials):
    found = search(shop, tmp_path, strategy=strategy, objective=("val_f1", "max"), epochs=4)
    assert type(found.tuner).__name__ == kind
    assert found.tuner.oracle.max_trials == trials
    assert found.tuner.oracle.objective.direction == "max"
    assert getattr(found.tuner.oracle, "max_epochs", 4) == 4


def test_tuned_values_are_built(shop, tmp_path):
    import keras_tuner

    from fluentml.training import fit

    hp = keras_tuner.HyperParameters()
    hp.Int("width", 4, 16, default=8)
    hp.values["width"] = 5
    fn_args = shop(tmp_path, hyperparameters=hp.get_config(), train_steps=1, eval_steps=1)
    model = fit(fn_args, build_model, label="kind_xf", verbose=0)
    assert (5, 3) in [w.shape for w in model.get_weights()]


def test_training_goes_on_from_the_base_model(classes, shop, tmp_path):
    import keras
    import numpy as np

    from fluentml.training import fit

    class Start(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.weights = self.model.get_weights()

    model, _, old = classes
    start = Start()
    fn_args = shop(tmp_path, base_model=old.serving_model_dir, train_steps=1, eval_steps=1)
    fit(fn_args, build_model, label="kind_xf", callbacks=[start], verbose=0)
    for mine, its in zip(start.weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)


def no_model(hp, features):
    build_model(hp, features)


def not_compiled(hp, features):
    import keras

    return keras.Model(used(features), keras.layers.Dense(1)(read(features)))


def misspelt(hp, features):
    return features["sizes_xf"]


def unread(hp, features):
    import keras

    return keras.Model(features, keras.layers.Dense(1)(read(features)))


def own_inputs(hp, features):
    import keras

    model = keras.Sequential([keras.Input([1], name="mine"), keras.layers.Dense(1)])
    model.compile(loss="mse")
    return model


def sequential(hp, features):
    import keras

    model = keras.Sequential([keras.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


WRONG = {
    "parameters": (
        lambda features: None,
        {},
        "The trainer calls build_model(hp, features), and this is <lambda>(features).",
        "write def <lambda>(hp, features); further parameters need defaults.",
    ),
    "no model": (
        no_model,
        {},
        "build_model(hp, features) returns None, not a Keras model.",
        "end it with: return model",
    ),
    "not compiled": (
        not_compiled,
        {},
        "build_model(hp, features) returns a model that is not compiled.",
        'call model.compile(optimizer="adam", loss=…) before returning it.',
    ),
    "misspelt": (
        misspelt,
        {},
        "build_model(hp, features) reads the feature 'sizes_xf', which does not exist.",
        "did you mean 'size_xf' or 'price_xf'?",
    ),
    "unread": (
        unread,
        {},
        "build_model(hp, features) gives keras.Model inputs that nothing reads: "
        "'price_xf', 'sold_xf', 'tags_xf', 'weight_xf'.",
        'give it those that lead to the output: keras.Model({"…": features["…"], …}, output).',
    ),
    "own inputs": (
        own_inputs,
        {},
        "build_model(hp, features) returns a model with inputs of its own: 'mine'.",
        "start from the given ones: keras.Model(features, output).",
    ),
    "too few classes": (
        lambda hp, f: one_number(hp, f, 2, "softmax", "sparse_categorical_crossentropy"),
        {},
        "build_model(hp, features) returns a model with an output of shape [2] for the 3 classes, "
        "and the label 'kind_xf' has [1] for each example.",
        "end it with Dense(3).",
    ),
    "too many numbers": (
        lambda hp, f: one_number(hp, f, 3),
        {"label": "price_xf"},
        "build_model(hp, features) returns a model with an output of shape [3], "
        "and the label 'price_xf' has [1] for each example.",
        "end it with Dense(1).",
    ),
    "classes by another loss": (
        lambda hp, f: one_number(hp, f, 3, "softmax", "categorical_crossentropy"),
        {},
        "build_model(hp, features) compiles the model with the loss 'categorical_crossentropy', "
        "and the label 'kind_xf' is the number of one of 3 classes.",
        'end it with Dense(3, "softmax"), and compile it with '
        'loss="sparse_categorical_crossentropy".',
    ),
    "classes as amounts": (
        one_number,
        {},
        "build_model(hp, features) compiles the model with the loss 'mse', "
        "and the label 'kind_xf' is the number of one of 3 classes.",
        'end it with Dense(3, "softmax"), and compile it with '
        'loss="sparse_categorical_crossentropy".',
    ),
    "unknown loss": (
        lambda hp, f: one_number(hp, f, 3, "softmax", "sparse_crossentropy"),
        {},
        "build_model(hp, features) compiles the model with the loss 'sparse_crossentropy', "
        "which Keras does not know.",
        "did you mean 'binary_crossentropy' or 'sparse_categorical_crossentropy' or "
        "'categorical_crossentropy'?",
    ),
    "sequential": (
        sequential,
        {},
        "build_model(hp, features) returns a Sequential model, which takes one input, and there "
        "are 6 features.",
        "join them first: keras.layers.Concatenate()([*features.values()]); and return "
        "keras.Model(features, output).",
    ),
    "a layer of one input": (
        lambda hp, f: __import__("keras").layers.Dense(3)(f),
        {},
        "build_model(hp, features) gives several inputs to a layer of one.",
        "join them first: keras.layers.Concatenate()([*features.values()]).",
    ),
    "several labels": (
        one_number,
        {"label": ["price_xf", "tags_xf"]},
        "build_model(hp, features) returns the outputs one without a name; "
        "the labels are 'price_xf', 'tags_xf'.",
        "call them as the labels: keras.Model(…, {'price_xf': …}).",
    ),
    "label": (
        build_model,
        {"label": "kind"},
        "Label 'kind' is not among the features of the training examples.",
        "did you mean 'kind_xf'?",
    ),
    "example weight": (
        build_model,
        {"example_weight": "wait_xf"},
        "Example weight 'wait_xf' is not among the features of the training examples.",
        "did you mean 'weight_xf'?",
    ),
    "class weight": (
        build_model,
        {"class_weight": "balance"},
        "class_weight= takes 'balanced' or a dict, not 'balance'.",
        'write class_weight="balanced", or {0: 1.0, 1: 5.0}.',
    ),
    "no classes": (
        one_number,
        {"label": "price_xf", "class_weight": "balanced"},
        "class_weight= weighs one label of whole numbers, and 'price_xf' is float32 of shape [1].",
        "weigh examples by a feature: example_weight=…",
    ),
    "unknown class": (
        build_model,
        {"class_weight": {"shoes": 2.0}},
        "class_weight= has 'shoes', and the label has no such class.",
        "did you mean 'shoe'?",
    ),
}


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (
            "kind",
            "Label 'kind' is text, and models train on numbers.\n"
            "Hint: number it in preprocessing_fn: tft.compute_and_apply_vocabulary(…); "
            "predictions come back in its words.",
        ),
        (
            "price",
            "Label 'price' can miss values.\n"
            "Hint: fill_missing(…) in preprocessing_fn puts a value where there is none.",
        ),
    ],
)
def test_a_label_that_keras_cannot_take(tmp_path, label, message):
    import tensorflow as tf
    from google.protobuf import text_format
    from tensorflow_transform.tf_metadata import schema_utils
    from tfx.components.trainer.fn_args_utils import FnArgs

    from fluentml.training import fit

    schema = schema_utils.schema_from_feature_spec(
        {
            "kind": tf.io.FixedLenFeature([1], tf.string),
            "price": tf.io.VarLenFeature(tf.float32),
        }
    )
    (tmp_path / "schema.pbtxt").write_text(text_format.MessageToString(schema))
    with pytest.raises(DefinitionError) as caught:
        fit(FnArgs(schema_path=str(tmp_path / "schema.pbtxt")), build_model, label=label)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_told_before_data_are_read(shop, tmp_path, name):
    import attr

    from fluentml.training import fit

    if name == "unread" and sys.version_info >= (3, 11):
        pytest.skip("the newer Keras takes inputs that nothing reads")
    build, options, what, hint = WRONG[name]
    unreadable = attr.evolve(shop(tmp_path), train_files=["none"], eval_files=["none"])
    with pytest.raises(DefinitionError) as caught:
        fit(unreadable, build, **{"label": "kind_xf", "verbose": 0, **options})
    first, *_, last = str(caught.value).splitlines()
    assert (first, last) == (what, f"Hint: {hint}")


def test_a_wrong_function_is_told_by_its_line(shop, tmp_path):
    from fluentml.training import fit

    with pytest.raises(DefinitionError) as caught:
        fit(shop(tmp_path), no_model, label="kind_xf")
    line = no_model.__code__.co_firstlineno
    assert str(caught.value).splitlines()[1] == f'  File "{__file__}", line {line}, in no_model'


def test_a_misspelt_feature_keeps_the_users_line(shop, tmp_path):
    import traceback

    from fluentml.training import fit

    with pytest.raises(DefinitionError) as caught:
        fit(shop(tmp_path), misspelt, label="kind_xf")
    frame = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (frame.name, frame.line) == ("misspelt", 'return features["sizes_xf"]')


def test_a_users_own_key_error_stays(shop, tmp_path):
    from fluentml.training import fit

    def own(hp, features):
        return {"a": 1}[0]

    with pytest.raises(KeyError):
        fit(shop(tmp_path), own, label="kind_xf")


WRONG_SEARCHES = {
    "strategy": (
        build_model,
        {"strategy": "guess"},
        "tune() knows no strategy 'guess'.\n"
        'Hint: take "random", "hyperband", "bayesian" or "grid".',
    ),
    "hyperband": (
        build_model,
        {"strategy": "hyperband", "max_trials": 3},
        'tune(strategy="hyperband") counts its trials by itself, and has max_trials=.\n'
        "Hint: leave max_trials= out; epochs= is the most that one trial gets.",
    ),
    "epochs": (build_model, {"epochs": 0}, "epochs=0 trains nothing.\nHint: it takes 1 or more."),
    "objective": (
        build_model,
        {"objective": "val_f1"},
        "tune() cannot tell whether objective='val_f1' is better high or low.\n"
        "It knows val_loss, and Keras's own metrics by name with val_ before.\n"
        'Hint: mend its name, or say which: objective=("val_f1", "max").',
    ),
    "nothing": (
        one_number,
        {"label": "price_xf"},
        "tune() finds nothing to tune: build_model(hp, features) asks hp for no value.\n"
        'Hint: write, for example, hp.Int("width", 8, 64, default=16) where a number stands.',
    ),
    "keras 2": (
        of_keras_2,
        {"label": "price_xf"},
        "tune() searches with keras-tuner, which takes models of Keras 3 alone; "
        "this function's module imports tf_keras.\n"
        "Hint: import keras instead, or leave tune() out.",
    ),
}


@pytest.mark.parametrize("name", WRONG_SEARCHES)
def test_a_wrong_search_is_told(shop, tmp_path, name):
    from fluentml.training import tuner

    build, options, message = WRONG_SEARCHES[name]
    with pytest.raises(DefinitionError) as caught:
        tuner(shop(tmp_path), build, **{"label": "kind_xf", **options})
    assert str(caught.value) == message
