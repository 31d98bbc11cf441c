"""A run: node after node, what becomes of each, and the exit steps at its end."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from fluentml.component import WHEN
from fluentml.components import Pusher
from fluentml.components.resolver import LookBack
from fluentml.errors import DataError, RunError
from fluentml.graph import Graph, Node
from fluentml.local.cache import Cache, Entry, Verdict, ids_of
from fluentml.local.failure import Failure, failure_of
from fluentml.local.keys import Key
from fluentml.local.launching import Launcher, Reply, Request
from fluentml.local.lookback import look_back
from fluentml.local.outcome import Outcome, all_verdicts, read_outcome
from fluentml.local.progress import Progress, Step
from fluentml.local.store import Outputs, Store
from fluentml.results import NodeResult, Push, RunResult, State
from fluentml.stores.healing import heal

AGAIN = "mend it and run again: what is done need not run again."


class _Done(NamedTuple):
    """What became of a node."""

    state: State
    outputs: Outputs
    outcome: Outcome
    changed: tuple[str, ...] = ()


class Run:
    """The nodes of a run, as they become known."""

    def __init__(
        self,
        graph: Graph,
        run_id: str,
        log: Path,
        *,
        cache: Cache,
        store: Store,
        launcher: Launcher,
        progress: Progress,
    ) -> None:
        self.graph, self.run_id, self.log = graph, run_id, log
        self.cache, self.store, self.progress = cache, store, progress
        self.launcher, self._is_loaded = launcher, False
        self.before = _before(graph)
        self.running: dict[str, Step] = {}
        self.verdicts: dict[str, Verdict] = {}
        self.nodes: dict[str, NodeResult] = {}
        self.outcomes: dict[str, Outcome] = {}

    def result(self) -> RunResult:
        """Run all nodes, and then the exit steps; return what came of it.

        Raises:
            RunError: A node failed; those that ran beside it came to their end.
        """
        try:
            self._run([node for node in self.graph.nodes if not node.component.AT_EXIT])
        except RunError as failure:
            for problem in self._leave(failure):
                self.progress.say(str(problem))
            failure.result = self._so_far()
            raise
        for problem in self._leave(None):
            problem.result = self._so_far()
            raise problem
        return self._so_far()

    # -- the queue --------------------------------------------------------------------------------

    def _run(self, nodes: Iterable[Node]) -> None:
        """Run nodes, each once those that it reads from have ended; no more after a failure."""
        waiting = {node.id: node for node in nodes}
        failure: RunError | None = None
        try:
            while True:
                if failure is None:
                    failure = self._start_all(waiting)
                if not self.running:
                    break
                failure = self._collect() or failure
        except BaseException:
            self._interrupt()
            raise
        if failure is not None:
            raise failure from failure.__cause__

    def _start_all(self, waiting: dict[str, Node]) -> RunError | None:
        """Start what can start, and end what takes no TFX; return what went wrong in that."""
        started = True
        while started:
            started = False
            for id, node in [*waiting.items()]:
                if not self.before[id] <= self.nodes.keys():
                    continue
                settled = self._settled(node)
                if settled is None and not self.launcher.has_room():
                    continue
                del waiting[id]
                started = True
                if settled is None:
                    self._start(node)
                    continue
                self.running[id] = self.progress.start(id)
                if isinstance(settled, Failure):
                    return self._failed(id, settled)
                self._end(id, settled)
        return None

    def _settled(self, node: Node) -> _Done | Failure | None:
        """Return what comes of a node, or why it fails; None where TFX has to run it."""
        try:
            return self._without_tfx(node)
        except Exception as error:
            return failure_of(node.id, error, self.graph)

    def _start(self, node: Node, known: Mapping[str, str] | None = None) -> None:
        self._load()
        verdict = self.verdicts.get(node.id, Verdict())
        self.running[node.id] = self.progress.start(node.id)
        request = Request(node.id, verdict.is_anew, self._why_not(node), known)
        self.launcher.start(request, node.upstream)

    def _load(self) -> None:
        """Wait until TFX is loaded, where that takes time."""
        if not self._is_loaded:
            with self.progress.step("TensorFlow Extended") as step:
                self.launcher.load()
                step.state, step.note = "done", "loaded"
            self._is_loaded = True

    def _collect(self) -> RunError | None:
        """Wait for a node to end; return why it failed, if it did."""
        id, reply = self.launcher.wait()
        if reply.failure:
            return self._failed(id, reply.failure)
        try:
            done = self._done(self.graph[id], reply)
        except Exception as error:
            return self._failed(id, failure_of(id, error, self.graph))
        self._end(id, done)
        return None

    def _done(self, node: Node, reply: Reply) -> _Done:
        """Return what came of a node that TFX ran, once that is kept for the next run."""
        if node.component.AT_EXIT:
            return _Done(reply.state, {}, Outcome())
        verdict = self.verdicts.get(node.id, Verdict())
        if reply.state == "skipped":
            done = _skipped(node, self._unmet(node))
        else:
            done = _Done(reply.state, reply.outputs, reply.outcome, verdict.why)
        self.cache.remember(node, verdict.key, reply.execution, done.outputs, done.outcome)
        return done

    def _end(self, id: str, done: _Done) -> None:
        step = self.running.pop(id)
        step.state, step.note, step.changed = done.state, done.outcome.note, done.changed
        self.progress.finish(id, step)
        self.outcomes[id] = done.outcome
        self.nodes[id] = NodeResult(
            id, done.state, step.seconds, done.outputs, step.note, step.changed
        )

    def _failed(self, id: str, failure: Failure) -> RunError:
        self.progress.finish(id, self.running.pop(id))
        self.nodes[id] = NodeResult(id, "failed")
        # A process that died left its execution as it was.
        with contextlib.suppress(Exception):
            heal(self.graph.settings, self.store.mlmd, self.run_id, failure.what, only=id)
        error = self._failure(self.graph[id], failure)
        error.__cause__ = failure.error
        return error

    def _interrupt(self) -> None:
        """End what runs; whoever owns the run leaves nothing half done."""
        try:
            self.launcher.close()
        finally:
            for id in [*self.running]:
                step = self.running.pop(id)
                step.state = "interrupted"
                self.progress.finish(id, step)

    # -- a node -----------------------------------------------------------------------------------

    def _without_tfx(self, node: Node) -> _Done | None:
        """Return what comes of a node; None where TFX has to run it."""
        if node.id in self.verdicts:
            return None
        missing = self._missing(node)
        if missing:
            return _skipped(node, f"{missing} was skipped")
        self._refuse_empty_inputs(node)
        if isinstance(node.component, LookBack):
            return self._look_back(node.id, node.component)
        verdict = self.verdicts[node.id] = self.cache.look_up(node, self._inputs(node))
        return self._taken_over(node, verdict.key, verdict.entry) if verdict.entry else None

    def _taken_over(self, node: Node, key: Key | None, entry: Entry) -> _Done:
        outcome = entry.outcome or read_outcome(node, entry.outputs, self._why_not(node))
        self.cache.note(node, key)
        if not entry.execution:
            return _Done("skipped", {}, outcome)
        self.store.take_over(entry.execution, self.run_id)
        return _Done("cached", entry.outputs, outcome)

    def _look_back(self, id: str, step: LookBack) -> _Done | None:
        found = look_back(self.store, step)
        execution = None if found is None else self.store.publish_found(id, found, self.run_id)
        if execution is None:
            return None
        return _Done("done", self.store.outputs(execution), Outcome())

    def _inputs(self, node: Node) -> dict[str, tuple[int, ...]]:
        """Return the numbers of the artifacts that a node reads, by input key."""
        return {
            key: ids_of(self.nodes[wire.channel.node].outputs).get(wire.channel.output, ())
            for key, wire in node.inputs.items()
        }

    def _missing(self, node: Node) -> str | None:
        """Return the skipped node without which this one cannot run."""
        return next((id for id in node.required if self.nodes[id].state == "skipped"), None)

    def _refuse_empty_inputs(self, node: Node) -> None:
        """Raise in words what TFX would give the node up for."""
        needs = node.component.needs()
        for key, wire in node.inputs.items():
            maker = self.nodes[wire.channel.node]
            if not needs[key].optional and not maker.outputs.get(wire.channel.output):
                raise DataError(
                    f"its input {key!r} is empty: {maker.id} found no artifact for "
                    f"{wire.channel.output!r}.",
                    hint="a first run may have nothing to find; run without this step, or with "
                    "another channel: inputs=.",
                )

    def _unmet(self, node: Node) -> str:
        """Return why the condition of a node does not hold."""
        assert node.component.when is not None
        looked_at = {
            key.removeprefix(WHEN): self.nodes[wire.channel.node].outputs[wire.channel.output]
            for key, wire in node.inputs.items()
            if key.startswith(WHEN)
        }
        return node.component.when.why_not(
            {
                name: float(Path(artifacts[0].uri).read_text())
                for name, artifacts in looked_at.items()
                if artifacts and artifacts[0].type == "Float"
            }
        )

    def _why_not(self, node: Node) -> str:
        """Return why a pusher pushes nothing, if it does not."""
        by = [self.graph[id].component.verb for id in self._refusing(node)]
        return f"{' and '.join(by) or 'a gate'} did not bless the model"

    def _refusing(self, node: Node) -> list[str]:
        """Return the ids of a pusher's gates but for those that blessed the model."""
        gates = [
            wire.channel.node
            for key, wire in node.inputs.items()
            if key.endswith("blessing") and not key.startswith(WHEN)
        ]
        return [id for id in gates if not self.outcomes.get(id, Outcome()).blessed]

    # -- the end ----------------------------------------------------------------------------------

    def _leave(self, failure: RunError | None) -> list[RunError]:
        """Run the exit steps, every one of them; return those that failed."""
        status = {
            "state": "FAILED" if failure else "SUCCEEDED",
            "pipelineJobName": self.graph.settings.name,
            "pipelineJobUuid": self.run_id,
            **({"error": {"message": str(failure)}} if failure else {}),
        }
        known = {"final_status": json.dumps(status), "summary": self._so_far().summary()}
        problems = []
        for node in self.graph.nodes:
            if node.component.AT_EXIT:
                self._start(node, known)
                problem = self._collect()
                problems += [problem] if problem else []
        return problems

    def _so_far(self) -> RunResult:
        outcomes = [self.outcomes[node.id] for node in self.graph.nodes if node.id in self.outcomes]
        return RunResult(
            pipeline=self.graph.settings.name,
            run_id=self.run_id,
            log=str(self.log),
            nodes={
                node.id: self.nodes.get(node.id, NodeResult(node.id, "not run"))
                for node in self.graph.nodes
            },
            **all_verdicts(outcomes),
        )

    def _failure(self, node: Node, failure: Failure) -> RunError:
        if failure.is_not_pushed:
            return self._not_pushed(node, self._so_far())
        return RunError(
            f"{node.id} failed: {failure.what}",
            *failure.details,
            f"The full log: {self.log}",
            hint=failure.hint or AGAIN,
            result=self._so_far(),
            node=node.id,
        )

    def _not_pushed(self, node: Node, result: RunResult) -> RunError:
        refusing = self._refusing(node)
        reasons = chain(*(self.outcomes.get(id, Outcome()).reasons for id in refusing))
        return RunError(
            f"{node.id} failed: a push is required, and {self._why_not(node)}.",
            *(f"  {reason}" for reason in reasons),
            f"The full log: {self.log}",
            hint="mend the model, or leave require_push= out: then the run just pushes nothing.",
            result=result,
            node=node.id,
        )


def _skipped(node: Node, note: str) -> _Done:
    pushes = (Push(node.id, None, note),) if isinstance(node.component, Pusher) else ()
    return _Done("skipped", {}, Outcome(note, pushes=pushes))


def _before(graph: Graph) -> dict[str, set[str]]:
    """Return for each node those that have to end before it starts.

    That is all that it reads from; and where one looks back, what makes such artifacts keeps its
    place before or behind it, so that it finds the same however long anything takes.
    """
    before = {node.id: {*node.upstream} for node in graph.nodes}
    for place, node in enumerate(graph.nodes):
        minds = node.component.minds() if isinstance(node.component, LookBack) else frozenset()
        for other_place, other in enumerate(graph.nodes):
            makes = other.component.provides()
            if other is not node and minds and (makes is None or minds & {*makes.values()}):
                earlier, later = (other, node) if other_place < place else (node, other)
                before[later.id].add(earlier.id)
    return before
