"""A task of open-source Kubeflow: what its backend leaves out, then TFX's own entry point.

Its backend tells no type of an input artifact, which TFX needs, and runs no driver before a task.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from tfx.dsl.io import fileio
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor
from tfx.orchestration.kubeflow.v2.file_based_example_gen import driver

INVOCATION = "--json_serialized_invocation_args"
INPUTS_SPEC = "--json_serialized_inputs_spec_args"
RUN_DRIVER = "--run_driver"


def main(arguments: Sequence[str]) -> None:
    """Run the task that these arguments of TFX's entry point tell of.

    Args:
        arguments: With `--run_driver` among them, ExampleGen's driver finds the span first.
    """
    own = [argument for argument in arguments if argument != RUN_DRIVER]
    place = own.index(INVOCATION) + 1
    invocation = json.loads(own[place])
    spec = json.loads(own[own.index(INPUTS_SPEC) + 1])
    _tell_types(invocation, spec)
    own[place] = json.dumps(invocation)
    if len(own) < len(arguments):
        # The entry point takes the parameters that it found from where it leaves them.
        driver.main(driver._parse_flags(_driver_arguments(own)))
        _keep_properties(invocation)
        own[place] = json.dumps(invocation)
    kubeflow_v2_run_executor.main(kubeflow_v2_run_executor._parse_flags(own))


def _keep_properties(invocation: dict[str, Any]) -> None:
    """Give the output artifacts the properties that the driver found, such as their span."""
    outputs = invocation["outputs"]
    with fileio.open(outputs["outputFile"]) as file:
        found = json.load(file).get("artifacts", {})
    for key, given in found.items():
        for artifact, other in zip(
            outputs["artifacts"][key]["artifacts"], given["artifacts"], strict=True
        ):
            artifact.setdefault("metadata", {}).update(other.get("metadata", {}))


def _tell_types(invocation: dict[str, Any], spec: dict[str, Any]) -> None:
    """Give the input artifacts the types that the task declares."""
    declared = spec.get("artifacts", {})
    for key, given in invocation.get("inputs", {}).get("artifacts", {}).items():
        for artifact in given.get("artifacts", []):
            title = artifact.get("type", {}).get("schemaTitle", "system.Artifact")
            if key in declared and title.startswith("system."):
                artifact["type"] = declared[key]["artifactType"]


def _driver_arguments(arguments: Sequence[str]) -> list[str]:
    return [
        part
        for name in (INVOCATION, INPUTS_SPEC)
        for part in (name, arguments[arguments.index(name) + 1])
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
