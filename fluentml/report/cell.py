"""A run in a notebook's cell: its graph, in which each node tells what has become of it so far."""

from __future__ import annotations

import sys
import threading
import time
import uuid
from typing import Any, TextIO

from typing_extensions import Self

from fluentml.graph import Graph
from fluentml.local.progress import Progress, Step
from fluentml.report.display import bundle
from fluentml.report.drawing import draw_graph
from fluentml.report.markup import element, join
from fluentml.report.words import seconds
from fluentml.results import NodeResult

TICK_S = 1.0
"""Seconds after which the times of what runs are drawn anew."""


class Cell:
    """The place below a notebook's cell; what is shown there can be replaced.

    It is taken before a run sends all output to its log.
    """

    def __init__(self, publisher: Any) -> None:
        self._publisher, self._id = publisher, uuid.uuid4().hex
        self._is_new = True

    @classmethod
    def here(cls) -> Self | None:
        """Return the place below the cell that runs; None where there is no notebook."""
        interactive = sys.modules.get("IPython")
        shell: Any = interactive.get_ipython() if interactive else None
        return cls(shell.display_pub) if hasattr(shell, "kernel") else None

    def show(self, data: dict[str, str]) -> None:
        """Show this in place of what is there."""
        more = {"transient": {"display_id": self._id}, "update": not self._is_new}
        self._publisher.publish(data=data, metadata={}, **more)
        self._is_new = False


class CellProgress(Progress):
    """The progress of a run in a notebook's cell.

    Args:
        stream: Where lines go.
        cell: Where the picture goes.
        graph: What runs.
    """

    def __init__(self, stream: TextIO, cell: Cell, graph: Graph) -> None:
        super().__init__(stream, [node.id for node in graph.nodes])
        self._cell, self._graph = cell, graph
        self._ended: dict[str, NodeResult] = {}
        self._at_work: dict[str, float] = {}
        self._lock = threading.Lock()
        self._clock: threading.Thread | None = None

    def start(self, name: str) -> Step:
        """Show that a step runs, beside those that do."""
        step = super().start(name)
        with self._lock:
            self._at_work[name] = step.began
            self._draw()
            if self._clock is None:
                self._clock = threading.Thread(target=self._tick, daemon=True)
                self._clock.start()
        return step

    def finish(self, name: str, step: Step) -> None:
        """Show what a step turned out as."""
        step.seconds = time.perf_counter() - step.began
        with self._lock:
            del self._at_work[name]
            self._ended[name] = NodeResult(name, _state(step), step.seconds, {}, step.note)
            self._draw()

    def _tick(self) -> None:
        while True:
            time.sleep(TICK_S)
            with self._lock:
                if not self._at_work:
                    self._clock = None
                    return
                self._draw()

    def _draw(self) -> None:
        now = time.perf_counter()
        running = {
            id: NodeResult(id, "not run", now - start) for id, start in self._at_work.items()
        }
        nodes = {**self._ended, **running}
        picture = draw_graph(self._graph, nodes, running=running)
        # What loads is no node, and nothing else is at work meanwhile.
        others = [id for id in running if id not in {node.id for node in self._graph.nodes}]
        said = [f"{id} is being loaded: {seconds(running[id].seconds)}" for id in others]
        line = element("p", ", ".join(said), class_="soft") if said else None
        told = ", ".join(f"{id} runs" for id in running) or "at rest"
        self._cell.show(bundle(join([picture, line]), f"{self._graph.settings.name}: {told}"))


def _state(step: Step) -> Any:
    # A person stopped it: it has failed as far as anyone who reads its outputs is concerned.
    return "failed" if step.state == "interrupted" else step.state
