"""A user's modules in a container image: where they lie there, and how a task finds them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fluentml.capture import files_imported
from fluentml.components import TrainingSteps, Transform, UserCode
from fluentml.graph import Graph, Node
from fluentml.spec import FrozenDict, absolute, is_remote

MODULES = "/pipeline/modules"
"""Where an image has the module files; those of one step in a folder of their own."""

PACKAGES = "/pipeline/packages"
"""Where an image has fluentml and the modules that import paths name."""


_UPDATER = "stats_options_updater_fn"


def in_image(graph: Graph) -> Graph:
    """Return the graph with import paths in place of module files."""
    return graph.model_copy(update={"nodes": tuple(map(_moved, graph.nodes))})


def python_path(node: Node) -> str:
    """Return the `PYTHONPATH` of a node's container, so that its module finds those beside it."""
    files = module_files(node)
    return f"{MODULES}/{_digest(files)}:{PACKAGES}" if files else PACKAGES


def modules(graph: Graph) -> dict[str, Path]:
    """Return the files that an image has under `MODULES`, by their paths there."""
    return {
        f"{_digest(files)}/{inside}": path
        for files in map(module_files, graph.nodes)
        for inside, path in files.items()
    }


def module_files(node: Node) -> dict[str, Path]:
    """Return the module file of a node and those beside it that it imports, by name; or none."""
    step = node.component
    if not isinstance(step, UserCode) or not step.module_is_file or is_remote(step.module):
        return {}
    module = Path(absolute(step.module))
    text = module.read_text(encoding="utf-8", errors="replace")
    return {module.name: module, **files_imported([(text, "")], module.parent)}


def _moved(node: Node) -> Node:
    step = node.component
    changes: dict[str, Any] = {}
    if module_files(node):
        assert isinstance(step, UserCode)
        name, text = Path(step.module).stem, Path(step.module).read_text(errors="replace")
        changes["module"] = f"{name}.{step.FUNCTION}"
        if isinstance(step, Transform) and re.search(rf"^(def )?{_UPDATER}\b", text, re.M):
            # In a module file TFX finds it by its name.
            changes[_UPDATER] = f"{name}.{_UPDATER}"
    if isinstance(step, TrainingSteps) and step.vertex:
        # The job's container is another than the one that starts the job.
        env = FrozenDict({"PYTHONPATH": python_path(node), **step.vertex.env})
        changes["vertex"] = step.vertex.model_copy(update={"env": env})
    if not changes:
        return node
    return node.model_copy(update={"component": step.model_copy(update=changes)})


def _digest(files: Mapping[str, Path]) -> str:
    """Return a name for these contents: an image made before an edit has no such folder."""
    digest = hashlib.sha256()
    for inside, path in sorted(files.items()):
        content = path.read_bytes()
        digest.update(f"{inside}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]
