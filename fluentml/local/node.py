"""One node of a run whose other nodes run elsewhere: what an orchestrator's task does.

What became of the others is read from ML Metadata.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from fluentml.errors import BackendError, listing
from fluentml.executors.history import SUCCEEDED
from fluentml.graph import Graph, Node
from fluentml.local.cache import Cache
from fluentml.local.launching import Desk, Here
from fluentml.local.outcome import read_outcome
from fluentml.local.progress import Progress
from fluentml.local.record import kept_apart
from fluentml.local.remembering import failures, recalled, remember
from fluentml.local.run import Run
from fluentml.local.store import Store
from fluentml.results import NodeResult, RunResult
from fluentml.spec import FrozenDict
from fluentml.stores.fitness import refuse_unfit
from fluentml.stores.ownership import running


def run_node(graph: Graph, id: str, run_id: str) -> tuple[NodeResult, RunResult]:
    """Run a node of a run, after those that it reads from.

    Args:
        graph: The whole pipeline.
        id: The node.
        run_id: The run.

    Returns:
        What came of the node, and of the run as far as it is known to it.

    Raises:
        BackendError: A node that it reads from did not run, or the metadata store or the pipeline's
            folder cannot be used.
        RunError: It failed.
        WiringError: There is no such node.
    """
    wanted = _as_started(graph if graph[id].component.AT_EXIT else graph.up_to(id), id)
    refuse_unfit(graph.settings)
    with running(graph.settings, run_id, id), kept_apart(graph, run_id):
        store = Store(graph.settings)
        run = _NodeRun(
            *(wanted, run_id, Path("the log of this task")),
            cache=Cache(wanted, store),
            store=store,
            launcher=Here(lambda: Desk(wanted, run_id)),
            progress=Progress(sys.stdout, [], quiet=True),
        )
        return run.only(wanted[id])


def _as_started(graph: Graph, id: str) -> Graph:
    """Return the graph with what is left to do here of what the node asks for.

    Whoever starts the process tries again, ends it in time, and has set its variables, of which the
    graph may have templates only.
    """
    asked = graph.settings.on.get(id)
    if asked is None:
        return graph
    env = FrozenDict({name: os.environ.get(name, value) for name, value in asked.env.items()})
    left = asked.model_copy(update={"retries": None, "timeout": None, "env": env})
    on = FrozenDict({**graph.settings.on, id: left})
    return graph.model_copy(update={"settings": graph.settings.model_copy(update={"on": on})})


class _NodeRun(Run):
    """A run that knows from ML Metadata what other processes did."""

    def only(self, node: Node) -> tuple[NodeResult, RunResult]:
        """Run a node, and return what came of it and of the run so far."""
        if node.component.AT_EXIT:
            self._recall(node, [one for one in self.graph.nodes if not one.component.AT_EXIT])
            self.known = self.known_at_exit(failures(self.nodes))
        else:
            self._recall(node, self.graph.nodes[:-1])
            self._refuse_unmet(node)
        for failure in self.queue.run([node]):
            remember(self.store, self.run_id, node.id, "failed", failure.what)
            raise failure
        result = self.nodes[node.id]
        if result.state == "skipped":
            remember(self.store, self.run_id, node.id, "skipped", result.note)
        return result, self._so_far()

    def _recall(self, node: Node, others: Any) -> None:
        """Read what became of the others, and set aside what the node did before in this run."""
        executions = self.store.of_run(self.run_id)
        for other in others:
            result = self.nodes[other.id] = self._recalled(other, executions.get(other.id))
            if result.outputs and (other.id in node.upstream or node.component.AT_EXIT):
                blame = self._why_not(other)
                self.outcomes[other.id] = read_outcome(other, result.outputs, blame)
        before = executions.get(node.id)
        # Whoever clears a task runs it once more in the same run, and readers expect one output.
        if before is not None and before.last_known_state in SUCCEEDED:
            self.store.set_aside([before])

    def _recalled(self, node: Node, execution: Any) -> NodeResult:
        found = recalled(self.store, self.run_id, node, execution, self.nodes)
        if found.state == "not run" and execution is not None:
            # Nobody is at work any more on what this node waits for.
            return NodeResult(node.id, "failed")
        return found

    def _refuse_unmet(self, node: Node) -> None:
        unmet = [id for id in node.upstream if self.nodes[id].state in ("failed", "not run")]
        if unmet:
            raise BackendError(
                f"{node.id} reads from {listing(unmet)}, which did not go well in the run "
                f"{self.run_id!r}.",
                hint="run that first, with the same run id.",
            )
