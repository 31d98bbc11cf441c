"""What a file cannot carry from which another process builds the pipeline anew."""

from __future__ import annotations

import re

from fluentml import components as kinds
from fluentml.backends import Gap
from fluentml.graph import Graph, Node
from fluentml.live import LiveObject


def _is_built(graph: Graph, node: Node) -> bool:
    return isinstance(node.component, kinds.CustomComponent) and node.component.form == "built"


def _has_no_name(graph: Graph, node: Node) -> bool:
    live = [str(one) for one in node.component.calls() if isinstance(one, LiveObject)]
    if node.component.when:
        live += re.findall(r"[\w.]+:[\w.<>]+", str(node.component.model_dump(include={"when"})))
    return any("<" in name or name.startswith("__main__:") for name in live)


GAPS = (
    Gap(
        "add_component() of a component that is built already",
        "it is made anew there, from its class",
        "add the class, or a function that builds it",
        _is_built,
    ),
    Gap(
        "a lambda, or what the running script or another function defines, as a component, "
        "strategy, executor or condition",
        "it is imported there by its name",
        "define it at the top level of a module beside the pipeline",
        _has_no_name,
    ),
)
