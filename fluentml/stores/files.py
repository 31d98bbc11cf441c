"""Folders of a pipeline: where they are, and removing them without straying outside."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from platformdirs import user_log_path

from fluentml.graph import Settings
from fluentml.spec import Proto, absolute

SYSTEM = ".system"
"""TFX's own folder in that of a node."""
RUNS = "_runs"
METADATA = "metadata.db"
RECORD = ".run.json"
"""What the name of a run's record ends with."""


def metadata_file(settings: Settings) -> Path | None:
    """Return the SQLite file with the metadata of a pipeline; None where a server keeps it."""
    if isinstance(settings.metadata, Proto):
        file = settings.metadata.message().sqlite.filename_uri
        return Path(file) if file else None
    if settings.metadata and "://" in settings.metadata:
        return None
    return Path(absolute(settings.metadata or f"{settings.pipeline_root}/{METADATA}"))


def runs_folder(settings: Settings) -> Path:
    """Return the local folder with the logs and locks of a pipeline's runs."""
    if settings.is_remote:
        return Path(user_log_path("fluentml")) / settings.name
    return Path(settings.pipeline_root) / RUNS


def id_of_run(begun: datetime) -> str:
    """Return what a run here is called that began at this time; by name they stand in order."""
    return begun.strftime("%Y%m%d-%H%M%S-%f")


def is_within(root: Path, path: Path) -> bool:
    """Return whether a path lies under a folder itself, rather than by way of a link."""
    if not path.is_relative_to(root) or path == root or ".." in path.parts:
        return False
    return path.resolve() == root.resolve() / path.relative_to(root)


def remove(root: Path, path: Path) -> None:
    """Remove a file or a folder with all that is in it; links in it go, and not what they name.

    Raises:
        ValueError: It lies outside of the root.
        OSError: It cannot be removed.
    """
    if not is_within(root, path):
        raise ValueError(f"{str(path)!r} does not lie in {str(root)!r}")
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    entries = [Path(folder) / name for folder, _, names in os.walk(path) for name in names]
    return sum(entry.lstat().st_size for entry in entries)


def folders_in(folder: Path) -> Iterator[Path]:
    """Yield the folders in a folder, links left out; none where it is not there."""
    if folder.is_dir() and not folder.is_symlink():
        for entry in sorted(folder.iterdir()):
            if entry.is_dir() and not entry.is_symlink():
                yield entry


def numbered(root: Path) -> Iterator[tuple[int, Path]]:
    """Yield the folders of artifacts, `root/node/key/number`, with their numbers."""
    # A model server's versions may lie there too.
    nodes = [folder for folder in folders_in(root) if (folder / SYSTEM).is_dir()]
    for path in (path for node in nodes for path in node.glob("[!.]*/*")):
        if path.name.isdecimal():
            yield int(path.name), path


def outputs_of(root: Path, node: str, execution: int) -> list[Path]:
    """Return what an execution of a node may have written: its outputs, and TFX's own folders."""
    base = root / node
    keys = [folder for folder in folders_in(base) if not folder.name.startswith(".")]
    made = [key / str(execution) for key in keys]
    made.append(base / SYSTEM / "executor_execution" / str(execution))
    return [path for path in made if path.exists() and is_within(root, path)]
