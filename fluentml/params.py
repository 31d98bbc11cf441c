"""Runtime parameters: values of a chain that are given when it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, TypeVar

from fluentml.errors import DefinitionError, did_you_mean, listing

T = TypeVar("T", str, int, float, bool)
KINDS = {bool: "True or False", int: "a whole number", float: "a number", str: "text"}


class Param:
    """A value that a run may give, and what holds where it does not.

    Attributes:
        name: Its name.
        default: The value where a run gives none; its type is the parameter's.
    """

    __slots__ = ("default", "name")

    def __init__(self, name: str, default: Any) -> None:
        self.name, self.default = name, default

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Param) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[str, type, Any]:
        return self.name, type(self.default), self.default

    def __repr__(self) -> str:
        return f"param({self.name!r}, {self.default!r})"

    def __format__(self, spec: str) -> NoReturn:
        raise DefinitionError(
            f"{self!r} stands inside a text, and its value is not known yet.",
            hint="make the whole text the parameter: param('name', 'the text').",
        )

    def take(self, value: Any) -> Any:
        """Return the value that a run gives, as one of the parameter's type.

        Args:
            value: Of that type; or text, as a command line gives it.

        Raises:
            DefinitionError: It is of another type.
        """
        kind = type(self.default)
        if type(value) is kind:
            return value
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        try:
            if isinstance(value, str):
                return _read(kind, value)
        except ValueError:
            pass
        raise DefinitionError(
            f"The parameter {self.name!r} takes {KINDS[kind]}, not {value!r}.",
            f"Its default: {self.default!r}.",
            hint=f"give it {KINDS[kind]}.",
        )


def param(name: str, default: T) -> T:
    """Return a value of the chain that a run may give: `run(params={"train_steps": 50})`.

    It stands wherever a verb takes a plain value, also within lists and dicts:
    `train("model.py", train_steps=param("train_steps", 1000))`. On the command line it is
    `fluentml run --param train_steps=50`.

    Args:
        name: A Python name; one name stands for one value, wherever it appears.
        default: The value where a run gives none: text, a number, True or False. What a run gives
            must be of its type.

    Raises:
        DefinitionError: The name is no Python name, or the default is no plain value.
    """
    if not str(name).isidentifier():
        raise DefinitionError(
            f"param() got the name {name!r}.", hint="take a Python name, such as 'train_steps'."
        )
    if type(default) not in KINDS:
        raise DefinitionError(
            f"param({name!r}) got the default {default!r}.",
            hint="take text, a number, True or False: its type is the parameter's.",
        )
    made: Any = Param(name, default)
    return made  # type: ignore[no-any-return]


def found_in(value: Any) -> Iterator[Param]:
    """Yield the parameters within nested lists and dicts."""
    if isinstance(value, Param):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from found_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from found_in(item)


def filled(value: Any, given: Mapping[str, Any]) -> Any:
    """Return nested lists and dicts with what is given, or a default, for each parameter."""
    if isinstance(value, Param):
        return given.get(value.name, value.default)
    if isinstance(value, Mapping):
        return {key: filled(item, given) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [filled(item, given) for item in value]
    return value


def checked(declared: Mapping[str, Param], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a run gives, each as its parameter takes it.

    Raises:
        DefinitionError: A name that the chain does not have, or a value of another type.
    """
    for name in given:
        if name not in declared:
            raise DefinitionError(
                f"The pipeline has no parameter {name!r}.",
                f"Its parameters: {listing(declared, 'none')}.",
                hint=did_you_mean(name, declared)
                or f"declare it where its value stands: param({name!r}, <default>).",
            )
    return {name: declared[name].take(value) for name, value in given.items()}


def _read(kind: type, text: str) -> Any:
    if kind is bool:
        words = {"true": True, "false": False}
        if text.lower() not in words:
            raise ValueError(text)
        return words[text.lower()]
    return kind(text)
