"""Which nodes need not run: kept in ML Metadata beside the executions, and read without TFX.

For every key there is a context that names the execution which had it, and tells what came of that;
for every node one with the parts of the key that it had last.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from fluentml.components.resolver import LookBack
from fluentml.graph import Graph, Node
from fluentml.local.keys import Key, UnknowableError, fingerprint, key_of
from fluentml.local.lookback import look_back
from fluentml.local.outcome import Outcome
from fluentml.local.store import Outputs, Store
from fluentml.serving import WITHDRAWN
from fluentml.spec import is_remote

BY_KEY, BY_NODE = "fluentml_cache", "fluentml_last_run"
"""Our types of contexts."""

HIT = "HIT"

Ids = Mapping[str, "tuple[int, ...] | None"]


@dataclass(frozen=True)
class Entry:
    """What a node made earlier.

    Attributes:
        execution: The execution's number; 0 where the node was skipped.
        outputs: What it made.
        outcome: What came of it; None where it has to be read from the outputs.
        files: What it wrote, and what that looked like, by path.
    """

    execution: int
    outputs: Outputs
    outcome: Outcome | None
    files: Mapping[str, str]


@dataclass(frozen=True)
class Verdict:
    """Whether what a node made earlier will do.

    Attributes:
        key: The key that was looked for; None where the node has none.
        entry: What there is; None: the node has to run.
        why: Why it has to run, in words; empty where it never did.
        is_anew: Whether it is to make something new even of what looks the same to TFX.
    """

    key: Key | None = None
    entry: Entry | None = None
    why: tuple[str, ...] = ()
    is_anew: bool = False

    def __str__(self) -> str:
        return HIT if self.entry else ", ".join(["MISS", *self.why])


class Cache:
    """What the earlier runs of a pipeline left.

    Args:
        graph: The pipeline.
        store: Its metadata.
        enabled: Whether to take anything over.
        refresh: Ids of nodes that are to run anyway.
        fast: Whether our executors run where they make the same artifacts sooner.
    """

    def __init__(
        self,
        graph: Graph,
        store: Store,
        *,
        enabled: bool = True,
        refresh: Collection[str] = (),
        fast: bool = True,
    ) -> None:
        self._graph, self._store, self._fast = graph, store, fast
        self._enabled, self._refresh = enabled, refresh

    def look_up(self, node: Node, inputs: Ids) -> Verdict:
        """Return whether what a node made earlier will do.

        Args:
            node: The node.
            inputs: The ids of the artifacts that it reads, by input key; None: yet to be made.
        """
        try:
            key = key_of(self._graph, node, inputs, fast=self._fast)
        except UnknowableError as error:
            return Verdict(why=(str(error),))
        before, itself = self._last(node), _finds_itself(key, inputs)
        refusal = self._refusal(node)
        if refusal:
            return Verdict(key, why=(refusal,) if before else (), is_anew=True)
        entry = self._kept(key.digest(of_all=not itself))
        amiss = self.amiss(entry) if entry else ""
        if entry and not amiss:
            return Verdict(key, entry)
        alike = {name: key.parts[name] for name in key.looked_back} if itself else {}
        changes = key.changes({**before, **alike}) if before else ()
        why = changes or tuple(filter(None, [amiss]))
        return Verdict(key, why=why, is_anew=bool(before))

    def remember(
        self, node: Node, key: Key | None, execution: int, outputs: Outputs, outcome: Outcome
    ) -> None:
        """Keep what came of a node.

        Args:
            node: The node.
            key: Its key; None: it has none, and nothing is kept.
            execution: The execution's number; 0 where the node was skipped.
            outputs: What it made.
            outcome: What came of it.
        """
        if key is None:
            return
        uris = [artifact.uri for artifacts in outputs.values() for artifact in artifacts]
        files = {path: _seen(path) for path in (*uris, *node.component.writes_outside())}
        properties: dict[str, str | int] = {
            "execution": execution,
            "outcome": outcome.to_json(),
            "files": json.dumps(files),
        }
        for of_all in (True, False) if key.looked_back else (True,):
            self._store.put_context(BY_KEY, key.digest(of_all=of_all), properties)
        self.note(node, key)

    def note(self, node: Node, key: Key | None) -> None:
        """Keep the parts of the key that a node had last."""
        if key and key.parts != self._last(node):
            parts = {"parts": json.dumps(dict(key.parts))}
            self._store.put_context(BY_NODE, f"{self._store.pipeline}.{node.id}", parts)

    def forecast(self) -> dict[str, str]:
        """Return for each node in words whether a run would take over what it made earlier."""
        made: dict[str, Mapping[str, tuple[int, ...]] | None] = {}
        told: dict[str, str] = {}
        skipped: set[str] = set()
        for node in self._graph.nodes:
            if isinstance(node.component, LookBack):
                made[node.id] = look_back(self._store, node.component)
            elif skipped & {*node.required}:
                skipped.add(node.id)
            elif not node.component.AT_EXIT:
                verdict = self.look_up(node, _known(node, made))
                told[node.id] = str(verdict)
                made[node.id] = ids_of(verdict.entry.outputs) if verdict.entry else None
                skipped |= {node.id} if verdict.entry and not verdict.entry.execution else set()
        return told

    def entry(self, key: Key) -> Entry | None:
        """Return what a node made earlier under a key, whatever has become of it."""
        return self._kept(key.digest())

    def amiss(self, entry: Entry) -> str:
        """Return what is no longer as the node left it; empty where nothing is."""
        keys = {one.uri: f"its {key}" for key, made in entry.outputs.items() for one in made}
        for path, seen in entry.files.items():
            if _seen(path) != seen:
                return f"{keys.get(path, path)} was deleted or changed"
        for artifacts in entry.outputs.values():
            for artifact in artifacts:
                destination = artifact.properties.get("pushed_destination")
                if destination and not _is_pushed(destination):
                    return f"{destination} is gone"
        return "" if self._store.are_live(entry.outputs) else "its outputs are marked as gone"

    def changes_since(self, node: Node) -> tuple[str, ...]:
        """Return what has changed, but for what it reads, since a node last made something."""
        try:
            now = key_of(self._graph, node, {}, fast=self._fast)
        except UnknowableError:
            return ()
        last = self._last(node)
        before = {name: text for name, text in last.items() if not name.startswith("input ")}
        return now.changes(before) if before else ()

    # -- parts ------------------------------------------------------------------------------------

    def _refusal(self, node: Node) -> str:
        step = node.component
        if node.id in self._refresh:
            return "asked for"
        if not self._enabled or self._graph.settings.cache is False or step.cache is False:
            return "not cached"
        if step.reads_outside() is None and not step.cache:
            return "what it reads may have changed"
        return ""

    def _last(self, node: Node) -> dict[str, str]:
        kept = self._store.properties(BY_NODE, f"{self._store.pipeline}.{node.id}")
        return dict(json.loads(kept["parts"])) if kept else {}

    def _kept(self, digest: str) -> Entry | None:
        kept = self._store.properties(BY_KEY, digest)
        if kept is None:
            return None
        execution, text = int(kept["execution"]), kept["outcome"]
        return Entry(
            execution=execution,
            outputs=self._store.outputs(execution) if execution else {},
            outcome=Outcome.from_json(text) if text else None,
            files=json.loads(kept["files"]),
        )


def ids_of(outputs: Outputs) -> dict[str, tuple[int, ...]]:
    """Return the numbers of artifacts, by output key."""
    return {key: tuple(one.id for one in artifacts) for key, artifacts in outputs.items()}


def _known(
    node: Node, made: Mapping[str, Mapping[str, tuple[int, ...]] | None]
) -> dict[str, tuple[int, ...] | None]:
    """Return the numbers of what a node reads, by input key, where they are known."""
    known = {}
    for key, wire in node.inputs.items():
        outputs = made.get(wire.channel.node, {})
        known[key] = None if outputs is None else outputs.get(wire.channel.output, ())
    return known


def _finds_itself(key: Key, inputs: Ids) -> bool:
    """Return whether all that a node looks back for is what it reads now anyway.

    A model that is blessed becomes the baseline of its own evaluation: that is no new question.
    """
    back = {name.removeprefix("input ") for name in key.looked_back}
    found = {id for name in back for id in inputs[name] or ()}
    return bool(found) and found <= {
        id for name, ids in inputs.items() if name not in back for id in ids or ()
    }


def _seen(path: str) -> str:
    """Return what a path looks like; of a remote one, only whether it is there."""
    if not is_remote(path):
        return fingerprint(path, times=False)
    from tfx.dsl.io import fileio

    return "there" if fileio.exists(path) else "gone"


def _is_pushed(destination: str) -> bool:
    """Return whether a version is where it was pushed, or was taken away from there on purpose."""
    path = Path(destination)
    if not path.is_absolute():  # An endpoint, a table.
        return True
    return path.exists() or (path.parent / WITHDRAWN / path.name).exists()
