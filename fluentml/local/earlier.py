"""What a run takes over whatever the cache says: by `from_=`, `only=`, or what it resumes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fluentml.components.resolver import LookBack
from fluentml.errors import BackendError
from fluentml.executors.history import SUCCEEDED
from fluentml.graph import Graph, Node
from fluentml.local.cache import Cache, Entry, Ids, Verdict, ids_of
from fluentml.local.journal import Journal, resumed_by
from fluentml.local.keys import Key, UnknowableError, key_of, parameters
from fluentml.local.store import Store
from fluentml.run_request import RunRequest
from fluentml.spec import is_remote
from fluentml.stores.healing import node_of


class _Finished(NamedTuple):
    """The execution that finished a node in a run, and the parts of the key that it had."""

    execution: int
    parts: Mapping[str, str]


class Earlier:
    """What earlier runs finished.

    Args:
        graph: The nodes that run, and all before them.
        run_id: The run's id.
        store: The metadata.
        cache: What the cache makes of the same nodes.
        request: What the run is asked for.
        fast: Whether our executors run where they make the same artifacts sooner.

    Raises:
        BackendError: A node is to be taken over, and never finished, or what it made is gone.
    """

    def __init__(
        self,
        graph: Graph,
        run_id: str,
        store: Store,
        cache: Cache,
        request: RunRequest,
        *,
        fast: bool = True,
    ) -> None:
        self._graph, self._store, self._cache, self._fast = graph, store, cache, fast
        self._finished = self._of_runs(request.resumes) if request.resumes else {}
        self.resumes, self.running = request.resumes, request.running(graph)
        given = request.given(graph) if request.forced else ()
        self._given = {id: self._as_it_is(graph[id]) for id in sorted(given)}
        self.nodes = tuple(n for n in graph.nodes if n.id in self.running or n.id in self._given)
        self._journal = Journal(graph.settings, run_id)
        if request.resumes:
            store.link(run_id, request.resumes)

    def given(self, node: Node) -> Verdict | None:
        """Return what is taken over as it is, with what has changed since; None: the node runs."""
        return self._given.get(node.id)

    def verdict(self, node: Node, inputs: Ids) -> Verdict:
        """Return whether the run that is resumed had finished a node; if so, why that will not do.

        Args:
            node: The node.
            inputs: The ids of the artifacts that it reads, by input key.
        """
        finished = self._finished.get(node.id)
        if finished is None:
            return Verdict()
        key = self._key(node, inputs)
        changes = key.changes(finished.parts)
        if changes:
            return Verdict(why=changes)
        entry = self._entry(finished.execution, key)
        gone = self._gone(entry)
        if gone:
            return Verdict(why=(gone,))
        return Verdict(None if isinstance(node.component, LookBack) else key, entry)

    def note(self, node: Node, inputs: Ids, key: Key | None) -> None:
        """Write down under which key a node runs, or is taken over, for a run that resumes this."""
        self._journal.note(node.id, (key or self._key(node, inputs)).parts)

    def _key(self, node: Node, inputs: Ids) -> Key:
        """Return the key of a node, as far as it can be known."""
        if isinstance(node.component, LookBack):
            # What it finds is no part of it, and its strategy's code would load TFX.
            return Key({f"parameter {k}": v for k, v in parameters(node.component).items()})
        try:
            return key_of(self._graph, node, inputs, fast=self._fast)
        except UnknowableError:
            return key_of(self._graph, node, inputs, fast=self._fast, with_code=False)

    # -- parts ------------------------------------------------------------------------------------

    def _of_runs(self, run_id: str) -> dict[str, _Finished]:
        """Return what a run, and those that it resumed, finished: by node, the newest of each."""
        found: dict[str, _Finished] = {}
        for past in resumed_by(self._graph.settings, run_id):
            for node, execution in self._executions(past.run_id):
                if node in past.keys and node not in found:
                    found[node] = _Finished(execution, past.keys[node])
        return found

    def _executions(self, run_id: str) -> Iterable[tuple[str, int]]:
        run = self._store.context("pipeline_run", run_id)
        for one in self._store.mlmd.get_executions_by_context(run.id) if run else ():
            if one.last_known_state in SUCCEEDED:
                yield node_of(self._store.mlmd, one.id), int(one.id)

    def _as_it_is(self, node: Node) -> Verdict:
        """Return what a node made last, in the run that is resumed or in any."""
        last: Any = self._store.last_execution(node.id)
        finished = self._finished.get(node.id)
        execution = finished.execution if finished else last and int(last.id)
        if not execution:
            raise self._lacking(node.id, "and it never finished here")
        entry = Entry(execution, self._store.outputs(execution), None, {})
        gone = self._gone(entry)
        if gone:
            raise self._lacking(node.id, f"and {gone}")
        return Verdict(entry=entry, why=self._cache.changes_since(node))

    def _lacking(self, id: str, why: str) -> BackendError:
        readers = [n.id for n in self._graph.nodes if n.id in self.running and id in n.upstream]
        return BackendError(
            f"{' and '.join(readers)} would read what {id} made in an earlier run, {why}.",
            hint=f"run that first (to={id!r}, on the command line --to {id}), or start from there.",
        )

    def _entry(self, execution: int, key: Key) -> Entry:
        outputs = self._store.outputs(execution)
        kept = self._cache.entry(key)
        if kept and ids_of(kept.outputs) == ids_of(outputs):
            return kept
        # It was killed before it could be remembered, or has run again since.
        return Entry(execution, outputs, None, {})

    def _gone(self, entry: Entry) -> str:
        """Return what is no longer as the node left it."""
        for key, artifacts in entry.outputs.items():
            for artifact in artifacts:
                if not (is_remote(artifact.uri) or Path(artifact.uri).exists()):
                    return f"its {key} was deleted"
        return self._cache.amiss(entry)
