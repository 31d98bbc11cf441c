"""Other data than the chain's own, which a component brings along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator

from fluentml.spec import AnyComponent, Component


def _source(value: Any) -> Any:
    # A mapping comes from JSON.
    if value is None or isinstance(value, Mapping):
        return value
    if not isinstance(value, Component):
        raise ValueError(f'takes a source of examples, fluentml.from_csv("new/"), not {value!r}')
    if value.role != "ExampleGen":
        raise ValueError(f"takes a source of examples, and {value.verb} is none")
    return value


Source: TypeAlias = Annotated[AnyComponent | None, BeforeValidator(_source)]
"""A step that reads a data set; what names it brings it along as a node of its own."""


def brought(source: Component, id: str) -> Component:
    """Return the source under the id of its node."""
    return source.model_copy(update={"id": id})
