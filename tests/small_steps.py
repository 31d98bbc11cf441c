"""Steps of a few lines that tell when they run, and break or wait where a file says so."""

import time
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Model, String


def _at_work(place: str, name: str) -> None:
    with Path(place, "ran").open("a") as ran:
        ran.write(f"{name}\n")
    while Path(place, f"{name} waits").exists():
        time.sleep(0.02)
    if Path(place, f"{name} breaks").exists():
        raise ValueError(f"{name} is broken")


@component
def Start(text: Parameter[str], place: Parameter[str], made: OutputArtifact[String]):  # noqa: N802
    Path(made.uri).write_text(text)
    _at_work(place, "Start")


@component
def Learn(made: InputArtifact[String], place: Parameter[str], model: OutputArtifact[Model]):  # noqa: N802
    weights = Path(made.uri).read_text() * 1000
    Path(model.uri, "half").write_text(weights)
    _at_work(place, "Learn")
    Path(model.uri, "half").rename(Path(model.uri, "saved_model.pb"))


@component
def Compare(  # noqa: N802
    old: InputArtifact[Model],
    model: InputArtifact[Model],
    place: Parameter[str],
    said: OutputArtifact[String],
):
    _at_work(place, "Compare")
    models = [Path(one.uri, "saved_model.pb").read_text()[:3] for one in (old, model)]
    Path(said.uri).write_text(" and ".join(models))


@component
def Tell(final_status: Parameter[str], place: Parameter[str]):  # noqa: N802
    _at_work(place, "Tell")
