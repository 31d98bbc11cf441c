"""A run: node after node, what becomes of each, and the exit steps at its end."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from fluentml.component import WHEN
from fluentml.components import Evaluator, Pusher, UserCode
from fluentml.components.resolver import LookBack
from fluentml.errors import DataError, FluentmlError, RunError
from fluentml.graph import Graph, Node
from fluentml.local.cache import Cache, Entry, Verdict, ids_of
from fluentml.local.keys import Key
from fluentml.local.lookback import look_back
from fluentml.local.outcome import Outcome, read_outcome
from fluentml.local.progress import Progress, Step
from fluentml.local.store import Outputs, Store
from fluentml.results import NodeResult, Push, RunResult, State

if TYPE_CHECKING:
    from fluentml.local.session import Session

T = TypeVar("T")

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
        cache: Cache,
        store: Store,
        progress: Progress,
        *,
        fast: bool = True,
    ) -> None:
        self._fast = fast
        self.graph, self.run_id, self.log = graph, run_id, log
        self.cache, self.store, self.progress = cache, store, progress
        self._session: Any = None
        self.verdicts: dict[str, Verdict] = {}
        self.nodes: dict[str, NodeResult] = {}
        self.outcomes: dict[str, Outcome] = {}

    def result(self) -> RunResult:
        """Run all nodes, and then the exit steps; return what came of it.

        Raises:
            RunError: A node failed.
        """
        try:
            for node in self.graph.nodes:
                if not node.component.AT_EXIT:
                    self._run(node)
        except RunError as failure:
            for problem in self._leave(failure):
                self.progress.say(str(problem))
            failure.result = self._so_far()
            raise
        for problem in self._leave(None):
            problem.result = self._so_far()
            raise problem
        return self._so_far()

    def _or_fail(self, node: Node, call: Callable[[Node], T]) -> T:
        try:
            return call(node)
        except Exception as error:
            self.nodes[node.id] = NodeResult(node.id, "failed")
            raise self._failure(node, error) from error

    # -- a node -----------------------------------------------------------------------------------

    def _run(self, node: Node) -> None:
        settled = self._or_fail(node, self._without_tfx)
        if settled is None:
            self._load()

        def run(node: Node) -> tuple[_Done, Step]:
            with self.progress.step(node.id) as step:
                done = settled or self._launch(node)
                if isinstance(done, DataError):
                    raise done
                step.state, step.note, step.changed = done.state, done.outcome.note, done.changed
            return done, step

        done, step = self._or_fail(node, run)
        self.outcomes[node.id] = done.outcome
        self.nodes[node.id] = NodeResult(
            node.id, done.state, step.seconds, done.outputs, step.note, step.changed
        )

    def _without_tfx(self, node: Node) -> _Done | DataError | None:
        """Return what comes of a node, or why nothing can; None where TFX has to run it."""
        missing = self._missing(node)
        if missing:
            return _skipped(node, f"{missing} was skipped")
        empty = self._empty_input(node)
        if empty:
            return empty
        if isinstance(node.component, LookBack):
            return self._look_back(node.id, node.component)
        verdict = self.verdicts[node.id] = self.cache.look_up(node, self._inputs(node))
        return self._taken_over(node, verdict.key, verdict.entry) if verdict.entry else None

    def _taken_over(self, node: Node, key: Key | None, entry: Entry) -> _Done:
        outcome = entry.outcome or self.outcome(node, entry.outputs)
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

    def _load(self) -> None:
        """Load TFX, once."""
        if self._session is None:
            with self.progress.step("TensorFlow Extended") as step:
                self._session = self.session()
                step.state, step.note = "done", "loaded"

    def _launch(self, node: Node) -> _Done:
        verdict = self.verdicts.get(node.id, Verdict())
        launched = self._session.launch(node.id, anew=verdict.is_anew)
        if launched.state == "skipped":
            done = _skipped(node, self._unmet(node))
        else:
            outcome = self.outcome(node, launched.outputs)
            done = _Done(launched.state, launched.outputs, outcome, verdict.why)
        self.cache.remember(node, verdict.key, launched.execution, done.outputs, done.outcome)
        return done

    def outcome(self, node: Node, outputs: Outputs) -> Outcome:
        """Return what a node that ran found."""
        return read_outcome(node, outputs, self._why_not(node))

    def session(self) -> Session:
        """Load TFX, and return what launches the nodes."""
        from fluentml.local.session import Session
        from fluentml.lowering import lower

        return Session(lower(self.graph), self.run_id, self.store, fast=self._fast)

    def _missing(self, node: Node) -> str | None:
        """Return the skipped node without which this one cannot run."""
        return next((id for id in node.required if self.nodes[id].state == "skipped"), None)

    def _empty_input(self, node: Node) -> DataError | None:
        """Return in words what TFX would give the node up for."""
        needs = node.component.needs()
        for key, wire in node.inputs.items():
            maker = self.nodes[wire.channel.node]
            if not needs[key].optional and not maker.outputs.get(wire.channel.output):
                return DataError(
                    f"its input {key!r} is empty: {maker.id} found no artifact for "
                    f"{wire.channel.output!r}.",
                    hint="a first run may have nothing to find; run without this step, or with "
                    "another channel: inputs=.",
                )
        return None

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
                try:
                    self._or_fail(node, lambda node: self._exit(node, known))
                except RunError as problem:
                    problems.append(problem)
        return problems

    def _exit(self, node: Node, known: Mapping[str, str]) -> None:
        self._load()
        with self.progress.step(node.id) as step:
            from fluentml.lowering import lower_exit

            session = self._session.another(lower_exit(self.graph, node, known))
            step.state = state = session.launch(node.id).state
        self.nodes[node.id] = NodeResult(node.id, state, step.seconds)

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
            validations=tuple(chain(*(one.validations for one in outcomes))),
            comparisons=tuple(chain(*(one.comparisons for one in outcomes))),
            tunings=tuple(chain(*(one.tunings for one in outcomes))),
            evaluations=tuple(chain(*(one.evaluations for one in outcomes))),
            infra_validations=tuple(chain(*(one.infra_validations for one in outcomes))),
            pushes=tuple(chain(*(one.pushes for one in outcomes))),
        )

    def _failure(self, node: Node, error: BaseException) -> RunError:
        from fluentml.executors.pusher import NotPushedError
        from fluentml.local.failure import as_raised, is_frame, summary, user_frames
        from fluentml.stores.fitness import in_words

        logging.getLogger("fluentml").error("%s failed", node.id, exc_info=error)
        error = in_words(as_raised(error), self.graph.settings)
        result = self._so_far()
        if isinstance(error, NotPushedError):
            return self._not_pushed(node, result)
        modules = [
            other.component.module
            for other in self.graph.nodes
            if isinstance(other.component, UserCode | Evaluator) and other.component.module_is_file
        ]
        what, hint = summary(error), AGAIN
        details = [] if isinstance(error, DataError) else [*map(str, user_frames(error, modules))]
        if isinstance(error, FluentmlError):
            what, hint = error.what, error.hint or AGAIN
            details += [detail for detail in error.details if not is_frame(detail)]
        return RunError(
            f"{node.id} failed: {what}",
            *details,
            f"The full log: {self.log}",
            hint=hint,
            result=result,
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
