"""The journal of a run, `_runs/<run>.jsonl`: what it was asked for, each node's key, how it ended.

A line is written when it becomes known, so that a run that is killed leaves all but its end.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fluentml.errors import BackendError, RunError
from fluentml.graph import Settings
from fluentml.run_request import RunRequest
from fluentml.stores.files import runs_folder

SUFFIX = ".jsonl"


class Journal:
    """What a run writes down.

    Args:
        settings: The pipeline's.
        run_id: The run's id.
    """

    def __init__(self, settings: Settings, run_id: str) -> None:
        self._file = runs_folder(settings) / f"{run_id}{SUFFIX}"
        self._pipeline = settings.name

    @contextlib.contextmanager
    def kept(
        self, request: RunRequest, options: Mapping[str, Any], target: str | None
    ) -> Iterator[None]:
        """Write how a run begins, and how it ends.

        Args:
            request: What it is asked for.
            options: Fields of the backend that a run which resumes this one shall have too.
            target: What the command line calls the pipeline.
        """
        self._write(
            pipeline=self._pipeline,
            target=target,
            folder=str(Path.cwd()),
            request=request.model_dump(mode="json"),
            options=options,
        )
        try:
            yield
        except BaseException as error:
            stopped = isinstance(error, KeyboardInterrupt)
            node = error.node if isinstance(error, RunError) else ""
            self._end("interrupted" if stopped else "failed", node)
            raise
        self._end("succeeded")

    def _end(self, how: str, node: str = "") -> None:
        # On a full disk it is as if the run had been killed, and whoever resumes it finds out.
        with contextlib.suppress(OSError):
            self._write(ended=how, node=node)

    def note(self, node: str, parts: Mapping[str, str]) -> None:
        """Write the parts of the key by which a node runs, or is taken over."""
        self._write(node=node, key=parts)

    def _write(self, **entry: Any) -> None:
        with self._file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(entry) + "\n")


@dataclass
class Past:
    """What the journal of a run tells.

    Attributes:
        run_id: The run's id.
        pipeline: The pipeline's name.
        request: What the run was asked for.
        options: Fields of the backend.
        target: What the command line called the pipeline; None: it was run by a call.
        folder: The working directory.
        keys: The parts of each node's key, by node, for those that were looked at.
        ended: `succeeded`, `failed` or `interrupted`; empty where it goes on, or was killed.
        node: The node that failed.
    """

    run_id: str
    pipeline: str
    request: RunRequest
    options: Mapping[str, Any]
    target: str | None
    folder: str
    keys: dict[str, Mapping[str, str]] = field(default_factory=dict)
    ended: str = ""
    node: str = ""


def read(file: Path) -> Past | None:
    """Return what a journal tells; None where not even its first line is whole."""
    entries = []
    with contextlib.suppress(OSError):
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(ValueError):  # a line that was cut off
                entries.append(json.loads(line))
    if not entries or "request" not in entries[0]:
        return None
    past = Past(
        run_id=file.name.removesuffix(SUFFIX),
        pipeline=entries[0]["pipeline"],
        request=RunRequest.model_validate(entries[0]["request"]),
        options=entries[0]["options"],
        target=entries[0]["target"],
        folder=entries[0]["folder"],
    )
    for entry in entries[1:]:
        if "key" in entry:
            past.keys[entry["node"]] = entry["key"]
        elif "ended" in entry:
            past.ended, past.node = entry["ended"], entry.get("node", "")
    return past


def pasts(folder: Path) -> Iterator[Past]:
    """Yield what the journals in a `_runs` folder tell, the newest run first."""
    for file in sorted(folder.glob(f"*{SUFFIX}"), reverse=True):
        past = read(file)
        if past:
            yield past


def resumed_by(settings: Settings, run_id: str) -> Iterator[Past]:
    """Yield what is told of a run, of the run that it resumed, and so on."""
    next_one: str | None = run_id
    while next_one:
        past = read(runs_folder(settings) / f"{next_one}{SUFFIX}")
        if past is None:
            return
        yield past
        next_one = past.request.resumes


def last_unfinished(settings: Settings) -> Past:
    """Return what is told of the last run, which failed, was interrupted or killed.

    Raises:
        BackendError: There is none: no run at all, it succeeded, or it is going on.
    """
    from fluentml.stores.ownership import is_going_on

    folder, living = runs_folder(settings), []
    for past in pasts(folder):
        if is_going_on(settings, past.run_id):
            living.append(past.run_id)
        elif past.ended == "succeeded":
            raise BackendError(
                f"There is nothing to resume: the last run of {settings.name!r}, {past.run_id}, "
                "succeeded.",
                hint="run it again; what has not changed is taken over.",
            )
        else:
            return past
    if living:
        raise BackendError(
            f"There is nothing to resume: the run {living[0]} of {settings.name!r} is going on.",
            hint="wait until it has ended.",
        )
    raise BackendError(
        f"There is nothing to resume: {str(folder)!r} tells of no run.",
        hint="run it; or go to the folder where you ran it: a relative root is taken from there.",
    )
