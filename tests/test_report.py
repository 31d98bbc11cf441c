"""The report of real runs: what it tells, what it needs, and what a person can do with it."""

from __future__ import annotations

import dataclasses
import json
import re
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

import fluentml as fml
from fluentml.cli import app
from tests.test_report_pictures import assert_needs_nothing

pytestmark = pytest.mark.tfx

CARD = {
    "description": "Whether a trip ends with a generous tip.",
    "owners": ["Ann <ann@example.com>", "Ben"],
    "limitations": "Cash tips are rarely recorded.",
}
MOST_BYTES = 2_000_000


@pytest.fixture(scope="module")
def first_report(first_run, tmp_path_factory) -> Path:
    return first_run.result.report(tmp_path_factory.mktemp("report") / "first.html", CARD)


@pytest.fixture(scope="module")
def second_report(second_run, tmp_path_factory) -> Path:
    return second_run.result.report(tmp_path_factory.mktemp("report") / "second.html")


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """The second run, on other data, of a chain that fails in the middle; and its error."""
    root = tmp_path_factory.mktemp("failed")
    (root / "rows").mkdir()
    rows = root / "rows" / "rows.csv"
    # No two alike: TFX splits by what stands in a row.
    rows.write_text("fare,tips\n" + "".join(f"{1 + i % 3},{i}\n" for i in range(90)))
    (root / "model.py").write_text(
        "def preprocessing_fn(inputs):\n    raise ValueError('no such luck')\n"
    )
    chain = (
        fml.PipelineDef("failing", root=root / "artifacts")
        .from_csv(root / "rows")
        .generate_statistics()
        .infer_schema()
        .validate_input_data(drift={"fare": 0.1})
        .preprocess(root / "model.py")
    )
    # What runs beside the failing node comes to its end.
    with pytest.raises(fml.RunError, match="no such luck"):
        chain.run(quiet=True, on_failure="finish")
    rows.write_text("fare,tips\n" + "".join(f"{1 + i % 9},{i}\n" for i in range(90)))
    with pytest.raises(fml.RunError) as caught:
        chain.run(quiet=True, on_failure="finish")
    return root, chain, caught.value


def sections(html: str) -> list[str]:
    return re.findall(r'<section id="([\w-]+)"', html)


# -- what it tells --------------------------------------------------------------------------------


def test_a_report_has_a_section_for_all_that_the_run_has(first_report):
    html = first_report.read_text()
    assert sections(html) == [
        *("card", "graph", "gate", "evaluation", "statistics", "schema", "anomalies"),
        *("transform", "tuning", "training", "infra", "predictions"),
        *("plan", "lineage", "code", "versions"),
    ]


def test_a_report_needs_nothing_else_and_is_small(first_report, second_report):
    for file in (first_report, second_report):
        assert_needs_nothing(file.read_text())
        assert file.stat().st_size < MOST_BYTES


def test_what_a_report_says_is_what_was_found(first_run, first_report):
    html = first_report.read_text()
    result = first_run.result
    assert result.run_id in html
    assert f"{result.metrics['AUC']:.4f}" in html
    assert result.pushed_model in html
    assert "def preprocessing_fn" in html  # the code
    assert "fare_xf" in html  # what the transform learned
    assert "Ann &lt;ann@example.com&gt;" in html
    assert "made by from_csv()" in html  # why an input was wired so
    assert "2,622 examples in train" in html or re.search(r"[\d,]+ examples in train", html)


def test_the_gate_tells_what_was_asked_and_what_came(second_run, second_report):
    html = second_report.read_text()
    (reason,) = second_run.result.evaluations[0].reasons
    assert f"The model is not blessed: {reason}." in html
    assert "Nothing was pushed." in html
    assert "at least 0.7 and +0.5 against the baseline" in html
    assert sections(html).count("predictions") == 0


def test_checks_are_those_of_the_thresholds(first_run, second_run):
    first, second = (run.result.evaluations[0].checks for run in (first_run, second_run))
    assert [(c.metric, c.slice, c.passed) for c in first] == [
        ("AUC", "", True),
        ("BinaryAccuracy", "payment_type:Credit Card", True),
    ]
    assert [c.passed for c in second] == [False, True]
    assert second[0].baseline == pytest.approx(first[0].value)
    assert first[0].baseline is None


def test_a_failed_run_has_a_report(failed, tmp_path):
    _, _, error = failed
    html = error.result.report(tmp_path / "failed.html").read_text()
    assert sections(html)[0] == "error"
    assert "Transform failed" in html
    assert "no such luck" in html
    assert "is-failed" in html
    assert "statistics" in sections(html)
    assert "evaluation" not in sections(html)


def test_drift_lays_both_runs_over_each_other(failed, tmp_path):
    _, _, error = failed
    html = error.result.report(tmp_path / "drift.html").read_text()
    (distance, *_) = error.result.validations[0].distances
    assert distance.value > distance.threshold
    assert error.result.validations[0].to_frame()["feature"][0] == distance.feature
    assert "fare now and earlier, train" in html
    assert "too far" in html


def test_two_runs_on_other_data(failed):
    from fluentml.report import compare
    from fluentml.report.finding import find

    root, chain, _ = failed
    first, second = sorted((root / "artifacts" / "failing" / "_runs").glob("*.run.json"))
    comparison = compare(find(first), find(second))
    assert comparison.drift[0].feature == "fare"
    assert comparison.drift[0].distance > 0.3
    assert "fare now and then, train" in comparison.to_html()
    assert find(chain).result.run_id in second.name


# -- runs before ----------------------------------------------------------------------------------


def test_a_record_gives_the_result_back(second_run):
    from fluentml.local.record import record_of

    record = record_of(second_run.result)
    assert record.result == second_run.result
    assert record.graph == second_run.pipeline.graph
    assert "taxi_model.py" in record.code


def test_an_earlier_run_is_found_by_its_id(first_run, second_run, run_folder):
    from fluentml.report.finding import find

    folder = run_folder / "artifacts" / "taxi"
    assert find(folder).result.run_id == second_run.result.run_id
    assert find(run_folder / "artifacts").result.run_id == second_run.result.run_id
    assert find(folder, first_run.result.run_id).result == first_run.result
    assert find(first_run.pipeline, first_run.result.run_id).result == first_run.result


def test_a_run_without_a_record_is_told_by_ml_metadata(first_run):
    """What ML Metadata and the artifacts tell is what the run itself found."""
    from fluentml.local.record import Record
    from fluentml.local.remembering import remembered

    blank = dataclasses.replace(first_run.result, nodes={}, evaluations=(), tunings=(), pushes=())
    record = remembered(Record(blank, first_run.pipeline.graph))
    then = first_run.result
    assert record.result.evaluations == then.evaluations
    assert record.result.tunings == then.tunings
    assert record.result.infra_validations == then.infra_validations
    assert record.result.nodes["Trainer"].outputs == then.nodes["Trainer"].outputs
    assert record.result.nodes["Trainer"].state == "done"
    assert record.started > 0


def test_runs_that_there_are_not(run_folder, first_run, monkeypatch):
    from fluentml.report.finding import find

    with pytest.raises(fml.BackendError, match="no record of a run '1999'"):
        find(run_folder / "artifacts" / "taxi", "1999")
    (run_folder / "nothing").mkdir(exist_ok=True)
    with pytest.raises(fml.BackendError, match="no run in"):
        find(run_folder / "nothing")
    monkeypatch.chdir(run_folder)
    with pytest.raises(fml.BackendError, match="no run, file or folder '1999'"):
        find("1999")


def test_what_is_gone_from_the_disk_is_left_out(failed, tmp_path):
    import shutil

    root, _, error = failed
    copy = tmp_path / "artifacts"
    shutil.copytree(root / "artifacts", copy)
    log = Path(error.result.log)
    result = dataclasses.replace(error.result, log=str(copy / "failing" / "_runs" / log.name))
    record = copy / "failing" / "_runs" / f"{result.run_id}.run.json"
    record.write_text(record.read_text().replace(str(root), str(tmp_path)))
    assert "statistics" in sections(result.report(tmp_path / "all.html").read_text())
    shutil.rmtree(copy / "failing" / "StatisticsGen")
    shown = sections(result.report(tmp_path / "less.html").read_text())
    assert "statistics" not in shown
    assert "schema" in shown


# -- what the artifacts hold ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def reader(first_run):
    from fluentml.local.record import record_of
    from fluentml.report.reading import Reader

    return Reader(record_of(first_run.result))


def test_statistics_are_those_of_the_rows(reader, taxi_rows):
    import pandas as pd

    rows = pd.read_csv(taxi_rows / "trips.csv")
    (statistics,) = reader.statistics()
    train, evaluated = (statistics.splits[name] for name in ("train", "eval"))
    assert [*statistics.splits] == ["train", "eval"]
    assert train.examples + evaluated.examples == len(rows)
    for name in ("fare", "trip_miles", "pickup_latitude"):
        both = [split.features[name] for split in (train, evaluated)]
        assert sum(one.missing for one in both) == rows[name].isna().sum()
        mean = sum(one.mean * one.count for one in both) / sum(one.count for one in both)
        assert mean == pytest.approx(rows[name].mean(), rel=1e-4)
        assert max(one.greatest for one in both) == pytest.approx(rows[name].max())
        assert len(both[0].quantiles) == 11
    words = dict(train.features["payment_type"].top), dict(evaluated.features["payment_type"].top)
    counts = rows["payment_type"].value_counts()
    assert words[0]["Cash"] + words[1]["Cash"] == counts["Cash"]
    assert len(statistics.to_frame()) == 2 * len(statistics.features)


def test_a_schema_is_the_one_that_was_inferred(reader):
    (schema,) = reader.schemas()
    by_name = {feature.name: feature for feature in schema.features}
    assert (by_name["fare"].type, by_name["fare"].presence) == ("float", "always")
    assert "Cash" in by_name["payment_type"].values
    assert [*schema.to_frame()["name"]] == [*by_name]


def test_a_transform_graph_tells_what_it_learned(reader, taxi_rows):
    import numpy as np
    import pandas as pd

    rows = pd.read_csv(taxi_rows / "trips.csv")
    (graph,) = reader.transforms()
    found = {(c.features, c.meaning): c.values for c in graph.constants}
    # Of the rows in train only, which are two thirds.
    (mean,) = found[("fare_xf",), "mean"]
    assert mean == pytest.approx(np.log1p(rows["fare"]).mean(), abs=0.05)
    assert len(found[("pickup_latitude_xf",), "boundaries"]) == 9
    assert "Cash" in {word for one in graph.vocabularies for word in one.first}
    assert len(graph.to_frame()) == len(graph.constants)


def test_a_training_tells_its_curves(reader):
    (training,) = reader.trainings()
    assert training.unit == "epoch"
    assert {*training.curves["loss"]} == {"train", "validation"}
    assert 0 < training.curves["loss"]["train"][-1][1] < 1
    assert {*training.to_frame()["measure"]} == {*training.curves}


def test_plots_are_those_that_were_computed():
    """ROC, calibration and confusion of predictions whose probabilities are right."""
    import numpy as np
    import pandas as pd
    import tensorflow_model_analysis as tfma
    from google.protobuf import text_format

    from fluentml.results.plots import plots_of

    said = np.linspace(0.005, 0.995, 400)
    rows = {"label": (np.random.default_rng(0).random(400) < said).astype(float), "said": said}
    config = tfma.EvalConfig()
    text_format.Parse(
        """
        model_specs { label_key: "label" prediction_key: "said" }
        slicing_specs {}
        metrics_specs {
          metrics { class_name: "ConfusionMatrixPlot" }
          metrics { class_name: "CalibrationPlot" }
        }
        """,
        config,
    )
    (plots,) = plots_of(tfma.analyze_raw_data(pd.DataFrame(rows), config).plots)
    half = min(plots.cuts, key=lambda cut: abs(cut.threshold - 0.5))
    assert half.true_positives == rows["label"][said > half.threshold].sum()
    assert plots.roc[0] == (0.0, 0.0)
    assert plots.roc[-1] == (1.0, 1.0)
    assert len(plots.calibration) == 10
    assert sum(weight for _, _, weight in plots.calibration) == 400
    assert all(abs(mean - seen) < 0.2 for mean, seen, _ in plots.calibration)


def test_reading_needs_no_tensorflow(first_run, tmp_path):
    import subprocess
    import sys

    folders = {
        name: first_run.result.artifacts(name)[0].uri
        for name in ("statistics", "schema", "transform_graph", "model_run")
    }
    program = (
        "import sys\n"
        "from fluentml.results.statistics import read_statistics as statistics\n"
        "from fluentml.results.schema import read_schema as schema\n"
        "from fluentml.results.transform import read_transform_graph as transform_graph\n"
        "from fluentml.results.training import read_training as model_run\n"
        f"for name, folder in {folders!r}.items():\n"
        "    assert globals()[name]('node', folder)\n"
        "print([name for name in ('tensorflow', 'tfx', 'pandas') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert told.stdout == "[]\n", told.stderr


# -- two runs -------------------------------------------------------------------------------------


def test_two_runs_side_by_side(first_run, second_run):
    from fluentml.local.record import record_of
    from fluentml.report import compare

    comparison = compare(record_of(first_run.result), record_of(second_run.result))
    assert ("Trainer", "train_steps", "200", "100") in comparison.parameters
    auc = next(m for m in comparison.metrics if m.metric == "AUC" and not m.slice)
    assert (auc.then, auc.now) == (
        first_run.result.metrics["AUC"],
        second_run.result.metrics["AUC"],
    )
    assert comparison.code == {}
    assert all(one.distance == 0 for one in comparison.drift)
    assert "train_steps" in str(comparison)
    html = comparison.to_html()
    assert_needs_nothing(html)
    assert "trip_start_hour:3" in html


def test_other_data_and_other_code(first_run, second_run):
    from fluentml.local.record import record_of
    from fluentml.report.comparing import RunComparison, _distance
    from fluentml.results.statistics import Bins, FeatureStatistics

    then = record_of(first_run.result)
    code = {name: text.replace("BUCKETS = 10", "BUCKETS = 12") for name, text in then.code.items()}
    comparison = RunComparison(then, dataclasses.replace(then, code=code))
    assert "-BUCKETS = 10\n+BUCKETS = 12" in comparison.code["taxi_model.py"]
    assert "+BUCKETS = 12" in comparison.to_html()

    def numbers(*counts):
        return FeatureStatistics("x", "float", 4, 0, bins=Bins((0.0, 1.0, 2.0), counts))

    def words(**counts):
        return FeatureStatistics("x", "string", 4, 0, top=tuple(counts.items()))

    assert _distance(numbers(4.0, 0.0), numbers(1.0, 3.0)) == pytest.approx(0.75)
    assert _distance(words(a=4), words(a=1, b=3)) == pytest.approx(0.75)


# -- the command line -----------------------------------------------------------------------------


def test_report_and_compare_on_the_command_line(first_run, second_run, run_folder, monkeypatch):
    monkeypatch.chdir(run_folder)
    told = CliRunner().invoke(app, ["report", "artifacts/taxi", "-o", "run.html"])
    assert told.output == "Wrote run.html.\n"
    assert second_run.result.run_id in (run_folder / "run.html").read_text()
    runs = [first_run.result.run_id, second_run.result.run_id]
    told = CliRunner().invoke(app, ["compare", *runs, "-o", "both.html"])
    assert re.search(r"Trainer +train_steps +200 +100", told.output)
    assert told.output.endswith("Wrote both.html.\n")
    assert runs[0] in (run_folder / "both.html").read_text()


# -- in a browser ---------------------------------------------------------------------------------


class Opened:
    """A page without a network, and what went wrong in it."""

    def __init__(self, browser, file: Path, **options) -> None:
        self.problems: list[str] = []
        self.context = browser.new_context(offline=True, **options)
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("requestfailed", lambda request: self.problems.append(request.url))
        self.requests: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        start = time.perf_counter()
        self.page.goto(file.as_uri(), wait_until="load")
        self.seconds = time.perf_counter() - start

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


@pytest.fixture(params=["light", "dark"])
def scheme(request) -> str:
    return request.param


def test_a_report_opens_without_a_network(chromium, first_report, second_report):
    for file in (first_report, second_report):
        with Opened(chromium, file) as opened:
            assert opened.problems == []
            remote = [url for url in opened.requests if not url.startswith(("file:", "data:"))]
            assert remote == []


def test_a_report_is_parsed_in_under_a_second(chromium, first_report):
    with Opened(chromium, first_report) as opened:
        timing = opened.page.evaluate(
            "(() => { const t = performance.getEntriesByType('navigation')[0];"
            " return t.domInteractive - t.responseStart; })()"
        )
    assert timing < 1000


def test_a_report_has_no_barriers(chromium, first_report, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    with Opened(chromium, first_report, color_scheme=scheme) as opened:
        found = axe.Axe().run(opened.page).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert json.dumps([(one["id"], one["nodes"][:2]) for one in serious], indent=1) == "[]"


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_sticks_out_at_the_side(chromium, second_report, width):
    with Opened(chromium, second_report, viewport={"width": width, "height": 800}) as opened:
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_table_is_sorted_and_filtered(chromium, second_report):
    with Opened(chromium, second_report) as opened:
        section = opened.page.locator("#evaluation")
        body = section.locator("table", has_text="trip_start_hour:3").locator("tbody")
        head = section.get_by_role("button", name="AUC").last
        values = lambda: [float(t) for t in body.locator("tr td:nth-child(3)").all_inner_texts()]  # noqa: E731
        head.click()
        assert values() == sorted(values())
        head.click()
        assert values() == sorted(values(), reverse=True)
        section.get_by_label("Filter").last.fill("hour:1")
        shown = [row for row in body.locator("tr").all() if row.is_visible()]
        assert 0 < len(shown) < body.locator("tr").count()
        assert all("hour:1" in row.inner_text() for row in shown)
        assert opened.problems == []


def test_the_graphs_text_can_be_selected_and_leads_to_the_node(chromium, first_report):
    with Opened(chromium, first_report) as opened:
        opened.page.locator("svg.graph").first.get_by_text("Trainer", exact=True).click()
        assert opened.page.url.endswith("#node-trainer")
        selected = opened.page.evaluate(
            "(() => { const text = document.querySelector('svg.graph .id');"
            " getSelection().selectAllChildren(text); return getSelection().toString(); })()"
        )
    assert selected == "CsvExampleGen"


def test_a_report_prints(chromium, first_report):
    with Opened(chromium, first_report) as opened:
        paper = opened.page.pdf(format="A4")
        opened.page.emulate_media(media="print")
        opened.page.set_viewport_size({"width": 700, "height": 900})
        # What is wider than the paper makes all of it smaller.
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= 700
    assert paper.startswith(b"%PDF")
    assert 5 < len(re.findall(rb"/Type\s*/Page\b", paper)) < 60
