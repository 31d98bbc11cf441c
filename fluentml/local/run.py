"""A run: node after node, what becomes of each, and the exit steps at its end."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import ClassVar

from fluentml.component import WHEN
from fluentml.components.resolver import LookBack
from fluentml.errors import DataError, RunError
from fluentml.graph import Graph, Node
from fluentml.local.cache import Cache, Entry, Ids, Verdict, ids_of
from fluentml.local.earlier import Earlier
from fluentml.local.failure import Failure
from fluentml.local.keys import Key
from fluentml.local.launching import Launcher, Reply, Request
from fluentml.local.lookback import look_back
from fluentml.local.outcome import Outcome, all_verdicts, read_outcome, skipped
from fluentml.local.progress import Progress, Step
from fluentml.local.queue import Done, Queue
from fluentml.local.store import Store
from fluentml.placement import Placement
from fluentml.results import NodeResult, RunResult
from fluentml.stores.healing import CANCELED, FAILED, heal

AGAIN = "mend it and run again."
GO_ON = "mend it first; what is done is not run again."


class Run:
    """The nodes of a run, as they become known."""

    QUEUE: ClassVar[type[Queue]] = Queue

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
        finish: bool = False,
        earlier: Earlier | None = None,
        go_on: str = "",
    ) -> None:
        self._earlier, self._go_on = earlier, go_on
        self.graph, self.run_id, self.log = graph, run_id, log
        self.cache, self.store, self.progress = cache, store, progress
        self.queue = self.QUEUE(self, graph, launcher, progress, finish=finish)
        self.known: Mapping[str, str] = {}
        self.verdicts: dict[str, Verdict] = {}
        self.nodes: dict[str, NodeResult] = {}
        self.outcomes: dict[str, Outcome] = {}

    def result(self) -> RunResult:
        """Run all nodes, and then the exit steps; return what came of it.

        Raises:
            RunError: A node failed.
        """
        nodes = [node for node in self._nodes if not node.component.AT_EXIT]
        failures = self.queue.run(nodes)
        failures += self._leave(failures)
        for failure in failures[1:]:
            self.progress.say(str(failure))
        for failure in failures:
            failure.result = self._so_far()
            raise failure
        return self._so_far()

    @property
    def _nodes(self) -> tuple[Node, ...]:
        """The nodes that run or are taken over; the graph may hold others before them."""
        return self._earlier.nodes if self._earlier else self.graph.nodes

    # -- for the queue ----------------------------------------------------------------------------

    def request(self, node: Node) -> Request:
        """Return what is asked of whoever runs a node."""
        asked = self.graph.settings.on.get(node.id, Placement())
        return Request(
            node.id,
            anew=self.verdicts.get(node.id, Verdict()).is_anew,
            blame=self._why_not(node),
            known=self.known if node.component.AT_EXIT else None,
            env=asked.env,
        )

    def keep(self, node: Node, reply: Reply) -> Done:
        """Return what came of a node that ran well, once the next run can know of it."""
        if node.component.AT_EXIT:
            return Done(reply.state, {}, Outcome())
        verdict = self.verdicts.get(node.id, Verdict())
        if reply.state == "skipped":
            done = Done("skipped", {}, skipped(node, self._unmet(node)))
        else:
            done = Done(reply.state, reply.outputs, reply.outcome, verdict.why)
        self.cache.remember(node, verdict.key, reply.execution, done.outputs, done.outcome)
        return done

    def note(self, id: str, step: Step, came: Done | Failure | None) -> RunError | None:
        """Note what came of a node, None if it was interrupted; return why it failed, if it did."""
        if isinstance(came, Done):
            self.outcomes[id] = came.outcome
            self.nodes[id] = NodeResult(
                id, came.state, step.seconds, came.outputs, step.note, step.changed
            )
            return None
        if came is None:
            self.nodes[id] = NodeResult(id, "interrupted", step.seconds)
            self._heal(id, "It was interrupted.", CANCELED)
            return None
        self.nodes[id] = NodeResult(id, "failed", step.seconds)
        self.abandon(id, came.what)
        error = self._failure(self.graph[id], came)
        error.__cause__ = came.error
        return error

    def abandon(self, id: str, why: str) -> None:
        """End what a node left half done, where its process died."""
        self._heal(id, why, FAILED)

    def _heal(self, id: str, why: str, state: int) -> None:
        with contextlib.suppress(Exception):  # Whoever owns the run tries again.
            heal(self.graph.settings, self.store.mlmd, self.run_id, why, state, only=id)

    # -- a node -----------------------------------------------------------------------------------

    def settle(self, node: Node) -> Done | None:
        """Return what comes of a node; None where TFX has to run it."""
        if node.id in self.verdicts or node.component.AT_EXIT:
            return None
        given = self._earlier.given(node) if self._earlier else None
        if given and given.entry:
            done = self._taken_over(node, None, given.entry)
            outcome = replace(done.outcome, note="out of date") if given.why else done.outcome
            return done._replace(outcome=outcome, changed=given.why)
        missing = self._missing(node)
        if missing:
            return Done("skipped", {}, skipped(node, f"{missing} was skipped"))
        self._refuse_empty_inputs(node)
        inputs = self._inputs(node)
        before = self._earlier.verdict(node, inputs) if self._earlier else Verdict()
        if before.entry:
            self._write_down(node, inputs, before.key)
            return self._taken_over(node, before.key, before.entry)
        if isinstance(node.component, LookBack):
            self._write_down(node, inputs, None)
            return self._look_back(node.id, node.component)
        verdict = self.cache.look_up(node, inputs)
        if before.why and not verdict.entry:
            verdict = replace(verdict, why=before.why)
        self.verdicts[node.id] = verdict
        self._write_down(node, inputs, verdict.key)
        return self._taken_over(node, verdict.key, verdict.entry) if verdict.entry else None

    def _write_down(self, node: Node, inputs: Ids, key: Key | None) -> None:
        if self._earlier:
            self._earlier.note(node, inputs, key)

    def _taken_over(self, node: Node, key: Key | None, entry: Entry) -> Done:
        outcome = entry.outcome or read_outcome(node, entry.outputs, self._why_not(node))
        if entry.execution and not entry.files:
            self.cache.remember(node, key, entry.execution, entry.outputs, outcome)
        else:
            self.cache.note(node, key)
        if not entry.execution:
            return Done("skipped", {}, outcome)
        self.store.take_over(entry.execution, self.run_id)
        return Done("cached", entry.outputs, outcome)

    def _look_back(self, id: str, step: LookBack) -> Done | None:
        found = look_back(self.store, step)
        execution = None if found is None else self.store.publish_found(id, found, self.run_id)
        if execution is None:
            return None
        return Done("done", self.store.outputs(execution), Outcome())

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

    def _leave(self, failures: Sequence[RunError]) -> list[RunError]:
        """Run the exit steps, every one of them; return why some failed."""
        self.known = self.known_at_exit(str(failures[0]) if failures else "")
        exits = [node for node in self.graph.nodes if node.component.AT_EXIT]
        return [problem for node in exits for problem in self.queue.run([node])]

    def known_at_exit(self, failure: str) -> dict[str, str]:
        """Return what exit steps can ask for, by name; of a failure, what there is to say."""
        status = {
            "state": "FAILED" if failure else "SUCCEEDED",
            "pipelineJobName": self.graph.settings.name,
            "pipelineJobUuid": self.run_id,
            **({"error": {"message": failure}} if failure else {}),
        }
        return {"final_status": json.dumps(status), "summary": self._so_far().summary()}

    def _so_far(self) -> RunResult:
        outcomes = [self.outcomes[node.id] for node in self.graph.nodes if node.id in self.outcomes]
        return RunResult(
            pipeline=self.graph.settings.name,
            run_id=self.run_id,
            log=str(self.log),
            nodes={
                node.id: self.nodes.get(node.id, NodeResult(node.id, "not run"))
                for node in self._nodes
            },
            **all_verdicts(outcomes),
            resumes=self._earlier.resumes if self._earlier else None,
        )

    def _failure(self, node: Node, failure: Failure) -> RunError:
        if failure.is_not_pushed:
            return self._not_pushed(node, self._so_far())
        return RunError(
            f"{node.id} failed: {failure.what}",
            *failure.details,
            *self._where_next(),
            hint=failure.hint or (GO_ON if self._go_on else AGAIN),
            result=self._so_far(),
            node=node.id,
        )

    def _where_next(self) -> list[str]:
        lines = [f"The full log: {self.log}"]
        return [*lines, f"To go on: {self._go_on}"] if self._go_on else lines

    def _not_pushed(self, node: Node, result: RunResult) -> RunError:
        refusing = self._refusing(node)
        reasons = chain(*(self.outcomes.get(id, Outcome()).reasons for id in refusing))
        return RunError(
            f"{node.id} failed: a push is required, and {self._why_not(node)}.",
            *(f"  {reason}" for reason in reasons),
            *self._where_next(),
            hint="mend the model, or leave require_push= out: then the run just pushes nothing.",
            result=result,
            node=node.id,
        )
