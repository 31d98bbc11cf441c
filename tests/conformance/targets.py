"""The targets that can execute here, and where they differ.

To add one: a function that runs a chain in a folder, and its line in `TARGETS`.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import fluentml as fml
from fluentml.backends import Backend
from fluentml.backends.kubeflow import Kubeflow
from fluentml.backends.vertex import Vertex
from fluentml.emulation import _processes
from fluentml.emulation._processes import Processes
from fluentml.image import write_image
from fluentml.loading import load
from fluentml.local.store import Store
from fluentml.results import RunResult
from tests import airflows, warm
from tests.conformance.chains import NAME, Chain, Place, linear

BUCKET = "gs://bucket"
OF_TFX = {"tfx_version", "is_external"}
"""Properties in which a target keeps books of its own."""


@dataclass(frozen=True)
class Seen:
    """What a run came to, in words that every target has.

    Attributes:
        nodes: The state of each node.
        artifacts: By channel, the type and the properties of each artifact.
        left: What the exit step was told: how it ended, and whether with the error.
        failed: Whether the target calls the run a failed one.
    """

    nodes: dict[str, str]
    artifacts: dict[str, list[tuple[str, dict[str, Any]]]]
    left: Any
    failed: bool

    @classmethod
    def of(cls, run: Callable[[], RunResult], file: Path) -> Seen:
        """Return what there is to see of a run that gives a result."""
        failed = False
        try:
            result = run()
        except fml.RunError as failure:
            result, failed = failure.result, True
        # An importer that finds its artifact registered is cached, also the first time.
        nodes = {id: node.state.replace("cached", "done") for id, node in result.nodes.items()}
        made = _seen({node.id: node.outputs for node in result.nodes.values()})
        return cls(nodes, made, _left(file), failed)


def _seen(outputs: Mapping[str, Any]) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """Return the artifacts of each channel, of outputs by node and key."""
    return {
        f"{id}.{key}": [(one.type, _own(one.properties)) for one in artifacts]
        for id, made in outputs.items()
        for key, artifacts in made.items()
    }


def _own(properties: Any) -> dict[str, Any]:
    return {key: value for key, value in sorted(properties.items()) if key not in OF_TFX}


def _left(file: Path) -> Any:
    return json.loads(file.read_text()) if file.exists() else None


def on_this_machine(backend: str) -> Callable[[Chain, Path], Seen]:
    """Return what runs a chain by a backend that runs pipelines here."""

    # As a cluster does unless the job's failure policy is to fail fast.
    options: dict[str, Any] = {"quiet": True, "workers": 0, "on_failure": "finish"}

    def run(chain: Chain, folder: Path) -> Seen:
        place = Place(str(folder / "root"), str(folder / "base"), str(folder / "left"))
        if chain.earlier:
            chain.earlier(place).run(backend, **options)
        pipeline = chain.build(place)
        return Seen.of(
            lambda: pipeline.run(backend, params=chain.params, **options), folder / "left"
        )

    return run


def by_a_script(chain: Chain, folder: Path) -> Seen:
    """Compile a chain to a script for Beam, and run the pipeline that the script has."""

    def carried(place: Place) -> fml.PipelineDef:
        return load(str(chain.build(place).compile("beam", folder / "conformance_script.py")))

    return on_this_machine("beam")(replace(chain, build=carried), folder)


def emulated(target: Backend) -> Callable[[Chain, Path], Seen]:
    """Return what compiles a chain for a cluster, and executes what comes out."""

    def run(chain: Chain, folder: Path) -> Seen:
        # The name of a file is no storage, so it goes in as the path that it has here.
        place = Place(f"{BUCKET}/root", f"{BUCKET}/base", str(folder / "left"))
        image = write_image(linear(place).graph, folder / "image").parent
        options = {"places": {BUCKET: folder}, "image_folder": image, "quiet": True}

        def emulate(pipeline: fml.PipelineDef, **more: Any) -> RunResult:
            job = pipeline.compile(target, folder / "job.yaml")
            return fml.emulate(job, **options, **more)

        if chain.earlier:
            emulate(chain.earlier(place))
        return Seen.of(lambda: emulate(chain.build(place), params=chain.params), folder / "left")

    return run


def on_airflow(version: int) -> Callable[[Chain, Path], Seen]:
    """Return what compiles a chain to a DAG file, and lets an Airflow run it."""

    def run(chain: Chain, folder: Path) -> Seen:
        airflow, python = _airflow(version), _python()
        place = Place(str(folder / "root"), str(folder / "base"), str(folder / "left"))

        def tested(pipeline: fml.PipelineDef, **params: Any) -> str:
            options = {"folder": folder, "python": python}
            file = pipeline.compile("airflow", airflow.of.dags / "conformance.py", **options)
            return airflow.test(file, params)

        if chain.earlier:
            tested(chain.earlier(place))
        pipeline = chain.build(place)
        run = tested(pipeline, **chain.params)
        tasks = airflow.of.tasks(NAME, run)
        # A task more tells how it ended where there are exit steps.
        nodes = {node.id: STATES[tasks[node.id]] for node in pipeline.graph.nodes}
        store = Store(pipeline.settings)
        executions = store.of_run(f"{NAME}.{run}")
        made = _seen({id: store.outputs(one.id) for id, one in executions.items()})
        failed = {"success": False, "failed": True}[airflow.of.runs(NAME)[run]]
        return Seen(nodes, made, _left(folder / "left"), failed)

    return run


STATES = {
    "success": "done",
    "failed": "failed",
    "skipped": "skipped",
    "upstream_failed": "not run",
}
"""Of a node, by the state of its task."""


TARGETS: dict[str, Callable[[Chain, Path], Seen]] = {
    "local": on_this_machine("local"),
    "beam": by_a_script,
    "vertex": emulated(Vertex(image="example.com/image:1")),
    "kubeflow": emulated(Kubeflow(image="example.com/image:1")),
    "airflow 2": on_airflow(2),
    "airflow 3": on_airflow(3),
}

REFUSED = {
    ("kubeflow", "resolver"): "finds artifacts of earlier runs",
    ("kubeflow", "resolver behind a step"): "finds artifacts of earlier runs",
}
"""By target and chain, a part of the reason for which it is refused before it is lowered."""


class KeptProcesses(Processes):
    """Processes that outlive a run: loading TFX once is enough for all chains."""

    def __exit__(self, *_: object) -> None:
        """Leave them as they are."""

    def close(self) -> None:
        """End them."""
        super().__exit__()


_OPEN = contextlib.ExitStack()
"""What ends with the session."""


@cache
def _airflow(version: int) -> airflows.Tests:
    """Return a process with an Airflow loaded."""
    home = Path(_OPEN.enter_context(tempfile.TemporaryDirectory(prefix=f"airflow-{version}-")))
    return _OPEN.enter_context(airflows.made(version, home).testing())


@cache
def _python() -> Path:
    """Return what the tasks take for a Python."""
    return _OPEN.enter_context(warm.python())


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Share the processes that have TFX and the Airflows loaded."""
    processes = KeptProcesses(tmp_path_factory.mktemp("warm") / "log")
    with _OPEN, pytest.MonkeyPatch.context() as patch:
        patch.setattr(_processes, "Processes", lambda log: processes)
        yield
    processes.close()
