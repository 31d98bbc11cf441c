"""Components of a few lines, which keep what they were told as properties of what they make."""

import json
from pathlib import Path
from typing import ClassVar

from tfx.dsl.component.experimental.annotations import (
    InputArtifact,
    OutputArtifact,
    OutputDict,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import channel, component_spec
from tfx.types.standard_artifacts import Model, Schema


@component
def Make(model: OutputArtifact[Model], size: Parameter[int], rate: Parameter[float] = 0.5):  # noqa: N802
    (Path(model.uri) / "weights").write_text("w" * size)
    model.set_int_custom_property("size", size)
    model.set_float_custom_property("rate", rate)
    model.set_string_custom_property("made_by", "Make")


@component
def Grow(model: InputArtifact[Model], grown: OutputArtifact[Model], by: Parameter[int] = 1):  # noqa: N802
    weights = (Path(model.uri) / "weights").read_text() + "g" * by
    (Path(grown.uri) / "weights").write_text(weights)
    grown.set_int_custom_property("size", len(weights))
    grown.set_string_custom_property("from", model.get_string_custom_property("made_by") or "none")


@component
def Join(  # noqa: N802
    one: InputArtifact[Model], other: InputArtifact[Model], joined: OutputArtifact[Schema]
):
    sizes = [len((Path(model.uri) / "weights").read_text()) for model in (one, other)]
    joined.set_string_custom_property("sizes", json.dumps(sizes))


@component
def Count(model: InputArtifact[Model]) -> OutputDict(letters=int, text=str, share=float):  # noqa: N802
    letters = len((Path(model.uri) / "weights").read_text())
    return {"letters": letters, "text": 'it\'s "so" $HOME', "share": letters / 4}


@component
def Tell(  # noqa: N802
    told: OutputArtifact[Schema],
    letters: Parameter[int],
    text: Parameter[str],
    share: Parameter[float],
):
    told.set_string_custom_property("told", f"{letters!r} {text!r} {share!r}")


@component
def Break(model: InputArtifact[Model], broken: OutputArtifact[Model]):  # noqa: N802
    raise ValueError("this one always breaks")


@component
def Leave(final_status: Parameter[str], file: Parameter[str]):  # noqa: N802
    status = json.loads(final_status)
    Path(file).write_text(json.dumps([status["state"], "breaks" in json.dumps(status)]))


class ShoutSpec(component_spec.ComponentSpec):
    PARAMETERS: ClassVar = {"word": component_spec.ExecutionParameter(type=str)}
    INPUTS: ClassVar = {"model": component_spec.ChannelParameter(type=Model)}
    OUTPUTS: ClassVar = {"shouted": component_spec.ChannelParameter(type=Schema)}


class ShoutExecutor(base_executor.BaseExecutor):
    def Do(self, input_dict, output_dict, exec_properties):  # noqa: N802
        (model,), (shouted,) = input_dict["model"], output_dict["shouted"]
        size = model.get_int_custom_property("size")
        shouted.set_string_custom_property("word", f"{exec_properties['word'].upper()} {size}")


class Shout(base_component.BaseComponent):
    """A component as a class with an executor of its own."""

    SPEC_CLASS = ShoutSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(ShoutExecutor)

    def __init__(self, model, word="hello"):
        shouted = channel.Channel(type=Schema)
        super().__init__(ShoutSpec(model=model, word=word, shouted=shouted))
