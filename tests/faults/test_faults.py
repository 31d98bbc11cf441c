"""Faults befall real processes; who goes on afterwards has what an undisturbed run has.

This is the short part; `make faults` also kills at every moment that there is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.killing import as_if_undisturbed, kill_at_each, points
from tests.faults.subject import lay_out
from tests.faults.traces import blemishes, made, served

pytestmark = pytest.mark.tfx


def wait_for(folder: Path, step: str, times: int = 1) -> None:
    """Wait until a step is at work."""
    for _ in range(2400):
        ran = folder / "ran"
        if ran.exists() and ran.read_text().split("\n").count(step) == times:
            return
        time.sleep(0.05)
    raise AssertionError(f"it never came to {step}")


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
        assert process.exitcode == 0
    assert blemishes(folder) == []
    assert made(folder) == made(undisturbed)
    assert served(folder) == 2 * served(undisturbed)


def test_a_run_beside_one_that_is_killed(subjects, undisturbed, tmp_path):
    folder = lay_out(tmp_path / "place")
    (folder / "Study's end waits").touch()
    killed = subjects.start(folder)
    wait_for(folder, "Study's end")
    other = subjects.start(folder, anew=True)
    wait_for(folder, "Study's end", times=2)
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


def test_files_that_may_not_be_large(subjects, undisturbed, tmp_path):
    folder = lay_out(tmp_path / "place")
    (folder / "Study writes much").touch()
    code, said = subjects.run(folder, file_size=2_000_000)
    assert code == 1
    assert said.startswith("Study failed: OSError: [Errno 27] File too large\n")
    (folder / "Study writes much").unlink()
    assert subjects.run(folder, file_size=2_000_000) == (0, "")
    as_if_undisturbed(folder, undisturbed)


def test_a_disk_that_becomes_read_only(subjects, undisturbed, disk):
    remount(disk, "size=20m")
    folder = lay_out(disk / "place")
    (folder / "Compare breaks").touch()
    assert subjects.run(folder)[0] == 1
    (folder / "Compare breaks").unlink()
    remount(disk, "ro")
    assert subjects.run(folder) == (
        1,
        f"The run cannot write to {str(folder / 'artifacts/p/_runs')!r}: Read-only file system.\n"
        "Hint: choose another root: PipelineDef('p', root=…).",
    )
    remount(disk, "rw")
    assert subjects.run(folder) == (0, "")
    as_if_undisturbed(folder, undisturbed)


def test_a_file_that_may_not_be_read(subjects, undisturbed):
    """As somebody who may not do everything; pytest's own folders are closed to others."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = lay_out(Path(name) / "place")
        rows = folder / "rows/a.csv"
        rows.chmod(0)
        user = None
        if os.geteuid() == 0:
            user = "nobody"
            subprocess.run(["chown", "-R", user, name], check=True)
        code, said = subjects.run(folder, user=user)
        assert code == 1
        assert "from_csv() cannot read the file 'rows/a.csv': this user may not." in said
        assert not (folder / "artifacts").exists()
        rows.chmod(0o644)
        assert subjects.run(folder, user=user) == (0, "")
        as_if_undisturbed(folder, undisturbed)


# -- processes of nodes ----------------------------------------------------------------------------


@pytest.fixture
def small_memory() -> Iterator[Path]:
    """A group of processes that may have 200 MB."""
    for place, limit in (("memory", "memory.limit_in_bytes"), ("", "memory.max")):
        group = Path("/sys/fs/cgroup", place, f"fluentml-{os.getpid()}")
        try:
            group.mkdir()
            (group / limit).write_text(str(200 * 2**20))
            break
        except OSError:
            if group.exists():
                group.rmdir()
    else:
        pytest.skip("no group of processes can be made here")
    try:
        yield group
    finally:
        group.rmdir()


def test_a_node_for_which_memory_does_not_suffice(subjects, undisturbed, small_memory, tmp_path):
    folder = lay_out(tmp_path / "place")
    (folder / "Study fills memory").write_text(str(small_memory))
    code, said = subjects.run(folder, workers=1)
    assert code == 1
    assert said.startswith("Study failed: its process was killed (SIGKILL).\n")
    assert "Hint: the system does so where memory runs out" in said
    assert "To go on: pipeline.resume()" in said
    (folder / "Study fills memory").unlink()
    assert subjects.run(folder) == (0, "")
    as_if_undisturbed(folder, undisturbed)


def test_killed_while_a_process_of_its_own_runs_a_node(subjects, undisturbed, tmp_path):
    folder = lay_out(tmp_path / "place")
    waits = folder / "Study's end waits"
    waits.touch()
    killed = subjects.start(folder, workers=1)
    wait_for(folder, "Study's end")
    killed.kill()
    waits.unlink()
    killed.join()
    assert subjects.run(folder) == (0, "")
    as_if_undisturbed(folder, undisturbed)


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
