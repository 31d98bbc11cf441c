"""What ML Metadata knows of a pipeline's runs, and which of its artifacts are still needed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml_metadata import proto as mlmd

from fluentml.executors.history import SUCCEEDED

LIVE, MARKED = mlmd.Artifact.LIVE, mlmd.Artifact.MARKED_FOR_DELETION
_READ = (mlmd.Event.INPUT, mlmd.Event.DECLARED_INPUT, mlmd.Event.INTERNAL_INPUT)
_BULKY = ("Examples", "TransformCache", "Model")
"""What a model was made of, and can be looked at without."""
_VERDICTS = ("ModelEvaluation", "ModelBlessing", "InfraBlessing", "PushedModel")
_AT_A_TIME = 500


@dataclass
class Executed:
    """An execution of the pipeline, with the artifacts that it read and wrote by their keys."""

    id: int
    node: str
    run: str
    message: Any
    read: list[tuple[str, int]] = field(default_factory=list)
    wrote: list[tuple[str, int]] = field(default_factory=list)

    @property
    def succeeded(self) -> bool:
        """Whether it did its work, or took it over."""
        return self.message.last_known_state in SUCCEEDED

    @property
    def artifacts(self) -> Iterator[int]:
        """The ids of all artifacts that it read or wrote."""
        return (id for _, id in (*self.read, *self.wrote))


class Lineage:
    """The executions of a pipeline and the artifacts between them, oldest first.

    A pipeline of the same name may run in another root with the same store. Runs that neither read
    nor wrote anything under this root are left out, unless it is None.
    """

    def __init__(self, store: Any, pipeline: str, root: Path | None = None) -> None:
        self.executions: dict[int, Executed] = {}
        context = store.get_context_by_type_and_name("pipeline", pipeline)
        for message in store.get_executions_by_context(context.id) if context else ():
            self.executions[message.id] = Executed(message.id, "", "", message)
        for run in store.get_contexts_by_type("pipeline_run") if context else ():
            for one in self._of(store, run):
                one.run = run.name
        for node in store.get_contexts_by_type("node") if context else ():
            # TFX names the context of a node "pipeline.node"; a pipeline's name has no dot.
            owner, _, id = node.name.partition(".")
            for one in self._of(store, node) if owner == pipeline else ():
                one.node = id
        self.executions = dict(sorted(self.executions.items()))
        for event in _in_batches(store.get_events_by_execution_ids, self.executions):
            one = self.executions[event.execution_id]
            key = next((step.key for step in event.path.steps if step.key), "")
            (one.read if event.type in _READ else one.wrote).append((key, event.artifact_id))
        ids = {id for one in self.executions.values() for id in one.artifacts}
        self.artifacts = {a.id: a for a in _in_batches(store.get_artifacts_by_id, sorted(ids))}
        if root is not None:
            self._leave_out_others(root)
        # A cached execution wrote nothing: it names what an earlier one did.
        self.maker = {
            id: one
            for one in reversed(self.executions.values())
            for _, id in one.wrote
            if one.message.last_known_state != mlmd.Execution.CACHED
        }

    def _leave_out_others(self, root: Path) -> None:
        here = {id for id, a in self.artifacts.items() if Path(a.uri).is_relative_to(root)}
        runs = {one.run for one in self.executions.values() if not here.isdisjoint(one.artifacts)}
        self.executions = {id: one for id, one in self.executions.items() if one.run in runs}

    def _of(self, store: Any, context: Any) -> Iterator[Executed]:
        for message in store.get_executions_by_context(context.id):
            if message.id in self.executions:
                yield self.executions[message.id]

    def runs(self) -> dict[str, list[Executed]]:
        """Return the executions of each run, the oldest run first."""
        runs: dict[str, list[Executed]] = {}
        for one in self.executions.values():
            runs.setdefault(one.run, []).append(one)
        return runs

    def kept_runs(self, keep: int) -> tuple[str, ...]:
        """Return the last `keep` runs in which nothing failed, and all since the first of them."""
        runs = self.runs()
        good = [run for run, all_ in runs.items() if all(one.succeeded for one in all_)]
        first = good[-keep] if len(good) >= keep else None
        names = [*runs]
        return tuple(names[names.index(first) :] if first is not None else names)

    def needed(self, runs: Collection[str], nodes: Collection[str] | None) -> set[int]:
        """Return the ids of the artifacts that somebody needs.

        These are: what the kept runs read and wrote; what each node read and wrote when it last
        succeeded, which its cache and the resolvers look for; and all models that were blessed or
        pushed, with what one looks at of them.

        Args:
            runs: The runs that are kept.
            nodes: The nodes of the chain; None where it is not known, and all count.
        """
        kept = [one for one in self.executions.values() if one.run in runs]
        last = {
            one.node: one
            for one in self.executions.values()
            if one.succeeded and (nodes is None or one.node in nodes)
        }
        ids = {id for one in (*kept, *last.values()) for id in one.artifacts}
        for model in self._chosen_models():
            ids |= {model, *self._verdicts_on(model), *self._looked_at(model)}
        return ids

    def _chosen_models(self) -> set[int]:
        """Return the models that were blessed or pushed."""
        return {
            id
            for one in self.executions.values()
            for key, id in one.read
            if key == "model" and any(_says_yes(artifact) for artifact in self._made(one))
        }

    def _verdicts_on(self, model: int) -> Iterator[int]:
        """Yield what those found who judged or pushed a model."""
        for one in self.executions.values():
            if ("model", model) in one.read:
                yield from (made.id for made in self._made(one) if made.type in _VERDICTS)

    def _made(self, one: Executed) -> list[Any]:
        return [self.artifacts[id] for _, id in one.wrote if id in self.artifacts]

    def _looked_at(self, artifact: int) -> Iterator[int]:
        """Yield what an artifact was made from and with, but for what is bulky."""
        pending, seen = [artifact], {artifact}
        while pending:
            maker = self.maker.get(pending.pop())
            for id in maker.artifacts if maker else ():
                if id not in seen and id in self.artifacts:
                    seen.add(id)
                    if self.artifacts[id].type not in _BULKY:
                        pending.append(id)
                        yield id


def _says_yes(artifact: Any) -> bool:
    flag = {"ModelBlessing": "blessed", "PushedModel": "pushed"}.get(artifact.type)
    return bool(flag) and any(
        properties[flag].int_value == 1
        for properties in (artifact.properties, artifact.custom_properties)
        if flag in properties
    )


def _in_batches(get: Callable[[list[int]], Iterable[Any]], ids: Iterable[int]) -> Iterator[Any]:
    all_ids = [*ids]
    for start in range(0, len(all_ids), _AT_A_TIME):
        yield from get(all_ids[start : start + _AT_A_TIME])
