"""Beam as the orchestrator, by TFX's BeamDagRunner; to say where data steps run is `Beam(…)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from fluentml.backends.local import LocalBackend

if TYPE_CHECKING:
    from fluentml.local.run import Run


class BeamOrchestrator(LocalBackend):
    """Run here as a pipeline of Beam's, of which each node is a step.

    It has the options of a run here, and its results: the same executors, cache and metadata.

    Attributes:
        workers: As there; but Beam starts one node at a time, so that none are needed.
    """

    NAME: ClassVar[str] = "Beam"

    workers: Annotated[int, Field(ge=0)] | None = 0

    def kind_of_run(self) -> type[Run]:
        """Return what has Beam go from node to node."""
        from fluentml.local.beam_dag import BeamRun

        return BeamRun


BACKEND = BeamOrchestrator
