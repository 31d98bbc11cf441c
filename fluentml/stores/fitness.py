"""Can a run write where it must, and read the metadata that is there? Said before it starts."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fluentml.errors import BackendError
from fluentml.graph import Settings
from fluentml.stores.files import metadata_file, numbered, runs_folder

ROOM = 1 << 20
"""Bytes without which no run gets anywhere."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_IN_WORDS = re.compile(
    r"No space left on device|database or disk is full|Disk quota exceeded|"
    r"\[Errno (?:28|122)\]"
)


def refuse_unfit(settings: Settings) -> None:
    """Raise where the pipeline's folder or its metadata file cannot serve a run.

    Raises:
        BackendError: It says which, and what to do.
    """
    folder, file = runs_folder(settings), metadata_file(settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(ROOM))
            probe.flush()
    except OSError as error:
        if error.errno in _FULL:
            raise full(folder) from error
        raise BackendError(
            f"The run cannot write to {str(folder)!r}: {error.strerror}.",
            hint=f"choose another root: PipelineDef({settings.name!r}, root=…).",
        ) from error
    if file and file.exists():
        _refuse_file(file)
    elif file:
        _make_folder_of(file)


def _make_folder_of(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BackendError(
            f"The folder of the metadata file {str(file)!r} cannot be made: {error.strerror}.",
            hint="name another file: .with_metadata(…).",
        ) from error


def refuse_overwriting(settings: Settings, store: Any) -> None:
    """Raise where the pipeline's folder has artifacts with numbers that are still to be given.

    The metadata store numbers executions, and TFX writes into the folder of that number whether it
    is there or not.

    Raises:
        BackendError: The artifacts were made with another store, or with a newer copy of it.
    """
    if settings.is_remote:
        return
    from ml_metadata.metadata_store.metadata_store import ListOptions, OrderByField

    greatest = max(numbered(Path(settings.pipeline_root)), default=(0, Path()))
    newest = ListOptions(limit=1, order_by=OrderByField.ID, is_asc=False)
    known = max((execution.id for execution in store.get_executions(newest)), default=0)
    if greatest[0] > known:
        raise BackendError(
            f"The metadata store knows {known} executions, and there is {str(greatest[1])!r}: new "
            "artifacts would be written over old ones.",
            hint="name the store that those runs used, .with_metadata(…); or choose another root, "
            "or move the folder away.",
        )


def full(folder: Path) -> BackendError:
    """Return what there is to say of a disk without room."""
    return BackendError(
        f"The disk of {str(folder)!r} is full, {_free(folder) / 1e6:.0f} MB free.",
        hint="make room (`fluentml gc` clears old artifacts away) and run again; what was done "
        "before is kept.",
    )


def _free(folder: Path) -> int:
    """Return the bytes that are free on the disk of a folder."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def in_words(error: BaseException, settings: Settings) -> BaseException:
    """Return the error that a node failed by, or what it means where a disk was to blame."""
    for one in _causes(error):
        number = one.errno if isinstance(one, OSError) else None
        if number in _FULL or _FULL_IN_WORDS.search(str(one)):
            return full(_disk_of(one, settings))
    return error


def _disk_of(error: BaseException, settings: Settings) -> Path:
    """Return the folder that the error names, or else the fuller one of those that a run fills."""
    name = error.filename if isinstance(error, OSError) else None
    if isinstance(name, str) and name:
        return Path(name).absolute().parent
    return min((runs_folder(settings), Path(tempfile.gettempdir())), key=_free)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _refuse_file(file: Path) -> None:
    what = f"The metadata file {str(file)!r}"
    restore = "put a copy of it back, or start anew in another root."
    if not file.is_file():
        raise BackendError(f"{what} is a folder.", hint='name a file: .with_metadata("…/m.db").')
    if not os.access(file, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise BackendError(
            f"{what} cannot be read and written by this user.",
            hint="see who owns it, or choose another root or with_metadata(…).",
        )
    # A process that was killed may have left a transaction that SQLite has to take back.
    there = f"{file.absolute().as_uri()}?mode=rw"
    try:
        with contextlib.closing(sqlite3.connect(there, uri=True, timeout=0)) as database:
            (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            return  # Somebody writes to it, and so it is in use.
        raise BackendError(f"{what} cannot be opened: {error}.", hint=restore) from error
    except sqlite3.DatabaseError as error:
        raise BackendError(f"{what} is damaged: {error}.", hint=restore) from error
    if found != "ok":
        raise BackendError(f"{what} is damaged: {found.splitlines()[0]}.", hint=restore)
