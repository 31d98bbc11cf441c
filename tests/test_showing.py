"""What a notebook shows: a run as it goes on, a pipeline with its last run, a part by its name."""

from __future__ import annotations

import io
import re

import pytest

import fluentml as fml
from fluentml.report.cell import Cell, CellProgress
from fluentml.results import Trial, Trials, Tuning


class Publisher:
    """Keeps what a notebook would show."""

    def __init__(self) -> None:
        self.shown: list[dict] = []

    def publish(self, **message) -> None:
        self.shown.append(message)


def chain() -> fml.PipelineDef:
    return fml.PipelineDef("small").from_csv("data").generate_statistics().infer_schema()


def states(html: str) -> dict[str, str]:
    """Return the state that a graph shows of each node."""
    found = re.findall(r'class="node is-([\w-]+)" data-node="(\w+)"', html)
    return {node: state for state, node in found}


def test_a_run_is_one_picture_that_changes():
    publisher, stream = Publisher(), io.StringIO()
    progress = CellProgress(stream, Cell(publisher), chain().graph)
    with progress.step("TensorFlow Extended") as step:
        step.state = "done"
    with progress.step("CsvExampleGen") as step:
        step.state = "done"
    with pytest.raises(ValueError, match="luck"), progress.step("StatisticsGen"):
        raise ValueError("no luck")
    assert [message["update"] for message in publisher.shown] == [False, *[True] * 5]
    assert len({message["transient"]["display_id"] for message in publisher.shown}) == 1
    loading, _, first, _, _, last = (message["data"]["text/html"] for message in publisher.shown)
    assert "TensorFlow Extended is being loaded" in loading
    assert states(first)["CsvExampleGen"] == "running"
    assert states(last) == {
        "CsvExampleGen": "done",
        "StatisticsGen": "failed",
        "SchemaGen": "not-run",
    }
    assert publisher.shown[2]["data"]["text/plain"] == "small: CsvExampleGen runs"
    progress.say("log: here")
    assert stream.getvalue() == "log: here\n"


def test_without_a_notebook_there_is_no_cell():
    assert Cell.here() is None


def test_a_pipeline_that_never_ran_shows_its_plan():
    html = chain()._repr_mimebundle_()["text/html"]
    assert set(states(html).values()) == {"planned"}


@pytest.mark.tfx
def test_a_result_is_a_picture():
    tuning = Tuning("Tuner", Trials([Trial("0", 0.5, {"width": 8}), Trial("1", 0.4, {"width": 4})]))
    shown = tuning._repr_mimebundle_()
    assert "<table" in shown["text/html"]
    assert shown["text/plain"].startswith("Tuning(node='Tuner'")


@pytest.mark.tfx  # whose ML Metadata knows of runs
def test_show_before_any_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(fml.FluentmlError, match="has never run"):
        chain().show("statistics")


@pytest.mark.tfx
class TestAfterARun:
    def test_a_part_by_its_name(self, first_run):
        shown = first_run.pipeline.show("statistics")
        assert shown.title.startswith("Statistics of the run 2")
        assert {"train", "eval"} == {*shown.to_frame()["split"]}
        assert "Features that are numbers" in shown._repr_mimebundle_()["text/html"]
        assert "trip_miles" in repr(shown)

    def test_a_node_by_its_id(self, first_run):
        html = first_run.pipeline.show("Trainer")._repr_mimebundle_()["text/html"]
        assert "Training" in html
        assert "The pipeline" not in html

    def test_what_is_not_there(self, first_run):
        with pytest.raises(fml.LoadError, match="nothing called 'statistic' to show") as caught:
            first_run.pipeline.show("statistic")
        assert "Hint: did you mean 'statistics' or 'StatisticsGen'?" in str(caught.value)
        with pytest.raises(fml.LoadError, match="no table"):
            first_run.pipeline.show("graph").to_frame()

    def test_the_pipeline_has_the_states_of_its_last_run(self, second_run):
        shown = states(second_run.pipeline._repr_mimebundle_()["text/html"])
        assert {*shown.values()} <= {"done", "cached", "skipped"}

    def test_a_changed_chain_keeps_the_states_of_what_has_not_changed(self, second_run):
        changed = second_run.pipeline.generate_statistics(id="Again")
        shown = states(changed._repr_mimebundle_()["text/html"])
        assert shown.pop("Again") == "not-run"
        assert "not-run" not in shown.values()

    def test_the_result_shows_its_verdict(self, first_run):
        shown = first_run.result._repr_mimebundle_()
        assert "What the model had to reach" in shown["text/html"]
        assert "threshold" in shown["text/plain"]

    def test_two_results_side_by_side(self, first_run, second_run):
        comparison = second_run.result.compare(first_run.result)
        shown = comparison._repr_mimebundle_()
        assert "Metrics" in shown["text/html"]
        assert shown["text/plain"] == str(comparison)
