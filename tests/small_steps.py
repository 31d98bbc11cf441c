"""Steps of a few lines that tell when they run, and break or wait where a file says so."""

import os
import time
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model, String


def _at_work(place: str, name: str) -> None:
    with Path(place, "ran").open("a") as ran:
        ran.write(f"{name}\n")
    while Path(place, f"{name} waits").exists():
        time.sleep(0.02)
    if Path(place, f"{name} breaks").exists():
        raise ValueError(f"{name} is broken")
    if (group := Path(place, f"{name} fills memory")).exists():
        Path(group.read_text(), "cgroup.procs").write_text(str(os.getpid()))
        raise ValueError(len(b"x" * 2**30))


def _serving(model: Model) -> Path:
    folder = Path(model.uri, "Format-Serving")
    folder.mkdir(exist_ok=True)
    return folder


@component
def Start(text: Parameter[str], place: Parameter[str], made: OutputArtifact[String]):  # noqa: N802
    Path(made.uri).write_text(text)
    _at_work(place, "Start")


@component
def Learn(made: InputArtifact[String], place: Parameter[str], model: OutputArtifact[Model]):  # noqa: N802
    _at_work(place, "Learn")
    _serving(model).joinpath("saved_model.pb").write_text(Path(made.uri).read_text())


@component
def Compare(  # noqa: N802
    old: InputArtifact[Model],
    model: InputArtifact[Model],
    place: Parameter[str],
    said: OutputArtifact[String],
):
    _at_work(place, "Compare")
    models = [_serving(one).joinpath("saved_model.pb").read_text() for one in (old, model)]
    Path(said.uri).write_text(" and ".join(models))


@component
def Tell(final_status: Parameter[str], place: Parameter[str]):  # noqa: N802
    _at_work(place, "Tell")


@component
def Study(examples: InputArtifact[Examples], place: Parameter[str], model: OutputArtifact[Model]):  # noqa: N802
    """Write a model of many files, which only the examples decide."""
    _at_work(place, "Study")
    folder = _serving(model)
    for number in range(5):
        (folder / f"{number}").write_text(f"{number} of {examples.split_names}" * 10_000)
    if Path(place, "Study writes much").exists():
        (folder / "much").write_bytes(bytes(3_000_000))
    (folder / "saved_model.pb").write_text("a model")
    _at_work(place, "Study's end")
