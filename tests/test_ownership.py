"""Runs side by side, and runs that were killed: nothing RUNNING for ever, nothing half."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fluentml as fml
from fluentml.errors import BackendError
from fluentml.graph import Settings
from tests.conftest import EXAMPLES
from tests.messages import message_of

pytestmark = pytest.mark.tfx

PROGRAM = """
    import sys
    import fluentml as fml
    from tests.custom_component import Wait
    root, rows, file = sys.argv[1:]
    chain = fml.PipelineDef("p", root=root).cache().from_csv(rows)
    chain.add_component(Wait, arguments={"file": file}).run(quiet=True)
"""


def wait_for(true: Callable[[], Any], *processes: subprocess.Popen) -> None:
    for _ in range(2400):
        if true():
            return
        for process in processes:
            assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError("it never came to that")


def start(root: Path, file: Path) -> subprocess.Popen:
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), root, root / "rows", file]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=EXAMPLES.parent)


def executions(root: Path) -> dict[int, Any]:
    from fluentml.stores.connection import opened

    store = opened(Settings(name="p", root=str(root)))
    return {execution.id: execution for execution in store.get_executions()}


def test_two_runs_at_a_time_and_one_of_them_killed(tmp_path):
    from ml_metadata import proto as mlmd

    from tests.custom_component import Wait

    state = mlmd.Execution
    (tmp_path / "rows").mkdir()
    rows = "x,y\n" + "".join(f"{n},{n % 3}\n" for n in range(60))
    (tmp_path / "rows/a.csv").write_text(rows)
    folder = tmp_path / "p"
    both = [start(tmp_path, tmp_path / f"go{n}") for n in (1, 2)]
    wait_for(lambda: len([*folder.glob("Wait/half/*/half")]) == 2, *both)

    # Both are alive: nobody may clear up, and nobody takes them for dead.
    living = sorted(path.stem for path in folder.glob("_runs/2*.lock"))
    assert len(living) == 2
    assert message_of(BackendError, fml.gc, folder) == (
        f"A run of 'p' is going on: {', '.join(living)}.\nHint: clear up when it has ended."
    )
    assert fml.gc(folder, dry_run=True).artifacts == 0
    chain = fml.PipelineDef("p", root=tmp_path).cache().from_csv(tmp_path / "rows")
    third = chain.run(quiet=True)
    assert third.nodes["CsvExampleGen"].state == "cached"
    running = [e.id for e in executions(tmp_path).values() if e.last_known_state == state.RUNNING]
    assert len(running) == 2

    # One is killed, and the other goes on to its end.
    both[0].kill()
    both[0].wait()
    (tmp_path / "go2").touch()
    assert both[1].wait() == 0, both[1].communicate()
    (dead,) = [path.stem for path in folder.glob("_runs/2*.lock")]
    (left,) = [e.id for e in executions(tmp_path).values() if e.last_known_state == state.RUNNING]
    assert (folder / f"Wait/half/{left}/half").exists()

    # The next run heals what the killed one left, and nothing else.
    done = chain.add_component(Wait, arguments={"file": ""}).run(quiet=True)
    assert done.succeeded
    healed = executions(tmp_path)
    assert healed[left].last_known_state == state.FAILED
    told = json.loads(healed[left].custom_properties["__execution_result__"].string_value)
    assert told == {"code": 1, "resultMessage": "The process that ran it was killed."}
    assert not (folder / f"Wait/half/{left}").exists()
    assert not (folder / f"Wait/.system/executor_execution/{left}").exists()
    assert {id for id in running if id != left} < {*map(int, names(folder / "Wait/half"))}
    assert not [e for e in healed.values() if e.last_known_state == state.RUNNING]
    assert names(folder / "_runs", "*.lock") == [".lock"]
    assert f"Wait of run {dead} was killed: marked as failed." in Path(done.log).read_text()


def names(folder: Path, pattern: str = "*") -> list[str]:
    return sorted(path.name for path in folder.glob(pattern))


def test_an_interrupted_run_leaves_nothing_running(tmp_path, monkeypatch):
    from ml_metadata import proto as mlmd

    from tests.custom_component import Wait

    (tmp_path / "rows").mkdir()
    (tmp_path / "rows/a.csv").write_text("x\n1\n2\n3\n")

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tests.custom_component.time.sleep", interrupt)
    chain = fml.PipelineDef("p", root=tmp_path).from_csv(tmp_path / "rows")
    with pytest.raises(KeyboardInterrupt):
        chain.add_component(Wait, arguments={"file": str(tmp_path / "go")}).run(
            quiet=True, workers=0
        )
    states = {id: found.last_known_state for id, found in executions(tmp_path).items()}
    assert states == {1: mlmd.Execution.COMPLETE, 2: mlmd.Execution.CANCELED}
    assert names(tmp_path / "p/Wait/half") == []
    assert names(tmp_path / "p/_runs", "*.lock") == [".lock"]


def test_runs_wait_for_nobody_who_clears_up(tmp_path):
    from fluentml.stores.ownership import alone, running

    settings = Settings(name="p", root=str(tmp_path))
    (tmp_path / "p/_runs").mkdir(parents=True)
    with alone(settings), pytest.raises(BackendError) as error, running(settings, "20260101-1"):
        pass
    assert str(error.value) == (
        f"`fluentml gc` is clearing up {str(tmp_path / 'p')!r} just now.\n"
        "Hint: run again in a moment."
    )
    with running(settings, "20260101-1"), running(settings, "20260101-2"):
        assert names(tmp_path / "p/_runs", "2*") == ["20260101-1.lock", "20260101-2.lock"]
    assert names(tmp_path / "p/_runs", "2*") == []
