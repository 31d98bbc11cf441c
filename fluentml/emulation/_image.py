"""The image of a job: what it has beyond what is installed here, in the folder it is built from."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fluentml.backends._user_code import MODULES, PACKAGES
from fluentml.errors import PipelineError
from fluentml.sources import PathLike

_INSIDE = str(Path(PACKAGES).parent)


class Image:
    """An image that a job's containers run in.

    Args:
        folder: What `fluentml image` wrote; None: what is installed here has to do.
    """

    def __init__(self, folder: PathLike | None) -> None:
        self.folder = None if folder is None else Path(folder).resolve()

    def problems(self, id: str, container: Mapping[str, Any]) -> Iterator[PipelineError]:
        """Yield the user's modules that a task looks for and that the image has not."""
        for place in _python_path(container):
            if place.startswith(f"{MODULES}/") and not self._here(place):
                yield PipelineError(
                    f"{id} takes its code from {place!r}, a folder of its image, "
                    + (
                        "and no image is named."
                        if self.folder is None
                        else f"and {str(self.folder)!r} has not that: it was written of other code."
                    ),
                    hint="write one with `fluentml image FILE --out image`, and name it: "
                    '--image image, or image_folder="image".',
                )

    def environment(self, container: Mapping[str, Any]) -> dict[str, str]:
        """Return the environment variables of a container's process."""
        given = {one["name"]: one.get("value", "") for one in container.get("env", [])}
        mine = dict(os.environ)
        places = [here for place in _python_path(container) if (here := self._here(place))]
        if self.folder is None and "PYTHONPATH" in mine:
            places.append(mine["PYTHONPATH"])
        path = f"{Path(sys.executable).parent}{os.pathsep}{mine.get('PATH', os.defpath)}"
        return {**mine, **given, "PYTHONPATH": os.pathsep.join(places), "PATH": path}

    def _here(self, place: str) -> str | None:
        """Return the folder that stands for one of the image."""
        if not place.startswith(_INSIDE):
            return place
        found = self.folder and self.folder / Path(place).relative_to(_INSIDE)
        return str(found) if found and found.is_dir() else None


def own_variables(container: Mapping[str, Any]) -> set[str]:
    """Return the names of the variables that a container sets, but for Python's path."""
    return {one["name"] for one in container.get("env", [])} - {"PYTHONPATH"}


def _python_path(container: Mapping[str, Any]) -> list[str]:
    values = [one for one in container.get("env", []) if one["name"] == "PYTHONPATH"]
    return values[0]["value"].split(":") if values else []
