"""Who is at work on a pipeline: locks that a killed process cannot leave behind.

`_runs/<run>.lock` is held as long as the run lives: a lock file that nobody holds tells of a run
that was killed, and of its metadata store. Where an orchestrator runs each node in a process of its
own, that is `_runs/<run>@<node>.lock`. `_runs/.lock` is shared by all runs, and had alone by
whoever clears up.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fluentml.errors import BackendError
from fluentml.graph import Settings
from fluentml.stores.connection import connection_config, opened
from fluentml.stores.files import runs_folder
from fluentml.stores.fitness import refuse_overwriting
from fluentml.stores.healing import CANCELED, FAILED, heal

log = logging.getLogger("fluentml")
ALL = ".lock"
SUFFIX = ".lock"
OF = "@"


@contextlib.contextmanager
def running(settings: Settings, run_id: str, node: str = "") -> Iterator[None]:
    """Own a run: nobody clears up meanwhile, and what it leaves unfinished is not left RUNNING.

    At first the runs that were killed here are healed.

    Args:
        settings: The pipeline's.
        run_id: The run.
        node: Id of the one node of the run that is owned; empty: the whole run.

    Raises:
        BackendError: Somebody clears up just now, or the metadata store cannot be used.
    """
    folder = runs_folder(settings)
    with contextlib.ExitStack() as held:
        if not _taken(held, folder / ALL, fcntl.LOCK_SH):
            raise BackendError(
                f"`fluentml gc` is clearing up {str(folder.parent)!r} just now.",
                hint="run again in a moment.",
            )
        store = opened(settings)
        heal_killed(settings, store)
        refuse_overwriting(settings, store)
        own = folder / f"{run_id}{OF if node else ''}{node}{SUFFIX}"
        while not _taken(held, own, fcntl.LOCK_EX):
            time.sleep(0.01)  # somebody heals, and has taken it for that of a dead run
        own.write_text(_known_to(settings))
        try:
            yield
        except BaseException as error:
            stopped = isinstance(error, KeyboardInterrupt)
            why = "It was interrupted." if stopped else "The run ended before it."
            # Where this fails too, the lock file stays, and the next run does it.
            with contextlib.suppress(Exception):
                state = CANCELED if stopped else FAILED
                heal(settings, opened(settings), run_id, why, state, only=node or None)
                own.unlink(missing_ok=True)
            raise
        own.unlink(missing_ok=True)


def heal_killed(settings: Settings, store: Any) -> None:
    """Heal the runs of which a lock file is left that nobody holds."""
    for path in _lock_files(runs_folder(settings)):
        with contextlib.ExitStack() as held:
            if not _taken(held, path, fcntl.LOCK_EX, make=False):
                continue
            run_id, _, only = path.name.removesuffix(SUFFIX).partition(OF)
            why = "The process that ran it was killed."
            nodes = heal(settings, store, run_id, why, only=only or None)
            for node in nodes or ():
                log.warning("%s of run %s was killed: marked as failed.", node, run_id)
            # A run that is unknown here may be known to another store, if it had come to any.
            if nodes is not None or path.read_text() in ("", _known_to(settings)):
                path.unlink(missing_ok=True)


def _known_to(settings: Settings) -> str:
    """Return a short text by which a lock file tells of the metadata store of its run."""
    config = connection_config(settings).SerializeToString(deterministic=True)
    return hashlib.sha256(config).hexdigest()


@contextlib.contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Keep runs of the pipeline away.

    Raises:
        BackendError: A run is going on.
    """
    folder = runs_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        if not _taken(held, folder / ALL, fcntl.LOCK_EX):
            living = [path.stem for path in _lock_files(folder) if _is_held(path)]
            raise BackendError(
                f"A run of {settings.name!r} is going on: {', '.join(living)}."
                if living
                else f"A run of {settings.name!r} starts or ends just now, or somebody clears up.",
                hint="clear up when it has ended.",
            )
        yield


def is_going_on(settings: Settings, run_id: str) -> bool:
    """Return whether a process has a run in its hands."""
    return _is_held(runs_folder(settings) / f"{run_id}{SUFFIX}")


def _lock_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if path.name != ALL)


def _is_held(path: Path) -> bool:
    with contextlib.ExitStack() as held:
        return path.exists() and not _taken(held, path, fcntl.LOCK_EX, make=False)


def _taken(held: contextlib.ExitStack, path: Path, how: int, *, make: bool = True) -> bool:
    """Lock a file until `held` ends; return whether nobody else has it.

    Raises:
        BackendError: Files cannot be locked there.
    """
    try:
        # Whoever had it before may have removed it meanwhile.
        while (descriptor := _locked(path, how, os.O_CREAT if make else 0)) is not None:
            if _is_still(path, descriptor):
                held.callback(os.close, descriptor)
                return True
            os.close(descriptor)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise BackendError(
            f"The file {str(path)!r} cannot be locked: {error.strerror}.",
            hint="see who may write there, or choose a root on a disk that can lock files.",
        ) from error
    return False


def _locked(path: Path, how: int, flags: int) -> int | None:
    """Return a descriptor that has the lock; None where somebody else has it."""
    try:
        descriptor = os.open(path, os.O_RDWR | flags, 0o666)
    except PermissionError:
        descriptor = os.open(path, os.O_RDONLY)  # another user's, which can be locked even so
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BaseException as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return descriptor


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
