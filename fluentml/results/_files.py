"""Files of artifacts: local ones are read without TFX."""

from __future__ import annotations

from pathlib import Path

from fluentml.spec import is_remote


def read(uri: str) -> bytes:
    """Return what is in a file.

    Raises:
        OSError: It cannot be read.
    """
    if not is_remote(uri):
        return Path(uri).read_bytes()
    from tfx.dsl.io import fileio

    with fileio.open(uri, "rb") as opened:
        content: bytes = opened.read()
    return content


def names_in(uri: str) -> list[str]:
    """Return the names of what is in a folder, in order; none where it is not there."""
    if not is_remote(uri):
        folder = Path(uri)
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    from tfx.dsl.io import fileio

    return sorted(n.rstrip("/") for n in fileio.listdir(uri)) if fileio.isdir(uri) else []


def splits_in(uri: str) -> dict[str, str]:
    """Return the folders of the splits of an artifact by name, "train" first.

    An artifact without splits is one split without a name.
    """
    found = [name for name in names_in(uri) if name.startswith("Split-")]
    if not found:
        return {"": uri}
    found.sort(key=lambda name: (name != "Split-train", name))
    return {name.removeprefix("Split-"): f"{uri}/{name}" for name in found}
