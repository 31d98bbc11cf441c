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
from fluentml.local.run import Run
from fluentml.lowering import IN_PROCESS_RUNNER, lower, to_ir


class BeamRun(Run):
    """A run in which Beam decides when a node's turn has come."""

    def _run(self, nodes: Iterable[Node]) -> None:
        self._load()
        failures: list[RunError] = []
        one_by_one = super()._run

        def run(id: str) -> None:
            try:
                one_by_one([self.graph[id]])
            except RunError as failure:
                failures.append(failure)
                raise

        _Node.RUN[self.graph.settings.name] = run
        with _in_this_process():
            try:
                _Runner().run_with_ir(to_ir(lower(self.graph)))
            except Exception as error:
                # Beam raises another, with the name of its own step in it.
                raise next(iter(failures), error) from None
            finally:
                del _Node.RUN[self.graph.settings.name]


class _Node(beam_dag_runner.PipelineNodeAsDoFn):
    """A node as a step of Beam's, in the process that has the run."""

    RUN: ClassVar[dict[str, Callable[[str], None]]] = {}
    """What runs a node, by the name of the pipeline: Beam copies the object itself."""

    def _run_node(self) -> None:
        self.RUN[self._pipeline_info.id](self._node_id)


class _Runner(beam_dag_runner.BeamDagRunner):
    _PIPELINE_NODE_DO_FN_CLS = _Node


@contextlib.contextmanager
def _in_this_process() -> Iterator[None]:
    """Name Beam's runner where TFX's leaves it to Beam, which would look for one to download."""

    def pipeline() -> beam.Pipeline:
        return beam.Pipeline(options=PipelineOptions([IN_PROCESS_RUNNER]))

    ours = types.SimpleNamespace(**{**vars(beam), "Pipeline": pipeline})
    with mock.patch.object(beam_dag_runner, "beam", ours), wheels.in_process():
        yield
