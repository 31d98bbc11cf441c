"""Faults befall real processes; who goes on afterwards has what an undisturbed run has.

This is the short part; `make faults` also kills at every moment that there is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.killing import as_if_undisturbed, kill_at_each, points
from tests.faults.subject import lay_out
from tests.faults.traces import blemishes, made, served

pytestmark = pytest.mark.tfx


def wait_for(path: Path) -> None:
    for _ in range(2400):
        if path.exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} never came")


# -- killed ----------------------------------------------------------------------------------------


def test_killed_at_the_moments_that_matter(subjects, undisturbed, tmp_path):
    known = points(undisturbed)
    copies = [n for n, point in enumerate(known) if point == "fileio.copy begins"]
    published = [n for n, point in enumerate(known) if point == "store.put_execution ended"]
    renamed = next(n for n, point in enumerate(known) if point.startswith("shutil.rmtree .pushing"))
    moments = {
        known.index("store.put_contexts begins"),  # ML Metadata knows of nothing
        known.index("open 3"),  # in the middle of a model
        copies[len(copies) // 2],  # in the middle of a push
        renamed,  # pushed, and not published
        published[5],  # published, and not in the cache
        len(known) - 2,  # all is done, and nobody knows
    }
    kill_at_each(sorted(moments), subjects, tmp_path, undisturbed)


def test_killed_in_the_middle_of_a_transaction(subjects, undisturbed, tmp_path):
    """What SQLite has half written is taken back, whoever reads it first."""
    folder = lay_out(tmp_path / "place")
    (folder / "Compare breaks").touch()
    assert subjects.run(folder)[0] == 1
    (folder / "Compare breaks").unlink()
    file = folder / "artifacts/p/metadata.db"
    program = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA cache_size = 1")
database.execute("BEGIN IMMEDIATE")
database.execute("UPDATE Execution SET last_known_state = 1")
rows = [(str(number) * 500,) for number in range(500)]
database.executemany("INSERT INTO Context (type_id, name) VALUES (1, ?)", rows)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", program, file], check=False)
    assert done.returncode == -9
    assert file.with_name("metadata.db-journal").stat().st_size > 0
    assert subjects.run(folder) == (0, "")
    as_if_undisturbed(folder, undisturbed)


# -- side by side ----------------------------------------------------------------------------------


def test_two_runs_at_a_time(subjects, undisturbed, tmp_path):
    """Both make all; one that is killed is none of the other's business."""
    folder = lay_out(tmp_path / "place")
    both = [subjects.start(folder, anew=True) for _ in range(2)]
    for process in both:
        process.join(300)
        assert process.exitcode == 0, (folder / "said").read_text()
    assert blemishes(folder) == []
    assert made(folder) == made(undisturbed)
    assert served(folder) == 2 * served(undisturbed)


def test_a_run_beside_one_that_is_killed(subjects, undisturbed, tmp_path):
    folder = lay_out(tmp_path / "place")
    (folder / "Study's end waits").touch()
    killed = subjects.start(folder)
    wait_for(folder / "ran")
    other = subjects.start(folder, anew=True)
    for _ in range(2400):
        if (folder / "ran").read_text().count("Study's end") == 2:
            break
        time.sleep(0.05)
    killed.kill()
    killed.join()
    (folder / "Study's end waits").unlink()
    other.join(300)
    assert other.exitcode == 0
    # The killed one is found dead by the next one, and resumed by nobody: a later run succeeded.
    assert subjects.run(folder) == (0, "")
    assert made(folder) == made(undisturbed)
    assert served(folder) == served(undisturbed)


# -- disks -----------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A small disk."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


def test_a_disk_that_is_full(subjects, undisturbed, disk):
    folder = lay_out(disk / "place")
    code, said = subjects.run(folder)
    assert code == 1
    assert said.startswith("Pusher failed: The disk of ")
    assert "Hint: make room (`fluentml gc` clears old artifacts away)" in said
    assert served(folder) == []
    remount(disk, "size=20m")
    assert subjects.run(folder) == (0, "")
    as_if_undisturbed(folder, undisturbed)


def test_a_quota_that_is_used_up(subjects, undisturbed, tmp_path):
    folder = lay_out(tmp_path / "place")
    code, said = subjects.run(folder, file_size=2_000_000)
    assert (code, said) == (0, "")


def test_a_disk_that_becomes_read_only(subjects, undisturbed, disk):
    remount(disk, "size=20m")
    folder = lay_out(disk / "place")
    (folder / "Compare breaks").touch()
    assert subjects.run(folder)[0] == 1
    (folder / "Compare breaks").unlink()
    (folder / "said").unlink()


# -- metadata --------------------------------------------------------------------------------------


def truncate(file: Path) -> None:
    os.truncate(file, 40_000)


def scribble(file: Path) -> None:
    file.write_bytes(os.urandom(50_000))


def empty(file: Path) -> None:
    os.truncate(file, 0)


def remove(file: Path) -> None:
    file.unlink()


def test_metadata_that_are_damaged_between_a_failure_and_its_resumption(
    subjects, undisturbed, tmp_path
):
    folder = lay_out(tmp_path / "place")
    (folder / "Compare breaks").touch()
    assert subjects.run(folder)[0] == 1
    (folder / "Compare breaks").unlink()
    file = folder / "artifacts/p/metadata.db"
    copy = shutil.copy(file, tmp_path / "copy")
    for damage, what in (
        (truncate, "is damaged: database disk image is malformed."),
        (scribble, "is damaged: file is not a database."),
        (empty, "The metadata store knows 0 executions, and there is "),
        (remove, "The metadata store knows 0 executions, and there is "),
    ):
        damage(file)
        code, said = subjects.run(folder)
        assert code == 1
        first, hint = said.split("\n")
        assert what in first
        assert hint.startswith("Hint: ")
    shutil.copy(copy, file)
    assert subjects.run(folder) == (0, "")
    as_if_undisturbed(folder, undisturbed)
