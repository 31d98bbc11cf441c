"""evaluate_model(): metrics with settings, of other modules, on other data, by weight."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import fluentml as fml
from fluentml.components import Evaluator, Metric
from fluentml.metrics import OURS, SETTINGS, values
from tests.conftest import Run, run_and_watch
from tests.messages import message_of, problems_of

P = fml.PipelineDef("p").from_csv("d").with_base_model("m")
MODEL = {"inputs": {"model": "ImportedModel.result"}}


def evaluate(**parameters):
    return P.evaluate_model("label", **MODEL, **parameters)


# -- metrics as values -----------------------------------------------------------------------------


def test_a_metric_is_a_value():
    one = fml.metric("RecallAtPrecision", precision=0.9, name="recall_at_90")
    assert one == fml.metric("RecallAtPrecision", name="recall_at_90", precision=0.9)
    assert hash(one) == hash(one.model_copy())
    assert Metric.model_validate_json(one.model_dump_json()) == one
    assert (one.name, one.class_name) == ("recall_at_90", "RecallAtPrecision")
    pipeline = evaluate(metrics=["AUC", one, fml.metric("AUC", name="roc")])
    assert fml.Graph.from_json(pipeline.graph.to_json()) == pipeline.graph
    assert pipeline.components[-1].model_dump(mode="json")["metrics"][0] == "AUC"


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (
            "RecalAtPrecision",
            {"precision": 0.9},
            "metric() knows no metric 'RecalAtPrecision'.\n"
            "It takes the metrics of TensorFlow Model Analysis and Keras by class name.\n"
            "Hint: did you mean 'RecallAtPrecision' or 'SetMatchPrecision' or 'Precision'?",
        ),
        (
            "Profit",
            {},
            "metric() knows no metric 'Profit'.\n"
            "It takes the metrics of TensorFlow Model Analysis and Keras by class name.\n"
            'Hint: name the module of yours: metric("Profit", module="package.module").',
        ),
        (
            "RecallAtPrecision",
            {},
            "metric() cannot compute 'RecallAtPrecision' without settings.\n"
            "It needs: 'precision'.\n"
            'Hint: write fluentml.metric("RecallAtPrecision", precision=…).',
        ),
        (
            "AUC",
            {"curves": "PR"},
            "metric() got the setting 'curves', which 'AUC' does not take.\n"
            "It takes: 'class_id', 'curve', 'name', 'num_thresholds', 'summation_method', "
            "'thresholds', 'top_k'.\n"
            "Hint: did you mean 'curve'?",
        ),
        (
            "FairnessIndicators",
            {"threshold": 0.5},
            "metric() got the setting 'threshold', which 'FairnessIndicators' does not take.\n"
            "It takes: 'name', 'thresholds'.\n"
            "Hint: did you mean 'thresholds'?",
        ),
        (
            "FairnessIndicators",
            {"thresholds": [0.5, 1.5]},
            "metric() got thresholds=[0.5, 1.5] for 'FairnessIndicators'.\n"
            "Hint: give it a list of numbers between 0 and 1: thresholds=[0.25, 0.5].",
        ),
        (
            "FairnessIndicators",
            {"thresholds": 0.5},
            "metric() got thresholds=0.5 for 'FairnessIndicators'.\n"
            "Hint: give it a list of numbers between 0 and 1: thresholds=[0.25, 0.5].",
        ),
    ],
)
def test_a_metric_that_cannot_be(name, settings, message):
    assert message_of(fml.DefinitionError, fml.metric, name, **settings) == message


def test_a_metric_takes_plain_settings():
    assert message_of(fml.DefinitionError, fml.metric, "AUC", thresholds={0.5}) == (
        "metric(): settings= takes plain values (text, numbers, lists, dicts), not {0.5}."
    )


def test_what_is_no_metric():
    assert message_of(fml.DefinitionError, evaluate, metrics=["AUC", 3]) == (
        "evaluate_model() takes names of metrics, functions or classes, or "
        "fluentml.metric(…), not 3."
    )


@pytest.mark.parametrize("other", [{"curve": "PR"}, {"name": "auc"}])
def test_two_metrics_of_one_name_or_key(other):
    metrics = ["AUC", fml.metric("AUC", **other)]
    assert message_of(fml.DefinitionError, evaluate, metrics=metrics) == (
        f"evaluate_model() computes two metrics called {other.get('name', 'AUC')!r}; "
        'give one another name: fluentml.metric("…", name="…").'
    )


@pytest.mark.parametrize(
    ("reference", "metric"),
    [
        ("AUC", "AUC"),
        ("roc", fml.metric("AUC", name="roc")),
        ("AUC", fml.metric("AUC", name="roc")),
        ("false_positive_rate@0.5", fml.metric("FairnessIndicators", thresholds=[0.25, 0.5])),
        (
            "fairness_indicators_metrics/false_positive_rate@0.50",
            fml.metric("FairnessIndicators", thresholds=[0.25, 0.5]),
        ),
        ("fair/false_positive_rate@0.1", fml.metric("FairnessIndicators", name="fair")),
    ],
)
def test_what_thresholds_call_a_metric(reference, metric):
    assert evaluate(metrics=[metric], thresholds={reference: 0.8}).components[-1].can_bless


def test_thresholds_on_what_has_no_direction():
    mine = fml.metric("Profit", module="m")
    assert evaluate(metrics=[mine], thresholds={"Profit": (">=", 1)}).components[-1].can_bless
    for metric, name in ((mine, "Profit"), (fml.metric("FairnessIndicators"), "positive_rate@0.1")):
        assert message_of(
            fml.DefinitionError, evaluate, metrics=[metric], thresholds={name: 1}
        ).startswith(f"evaluate_model() has a threshold on {name!r}, which is neither better high")


@pytest.mark.tfx
def test_known_settings_are_those_of_the_classes():
    import inspect

    import tensorflow_model_analysis  # noqa: F401  (fills the registry)
    from tensorflow_model_analysis.metrics import metric_types
    from tensorflow_model_analysis.utils.keras_lib import tf_keras

    registered = metric_types.registered_metrics()
    for name, settings in SETTINGS.items():
        if name in OURS:
            continue
        kind = registered.get(name) or getattr(tf_keras.metrics, name)
        parameters = [*inspect.signature(kind.__init__).parameters.values()][1:]
        taken = {"**" if p.kind == p.VAR_KEYWORD else p.name for p in parameters}
        assert settings == taken, name


# -- other data, other baselines -------------------------------------------------------------------


def test_other_examples_and_the_last_model_are_brought_along():
    golden = fml.from_csv("golden", split={"all": 1, "more": 1})
    pipeline = evaluate(metrics=["AUC"], examples=golden, baseline="latest")
    reads = {key: str(w.channel) for key, w in pipeline.graph["Evaluator"].inputs.items()}
    assert reads == {
        "examples": "Evaluator_examples.examples",
        "model": "ImportedModel.result",
        "baseline_model": "Evaluator_previous_model.model",
    }
    evaluator = pipeline.components[-1]
    assert isinstance(evaluator, Evaluator)
    assert evaluator.evaluated == ("all", "more")
    assert (
        message_of(
            fml.DefinitionError,
            P.evaluate_model,
            "label",
            metrics=["AUC"],
            examples=golden,
            inputs={"examples": "CsvExampleGen.examples"},
        )
        == "evaluate_model() takes examples= or inputs={'examples': …}, not both."
    )


def test_check_looks_at_the_other_examples(tmp_path: Path):
    for name, header in (("data", "score,label"), ("golden", "score,lable")):
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}/d.csv").write_text(f"{header}\n1,0\n")
    golden = fml.from_csv(tmp_path / "golden", split={"all": 1})
    (tmp_path / "model/Format-Serving").mkdir(parents=True)
    pipeline = (
        fml.PipelineDef("p")
        .from_csv(tmp_path / "data")
        .with_base_model(tmp_path / "model")
        .evaluate_model(
            "label",
            metrics=[fml.metric("Profit", module="nowhere.metrics")],
            examples=golden,
            splits=["eval"],
            example_weight="weight",
            **MODEL,
        )
    )
    problems = problems_of(pipeline)
    assert [problem.splitlines()[0] for problem in problems] == [
        "evaluate_model() reads the split 'eval', and from_csv() does not make it.",
        "evaluate_model(): label='label' is no column of the CSV.",
        "evaluate_model(): example_weight='weight' is no column of the CSV.",
        "evaluate_model() takes a metric from 'nowhere.metrics.Profit': no package 'nowhere' is "
        "installed here.",
    ]


# -- what runs find --------------------------------------------------------------------------------

# Score, label, company, weight: every rate can be counted by hand.
ROWS = [
    *[(0.9, 1, "Blue", 1.0)] * 6,
    *[(0.8, 0, "Blue", 1.0)] * 2,
    *[(0.3, 1, "Blue", 3.0)] * 2,
    *[(0.1, 0, "Blue", 1.0)] * 5,
    *[(0.7, 0, "Green", 1.0)] * 3,
    *[(0.2, 0, "Green", 2.0)] * 2,
]
FAIR = fml.metric("FairnessIndicators", thresholds=[0.25, 0.5])
PROFIT = fml.metric("Profit", module="tests.metrics_of_ours", margin=2.0)
RECALL = fml.metric("RecallAtPrecision", precision=0.7, name="recall_at_70")


def write(folder: Path, rows: list[tuple]) -> Path:
    folder.mkdir()
    lines = [",".join(map(str, row)) for row in [("score", "label", "company", "weight"), *rows]]
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    return folder


def save_model(folder: Path, *, factor: float) -> None:
    """Save a model that predicts the score, times a factor."""
    import tensorflow as tf

    module = tf.Module()
    module.factor = tf.Variable(factor)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def serve(examples):
        spec = {"score": tf.io.FixedLenFeature([1], tf.float32)}
        return {"output": tf.io.parse_example(examples, spec)["score"] * module.factor}

    module.serve = serve
    tf.saved_model.save(
        module, str(folder / "Format-Serving"), signatures={"serving_default": serve}
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """A model that is refused; then another that is compared with it."""
    folder = tmp_path_factory.mktemp("evaluated")
    for name, factor in (("first", 1.0), ("second", 0.5)):
        save_model(folder / name, factor=factor)
    golden = fml.from_csv(write(folder / "golden", ROWS[:10]), split={"all": 1})
    write(folder / "data", ROWS)
    found = []
    for name in ("first", "second"):
        pipeline = (
            fml.PipelineDef("rides", root=folder / "artifacts")
            .from_csv(folder / "data", split={"eval": 1})
            .with_base_model(folder / name)
            .evaluate_model(
                "label",
                metrics=["BinaryAccuracy", FAIR, PROFIT, RECALL],
                thresholds={
                    "false_positive_rate@0.5": 0.3,
                    "company=Blue:true_positive_rate@0.25": 0.9,
                    "recall_at_70": 0.5,
                    "Profit": (">=", 1),
                },
                min_improvement={"false_positive_rate@0.5": 0.1},
                slices=["company"],
                baseline="latest",
                **MODEL,
            )
        )
        if name == "first":
            pipeline = pipeline.evaluate_model(
                "label",
                metrics=["BinaryAccuracy", "ExampleCount", FAIR],
                confidence_intervals=True,
                slices=["company"],
                examples=golden,
                example_weight="weight",
                min_slice_size=11,
                baseline=None,
                id="Golden",
                **MODEL,
            )
        found.append(run_and_watch(pipeline))
    return found


def rates(rows: list[tuple], threshold: float) -> dict[str, float]:
    def count(label: int, positive: bool) -> int:
        return sum(row[1] == label and (row[0] > threshold) == positive for row in rows)

    tp, fn, fp, tn = (count(*case) for case in ((1, True), (1, False), (0, True), (0, False)))
    return {
        "false_positive_rate": fp / (fp + tn),
        "false_negative_rate": fn / (fn + tp) if fn + tp else math.nan,
        "true_positive_rate": tp / (fn + tp) if fn + tp else math.nan,
        "true_negative_rate": tn / (fp + tn),
        "positive_rate": (tp + fp) / len(rows),
        "negative_rate": (tn + fn) / len(rows),
        "false_discovery_rate": fp / (fp + tp),
        "false_omission_rate": fn / (fn + tn),
    }


@pytest.mark.tfx
@pytest.mark.parametrize("where", ["", "Blue", "Green"])
def test_fairness_indicators_are_what_one_counts(runs: list[Run], where: str):
    evaluation = runs[0].result.evaluations[0]
    found = evaluation.slices[f"company:{where}"] if where else evaluation.metrics
    rows = [row for row in ROWS if where in ("", row[2])]
    for threshold in (0.25, 0.5):
        for name, rate in rates(rows, threshold).items():
            assert found[f"{name}@{threshold}"] == pytest.approx(rate, nan_ok=True), name


@pytest.mark.tfx
def test_metrics_with_settings_and_of_other_modules(runs: list[Run]):
    metrics = runs[0].result.evaluations[0].metrics
    # At 0.8 precision is 6/8, lower it is 6/11: the six of eight are found.
    assert metrics["recall_at_70"] == pytest.approx(6 / 8)
    assert metrics["Profit"] == pytest.approx(6 * 2 - 5)
    assert metrics["BinaryAccuracy"] == pytest.approx(13 / 20)


@pytest.mark.tfx
def test_thresholds_on_rates_are_held_and_told(runs: list[Run]):
    evaluation = runs[0].result.evaluations[0]
    assert evaluation.blessed is False
    assert evaluation.reasons == ("false_positive_rate@0.5 is 0.4167, above 0.3",)
    assert evaluation.bounds == {
        "false_positive_rate@0.5": "at most 0.3",
        "true_positive_rate@0.25": "at least 0.9 for company:Blue",
        "recall_at_70": "at least 0.5",
        "Profit": "at least 1",
    }
    shown = [line.split()[0] for line in runs[0].screen.split("metric ")[1].splitlines()[1:6]]
    assert {*shown} == {"BinaryAccuracy", *evaluation.bounds}
    assert "  and 14 rates at thresholds, in the result's evaluations\n" in runs[0].screen


@pytest.mark.tfx
def test_the_last_model_is_the_baseline_though_it_was_refused(runs: list[Run]):
    first, second = (run.result.evaluations[0] for run in runs)
    assert first.baseline == {}
    assert second.baseline["false_positive_rate@0.5"] == pytest.approx(5 / 12)
    assert second.baseline["Profit"] == first.metrics["Profit"]
    assert second.metrics["false_positive_rate@0.5"] == 0
    assert second.bounds["false_positive_rate@0.5"] == ("at most 0.3 and -0.1 against the baseline")
    # Halved scores: none above 0.5, and the six of 0.45 are found still.
    assert set(second.reasons) == {
        "Profit is 0, below 1",
        "true_positive_rate@0.25 is 0.75, below 0.9 for company:Blue",
    }


@pytest.mark.tfx
def test_other_examples_count_by_their_weight(runs: list[Run]):
    golden = runs[0].result.evaluations[1]
    assert golden.node == "Golden"
    assert golden.metrics["ExampleCount"] == 14  # the weights count, here too
    # Six right of 1 each, two wrong of 1, two wrong of 3.
    assert golden.metrics["BinaryAccuracy"] == pytest.approx(6 / 14)
    assert golden.metrics["false_negative_rate@0.5"] == pytest.approx(6 / 12)
    assert not any(golden.slices.values())
    least, greatest = golden.intervals["BinaryAccuracy"]
    assert least < 6 / 14 < greatest
    assert f"BinaryAccuracy  0.4286  {least:.4g} to {greatest:.4g}" in runs[0].screen
    assert runs[0].result.evaluations[0].intervals == {}
    assert golden.blessed is None


@pytest.mark.tfx
def test_the_config_is_what_one_writes_by_hand():
    from google.protobuf import text_format
    from tensorflow_model_analysis.proto import config_pb2

    by_hand = text_format.Parse(
        """
        model_specs { signature_name: "serving_default" label_key: "label"
                      example_weight_key: "weight" }
        slicing_specs {}
        metrics_specs {
          metrics { class_name: "AUC" config: '{"curve": "PR", "name": "pr"}'
            per_slice_thresholds { slicing_specs {}
              threshold { value_threshold { lower_bound { value: 0.5 } } } } }
          metrics { class_name: "FairnessIndicators" config: '{"thresholds": [0.5]}'
                    module: "fluentml.executors.fairness_indicators" }
          metrics { class_name: "Profit" module: "tests.metrics_of_ours" }
          per_slice_thresholds {
            key: "fairness_indicators_metrics/false_negative_rate@0.5"
            value { thresholds { slicing_specs {}
              threshold { value_threshold { upper_bound { value: 0.25 } } } } } }
        }
        options { min_slice_size { value: 10 } compute_confidence_intervals { value: true } }
        """,
        config_pb2.EvalConfig(),
    )
    evaluator = evaluate(
        metrics=[
            fml.metric("AUC", curve="PR", name="pr"),
            fml.metric("FairnessIndicators", thresholds=[0.5]),
            fml.metric("Profit", module="tests.metrics_of_ours"),
        ],
        thresholds={"pr": 0.5, "false_negative_rate@0.5": 0.25},
        example_weight="weight",
        min_slice_size=10,
        confidence_intervals=True,
    ).components[-1]
    assert evaluator._plain_config() == by_hand


@pytest.mark.tfx
def test_the_names_of_rates_are_those_of_the_metric():
    from fluentml.executors import fairness_indicators

    assert OURS["FairnessIndicators"] == fairness_indicators.__name__
    metric = fairness_indicators.FairnessIndicators()
    keys = [key.name for each in metric.computations() for key in each.keys]
    assert {value.key for value in values("FairnessIndicators")} <= {*keys}
