"""Metrics given as the function or class itself: what kind it is, and the settings it takes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from fluentml.errors import DefinitionError, did_you_mean, listing
from fluentml.metrics import METRICS

Kind: TypeAlias = Literal["function", "keras", "tfma"]
"""A function of arrays; a class of Keras 3, which TFMA knows nothing of; one that TFMA takes."""

WEIGHTS = ("weights", "sample_weight")
"""What a function may call the parameter that gets the weights of the examples."""
WANTED = "def profit(labels, predictions)"


def is_code(value: Any) -> bool:
    """Return whether a metric is given as a function or a class."""
    return isinstance(value, type) or inspect.isroutine(value)


def known_name(code: Any) -> str | None:
    """Return the name by which TFMA has this class of its own or of Keras; None for others."""
    package = str(getattr(code, "__module__", "")).partition(".")[0]
    vendors = ("keras", "tf_keras", "tensorflow_model_analysis")
    return code.__name__ if isinstance(code, type) and package in vendors else None


def kind_of(code: Any) -> Kind:
    """Return what a metric is.

    Raises:
        DefinitionError: It is a class, and none of a metric.
    """
    if not isinstance(code, type):
        return "function"
    bases = [(base.__module__.partition(".")[0], base.__name__) for base in code.__mro__]
    if ("keras", "Metric") in bases:
        return "keras"
    theirs = ("tf_keras", "tensorflow_model_analysis")
    if any(package in theirs and name in ("Metric", "Loss") for package, name in bases):
        return "tfma"
    raise DefinitionError(
        f"metric() got the class {code.__name__!r}, which is no metric.",
        *place(code),
        hint="derive it from keras.metrics.Metric, tf_keras.metrics.Metric or "
        f"tfma.metrics.Metric, or write a function: {WANTED}.",
    )


def weights_of(code: Any) -> str:
    """Return the parameter of a function that gets the weights; empty where it has none."""
    parameters = inspect.signature(code).parameters
    return next((name for name in WEIGHTS if name in parameters), "")


def place(code: Any) -> tuple[str, ...]:
    """Return the line for a message at which a function was defined; none for a class."""
    found = getattr(inspect.unwrap(code), "__code__", None)
    return (f"  {found.co_filename}:{found.co_firstlineno}",) if found else ()


def verify(code: Any, settings: Mapping[str, Any]) -> None:
    """Look whether a function or class can be a metric with these settings.

    Raises:
        DefinitionError: It cannot.
    """
    name = code.__name__
    if not name.isidentifier():
        raise DefinitionError(
            "metric() got a function without a name.",
            *place(code),
            hint=f"define it: {WANTED}.",
        )
    kind = kind_of(code)
    if kind == "tfma" and name in METRICS:
        raise DefinitionError(
            f"metric() got the class {name!r}, and TFMA would take its own metric of that name.",
            hint="call the class otherwise.",
        )
    parameters = [*inspect.signature(code).parameters.values()]
    if kind == "function":
        parameters = _further(code, parameters)
    elif not any(p.name == "name" or p.kind is p.VAR_KEYWORD for p in parameters):
        raise DefinitionError(
            f"metric() got the class {name!r}, which takes no name, and TFMA gives it one.",
            hint="write def __init__(self, …, name=None, **kwargs), and pass both on.",
        )
    _verify_settings(code, parameters, settings)


def _further(code: Any, parameters: list[inspect.Parameter]) -> list[inspect.Parameter]:
    """Return the parameters of a function behind labels, predictions and weights."""
    rest = [p for p in parameters if p.name not in WEIGHTS]
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if len(rest) < 2 or any(p.kind not in by_position for p in rest[:2]):
        raise DefinitionError(
            f"metric() got {code.__name__}{inspect.signature(code)}, which does not take the "
            "labels and the predictions.",
            *place(code),
            hint=f"write {WANTED}, or (labels, predictions, weights); further parameters are "
            "settings.",
        )
    return rest[2:]


def _verify_settings(
    code: Any, parameters: list[inspect.Parameter], settings: Mapping[str, Any]
) -> None:
    taken = {p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    is_open = any(p.kind is p.VAR_KEYWORD for p in parameters)
    unknown = [name for name in settings if name not in {*taken, "name"}]
    if unknown and not is_open:
        raise DefinitionError(
            f"metric() got the setting {unknown[0]!r}, which {code.__name__!r} does not take.",
            f"It takes: {listing(sorted({*taken, 'name'}))}.",
            *place(code),
            hint=did_you_mean(unknown[0], taken) or "take one of these.",
        )
    needed = [
        p.name
        for p in parameters
        if p.name in taken - {"name"} and p.default is inspect.Parameter.empty
    ]
    missing = [name for name in needed if name not in settings]
    if missing:
        write = ", ".join(f"{name}=…" for name in missing)
        raise DefinitionError(
            f"metric() cannot compute {code.__name__!r} without settings.",
            f"It needs: {listing(missing)}.",
            *place(code),
            hint=f"write fluentml.metric({code.__name__}, {write}).",
        )
