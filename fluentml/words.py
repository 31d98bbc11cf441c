"""What pydantic finds wrong with a parameter, in the words of the chain."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from fluentml.component import Component
from fluentml.errors import DefinitionError, FluentmlError, did_you_mean, listing


def make(kind: type[Component], **parameters: Any) -> Component:
    """Return the spec, or raise what is wrong with its parameters in the words of the chain."""
    for name in parameters:
        if name not in kind.model_fields:
            known = [field for field in kind.model_fields if field != "params"]
            raise DefinitionError(
                f"{kind.VERB}() has no parameter {name!r}.",
                f"It takes: {listing(known)}.",
                hint=did_you_mean(name, known) or "take one of these.",
            )
    with in_words_of(kind.VERB, parameters):
        return kind(**parameters)


_WORDS = {
    "bool_parsing": "it takes True or False.",
    "bool_type": "it takes True or False.",
    "dict_type": "it takes a dict.",
    "finite_number": "it takes a finite number.",
    "float_parsing": "it takes a number.",
    "float_type": "it takes a number.",
    "greater_than": "it takes more than {gt:g}.",
    "greater_than_equal": "it takes {ge:g} or more.",
    "int_from_float": "it takes a whole number.",
    "int_parsing": "it takes a whole number.",
    "int_type": "it takes a whole number.",
    "less_than_equal": "it takes {le:g} or less.",
    "literal_error": "it takes {expected}.",
    "model_type": 'it takes channels by input key: {{"examples": "Node.output"}}.',
    "too_short": "it takes at least {min_length}.",
    "string_type": "it takes text.",
    "tuple_type": "it takes a list.",
}
"""What pydantic means, in the words of the chain."""


@contextlib.contextmanager
def in_words_of(verb: str, parameters: Mapping[str, Any] = MappingProxyType({})) -> Iterator[None]:
    """Raise pydantic's errors as those of the method `verb`, which got these parameters."""
    try:
        yield
    except ValidationError as error:
        raise _definition_error(verb, parameters, error) from error


def _definition_error(
    verb: str, parameters: Mapping[str, Any], error: ValidationError
) -> FluentmlError:
    first = error.errors()[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, FluentmlError):
        return cause
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    if not first["loc"]:
        return DefinitionError(f"{verb}() {message}.")
    name = str(first["loc"][0])
    given = parameters.get(name, first["input"])
    what, shown = f"{name}=", f"{name}={given!r}"
    for key in first["loc"][1:2]:
        if isinstance(given, Mapping) and key in given:
            what, shown = f"{key!r} in {name}=", f"{name}={ {key: given[key]}!r}"
    if first["type"] == "extra_forbidden":
        return DefinitionError(
            f"{verb}() has no parameter {name!r}.",
            hint=did_you_mean(name, ("id", "inputs", "when", "executor", "arguments"))
            or "every step takes id=, inputs=, when= and executor=.",
        )
    if cause is not None:
        return DefinitionError(f"{verb}(): {what} {message}.")
    words = _WORDS.get(first["type"], f"{message[0].lower()}{message[1:]}.")
    return DefinitionError(
        f"{verb}() cannot use {shown}.",
        hint=words.format(**first.get("ctx", {})),
    )
