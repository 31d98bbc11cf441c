"""Python objects in a spec: the function or class itself here, its import path in JSON."""

from __future__ import annotations

import importlib
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from fluentml.errors import LoadError


class LiveObject:
    """A Python object beside the `module:name` by which it may be imported again."""

    def __init__(self, reference: str, value: Any = None) -> None:
        self.reference = reference
        self._value = value

    @classmethod
    def of(cls, value: Any) -> LiveObject:
        """Wrap a function or a class."""
        name = getattr(value, "__qualname__", getattr(value, "__name__", "<nameless>"))
        return cls(f"{getattr(value, '__module__', '?')}:{name}", value)

    @property
    def loaded(self) -> Any:
        """The object if it is here already, else None."""
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LiveObject) or self.reference != other.reference:
            return False
        # Every lambda of a module has the same name; what came from JSON has only the name.
        return self._value is other._value or self._value is None or other._value is None

    def __hash__(self) -> int:
        return hash(self.reference)

    def __repr__(self) -> str:
        return self.reference

    def value(self) -> Any:
        """Return the object, imported by its reference where it came from a file.

        Raises:
            LoadError: It cannot be imported here.
        """
        if self._value is None:
            module, _, name = self.reference.partition(":")
            try:
                value: Any = importlib.import_module(module)
                for part in name.split("."):
                    value = getattr(value, part)
            except (ImportError, AttributeError) as error:
                raise LoadError(
                    f"{self.reference!r}, which the graph names, cannot be imported here.",
                    hint="put it into a module that both sides can import.",
                ) from error
            self._value = value
        return self._value


def _wrap(value: Any) -> Any:
    return LiveObject(value) if isinstance(value, str) else value


def _reference(live: LiveObject) -> str:
    return live.reference


Live: TypeAlias = Annotated[
    LiveObject,
    BeforeValidator(_wrap),
    PlainSerializer(_reference),
    WithJsonSchema({"type": "string"}),
]
"""A Python object; in JSON its reference."""
