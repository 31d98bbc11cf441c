"""From a folder to the file by whose pipeline the last run in it was started."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterable
from pathlib import Path

from fluentml.errors import LoadError
from fluentml.local.journal import Past, pasts
from fluentml.stores.files import RUNS


def file_of(target: str) -> str:
    """Return what the command line calls the pipeline of the last run.

    Args:
        target: A file or `module:object`, which is returned as it is; or a folder: that of a
            pipeline, `{root}/{name}`, the root, or the one around it.

    Raises:
        LoadError: There is no run in that folder, or it was not started by a command from here.
    """
    folder = Path(target)
    if not folder.is_dir():
        return target
    places = [
        path for pattern in (RUNS, f"*/{RUNS}", f"*/*/{RUNS}") for path in folder.glob(pattern)
    ]
    last = max(
        (past for place in places for past in _last_of(place)),
        key=lambda past: past.run_id,
        default=None,
    )
    if last is None:
        raise LoadError(
            f"{target!r} tells of no run.",
            hint="name the file that builds the pipeline: fluentml resume FILE.",
        )
    if last.target is None:
        raise LoadError(
            f"The last run in {target!r}, {last.run_id} of {last.pipeline!r}, was started by a "
            "call.",
            hint="call pipeline.resume() in that script or notebook, or name the file that builds "
            "the pipeline: fluentml resume FILE.",
        )
    if Path(last.folder) != Path.cwd():
        there = f"cd {shlex.quote(last.folder)} && fluentml resume {shlex.quote(last.target)}"
        raise LoadError(
            f"The last run in {target!r}, {last.run_id} of {last.pipeline!r}, was started in "
            f"{last.folder!r}, and relative paths are taken from there.",
            hint=f"go there: {there}",
        )
    return last.target


def _last_of(folder: Path) -> Iterable[Past]:
    return itertools.islice(pasts(folder), 1)
