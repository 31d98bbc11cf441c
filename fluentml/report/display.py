"""What notebooks show of a value: a picture, and text for terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from fluentml.report.drawing import draw_graph
from fluentml.report.theme import fragment

if TYPE_CHECKING:
    from fluentml.graph import Graph

Bundle = dict[str, str]


def of_graph(graph: Graph, text: str) -> Bundle:
    """Return a pipeline's graph, and its text for terminals."""
    return bundle(draw_graph(graph), text)


def bundle(content: Markup, text: str) -> Bundle:
    """Return what `_repr_mimebundle_` gives."""
    return {"text/html": str(fragment(content)), "text/plain": text}
