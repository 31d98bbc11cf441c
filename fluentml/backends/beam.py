"""Beam as the orchestrator, by TFX's BeamDagRunner; to say where data steps run is `Beam(…)`."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from fluentml.backends import refused
from fluentml.backends._carried import GAPS
from fluentml.backends.local import LocalBackend
from fluentml.errors import CheckError

if TYPE_CHECKING:
    from fluentml.local.run import Run
    from fluentml.wiring import Definition

_FILE = Template('''\
"""The pipeline $name for Beam, written by fluentml: change it there, not here.

It needs fluentml, and runs in the folder where it is started, with the options of `fluentml run`:
python FILE --param NAME=VALUE
"""

import sys

from fluentml.loading import unpacked

$carried

pipeline = unpacked(__file__)

if __name__ == "__main__":
    from fluentml.cli import main

    main(["run", __file__, "--target", "beam", *sys.argv[1:]])
''')


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

    def compile(self, params: Mapping[str, Any], bind: Definition) -> str:
        """Return a script that has the pipeline and the user's code in it, and runs it by Beam.

        Raises:
            CheckError: A step has something that no file can carry.
        """
        from fluentml.packed import Packed

        problems = [*refused(GAPS, bind({}), "a script for Beam")]
        if problems:
            raise CheckError(bind.settings.name, problems)
        return _FILE.substitute(name=repr(bind.settings.name), carried=Packed.of(bind).to_python())


BACKEND = BeamOrchestrator
