"""This machine: node after node in this process, ML Metadata in SQLite, TFX's artifact layout."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_log_path

from fluentml.backends import Backend
from fluentml.component import WHEN, Component
from fluentml.components import (
    BigQueryExampleGen,
    CustomComponent,
    ExampleDiff,
    InfraValidator,
    ModelConverter,
    Pusher,
    UserCode,
)
from fluentml.errors import BackendError, DataError, FluentmlError, RunError
from fluentml.graph import Graph, Node
from fluentml.results import (
    Comparison,
    Evaluation,
    InfraValidation,
    NodeResult,
    Push,
    RunResult,
    Tuning,
    Validation,
    predictions_among,
)
from fluentml.spec import import_needed

if TYPE_CHECKING:
    from fluentml.local.progress import Progress
    from fluentml.local.session import Session

AGAIN = "mend it and run again; with .cache() what is done need not run again."


class LocalBackend(Backend):
    """Run here, now, with progress.

    Attributes:
        quiet: Print nothing.
        verbose: Show TensorFlow's, absl's and Beam's log instead of keeping it in the log file.
    """

    quiet: bool = False
    verbose: bool = False

    def run(self, graph: Graph) -> RunResult:
        """Run the graph's nodes in order; each sees the outputs of those before it.

        Raises:
            BackendError: This machine lacks something that a node needs.
            MissingDependencyError: TFX is not installed.
            RunError: A node failed; its outputs are removed, those before it stay.
        """
        _refuse_the_impossible(graph)
        import_needed("tfx")
        from fluentml.local.capture import captured
        from fluentml.local.progress import Progress

        run_id = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
        log = _make_log(graph, run_id)
        names = ["TensorFlow Extended", *(node.id for node in graph.nodes)]
        with captured(log, echo=self.verbose) as stream:
            progress = Progress(stream, names, quiet=self.quiet)
            progress.say(f"{graph.settings.name}  run {run_id}")
            with progress.step("TensorFlow Extended") as step:
                from fluentml.local.session import Session
                from fluentml.lowering import lower

                session = Session(lower(graph), run_id)
                step.state, step.note = "done", "loaded"
            result = _Run(graph, run_id, log, session, progress).result()
            if result.summary():
                progress.say(f"\n{result.summary()}")
            progress.say(f"log: {log}")
        return result


BACKEND = LocalBackend


class _Run:
    """The nodes of a run, as they become known."""

    def __init__(
        self, graph: Graph, run_id: str, log: Path, session: Session, progress: Progress
    ) -> None:
        self.graph, self.run_id, self.log = graph, run_id, log
        self.session, self.progress = session, progress
        self.nodes: dict[str, NodeResult] = {}
        self.validations: list[Validation] = []
        self.comparisons: list[Comparison] = []
        self.tunings: list[Tuning] = []
        self.evaluations: list[Evaluation] = []
        self.infra_validations: list[InfraValidation] = []
        self.pushes: list[Push] = []

    def result(self) -> RunResult:
        """Run all nodes, and then the exit steps; return what came of it."""
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
        from fluentml.local.session import Session
        from fluentml.lowering import lower_exit

        with self.progress.step(node.id) as step:
            session = Session(lower_exit(self.graph, node, known), self.run_id)
            step.state = session.launch(node.id).state
        self.nodes[node.id] = NodeResult(node.id, step.state, step.seconds)

    def _run(self, node: Node) -> None:
        from fluentml.local.session import Launched

        with self.progress.step(node.id) as step:
            missing = self._missing(node)
            if not missing:
                self._refuse_empty_inputs(node)
            launched = Launched("skipped", {}) if missing else self.session.launch(node.id)
            step.state = launched.state
            if launched.state != "skipped":
                step.note = self._look_at(node, launched.outputs)
            else:
                step.note = f"{missing} was skipped" if missing else self._why_skipped(node)
                if isinstance(node.component, Pusher):
                    self.pushes.append(Push(node.id, None, step.note))
        self.nodes[node.id] = NodeResult(
            node.id, launched.state, step.seconds, launched.outputs, step.note
        )

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

    def _why_skipped(self, node: Node) -> str:
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

    def _look_at(self, node: Node, outputs: Any) -> str:
        """Read the verdicts among a node's outputs; return the outcome in a word or two."""
        kinds = {
            artifact.type: artifact for artifacts in outputs.values() for artifact in artifacts
        }
        # By key: Transform has outputs of that type too, in another layout.
        if "ExampleAnomalies" in kinds and "anomalies" in outputs:
            from fluentml.results.validation import read_validation

            validation = read_validation(node.id, outputs["anomalies"][0])
            self.validations.append(validation)
            return validation.note
        if "ExamplesDiff" in kinds:
            from fluentml.results.comparison import read_comparisons

            step = node.component
            by = step.identified_by if isinstance(step, ExampleDiff) else ()
            found = read_comparisons(node.id, kinds["ExamplesDiff"].uri, by)
            self.comparisons += found
            return "differences" if any(one.differing for one in found) else "no differences"
        if "TunerResults" in kinds:
            from fluentml.results.tuning import read_tuning

            tuning = read_tuning(node.id, kinds["TunerResults"].uri)
            self.tunings.append(tuning)
            count = len(tuning.trials)
            return f"{count} trial{'' if count == 1 else 's'}"
        if "ModelEvaluation" in kinds:
            from fluentml.results.evaluation import read_evaluation

            blessing = kinds.get("ModelBlessing")
            flag = blessing.properties.get("blessed") if blessing else None
            blessed = None if flag is None else bool(flag)
            self.evaluations.append(read_evaluation(node.id, kinds["ModelEvaluation"].uri, blessed))
            return "blessed" if blessed else "not blessed"
        if "InfraBlessing" in kinds:
            from fluentml.results.infra_validation import read_infra_validation

            artifact = kinds["InfraBlessing"]
            blessed = bool(artifact.properties.get("blessed"))
            self.infra_validations.append(read_infra_validation(node.id, artifact.uri, blessed))
            return "blessed" if blessed else "not blessed"
        if "PushedModel" in kinds:
            properties = kinds["PushedModel"].properties
            pushed = bool(properties.get("pushed"))
            destination = properties.get("pushed_destination") if pushed else None
            self.pushes.append(Push(node.id, destination, "" if pushed else self._why_not(node)))
            return "pushed" if pushed else "not pushed"
        if made := predictions_among(outputs):
            from fluentml.results.predictions import Predictions

            return "" if Predictions(node.id, made.uri).files else "not blessed, no predictions"
        return ""

    def _why_not(self, node: Node) -> str:
        by = [self.graph[id].component.verb for id in self._refusing(node)]
        return f"{' and '.join(by) or 'a gate'} did not bless the model"

    @property
    def _judges(self) -> list[Evaluation | InfraValidation]:
        return [*self.evaluations, *self.infra_validations]

    def _refusing(self, node: Node) -> list[str]:
        """Return the ids of a pusher's gates but for those that blessed the model."""
        blessing = {judge.node for judge in self._judges if judge.blessed}
        gates = [
            wire.channel.node
            for key, wire in node.inputs.items()
            if key.endswith("blessing") and not key.startswith(WHEN)
        ]
        return [id for id in gates if id not in blessing]

    def _so_far(self) -> RunResult:
        return RunResult(
            pipeline=self.graph.settings.name,
            run_id=self.run_id,
            log=str(self.log),
            nodes={
                node.id: self.nodes.get(node.id, NodeResult(node.id, "not run"))
                for node in self.graph.nodes
            },
            validations=tuple(self.validations),
            comparisons=tuple(self.comparisons),
            tunings=tuple(self.tunings),
            evaluations=tuple(self.evaluations),
            infra_validations=tuple(self.infra_validations),
            pushes=tuple(self.pushes),
        )

    def _failure(self, node: Node, error: Exception) -> RunError:
        from fluentml.executors.pusher import NotPushedError
        from fluentml.local.failure import is_frame, summary, user_frames

        logging.getLogger("fluentml").error("%s failed", node.id, exc_info=error)
        result = self._so_far()
        if isinstance(error, NotPushedError):
            return self._not_pushed(node, result)
        modules = [
            other.component.module
            for other in self.graph.nodes
            if isinstance(other.component, UserCode) and other.component.module_is_file
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
        return RunError(
            f"{node.id} failed: a push is required, and {self._why_not(node)}.",
            *(
                f"  {reason}"
                for judge in self._judges
                if judge.node in refusing
                for reason in judge.reasons
            ),
            f"The full log: {self.log}",
            hint="mend the model, or leave require_push= out: then the run just pushes nothing.",
            result=result,
            node=node.id,
        )


def _refuse_the_impossible(graph: Graph) -> None:
    if graph.settings.is_remote and not graph.settings.metadata:
        raise BackendError(
            f"Running here with the root {graph.settings.root!r} needs a place for the metadata.",
            hint='name a local file: .with_metadata("metadata.db").',
        )
    for node in graph.nodes:
        step = node.component
        if isinstance(step, InfraValidator) and step.needs_docker and not _docker_answers():
            raise BackendError(
                "infra_validate(serving_spec=…) starts TensorFlow Serving in Docker, and no Docker "
                "engine is reachable here.",
                hint="start Docker, or leave serving_spec= out: a fresh process then plays the "
                "server.",
            )
        if isinstance(step, CustomComponent) and step.needs_docker and not _docker_answers():
            raise BackendError(
                f"{step.verb} runs a container, and no Docker engine is reachable here.",
                hint="start Docker, or run the steps before it: run(to=…).",
            )
        if isinstance(step, ModelConverter) and step.program and not shutil.which(step.program):
            raise BackendError(
                f"{step.verb} calls {step.program}, which is not on the PATH.",
                hint="pip install tensorflowjs into an environment of its own, and put the bin/ of "
                "that on the PATH.",
            )
        if isinstance(step, BigQueryExampleGen) or (
            isinstance(step, Pusher) and step.needs_google_cloud
        ):
            _refuse_without_credentials(step)


def _refuse_without_credentials(step: Component) -> None:
    """Refuse a step that asks Google Cloud, where Google's own libraries would find no account."""
    try:
        import google.auth
    except ModuleNotFoundError:
        return  # It comes with TFX, whose absence is told next.
    try:
        google.auth.default()
    except google.auth.exceptions.DefaultCredentialsError as error:
        raise BackendError(
            f"{step.verb} asks Google Cloud, and there are no credentials here.",
            str(error).partition(" To set up")[0],
            hint="run `gcloud auth application-default login`, or let "
            "GOOGLE_APPLICATION_CREDENTIALS name the key file of a service account.",
        ) from error


def _docker_answers() -> bool:
    has_engine = "DOCKER_HOST" in os.environ or Path("/var/run/docker.sock").exists()
    return has_engine and shutil.which("docker") is not None


def _make_log(graph: Graph, run_id: str) -> Path:
    """Return the run's log file, empty: so a root that cannot be written shows at once."""
    settings = graph.settings
    if settings.is_remote:
        folder = user_log_path("fluentml") / settings.name
    else:
        folder = Path(settings.pipeline_root) / "_runs"
    log = folder / f"{run_id}.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        log.touch()
    except OSError as error:
        raise BackendError(
            f"The run cannot write its log {str(log)!r}: {error.strerror}.",
            hint=f"choose another root: PipelineDef({settings.name!r}, root=…).",
        ) from error
    return log
