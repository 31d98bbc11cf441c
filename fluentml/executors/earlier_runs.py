"""Resolver strategies: what a node read or wrote when it last succeeded.

"The latest artifact of the type" would not do: if its maker is quicker than the resolver, that is
the one of this very run; a chain may make several; and data that stopped a run would be what its
repetition is compared with, and pass.
"""

from __future__ import annotations

from typing import Any, ClassVar

from tfx.dsl.components.common import resolver

from fluentml.executors.history import READ, WRITTEN, events_of, last, last_success


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
        return [by_id[id] for id in last(store, self._node, by_id, self.EVENT, key)]


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
        events = events_of(store, [*by_id], WRITTEN, f"updated_{key}")
        latest = last_success(store, self._node, {event.execution_id for event in events})
        if latest is None:
            return []
        if self._is_unchanged(latest):
            events = events_of(store, [*by_id], READ, key)
        return [by_id[event.artifact_id] for event in events if event.execution_id == latest.id]

    def _is_unchanged(self, execution: Any) -> bool:
        properties = execution.custom_properties
        return (
            self._code in properties["module_path"].string_value
            and self._custom_config == properties["custom_config"].string_value
        )
