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
from fluentml.local import workers
from fluentml.local.run import _before
from tests.messages import message_of

pytestmark = pytest.mark.tfx

WAITS = """
import os, time
from pathlib import Path

def schema_fn(schema):
    Path(PIDS).write_text(f"{os.getpid()} {os.getppid()}")
    while True:
        time.sleep(1)
"""
PROGRAM = """
import fluentml as fml
chain = fml.PipelineDef("p").with_imported_schema("schema.pbtxt").curate_schema("waits.py")
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
    result = meeting(tmp_path).run(quiet=True, workers=2)
    assert result.succeeded
    pids = {id: value(result, f"{id}.pid") for id in ("one", "two", "Tells")}
    assert pids["one"] != pids["two"]
    assert os.getpid() not in pids.values()
    # What only one reads goes on where that ran.
    assert pids["Tells"] == pids["one"]
    assert f"seen {pids['one']}" in Path(result.log).read_text()
    assert until_gone(*pids.values(), *children(workers.server().process.pid))


def test_what_looks_back_keeps_its_place(tmp_path: Path):
    chain = fml.PipelineDef("p", root=tmp_path).import_artifact(tmp_path, "Model", id="Before")
    chain = chain.resolve("latest", {"model": "Model"}, id="Latest")
    chain = chain.import_artifact(tmp_path, "Model", id="Behind", reimport=True)
    chain = chain.import_artifact(tmp_path, "Schema", id="Other")
    before = _before(chain.graph)
    assert before == {"Before": set(), "Latest": {"Before"}, "Behind": {"Latest"}, "Other": set()}


def test_in_this_process(tmp_path: Path):
    from tests import processes

    arguments = {"own": str(tmp_path / "one"), "others": str(tmp_path / "one")}
    chain = fml.PipelineDef("p", root=tmp_path / "a")
    chain = chain.add_component(processes.Meets, arguments=arguments)
    assert value(chain.run(quiet=True, workers=0), "pid") == os.getpid()
    text = message_of(fml.BackendError, chain.run, workers=-1)
    assert text.startswith("LocalBackend does not take workers=-1.")


def test_what_lives_in_the_running_script_does_not_travel():
    class Mine:
        SPEC_CLASS = None

    chain = fml.PipelineDef("p").from_csv("data").generate_statistics()
    assert workers.packed(chain.graph)
    chain = chain.add_component(lambda statistics: statistics, id="Lambda")
    assert workers.packed(chain.graph)

    def component(statistics):
        return statistics

    component.__module__ = "__main__"
    assert workers.packed(chain.add_component(component).graph) is None


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


@pytest.fixture
def running(tmp_path: Path):
    """A program that runs a node which waits for ever, and the node's process and the server's."""
    (tmp_path / "schema.pbtxt").write_text('feature { name: "x" type: INT }')
    (tmp_path / "waits.py").write_text(f"PIDS = {str(tmp_path / 'pids')!r}\n{WAITS}")
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


def test_an_interrupt_ends_the_run_and_its_processes(running):
    program, node, server = running
    program.send_signal(signal.SIGINT)
    out, _ = program.communicate(timeout=60)
    assert " interrupted" in out
    assert program.returncode not in (0, None)
    assert until_gone(node, server)
