"""train(build_model) and tune(build_model): what is written around it, and what is refused."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import fluentml as fml
from fluentml.errors import DefinitionError
from tests.messages import message_of


def build_model(hp, features):
    return hp, features, WIDTH


def not_compiled(hp, features):
    import keras

    return keras.Model(features, keras.layers.Dense(WIDTH)(features["a"]))


WIDTH = 8


def other_order(features, hp):
    return hp, features


def by_position(settings, columns, depth=3):
    return settings, columns, depth


def build_estimator(hp):
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_depth=hp.Int("depth", 1, WIDTH))


def with_default(hp, depth=3):
    return hp, depth


def params(settings):
    return settings


def run_fn(fn_args):
    return fn_args


def own(fn_args, extra=None):
    return fn_args, extra


def three(a, b, c):
    return a, b, c


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


CHAIN = fml.PipelineDef("p").from_csv("data")


def module_of(chain: fml.PipelineDef) -> str:
    return Path(chain.components[-1].module).read_text()


def test_the_trainer_is_written_out():
    module = module_of(
        CHAIN.train(
            build_model,
            label="tips_xf",
            batch_size=32,
            epochs=5,
            early_stopping=0,
            class_weight={"yes": 2, 0: 0.5},
            example_weight="weight_xf",
            shuffle=False,
            in_memory=True,
            seed=1,
            train_steps=7,
        )
    )
    head, _, written = module.partition("def run_fn")
    assert "WIDTH = 8" in head
    assert "def build_model(hp, features):" in head
    assert f"def run_fn{written}" == (
        "def run_fn(fn_args):\n"
        "    # As train() of the pipeline says.\n"
        "    from fluentml import training\n"
        "\n"
        "    training.fit(\n"
        "        fn_args,\n"
        "        build_model,\n"
        "        label='tips_xf',\n"
        "        batch_size=32,\n"
        "        epochs=5,\n"
        "        early_stopping=0,\n"
        "        class_weight={'yes': 2, 0: 0.5},\n"
        "        example_weight='weight_xf',\n"
        "        shuffle=False,\n"
        "        in_memory=True,\n"
        "        seed=1,\n"
        "    )\n"
    )


def test_a_run_may_give_what_the_trainer_takes():
    chain = CHAIN.train(
        build_model,
        label="y",
        epochs=fml.param("epochs", 5),
        batch_size=fml.param("size", 32),
        custom_config={"more": 1},
    )
    module = module_of(chain)
    assert "        epochs=fn_args.custom_config['epochs'],\n" in module
    assert "        batch_size=fn_args.custom_config['batch_size'],\n" in module
    assert chain.params == {"epochs": 5, "size": 32}
    bound = chain.with_params({"epochs": 2}).components[-1]
    assert dict(bound.custom_config) == {"more": 1, "epochs": 2, "batch_size": 32}
    assert bound.module == chain.components[-1].module


def test_the_search_is_written_out():
    module = module_of(
        CHAIN.tune(
            build_model,
            label=["a", "b"],
            strategy="bayesian",
            max_trials=3,
            objective=("val_f1", "max"),
            executions_per_trial=2,
        )
    )
    _, _, written = module.partition("def tuner_fn")
    assert written == (
        "(fn_args):\n"
        "    # As tune() of the pipeline says.\n"
        "    from fluentml import training\n"
        "\n"
        "    return training.tuner(\n"
        "        fn_args,\n"
        "        build_model,\n"
        "        label=['a', 'b'],\n"
        "        strategy='bayesian',\n"
        "        max_trials=3,\n"
        "        objective=('val_f1', 'max'),\n"
        "        executions_per_trial=2,\n"
        "    )\n"
    )


def calls(module: str) -> set[str]:
    return {
        node.func.attr
        for node in ast.walk(ast.parse(module))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }


@pytest.mark.parametrize("builder", [build_model, other_order, by_position])
def test_a_builder_is_known_by_its_parameters(builder):
    assert calls(module_of(CHAIN.train(builder, label="y"))) == {"fit"}


@pytest.mark.parametrize("builder", [build_estimator, with_default])
def test_so_is_one_of_an_estimator(builder):
    assert "fit_estimator" in calls(module_of(CHAIN.train(builder, label="y")))
    assert "estimator_tuner" in calls(module_of(CHAIN.tune(builder, label="y")))


@pytest.mark.parametrize("function", [run_fn, own, params])
def test_a_function_of_fn_args_is_tfxs_own(function):
    module = module_of(CHAIN.train(function))
    assert "training" not in module
    names = [node.name for node in ast.parse(module).body if isinstance(node, ast.FunctionDef)]
    assert names == [function.__name__]


def test_what_differs_is_another_module():
    one, other = (
        CHAIN.train(build_model, label=label).components[-1].module for label in ("a", "b")
    )
    assert one != other
    assert CHAIN.train(build_model, label="a").components[-1].module == one


PLACE = f"  {__file__}:{three.__code__.co_firstlineno}"

WRONG = {
    "no label": (
        build_model,
        {},
        "train() needs label=, the feature to predict.\n"
        'Hint: write train(build_model, label="…"), as preprocessing_fn calls the feature.',
    ),
    "no builder": (
        three,
        {"label": "y"},
        "train() takes label= with a function build_model(hp, features), "
        "and this is three(a, b, c).\n"
        f"{PLACE}\n"
        "Hint: write def build_model(hp, features); further parameters need defaults.",
    ),
    "a file": (
        "model.py",
        {"batch_size": 3},
        "train() takes batch_size= with a function build_model(hp, features); "
        "'model.py' trains by its own run_fn(fn_args).\n"
        "Hint: give the function itself, or drop batch_size=: custom_config= reaches fn_args.",
    ),
    "batch size": (
        build_model,
        {"label": "y", "batch_size": 0},
        "train() cannot use batch_size=0.\nHint: it takes 1 or more.",
    ),
    "patience": (
        build_model,
        {"label": "y", "early_stopping": "3"},
        "train() cannot use early_stopping='3'.\nHint: it takes a whole number.",
    ),
    "class weight": (
        build_model,
        {"label": "y", "class_weight": "balance"},
        "train() cannot use class_weight='balance'.\nHint: it takes 'balanced'.",
    ),
    "runtime parameter": (
        build_model,
        {"label": fml.param("label", "y")},
        "train() takes label= as it is, not param('label', 'y').\nHint: name the feature.",
    ),
    "a wrong default": (
        build_model,
        {"label": "y", "epochs": fml.param("epochs", 0)},
        "train() cannot use epochs=0.\nHint: it takes 1 or more.",
    ),
    "two of a name": (
        build_model,
        {"label": "y", "epochs": fml.param("epochs", 1), "custom_config": {"epochs": 2}},
        "train() has epochs=param('epochs', 1), which arrives by custom_config=, and that has "
        "'epochs' already.\n"
        "Hint: call the one in custom_config= otherwise.",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_in_the_chain(name):
    function, options, message = WRONG[name]
    assert message_of(DefinitionError, CHAIN.train, function, **options) == message


def test_a_strategy_is_one_that_there_is():
    assert message_of(DefinitionError, CHAIN.tune, build_model, label="y", strategy="guess") == (
        "tune() cannot use strategy='guess'.\n"
        "Hint: it takes 'random', 'hyperband', 'bayesian' or 'grid'."
    )


def test_the_builder_cannot_have_the_name_of_tfxs_function():
    names = {}
    Path("script.py").write_text("def run_fn(hp, features):\n    return hp, features\n")
    exec(compile(Path("script.py").read_text(), "script.py", "exec"), names)
    assert message_of(DefinitionError, CHAIN.train, names["run_fn"], label="y") == (
        "train() got build_model(hp, features) by the name 'run_fn', which TFX's function has.\n"
        "Hint: call it build_model."
    )


class Wrapped:
    """scikit-learn's interface, and nothing else of it."""

    def __init__(self, steps=(), rate=0.1, missing=float("nan"), loss=None):
        self.given = {"steps": steps, "rate": rate, "missing": missing, "loss": loss}

    def fit(self, x, y): ...

    def get_params(self, deep=True):
        return dict(self.given)


@pytest.fixture
def anything_goes(monkeypatch):
    """Estimators of no library at all."""
    monkeypatch.setattr("fluentml.verbs._ready_made.check", lambda *_: None)


def test_an_estimator_is_written_as_the_call_that_makes_it(anything_goes):
    inner = Wrapped(rate=float("inf"), loss=Path)
    estimator = Wrapped([("first", inner), ("second", {"a": (inner,)})], rate=0.5)
    module = module_of(CHAIN.train(estimator, label="y", class_weight="balanced", seed=1))
    again = 'Wrapped(rate=float("inf"), loss=Path)'
    assert module == (
        "# Written by fluentml from the estimator in the pipeline: edit it there.\n"
        "\n"
        "\n"
        "def build_estimator(hp):\n"
        "    from pathlib import Path\n"
        "    from tests.test_ready_made import Wrapped\n"
        "\n"
        f"    return Wrapped(steps=[('first', {again}), ('second', {{'a': ({again},)}})],"
        " rate=0.5)\n"
        "\n"
        "\n"
        "def run_fn(fn_args):\n"
        "    # As train() of the pipeline says.\n"
        "    from fluentml import training\n"
        "\n"
        "    training.fit_estimator(\n"
        "        fn_args,\n"
        "        build_estimator,\n"
        "        label='y',\n"
        "        class_weight='balanced',\n"
        "        seed=1,\n"
        "    )\n"
    )
    assert module_of(CHAIN.train(Wrapped(), label="y")).count("return Wrapped()") == 1


@pytest.mark.tfx
def test_the_call_makes_the_same_estimator():
    """Of scikit-learn and its kin, with nested ones; and what it has learned is no part of it."""
    from sklearn.ensemble import AdaBoostClassifier, RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    boosted = pytest.importorskip("xgboost").XGBClassifier(n_estimators=3, max_depth=2)
    light = pytest.importorskip("lightgbm").LGBMRegressor(num_leaves=5, verbose=-1)
    fitted = RandomForestClassifier(3, max_features=None).fit([[0], [1]], [0, 1])
    for estimator in (
        fitted,
        boosted,
        light,
        AdaBoostClassifier(DecisionTreeClassifier(max_depth=1), n_estimators=2),
        make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(C=0.3)),
        Pipeline([("none", "passthrough"), ("tree", DecisionTreeClassifier())]),
        GridSearchCV(DecisionTreeClassifier(), {"max_depth": [2, 3]}, cv=2),
    ):
        names = {}
        exec(module_of(CHAIN.train(estimator, label="y")), names)
        again = names["build_estimator"](None)
        assert repr(again) == repr(estimator)
        assert not hasattr(again, "classes_")


WRONG_ESTIMATORS = {
    "a live object": (
        Wrapped([("first", Wrapped()), ("second", Wrapped(loss=object()))]),
        {},
        "train() cannot write Wrapped into a module: its steps[1][1].loss is an object.\n"
        "Hint: give a function that makes it instead: def build_estimator(hp): …",
    ),
    "a lambda": (
        Wrapped(loss=lambda: None),
        {},
        "train() cannot write Wrapped into a module: its loss is <lambda>, "
        "which cannot be imported.\n"
        "Hint: give a function that makes it instead: def build_estimator(hp): …",
    ),
    "no label": (
        Wrapped(),
        {"label": None},
        "train() needs label=, the feature to predict.\n"
        'Hint: write train(Wrapped(…), label="…"), as preprocessing_fn calls the feature.',
    ),
    "two labels": (
        Wrapped(),
        {"label": ["a", "b"]},
        "train() has several labels, and an estimator predicts one.\n"
        'Hint: train one for each, by id="…", or a Keras model of several outputs.',
    ),
    "epochs": (
        Wrapped(),
        {"epochs": 3},
        "train() has epochs=, which is for Keras models: an estimator learns from all examples "
        "at once, and anew each time.\n"
        "Hint: leave epochs= out; what the estimator takes goes into its own call.",
    ),
    "steps": (
        build_estimator,
        {"train_steps": 3},
        "train() has train_steps=, which is for Keras models: an estimator learns from all "
        "examples at once, and anew each time.\n"
        "Hint: leave train_steps= out; what the estimator takes goes into its own call.",
    ),
    "warm start": (
        build_estimator,
        {"warm_start": True},
        "train() has warm_start=, which is for Keras models: an estimator learns from all "
        "examples at once, and anew each time.\n"
        "Hint: leave warm_start= out; what the estimator takes goes into its own call.",
    ),
    "class": (
        Wrapped,
        {},
        "train() takes an estimator, and Wrapped is the class of some.\n"
        "Hint: make one: Wrapped(…).",
    ),
}


@pytest.mark.parametrize("name", WRONG_ESTIMATORS)
def test_a_wrong_estimator_is_told_in_the_chain(name, anything_goes):
    estimator, options, message = WRONG_ESTIMATORS[name]
    options = {"label": "y", **options}
    assert message_of(DefinitionError, CHAIN.train, estimator, **options) == message


def test_a_search_varies_what_a_function_asks_for():
    assert message_of(DefinitionError, CHAIN.tune, Wrapped(), label="y") == (
        "tune() cannot vary Wrapped(…): it has its parameters.\n"
        "Hint: give a function build_estimator(hp) that asks hp for those to search, "
        'such as hp.Int("max_depth", 2, 8).'
    )
    assert message_of(
        DefinitionError, CHAIN.tune, build_estimator, label="y", strategy="hyperband"
    ) == (
        'tune(strategy="hyperband") spends epochs, and an estimator has none.\n'
        'Hint: take "random", "bayesian" or "grid".'
    )


@pytest.mark.tfx
def test_an_estimator_that_cannot_be_exported_is_refused_in_the_chain():
    from sklearn.neighbors import KNeighborsClassifier

    message = message_of(DefinitionError, CHAIN.train, KNeighborsClassifier(), label="y")
    assert message.startswith("train() cannot write KNeighborsClassifier, a class of 'sklearn',")


@pytest.mark.tfx
def test_a_builder_that_does_not_fit_is_shown_where_it_stands(here: Path):
    """At run time, in the module that was written; before any example is read."""
    (here / "data").mkdir()
    rows = "".join(f"{i}.5,{i}.5\n" for i in range(20))
    (here / "data/rows.csv").write_text(f"a,y\n{rows}")
    chain = CHAIN.generate_statistics().infer_schema().train(not_compiled, label="y")
    with pytest.raises(fml.RunError) as caught:
        chain.run(quiet=True)
    what, place, code, log, _, hint = str(caught.value).splitlines()
    line = not_compiled.__code__.co_firstlineno
    assert what == "Trainer failed: build_model(hp, features) returns a model that is not compiled."
    assert place == f"  {__file__}:{line} in not_compiled"
    assert code == "    def not_compiled(hp, features):"
    assert log.startswith("The full log: ")
    assert hint == 'Hint: call model.compile(optimizer="adam", loss=…) before returning it.'
