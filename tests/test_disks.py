"""Disks, files and databases that are not fit for a run: one sentence, and nothing is lost."""

from __future__ import annotations

import contextlib
import os
import pwd
import resource
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import fluentml as fml
from fluentml.errors import BackendError, RunError
from tests.messages import message_of, problems_of

EXAMPLE = "x,y\n" + "".join(f"{n},{n % 3}\n" for n in range(60))


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of somebody who may not do everything, as whom the test runs."""
    nobody = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    # pytest's own folders are closed to others.
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        if nobody:
            os.chown(name, nobody.pw_uid, nobody.pw_gid)
            os.seteuid(nobody.pw_uid)
        try:
            (Path(name) / "rows").mkdir()
            (Path(name) / "rows/a.csv").write_text(EXAMPLE)
            yield Path(name)
        finally:
            if nobody:
                os.seteuid(0)
            subprocess.run(["chmod", "-R", "u+rwx", name], check=True)


def reading(folder: Path) -> fml.PipelineDef:
    return fml.PipelineDef("p", root=folder / "artifacts").cache().from_csv(folder / "rows")


# -- what may not be read --------------------------------------------------------------------------


def test_files_that_this_user_may_not_read(folder):
    module = folder / "model.py"
    module.write_text("def run_fn(fn_args): ...\n")
    schema = folder / "schema.pbtxt"
    schema.touch()
    chain = reading(folder).with_imported_schema(schema).train(module, train_steps=1)
    assert problems_of(chain) == []
    for path in (data := folder / "rows/a.csv", module, schema):
        path.chmod(0)
    found = problems_of(chain)
    assert len(found) == 3
    assert (
        f"from_csv() cannot read the file {str(data)!r}: this user may not.\n"
        f"Hint: give it the right (chmod +r {data}), or run as another user."
    ) in found
    data.parent.chmod(0o200)
    assert (
        f"from_csv() cannot look into the folder {str(data.parent)!r}: this user may not.\n"
        f"Hint: give it the right (chmod +rx {data.parent}), or run as another user."
    ) in problems_of(chain)


# -- what may not be written -----------------------------------------------------------------------


@pytest.mark.tfx
def test_a_file_size_that_no_artifact_fits_in(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    chain = reading(tmp_path)
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows/a.csv").write_text(EXAMPLE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        said = message_of(BackendError, chain.run, quiet=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert said.splitlines()[0] == (
        f"The run cannot write to {str(tmp_path / 'artifacts/p/_runs')!r}: File too large."
    )


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A disk of 4 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.tfx
@pytest.mark.parametrize("leaves_room", [True, False])
def test_a_disk_that_fills_up(small_disk, tmp_path, leaves_room):
    from tests.custom_component import Fill

    (tmp_path / "rows").mkdir()
    (tmp_path / "rows/a.csv").write_text(EXAMPLE)
    ballast = small_disk / "ballast"
    chain = (
        fml.PipelineDef("p", root=small_disk)
        .cache()
        .from_csv(tmp_path / "rows")
        .add_component(Fill, arguments={"file": "" if leaves_room else str(ballast)})
    )
    with pytest.raises(RunError) as error:
        chain.run(quiet=True, workers=1)
    assert error.value.what.startswith("Fill failed: The disk of ")
    assert " is full, 0 MB free" in error.value.what or leaves_room
    assert error.value.hint.startswith("make room (`fluentml gc`")
    assert [*small_disk.glob("p/Fill/filled/*")] == [] or not leaves_room
    states = {id: node.state for id, node in error.value.result.nodes.items()}
    assert states == {"CsvExampleGen": "done", "Fill": "failed"}
    ballast.unlink(missing_ok=True)
    # What was done is there, and what was not is no more.
    result = chain.run(quiet=True, to="CsvExampleGen")
    assert result.nodes["CsvExampleGen"].state == "cached"
    assert [*small_disk.glob("p/Fill/filled/*")] == []
    assert [*small_disk.glob("p/_runs/*.lock")] == [small_disk / "p/_runs/.lock"]
    with contextlib.closing(sqlite3.connect(small_disk / "p/metadata.db")) as database:
        found = database.execute("SELECT last_known_state FROM Execution ORDER BY id").fetchall()
    assert found == [(3,), (4,), (5,)]  # complete, failed, cached


@pytest.mark.tfx
def test_a_disk_that_is_read_only(small_disk):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert message_of(BackendError, fml.PipelineDef("p", root=small_disk).run, quiet=True) == (
        f"The run cannot write to {str(small_disk / 'p/_runs')!r}: Read-only file system.\n"
        "Hint: choose another root: PipelineDef('p', root=…)."
    )


@pytest.mark.tfx
def test_a_full_disk_is_told_before_anything_runs(small_disk):
    (small_disk / "ballast").write_bytes(bytes(3_500_000))
    chain = fml.PipelineDef("p", root=small_disk)
    said = message_of(BackendError, chain.run, quiet=True)
    assert said.startswith(f"The disk of {str(small_disk / 'p/_runs')!r} is full, ")


@pytest.mark.tfx
def test_a_metadata_file_that_has_no_place(tmp_path):
    (tmp_path / "file").touch()
    chain = fml.PipelineDef("p", root=tmp_path).with_metadata(tmp_path / "file/in/m.db")
    assert message_of(BackendError, chain.run, quiet=True) == (
        f"The folder of the metadata file {str(tmp_path / 'file/in/m.db')!r} cannot be made: "
        "Not a directory.\nHint: name another file: .with_metadata(…)."
    )


# -- metadata files --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def metadata(tmp_path_factory) -> Path:
    """A metadata file as a run leaves it."""
    from fluentml.graph import Settings
    from fluentml.stores.connection import opened

    root = tmp_path_factory.mktemp("metadata")
    opened(Settings(name="p", root=str(root)))
    return root / "p/metadata.db"


def truncate(file: Path) -> None:
    os.truncate(file, 40_000)


def scribble(file: Path) -> None:
    file.write_bytes(os.urandom(50_000))


def overwrite(file: Path) -> None:
    with file.open("r+b") as pages:
        pages.seek(4096)
        pages.write(bytes(30_000))


def make_artifact(file: Path) -> None:
    """Make what a run leaves that knew another metadata file, and TFX would write over."""
    for folder in ("Gen/.system", "Gen/examples/1", "serving/taxi/1795561610"):
        (file.parent / folder).mkdir(parents=True)


def empty(file: Path) -> None:
    os.truncate(file, 0)
    make_artifact(file)


def remove(file: Path) -> None:
    file.unlink()
    make_artifact(file)


def replace_by_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def schema(version: int):
    def change(file: Path) -> None:
        with contextlib.closing(sqlite3.connect(file)) as database, database:
            database.execute("UPDATE MLMDEnv SET schema_version = ?", (version,))

    change.__name__ = f"schema_{version}"
    return change


@pytest.mark.tfx
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (truncate, "is damaged: database disk image is malformed."),
        (scribble, "is damaged: file is not a database."),
        (overwrite, "is damaged: "),
        (empty, "knows 0 executions, and there is"),
        (remove, "knows 0 executions, and there is"),
        (replace_by_folder, "is a folder."),
        (schema(99), "has ML Metadata's schema 99, and the ml_metadata that is installed here"),
        (schema(9), "has ML Metadata's schema 9, and the ml_metadata that is installed here"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_metadata_file_that_is_no_good(tmp_path, metadata, damage, said):
    chain = fml.PipelineDef("p", root=tmp_path)
    file = tmp_path / "p/metadata.db"
    file.parent.mkdir()
    shutil.copy(metadata, file)
    chain.run(quiet=True)
    damage(file)
    before = file.read_bytes() if file.is_file() else None
    told = message_of(BackendError, chain.run, quiet=True)
    first, hint = told.split("\n")
    assert said in first
    assert hint.startswith("Hint: ")
    if "knows 0 executions" in first:
        assert repr(str(file.parent / "Gen/examples/1")) in first
    else:
        assert str(file) in first
        assert (file.read_bytes() if file.is_file() else None) == before
    assert not [*file.parent.glob("_runs/2*.lock")]
