"""Real Airflows run what was compiled for them: what comes out is what a run here makes."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import fluentml as fml
from fluentml import cli
from fluentml.report.finding import find
from tests import airflows
from tests.airflows import Airflow
from tests.conftest import TAXI_MODEL

pytestmark = pytest.mark.tfx

GOLDEN = Path(__file__).parent / "golden"
TEXT = """it's "so", for $HOME {{ ds }} é"""


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    return airflows.made(2, tmp_path_factory.mktemp("airflow-2"))


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    return airflows.made(3, tmp_path_factory.mktemp("airflow-3"))


def store_of(pipeline: fml.PipelineDef) -> Any:
    from fluentml.local.store import Store

    return Store(pipeline.settings)


def executed(pipeline: fml.PipelineDef, run_id: str) -> dict[str, dict[str, list[str]]]:
    """Return of each node with an execution in the metadata what it made: types by output key."""
    store = store_of(pipeline)
    return {
        id: {key: [one.type for one in made] for key, made in store.outputs(one.id).items()}
        for id, one in store.of_run(run_id).items()
    }


# -- DAG files -------------------------------------------------------------------------------------

LOOK = """
import json, sys, time, importlib.util, logging
logging.disable()
found = {}
for file in sys.argv[1:]:
    spec = importlib.util.spec_from_file_location("dag_" + str(len(found)), file)
    module = importlib.util.module_from_spec(spec)
    start = time.process_time()
    spec.loader.exec_module(module)
    seconds = time.process_time() - start
    tasks = {one.task_id: sorted(one.upstream_task_ids) for one in module.dag.tasks}
    found[module.dag.dag_id] = {"seconds": seconds, "tasks": tasks}
heavy = [name for name in ("tfx", "tensorflow", "fluentml", "apache_beam") if name in sys.modules]
print("\\n" + json.dumps({"found": found, "heavy": heavy}))
"""


def looked_at(airflow: Airflow, *files: Path) -> dict[str, Any]:
    """Return what an Airflow's Python finds in DAG files."""
    # The first file pays for the import of Airflow itself.
    command = [airflow.python, "-c", LOOK, files[0], *files]
    done = subprocess.run(
        command, env=airflow.environment, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["heavy"] == []
    return dict(told["found"])


@pytest.mark.parametrize("version", ["two", "three"])
def test_the_golden_files_are_dags_and_are_parsed_fast(
    version: str, request: pytest.FixtureRequest
):
    files = sorted(GOLDEN.glob("*.airflow.py"))
    found = looked_at(request.getfixturevalue(version), *files)
    assert len(found) == len(files) > 3
    for file in files:
        name = file.name.partition(".")[0]
        graph = fml.Graph.from_json((GOLDEN / f"{name}.graph.json").read_text())
        dag = found[graph.settings.name]
        assert dag["tasks"] == {node.id: sorted(node.upstream) for node in graph.nodes}
        assert dag["seconds"] < 0.5


@pytest.mark.parametrize("operator", ["docker", "kubernetes"])
def test_tasks_in_containers_are_what_their_operators_take(
    operator: str, three: Airflow, tmp_path: Path
):
    pipeline = (
        fml.PipelineDef("contained", root="gs://bucket/root")
        .with_metadata("postgresql://me:${PASSWORD}@host/db")
        .from_csv("gs://bucket/data")
        .generate_statistics()
        .notify(webhook="https://example.com")
        .on("StatisticsGen", cpu=2, memory="4Gi", gpu="nvidia-tesla-t4", retries=2, timeout="6h")
    )
    if operator == "kubernetes":
        pipeline = pipeline.on("Notifier", secrets={"TOKEN": "tokens/mine"})
    file = pipeline.compile("airflow", tmp_path / "dag.py", image="image:1", operator=operator)
    found = looked_at(three, file)
    assert found["contained"]["tasks"] == {
        "CsvExampleGen": [],
        "StatisticsGen": ["CsvExampleGen"],
        "Notifier": ["CsvExampleGen", "StatisticsGen"],
        "outcome": ["CsvExampleGen", "Notifier", "StatisticsGen"],
    }


# -- a chain with everything that can go otherwise, under Airflow 2 --------------------------------


def chain(root: Path) -> fml.PipelineDef:
    from tests import airflow_components as ours

    return (
        fml.PipelineDef("features", root=root / "artifacts")
        .add_component(ours.Make)
        .add_component(
            ours.Times,
            arguments={"times": fml.param("times", 2), "text": fml.param("text", TEXT)},
        )
        .add_component(ours.Never, when=ours.is_bad)
        .add_component(ours.Use)
        .add_component(ours.Fussy, arguments={"fail": fml.param("fail", True)})
        .add_component(ours.After)
        .on_exit(ours.Report, arguments={"file": str(root / "report.json")})
        .on("Times", timeout="10m", retries=1, env={"WHO": "{{ dag.dag_id }}", "BY": "them.sh"})
    )


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> tuple[fml.PipelineDef, list[Any]]:
    """The chain, run here twice: what came of it."""
    folder = tmp_path_factory.mktemp("here")
    pipeline = chain(folder)
    with pytest.raises(fml.RunError) as failed:
        pipeline.run(quiet=True, on_failure="finish")  # as Airflow does
    first = json.loads((folder / "report.json").read_text())
    done = pipeline.run(quiet=True, params={"fail": False, "times": 5})
    second = json.loads((folder / "report.json").read_text())
    return pipeline, [(failed.value.result, first), (done, second)]


@pytest.fixture(scope="module")
def there(two: Airflow) -> tuple[fml.PipelineDef, list[Any]]:
    """The chain, run twice by Airflow 2: the states of its tasks, and what it tells at the end."""
    pipeline = chain(two.home)
    pipeline.compile("airflow", two.dags / "features.py", folder=two.home)
    told = []
    for conf in ("{}", '{"fail": false, "times": 5}'):
        done = two.call("dags", "test", "features", "--conf", conf)
        report = json.loads((two.home / "report.json").read_text())
        told.append((done.stdout, report))
    return pipeline, told


STATES = {"success": ("done", "cached"), "failed": ("failed",), "skipped": ("skipped",)}


@pytest.mark.parametrize("which", [0, 1])
def test_every_node_ends_as_it_does_here(which: int, two: Airflow, here: Any, there: Any):
    run = [*two.runs("features")][which]
    tasks = two.tasks("features", run)
    assert tasks.pop("outcome") == ("upstream_failed", "success")[which]
    result = here[1][which][0]
    states = {id: STATES.get(state, ("not run",)) for id, state in tasks.items()}
    assert {id: node.state in states[id] for id, node in result.nodes.items()} == dict.fromkeys(
        tasks, True
    )
    assert two.runs("features")[run] == ("failed", "success")[which]
    assert executed(there[0], f"features.{run}") == executed(here[0], result.run_id)


@pytest.mark.parametrize("which", [0, 1])
def test_exit_steps_know_how_it_ended(which: int, here: Any, there: Any):
    _, ours = here[1][which]
    _, theirs = there[1][which]
    assert theirs["state"] == ours["state"] == ("FAILED", "SUCCEEDED")[which]
    assert theirs["pipelineJobName"] == ours["pipelineJobName"]
    assert theirs["pipelineJobUuid"].startswith("features.manual__")
    if which == 0:
        assert theirs["error"]["message"] == ours["error"]["message"].partition("\n")[0]
        assert "Fussy failed: ValueError: Model: no such luck" in ours["error"]["message"]


def test_parameters_come_from_the_run_and_keep_their_types(here: Any, there: Any, two: Airflow):
    texts = []
    for pipeline, run_id in [
        (here[0], here[1][1][0].run_id),
        (there[0], f"features.{[*two.runs('features')][1]}"),
    ]:
        store = store_of(pipeline)
        outputs = store.outputs(store.of_run(run_id)["Times"].id)
        texts.append(Path(outputs["product"][0].uri).read_text())
    assert texts == [f"15 {TEXT}"] * 2


def test_what_has_not_changed_is_taken_over(there: Any, two: Airflow):
    from ml_metadata import proto as mlmd

    executions = store_of(there[0]).of_run(f"features.{[*two.runs('features')][1]}")
    assert executions["Make"].last_known_state == mlmd.Execution.CACHED
    assert executions["Times"].last_known_state == mlmd.Execution.COMPLETE


@pytest.mark.parametrize("which", [0, 1])
def test_a_run_is_reported_as_one_here(which: int, here: Any, there: Any, two: Airflow):
    """The last of its tasks has written down what there is to tell of it."""
    run_id = f"features.{[*two.runs('features')][which]}"
    pipeline, result = there[0], here[1][which][0]
    record = find(pipeline.settings.pipeline_root, run_id)
    assert record.result.run_id == run_id
    states = {id: node.state for id, node in record.result.nodes.items()}
    assert states == {id: node.state for id, node in result.nodes.items()}
    assert record.ended is not None
    assert record.ended > record.started > time.time() - 1000
    took = {node.state == "done": node.seconds > 0 for node in record.result.nodes.values()}
    assert took == {True: True, False: False}
    assert record.error == ("Fussy failed: ValueError: Model: no such luck", "")[which]
    file = two.home / f"report-{which}.html"
    command = ["report", pipeline.settings.pipeline_root, "--run", run_id, "-o", str(file)]
    assert CliRunner().invoke(cli.app, command).exit_code == 0
    text = file.read_text()
    for node in record.result.nodes.values():
        assert re.search(rf"{node.id}</a></t[dh]>\s*<td[^>]*>{node.state}", text), node.id
    assert ('<section id="error"' in text) == (which == 0)


def test_the_last_run_is_found_whoever_ran_it(there: Any, two: Airflow):
    newest = [*two.runs("features")][1]
    assert find(there[0].settings.pipeline_root).result.run_id == f"features.{newest}"


def test_the_log_of_a_task_is_that_of_its_node(there: Any):
    first, second = (log for log, _ in there[1])
    assert "the product of 3 and 2" in first
    assert "Fussy failed: ValueError: Model: no such luck" in first
    assert "skipped, the condition is_bad does not hold" in first
    assert "Make  0.0 s  cached" in second
    assert "the product of 3 and 5" in second


# -- the taxi chain, under the scheduler of Airflow 3 ----------------------------------------------


def taxi(rows: Path, root: Path) -> fml.PipelineDef:
    from tests.custom_component import CountExamples

    return (
        fml.PipelineDef("taxi", root=root / "artifacts")
        .from_csv(rows)
        .generate_statistics()
        .infer_schema()
        .validate_input_data()
        .preprocess(TAXI_MODEL)
        .train(TAXI_MODEL, train_steps=fml.param("train_steps", 30), eval_steps=5)
        .evaluate_model("tips_xf", metrics=["AUC"], thresholds={"AUC": 0.01})
        .push_to(root / "serving")
        .push_to(root / "perfect", when=fml.metric("AUC") > 0.99999, id="PushPerfect")
        .add_component(CountExamples)
    )


@pytest.mark.timeout(1800)
def test_the_taxi_chain_under_a_real_scheduler(three: Airflow, taxi_rows: Path, tmp_path: Path):
    pipeline = taxi(taxi_rows, three.home)
    pipeline.compile("airflow", three.dags / "taxi.py", folder=three.home, schedule="@once")
    result = taxi(taxi_rows, tmp_path).run(quiet=True)
    with three.scheduling():
        deadline = time.monotonic() + 1200  # two minutes of work, on a machine that has the time
        while not {"success", "failed"} & {*three.runs("taxi").values()}:
            assert time.monotonic() < deadline, (three.home / "scheduler.log").read_text()
            time.sleep(1)
    ((run, state),) = three.runs("taxi").items()
    tasks = three.tasks("taxi", run)
    assert state == "success", f"{tasks}\n{three.logs('taxi')}"
    assert tasks == {
        id: "skipped" if node.state == "skipped" else "success" for id, node in result.nodes.items()
    }
    assert executed(pipeline, f"taxi.{run}") == {
        id: {key: [one.type for one in made] for key, made in node.outputs.items()}
        for id, node in result.nodes.items()
        if node.state != "skipped"
    }
    assert (
        len([*(three.home / "serving").iterdir()]) == len([*(tmp_path / "serving").iterdir()]) == 1
    )
    assert not (three.home / "perfect").exists()
    # What a task there made is what a run here would take over.
    told = pipeline.plan()
    assert told.count("  HIT") >= 8, told
