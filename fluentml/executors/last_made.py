"""What a node made last."""

from __future__ import annotations

from typing import Any

from ml_metadata import proto as mlmd
from tfx.dsl.components.common import resolver

SUCCEEDED = (mlmd.Execution.COMPLETE, mlmd.Execution.CACHED)


class LastMade(resolver.ResolverStrategy):  # type: ignore[misc, unused-ignore]
    """Choose what a node made when it last succeeded.

    "The latest model" would not do: a chain may train several, and import others. It is never one
    of this very run, since the node that made it reads what is chosen here.

    Args:
        node: Id of the node that makes it.
    """

    def __init__(self, node: str) -> None:
        self._node = node

    def resolve_artifacts(self, store: Any, input_dict: dict[str, list[Any]]) -> Any:
        """Return the one artifact, or none where the node never succeeded."""
        return {key: self._last(store, key, found) for key, found in input_dict.items()}

    def _last(self, store: Any, key: str, candidates: list[Any]) -> list[Any]:
        by_id = {artifact.id: artifact for artifact in candidates}
        made = {
            event.execution_id: event.artifact_id
            for event in (store.get_events_by_artifact_ids([*by_id]) if by_id else ())
            if event.type == mlmd.Event.OUTPUT and any(s.key == key for s in event.path.steps)
        }
        executions = store.get_executions_by_id([*made]) if made else ()
        for execution in sorted(executions, key=lambda execution: -execution.id):
            if execution.last_known_state in SUCCEEDED and self._is_mine(store, execution.id):
                return [by_id[made[execution.id]]]
        return []

    def _is_mine(self, store: Any, execution_id: int) -> bool:
        # TFX names the context of a node "pipeline.node"; a pipeline's name has no dot.
        return any(
            context.type == "node" and context.name.partition(".")[2] == self._node
            for context in store.get_contexts_by_execution(execution_id)
        )
