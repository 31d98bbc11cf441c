"""Hyperparameters given as a dict, kept as the file that a Tuner would have written."""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from fluentml.errors import DefinitionError
from fluentml.spec import is_remote

FILE = "best_hyperparameters.txt"

Value = str | int | float | bool


def keep(values: Mapping[str, Value], folder: str) -> str:
    """Write hyperparameters to a folder, unless they are there already; return where.

    They appear all at once, in a folder of their own that is named by their content.

    Args:
        values: Value by name.
        folder: Where that folder goes; made if it is not there.

    Raises:
        DefinitionError: There are none, one has another type, or the folder cannot be written.
    """
    if not values:
        raise DefinitionError(
            "with_hyperparameters() got an empty dict.",
            hint='give each a value: {"learning_rate": 0.01}; without any, leave the step out.',
        )
    for name, value in values.items():
        if not _is_name(name) or not _is_plain(value):
            raise DefinitionError(
                f"with_hyperparameters() cannot use {name!r}: {value!r}, which is of the type "
                f"{type(value).__name__}.",
                hint="a name is text; a value is text, a finite number, True or False.",
            )
    if is_remote(folder):
        raise DefinitionError(
            f"with_hyperparameters() keeps a dict under the root, and cannot write to {folder!r}.",
            hint=f"write it there as {FILE!r} yourself, as a Tuner does, and name its folder.",
        )
    try:
        return _write(json.dumps(_config(values)), Path(folder))
    except OSError as error:
        raise DefinitionError(
            f"with_hyperparameters() cannot keep them in {folder!r}: {error.strerror or error}.",
            hint="choose another root: PipelineDef(…, root=…).",
        ) from error


def _is_name(name: object) -> bool:
    return isinstance(name, str) and name != ""


def _is_plain(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, int | float) and math.isfinite(value))


def _config(values: Mapping[str, Value]) -> dict[str, object]:
    """Return what `keras_tuner.HyperParameters.get_config` returns of fixed values."""
    ordered = dict(sorted(values.items()))
    space = [
        {"class_name": "Fixed", "config": {"name": name, "conditions": [], "value": value}}
        for name, value in ordered.items()
    ]
    return {"space": space, "values": ordered}


def _write(text: str, folder: Path) -> str:
    target = folder / hashlib.sha256(text.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=folder, prefix=".") as unfinished:
            made = Path(unfinished) / "made"
            made.mkdir()
            (made / FILE).write_text(text)
            try:
                os.rename(made, target)  # noqa: PTH104 (its error is what counts)
            except OSError:
                if not target.exists():
                    raise
    return str(target)
