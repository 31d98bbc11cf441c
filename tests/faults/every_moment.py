"""The long part, by `make faults`: killed at every moment that there is, and at random ones."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fluentml.loading import load
from tests.conftest import EXAMPLES
from tests.faults.killing import as_if_undisturbed, kill_at_each, points
from tests.faults.subject import lay_out
from tests.faults.traces import blemishes

PARTS = 8


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_every_moment(subjects, undisturbed, tmp_path, part):
    kill_at_each(range(part, len(points(undisturbed)), PARTS), subjects, tmp_path, undisturbed)


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_moments_until_it_comes_to_an_end(subjects, undisturbed, tmp_path, seed):
    """Again and again, also while it goes on."""
    folder, chance = lay_out(tmp_path / "place"), random.Random(seed)
    for _ in range(8):
        process = subjects.start(folder)
        process.join(chance.uniform(0.5, 4))
        process.kill()
        process.join()
    assert subjects.run(folder) == (0, "")
    as_if_undisturbed(folder, undisturbed)


@pytest.mark.parametrize("seed", range(3))
def test_two_at_a_time_are_killed_at_random_moments(subjects, undisturbed, tmp_path, seed):
    folder, chance = lay_out(tmp_path / "place"), random.Random(seed)
    for _ in range(4):
        both = [subjects.start(folder, anew=True) for _ in range(2)]
        for process in both:
            process.join(chance.uniform(0.5, 4))
            process.kill()
            process.join()
    assert subjects.run(folder, anew=True) == (0, "")
    assert blemishes(folder) == []
    assert subjects.run(folder) == (0, "")


def wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 600
    while time.monotonic() < until:
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it never came to that")


def journal(root: Path) -> list[dict]:
    """Return what the journal of the last run tells."""
    files = sorted(root.glob("_runs/*.jsonl"))
    lines = files[-1].read_text().splitlines() if files else []
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("node", ["CsvExampleGen", "Transform", "Trainer", "Pusher"])
def test_iris_is_killed_between_its_nodes(tmp_path, node):
    """The command line, with nodes in processes of their own, as a person has it."""
    shutil.copy(EXAMPLES / "iris.py", tmp_path)
    command = [sys.executable, "-m", "fluentml"]
    started = subprocess.Popen([*command, "run", "iris.py", "-q"], cwd=tmp_path)
    root = tmp_path / "artifacts/iris"
    try:
        wait_for(lambda: any(entry.get("node") == node for entry in journal(root)))
    finally:
        started.kill()
        started.wait()
    finished = journal(root)
    done = subprocess.run(
        [*command, "resume", "--json"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["succeeded"]
    assert result["resumes"] == sorted(root.glob("_runs/*.jsonl"))[0].stem
    states = {one["id"]: one["state"] for one in result["nodes"]}
    assert [*states] == [one.id for one in load(str(EXAMPLES / "iris.py")).graph.nodes]
    # What came before was not repeated, unless it ran beside the one at which all was killed.
    before = [entry["node"] for entry in finished if "key" in entry]
    assert {states[id] for id in before[: before.index(node) - 1]} <= {"cached"}
    assert len([*(tmp_path / "serving/iris").iterdir()]) == 1
