"""Metric and slice functions of the user's: a module is written that the evaluation imports."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from fluentml.capture import captured_together
from fluentml.components import Evaluator, Metric
from fluentml.components import _metric_code as code
from fluentml.errors import DefinitionError
from fluentml.spec import FrozenDict
from fluentml.words import in_words_of

SliceFunction: TypeAlias = Callable[[Mapping[str, Any]], Any]
Sliced: TypeAlias = str | SliceFunction | Sequence[str | SliceFunction]
AnyMetric: TypeAlias = str | Metric | Callable[..., Any]

VERB = f"{Evaluator.VERB}()"


def by_output(
    label: Any, metrics: Sequence[AnyMetric] | Mapping[str, Sequence[AnyMetric]]
) -> tuple[Any, Sequence[Any]]:
    """Return the label and the metrics as the Evaluator takes them.

    Args:
        label: One; or several, which are called as the model's outputs are; or each by its output.
        metrics: Those of every output, or each output's.
    """
    if isinstance(label, list | tuple):
        label = {name: name for name in label}
    outputs = {**label} if isinstance(label, Mapping) else {}
    if isinstance(metrics, Mapping):
        return label, [_of(one, name) for name, some in metrics.items() for one in _listed(some)]
    if not outputs or not isinstance(metrics, list | tuple):
        return label, metrics
    given = [_of(one, "") for one in metrics]
    return label, [
        one.model_copy(update={"output": name})
        for name in outputs
        for one in given
        if one.output in ("", name)
    ] + [one for one in given if one.output and one.output not in outputs]


def _listed(metrics: Any) -> Iterable[Any]:
    if isinstance(metrics, list | tuple):
        return metrics
    raise DefinitionError(
        f"{VERB}: metrics= takes a list for each output, not {metrics!r}.",
        hint='write metrics={"tip": ["AUC"], …}.',
    )


def _of(metric: AnyMetric, output: str) -> Metric:
    with in_words_of(Evaluator.VERB, {"metrics": metric}):
        made = Metric.model_validate(metric)
    return made.model_copy(update={"output": output}) if output else made


def written(metrics: Sequence[Any], slices: Sequence[Sliced], folder: str) -> dict[str, Any]:
    """Write the functions and classes among them into a module; return the Evaluator's parameters.

    Raises:
        DefinitionError: One of them is no metric or slice, or cannot be written.
    """
    if not _is_list(metrics) or not _is_list(slices):
        return {"metrics": metrics, "slices": slices}  # The Evaluator says what is wrong.
    functions = _slice_functions(slices)
    named = [_named(one) for one in slices]
    made = [one if isinstance(one, Metric) else _of(one, "") for one in metrics]
    things = dict(functions)
    tails = {}
    for metric in made:
        if metric.code:
            metric.verify(Evaluator.VERB)
            thing = metric.code.value()
            _add(things, thing)
            tails[_class_of(thing)] = _source_of(thing)
    if not things:
        return {"metrics": metrics, "slices": slices}
    also = _module_of(list(filter(None, tails.values())), functions)
    module = captured_together(things, folder=folder, verb=VERB, also=also)
    return {
        "metrics": [_in_module(metric, Path(module).stem) for metric in made],
        "slices": named,
        "slice_functions": [*functions],
        "module": module,
    }


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _slice_functions(slices: Sequence[Sliced]) -> dict[str, SliceFunction]:
    functions: dict[str, Any] = {}
    for one in slices:
        for function in one if isinstance(one, list | tuple) else [one]:
            if not callable(function):
                continue
            name = getattr(function, "__name__", "")
            if not inspect.isroutine(function) or not name.isidentifier():
                raise DefinitionError(
                    f"{VERB}: slices= takes functions with a name, not {function!r}.",
                    *(code.place(function) if inspect.isroutine(function) else ()),
                    hint="define it: def night(row). The slices go by its name.",
                )
            _verify_parameters(function)
            _add(functions, function)
    return functions


def _verify_parameters(function: SliceFunction) -> None:
    try:
        inspect.signature(function).bind({})
    except TypeError:
        name = function.__name__
        raise DefinitionError(
            f"{VERB} calls slice functions with the row, and this is "
            f"{name}{inspect.signature(function)}.",
            *code.place(function),
            hint=f"write def {name}(row); further parameters need defaults.",
        ) from None


def _named(slices: Sliced) -> Any:
    if isinstance(slices, list | tuple):
        return tuple(map(_named, slices))
    return slices.__name__ if callable(slices) else slices


def _add(things: dict[str, Any], thing: Any) -> None:
    if things.setdefault(thing.__name__, thing) is not thing:
        raise DefinitionError(
            f"{VERB} got two functions or classes called {thing.__name__!r}.",
            hint="give one of them another name.",
        )


def _class_of(thing: Any) -> str:
    """Return the name of the class that TFMA takes for a metric."""
    is_theirs = code.kind_of(thing) == "tfma"
    return str(thing.__name__) if is_theirs else f"{thing.__name__}_metric"


def _source_of(thing: Any) -> str:
    """Return the source of a class of TFMA's around what it cannot take; empty where it can."""
    kind, name = code.kind_of(thing), thing.__name__
    if kind == "tfma":
        return ""
    if kind == "keras":
        return f"class {name}_metric(metric_functions.KerasMetric):\n    metric = {name}"
    weights = code.weights_of(thing)
    return "\n".join(
        [
            f"class {name}_metric(metric_functions.FunctionMetric):",
            f"    function = staticmethod({name})",
            *([f'    weighted = "{weights}"'] if weights else []),
        ]
    )


def _module_of(classes: list[str], functions: Mapping[str, SliceFunction]) -> str:
    """Return what stands below the user's own code."""
    rooms = ["metric_functions"] * bool(classes) + ["slice_functions"] * bool(functions)
    imported = f"from fluentml.executors import {', '.join(rooms)}" if rooms else ""
    head = f"# As evaluate_model() of the pipeline says.\n{imported}"
    return "\n\n\n".join(filter(None, [head, *classes, _extractors(functions)]))


def _extractors(functions: Mapping[str, SliceFunction]) -> str:
    if not functions:
        return ""
    return (
        "def custom_extractors(eval_shared_model, eval_config, tensor_adapter_config):\n"
        "    return slice_functions.extractors(\n"
        f"        [{', '.join(functions)}], eval_shared_model, eval_config, "
        "tensor_adapter_config\n"
        "    )"
    )


def _in_module(metric: Metric, module: str) -> Metric:
    if not metric.code:
        return metric
    settings = FrozenDict({**metric.settings, "name": metric.name})
    changes = {"class_name": _class_of(metric.code.value()), "module": module}
    return metric.model_copy(update={**changes, "settings": settings, "code": None})
