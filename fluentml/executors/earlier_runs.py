"""Resolver strategies: what a node read or wrote when it last succeeded.

"The latest artifact of the type" would not do: if its maker is quicker than the resolver, that is
the one of this very run; a chain may make several; and data that stopped a run would be what its
repetition is compared with, and pass.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ml_metadata import proto as mlmd
from tfx.dsl.components.common import resolver

SUCCEEDED = (mlmd.Execution.COMPLETE, mlmd.Execution.CACHED)
READ, WRITTEN = mlmd.Event.INPUT, mlmd.Event.OUTPUT


class _Last(resolver.ResolverStrategy):  # type: ignore[misc, unused-ignore]
    """Choose what a node read or wrote, under the same key, when it last succeeded.

    Args:
        node: Id of the node.
    """

    EVENT: ClassVar[int]

    def __init__(self, node: str) -> None:
        self._node = node

    def resolve_artifacts(self, store: Any, input_dict: dict[str, list[Any]]) -> Any:
        """Return the one artifact, or none where the node never succeeded."""
        return {key: self._last(store, key, found) for key, found in input_dict.items()}

    def _last(self, store: Any, key: str, candidates: list[Any]) -> list[Any]:
        by_id = {artifact.id: artifact for artifact in candidates}
        events = _events_of(store, [*by_id], self.EVENT, key)
        last = _last_success(store, self._node, {event.execution_id for event in events})
        return [by_id[e.artifact_id] for e in events if last and e.execution_id == last.id]


class LastRead(_Last):
    """Choose what a node read when it last succeeded."""

    EVENT = READ


class LastMade(_Last):
    """Choose what a node made when it last succeeded.

    It is never one of this very run, where the node reads what is chosen here.
    """

    EVENT = WRITTEN


class LastAnalyzerCache(resolver.ResolverStrategy):  # type: ignore[misc, unused-ignore]
    """Choose the analyzer cache that a Transform node wrote when it last succeeded.

    If neither its code nor its `custom_config` has changed since, it is the one that the node read
    then, or none: so its inputs are the same ones, and its execution can be taken over as a whole.

    Args:
        node: Id of the node.
        code: The hash of the module file and the files beside it that TFX writes into the name of
            their wheel; empty for an import path, whose changes TFX does not see.
        custom_config: The node's `custom_config`, as TFX keeps it.
    """

    def __init__(self, node: str, code: str, custom_config: str) -> None:
        self._node, self._code, self._custom_config = node, code, custom_config

    def resolve_artifacts(self, store: Any, input_dict: dict[str, list[Any]]) -> Any:
        """Return the one artifact, or none."""
        return {key: self._last(store, key, found) for key, found in input_dict.items()}

    def _last(self, store: Any, key: str, candidates: list[Any]) -> list[Any]:
        by_id = {artifact.id: artifact for artifact in candidates}
        events = _events_of(store, [*by_id], WRITTEN, f"updated_{key}")
        last = _last_success(store, self._node, {event.execution_id for event in events})
        if last is None:
            return []
        if self._is_unchanged(last):
            events = _events_of(store, [*by_id], READ, key)
        return [by_id[event.artifact_id] for event in events if event.execution_id == last.id]

    def _is_unchanged(self, execution: Any) -> bool:
        properties = execution.custom_properties
        return (
            self._code in properties["module_path"].string_value
            and self._custom_config == properties["custom_config"].string_value
        )


def _events_of(store: Any, artifact_ids: list[int], type: int, key: str) -> list[Any]:
    events = store.get_events_by_artifact_ids(artifact_ids) if artifact_ids else ()
    return [
        event
        for event in events
        if event.type == type and any(step.key == key for step in event.path.steps)
    ]


def _last_success(store: Any, node: str, execution_ids: set[int]) -> Any:
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
