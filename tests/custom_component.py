"""Custom components as TFX users write them: decorated functions, classes with an executor."""

import json
import time
from pathlib import Path
from typing import ClassVar

import apache_beam as beam
from tfx.components.example_gen.csv_example_gen.executor import Executor as CsvExecutor
from tfx.dsl.component.experimental.annotations import (
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
    OutputDict,
    Parameter,
)
from tfx.dsl.component.experimental.container_component import create_container_component
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.component.experimental.placeholders import InputUriPlaceholder
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.input_resolution.strategies.latest_artifact_strategy import LatestArtifactStrategy
from tfx.types import channel, component_spec
from tfx.types.standard_artifacts import Examples, Model, Schema, String


@component
def CountExamples(examples: InputArtifact[Examples]) -> OutputDict(splits=str):  # noqa: N802
    return {"splits": examples.split_names}


@component
def Repeat(splits: str, times: Parameter[int]) -> OutputDict(repeated=str, length=int):  # noqa: N802
    return {"repeated": splits * times, "length": len(splits) * times}


@component(use_beam=True)
def Double(  # noqa: N802
    length: int,
    doubled: OutputArtifact[String],
    pipeline: BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    with pipeline as p:
        _ = (
            p
            | beam.Create([length])
            | beam.Map(lambda n: str(2 * n))
            | beam.io.WriteToText(doubled.uri, shard_name_template="")
        )


@component
def Report(final_status: Parameter[str], summary: Parameter[str], file: Parameter[str]):  # noqa: N802
    Path(file).write_text(json.dumps({**json.loads(final_status), "summary": summary}))


@component
def Broken(final_status: Parameter[str]):  # noqa: N802
    raise ValueError("nobody reads this")


class GreetingSpec(component_spec.ComponentSpec):
    PARAMETERS: ClassVar = {"name": component_spec.ExecutionParameter(type=str)}
    INPUTS: ClassVar = {"schema": component_spec.ChannelParameter(type=Schema)}
    OUTPUTS: ClassVar = {"greeting": component_spec.ChannelParameter(type=String)}


class GreetingExecutor(base_executor.BaseExecutor):
    def Do(self, input_dict, output_dict, exec_properties):  # noqa: N802
        output_dict["greeting"][0].value = f"Hello {exec_properties['name']}"


class Greeting(base_component.BaseComponent):
    SPEC_CLASS = GreetingSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(GreetingExecutor)

    def __init__(self, schema, name="you"):
        greeting = channel.Channel(type=String)
        super().__init__(GreetingSpec(schema=schema, name=name, greeting=greeting))


class LoudGreetingExecutor(GreetingExecutor):
    def Do(self, input_dict, output_dict, exec_properties):  # noqa: N802
        super().Do(input_dict, output_dict, exec_properties)
        output_dict["greeting"][0].value = output_dict["greeting"][0].value.upper()


class MarkingCsvExecutor(CsvExecutor):
    def Do(self, input_dict, output_dict, exec_properties):  # noqa: N802
        super().Do(input_dict, output_dict, exec_properties)
        output_dict["examples"][0].set_string_custom_property("marked", "yes")


class Second(LatestArtifactStrategy):
    """A strategy of a user's: the latest but one."""

    def resolve_artifacts(self, store, input_dict):
        return {
            key: sorted(artifacts, key=lambda artifact: artifact.id)[-2:-1]
            for key, artifacts in input_dict.items()
        }


Containerized = create_container_component(
    name="Containerized",
    image="busybox",
    command=["cat", InputUriPlaceholder("examples")],
    inputs={"examples": Examples},
)


@component
def Fill(filled: OutputArtifact[Model], file: Parameter[str]):  # noqa: N802
    """Fill the disk, in a file of its own or in the output."""
    with Path(file or f"{filled.uri}/half").open("wb") as target:
        while True:
            target.write(bytes(100_000))
            target.flush()


@component
def Wait(examples: InputArtifact[Examples], half: OutputArtifact[Model], file: Parameter[str]):  # noqa: N802
    """Write half a model, and end where and when there is a file."""
    (Path(half.uri) / "half").write_text(examples.uri)
    while file and not Path(file).exists():
        time.sleep(0.05)
