"""What a task is told: its executor input, and what stands for `{{…}}` in its command."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from fluentml.errors import DataError

PLACEHOLDER = re.compile(r"\{\{\$(.*?)\}\}")
_STEP = re.compile(r"\.(\w+)|\[['\"]([^'\"]+)['\"]\]|\[(\d+)\]")


def executor_input(
    parameters: Mapping[str, Any],
    artifacts: Mapping[str, list[dict[str, Any]]],
    declared: Mapping[str, Any],
    folder: str,
    name: str,
) -> dict[str, Any]:
    """Return the `ExecutorInput` of a task, as JSON.

    Args:
        parameters: The values of its input parameters.
        artifacts: Its input artifacts, by input key.
        declared: Its component's `outputDefinitions`.
        folder: The task's folder.
        name: What the names of its artifacts start with.
    """
    made = {
        key: {
            "artifacts": [
                {
                    "name": f"{name}-{key}",
                    "uri": f"{folder}/{key}",
                    "type": given["artifactType"],
                    "metadata": dict(given.get("metadata", {})),
                }
            ]
        }
        for key, given in declared.get("artifacts", {}).items()
    }
    return {
        "inputs": {
            "parameterValues": dict(parameters),
            "artifacts": {key: {"artifacts": found} for key, found in artifacts.items()},
        },
        "outputs": {
            "artifacts": made,
            "parameters": {
                key: {"outputFile": f"{folder}/parameters/{key}"}
                for key in declared.get("parameters", {})
            },
            "outputFile": f"{folder}/executor_output.json",
        },
    }


def filled(text: str, told: Mapping[str, Any], types: Mapping[str, Any]) -> str:
    """Return a text with what its placeholders stand for.

    Args:
        text: An argument of a command, or the constant of a parameter.
        told: The executor input of the task.
        types: The declared input parameters of the task's component.

    Raises:
        DataError: A placeholder names what the task does not have.
    """

    def value(match: re.Match[str]) -> str:
        path = match[1].strip()
        return json.dumps(told) if not path else _at(path, match[0], told, types)

    return PLACEHOLDER.sub(value, text)


def as_text(value: Any, kind: str = "") -> str:
    """Return a parameter's value as it stands in a text.

    Args:
        value: The value.
        kind: Its declared type.
    """
    if isinstance(value, str):
        return value
    if kind == "NUMBER_INTEGER" or (not kind and isinstance(value, float) and value.is_integer()):
        return str(int(value))
    return json.dumps(value)


def _at(path: str, whole: str, told: Mapping[str, Any], types: Mapping[str, Any]) -> str:
    steps = [next(filter(None, found)) for found in _STEP.findall(path)]
    match steps:
        case ["inputs", "parameters", key] if key in told["inputs"]["parameterValues"]:
            kind = types.get(key, {}).get("parameterType", "")
            return as_text(told["inputs"]["parameterValues"][key], kind)
        case ["outputs", "parameters", key, "output_file"] if key in told["outputs"]["parameters"]:
            return str(told["outputs"]["parameters"][key]["outputFile"])
        case [("inputs" | "outputs") as side, "artifacts", key, *rest]:
            found = told[side]["artifacts"].get(key, {}).get("artifacts", [])
            match rest:
                case ["uri" | "path"] if found:
                    return str(found[0]["uri"])
                case ["metadata", name] if found and name in found[0].get("metadata", {}):
                    return as_text(found[0]["metadata"][name])
    raise DataError(f"it names {whole}, which the task does not have.")
