"""Nodes run in processes of their own: side by side, and the death of one is a failed node."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import fluentml as fml
from fluentml.graph import Settings
from tests.conftest import run_and_watch
from tests.messages import message_of

pytestmark = pytest.mark.tfx

WAITS = """
import os, signal, time
from pathlib import Path

def schema_fn(schema):
    if IS_DEAF:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    Path(PIDS).write_text(f"{os.getpid()} {os.getppid()}")
    while True:
        time.sleep(1)
"""
PROGRAM = """
import fluentml as fml
from fluentml.local import workers
chain = fml.PipelineDef("p").with_imported_schema("schema.pbtxt").curate_schema("waits.py")
workers.PATIENCE_S = 300
chain.run(workers=1)
"""


def meeting(folder: Path) -> fml.PipelineDef:
    """Return two nodes that wait for each other, and one that reads from the first."""
    from tests import processes

    chain = fml.PipelineDef("p", root=folder / "a")
    for own, others in (("one", "two"), ("two", "one")):
        arguments = {"own": str(folder / own), "others": str(folder / others)}
        chain = chain.add_component(processes.Meets, arguments=arguments, id=own)
    return chain.add_component(processes.Tells, inputs={"number": "one.pid"})


def value(result, output: str) -> int:
    (artifact,) = result.artifacts(output)
    return int(Path(artifact.uri).read_text())


def children(pid: int) -> list[int]:
    return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until_gone(*pids: int) -> bool:
    end = time.monotonic() + 20
    while any(map(is_there, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(is_there, pids))


def test_independent_nodes_run_side_by_side_and_a_line_in_one_process(tmp_path: Path):
    from fluentml.local import workers

    result = meeting(tmp_path).run(quiet=True, workers=2)
    assert result.succeeded
    pids = {id: value(result, f"{id}.pid") for id in ("one", "two", "Tells")}
    assert pids["one"] != pids["two"]
    assert os.getpid() not in pids.values()
    # What only one reads goes on where that ran.
    assert pids["Tells"] == pids["one"]
    assert f"seen {pids['one']}" in Path(result.log).read_text()
    assert until_gone(*pids.values(), *children(workers.server().process.pid))


def test_in_this_process(tmp_path: Path):
    from tests import processes

    arguments = {"own": str(tmp_path / "one"), "others": str(tmp_path / "one")}
    chain = fml.PipelineDef("p", root=tmp_path / "a")
    chain = chain.add_component(processes.Meets, arguments=arguments)
    assert value(chain.run(quiet=True, workers=0), "pid") == os.getpid()
    text = message_of(fml.BackendError, chain.run, workers=-1)
    assert text.splitlines() == [
        "LocalBackend does not take workers=-1.",
        "Hint: it should be greater than or equal to 0.",
    ]


def test_what_lives_in_the_running_script_does_not_travel():
    from fluentml.local.workers import packed

    class Mine:
        SPEC_CLASS = None

    chain = fml.PipelineDef("p").from_csv("data").generate_statistics()
    assert packed(chain.graph)
    chain = chain.add_component(lambda statistics: statistics, id="Lambda")
    assert packed(chain.graph)

    def component(statistics):
        return statistics

    component.__module__ = "__main__"
    assert packed(chain.add_component(component).graph) is None


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("exit", "its process ended with the exit code 9."),
        ("kill", "its process was killed (SIGKILL)."),
        ("segfault", "its process crashed (SIGSEGV)."),
    ],
)
def test_a_process_that_dies_is_a_failed_node(tmp_path: Path, how: str, words: str):
    from ml_metadata import proto as mlmd

    from fluentml.local.store import Store
    from tests import processes

    chain = fml.PipelineDef("p", root=tmp_path).import_artifact(tmp_path, "Model", id="Before")
    chain = chain.add_component(processes.Dies, arguments={"how": how})
    with pytest.raises(fml.RunError) as caught:
        chain.run(quiet=True, workers=1)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"Dies failed: {words}"
    assert lines[-1].startswith("Hint: ")
    nodes = caught.value.result.nodes
    assert (nodes["Before"].state, nodes["Dies"].state) == ("done", "failed")
    # Nothing is left half done, nor for ever running.
    executions = Store(chain.settings).mlmd.get_executions()
    states = {one.last_known_state for one in executions}
    assert states == {mlmd.Execution.COMPLETE, mlmd.Execution.FAILED}
    assert not [*(tmp_path / "p/Dies").glob("never/*")]


def states(folder: Path) -> dict[str, int]:
    """Return the state of the last execution of each node, as ML Metadata has it."""
    from fluentml.stores.connection import opened
    from fluentml.stores.healing import node_of

    store = opened(Settings(name="p", root=str(folder)))
    return {node_of(store, one.id): one.last_known_state for one in store.get_executions()}


def test_on_says_how_often_and_with_what(tmp_path: Path):
    from tests import processes

    chain = fml.PipelineDef("p", root=tmp_path)
    chain = chain.add_component(processes.Flaky, arguments={"file": str(tmp_path / "tried")})
    run = run_and_watch(chain.on("Flaky", retries=1, env={"COLOUR": "red"}), workers=1)
    (artifact,) = run.result.artifacts("colour")
    assert Path(artifact.uri).read_text() == "red"
    assert "COLOUR" not in os.environ
    assert (
        "  Flaky failed, and is tried again in 1 s: its process ended with the exit code 9."
        in run.screen.splitlines()
    )
    assert len([*(tmp_path / "p/Flaky/colour").iterdir()]) == 1
    assert chain.on("Flaky", env={"COLOUR": "red"}).run(quiet=True).nodes["Flaky"].state == "cached"
    changed = chain.on("Flaky", env={"COLOUR": "blue"}).run(quiet=True).nodes["Flaky"].changed
    assert changed == ("COLOUR red → blue",)


def test_a_node_that_takes_too_long_and_what_is_independent_of_it(tmp_path: Path):
    from ml_metadata import proto as mlmd

    from tests import processes

    chain = fml.PipelineDef("p", root=tmp_path)
    chain = chain.add_component(processes.Sleeps, arguments={"seconds": 600})
    chain = chain.add_component(processes.Tells, inputs={"number": "Sleeps.slept"})
    chain = chain.add_component(processes.Sleeps, arguments={"seconds": 2}, id="Nap")
    chain = chain.add_component(processes.Tells, inputs={"number": "Nap.slept"}, id="Awake")
    with pytest.raises(fml.RunError) as caught:
        chain.on("Sleeps", timeout="1s").run(quiet=True, workers=2, on_failure="finish")
    assert str(caught.value).splitlines()[0] == (
        "Sleeps failed: it took longer than on('Sleeps', timeout='1s') allows."
    )
    result = caught.value.result
    assert {id: node.state for id, node in result.nodes.items()} == {
        "Sleeps": "failed",
        "Tells": "not run",
        "Nap": "done",
        "Awake": "done",
    }
    done, failed = mlmd.Execution.COMPLETE, mlmd.Execution.FAILED
    assert states(tmp_path) == {"Sleeps": failed, "Nap": done, "Awake": done}


def test_a_failure_ends_what_runs_beside_it(tmp_path: Path):
    from ml_metadata import proto as mlmd

    from tests import processes

    chain = fml.PipelineDef("p", root=tmp_path)
    chain = chain.add_component(processes.Sleeps, arguments={"seconds": 600})
    chain = chain.add_component(processes.Dies, arguments={"how": "kill"})
    with pytest.raises(fml.RunError) as caught:
        chain.run(quiet=True, workers=2)
    assert caught.value.node == "Dies"
    assert caught.value.result.nodes["Sleeps"].state == "interrupted"
    executions = {"Sleeps": mlmd.Execution.CANCELED, "Dies": mlmd.Execution.FAILED}
    assert states(tmp_path) == executions
    assert [*(tmp_path / "p/Sleeps").glob("slept/*")] == []


def test_the_end_of_the_process_that_forks_is_one_of_the_node(tmp_path: Path):
    from tests import processes

    chain = fml.PipelineDef("p", root=tmp_path)
    chain = chain.add_component(processes.Dies, arguments={"how": "server"})
    with pytest.raises(fml.RunError) as caught:
        chain.run(quiet=True, workers=1)
    assert caught.value.what == ("Dies failed: The process that loads TFX ended before its time.")


@pytest.fixture
def running(tmp_path: Path, request: pytest.FixtureRequest):
    """A program that runs a node which waits for ever, and the node's process and the server's."""
    (tmp_path / "schema.pbtxt").write_text('feature { name: "x" type: INT }')
    is_deaf = getattr(request, "param", False)
    head = f"PIDS, IS_DEAF = {str(tmp_path / 'pids')!r}, {is_deaf}\n"
    (tmp_path / "waits.py").write_text(f"{head}{WAITS}")
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    try:
        end = time.monotonic() + 120
        while not (tmp_path / "pids").exists() and time.monotonic() < end:
            time.sleep(0.1)
        time.sleep(0.2)
        node, server = map(int, (tmp_path / "pids").read_text().split())
        yield program, node, server
    finally:
        program.kill()
        program.wait()


def test_no_process_outlives_one_that_is_killed(running):
    program, node, server = running
    assert is_there(node)
    assert is_there(server)
    program.kill()
    program.wait()
    assert until_gone(node, server)


def test_an_interrupt_ends_the_run_and_its_processes(running, tmp_path: Path):
    from ml_metadata import proto as mlmd

    program, node, server = running
    program.send_signal(signal.SIGINT)
    out, _ = program.communicate(timeout=60)
    assert " interrupted" in out
    assert program.returncode not in (0, None)
    assert until_gone(node, server)
    root = tmp_path / "artifacts"
    assert states(root)["SchemaCuration"] == mlmd.Execution.CANCELED
    assert [*root.glob("p/SchemaCuration/curated_schema/*")] == []
    assert [*root.glob("p/_runs/*.lock")] == [root / "p/_runs/.lock"]


@pytest.mark.parametrize("running", [True], indirect=True)
def test_a_second_interrupt_ends_it_at_once(running, tmp_path: Path):
    from ml_metadata import proto as mlmd

    program, node, server = running
    program.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        program.wait(1)
    assert is_there(node)
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=60)
    assert until_gone(node, server)
    assert states(tmp_path / "artifacts")["SchemaCuration"] == mlmd.Execution.CANCELED
