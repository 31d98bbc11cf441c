"""evaluate_model() with functions and classes of the user's, and with several outputs."""

from __future__ import annotations

import ast
import inspect
import runpy
from pathlib import Path

import pytest

import fluentml as fml
from fluentml.errors import DefinitionError
from tests.conftest import Run, run_and_watch
from tests.messages import message_of, problems_of

MODEL = {"inputs": {"model": "ImportedModel.result"}}
COST = 1.0


# -- what a user writes ----------------------------------------------------------------------------


def profit(labels, predictions, margin=1.0):
    """What accepted trips bring in: a margin for each good one, a loss for each other."""
    return float(((predictions > 0.5) * (labels * (COST + margin) - COST)).sum())


def weighted(labels, predictions, weights):
    return ((labels == (predictions > 0.5)) * weights).sum() / weights.sum()


def company_group(row):
    return None if row["company"] == "Green" else f"{row['company'][0]}…"


def long_ride(row, least=20):
    return row["km"] >= least


def spread(labels, predictions):
    return abs(labels - predictions).max()


# -- how the chain takes them ----------------------------------------------------------------------


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def evaluate(label="label", **parameters):
    chain = fml.PipelineDef("p").from_csv("d").with_base_model("m")
    return chain.evaluate_model(label, **MODEL, **parameters)


def test_functions_are_written_into_a_module(here: Path):
    pipeline = evaluate(
        metrics=["AUC", profit, fml.metric(weighted, name="good")],
        slices=["company", long_ride, (company_group, "company")],
        thresholds={"profit": (">=", 1), "long_ride=True:AUC": 0.5, "good": (">=", 0.5)},
    )
    step = pipeline.components[-1]
    assert step.slices == (("company",), ("long_ride",), ("company_group", "company"))
    assert step.slice_functions == ("long_ride", "company_group")
    module = Path(step.module)
    auc, mine, good = step.metrics
    assert (auc.module, mine.module, good.module) == (None, module.stem, module.stem)
    assert (mine.class_name, mine.name, good.name) == ("profit_metric", "profit", "good")
    text = pipeline.code("Evaluator")
    assert text == module.read_text()
    assert "COST = 1.0\n" in text
    assert "def spread" not in text
    assert text.endswith("""

# As evaluate_model() of the pipeline says.
from fluentml.executors import metric_functions, slice_functions


class profit_metric(metric_functions.FunctionMetric):
    function = staticmethod(profit)


class weighted_metric(metric_functions.FunctionMetric):
    function = staticmethod(weighted)
    weighted = "weights"


def custom_extractors(eval_shared_model, eval_config, tensor_adapter_config):
    return slice_functions.extractors(
        [long_ride, company_group], eval_shared_model, eval_config, tensor_adapter_config
    )
""")
    assert fml.Graph.from_json(pipeline.graph.to_json()) == pipeline.graph
    module.unlink()
    assert any("that file is gone." in problem for problem in problems_of(pipeline))


@pytest.mark.tfx
def test_words_of_a_classifier_are_asked_of_tfma_by_its_own_name():
    step = evaluate("kind", metrics=["ExampleCount"], prediction="label").components[-1]
    assert step._plain_config().model_specs[0].prediction_key == "label"


def test_a_chain_without_functions_writes_nothing(here: Path):
    assert evaluate(metrics=["AUC"], slices=["company"]).components[-1].module == ""
    assert not (here / "artifacts").exists()


def test_functions_of_several_files(here: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(here)
    (here / "gains_a.py").write_text("def gain(labels, predictions):\n    return 1.0\n")
    (here / "times_a.py").write_text("def night(row):\n    return 'night'\n")
    (here / "script.py").write_text(
        "from gains_a import gain\nfrom times_a import night\n\n\n"
        "def own(labels, predictions):\n    return 2.0\n"
    )
    names = runpy.run_path(str(here / "script.py"), run_name="__main__")
    pipeline = evaluate(metrics=[names["gain"], names["own"]], slices=[names["night"]])
    module = Path(pipeline.components[-1].module)
    assert module.name == "own_of_script.py"
    assert {file.name for file in module.parent.glob("*.py")} == {
        "own_of_script.py",
        "gains_a.py",
        "times_a.py",
    }
    found = [node.module for node in ast.parse(module.read_text()).body if hasattr(node, "module")]
    assert found[:2] == ["gains_a", "times_a"]


def test_what_is_installed_is_imported(here: Path):
    np = pytest.importorskip("numpy")
    module = Path(evaluate(metrics=[np.corrcoef]).components[-1].module)
    assert module.read_text().startswith("from numpy import corrcoef\n\n# As evaluate_model()")


class Gain:
    """No metric."""


WRONG = {
    "one parameter": (
        lambda: fml.metric(_one),
        "metric() got _one(labels), which does not take the labels and the predictions.",
        "write def profit(labels, predictions), or (labels, predictions, weights); "
        "further parameters are settings.",
    ),
    "a setting": (
        lambda: fml.metric(profit, marign=2),
        "metric() got the setting 'marign', which 'profit' does not take.",
        "did you mean 'margin'?",
    ),
    "a class": (
        lambda: fml.metric(Gain),
        "metric() got the class 'Gain', which is no metric.",
        "derive it from keras.metrics.Metric, tf_keras.metrics.Metric or tfma.metrics.Metric, "
        "or write a function: def profit(labels, predictions).",
    ),
    "an object": (
        lambda: fml.metric(3),
        "metric() takes a name, a function or a class, not 3.",
        "settings go behind it: fluentml.metric(Profit, margin=0.2).",
    ),
    "a lambda": (
        lambda: fml.metric(lambda labels, predictions: 1),
        "metric() got a function without a name.",
        "define it: def profit(labels, predictions).",
    ),
    "two rows": (
        lambda: evaluate(metrics=["AUC"], slices=[_two]),
        "evaluate_model() calls slice functions with the row, and this is _two(row, other).",
        "write def _two(row); further parameters need defaults.",
    ),
    "another of that name": (
        lambda: evaluate(metrics=[profit], slices=[_named_profit()]),
        "evaluate_model() got two functions or classes called 'profit'.",
        "give one of them another name.",
    ),
    "an output without a label": (
        lambda: evaluate({"tip": "a", "fare": "b"}, metrics={"tips": ["AUC"]}),
        "evaluate_model() has the metric 'AUC' of the output 'tips', and no label for that.",
        "did you mean 'tip'?",
    ),
    "an output of one": (
        lambda: evaluate(metrics=[fml.metric("AUC", output="tip")]),
        "evaluate_model() has the metric 'AUC' of the output 'tip', and no label for that.",
        'write label={"tip": "…"}, one for each output.',
    ),
    "no list": (
        lambda: evaluate({"tip": "a"}, metrics={"tip": "AUC"}),
        "evaluate_model(): metrics= takes a list for each output, not 'AUC'.",
        'write metrics={"tip": ["AUC"], …}.',
    ),
}


def _one(labels): ...


def _two(row, other): ...


def _named_profit():
    def profit(row): ...

    return profit


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_is_told_in_the_chain(here: Path, name: str):
    call, what, hint = WRONG[name]
    lines = message_of(DefinitionError, call).splitlines()
    assert (lines[0], lines[-1]) == (what, f"Hint: {hint}")


# -- what a run finds ------------------------------------------------------------------------------

# Score, label, price, km, company.
ROWS = [
    *[(0.9, 1, 8.0, 25, "Blue")] * 6,
    *[(0.8, 0, 7.0, 4, "Blue")] * 2,
    *[(0.3, 1, 5.0, 30, "Grey")] * 3,
    *[(0.1, 0, 1.0, 2, "Green")] * 5,
]


def save_model(folder: Path) -> None:
    """Save a model of two outputs: the score, and ten times the score."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def serve(examples):
        spec = {"score": tf.io.FixedLenFeature([1], tf.float32)}
        score = tf.io.parse_example(examples, spec)["score"]
        return {"tip": score, "fare": 10 * score}

    module = tf.Module()
    module.serve = serve
    tf.saved_model.save(
        module, str(folder / "Format-Serving"), signatures={"serving_default": serve}
    )


def rides(folder: Path, label, **parameters) -> fml.PipelineDef:
    return (
        fml.PipelineDef("rides", root=folder / "artifacts")
        .cache()
        .from_csv(folder / "data", split={"eval": 1})
        .with_base_model(folder / "model")
        .evaluate_model(label, baseline=None, **parameters, **MODEL)
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rides and a model."""
    folder = tmp_path_factory.mktemp("rides")
    (folder / "data").mkdir()
    lines = ["score,label,price,km,company", *(",".join(map(str, row)) for row in ROWS)]
    (folder / "data/rows.csv").write_text("\n".join(lines) + "\n")
    save_model(folder / "model")
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    """An evaluation of two outputs, by functions and classes of a script."""
    functions = (profit, weighted, spread, company_group, long_ride)
    text = Path(__file__).with_name("metrics_of_ours.py").read_text()
    text += f"\n\nCOST = {COST}\n\n\n"
    (folder / "script.py").write_text(text + "\n\n".join(map(inspect.getsource, functions)))
    names = runpy.run_path(str(folder / "script.py"), run_name="__main__")
    return run_and_watch(
        rides(
            folder,
            {"tip": "label", "fare": "price"},
            metrics={
                "tip": [
                    "BinaryAccuracy",
                    names["profit"],
                    fml.metric(names["weighted"]),
                    names["Share"],
                    fml.metric(names["Profit"], margin=2.0),
                ],
                "fare": [
                    "MeanAbsoluteError",
                    names["spread"],
                    fml.metric(names["spread"], name="most"),
                ],
            },
            thresholds={
                "tip/profit": (">=", 100),
                "long_ride=True:tip/BinaryAccuracy": 0.5,
                "fare/MeanAbsoluteError": 2.0,
            },
            slices=[names["long_ride"], (names["company_group"], "km")],
            example_weight="km",
        )
    )


@pytest.mark.tfx
def test_functions_see_all_of_a_slice(run: Run):
    import numpy as np

    (found,) = run.result.evaluations
    assert {*found.slices} == {
        "long_ride:True",
        "long_ride:False",
        "company_group:B…, km:25",
        "company_group:B…, km:4",
        "company_group:G…, km:30",
    }
    for where, rows in {
        "": ROWS,
        "long_ride:True": [row for row in ROWS if row[3] >= 20],
        "company_group:B…, km:4": [row for row in ROWS if row[3] == 4],
    }.items():
        metrics = found.slices[where] if where else found.metrics
        score, label, price, km = np.array([row[:4] for row in rows]).T
        assert metrics["tip/profit"] == pytest.approx(profit(label, score))
        assert metrics["tip/weighted"] == pytest.approx(weighted(label, score, km))
        assert metrics["fare/spread"] == pytest.approx(spread(price, 10 * score))
        assert metrics["fare/most"] == metrics["fare/spread"]
        assert metrics["tip/Share"] == pytest.approx((km * (score > 0.5)).sum() / km.sum())
        assert metrics["tip/Profit"] == pytest.approx(profit(label, score, margin=2.0))


@pytest.mark.tfx
def test_thresholds_of_outputs_are_held_and_told(run: Run):
    (found,) = run.result.evaluations
    assert found.bounds == {
        "tip/profit": "at least 100",
        "tip/BinaryAccuracy": "at least 0.5 for long_ride:True",
        "fare/MeanAbsoluteError": "at most 2",
    }
    assert found.blessed is False
    assert found.reasons == ("tip/profit is 4, below 100",)
    assert "  tip/profit " in run.screen


@pytest.mark.tfx
def test_conditions_look_at_outputs(run: Run):
    from fluentml.executors.metric_value import whole

    values = whole(run.result.artifacts("evaluation")[0].uri)
    condition = fml.metric("MeanAbsoluteError", output="fare") < 2
    assert values[condition.key] == run.result.metrics["fare/MeanAbsoluteError"]
    assert str(fml.metric(profit, output="tip") > 1) == "tip/profit > 1"


def misspelt(row):
    return row["".join(["km", "s"])] > 3


def lost(labels, predictions):
    return print(len(labels))


FAILING = {
    "misspelt": (misspelt, 1, "a slice function reads the feature 'kms', which does not exist."),
    "lost": (lost, 0, "the metric 'lost' returned None, which is no number."),
}


@pytest.mark.tfx
@pytest.mark.parametrize("name", FAILING)
def test_what_fails_is_told_by_the_users_line(folder: Path, name: str):
    function, line, what = FAILING[name]
    parameters = {"metrics": [function]} if name == "lost" else {"slices": [function]}
    chain = rides(folder, {"tip": "label"}, **{"metrics": ["AUC"], **parameters})
    with pytest.raises(fml.RunError) as caught:
        chain.run(quiet=True)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"Evaluator failed: {what}"
    assert lines[1].endswith(f":{function.__code__.co_firstlineno + line} in {name}")
    assert lines[-1].startswith("Hint: ")


# -- without a run ---------------------------------------------------------------------------------


def several(row):
    return [row["km"]]


def text(row):
    return 1


def company_less(row):
    return None


def kinds(row):
    return f"{row['none']} {row['text']} {row['many']} {row['km']}"


@pytest.mark.tfx
def test_what_slice_functions_get_and_return():
    import numpy as np
    from tensorflow_model_analysis import constants

    from fluentml.executors.slice_functions import _Slices

    features = {
        "none": np.array([]),
        "text": np.array(["Zoë".encode()]),
        "many": np.array([1, 2]),
        "km": np.array([2.5], np.float32),
    }

    def sliced(*functions):
        (extracts,) = _Slices([*functions]).process({constants.FEATURES_KEY: features})
        added = extracts[constants.FEATURES_KEY]
        return {name: value.tolist() for name, value in added.items() if name not in features}

    assert sliced(kinds, company_less) == {
        "kinds": ["None Zoë [1, 2] 2.5".encode()],
        "company_less": [],
    }
    for function, what in (
        (several, "the slice function 'several' returned [2.5]."),
        (text, "the slice function 'text' has the name of a feature."),
    ):
        with pytest.raises(DefinitionError) as caught:
            sliced(function)
        assert caught.value.what == what
        line = function.__code__.co_firstlineno
        assert caught.value.details == (
            f'  File "{__file__}", line {line}, in {function.__name__}',
        )


@pytest.mark.tfx
def test_many_examples_are_kept_in_parts():
    import numpy as np
    from tensorflow_model_analysis.metrics import metric_types

    from fluentml.executors.metric_functions import PART, FunctionMetric

    class Sizes(FunctionMetric):
        @staticmethod
        def function(labels, predictions):
            return len(labels) * 10_000 + predictions[-1] + labels.sum()

    (computation,) = Sizes(name="sizes").computations()
    combiner, count = computation.combiner, PART + 7
    parts = []
    for start in (0, count):
        accumulator = combiner.create_accumulator()
        for number in range(start, start + count):
            inputs = {"labels": np.array([1]), "predictions": np.array([number])}
            accumulator = combiner.add_input(accumulator, metric_types.StandardMetricInputs(inputs))
        assert [len(column) for column in accumulator] == [8, 8, 8]
        parts.append(accumulator)
    (found,) = combiner.extract_output(combiner.merge_accumulators(parts)).values()
    assert found == 2 * count * 10_001 + 2 * count - 1
