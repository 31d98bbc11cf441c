"""Back to an earlier version, in one rename, and nothing is lost."""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path

import pytest

import fluentml as fml
from fluentml import cli
from fluentml.errors import RollbackError
from fluentml.serving import Versions, versions
from tests.messages import message_of


@pytest.fixture
def serving(tmp_path: Path) -> Path:
    """A folder with four versions, and things that are none."""
    folder = tmp_path / "serving"
    for version in (7, 9, 10, 12):
        (folder / f"{version}/variables").mkdir(parents=True)
        (folder / f"{version}/saved_model.pb").write_text(str(version))
    (folder / ".pushing-1").mkdir()
    (folder / "notes").mkdir()
    (folder / "13").write_text("a file")
    return folder


def there(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir() if entry.is_dir()}


def test_the_newest_version_goes_and_is_kept(serving: Path):
    done = fml.rollback(serving)
    assert (done.served, done.withdrawn) == (10, (12,))
    assert str(done) == (f"{serving} serves 10 again; taken away: 12, to {serving}/.rolled-back")
    assert there(serving) == {"7", "9", "10", ".pushing-1", "notes", ".rolled-back"}
    assert (serving / ".rolled-back/12/saved_model.pb").read_text() == "12"
    assert fml.rollback(str(serving)).served == 9
    assert versions(serving) == Versions(there=(9, 7), withdrawn=(12, 10))


def test_back_to_an_older_version_and_the_server_changes_once(serving: Path, monkeypatch):
    served = []
    rename = Path.rename

    def watched(path: Path, target: Path) -> Path:
        moved = rename(path, target)
        served.append(versions(serving).there[0])
        return moved

    monkeypatch.setattr(Path, "rename", watched)
    done = fml.rollback(serving, to=7)
    assert (done.served, done.withdrawn) == (7, (12, 10, 9))
    assert served == [12, 12, 7]
    assert there(serving / ".rolled-back") == {"9", "10", "12"}


def test_versions_in_words(serving: Path):
    fml.rollback(serving)
    assert str(versions(serving)) == "12  rolled back\n10  served\n9\n7"


# -- what it refuses -------------------------------------------------------------------------------


def test_the_only_version_stays(tmp_path: Path):
    (tmp_path / "7").mkdir()
    assert message_of(RollbackError, fml.rollback, tmp_path) == (
        f"rollback() finds no version in {str(tmp_path)!r} to go back to.\n"
        "Its versions: 7.\n"
        "Hint: push another model first: a model server needs one to serve."
    )
    (tmp_path / "7").rmdir()
    assert "Its versions: none." in message_of(RollbackError, fml.rollback, tmp_path)
    (tmp_path / "iris/7").mkdir(parents=True)
    assert message_of(RollbackError, fml.rollback, tmp_path).endswith(
        f"Hint: the versions lie one folder deeper: name {str(tmp_path / 'iris')!r}."
    )


def test_no_such_folder(serving: Path):
    folder = serving.with_name("servin")
    assert message_of(RollbackError, fml.rollback, folder) == (
        f"rollback() finds no folder {str(folder)!r}.\nHint: did you mean 'serving'?"
    )
    assert message_of(RollbackError, fml.rollback, "/no/where") == (
        "rollback() finds no folder '/no/where'.\n"
        "Hint: name the folder that push_to(…) was given, which holds the versions."
    )


def test_a_folder_somewhere_else():
    assert message_of(RollbackError, fml.rollback, "gs://bucket/serving") == (
        "rollback() renames folders, and 'gs://bucket/serving' is no local one.\n"
        "Hint: move the newest version away with that store's own tool."
    )


def test_no_such_version(serving: Path):
    assert message_of(RollbackError, fml.rollback, serving, to=11) == (
        f"rollback() finds no version 11 in {str(serving)!r}.\n"
        "Its versions: 12, 10, 9, 7.\n"
        "Hint: take one of these."
    )
    assert message_of(RollbackError, fml.rollback, serving, to=12) == (
        f"rollback() has nothing to do: 12 is the newest version in {str(serving)!r}.\n"
        "Its versions: 12, 10, 9, 7.\n"
        "Hint: name an older one, or none for the one before it."
    )
    fml.rollback(serving)
    assert message_of(RollbackError, fml.rollback, serving, to=12) == (
        "rollback() took the version 12 away earlier.\n"
        "The versions there: 10, 9, 7.\n"
        f"Hint: put it back: mv {serving}/.rolled-back/12 {serving}/12"
    )
    assert there(serving / ".rolled-back") == {"12"}


def test_a_folder_that_cannot_be_written(serving: Path, monkeypatch):
    def refused(*args, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refused)
    assert message_of(RollbackError, fml.rollback, serving, to=9) == (
        f"rollback() cannot move the version 10 to '{serving}/.rolled-back': Permission denied.\n"
        "Its versions now: 12, 10, 9, 7.\n"
        "Hint: see whether somebody else is at work there, and who may write to it."
    )


def test_a_version_of_that_number_was_taken_away_before(serving: Path):
    (serving / ".rolled-back/12/variables").mkdir(parents=True)
    assert message_of(RollbackError, fml.rollback, serving) == (
        f"rollback() cannot move the version 12 to '{serving}/.rolled-back': Directory not empty.\n"
        "Its versions now: 12, 10, 9, 7.\n"
        "Hint: see whether somebody else is at work there, and who may write to it."
    )


# -- on the command line ---------------------------------------------------------------------------


def test_the_command(serving: Path, monkeypatch, capsys):
    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fluentml", "rollback", str(serving), *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return ended.value.code or 0, out, err

    assert call("--list") == (0, "12  served\n10\n9\n7\n", "")
    code, out, err = call()
    assert (code, err) == (0, "")
    assert out == f"{serving} serves 10 again; taken away: 12, to {serving}/.rolled-back\n"
    code, out, _ = call("--to", "7", "--json")
    assert (code, json.loads(out)) == (
        0,
        {
            "folder": str(serving),
            "served": 7,
            "withdrawn": [10, 9],
            "kept_in": f"{serving}/.rolled-back",
        },
    )
    code, out, err = call()
    assert (code, out) == (1, "")
    assert err.startswith("rollback() finds no version in ")
