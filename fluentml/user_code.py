"""The Python source that a step calls, to read and to go on with."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TypeGuard

from fluentml.component import Component
from fluentml.components import Evaluator, UserCode
from fluentml.errors import DefinitionError, listing
from fluentml.graph import Graph
from fluentml.spec import is_remote


def code_of(graph: Graph, node: str) -> str:
    """Return the text of the module that a node calls.

    Raises:
        WiringError: There is no such node.
        DefinitionError: It has no module, or that cannot be read here.
    """
    step = graph[node].component
    if not _has_code(step):
        others = [one.id for one in graph.nodes if _has_code(one.component)]
        raise DefinitionError(
            f"{node!r} calls no code of yours.",
            f"Steps that do: {listing(others, 'none')}.",
            hint="take one of these." if others else "add preprocess(…) or train(…) to the chain.",
        )
    file = step.module if step.module_is_file else _file_of(step.module)
    try:
        if file is None or is_remote(file):
            raise FileNotFoundError
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(
            f"{step.verb} calls {step.module!r}, which cannot be read here.",
            hint="name a Python file or an installed module; `fluentml check` tells more.",
        ) from error


def _has_code(step: Component) -> TypeGuard[UserCode | Evaluator]:
    return isinstance(step, UserCode | Evaluator) and bool(step.module)


def _file_of(path: str) -> str | None:
    """Return the file of the module that an import path begins with."""
    try:
        found = importlib.util.find_spec(path.rpartition(".")[0])
    except (ImportError, ValueError):
        return None
    return found.origin if found else None
