"""What became of a run's nodes, as ML Metadata tells it, and their artifacts.

It has the executions of nodes that ran; of those that did not go well in a process of their own,
a context tells why.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ml_metadata import proto as mlmd

from fluentml.executors.history import SUCCEEDED
from fluentml.graph import Graph, Node
from fluentml.local.outcome import Outcome, all_verdicts, read_outcome, skipped
from fluentml.local.store import Store
from fluentml.results import NodeResult, State

if TYPE_CHECKING:
    from fluentml.local.record import Record

STATES: Mapping[int, State] = {
    mlmd.Execution.COMPLETE: "done",
    mlmd.Execution.CACHED: "cached",
    mlmd.Execution.FAILED: "failed",
    mlmd.Execution.CANCELED: "failed",
}
AT_WORK = (mlmd.Execution.NEW, mlmd.Execution.RUNNING)
ENDED = "fluentml_ended"
"""Our type of contexts."""


def remembered(record: Record) -> Record:
    """Return a record with what ML Metadata knows of the run in the place of its result."""
    return with_outcomes(watched(record))


def with_outcomes(seen: Record) -> Record:
    """Return what was watched of a run with what its artifacts tell: verdicts, metrics, trials."""
    nodes = seen.result.nodes
    outcomes = {node.id: _outcome(node, nodes[node.id]) for node in seen.graph.nodes}
    told = {id: replace(one, note=outcomes[id].note or one.note) for id, one in nodes.items()}
    return replace(seen, result=replace(seen.result, nodes=told, **all_verdicts(outcomes.values())))


def watched(record: Record) -> Record:
    """Return a record with what became of the nodes so far, but not with what they found.

    No artifact is read, so that a run can be looked at every second.
    """
    graph, run_id = record.graph, record.result.run_id
    store = Store(graph.settings, only_reads=True)
    executed = store.executions(run_id)
    last = dict(executed)
    at_work = tuple(id for id, one in last.items() if one.last_known_state in AT_WORK)
    nodes: dict[str, NodeResult] = {}
    for node in graph.nodes:
        nodes[node.id] = recalled(store, run_id, node, last.get(node.id), nodes)
    is_over = not at_work and (_is_over(graph, nodes) if record.apart else not record.started)
    if is_over and all(one.state != "failed" for one in nodes.values()):
        # A run by another runner that came to its end: what has no execution was skipped.
        nodes = {id: _skipped_if_not_run(one) for id, one in nodes.items()}
    begun = [one.create_time_since_epoch / 1000 for _, one in executed]
    ended = [one.last_update_time_since_epoch / 1000 for _, one in executed]
    return replace(
        record,
        result=replace(record.result, nodes=nodes),
        running=at_work,
        started=record.started or min(begun, default=0.0),
        # A run that left a record without its end was killed, or goes on.
        ended=max(ended, default=record.started or None) if is_over else None,
        error=failures(nodes) if is_over and record.apart else record.error,
    )


def failures(nodes: Mapping[str, NodeResult]) -> str:
    """Return in words why a run failed; nothing where it did not."""
    ended = "{} failed: it was ended."
    failed = [n.note or ended.format(n.id) for n in nodes.values() if n.state == "failed"]
    left = [node.id for node in nodes.values() if node.state == "not run"]
    return "\n".join(failed) or (f"{', '.join(left)} did not run." if left else "")


def recalled(
    store: Store, run_id: str, node: Node, execution: Any, before: Mapping[str, NodeResult]
) -> NodeResult:
    """Return what became of a node in a run.

    Args:
        store: The metadata.
        run_id: The run.
        node: The node.
        execution: Its last one in the run; None where it has none.
        before: What became of the nodes before it.
    """
    state = execution.last_known_state if execution else None
    if state in SUCCEEDED:
        took = execution.last_update_time_since_epoch - execution.create_time_since_epoch
        seconds = took / 1000 if state == mlmd.Execution.COMPLETE else 0.0
        return NodeResult(node.id, STATES[state], seconds, store.outputs(execution.id))
    if state in AT_WORK:
        return NodeResult(node.id, "not run")
    ended = store.properties(ENDED, _place(store, run_id, node.id))
    if ended:
        return NodeResult(node.id, ended["state"], note=ended["why"])
    if state is not None:
        return NodeResult(node.id, STATES.get(state, "not run"))
    # An orchestrator need not even ask about what depends on a skipped node.
    is_skipped = any(id in before and before[id].state == "skipped" for id in node.required)
    return NodeResult(node.id, "skipped" if is_skipped else "not run")


def remember(store: Store, run_id: str, node: str, state: State, why: str) -> None:
    """Keep why a node did not go well, where the process that ran it ends with it."""
    store.put_context(ENDED, _place(store, run_id, node), {"state": state, "why": why})


def _place(store: Store, run_id: str, node: str) -> str:
    return f"{run_id}/{store.pipeline}.{node}"


def _is_over(graph: Graph, nodes: Mapping[str, NodeResult]) -> bool:
    """Return whether no node is left but those that need one that failed."""
    lost: set[str] = set()
    for node in graph.nodes:
        state = nodes[node.id].state
        if state == "failed" or lost.intersection(node.upstream):
            lost.add(node.id)
        elif state == "not run":
            return False
    return True


def _skipped_if_not_run(node: NodeResult) -> NodeResult:
    return replace(node, state="skipped") if node.state == "not run" else node


def _outcome(node: Node, found: NodeResult) -> Outcome:
    if found.state in ("done", "cached"):
        # What `fluentml gc` removed, nobody can read again.
        with contextlib.suppress(Exception):
            return read_outcome(node, found.outputs)
    if found.state == "skipped":
        return skipped(node, found.note)
    return Outcome()
