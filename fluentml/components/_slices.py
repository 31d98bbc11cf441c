"""Slices: the data by the values of features."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator


def _tuples(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise ValueError(f'takes a list of features, for example ["hour"], not {value!r}')
    return tuple((item,) if isinstance(item, str) else item for item in value)


Slices: TypeAlias = Annotated[tuple[tuple[str, ...], ...], BeforeValidator(_tuples)]
"""Features to slice by; a tuple slices by several at once."""
