"""What became of a run's nodes, as ML Metadata tells it, and their artifacts."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ml_metadata import proto as mlmd

from fluentml.graph import Node
from fluentml.local.outcome import Outcome, all_verdicts, read_outcome
from fluentml.local.store import Store
from fluentml.results import NodeResult, State
from fluentml.stores.lineage import Executed, Lineage

if TYPE_CHECKING:
    from fluentml.local.record import Record

STATES: Mapping[int, State] = {
    mlmd.Execution.COMPLETE: "done",
    mlmd.Execution.CACHED: "cached",
    mlmd.Execution.FAILED: "failed",
    mlmd.Execution.CANCELED: "failed",
}
AT_WORK = (mlmd.Execution.NEW, mlmd.Execution.RUNNING)


def remembered(record: Record) -> Record:
    """Return a record with what ML Metadata knows of the run in the place of its result."""
    seen = watched(record)
    nodes = seen.result.nodes
    outcomes = {node.id: _outcome(node, nodes[node.id]) for node in seen.graph.nodes}
    told = {id: replace(one, note=outcomes[id].note) for id, one in nodes.items()}
    return replace(seen, result=replace(seen.result, nodes=told, **all_verdicts(outcomes.values())))


def watched(record: Record) -> Record:
    """Return a record with what became of the nodes so far, but not with what they found.

    No artifact is read, so that a run can be looked at every second.
    """
    graph, run_id = record.graph, record.result.run_id
    store = Store(graph.settings, only_reads=True)
    executed = Lineage(store.mlmd, graph.settings.name).runs().get(run_id, [])
    last = {one.node: one for one in executed}
    at_work = tuple(id for id, one in last.items() if one.message.last_known_state in AT_WORK)
    nodes = {node.id: _node(node.id, last.get(node.id), store) for node in graph.nodes}
    is_over = not (record.started or at_work)
    if is_over and all(one.state != "failed" for one in nodes.values()):
        # A run by another runner that came to its end: what has no execution was skipped.
        nodes = {id: _skipped_if_not_run(one) for id, one in nodes.items()}
    begun = [one.message.create_time_since_epoch / 1000 for one in executed]
    ended = [one.message.last_update_time_since_epoch / 1000 for one in executed]
    return replace(
        record,
        result=replace(record.result, nodes=nodes),
        running=at_work,
        started=record.started or min(begun, default=0.0),
        # A run that left a record without its end was killed, or goes on.
        ended=max(ended, default=None) if is_over else None,
    )


def _skipped_if_not_run(node: NodeResult) -> NodeResult:
    return replace(node, state="skipped") if node.state == "not run" else node


def _outcome(node: Node, found: NodeResult) -> Outcome:
    if found.state in ("done", "cached"):
        # What `fluentml gc` removed, nobody can read again.
        with contextlib.suppress(Exception):
            return read_outcome(node, found.outputs)
    return Outcome()


def _node(id: str, one: Executed | None, store: Store) -> NodeResult:
    if one is None:
        return NodeResult(id, "not run")
    state = STATES.get(one.message.last_known_state, "not run")
    begun, ended = one.message.create_time_since_epoch, one.message.last_update_time_since_epoch
    seconds = (ended - begun) / 1000 if state == "done" else 0.0
    return NodeResult(id, state, seconds, store.outputs(one.id))
