"""What decides whether a node's last outputs will do: the key, kept in parts that have names."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import inspect
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fluentml.capture import files_imported
from fluentml.component import Component
from fluentml.components import CustomComponent, UserCode
from fluentml.components.resolver import LookBack
from fluentml.errors import shown
from fluentml.graph import Graph, Node
from fluentml.live import LiveObject
from fluentml.placement import Placement

LIBRARIES = ("tfx", "tensorflow", "keras", "fluentml")
NO_PARAMETERS = {"id", "inputs", "executor", "cache", "params"}
PLAIN = (str, int, float, bool, bytes, type(None))
LONG = 24
UNMADE = "not made yet"


class UnknowableError(Exception):
    """Something that belongs to a key cannot be read here."""


@dataclass(frozen=True)
class Key:
    """A node's key.

    Attributes:
        parts: By a name in words, what it was: text that is alike only where it is the same.
        looked_back: The names of the parts that depend on earlier runs.
    """

    parts: Mapping[str, str]
    looked_back: frozenset[str] = frozenset()

    def digest(self, *, of_all: bool = True) -> str:
        """Return the parts as one short text; without those that depend on earlier runs."""
        kept = {k: v for k, v in self.parts.items() if of_all or k not in self.looked_back}
        text = json.dumps([of_all, sorted(kept.items())])
        return hashlib.sha256(text.encode()).hexdigest()

    def changes(self, before: Mapping[str, str]) -> tuple[str, ...]:
        """Return what differs from the parts of an earlier key, in words."""
        names = [*self.parts, *(name for name in before if name not in self.parts)]
        differing = [name for name in names if before.get(name) != self.parts.get(name)]
        told: dict[str, list[str]] = {}
        for name in differing:
            what, how = _change(name, before.get(name), self.parts.get(name))
            told.setdefault(how, []).append(what)
        return tuple(f"{', '.join(whats)} {how}" for how, whats in told.items())


def _change(name: str, old: str | None, new: str | None) -> tuple[str, str]:
    """Return what changed, and how."""
    kind, _, what = name.partition(" ")
    what = shown(Path(what)) if kind == "data" else what
    if old is None or new is None:
        return what, "added" if old is None else "gone"
    if new == UNMADE:
        return what, "made anew"
    if kind in ("parameter", "variable", "version") and max(len(old), len(new)) <= LONG:
        return what, f"{old} → {new}"
    return what, "changed"


def key_of(
    graph: Graph,
    node: Node,
    inputs: Mapping[str, tuple[int, ...] | None],
    *,
    fast: bool = True,
    with_code: bool = True,
) -> Key:
    """Return the key of a node.

    Args:
        graph: The pipeline that it belongs to.
        node: The node.
        inputs: The ids of the artifacts that it reads, by input key; None: yet to be made.
        fast: Whether our executors run where they make the same artifacts sooner.
        with_code: Whether the code that it calls belongs to it.

    Raises:
        UnknowableError: That code cannot be read here.
    """
    step = node.component
    parts = {"node": f"{graph.settings.name}.{node.id} {type(step).__name__}"}
    parts |= {f"parameter {name}": text for name, text in parameters(step).items()}
    parts |= {f"code {name}": digest for name, digest in (_code(step) if with_code else {}).items()}
    parts |= {f"data {path}": fingerprint(path) for path in step.reads_outside() or ()}
    parts |= {
        f"input {name}": UNMADE if ids is None else json.dumps(sorted(ids))
        for name, ids in inputs.items()
    }
    asked = graph.settings.on.get(node.id, Placement())
    parts |= {f"variable {name}": value for name, value in asked.env.items()}
    parts |= {f"version {name}": text for name, text in versions().items()}
    parts["version executors"] = "ours" if fast else "TFX's"
    back = (
        f"input {name}"
        for name, wire in node.inputs.items()
        if isinstance(graph[wire.channel.node].component, LookBack)
    )
    return Key(parts, frozenset(back))


def parameters(step: Component) -> dict[str, str]:
    """Return the parameters that a step was given, as texts that are alike only where they are."""
    given = step.model_dump(mode="json", exclude=NO_PARAMETERS, exclude_defaults=True)
    if isinstance(step, UserCode) and step.module_is_file:
        given.pop("module", None)  # Its content counts, wherever it lies.
    return {name: json.dumps(value, sort_keys=True) for name, value in sorted(given.items())}


# -- code -----------------------------------------------------------------------------------------


def _code(step: Component) -> dict[str, str]:
    digests: dict[str, str] = {}
    for called in step.calls():
        if isinstance(called, LiveObject):
            digests[str(called)] = _state(called, step)
        for name, file in _files(called).items():
            # Two files of one name count both.
            before = digests.get(name, "").encode()
            digests[name] = hashlib.sha256(before + file.read_bytes()).hexdigest()
    return digests


def code_files(step: Component) -> dict[str, Path]:
    """Return the files with the code that a step calls, and those beside them that it imports.

    What cannot be read here is left out.
    """
    files: dict[str, Path] = {}
    for called in step.calls():
        with contextlib.suppress(UnknowableError, OSError):
            files |= _files(called)
    return files


def _files(called: str | LiveObject) -> dict[str, Path]:
    """Return the file of the code and those beside it that it imports, by their names."""
    if isinstance(called, str) and called.endswith(".py"):
        file, package = Path(called), ""
    else:
        module, colon, _ = str(called).partition(":")
        module = _own_name(module) if colon else module.rpartition(".")[0]
        file = _file_of(module)
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    if not file.is_file():
        raise UnknowableError(f"the code of {called} cannot be read here")
    folder = file.resolve().parent
    for _ in package.split(".") if package else ():
        folder = folder.parent
    imported = files_imported([(file.read_text(errors="replace"), package)], folder)
    return {file.name: file, **imported}


def _own_name(module: str) -> str:
    """Return the name of a module, also where it runs as a program: `python -m package.module`."""
    spec = getattr(sys.modules["__main__"], "__spec__", None) if module == "__main__" else None
    return str(spec.name) if spec else module


def _file_of(module: str) -> Path:
    """Return the file of a module; of one that cannot be found, a path where nothing is."""
    loaded = getattr(sys.modules.get(module), "__file__", None)
    try:
        found = None if loaded else importlib.util.find_spec(module)
    except (ImportError, ValueError):
        found = None
    return Path(loaded or (found and found.origin) or "nowhere")


def _state(called: LiveObject, step: Component) -> str:
    """Return what a Python object knows beside its source: values around a function, settings."""
    value = called.loaded
    if isinstance(step, CustomComponent) and step.form == "built" and called is step.source:
        return repr(sorted(getattr(value, "exec_properties", {}).items()))
    if not inspect.isfunction(value):
        return ""
    around = inspect.getclosurevars(value)
    known = {**around.nonlocals, **around.globals}
    state = {
        name: one
        for name, one in known.items()
        if not (inspect.ismodule(one) or inspect.isroutine(one) or isinstance(one, type))
    }
    if not all(map(_is_plain, state.values())):
        raise UnknowableError(f"{called} refers to more than plain values")
    return repr(sorted(state.items()))


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple | list | set | frozenset):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, [*value, *value.values()]))
    return isinstance(value, PLAIN)


# -- files and libraries --------------------------------------------------------------------------


def fingerprint(path: str, *, times: bool = True) -> str:
    """Return the names, sizes and times of a file or of all in a folder, as a short text.

    Args:
        path: The file or folder; one that is not there has a fingerprint of its own.
        times: Whether the times count.
    """
    root = Path(path)
    files = sorted(root.rglob("*")) if root.is_dir() else [root]
    digest, count = hashlib.sha256(), 0
    for file in filter(Path.is_file, files):
        stat = file.stat()
        time = stat.st_mtime_ns if times else 0
        digest.update(f"{file.relative_to(root)}\0{stat.st_size} {time}\0".encode())
        count += 1
    return f"{count} {digest.hexdigest()[:16]}"


@cache
def versions() -> Mapping[str, str]:
    """Return the versions of what does the work: libraries, and what fluentml runs inside them."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    digest, ours = hashlib.sha256(), Path(__file__).parents[1]
    for package in ("executors", "training"):
        for file in sorted((ours / package).rglob("*.py")):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return {**found, "fluentml's executors": digest.hexdigest()[:12]}
