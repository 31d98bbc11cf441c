"""ML Metadata without TFX: what earlier runs made, and the nodes that take it over."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote

from google.protobuf import json_format
from google.protobuf.message import Message
from ml_metadata import errors
from ml_metadata import proto as mlmd

from fluentml.executors.history import SUCCEEDED
from fluentml.graph import Settings
from fluentml.results import Artifact
from fluentml.spec import is_remote
from fluentml.stores.connection import opened
from fluentml.stores.healing import node_of

Outputs: TypeAlias = Mapping[str, tuple[Artifact, ...]]

RUN, NODE, PIPELINE = "pipeline_run", "node", "pipeline"
"""TFX's types of contexts."""
MADE = (mlmd.Event.OUTPUT, mlmd.Event.INTERNAL_OUTPUT, mlmd.Event.DECLARED_OUTPUT)
KEPT = (*MADE, mlmd.Event.INPUT)


class Store:
    """The metadata of a pipeline.

    Args:
        settings: The pipeline's.
        only_reads: Whether nothing is written; the metadata have to be there then.
    """

    def __init__(self, settings: Settings, *, only_reads: bool = False) -> None:
        self.pipeline = settings.name
        self.mlmd = opened(settings, only_reads=only_reads)

    # -- reading ----------------------------------------------------------------------------------

    def outputs(self, execution_id: int) -> dict[str, tuple[Artifact, ...]]:
        """Return what an execution made, by output key."""
        events = [e for e in self._events([execution_id]) if e.type in MADE]
        artifacts = self._artifacts(event.artifact_id for event in events)
        types = self._types(artifacts.values())
        outputs: dict[str, tuple[Artifact, ...]] = {}
        for event in events:
            key = next((step.key for step in event.path.steps if step.key), "")
            found = artifacts[event.artifact_id]
            made = Artifact(types[found.type_id], found.uri, _properties(found), found.id)
            outputs[key] = (*outputs.get(key, ()), made)
        return outputs

    def are_live(self, outputs: Outputs) -> bool:
        """Return whether none of these artifacts is marked as gone."""
        ids = (one.id for artifacts in outputs.values() for one in artifacts)
        return all(a.state == mlmd.Artifact.LIVE for a in self._artifacts(ids).values())

    def made_by_pipeline(self, type: str) -> list[Any]:
        """Return all artifacts of a type that this pipeline made and that are there still."""
        context = self.context(PIPELINE, self.pipeline)
        if context is None:
            return []
        executions = [one.id for one in self.mlmd.get_executions_by_context(context.id)]
        written = {e.artifact_id for e in self._events(executions) if e.type in MADE}
        artifacts = self._artifacts(written)
        types = self._types(artifacts.values())
        return [
            artifact
            for _, artifact in sorted(artifacts.items())
            if types[artifact.type_id] == type
            and artifact.state == mlmd.Artifact.LIVE
            and (is_remote(artifact.uri) or Path(artifact.uri).exists())
        ]

    def last_execution(self, node: str) -> Any:
        """Return the last execution of a node that went well, or None."""
        context = self.context(NODE, f"{self.pipeline}.{node}")
        executions = self.mlmd.get_executions_by_context(context.id) if context else ()
        went_well = [one for one in executions if one.last_known_state in SUCCEEDED]
        return max(went_well, key=lambda one: int(one.id), default=None)

    def executions(self, run_id: str) -> list[tuple[str, Any]]:
        """Return the executions of a run, each with the id of its node, the oldest first."""
        context = self.context(RUN, run_id)
        executions = self.mlmd.get_executions_by_context(context.id) if context else ()
        found = sorted(executions, key=lambda one: int(one.id))
        return [(node_of(self.mlmd, one.id), one) for one in found]

    def of_run(self, run_id: str) -> dict[str, Any]:
        """Return the last execution of each node in a run, by the node's id."""
        return dict(self.executions(run_id))

    def context(self, type: str, name: str) -> Any:
        """Return a context, or None."""
        return self.mlmd.get_context_by_type_and_name(type, name)

    def properties(self, type: str, name: str) -> dict[str, Any] | None:
        """Return what `put_context` wrote, or None."""
        context = self.context(type, name)
        if context is None:
            return None
        return {
            key: unquote(value) if isinstance(value, str) else value
            for key, value in _values(context.custom_properties).items()
        }

    # -- writing ----------------------------------------------------------------------------------

    def put_context(self, type: str, name: str, properties: Mapping[str, str | int]) -> int:
        """Write a context with its properties, or give one that is there these; return its id."""
        there = self.context(type, name)
        context = mlmd.Context(name=name)
        if there:
            context.id, context.type_id = there.id, there.type_id
        else:
            context.type_id = self._context_type(type)
        for key, value in properties.items():
            if isinstance(value, str):
                context.custom_properties[key].string_value = _without_backslashes(value)
            else:
                context.custom_properties[key].int_value = value
        try:
            (id,) = self.mlmd.put_contexts([context])
        except errors.AlreadyExistsError:  # Another run was quicker.
            return int(self.context(type, name).id)
        return int(id)

    def take_over(self, execution_id: int, run_id: str) -> None:
        """Publish what an execution made once more, for a run: as TFX publishes a cached node."""
        (old,) = self.mlmd.get_executions_by_id([execution_id])
        events = [event for event in self._events([execution_id]) if event.type in KEPT]
        self._publish(old, events, mlmd.Execution.CACHED, run_id)

    def publish_found(
        self, node: str, found: Mapping[str, Iterable[int]], run_id: str
    ) -> int | None:
        """Publish what a resolver found, for a run: as TFX publishes one.

        Returns:
            The execution's number; None where TFX has never run this node, and has to.
        """
        old = self.last_execution(node)
        if old is None:
            return None
        events = [
            mlmd.Event(
                artifact_id=id,
                type=mlmd.Event.INTERNAL_OUTPUT,
                path=mlmd.Event.Path(
                    steps=[mlmd.Event.Path.Step(key=key), mlmd.Event.Path.Step(index=place)]
                ),
            )
            for key, ids in found.items()
            for place, id in enumerate(ids)
        ]
        return self._publish(old, events, mlmd.Execution.COMPLETE, run_id)

    def link(self, run_id: str, resumes: str) -> None:
        """Tell that a run goes on with another one."""
        if self.context(PIPELINE, self.pipeline):
            self._run(run_id)
            self.put_context(RUN, run_id, {"resumes": resumes})

    def _publish(self, old: Any, events: list[Any], state: Any, run_id: str) -> int:
        new = mlmd.Execution(type_id=old.type_id, last_known_state=state)
        for name, value in old.properties.items():
            new.properties[name].CopyFrom(value)
        for name, value in old.custom_properties.items():
            new.custom_properties[name].CopyFrom(value)
        artifacts = self._artifacts(event.artifact_id for event in events)
        pairs = [
            (artifacts[event.artifact_id], mlmd.Event(type=event.type, path=event.path))
            for event in events
        ]
        contexts = [c for c in self.mlmd.get_contexts_by_execution(old.id) if c.type != RUN]
        id, _, _ = self.mlmd.put_execution(
            new,
            pairs,
            [*contexts, self._run(run_id)],
            reuse_context_if_already_exist=True,
            force_reuse_context=True,
        )
        return int(id)

    def _run(self, run_id: str) -> Any:
        """Return the context of a run, made if it is not there."""
        there = self.context(RUN, run_id)
        if there is None:
            self.put_context(RUN, run_id, {})
            there = self.context(RUN, run_id)
            parent = self.context(PIPELINE, self.pipeline)
            link = mlmd.ParentContext(child_id=there.id, parent_id=parent.id)
            with contextlib.suppress(errors.AlreadyExistsError):  # A node's process was quicker.
                self.mlmd.put_parent_contexts([link])
        return there

    def _context_type(self, name: str) -> int:
        try:
            return int(self.mlmd.get_context_type(name).id)
        except errors.NotFoundError:
            return int(self.mlmd.put_context_type(mlmd.ContextType(name=name)))

    def set_aside(self, executions: Iterable[Any]) -> None:
        """Mark executions as canceled: what they made is not what their run goes on with."""
        for execution in executions:
            execution.last_known_state = mlmd.Execution.CANCELED
            self.mlmd.put_executions([execution])

    # -- parts ------------------------------------------------------------------------------------

    def _events(self, execution_ids: list[int]) -> list[Any]:
        return list(self.mlmd.get_events_by_execution_ids(execution_ids) if execution_ids else ())

    def _artifacts(self, ids: Iterable[int]) -> dict[int, Any]:
        wanted = sorted({*ids})
        return {one.id: one for one in self.mlmd.get_artifacts_by_id(wanted)} if wanted else {}

    def _types(self, artifacts: Iterable[Any]) -> dict[int, str]:
        ids = sorted({artifact.type_id for artifact in artifacts})
        return {one.id: one.name for one in self.mlmd.get_artifact_types_by_id(ids)} if ids else {}


def _properties(artifact: Any) -> dict[str, Any]:
    return _values({**artifact.properties, **artifact.custom_properties})


def _values(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _plain(getattr(value, value.WhichOneof("value")))
        for name, value in properties.items()
        if value.WhichOneof("value")
    }


def _plain(value: Any) -> Any:
    """Return a value of a property; one that is a message as plain values."""
    return json_format.MessageToDict(value) if isinstance(value, Message) else value


def _without_backslashes(text: str) -> str:
    """Return a text as a URL has it: ML Metadata stumbles over backslashes on PostgreSQL."""
    return text.replace("%", "%25").replace("\\", "%5C")
