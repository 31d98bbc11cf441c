"""An object with scikit-learn's `get_params`, as the call that makes another like it."""

from __future__ import annotations

import importlib
import inspect
import math
from types import BuiltinFunctionType, FunctionType
from typing import Any

from fluentml.capture.closure import kind_of
from fluentml.capture.constants import literal
from fluentml.errors import DefinitionError


def constructor_call(value: Any, verb: str) -> tuple[list[str], str]:
    """Return the imports and the expression that make an object with the same parameters.

    Parameters that have their defaults are left out, and so is what it learned.

    Args:
        value: An object with `get_params`.
        verb: The method of the chain that got it, for messages: `train()`.

    Raises:
        DefinitionError: A parameter is no plain value, nor of such an object, function or class
            that can be imported.
    """
    call = _Call(verb, type(value).__name__)
    return call.imports, call.text(value, "")


class _Call:
    def __init__(self, verb: str, name: str) -> None:
        self.verb, self.name = verb, name
        self.imports: list[str] = []

    def text(self, value: Any, place: str) -> str:
        """Return the expression for a value that stands at a place such as `steps[1]`."""
        if isinstance(value, float) and not math.isfinite(value):
            return f'float("{float(value)}")'
        if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
            value = value.item()
        if (plain := literal(value)) is not None:
            return plain
        if type(value) in (list, tuple):
            return self._sequence(value, place)
        if type(value) is dict:
            pairs = (
                (self.text(k, place), self.text(v, f"{place}[{k!r}]")) for k, v in value.items()
            )
            return "{" + ", ".join(f"{key}: {item}" for key, item in pairs) + "}"
        if isinstance(value, type | FunctionType | BuiltinFunctionType):
            return self._imported(value, place)
        if not hasattr(value, "get_params"):
            raise self._error(place, kind_of(value))
        given = self._arguments(value, place)
        return f"{self._imported(type(value), place)}({', '.join(given)})"

    def _sequence(self, value: Any, place: str) -> str:
        items = ", ".join(self.text(item, f"{place}[{i}]") for i, item in enumerate(value))
        if type(value) is list:
            return f"[{items}]"
        return f"({items},)" if len(value) == 1 else f"({items})"

    def _arguments(self, value: Any, place: str) -> list[str]:
        """Return the arguments that differ from their defaults."""
        defaults = _defaults(type(value))
        arguments = []
        for name, given in value.get_params(deep=False).items():
            default = defaults.get(name, inspect.Parameter.empty)
            if default is given or (type(default) is type(given) and repr(default) == repr(given)):
                continue
            inner = f"{place}.{name}" if place else name
            arguments.append(f"{name}={self.text(given, inner)}")
        return arguments

    def _imported(self, value: Any, place: str) -> str:
        module = _public_module(value)
        if module is None:
            raise self._error(place, f"{value.__qualname__}, which cannot be imported")
        line, name = f"from {module} import {value.__name__}", value.__name__
        if any(other != line and other.endswith(f" import {name}") for other in self.imports):
            raise self._error(place, f"{module}.{name}, and another one has that name")
        if line not in self.imports:
            self.imports.append(line)
        return str(name)

    def _error(self, place: str, what: str) -> DefinitionError:
        of = f": its {place} is {what}" if place else f": it is {what}"
        return DefinitionError(
            f"{self.verb} cannot write {self.name} into a module{of}.",
            hint="give a function that makes it instead: def build_estimator(hp): …",
        )


def _defaults(kind: type) -> dict[str, Any]:
    """Return the parameters of an object that is made without any, or as the signature tells."""
    try:
        return dict(kind().get_params(deep=False))
    except TypeError:
        parameters = inspect.signature(kind).parameters
        return {name: parameter.default for name, parameter in parameters.items()}


def _public_module(value: Any) -> str | None:
    """Return the shortest module of a package's that has a class or function by its name."""
    parts = (value.__module__ or "").split(".")
    if parts == ["__main__"]:
        return None
    for length in range(1, len(parts) + 1):
        if any(part.startswith("_") for part in parts[:length]):
            continue
        try:
            module = importlib.import_module(".".join(parts[:length]))
        except ImportError:
            return None
        if getattr(module, value.__name__, None) is value:
            return module.__name__
    module = importlib.import_module(value.__module__)
    return value.__module__ if getattr(module, value.__name__, None) is value else None
