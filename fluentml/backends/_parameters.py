"""Runtime parameters of a chain as those of a pipeline job.

A parameter may stand deep within a message that TFX makes of a step, so the chain is compiled with
a mark for each: wherever the mark comes out, the job's parameter goes in. Where what comes out is
not the mark itself but made of it, the job could not follow a launch, and it is refused.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from fluentml.backends._repairs import task_groups
from fluentml.errors import PipelineError

Value = str | int | float

_TYPES = {int: "NUMBER_INTEGER", float: "NUMBER_DOUBLE", str: "STRING"}
_PREFIX = "param--"
"""What stands before the name of an input that is only there for a text to refer to."""


def marks(params: Mapping[str, Any]) -> dict[str, Value]:
    """Return a value for each parameter that no pipeline has of itself."""
    return {name: _mark(default, place) for place, (name, default) in enumerate(params.items())}


def _mark(default: Value, place: int) -> Value:
    if isinstance(default, int):
        return 1_918_273_001 + place
    if isinstance(default, float):
        return float(f"0.918273{place + 1001}")
    # A URI stays one, and a word one.
    scheme = re.match(r"(\w+://)?", default)[0]  # type: ignore[index]
    return f"{scheme}fluentml-mark-{place + 1001}"


def unmarkable(params: Mapping[str, Any]) -> Iterator[PipelineError]:
    """Yield the parameters that a launch cannot change."""
    for name, default in params.items():
        if type(default) not in _TYPES:
            yield fixed_only(name, "True and False choose what is compiled")


def fixed_only(name: str, reason: str) -> PipelineError:
    """Return that a parameter has to have its value before compiling."""
    return PipelineError(
        f"The parameter {name!r} cannot be left to the launch of a job: {reason}.",
        hint=f'fix it: compile(…, params={{"{name}": …}}), or --param {name}=….',
    )


def with_defaults(marked: Any, made: Mapping[str, Value], params: Mapping[str, Any]) -> Any:
    """Return what was compiled with marks as if it had been compiled with the defaults."""
    if isinstance(marked, Mapping):
        return {key: with_defaults(value, made, params) for key, value in marked.items()}
    if isinstance(marked, list):
        return [with_defaults(value, made, params) for value in marked]
    for name, mark in made.items():
        if type(marked) is not bool and marked == mark:
            return float(params[name]) if isinstance(marked, float) else params[name]
        if isinstance(marked, str):
            marked = _filled(marked, mark, lambda kind, name=name: str(kind(params[name])))
    return marked


def parameterized(
    marked: Mapping[str, Any], made: Mapping[str, Value], params: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the spec with the job's parameters in place of the marks.

    Args:
        marked: What was compiled with the marks.
        made: The marks.
        params: The defaults.
    """
    spec = copy.deepcopy(dict(marked))
    for name, mark in made.items():
        kind = {"parameterType": _TYPES[type(params[name])]}
        for tasks in task_groups(spec):
            for task in tasks.values():
                _put(task, spec["components"][task["componentRef"]["name"]], name, mark, kind)
        _import_by(spec, mark)
        if _pass_down(spec, name, kind):
            declared = spec["root"].setdefault("inputDefinitions", {}).setdefault("parameters", {})
            declared[name] = {**kind, "defaultValue": params[name]}
    return spec


def _put(
    task: dict[str, Any], component: dict[str, Any], name: str, mark: Value, kind: dict[str, str]
) -> None:
    given = task.get("inputs", {}).get("parameters", {})
    aside = False
    for key, value in list(given.items()):
        constant = value.get("runtimeValue", {}).get("constant")
        if type(constant) is not bool and constant == mark:
            given[key] = {"componentInputParameter": name}
            component["inputDefinitions"]["parameters"][key] = dict(kind)
        elif isinstance(constant, str) and not isinstance(mark, str):
            text = _filled(constant, mark, lambda _: _placeholder(name))
            aside = aside or text != constant
            value["runtimeValue"]["constant"] = text
    condition = task.get("triggerPolicy", {}).get("condition", "")
    wanted = f"'{mark}'" if isinstance(mark, str) else mark
    text = _filled(condition, wanted, lambda _: f"inputs.parameter_values['{_PREFIX}{name}']")
    if text != condition:
        task["triggerPolicy"]["condition"] = text
        aside = True
    if aside:
        inputs = task.setdefault("inputs", {}).setdefault("parameters", {})
        inputs[f"{_PREFIX}{name}"] = {"componentInputParameter": name}
        declared = component.setdefault("inputDefinitions", {}).setdefault("parameters", {})
        declared[f"{_PREFIX}{name}"] = dict(kind)


def _placeholder(name: str) -> str:
    inside = f"$.inputs.parameters['{_PREFIX}{name}']"
    return "{{" + inside + "}}"


def _import_by(spec: dict[str, Any], mark: Value) -> None:
    """Let importers take their address from their own input, which is the parameter by now."""
    for executor in spec["deploymentSpec"]["executors"].values():
        address = executor.get("importer", {}).get("artifactUri", {})
        if address.get("constant") == mark:
            executor["importer"]["artifactUri"] = {"runtimeParameter": "artifact_uri"}


def _pass_down(spec: dict[str, Any], name: str, kind: dict[str, str]) -> bool:
    """Hand a parameter to the dags whose tasks read it; return whether any task reads it.

    TFX's compiler forgets that where an exit step makes a dag of all the others.
    """
    for id, component in spec["components"].items():
        if "dag" in component and _reads(component["dag"]["tasks"], name):
            declared = component.setdefault("inputDefinitions", {}).setdefault("parameters", {})
            declared[name] = dict(kind)
            inputs = spec["root"]["dag"]["tasks"][id].setdefault("inputs", {})
            inputs.setdefault("parameters", {})[name] = {"componentInputParameter": name}
    return _reads(spec["root"]["dag"]["tasks"], name)


def _reads(tasks: Mapping[str, Any], name: str) -> bool:
    return any(
        given.get("componentInputParameter") == name
        for task in tasks.values()
        for given in task.get("inputs", {}).get("parameters", {}).values()
    )


def left_over(spec: Mapping[str, Any], made: Mapping[str, Value]) -> Iterator[PipelineError]:
    """Yield the parameters that the spec does not have as such."""
    declared = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    text = json.dumps(spec)
    for name, mark in made.items():
        if str(mark) in text:
            yield fixed_only(name, "its value stands within a text, where a job cannot put it")
        elif name not in declared:
            yield fixed_only(name, "nothing that the job does depends on its value there")


def _filled(text: str, mark: Value, put: Any) -> str:
    """Return a text with something in place of a mark; `put` gets the type it was written as."""
    forms = [(str(mark), type(mark))]
    if isinstance(mark, int):
        forms.insert(0, (str(float(mark)), float))
    for form, kind in forms:
        found = str(put(kind)).replace("\\", r"\\")
        text = re.sub(rf"(?<![\w.]){re.escape(form)}(?![\w.])", found, text)
    return text
