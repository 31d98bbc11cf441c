"""A run: node after node, what becomes of each, and the exit steps at its end."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path

from fluentml.component import WHEN
from fluentml.components import Evaluator, Pusher, UserCode
from fluentml.errors import DataError, FluentmlError, RunError
from fluentml.graph import Graph, Node
from fluentml.local.outcome import Outcome, Outputs, read_outcome
from fluentml.local.progress import Progress
from fluentml.local.session import Launched, Session
from fluentml.lowering import lower_exit
from fluentml.results import NodeResult, Push, RunResult

AGAIN = "mend it and run again; with .cache() what is done need not run again."


class Run:
    """The nodes of a run, as they become known."""

    def __init__(
        self, graph: Graph, run_id: str, log: Path, session: Session, progress: Progress
    ) -> None:
        self.graph, self.run_id, self.log = graph, run_id, log
        self.session, self.progress = session, progress
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
                    self._run_or_fail(node, self._run)
        except RunError as failure:
            for problem in self._leave(failure):
                self.progress.say(str(problem))
            failure.result = self._so_far()
            raise
        for problem in self._leave(None):
            problem.result = self._so_far()
            raise problem
        return self._so_far()

    def _run_or_fail(self, node: Node, run: Callable[[Node], None]) -> None:
        try:
            run(node)
        except Exception as error:
            self.nodes[node.id] = NodeResult(node.id, "failed")
            raise self._failure(node, error) from error

    # -- a node -----------------------------------------------------------------------------------

    def _run(self, node: Node) -> None:
        with self.progress.step(node.id) as step:
            missing = self._missing(node)
            if not missing:
                self._refuse_empty_inputs(node)
            launched = Launched("skipped", {}) if missing else self.session.launch(node.id)
            step.state = launched.state
            if launched.state != "skipped":
                outcome = self.outcome(node, launched.outputs)
            else:
                outcome = _skipped(node, f"{missing} was skipped" if missing else self._unmet(node))
            step.note = outcome.note
        self.outcomes[node.id] = outcome
        self.nodes[node.id] = NodeResult(
            node.id, launched.state, step.seconds, launched.outputs, outcome.note
        )

    def outcome(self, node: Node, outputs: Outputs) -> Outcome:
        """Return what a node that ran found."""
        return read_outcome(node, outputs, self._why_not(node))

    def _missing(self, node: Node) -> str | None:
        """Return the skipped node without which this one cannot run."""
        needs = node.component.needs()
        makers = [wire.channel.node for key, wire in node.inputs.items() if not needs[key].optional]
        return next((id for id in makers if self.nodes[id].state == "skipped"), None)

    def _refuse_empty_inputs(self, node: Node) -> None:
        """Say in words what TFX would give the node up for."""
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
                try:
                    self._run_or_fail(node, lambda node: self._exit(node, known))
                except RunError as problem:
                    problems.append(problem)
        return problems

    def _exit(self, node: Node, known: Mapping[str, str]) -> None:
        with self.progress.step(node.id) as step:
            session = self.session.another(lower_exit(self.graph, node, known))
            step.state = session.launch(node.id).state
        self.nodes[node.id] = NodeResult(node.id, step.state, step.seconds)

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


def _skipped(node: Node, note: str) -> Outcome:
    pushes = (Push(node.id, None, note),) if isinstance(node.component, Pusher) else ()
    return Outcome(note, pushes=pushes)
