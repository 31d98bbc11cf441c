"""The folder that a model server watches: its versions, and how to go back to an earlier one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from fluentml.errors import RollbackError, did_you_mean, listing
from fluentml.spec import is_remote

WITHDRAWN = ".rolled-back"
"""Where versions go that were taken away: beside the others, and hidden from model servers."""


@dataclass(frozen=True)
class Rollback:
    """What a rollback changed, or would change.

    Attributes:
        folder: The folder that the model server watches.
        served: The version that it picks now, the greatest that is left.
        withdrawn: The versions that were taken away, the newest first.
        kept_in: The folder where they are now.
    """

    folder: str
    served: int
    withdrawn: tuple[int, ...]
    kept_in: str

    def __str__(self) -> str:
        away = ", ".join(map(str, self.withdrawn))
        return f"{self.folder} serves {self.served} again; taken away: {away}, to {self.kept_in}"


@dataclass(frozen=True)
class Versions:
    """The versions in a folder.

    Attributes:
        there: Those that a model server sees, the newest first; it picks the first.
        withdrawn: Those that rollbacks took away, the newest first.
    """

    there: tuple[int, ...]
    withdrawn: tuple[int, ...]

    @property
    def newest(self) -> int:
        """The greatest number that was ever given; 0 where there is none."""
        return max((*self.there, *self.withdrawn), default=0)

    def __str__(self) -> str:
        states = {**dict.fromkeys(self.withdrawn, "rolled back"), **dict.fromkeys(self.there, "")}
        if self.there:
            states[self.there[0]] = "served"
        lines = [f"{version}  {states[version]}".rstrip() for version in sorted(states)[::-1]]
        return "\n".join(lines)


def rollback(folder: str | os.PathLike[str], to: int | None = None) -> Rollback:
    """Take the newest version away, so that the model server goes back to the one before it.

    TensorFlow Serving picks the greatest number in the folder that it watches. The version is moved
    by one rename into the hidden folder `.rolled-back` beside the others: a server sees it whole or
    not at all, and nothing is lost. A later push gets a number that is greater than all of these.

    Args:
        folder: The local folder that `push_to` was given.
        to: The version to go back to; everything newer is taken away, the newest last, so that
            the server changes only once. Default: the one before the newest.

    Raises:
        RollbackError: There is no such folder or version, none to go back to, or it cannot be
            moved.
    """
    base = _folder(folder)
    there = versions(base).there
    if len(there) < 2:
        raise RollbackError(
            f"rollback() finds no version in {str(base)!r} to go back to.",
            f"Its versions: {_some(there)}.",
            hint=_below(base) or "push another model first: a model server needs one to serve.",
        )
    target = there[1] if to is None else to
    if target not in there:
        raise _no_such_version(base, target)
    withdrawn = there[: there.index(target)]
    if not withdrawn:
        raise RollbackError(
            f"rollback() has nothing to do: {target} is the newest version in {str(base)!r}.",
            f"Its versions: {_some(there)}.",
            hint="name an older one, or none for the one before it.",
        )
    kept_in = base / WITHDRAWN
    try:
        for version in reversed(withdrawn):
            kept_in.mkdir(exist_ok=True)
            (base / str(version)).rename(kept_in / str(version))
    except OSError as error:
        raise RollbackError(
            f"rollback() cannot move the version {version} to {str(kept_in)!r}: {error.strerror}.",
            f"Its versions now: {_some(versions(base).there)}.",
            hint="see whether somebody else is at work there, and who may write to it.",
        ) from error
    return Rollback(str(base), target, withdrawn, str(kept_in))


def versions(folder: str | os.PathLike[str]) -> Versions:
    """Return the versions in the folder that a model server watches.

    Raises:
        RollbackError: There is no such local folder.
    """
    base = _folder(folder)
    return Versions(_numbers(base), _numbers(base / WITHDRAWN))


def _folder(folder: str | os.PathLike[str]) -> Path:
    text = os.fspath(folder)
    if is_remote(text):
        raise RollbackError(
            f"rollback() renames folders, and {text!r} is no local one.",
            hint="move the newest version away with that store's own tool.",
        )
    base = Path(text)
    if not base.is_dir():
        siblings = [entry.name for entry in base.parent.iterdir()] if base.parent.is_dir() else []
        raise RollbackError(
            f"rollback() finds no folder {text!r}.",
            hint=did_you_mean(base.name, siblings)
            or "name the folder that push_to(…) was given, which holds the versions.",
        )
    return base


def _below(base: Path) -> str | None:
    """Return where versions lie one folder deeper, if some do."""
    folders = [one for one in base.iterdir() if one.is_dir() and one.name != WITHDRAWN]
    found = sorted(str(one) for one in folders if _numbers(one))
    return f"the versions lie one folder deeper: name {listing(found)}." if found else None


def _numbers(folder: Path) -> tuple[int, ...]:
    if not folder.is_dir():
        return ()
    numbers = [int(e.name) for e in folder.iterdir() if e.name.isdecimal() and e.is_dir()]
    return tuple(sorted(numbers, reverse=True))


def _no_such_version(base: Path, version: int) -> RollbackError:
    found = versions(base)
    if version in found.withdrawn:
        return RollbackError(
            f"rollback() took the version {version} away earlier.",
            f"The versions there: {_some(found.there)}.",
            hint=f"put it back: mv {base / WITHDRAWN / str(version)} {base / str(version)}",
        )
    return RollbackError(
        f"rollback() finds no version {version} in {str(base)!r}.",
        f"Its versions: {_some(found.there)}.",
        hint=did_you_mean(str(version), map(str, found.there)) or "take one of these.",
    )


def _some(numbers: tuple[int, ...]) -> str:
    return listing(map(str, numbers[:8]), "none").replace("'", "")
