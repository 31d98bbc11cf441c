"""Features of a schema by name."""

from __future__ import annotations

from typing import Any

from fluentml.errors import DataError, did_you_mean, listing


def feature_of(schema: Any, name: str, parameter: str) -> Any:
    """Return a feature of a schema.

    Args:
        schema: The `Schema` message.
        name: The feature's name.
        parameter: Who names it: the parameter in the chain.

    Raises:
        DataError: There is no such feature.
    """
    for feature in schema.feature:
        if feature.name == name:
            return feature
    names = [feature.name for feature in schema.feature]
    raise DataError(
        f"{parameter}= names {name!r}, and the schema has no such feature.",
        f"It has: {listing(names)}.",
        hint=did_you_mean(name, names) or "name a feature of the schema.",
    )
