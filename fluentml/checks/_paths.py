"""What is said of a path that is not there, or not what it should be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from fluentml.errors import PipelineError, did_you_mean, listing, shown

Problems: TypeAlias = Iterator[PipelineError]


def missing(what: str, path: Path) -> PipelineError:
    parent = path.parent
    if path.is_dir():
        return PipelineError(
            f"{what}, and it is a folder.",
            f"It holds: {content(path)}.",
            hint="name the file in it.",
        )
    if path.is_file():
        return PipelineError(
            f"{what}, and it is a file.", hint=f"name its folder: {str(parent)!r}."
        )
    if str(path).startswith("~"):
        return PipelineError(
            f"{what}, and it does not exist.",
            hint="Python does not expand '~': write Path('~/…').expanduser().",
        )
    if not parent.is_dir():
        return PipelineError(
            f"{what}, and it does not exist.",
            f"Neither does {str(parent)!r}. Paths are taken from {str(Path.cwd())!r}.",
            hint="start from another folder, or write the path as Path(__file__).parent / '…'.",
        )
    near = did_you_mean(path.name, (entry.name for entry in parent.iterdir()))
    return PipelineError(
        f"{what}, and it does not exist.",
        f"In {str(parent.resolve())!r} there are: {content(parent)}.",
        hint=near or "correct the path; a relative one is taken from the working directory.",
    )


def is_readable(path: Path) -> bool:
    """Return whether this user may read a file, or look into a folder."""
    wanted = os.R_OK | os.X_OK if path.is_dir() else os.R_OK
    return os.access(path, wanted, effective_ids=os.access in os.supports_effective_ids)


def unreadable(verb: str, path: Path) -> PipelineError:
    what = "look into the folder" if path.is_dir() else "read the file"
    right = "rx" if path.is_dir() else "r"
    return PipelineError(
        f"{verb} cannot {what} {shown(path)!r}: this user may not.",
        hint=f"give it the right (chmod +{right} {shown(path)}), or run as another user.",
    )


def content(folder: Path, *, hidden: bool = False) -> str:
    names = sorted(entry.name for entry in folder.iterdir())
    names = [name for name in names if hidden or not name.startswith((".", "__pycache__"))]
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return listing(names[:8]) + more
