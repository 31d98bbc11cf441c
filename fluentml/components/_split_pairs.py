"""Pairs of splits: which split of the data is compared with which of the other data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator

from fluentml.errors import DefinitionError


def _pairs(value: Any) -> Any:
    pairs = value if isinstance(value, list | tuple) else None
    if pairs is None or any(not isinstance(p, list | tuple) or len(p) != 2 for p in pairs):
        raise ValueError(f'takes pairs of splits, for example [("train", "eval")], not {value!r}')
    return value


SplitPairs: TypeAlias = Annotated[tuple[tuple[str, str], ...], BeforeValidator(_pairs)]
"""The split of the data, and the one of the other data that it is compared with."""


def refuse_no_other(verb: str, key: str, pairs: SplitPairs, inputs: Mapping[str, Any]) -> None:
    """Raise an error where a step that names no other data would compare a split with itself.

    Args:
        verb: The method of the chain.
        key: The input that reads the chain's own data; `baseline_{key}` reads the other.
        pairs: What is to be compared.
        inputs: The channels that the user named.
    """
    if {key, f"baseline_{key}"} & {*inputs} or (pairs and all(one != two for one, two in pairs)):
        return
    raise DefinitionError(
        f"{verb}() needs other data to compare with.",
        hint=f'name them, {verb}(fluentml.from_csv("serving/"), …), or two splits of the chain\'s '
        'own: split_pairs=[("train", "eval")].',
    )
