"""The runs under a root, as their records tell of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias

from fluentml.errors import FluentmlError, LoadError, did_you_mean
from fluentml.local.record import Record, from_json, in_order
from fluentml.stores.files import RECORD, RUNS

State: TypeAlias = Literal["running", "done", "failed", "killed"]


@dataclass(frozen=True)
class Run:
    """A run that left a record.

    Attributes:
        pipeline: The name of its pipeline.
        id: The run's id.
        record: What its record says; of one without an end, that it began.
        state: "killed" where it has no end, and its process is gone.
    """

    pipeline: str
    id: str
    record: Record
    state: State


class Runs:
    """The runs under a root.

    Args:
        root: The folder with the pipelines, or that of one.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def all(self) -> tuple[list[Run], list[Path]]:
        """Return all runs, the newest first, and the records that nobody can read."""
        found, unreadable = [], []
        for file in self._files():
            try:
                found.append(_run(file))
            except LoadError:
                unreadable.append(file)
        return found, unreadable

    def get(self, pipeline: str, id: str) -> Run:
        """Return a run.

        Raises:
            LoadError: There is no such run, or its record cannot be read.
        """
        # What is asked for is looked up, and never becomes part of a path.
        by_name = {(_pipeline(file), _id(file)): file for file in self._files()}
        if (pipeline, id) in by_name:
            return _run(by_name[pipeline, id])
        near = did_you_mean(id, [other for of, other in by_name if of == pipeline])
        raise LoadError(
            f"There is no run {id!r} of a pipeline {pipeline!r} here.",
            hint=near or "choose one in the list of all runs.",
        )

    def last(self, pipeline: str) -> Run:
        """Return the last run of a pipeline.

        Raises:
            LoadError: There is none.
        """
        for file in self._files():
            if _pipeline(file) == pipeline:
                return _run(file)
        raise LoadError(
            f"There is no run of a pipeline {pipeline!r} here.",
            hint="choose one in the list of all runs.",
        )

    def before(self, run: Run) -> str | None:
        """Return the id of the run of the same pipeline before this one."""
        ids = [_id(file) for file in self._files() if _pipeline(file) == run.pipeline]
        older = ids[ids.index(run.id) + 1 :] if run.id in ids else []
        return next(iter(older), None)

    def _files(self) -> list[Path]:
        """Return the records, the newest first."""
        files = [
            file
            for pattern in (f"{RUNS}/*{RECORD}", f"*/{RUNS}/*{RECORD}")
            for file in self.root.glob(pattern)
        ]
        return in_order(files)[::-1]


def _pipeline(file: Path) -> str:
    return file.parents[1].name


def _id(file: Path) -> str:
    return file.name.removesuffix(RECORD)


def _run(file: Path) -> Run:
    try:
        written = file.stat()
        record = _read(file, written.st_mtime_ns, written.st_size)
        return Run(_pipeline(file), _id(file), record, _state(record))
    except (FluentmlError, OSError, ValueError, KeyError, TypeError) as error:
        raise LoadError(
            f"The record {str(file)!r} cannot be read: {error}",
            hint="another version of fluentml may have written it.",
        ) from error


@lru_cache(maxsize=512)
def _read(file: Path, changed: int, size: int) -> Record:
    """Return a record where its folder lies now, whatever the root was when it was written."""
    record = from_json(file.read_text(encoding="utf-8"))
    settings = record.graph.settings
    if not settings.is_remote:
        settings = settings.model_copy(update={"root": str(file.parents[2])})
    graph = record.graph.model_copy(update={"settings": settings})
    return Record(**{**record.__dict__, "graph": graph})


def _state(record: Record) -> State:
    if record.ended is not None:
        return "failed" if record.error or not record.result.succeeded else "done"
    from fluentml.stores.ownership import is_going_on

    # An orchestrator's run may be between two of its tasks.
    is_alive = record.apart or is_going_on(record.graph.settings, record.result.run_id)
    return "running" if is_alive else "killed"
