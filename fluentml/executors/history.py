"""What ML Metadata tells of the earlier executions of a node; it needs no TFX."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ml_metadata import proto as mlmd

SUCCEEDED = (mlmd.Execution.COMPLETE, mlmd.Execution.CACHED)
READ, WRITTEN = mlmd.Event.INPUT, mlmd.Event.OUTPUT


def last(store: Any, node: str, artifact_ids: Iterable[int], type: int, key: str) -> list[int]:
    """Return what a node read or wrote under a key when it last succeeded; none before that.

    Args:
        store: ML Metadata's store.
        node: Id of the node.
        artifact_ids: The artifacts to choose from.
        type: `READ` or `WRITTEN`.
        key: The input key or output key.
    """
    events = events_of(store, [*artifact_ids], type, key)
    found = last_success(store, node, {event.execution_id for event in events})
    return [event.artifact_id for event in events if found and event.execution_id == found.id]


def events_of(store: Any, artifact_ids: list[int], type: int, key: str) -> list[Any]:
    """Return the events of a type that artifacts have under a key."""
    events = store.get_events_by_artifact_ids(artifact_ids) if artifact_ids else ()
    return [
        event
        for event in events
        if event.type == type and any(step.key == key for step in event.path.steps)
    ]


def last_success(store: Any, node: str, execution_ids: set[int]) -> Any:
    """Return the last of the executions that is one of the node and went well, or None."""
    executions = store.get_executions_by_id([*execution_ids]) if execution_ids else ()
    for execution in sorted(executions, key=lambda execution: -execution.id):
        if execution.last_known_state in SUCCEEDED and _is_of(store, node, execution.id):
            return execution
    return None


def _is_of(store: Any, node: str, execution_id: int) -> bool:
    # TFX names the context of a node "pipeline.node"; a pipeline's name has no dot.
    return any(
        context.type == "node" and context.name.partition(".")[2] == node
        for context in store.get_contexts_by_execution(execution_id)
    )
