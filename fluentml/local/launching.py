"""What is asked of the process that runs a node, and what it answers; and this process as one."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol
from unittest import mock

from fluentml.graph import Graph, Node
from fluentml.local.failure import Failure, failure_of
from fluentml.local.outcome import Outcome, read_outcome
from fluentml.local.store import Outputs, Store
from fluentml.results import Artifact, State

if TYPE_CHECKING:
    from fluentml.local.session import Session


@dataclass(frozen=True)
class Request:
    """A node to run.

    Attributes:
        node: Its id.
        anew: Whether an importer registers its artifact anew.
        blame: Why a pusher pushes nothing, if it does not.
        known: For an exit step, what is known of the run.
        env: Environment variables that it has beside those of the run.
    """

    node: str
    anew: bool = False
    blame: str = ""
    known: Mapping[str, str] | None = None
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """What came of it.

    Attributes:
        state: As in `NodeResult`.
        outputs: Its artifacts.
        execution: The execution's number; 0 where there is none.
        outcome: The verdicts among them.
        failure: Why it failed, if it did.
    """

    state: State
    outputs: Mapping[str, tuple[Artifact, ...]]
    execution: int = 0
    outcome: Outcome = field(default_factory=Outcome)
    failure: Failure | None = None


class Launcher(Protocol):
    """Where nodes run."""

    CAN_END: ClassVar[bool]
    """Whether `end` can end a node."""

    def warm_up(self) -> None:
        """Begin to load TFX, beside what is done until it is needed."""

    def load(self) -> None:
        """Wait until TFX is loaded."""

    def has_room(self) -> bool:
        """Return whether one more node can run now."""

    def start(self, request: Request, after: tuple[str, ...]) -> None:
        """Run a node, best where those ran that it reads from."""

    def wait(self, seconds: float | None) -> tuple[str, Reply] | None:
        """Return a node that has ended, and what came of it; None where none did in that time."""

    def end(self, id: str) -> None:
        """End a node that runs; `wait` tells of it."""

    def close(self) -> None:
        """End whatever still runs."""


class Desk:
    """Runs one request after the other, with TFX in this process.

    Args:
        graph: The pipeline.
        run_id: The run's id in ML Metadata.
        fast: Whether our executors run where they make the same artifacts sooner.

    Raises:
        PipelineError: TFX cannot be told of this pipeline.
    """

    def __init__(self, graph: Graph, run_id: str, *, fast: bool = True) -> None:
        self.graph, self.run_id, self.store = graph, run_id, Store(graph.settings)
        self._fast = fast
        self._session = self.session()

    def session(self) -> Session:
        """Load TFX, and return what launches the nodes."""
        from fluentml.local.session import Session
        from fluentml.lowering import lower

        return Session(lower(self.graph), self.run_id, self.store, fast=self._fast)

    def outcome(self, node: Node, outputs: Outputs, blame: str) -> Outcome:
        """Return what a node that ran found."""
        return read_outcome(node, outputs, blame)

    def perform(self, request: Request) -> Reply:
        """Run a node to its end, also to a bad one."""
        try:
            with mock.patch.dict(os.environ, request.env):
                return self._perform(request)
        except Exception as error:
            return Reply("failed", {}, failure=failure_of(request.node, error, self.graph))

    def _perform(self, request: Request) -> Reply:
        node = self.graph[request.node]
        if request.known is not None:
            from fluentml.lowering import lower_exit

            session = self._session.another(lower_exit(self.graph, node, request.known))
            return Reply(session.launch(node.id).state, {})
        done = self._session.launch(node.id, anew=request.anew)
        if done.state == "skipped":
            return Reply("skipped", {})
        outcome = self.outcome(node, done.outputs, request.blame)
        return Reply(done.state, done.outputs, done.execution, outcome)


class Here:
    """This process, which runs a node at a time; for a debugger, and for what cannot travel.

    Args:
        desk: Loads TFX, and returns what runs the nodes.
    """

    CAN_END: ClassVar[bool] = False

    def __init__(self, desk: Callable[[], Desk]) -> None:
        self._open = desk
        self._desk: Desk | None = None
        self._ended: deque[tuple[str, Reply]] = deque()

    def warm_up(self) -> None:
        """Nothing goes on beside this process."""

    def load(self) -> None:
        """Load TFX."""
        self._desk = self._open()

    def has_room(self) -> bool:
        """Return whether the last node's end has been told."""
        return not self._ended

    def start(self, request: Request, after: tuple[str, ...]) -> None:
        """Run a node to its end."""
        assert self._desk is not None
        self._ended.append((request.node, self._desk.perform(request)))

    def wait(self, seconds: float | None) -> tuple[str, Reply] | None:
        """Return what came of it."""
        if self._ended:
            return self._ended.popleft()
        time.sleep(seconds or 0)
        return None

    def end(self, id: str) -> None:
        """It has ended already."""

    def close(self) -> None:
        """Nothing runs."""
