"""Estimators as TensorFlow: every class that is translated predicts what the estimator predicts."""

from __future__ import annotations

import warnings

import pytest

from fluentml.errors import DefinitionError
from fluentml.estimators import LIBRARIES, check, is_estimator, layers_of, translated
from tests.messages import message_of

pytestmark = pytest.mark.tfx  # numpy, scikit-learn and the others come with it
pytest.importorskip("numpy", reason="the list of the classes needs it already")


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads only get in each other's way over a hundred rows."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


# What makes the fits quick; and parameters by which a class learns or predicts otherwise.
QUICK = {
    "AdaBoostClassifier": [{"n_estimators": 5}, {"n_estimators": 5, "algorithm": "SAMME"}],
    "ExtraTreesClassifier": [{"n_estimators": 5}],
    "ExtraTreesRegressor": [{"n_estimators": 5}],
    "GradientBoostingClassifier": [{"n_estimators": 5}, {"n_estimators": 5, "init": "zero"}],
    "GradientBoostingRegressor": [{"n_estimators": 5}, {"n_estimators": 5, "loss": "quantile"}],
    "HistGradientBoostingClassifier": [{"max_iter": 5}],
    "HistGradientBoostingRegressor": [{"max_iter": 5}, {"max_iter": 5, "loss": "poisson"}],
    "LGBMClassifier": [
        {"n_estimators": 5, "verbose": -1},
        {"n_estimators": 5, "verbose": -1, "boosting_type": "dart"},
        {
            "n_estimators": 5,
            "verbose": -1,
            "boosting_type": "rf",
            "bagging_freq": 1,
            "bagging_fraction": 0.5,
        },
    ],
    "LGBMRegressor": [
        {"n_estimators": 5, "verbose": -1},
        {"n_estimators": 5, "verbose": -1, "objective": "tweedie"},
    ],
    "LogisticRegression": [
        {},
        {"solver": "liblinear"},
        {"multi_class": "multinomial"},
        {"multi_class": "ovr"},
    ],
    "LogisticRegressionCV": [{"Cs": 2, "cv": 2}],
    "MLPClassifier": [{"max_iter": 20}, {"max_iter": 20, "activation": "tanh"}],
    "MLPRegressor": [
        {"max_iter": 20, "activation": "identity"},
        {"max_iter": 20, "activation": "logistic"},
    ],
    "NuSVC": [{"nu": 0.2}],
    "RandomForestClassifier": [{"n_estimators": 5}],
    "RandomForestRegressor": [{"n_estimators": 5}],
    "RidgeClassifier": [{}],
    "SGDClassifier": [{"loss": loss} for loss in ("hinge", "log_loss", "modified_huber")],
    "SVC": [{"kernel": kernel, "coef0": 0.5} for kernel in ("linear", "poly", "rbf", "sigmoid")],
    "SVR": [{}],
    "TheilSenRegressor": [{"max_subpopulation": 100}],
    "XGBClassifier": [{"n_estimators": 5}],
    "XGBRFClassifier": [{"n_estimators": 5}],
    "XGBRFRegressor": [{"n_estimators": 5}],
    "XGBRegressor": [
        {"n_estimators": 5},
        {"n_estimators": 5, "objective": "count:poisson"},
        {"n_estimators": 5, "objective": "reg:logistic", "base_score": 0.3},
    ],
}
GAPS = (
    "DecisionTree",
    "RandomForest",
    "HistGradient",
    "XGB",
    "LGBM",
)
"""Classes that take missing values begin so."""
# Those that hold others, or prepare for them: tested by tests of their own.
OTHERS = {
    *("GridSearchCV", "MaxAbsScaler", "MinMaxScaler", "Pipeline", "RandomizedSearchCV"),
    *("RobustScaler", "SimpleImputer", "StandardScaler"),
}


def cases():
    for package in LIBRARIES:
        for name in translated(package):
            if name not in OTHERS:
                for parameters in QUICK.get(name, [{}]):
                    yield pytest.param(package, name, parameters, id=f"{name}-{parameters}")


def class_of(package, name):
    if package != "sklearn":
        return getattr(pytest.importorskip(package), name)
    from sklearn.utils import all_estimators

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dict(all_estimators())[name]


def rows(seed=0, count=150, gaps=False):
    """Four features, of which the last is a small whole number; many values occur twice."""
    import numpy as np

    random = np.random.default_rng(seed)
    x = np.round(np.abs(random.normal(size=(count, 4))) + 0.01, 1)
    x[:, 3] = random.integers(0, 4, count)
    if gaps:
        x[random.random(x.shape) < 0.2] = np.nan
    return x


def labels(x, classes):
    """Classes or, for 0 of them, amounts between 0 and 1 that depend on the features."""
    import numpy as np

    noise = np.random.default_rng(1).normal(size=len(x)) / 5
    amount = np.nan_to_num(x[:, 0]) + np.nan_to_num(x[:, 3]) / 3 + noise
    if not classes:
        return 1 / (1 + np.exp(-amount))
    return np.digitize(amount, np.quantile(amount, np.arange(1, classes) / classes))


def computed(model, x):
    import tensorflow as tf

    tensor = tf.constant(x, tf.float64)
    for layer in layers_of(model):
        tensor = layer(tensor)
    return tensor.numpy()


def assert_same(model, x, absolute=1e-9):
    """The model and its translation say the same; XGBoost adds up in float32."""
    import numpy as np

    from fluentml.training.estimating import predicted

    got = computed(model, x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = predicted(model, x, got.shape[1])
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=absolute)


def on_the_edge(model, x):
    """Return rows whose values are those that the trees compare with, and the nearest others."""
    import numpy as np

    for layer in layers_of(model):
        if hasattr(layer, "threshold"):
            edges = np.unique(layer.threshold[np.isfinite(layer.threshold)])[:200]
            near = [edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf)]
            single = edges.astype(np.float32)
            near += [np.nextafter(single, np.float32(s * np.inf)) for s in (1, -1)]
            values = np.concatenate(near).astype(np.float64)
            return np.random.default_rng(2).choice(values, [300, x.shape[1]])
    return x


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("package", "name", "parameters"), cases())
def test_every_class_predicts_the_same(package, name, parameters):
    from sklearn.base import is_classifier

    kind = class_of(package, name)
    absolute = 1e-5 if package == "xgboost" else 1e-9
    for classes in (2, 3) if is_classifier(kind()) else (0,):
        for gaps in (False, True) if name.startswith(GAPS) else (False,):
            x = rows(gaps=gaps)
            model = kind(**parameters)
            fixed = {"random_state": 0, "n_jobs": 1}
            model.set_params(**{n: v for n, v in fixed.items() if n in model.get_params()})
            check(model, "train()")
            model.fit(x, labels(x, classes))
            assert_same(model, x, absolute)
            assert_same(model, rows(seed=5, gaps=gaps), absolute)
            assert_same(model, on_the_edge(model, x), absolute)


@pytest.mark.parametrize(
    "scaler",
    [
        "StandardScaler()",
        "StandardScaler(with_mean=False)",
        "StandardScaler(with_std=False)",
        "MinMaxScaler(clip=True)",
        "MinMaxScaler((-2, 3))",
        "MaxAbsScaler()",
        "RobustScaler()",
        "RobustScaler(with_scaling=False)",
        "'passthrough'",
    ],
)
def test_what_is_scaled_first(scaler):
    """A tree behind it sees every bit."""
    from sklearn import preprocessing
    from sklearn.pipeline import make_pipeline
    from sklearn.tree import DecisionTreeClassifier

    x = rows()
    model = make_pipeline(eval(scaler, vars(preprocessing)), DecisionTreeClassifier(random_state=0))
    check(model, "train()")
    assert_same(model.fit(x, labels(x, 3)), rows(seed=5))


def test_what_is_filled_first():
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    x = rows(gaps=True)
    model = make_pipeline(SimpleImputer(strategy="median"), LogisticRegression())
    check(model, "train()")
    assert_same(model.fit(x, labels(x, 2)), rows(seed=5, gaps=True))


def test_a_search_is_what_it_found():
    from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
    from sklearn.tree import DecisionTreeRegressor

    x = rows()
    for kind in (GridSearchCV, RandomizedSearchCV):
        options = {"n_iter": 2} if kind is RandomizedSearchCV else {}
        model = kind(DecisionTreeRegressor(random_state=0), {"max_depth": [2, 3]}, cv=2, **options)
        check(model, "train()")
        assert_same(model.fit(x, labels(x, 0)), x)


@pytest.mark.parametrize(
    ("package", "name", "stop"),
    [
        ("xgboost", "XGBRegressor", "early_stopping_rounds"),
        ("lightgbm", "LGBMRegressor", "early_stopping_round"),
    ],
)
def test_rounds_after_the_best_one_do_not_count(package, name, stop):
    import numpy as np

    from fluentml.training.estimating import fit
    from fluentml.training.estimator_rows import Rows

    quiet = {"verbose": -1} if package == "lightgbm" else {"verbosity": 0}
    model = class_of(package, name)(n_estimators=200, learning_rate=0.5, **{stop: 2}, **quiet)
    x, other = rows(), rows(seed=5)
    noise = np.random.default_rng(3).normal(size=len(x))
    fit(model, Rows(x, noise, None), Rows(other, noise[::-1], None))
    (forest, *_) = layers_of(model)
    assert len(forest.roots) < 100
    assert_same(model, other, 1e-5)


def test_a_tree_of_one_leaf():
    import numpy as np
    from sklearn.tree import DecisionTreeRegressor

    x = rows()
    assert_same(DecisionTreeRegressor().fit(x, np.full(len(x), 7.0)), x)


def test_classes_that_training_did_not_see_have_no_chance():
    import numpy as np
    import tensorflow as tf

    from fluentml.training.estimator_model import by_class_number

    def placed(shares, classes, count):
        tensor = tf.constant(shares, tf.float64)
        for layer in by_class_number(np.array(classes), count):
            tensor = layer(tensor)
        return tensor.numpy().tolist()

    assert placed([[0.25]], [0, 1], 2) == [[0.25]]
    assert placed([[0.25]], [0, 2], 3) == [[0.75, 0, 0.25]]
    assert placed([[0.25]], [1, 2], 4) == [[0, 0.75, 0.25, 0]]
    assert placed([[0.5, 0.25, 0.25]], [0, 1, 2], 3) == [[0.5, 0.25, 0.25]]
    assert placed([[0.5, 0.25, 0.25]], [0, 2, 3], 4) == [[0.5, 0, 0.25, 0.25]]


def test_what_an_estimator_is():
    from sklearn.linear_model import Ridge

    assert is_estimator(Ridge())
    assert not any(map(is_estimator, (Ridge, "model.py", rows, None)))


def test_a_class_that_cannot_be_translated_is_told_with_those_that_can():
    from sklearn.neighbors import KNeighborsClassifier

    first, *lists, hint = message_of(
        DefinitionError, check, KNeighborsClassifier(), "train()"
    ).splitlines()
    assert first == (
        "train() cannot write KNeighborsClassifier, a class of 'sklearn', as TensorFlow; and a "
        "SavedModel holds no Python."
    )
    assert lists == [f"  of scikit-learn: {', '.join(translated('sklearn'))}"]
    assert hint == (
        "Hint: take one of these, or save what serves it in a run_fn(fn_args) of your own."
    )


def test_what_only_prepares_is_no_model():
    from sklearn.preprocessing import StandardScaler

    assert message_of(DefinitionError, check, StandardScaler(), "train()") == (
        "train() takes an estimator that predicts, and StandardScaler only prepares.\n"
        "Hint: put it before one: make_pipeline(StandardScaler(…), LogisticRegression())."
    )


class Ours:
    """Has scikit-learn's interface, and nothing is known of it."""

    def fit(self, x, y): ...

    def get_params(self, deep=True): ...


def test_a_class_of_another_library():
    first, *lists, _ = message_of(DefinitionError, check, Ours(), "train()").splitlines()
    assert first.startswith("train() cannot write Ours, a class of 'tests', as TensorFlow")
    assert [line.split(":")[0] for line in lists] == [
        "  of scikit-learn",
        "  of XGBoost",
        "  of LightGBM",
    ]


def refused():
    from sklearn.ensemble import AdaBoostClassifier, GradientBoostingRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC

    return {
        "probability": SVC(probability=True),
        "kernel": make_pipeline(SVC(kernel=min)),
        "estimator": AdaBoostClassifier(LogisticRegression()),
        "init": GradientBoostingRegressor(init=LogisticRegression()),
        "missing_values": make_pipeline(SimpleImputer(missing_values=-1), LogisticRegression()),
    }


@pytest.mark.parametrize(
    "parameter", ["probability", "kernel", "estimator", "init", "missing_values"]
)
def test_a_parameter_that_cannot_be_translated_is_named(parameter):
    message = message_of(DefinitionError, check, refused()[parameter], "train()")
    first, allowed, hint = message.splitlines()
    assert f"(…, {parameter}=" in first
    assert allowed.startswith(f"It can with {parameter}= of ")
    assert hint == f"Hint: give it one of these, or leave {parameter}= out."


def test_parameters_of_the_boosting_libraries():
    xgboost, lightgbm = map(pytest.importorskip, ("xgboost", "lightgbm"))
    assert message_of(DefinitionError, check, xgboost.XGBClassifier(booster="dart"), "train()") == (
        "train() cannot write XGBClassifier(…, booster='dart') as TensorFlow.\n"
        "It can with booster= of None, 'gbtree'.\n"
        "Hint: give it one of these, or leave booster= out."
    )
    for parameters in ({"objective": "rank:pairwise"}, {"missing": 0}):
        assert "as TensorFlow" in message_of(
            DefinitionError, check, xgboost.XGBRegressor(**parameters), "train()"
        )
    for parameters in ({"linear_tree": True}, {"objective": "lambdarank"}):
        assert "as TensorFlow" in message_of(
            DefinitionError, check, lightgbm.LGBMRegressor(**parameters), "train()"
        )


def test_splits_by_categories_are_refused():
    from sklearn.ensemble import HistGradientBoostingRegressor

    xgboost, lightgbm = map(pytest.importorskip, ("xgboost", "lightgbm"))
    x = rows()
    y = (x[:, 3] == 2).astype(float)
    by_category = HistGradientBoostingRegressor(categorical_features=[3]).fit(x, y)
    assert message_of(DefinitionError, layers_of, by_category) == (
        "HistGradientBoostingRegressor splits by categories, which fluentml does not translate.\n"
        "Hint: leave categorical_features= out: numbers of a vocabulary split as numbers."
    )
    model = lightgbm.LGBMRegressor(verbose=-1, n_estimators=3, min_data_per_group=1, cat_smooth=0)
    model.fit(x, y, categorical_feature=[3])
    assert message_of(DefinitionError, layers_of, model).startswith("LightGBM split by categories")
    kinds = {"feature_types": ["q", "q", "q", "c", *"q" * (x.shape[1] - 4)]}
    boosted = xgboost.XGBRegressor(n_estimators=3, enable_categorical=True, **kinds).fit(x, y)
    assert message_of(DefinitionError, layers_of, boosted).startswith("XGBoost split by categories")


def test_whatever_numbers_come(hypothesis_models):
    """Property: trees of each library go the same way, whatever they are asked."""
    import numpy as np
    from hypothesis import given, settings
    from hypothesis import strategies as st

    numbers = st.floats(-1e6, 1e6) | st.sampled_from(hypothesis_models["thresholds"])

    @given(st.lists(st.lists(numbers, min_size=4, max_size=4), min_size=1, max_size=5))
    @settings(max_examples=20, deadline=None)
    def asked(table):
        for model in hypothesis_models["models"]:
            assert_same(model, np.array(table), 1e-5)

    asked()


@pytest.fixture(scope="module")
def hypothesis_models():
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor

    x = rows()
    models = [
        RandomForestRegressor(5, random_state=0),
        HistGradientBoostingRegressor(max_iter=5),
        class_of("xgboost", "XGBRegressor")(n_estimators=5, n_jobs=1),
        class_of("lightgbm", "LGBMRegressor")(n_estimators=5, n_jobs=1, verbose=-1),
    ]
    for model in models:
        model.fit(x, labels(x, 0))
    thresholds = np.concatenate([layers_of(model)[0].threshold for model in models])
    return {"models": models, "thresholds": np.unique(thresholds).tolist()}
