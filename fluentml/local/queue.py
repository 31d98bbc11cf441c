"""The queue of a run: nodes start when they can, side by side, and are tried as often as asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from fluentml.errors import RunError
from fluentml.graph import Graph, Node
from fluentml.local.attempts import Attempts
from fluentml.local.failure import Failure, failure_of
from fluentml.local.launching import Launcher, Reply, Request
from fluentml.local.order import Order
from fluentml.local.outcome import Outcome
from fluentml.local.progress import Progress, Step
from fluentml.local.store import Outputs
from fluentml.results import State


class Done(NamedTuple):
    """What became of a node."""

    state: State
    outputs: Outputs
    outcome: Outcome
    changed: tuple[str, ...] = ()


class Nodes(Protocol):
    """What a run knows of its nodes."""

    def settle(self, node: Node) -> Done | None:
        """Return what comes of a node; None where TFX has to run it."""

    def request(self, node: Node) -> Request:
        """Return what is asked of whoever runs a node."""

    def keep(self, node: Node, reply: Reply) -> Done:
        """Return what came of a node that ran well, once the next run can know of it."""

    def note(self, id: str, step: Step, came: Done | Failure | None) -> RunError | None:
        """Note what came of a node, None if it was interrupted; return why it failed, if it did."""

    def abandon(self, id: str, why: str) -> None:
        """End what a node left half done that runs no more."""


class Queue:
    """Runs nodes, each once those that it reads from have ended.

    Args:
        nodes: What there is to know of them.
        graph: The pipeline that they belong to.
        launcher: Where they run.
        progress: Where it is told of them.
        finish: Whether a failure stops only what reads from the node, rather than the run.
    """

    def __init__(
        self, nodes: Nodes, graph: Graph, launcher: Launcher, progress: Progress, *, finish: bool
    ) -> None:
        self._nodes, self._graph, self._finish = nodes, graph, finish
        self._launcher, self._progress = launcher, progress
        self._is_loaded = False
        self._attempts = Attempts(graph.settings.on)
        self._running: dict[str, Step] = {}
        self._again: list[str] = []

    def run(self, nodes: Iterable[Node]) -> list[RunError]:
        """Run these nodes, and return why some failed; others of the graph count as ended."""
        order = Order(self._graph, nodes)
        failures: list[RunError] = []
        try:
            while self._finish or not failures:
                failures += self._start_all(order)
                if not self._running:
                    break
                failures += self._collect(order)
        finally:
            self._interrupt()
        return failures

    # -- starting ---------------------------------------------------------------------------------

    def _start_all(self, order: Order) -> list[RunError]:
        """Start what can start, and end what takes no TFX; return what went wrong in that."""
        self._again += self._attempts.due()
        while self._again and self._launcher.has_room():
            self._launch(self._graph[self._again.pop(0)])
        failures: list[RunError] = []
        while (self._finish or not failures) and (found := self._next(order)):
            node, settled = found
            order.start(node.id)
            if settled is None:
                self._start(node)
            else:
                self._running[node.id] = self._progress.start(node.id)
                failures += self._conclude(node.id, settled, order)
        return failures

    def _next(self, order: Order) -> tuple[Node, Done | Failure | None] | None:
        """Return a node that can start now, and what comes of it where that takes no TFX."""
        for node in order.ready():
            settled = self._settled(node)
            if settled is not None or self._launcher.has_room():
                return node, settled
        return None

    def _settled(self, node: Node) -> Done | Failure | None:
        try:
            return self._nodes.settle(node)
        except Exception as error:
            return failure_of(node.id, error, self._graph)

    def _start(self, node: Node) -> None:
        if not self._is_loaded:
            with self._progress.step("TensorFlow Extended") as step:
                self._launcher.load()
                step.state, step.note = "done", "loaded"
            self._is_loaded = True
        self._running[node.id] = self._progress.start(node.id)
        self._launch(node)

    def _launch(self, node: Node) -> None:
        self._attempts.begin(node.id)
        self._launcher.start(self._nodes.request(node), node.upstream)

    # -- ending -----------------------------------------------------------------------------------

    def _collect(self, order: Order) -> list[RunError]:
        """Wait for a node to end, or for a moment to come; return why one failed, if it did."""
        ended = self._launcher.wait(self._attempts.rest())
        for id in self._attempts.overdue():
            self._launcher.end(id)
        if ended is None:
            return []
        id, reply = ended
        came = self._came_of(self._graph[id], reply)
        failure = came if isinstance(came, Failure) else None
        pause = self._attempts.end(id, failure)
        if failure is None or pause is None:
            return self._conclude(id, came, order)
        self._nodes.abandon(id, failure.what)
        self._progress.say(f"  {id} failed, and is tried again in {pause:.0f} s: {failure.what}")
        return []

    def _came_of(self, node: Node, reply: Reply) -> Done | Failure:
        if reply.failure:
            error = self._attempts.too_slow(node.id)
            return failure_of(node.id, error, self._graph) if error else reply.failure
        try:
            return self._nodes.keep(node, reply)
        except Exception as error:
            return failure_of(node.id, error, self._graph)

    def _conclude(self, id: str, came: Done | Failure, order: Order) -> list[RunError]:
        step, is_done = self._running.pop(id), isinstance(came, Done)
        order.end(id, well=is_done)
        if isinstance(came, Done):
            step.state, step.note, step.changed = came.state, came.outcome.note, came.changed
        self._progress.finish(id, step)
        failure = self._nodes.note(id, step, came)
        return [failure] if failure else []

    def _interrupt(self) -> None:
        """End what still runs after a failure or an interrupt, and leave nothing half done."""
        try:
            if self._running:
                self._launcher.close()
        finally:
            for id in [*self._running]:
                step = self._running.pop(id)
                step.state = "interrupted"
                self._progress.finish(id, step)
                self._nodes.note(id, step, None)
