"""Removing the files that no run, no model and no cache needs any more; lineage stays."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ml_metadata import proto as mlmd

from fluentml.errors import BackendError
from fluentml.executors.history import SUCCEEDED
from fluentml.graph import Settings
from fluentml.stores.files import (
    RECORD,
    RUNS,
    SYSTEM,
    folders_in,
    is_within,
    outputs_of,
    remove,
    runs_folder,
    size,
)
from fluentml.stores.healing import UNFINISHED
from fluentml.stores.lineage import LIVE, MARKED, Executed, Lineage

A_DAY = 24 * 60 * 60
"""Seconds after which an execution of somebody else's runner counts as dead."""
OTHERS = "(logs, code, leftovers)"
_RUN_ID = re.compile(r"\d{8}-\d{6}-\d{6}")


@dataclass(frozen=True)
class Piece:
    """Something to remove: what it belongs to, where it is, and its artifacts if it has some."""

    node: str
    path: Path
    bytes: int
    artifacts: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Pins:
    """What the chain at hand names, whatever ran before.

    Attributes:
        nodes: Its nodes; None where there is no chain at hand.
        paths: Files and folders that it reads, absolute.
    """

    nodes: Collection[str] | None = None
    paths: Collection[Path] = ()


class Garbage:
    """What is to go, found out once."""

    def __init__(self, settings: Settings, store: Any, keep: int, pins: Pins) -> None:
        self._root, self._store, self._pins = Path(settings.pipeline_root), store, pins
        self._runs_folder = runs_folder(settings)
        self._lineage = lineage = Lineage(store, settings.name, self._root)
        if not lineage.executions:
            raise BackendError(
                f"ML Metadata knows no run of {settings.name!r} in {settings.pipeline_root!r}.",
                hint="name the folder as the runs did; a folder that was moved cannot be cleared.",
            )
        self.kept_runs = lineage.kept_runs(keep)
        self._all_runs = lineage.runs()
        self._needed = lineage.needed(self.kept_runs, pins.nodes)
        self._kept = [one for one in lineage.executions.values() if one.run in self.kept_runs]
        times = [one.message.create_time_since_epoch for one in self._kept]
        self._since = min(times, default=0) / 1000

    def refuse_running(self) -> None:
        """Raise where another runner, or another machine, is at work on the pipeline.

        Raises:
            BackendError: An execution has been running for less than a day.
        """
        for one in self._lineage.executions.values():
            age = time.time() - one.message.last_update_time_since_epoch / 1000
            if one.message.last_known_state in UNFINISHED and age < A_DAY:
                raise BackendError(
                    f"{one.node} of the run {one.run} is RUNNING, in a process that is not known "
                    "here.",
                    hint="clear up when it has ended; a day after it was killed it counts as dead.",
                )

    @cached_property
    def pieces(self) -> list[Piece]:
        """All that can go."""
        found = [*self._artifacts(), *self._leftovers(), *self._old_files()]
        # A folder may be a leftover for two reasons.
        return list({piece.path: piece for piece in reversed(found)}.values())[::-1]

    def _artifacts(self) -> Iterator[Piece]:
        """Yield the folders of artifacts that nobody needs."""
        artifacts = self._lineage.artifacts
        kept = {Path(artifacts[id].uri) for id in self._needed & {*artifacts}}
        protected = _Protected({*kept, *self._pins.paths})
        folders: dict[Path, list[Any]] = {}
        for id, maker in sorted(self._lineage.maker.items()):
            artifact = artifacts.get(id)
            if id not in self._needed and artifact and artifact.state in (LIVE, MARKED):
                folder = self._folder(artifact, maker)
                if folder:
                    folders.setdefault(folder, []).append(artifact)
        for folder, here in folders.items():
            if folder not in protected and not self._foreign(here):
                node = folder.relative_to(self._root).parts[0]
                yield Piece(node, folder, size(folder) if folder.exists() else 0, tuple(here))

    def _folder(self, artifact: Any, maker: Executed) -> Path | None:
        """Return the folder of an artifact, `root/node/key/execution`; None for any other place."""
        path = Path(artifact.uri)
        if not path.is_relative_to(self._root):
            return None
        node, _, number = (*path.relative_to(self._root).parts, "", "", "")[:3]
        folder = self._root.joinpath(*path.relative_to(self._root).parts[:3])
        is_ours = (node, number) == (maker.node, str(maker.id)) and is_within(self._root, folder)
        return folder if is_ours else None

    def _foreign(self, artifacts: Iterable[Any]) -> bool:
        """Return whether other pipelines of the store have registered the files as theirs."""
        return any(
            other.state == LIVE and other.id not in self._lineage.artifacts
            for artifact in artifacts
            for other in self._store.get_artifacts_by_uri(artifact.uri)
        )

    def _leftovers(self) -> Iterator[Piece]:
        """Yield what executions that came to no good end left, and TFX's own working folders."""
        for one in self._lineage.executions.values():
            if one.node and one.message.last_known_state not in (*SUCCEEDED, *UNFINISHED):
                for path in outputs_of(self._root, one.node, one.id):
                    yield Piece(one.node, path, size(path))
        kept = {str(one.id) for one in self._kept}
        for node in folders_in(self._root):
            system = node / SYSTEM
            done = [f for f in folders_in(system / "executor_execution") if f.name not in kept]
            working = [*folders_in(system / "stateful_working_dir")]
            working += folders_in(system / "driver_execution")
            searches = [f for f in folders_in(system / "tuning") if self._is_old(f)]
            for path in (*done, *working, *searches):
                if is_within(self._root, path):
                    yield Piece(node.name, path, size(path))

    def _old_files(self) -> Iterator[Piece]:
        """Yield logs of runs that are not kept, and code that no kept run was made of."""
        said = " ".join(
            value.string_value
            for one in self._kept
            for value in one.message.custom_properties.values()
        )
        wheels = [*(self._root / "_wheels").glob("*.whl*")] if self._since else []
        old = [path for path in wheels if path.name not in said]
        if self._pins.nodes is not None:
            # No execution tells of its module, but the chain does.
            old += [path for path in folders_in(self._root / "_modules") if self._is_old(path)]
        logs = [path for path in self._runs_folder.glob("*") if self._is_of_old_run(path)]
        protected = _Protected(self._pins.paths)
        for path in (*old, *logs):
            root = self._runs_folder if path in logs else self._root
            if is_within(root, path) and path not in protected:
                yield Piece(OTHERS, path, size(path))

    def _is_of_old_run(self, path: Path) -> bool:
        ours = _RUN_ID.match(path.name)
        # An orchestrator calls its runs as it likes.
        run = ours[0] if ours else path.name.removesuffix(RECORD)
        if run in self.kept_runs:
            return False
        return run in self._all_runs or (ours is not None and self._is_old(path))

    def _is_old(self, path: Path) -> bool:
        """Return whether nobody has written to a path since the first kept run began."""
        return path.lstat().st_mtime < self._since

    def collect(self) -> None:
        """Remove the pieces.

        At first ML Metadata is told that the artifacts are to go, so that no cache and no resolver
        finds them any more; then the files go; then it is told that they are gone. Whoever is
        killed in between leaves nothing half: the next one goes on with what is marked.

        Raises:
            BackendError: Something cannot be removed.
        """
        self._tell([artifact for piece in self.pieces for artifact in piece.artifacts], MARKED)
        for piece in self.pieces:
            root = self._runs_folder if piece.path.parent.name == RUNS else self._root
            try:
                remove(root, piece.path)
            except OSError as error:
                raise BackendError(
                    f"{str(piece.path)!r} cannot be removed: {error.strerror}.",
                    hint="see whom it belongs to; what is marked for deletion goes the next time.",
                ) from error
            self._tell(piece.artifacts, mlmd.Artifact.DELETED)

    def _tell(self, artifacts: Collection[Any], state: int) -> None:
        for artifact in artifacts:
            artifact.state = state
        if artifacts:
            self._store.put_artifacts([*artifacts])


class _Protected:
    """Paths that stay, with all that is in them."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = {*paths}
        self._around = {folder for path in self._paths for folder in (path, *path.parents)}

    def __contains__(self, path: Path) -> bool:
        return path in self._around or not self._paths.isdisjoint(path.parents)
