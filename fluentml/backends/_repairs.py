"""What TFX's Kubeflow compiler writes, without its defects.

Read in TFX 1.16.0 and 1.21.0 (`tfx/orchestration/kubeflow/v2`). Each function repairs one defect,
on the message as JSON, and leaves alone what has it not; one is mended while the compiler runs.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

_INPUT = re.compile(r"inputs\.artifacts\['([^']+)'\]")
_OF_PARAMETER = "_task"
"""What the compiler puts behind the id of the task that a parameter comes from."""

INPUTS_SPEC = "--json_serialized_inputs_spec_args"
"""The argument by which TFX's entry point learns the types of a task's inputs."""


def repair(spec: dict[str, Any], defaults: Mapping[str, Any]) -> None:
    """Repair a pipeline spec in place.

    Args:
        spec: A `PipelineSpec` of the schema 2.1, as JSON.
        defaults: The defaults of TFX's runtime parameters, by name.
    """
    for tasks in task_groups(spec):
        for task in tasks.values():
            _name_the_producer(task, tasks)
            _type_by_producer(task, tasks, spec["components"])
            _name_the_input(task)
    _keep_defaults(spec, defaults)


def task_groups(spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the tasks of the pipeline itself, and of every dag within it."""
    yield spec["root"]["dag"]["tasks"]
    for component in spec["components"].values():
        if "dag" in component:
            yield component["dag"]["tasks"]


@contextlib.contextmanager
def floats_made() -> Iterator[None]:
    """A number made by a task is of TFX's type `Float`, and the compiler knows it as `Double`."""
    from unittest import mock  # with asyncio behind it

    from tfx.orchestration.kubeflow.v2 import compiler_utils

    specify = compiler_utils.build_output_parameter_spec
    with mock.patch.object(
        compiler_utils,
        "build_output_parameter_spec",
        lambda kind: specify("Double" if kind == "Float" else kind),
    ):
        yield


def _name_the_producer(task: dict[str, Any], tasks: Mapping[str, Any]) -> None:
    """A parameter made by a task `A` is said to come from `A_task`, which there is not."""
    for _, source in _made(task):
        maker = source["producerTask"]
        if maker not in tasks:
            source["producerTask"] = maker.removesuffix(_OF_PARAMETER)


def _type_by_producer(
    task: dict[str, Any], tasks: Mapping[str, Any], components: Mapping[str, Any]
) -> None:
    """A parameter made by a task is said to be text, so that a number arrives as `"30.0"`."""
    declared = components[task["componentRef"]["name"]].get("inputDefinitions", {})
    for name, source in _made(task):
        maker = components[tasks[source["producerTask"]]["componentRef"]["name"]]
        made = maker["outputDefinitions"]["parameters"][source["outputParameterKey"]]
        declared["parameters"][name]["parameterType"] = made["parameterType"]


def _name_the_input(task: dict[str, Any]) -> None:
    """A condition on a channel that the task reads anyway names a key that the task has not."""
    condition = task.get("triggerPolicy", {}).get("condition")
    if not condition:
        return
    inputs = task.get("inputs", {}).get("artifacts", {})
    by_channel = {}
    for key, given in inputs.items():
        channel = given["taskOutputArtifact"]
        # The resolver of the latest blessed model becomes two tasks.
        maker = re.sub(r"-model(-blessing)?-resolver$", "", channel["producerTask"])
        by_channel[f"_{maker}.{channel['outputArtifactKey']}"] = key

    def named(match: re.Match[str]) -> str:
        key = match[1]
        return match[0] if key in inputs else f"inputs.artifacts['{by_channel[key]}']"

    task["triggerPolicy"]["condition"] = _INPUT.sub(named, condition)


def _keep_defaults(spec: dict[str, Any], defaults: Mapping[str, Any]) -> None:
    """A runtime parameter is declared without its default."""
    declared = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    for name, parameter in declared.items():
        if defaults.get(name) is not None:
            parameter.setdefault("defaultValue", defaults[name])


def _made(task: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, given in task.get("inputs", {}).get("parameters", {}).items():
        if "taskOutputParameter" in given:
            yield name, given["taskOutputParameter"]
