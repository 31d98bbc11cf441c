"""The targets that can execute here, and where they differ.

To add one: a function that runs a chain in a folder, and its line in `TARGETS`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
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
from fluentml.results import RunResult
from tests.conformance.chains import Chain, Place, linear

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
    """

    nodes: dict[str, str]
    artifacts: dict[str, list[tuple[str, dict[str, Any]]]]
    left: Any

    @classmethod
    def of(cls, result: RunResult, file: Path) -> Seen:
        """Return what there is to see of a result."""
        artifacts = {
            f"{node.id}.{key}": [(one.type, _own(one.properties)) for one in made]
            for node in result.nodes.values()
            for key, made in node.outputs.items()
        }
        # An importer that finds its artifact registered is cached, also the first time.
        nodes = {id: node.state.replace("cached", "done") for id, node in result.nodes.items()}
        return cls(nodes, artifacts, json.loads(file.read_text()) if file.exists() else None)


def _own(properties: Any) -> dict[str, Any]:
    return {key: value for key, value in sorted(properties.items()) if key not in OF_TFX}


def on_this_machine(backend: str) -> Callable[[Chain, Path], Seen]:
    """Return what runs a chain by a backend that runs pipelines here."""

    # As a cluster does unless the job's failure policy is to fail fast.
    options: dict[str, Any] = {"quiet": True, "workers": 0, "on_failure": "finish"}

    def run(chain: Chain, folder: Path) -> Seen:
        place = Place(str(folder / "root"), str(folder / "base"), str(folder / "left"))
        if chain.earlier:
            chain.earlier(place).run(backend, **options)
        result = _of(lambda: chain.build(place).run(backend, params=chain.params, **options))
        return Seen.of(result, folder / "left")

    return run


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
        result = _of(lambda: emulate(chain.build(place), params=chain.params))
        return Seen.of(result, folder / "left")

    return run


def _of(run: Callable[[], RunResult]) -> RunResult:
    try:
        return run()
    except fml.RunError as failure:
        return failure.result


TARGETS: dict[str, Callable[[Chain, Path], Seen]] = {
    "local": on_this_machine("local"),
    "beam": on_this_machine("beam"),
    "vertex": emulated(Vertex(image="example.com/image:1")),
    "kubeflow": emulated(Kubeflow(image="example.com/image:1")),
}

REFUSED = {("kubeflow", "resolver"): "finds artifacts of earlier runs"}
"""By target and chain, a part of the reason for which it is refused before it is lowered."""


class KeptProcesses(Processes):
    """Processes that outlive a run: loading TFX once is enough for all chains."""

    def __exit__(self, *_: object) -> None:
        """Leave them as they are."""

    def close(self) -> None:
        """End them."""
        super().__exit__()


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Share the process that has TFX loaded."""
    kept = KeptProcesses(tmp_path_factory.mktemp("warm") / "log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_processes, "Processes", lambda log: kept)
        yield
    kept.close()
