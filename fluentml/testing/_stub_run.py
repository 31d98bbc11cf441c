"""A run on this machine whose executors are stubs, and whose artifacts hold nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tfx.experimental.pipeline_testing.base_stub_executor import (
    COMPONENT_ID_FLAG,
    TEST_DATA_DIR_FLAG,
)

from fluentml.components import Evaluator
from fluentml.executors import stub
from fluentml.graph import Graph, Node
from fluentml.local.cache import Cache
from fluentml.local.launching import Desk
from fluentml.local.outcome import Outcome, Outputs
from fluentml.local.session import Session
from fluentml.local.store import Store
from fluentml.lowering import lower
from fluentml.results import Evaluation, InfraValidation
from fluentml.testing._roots import WITHOUT_EXECUTOR

REFUSED = "stub_run(refuse=…) says so"


class NoCache(Cache):
    """Takes nothing over, and keeps nothing: what a stub made is no answer to anything."""

    def remember(self, *args: Any) -> None:
        """Forget it."""


class StubSession(Session):
    """A session that launches stubs in place of the executors of some nodes.

    Args:
        pipeline: The lowered pipeline.
        run_id: The run's id.
        store: The metadata.
        roles: What the stub of each of these nodes has to do, as JSON.
        recorded: Folder of recorded artifacts, as TFX's recorder lays it out.
    """

    def __init__(
        self, pipeline: Any, run_id: str, store: Store, roles: Mapping[str, str], recorded: str
    ) -> None:
        self._roles, self._recorded = roles, recorded
        super().__init__(pipeline, run_id, store)

    def another(self, pipeline: Any) -> StubSession:
        """Return a session of the same run and the same stubs."""
        return StubSession(pipeline, self.run_id, self._store, self._roles, self._recorded)

    def choose_executor(self, id: str, spec: Any) -> None:
        """Put the stub in the place of whatever it is, a container included."""
        if id not in self._roles:
            super().choose_executor(id, spec)
            return
        flags = {
            COMPONENT_ID_FLAG: id,
            TEST_DATA_DIR_FLAG: self._recorded,
            stub.ROLE_FLAG: self._roles[id],
        }
        spec.Clear()
        spec.python_class_executable_spec.class_path = stub.CLASS_PATH
        spec.python_class_executable_spec.extra_flags.extend(
            f"{flag}={value}" for flag, value in flags.items()
        )


class StubDesk(Desk):
    """A desk at which of most artifacts only the properties are looked at.

    Args:
        graph: The pipeline.
        run_id: The run's id.
        roles: What the stub of each of these nodes has to do, as JSON.
        recorded: Folder of recorded artifacts.
        full: Ids of the nodes whose artifacts are real or recorded.
        metrics: What an evaluation is taken to say.
    """

    def __init__(
        self,
        graph: Graph,
        run_id: str,
        *,
        roles: Mapping[str, str],
        recorded: str,
        full: Collection[str],
        metrics: Mapping[str, float],
    ) -> None:
        self._roles, self._recorded = roles, recorded
        self._full, self._metrics = full, metrics
        super().__init__(graph, run_id)

    def session(self) -> StubSession:
        """Return what launches stubs, but for the steps that are real."""
        pipeline = lower(self.graph)
        return StubSession(pipeline, self.run_id, self.store, self._roles, self._recorded)

    def outcome(self, node: Node, outputs: Outputs, blame: str) -> Outcome:
        """Return what a node found, or would have found."""
        kinds = {a.type: a for artifacts in outputs.values() for a in artifacts}
        if node.id in self._full or "PushedModel" in kinds:
            return super().outcome(node, outputs, blame)
        verdicts = [kinds[kind] for kind in stub.VERDICTS if kind in kinds]
        if not verdicts or isinstance(node.component, WITHOUT_EXECUTOR):
            return Outcome()
        blessed = bool(verdicts[0].properties.get("blessed"))
        reasons = () if blessed else (REFUSED,)
        note = "blessed" if blessed else "not blessed"
        if not isinstance(node.component, Evaluator):
            return Outcome(note, infra_validations=(InfraValidation(node.id, blessed, reasons),))
        computed = {metric.name for metric in node.component.metrics}
        metrics = {name: value for name, value in self._metrics.items() if name in computed}
        return Outcome(
            note, evaluations=(Evaluation(node.id, metrics, {}, {}, {}, blessed, reasons),)
        )
