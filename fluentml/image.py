"""The container image of a pipeline: a folder from which Docker builds it."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from fluentml.backends._user_code import MODULES, PACKAGES, modules
from fluentml.component import Component
from fluentml.components import CustomComponent, Evaluator, UserCode
from fluentml.errors import DefinitionError
from fluentml.graph import Graph
from fluentml.sources import PathLike

_DOCKERFILE = """\
# Written by fluentml for the pipeline {name!r}: `docker build -t IMAGE .` in this folder.
FROM python:{python}-slim
RUN apt-get update && apt-get install -y --no-install-recommends g++ libgomp1 \\
    && rm -rf /var/lib/apt/lists/*
COPY requirements.txt /pipeline/
RUN pip install --no-cache-dir --no-deps -r /pipeline/requirements.txt
COPY packages {packages}
COPY modules {modules}
ENV PYTHONPATH={packages}
"""


def write_image(graph: Graph, folder: PathLike) -> Path:
    """Write a Dockerfile and all that it copies into an image; return the Dockerfile.

    The image has the very versions that are installed here, this fluentml, the module files of the
    pipeline and what its import paths name.

    Args:
        graph: The pipeline.
        folder: Where to write; what an earlier call wrote there is replaced.

    Raises:
        DefinitionError: Something that the pipeline names cannot be found here.
    """
    target = Path(folder)
    packages = {name: _source(name) for name in _own_packages(graph)}
    for part in ("packages", "modules"):
        shutil.rmtree(target / part, ignore_errors=True)
        (target / part).mkdir(parents=True)
    for inside, path in modules(graph).items():
        _copy(path, target / "modules" / inside)
    for path in packages.values():
        _copy(path, target / "packages" / path.name)
    (target / "requirements.txt").write_text("\n".join(_installed()) + "\n")
    python = ".".join(map(str, sys.version_info[:2]))
    dockerfile = target / "Dockerfile"
    dockerfile.write_text(
        _DOCKERFILE.format(
            name=graph.settings.name, python=python, packages=PACKAGES, modules=MODULES
        )
    )
    return dockerfile


def _own_packages(graph: Graph) -> list[str]:
    """Return the top-level modules that the steps name and no distribution here installs."""
    named = {name.partition(".")[0] for node in graph.nodes for name in _named(node.component)}
    installed = {requirement.partition("==")[0] for requirement in _installed()}
    there = {
        module
        for module, owners in metadata.packages_distributions().items()
        if installed & {*map(_normal, owners)}
    }
    return sorted(
        {"fluentml", *(name for name in named if not (name in there and _is_there(name)))}
    )


def _is_there(name: str) -> bool:
    """Return whether it is the installed module that a name means here, such as `tests`."""
    places = [sysconfig.get_path(kind) for kind in ("purelib", "platlib")]
    return any(_source(name).is_relative_to(place) for place in places)


def _named(step: Component) -> Iterator[str]:
    if isinstance(step, UserCode) and step.module and not step.module_is_file:
        yield step.module
    if step.executor:
        yield str(step.executor).partition(":")[0]
    if isinstance(step, CustomComponent) and step.form != "function":
        yield str(step.source).partition(":")[0]
    if isinstance(step, Evaluator):
        yield from (one.module for one in step.metrics if one.module)


def _source(name: str) -> Path:
    """Return the file or folder of a module."""
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    if found and found.submodule_search_locations:
        return Path(next(iter(found.submodule_search_locations)))
    if found and found.origin and found.origin.endswith(".py") and name != "__main__":
        return Path(found.origin)
    raise DefinitionError(
        f"The pipeline names the module {name!r}, which cannot be imported here.",
        hint="move what it names into a module beside the pipeline, or into a package.",
    )


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    else:
        shutil.copy(path, target)


def _installed() -> list[str]:
    """Return what is installed here as exact requirements, but for fluentml and the tools."""
    found = {}
    for one in metadata.distributions():
        name = _normal(one.metadata["Name"])
        is_local = one.read_text("direct_url.json") is not None
        if name != "fluentml" and not is_local:
            found[name] = f"{name}=={one.version}"
    return [found[name] for name in sorted(found)]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
