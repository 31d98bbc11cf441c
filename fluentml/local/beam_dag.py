"""A run whose nodes Beam starts: TFX's BeamDagRunner makes a step of Beam's of each."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar
from unittest import mock

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from tfx.orchestration.beam import beam_dag_runner

from fluentml.errors import RunError
from fluentml.graph import Node
from fluentml.local import wheels
from fluentml.local.order import before
from fluentml.local.queue import Queue
from fluentml.local.run import Run
from fluentml.lowering import IN_PROCESS_RUNNER, lower, to_ir


class BeamQueue(Queue):
    """Runs nodes when Beam says that their turn has come."""

    def run(self, nodes: Iterable[Node]) -> list[RunError]:
        """Run these nodes, and return why some failed; an exit step is no part of the graph."""
        wanted = {node.id: node for node in nodes}
        if all(node.component.AT_EXIT for node in wanted.values()):
            return super().run(wanted.values())
        failures: list[RunError] = []
        lost: set[str] = set()
        run_one = super().run
        earlier, visited = before(self._graph), set[str]()

        def visit(id: str) -> None:
            if id in visited:
                return
            visited.add(id)
            # Beam knows of what a node reads, and of nothing else that has to end before it.
            for node in self._graph.nodes:
                if node.id in earlier[id]:
                    visit(node.id)
            stops = failures and not self._finish
            if id not in wanted or stops or lost.intersection(wanted[id].upstream):
                lost.update({id} & wanted.keys())
                return
            failed = run_one([wanted[id]])
            lost.update({id} if failed else ())
            failures.extend(failed)

        name = self._graph.settings.name
        _Node.VISIT[name] = visit
        try:
            with _in_this_process(), wheels.in_process():
                _Runner().run_with_ir(to_ir(lower(self._graph)))
        finally:
            del _Node.VISIT[name]
        return failures


class BeamRun(Run):
    """A run in which Beam goes from node to node."""

    QUEUE = BeamQueue


class _Node(beam_dag_runner.PipelineNodeAsDoFn):
    """A node as a step of Beam's, in the process that has the run."""

    VISIT: ClassVar[dict[str, Callable[[str], None]]] = {}
    """What runs a node, by the name of the pipeline: Beam copies the object itself."""

    def _run_node(self) -> None:
        self.VISIT[self._pipeline_info.id](self._node_id)


class _Runner(beam_dag_runner.BeamDagRunner):
    _PIPELINE_NODE_DO_FN_CLS = _Node


@contextlib.contextmanager
def _in_this_process() -> Iterator[None]:
    """Name Beam's runner where TFX's leaves it to Beam, which would look for one to download."""

    def pipeline() -> beam.Pipeline:
        return beam.Pipeline(options=PipelineOptions([IN_PROCESS_RUNNER]))

    ours = types.SimpleNamespace(**{**vars(beam), "Pipeline": pipeline})
    with mock.patch.object(beam_dag_runner, "beam", ours):
        yield
