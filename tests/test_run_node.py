"""One node of a run after the other, as an orchestrator runs them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

import fluentml as fml
from fluentml.local.record import Record
from fluentml.packed import Packed, run_node
from fluentml.report.finding import find
from fluentml.ui.runs import Runs

pytestmark = pytest.mark.tfx


@pytest.fixture
def dag(tmp_path: Path) -> str:
    """A DAG file of a chain that takes nothing over."""
    from tests import airflow_components as ours

    pipeline = (
        fml.PipelineDef("steps", root=tmp_path / "artifacts")
        .cache(False)
        .add_component(ours.Make)
        .add_component(ours.Times, arguments={"times": 2, "text": fml.param("text", "so")})
        .add_component(ours.Fussy, arguments={"fail": fml.param("fail", True)})
        .add_component(ours.After)
        .on_exit(ours.Report, arguments={"file": str(tmp_path / "report.json")})
    )
    return str(pipeline.compile("airflow", tmp_path / "dag.py"))


def state(dag: str, node: str, run_id: str = "r", **params) -> str:
    return run_node(dag, node, run_id, params)[0].state


def record(dag: str, run_id: str = "r") -> Record:
    return find(Packed.read(dag).definition().settings.pipeline_root, run_id)


def states(of: Record) -> dict[str, str]:
    return {id: node.state for id, node in of.result.nodes.items()}


def executions(dag: str, node: str) -> list[str]:
    """Return the states of all executions of a node, in their order."""
    from ml_metadata import proto as mlmd

    from fluentml.local.store import NODE, Store

    store = Store(Packed.read(dag).definition().settings)
    context = store.context(NODE, f"steps.{node}")
    found = sorted(store.mlmd.get_executions_by_context(context.id), key=lambda one: one.id)
    return [mlmd.Execution.State.Name(one.last_known_state) for one in found]


def test_a_node_whose_inputs_are_not_there(dag: str):
    with pytest.raises(fml.BackendError, match="Times reads from 'Make', which did not go well"):
        run_node(dag, "Times", "r")
    assert state(dag, "Make") == "done"
    assert state(dag, "Times") == "done"
    with pytest.raises(fml.BackendError, match="in the run 'other'"):
        run_node(dag, "Times", "other")


def test_a_node_that_runs_twice_in_a_run(dag: str):
    """Readers expect one output: the last counts, whatever was there before."""
    for _ in range(2):
        assert state(dag, "Make") == "done"
    result, _ = run_node(dag, "Times", "r", {"text": "again"})
    (product,) = result.outputs["product"]
    assert Path(product.uri).read_text() == "6 again"
    assert executions(dag, "Make") == ["CANCELED", "COMPLETE"]


def test_a_failure_is_told_at_the_exit_until_a_try_goes_well(dag: str, tmp_path: Path):
    report = tmp_path / "report.json"
    state(dag, "Make")
    state(dag, "Times")
    with pytest.raises(fml.RunError, match="Fussy failed: ValueError: Model: no such luck"):
        run_node(dag, "Fussy", "r")
    with pytest.raises(fml.BackendError):
        run_node(dag, "After", "r")
    state(dag, "Report")
    told = json.loads(report.read_text())
    assert told["state"] == "FAILED"
    assert told["error"]["message"] == "Fussy failed: ValueError: Model: no such luck"
    assert state(dag, "Fussy", fail=False) == "done"
    state(dag, "Report")
    assert json.loads(report.read_text())["error"]["message"] == "After did not run."
    assert state(dag, "After") == "done"
    state(dag, "Report")
    assert json.loads(report.read_text())["state"] == "SUCCEEDED"
    assert executions(dag, "Fussy") == ["FAILED", "COMPLETE"]


def test_a_node_that_is_ended_leaves_nothing_half_done(tmp_path: Path):
    from tests.airflow_components import Linger

    pipeline = fml.PipelineDef("steps", root=tmp_path / "artifacts").add_component(
        Linger, arguments={"file": str(tmp_path / "go")}
    )
    dag = str(pipeline.compile("airflow", tmp_path / "dag.py"))
    command = [sys.executable, "-m", "fluentml", "run-node", dag, "Linger", "--run-id", "r"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while not [*tmp_path.glob("artifacts/steps/Linger/half/*/half")]:
        assert process.poll() is None
        time.sleep(0.1)
    process.terminate()
    assert process.wait() not in (0, 99)
    assert executions(dag, "Linger") == ["CANCELED"]
    assert not [*tmp_path.glob("artifacts/steps/Linger/half/*")]
    locks = [path.name for path in tmp_path.glob("artifacts/steps/_runs/*.lock")]
    assert locks == [".lock"]
    assert record(dag).error == "Linger failed: it was ended."
    (tmp_path / "go").touch()
    assert state(dag, "Linger") == "done"
    assert (record(dag).error, states(record(dag))) == ("", {"Linger": "done"})


def test_the_record_of_a_run_is_open_until_its_last_node_has_ended(dag: str, tmp_path: Path):
    state(dag, "Make")
    begun = record(dag)
    assert begun.ended is None
    assert states(begun) == {"Make": "done", **dict.fromkeys(ENDS, "not run")}
    assert begun.result.nodes["Make"].seconds > 0
    assert "airflow_components.py" in (begun.code or ())
    assert Runs(tmp_path / "artifacts").last("steps").state == "running"
    state(dag, "Times")
    with pytest.raises(fml.RunError):
        run_node(dag, "Fussy", "r")
    assert record(dag).ended is None  # The exit step is left.
    state(dag, "Report")
    failed = record(dag)
    assert failed.ended is not None
    assert failed.error == "Fussy failed: ValueError: Model: no such luck"
    assert [*states(failed).values()] == ["done", "done", "failed", "not run", "done"]
    assert Runs(tmp_path / "artifacts").last("steps").state == "failed"


def test_the_record_of_a_run_that_goes_on_after_a_failure(dag: str):
    for node in ("Make", "Times"):
        state(dag, node)
    with pytest.raises(fml.RunError):
        run_node(dag, "Fussy", "r")
    state(dag, "Report")
    began = record(dag).started
    state(dag, "Fussy", fail=False)
    assert record(dag).ended is None
    assert record(dag).error == ""
    for node in ("After", "Report"):
        state(dag, node)
    done = record(dag)
    assert {*states(done).values()} == {"done"}
    assert (done.started, done.error) == (began, "")
    assert done.ended is not None


ENDS = ("Times", "Fussy", "After", "Report")
