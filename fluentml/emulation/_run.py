"""A run of a job: task after task, by the rules of Vertex AI Pipelines."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from fluentml.emulation._conditions import ConditionError, holds
from fluentml.emulation._inputs import filled
from fluentml.emulation._job import in_order, upstream
from fluentml.emulation._metadata import title
from fluentml.emulation._tasks import Given, Made, Tasks
from fluentml.errors import DataError, RunError
from fluentml.local.outcome import Outcome, outcome_of
from fluentml.local.progress import Progress, Step
from fluentml.results import Artifact, NodeResult, RunResult, State


@dataclass
class Run:
    """The tasks of a job, as they become known.

    Attributes:
        tasks: What runs single ones.
        progress: What tells of them.
        log: The log of the job itself.
    """

    tasks: Tasks
    progress: Progress
    log: Path
    nodes: dict[str, NodeResult] = field(default_factory=dict)
    _outcomes: dict[str, Outcome] = field(default_factory=dict)
    _failures: list[tuple[str, DataError]] = field(default_factory=list)

    def result(self) -> RunResult:
        """Run all tasks; return what came of it.

        Raises:
            RunError: A task failed.
        """
        job = self.tasks.job
        self._dag(job.spec["root"]["dag"]["tasks"], job.params)
        result = self._so_far()
        for id, error in self._failures:
            raise RunError(
                f"{id} failed: {error.what}",
                *error.details,
                f"Its log: {self.tasks.log(id)}",
                hint=error.hint or "mend it, compile the job anew, and run it again.",
                result=result,
                node=id,
            )
        return result

    # -- the graph --------------------------------------------------------------------------------

    def _dag(self, tasks: Mapping[str, Any], params: Mapping[str, Any]) -> State:
        """Run the tasks of a dag, whose parameters have these values; return how it ended."""
        states: dict[str, State] = {}
        made: dict[str, Made] = {}
        for id in in_order(tasks):
            task = tasks[id]
            states[id] = self._why_not(task, states) or self._task(id, task, params, states, made)
            if id not in self.nodes and "dag" not in self.tasks.job.component(task):
                self._note(id, states[id])
        ended = states.values()
        return "failed" if "failed" in ended else "done"

    def _why_not(self, task: Mapping[str, Any], states: Mapping[str, State]) -> State | None:
        """Return what becomes of a task that is not triggered."""
        if task.get("triggerPolicy", {}).get("strategy") == "ALL_UPSTREAM_TASKS_COMPLETED":
            return None
        before = {states[id] for id in upstream(task)}
        if before & {"failed", "not run"}:
            return "not run"
        return "skipped" if "skipped" in before else None

    def _task(
        self,
        id: str,
        task: Mapping[str, Any],
        params: Mapping[str, Any],
        states: Mapping[str, State],
        made: dict[str, Made],
    ) -> State:
        component = self.tasks.job.component(task)
        given = self._given(task, component, params, states, made)
        if "dag" in component:
            return self._dag(component["dag"]["tasks"], given.parameters)
        try:
            with self.progress.step(id) as step:
                done = self._run(id, task, given, step)
        except DataError as error:
            self.nodes[id] = NodeResult(id, "failed", step.seconds)
            self._failures.append((id, error))
            return "failed"
        if done is None:
            self.nodes[id] = NodeResult(id, "skipped", step.seconds, {}, step.note)
            return "skipped"
        made[id] = done
        state: State = "cached" if done.is_cached else "done"
        outputs = _artifacts(done)
        self.nodes[id] = NodeResult(id, state, step.seconds, outputs, step.note)
        return state

    def _run(self, id: str, task: Mapping[str, Any], given: Given, step: Step) -> Made | None:
        condition = task.get("triggerPolicy", {}).get("condition")
        if condition and not self._holds(condition, given):
            step.state, step.note = "skipped", "its condition does not hold"
            return None
        done = self.tasks.run(id, task, given)
        blame = _blame(task, given)
        outcome = outcome_of(id, _artifacts(done), blame)
        self._outcomes[id] = outcome
        step.state, step.note = "cached" if done.is_cached else "done", outcome.note
        return done

    def _holds(self, condition: str, given: Given) -> bool:
        artifacts = {key: {"artifacts": found} for key, found in given.artifacts.items()}
        try:
            return holds(
                condition, {"artifacts": artifacts, "parameter_values": {**given.parameters}}
            )
        except ConditionError as error:
            raise DataError(f"{error}.") from error

    def _note(self, id: str, state: State) -> None:
        note = "what it reads was skipped" if state == "skipped" else ""
        self.nodes[id] = NodeResult(id, state, note=note)
        if state == "skipped":
            with self.progress.step(id) as step:
                step.state, step.note = "skipped", note

    # -- what a task reads ------------------------------------------------------------------------

    def _given(
        self,
        task: Mapping[str, Any],
        component: Mapping[str, Any],
        params: Mapping[str, Any],
        states: Mapping[str, State],
        made: Mapping[str, Made],
    ) -> Given:
        inputs = task.get("inputs", {})
        artifacts: dict[str, list[dict[str, Any]]] = {}
        for key, source in inputs.get("artifacts", {}).items():
            maker = source["taskOutputArtifact"]
            found = made.get(maker["producerTask"], Made()).artifacts
            artifacts[key] = [{**one} for one in found.get(maker["outputArtifactKey"], [])]
        values = {
            key: self._value(source, params, states, made)
            for key, source in inputs.get("parameters", {}).items()
        }
        types = component.get("inputDefinitions", {}).get("parameters", {})
        told = {"inputs": {"parameterValues": values, "artifacts": {}}, "outputs": {}}
        for key, value in values.items():
            if isinstance(value, str) and "runtimeValue" in inputs["parameters"][key]:
                values[key] = filled(value, told, types)
        known = {key: one["defaultValue"] for key, one in types.items() if "defaultValue" in one}
        return Given({**known, **{k: v for k, v in values.items() if v is not None}}, artifacts)

    def _value(
        self,
        source: Mapping[str, Any],
        params: Mapping[str, Any],
        states: Mapping[str, State],
        made: Mapping[str, Made],
    ) -> Any:
        match source:
            case {"runtimeValue": {"constant": value}}:
                return value
            case {"componentInputParameter": name}:
                return params.get(name)
            case {"taskOutputParameter": {"producerTask": id, "outputParameterKey": key}}:
                return made[id].parameters.get(key) if id in made else None
            case {"taskFinalStatus": {"producerTask": id}}:
                return json.dumps(self._status(id, states[id]))
        return None

    def _status(self, id: str, state: State) -> dict[str, Any]:
        """Return a `PipelineTaskFinalStatus`."""
        status = {
            "state": "FAILED" if state == "failed" else "SUCCEEDED",
            "pipelineJobName": self.tasks.folder.name,
            "pipelineJobUuid": self.tasks.folder.name,
            "pipelineTaskName": id,
        }
        if state != "failed" or not self._failures:
            return status
        failed, error = self._failures[0]
        return {
            **status,
            "error": {"code": 9, "message": f"The task {failed} failed: {error.what}"},
        }

    # -- the end ----------------------------------------------------------------------------------

    def _so_far(self) -> RunResult:
        outcomes = self._outcomes.values()

        def all_of(read: Callable[[Outcome], tuple[Any, ...]]) -> tuple[Any, ...]:
            return tuple(chain(*map(read, outcomes)))

        return RunResult(
            pipeline=self.tasks.job.name,
            run_id=self.tasks.folder.name,
            log=str(self.log),
            nodes=dict(self.nodes),
            validations=all_of(lambda one: one.validations),
            comparisons=all_of(lambda one: one.comparisons),
            tunings=all_of(lambda one: one.tunings),
            evaluations=all_of(lambda one: one.evaluations),
            infra_validations=all_of(lambda one: one.infra_validations),
            pushes=all_of(lambda one: one.pushes),
        )


def _artifacts(made: Made) -> dict[str, tuple[Artifact, ...]]:
    return {
        key: tuple(
            Artifact(title(one).rpartition(".")[2], one["uri"], one.get("metadata", {}))
            for one in found
        )
        for key, found in made.artifacts.items()
    }


def _blame(task: Mapping[str, Any], given: Given) -> str:
    """Return why a pusher pushes nothing, if it does not."""
    inputs = task.get("inputs", {}).get("artifacts", {})
    refusing = [
        inputs[key]["taskOutputArtifact"]["producerTask"]
        for key, found in given.artifacts.items()
        if key.endswith("blessing") and not any(a["metadata"].get("blessed") == 1 for a in found)
    ]
    return f"{' and '.join(refusing) or 'a gate'} did not bless the model"
