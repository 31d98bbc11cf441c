"""fit_estimator and estimator_tuner, on a few items as tf.Examples."""

from __future__ import annotations

import sys
import warnings

import pytest

from fluentml.errors import DataError, DefinitionError
from tests.messages import message_of
from tests.test_training import fn_args_of, serialize

pytestmark = pytest.mark.tfx

KINDS = 3
SCHEMA = """
    feature { name: "kind" type: INT presence { min_fraction: 1 } shape { dim { size: 1 } } }
    feature { name: "parts" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 2 } } }
    feature { name: "price" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } }
    feature { name: "size" type: FLOAT value_count { min: 0 max: 1 } }
    feature { name: "sold" type: INT presence { min_fraction: 1 } shape { dim { size: 1 } } }
    feature { name: "weight" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } }
    feature { name: "count" type: INT presence { min_fraction: 1 } shape { dim { size: 1 } } }
"""


def item(i):
    kind = (0, 1, 1, 2, 1, 2)[i % 6]
    return {
        "count": [i % 5],
        "kind": [kind],
        "parts": [float(kind * 3 + i % 4), float(i % 7)],
        "price": [10.0 + 2 * kind + i % 3],
        "size": [float(kind * 5 + i % 6)] if i % 4 else [],
        "sold": [int(kind == 1)],
        "weight": [1.0 + i % 3],
    }


ITEMS = [item(i) for i in range(90)]


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    """A function from a folder to FnArgs of a step that writes there; `without` leaves out."""
    import attr

    folder = tmp_path_factory.mktemp("items")
    fn_args = fn_args_of(folder, [serialize(each) for each in ITEMS])

    def step(folder, without=(), schema=SCHEMA, **fields):
        lines = [line for line in schema.splitlines() if not any(f'"{n}"' in line for n in without)]
        (folder / "schema.pbtxt").write_text("\n".join(lines))
        return attr.evolve(
            fn_args,
            serving_model_dir=str(folder / "model"),
            working_dir=str(folder / "work"),
            schema_path=str(folder / "schema.pbtxt"),
            **fields,
        )

    return step


def table(*features):
    """The items as an estimator gets them."""
    import numpy as np

    return np.array([[v for f in features for v in each[f] or [np.nan]] for each in ITEMS])


def loaded(fn_args):
    import tensorflow as tf

    return tf.saved_model.load(fn_args.serving_model_dir)


def served(fn_args):
    import tensorflow as tf

    signature = loaded(fn_args).signatures["serving_default"]
    return signature(examples=tf.constant([serialize(each) for each in ITEMS]))


def assert_near(got, wanted):
    import numpy as np

    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


def of_scikit_learn(hp):
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5)


def of_xgboost(hp):
    return pytest.importorskip("xgboost").XGBClassifier(n_estimators=5, n_jobs=1)


def of_lightgbm(hp):
    lightgbm = pytest.importorskip("lightgbm")
    return lightgbm.LGBMClassifier(n_estimators=5, min_child_samples=5, n_jobs=1, verbose=-1)


@pytest.fixture(
    scope="module", params=[of_scikit_learn, of_xgboost, of_lightgbm], ids=lambda f: f.__name__
)
def classes(request, items, tmp_path_factory):
    """A classifier that takes missing values, and the FnArgs by which it was saved."""
    from fluentml.training import fit_estimator

    fn_args = items(tmp_path_factory.mktemp("classes"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit_estimator(fn_args, request.param, label="kind", seed=1), fn_args


FEATURES = ("count", "parts", "price", "size", "sold", "weight")


def test_what_is_served_is_what_the_estimator_says(classes):
    """In the order of the features' names; a missing value is one."""
    import numpy as np

    estimator, fn_args = classes
    answer = served(fn_args)
    assert set(answer) == {"outputs"}
    assert answer["outputs"].dtype.name == "float32"
    assert_near(answer["outputs"], estimator.predict_proba(table(*FEATURES)))
    guessed = np.argmax(answer["outputs"], axis=1)
    assert np.mean(guessed == table("kind")[:, 0]) > 0.9


def test_raw_columns_are_served_too(classes):
    import tensorflow as tf

    _, fn_args = classes
    signatures = loaded(fn_args).signatures
    assert set(signatures) == {"serving_default", "serving_raw"}  # size can be missing
    types = signatures["serving_raw"].structured_input_signature[1]
    assert set(types) == set(FEATURES)
    columns = {n: tf.cast(tf.constant(table(n)), types[n].dtype) for n in FEATURES}
    answer = signatures["serving_raw"](**columns)
    assert_near(answer["outputs"], served(fn_args)["outputs"])


def test_it_loads_into_a_graph(classes):
    """As BulkInferrer does it, which cannot find variables that are not tracked one by one."""
    import tensorflow as tf

    _, fn_args = classes
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], fn_args.serving_model_dir)
        signature = graph.signature_def["serving_default"]
        feed = {signature.inputs["examples"].name: [serialize(each) for each in ITEMS]}
        answer = session.run(signature.outputs["outputs"].name, feed)
    assert_near(answer, served(fn_args)["outputs"])


def test_two_classes_are_one_probability(items, tmp_path):
    from sklearn.linear_model import LogisticRegression

    from fluentml.training import fit_estimator

    fn_args = items(tmp_path, without=["size", "kind"])
    estimator = fit_estimator(fn_args, lambda hp: LogisticRegression(C=0.5), label="sold")
    outputs = served(fn_args)["outputs"]
    wanted = estimator.predict_proba(table("count", "parts", "price", "weight"))
    assert_near(outputs, wanted[:, 1:])


def test_weights_by_example_and_by_class(items, tmp_path):
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.utils.class_weight import compute_sample_weight

    from fluentml.training import fit_estimator

    fn_args = items(tmp_path, without=["size"])
    given = table("weight")[:, 0]

    def scaled(hp):
        return make_pipeline(StandardScaler(), LinearRegression())

    fit_estimator(fn_args, scaled, label="price", example_weight="weight")
    x, y = table("count", "kind", "parts", "sold"), table("price")[:, 0]
    wanted = scaled(None).fit(x, y, linearregression__sample_weight=given)
    assert_near(served(fn_args)["outputs"][:, 0], wanted.predict(x))

    fn_args = items(tmp_path / "..", without=["size"])
    options = {"label": "kind", "class_weight": "balanced", "example_weight": "weight"}
    fit_estimator(fn_args, lambda hp: LogisticRegression(solver="newton-cg"), **options)
    x, y = table("count", "parts", "price", "sold"), table("kind")[:, 0].astype(int)
    weights = given * compute_sample_weight("balanced", y)
    wanted = LogisticRegression(solver="newton-cg").fit(x, y, weights)
    assert_near(served(fn_args)["outputs"], wanted.predict_proba(x))


def test_the_seed_is_the_random_state_where_there_is_none(items, tmp_path):
    from sklearn.ensemble import ExtraTreesRegressor

    from fluentml.training import fit_estimator

    fn_args = items(tmp_path, without=["size"])
    own, ours = (
        fit_estimator(
            fn_args,
            lambda hp, s=state: ExtraTreesRegressor(2, random_state=s),
            label="price",
            seed=7,
        )
        for state in (3, None)
    )
    assert (own.random_state, ours.random_state) == (3, 7)


def test_hyperparameters_reach_the_builder(items, tmp_path):
    import keras_tuner
    from sklearn.tree import DecisionTreeRegressor

    from fluentml.training import fit_estimator

    tuned = keras_tuner.HyperParameters()
    tuned.Fixed("depth", 4)
    for hyperparameters, depth in ((None, 2), (tuned.get_config(), 4)):
        fn_args = items(tmp_path, hyperparameters=hyperparameters)
        estimator = fit_estimator(
            fn_args,
            lambda hp: DecisionTreeRegressor(max_depth=hp.Int("depth", 1, 8, default=2)),
            label="price",
        )
        assert estimator.max_depth == depth


def test_it_converts_to_tensorflow_lite(items, tmp_path):
    import tensorflow as tf
    from sklearn.ensemble import RandomForestClassifier

    from fluentml.training import fit_estimator

    fn_args = items(tmp_path, without=["size"])
    estimator = fit_estimator(
        fn_args, lambda hp: RandomForestClassifier(5, random_state=0), label="kind"
    )
    converter = tf.lite.TFLiteConverter.from_saved_model(
        fn_args.serving_model_dir, signature_keys=["serving_columns"]
    )
    ops = tf.lite.OpsSet
    converter.target_spec.supported_ops = [ops.TFLITE_BUILTINS, ops.SELECT_TF_OPS]
    names = ("count", "parts", "price", "sold", "weight")
    whole = ("count", "sold")
    columns = {n: table(n).astype("int64" if n in whole else "float32") for n in names}
    content = converter.convert()
    if sys.version_info >= (3, 11):
        pytest.skip("TensorFlow 2.21 has no interpreter with the Select TF ops")
    interpreter = tf.lite.Interpreter(model_content=content)
    answer = interpreter.get_signature_runner("serving_columns")(**columns)
    assert_near(answer["outputs"], estimator.predict_proba(table(*names)))


# -- what is refused ------------------------------------------------------------------------------


def linear(hp):
    from sklearn.linear_model import LinearRegression

    return LinearRegression()


def network(hp):
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier()


def stopping(hp):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    xgboost = pytest.importorskip("xgboost")
    return make_pipeline(StandardScaler(), xgboost.XGBRegressor(early_stopping_rounds=3))


def logistic(hp):
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression()


def nothing(hp):
    return None


def a_class(hp):
    from sklearn.linear_model import LinearRegression

    return LinearRegression


WORDS = SCHEMA + 'feature { name: "color" type: BYTES value_count { min: 0 max: 1 } }\n'
LISTS = SCHEMA + 'feature { name: "color" type: FLOAT value_count { min: 0 max: 3 } }\n'

BEFORE_READING = {
    "nothing": (nothing, {"label": "kind"}, {}, "build_estimator(hp) returns None"),
    "a class": (a_class, {"label": "kind"}, {}, "returns the class LinearRegression, not an"),
    "two labels": (linear, {"label": ["kind", "price"]}, {}, "label=['kind', 'price'] is more."),
    "a wide label": (linear, {"label": "parts"}, {}, "label='parts' is more."),
    "a base model": (
        linear,
        {"label": "price"},
        {"base_model": "old"},
        "LinearRegression learns anew",
    ),
    "steps": (linear, {"label": "price"}, {"train_steps": 3}, "learns from all examples."),
    "weights": (
        network,
        {"label": "kind", "class_weight": "balanced"},
        {},
        "MLPClassifier takes no weights, and train() has class_weight=.",
    ),
    "a pipeline that stops early": (
        stopping,
        {"label": "price"},
        {},
        "XGBRegressor stops early by",
    ),
    "words": (linear, {"label": "kind"}, {"schema": WORDS}, "'color' of its features are text."),
    "no feature": (
        linear,
        {"label": "price"},
        {"without": ["count", "kind", "parts", "size", "sold", "weight"]},
        "There is no feature beside the label",
    ),
    "no label": (linear, {"label": "prize"}, {}, "Label 'prize' is not among the features"),
}


@pytest.mark.parametrize("name", BEFORE_READING)
def test_refused_before_an_example_is_read(name, items, tmp_path):
    from fluentml.training import fit_estimator

    builder, options, fields, wanted = BEFORE_READING[name]
    fn_args = items(tmp_path, train_files=["nowhere"], eval_files=["nowhere"], **fields)
    message = message_of(DefinitionError, fit_estimator, fn_args, builder, **options)
    assert wanted in message
    assert message.splitlines()[-1].startswith("Hint: ")


def test_a_builder_of_the_wrong_thing_is_shown_where_it_stands(items, tmp_path):
    from fluentml.training import fit_estimator

    assert message_of(DefinitionError, fit_estimator, items(tmp_path), nothing, label="kind") == (
        "build_estimator(hp) returns None, not an estimator.\n"
        f'  File "{__file__}", line {nothing.__code__.co_firstlineno}, in nothing\n'
        "Hint: end it with, for example: return RandomForestClassifier(n_estimators=50)"
    )


def test_an_estimator_needs_no_inputs_of_keras(items, tmp_path):
    from fluentml.training import fit

    def build_model(hp, features):
        return linear(hp)

    message = message_of(
        DefinitionError, fit, items(tmp_path, without=["size"]), build_model, label="price"
    )
    assert message.startswith("build_model(hp, features) returns a LinearRegression, not a Keras")
    assert message.endswith(
        "Hint: an estimator needs no inputs of Keras: write def build_estimator(hp)."
    )


def test_missing_values_where_none_are_taken(items, tmp_path):
    from fluentml.training import fit_estimator

    assert message_of(DataError, fit_estimator, items(tmp_path), linear, label="price") == (
        "LinearRegression takes no missing values, and 23 of 90 training examples have some.\n"
        "Hint: fill_missing(…) in preprocessing_fn, preprocess(numeric=[…]), or a SimpleImputer "
        "before it in a Pipeline."
    )


def test_a_label_that_is_no_class(items, tmp_path):
    from fluentml.training import fit_estimator

    fn_args = items(tmp_path, without=["size"])
    (tmp_path / "schema.pbtxt").write_text(SCHEMA.replace('"size"', '"other"'))
    message = message_of(DataError, fit_estimator, halves(fn_args), logistic, label="price")
    assert message.startswith(
        "LogisticRegression classifies, and the label has values such as 10.5, which is no number"
    )


def halves(fn_args):
    """The same step over items of which the first costs half more, and nothing but counts."""
    import attr
    import tensorflow as tf

    folder = fn_args.serving_model_dir + "-halves"
    tf.io.gfile.makedirs(folder)
    with tf.io.TFRecordWriter(f"{folder}/data.gz", "GZIP") as writer:
        for i in range(9):
            writer.write(serialize(item(i) | {"price": [10.5]}))
    return attr.evolve(fn_args, train_files=[f"{folder}/*"])


def test_one_class_alone(items, tmp_path):
    from fluentml.training import fit_estimator

    fn_args = halves(items(tmp_path, without=["size"]))
    import tensorflow as tf

    with tf.io.TFRecordWriter(fn_args.train_files[0].replace("*", "data.gz"), "GZIP") as writer:
        writer.write(serialize(ITEMS[1]))
    message = message_of(DataError, fit_estimator, fn_args, logistic, label="sold")
    assert message.startswith("All examples have the label 1: there is nothing to tell apart.")


def test_several_values_in_a_loose_feature(items, tmp_path):
    import attr
    import tensorflow as tf

    from fluentml.training import fit_estimator

    with tf.io.TFRecordWriter(str(tmp_path / "data.gz"), "GZIP") as writer:
        writer.write(serialize(ITEMS[1] | {"color": [1.0, 2.0]}))
    fn_args = attr.evolve(items(tmp_path, schema=LISTS), train_files=[str(tmp_path / "data.gz")])
    message = message_of(DataError, fit_estimator, fn_args, of_scikit_learn, label="kind")
    assert message.startswith("The feature 'color' has several values in an example.")


def test_what_would_predict_otherwise_is_not_saved(items, tmp_path, monkeypatch):
    import numpy as np

    from fluentml.estimators.layers import Add
    from fluentml.training import estimating

    right = estimating.layers_of
    monkeypatch.setattr(estimating, "layers_of", lambda m: (*right(m), Add(np.array([0.5]))))
    fn_args = items(tmp_path, without=["size"])
    message = message_of(DataError, estimating.fit_estimator, fn_args, linear, label="price")
    assert message.startswith("Written as TensorFlow, LinearRegression would predict ")
    assert "; 90 of 90 training examples differ. Nothing was saved." in message
    assert not (tmp_path / "model").exists()


# -- the search -----------------------------------------------------------------------------------


def searched(hp):
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_depth=hp.Choice("depth", [1, 2, 6]))


@pytest.mark.parametrize(
    ("strategy", "objective"),
    [("random", "score"), ("bayesian", "score"), ("grid", "neg_log_loss")],
)
def test_the_search_finds_the_best(strategy, objective, items, tmp_path):
    from sklearn.metrics import log_loss

    from fluentml.training import estimator_tuner

    made = estimator_tuner(
        items(tmp_path),
        searched,
        label="kind",
        strategy=strategy,
        objective=objective,
        max_trials=3,
        seed=1,
    )
    made.tuner.search(**made.fit_kwargs)
    trials = made.tuner.oracle.get_best_trials(3)
    depths = [trial.hyperparameters.get("depth") for trial in trials]
    assert depths == [6, 2, 1]
    x, y = table(*FEATURES), table("kind")[:, 0].astype(int)
    tree = searched(trials[0].hyperparameters).set_params(random_state=1).fit(x, y)
    wanted = tree.score(x, y) if objective == "score" else -log_loss(y, tree.predict_proba(x))
    assert trials[0].score == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("builder", "options", "message"),
    [
        (
            linear,
            {},
            "tune() finds nothing to tune: build_estimator(hp) asks hp for no value.\n"
            'Hint: write, for example, max_depth=hp.Int("max_depth", 2, 8).',
        ),
        (
            searched,
            {"objective": "rmse"},
            "tune() knows no objective 'rmse' for an estimator.\n"
            'Hint: take one of sklearn.metrics.get_scorer_names(), such as "neg_log_loss".',
        ),
        (
            searched,
            {"strategy": "hyperband"},
            "tune() knows no strategy 'hyperband' for an estimator.\n"
            'Hint: take "random", "bayesian" or "grid"; an estimator has no epochs to save.',
        ),
    ],
)
def test_a_search_that_cannot_be(builder, options, message, items, tmp_path):
    from fluentml.training import estimator_tuner

    fn_args = items(tmp_path, without=["size"])
    assert (
        message_of(DefinitionError, estimator_tuner, fn_args, builder, label="kind", **options)
        == message
    )
