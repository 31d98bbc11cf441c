"""The order of a run: which nodes may start, whatever runs beside them."""

from __future__ import annotations

from collections.abc import Iterable

from fluentml.components.resolver import LookBack
from fluentml.graph import Graph, Node


class Order:
    """Nodes that wait for others: each for all that it reads from, and never for a lost one.

    Args:
        graph: The pipeline.
        nodes: Those of it that are to run, in its order.
    """

    def __init__(self, graph: Graph, nodes: Iterable[Node]) -> None:
        self._before = before(graph)
        self._waiting = {node.id: node for node in nodes}
        self._ended = {node.id for node in graph.nodes if node.id not in self._waiting}
        self._lost: set[str] = set()

    def ready(self) -> list[Node]:
        """Return what may start."""
        for id, node in [*self._waiting.items()]:
            if self._lost.intersection(node.upstream):
                self.start(id)
                self.end(id, well=False)
        return [n for id, n in self._waiting.items() if self._before[id] <= self._ended]

    def start(self, id: str) -> None:
        """Note that a node has started."""
        del self._waiting[id]

    def end(self, id: str, *, well: bool) -> None:
        """Note that a node has ended; what reads from one that failed never starts."""
        self._ended.add(id)
        self._lost |= set() if well else {id}


def before(graph: Graph) -> dict[str, set[str]]:
    """Return for each node those that have to end before it starts.

    That is all that it reads from; and where one looks back, what makes such artifacts keeps its
    place before or behind it, so that it finds the same however long anything takes.
    """
    earlier = {node.id: {*node.upstream} for node in graph.nodes}
    for place, node in enumerate(graph.nodes):
        minds = node.component.minds() if isinstance(node.component, LookBack) else frozenset()
        for other_place, other in enumerate(graph.nodes):
            makes = other.component.provides()
            if other is not node and minds and (makes is None or minds & {*makes.values()}):
                first, second = (other, node) if other_place < place else (node, other)
                earlier[second.id].add(first.id)
    return earlier
