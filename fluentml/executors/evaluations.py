"""What TFMA's results are made of, for whoever reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CANDIDATE = "candidate"
"""What TFMA calls the model where there is a baseline beside it."""


def of_output(output: str, key: str) -> str:
    """Return the key of a value among those of all outputs, as `fluentml.metrics.Value` has it."""
    return f"{output}/{key}" if output else key


def number(value: Mapping[str, Any]) -> float | None:
    """Return a metric's number out of TFMA's JSON; None where it is a plot or a table."""
    # JSON has no NaN: there it is text. With a confidence interval the value has another name.
    found = value.get("doubleValue", value.get("boundedValue", {}).get("value"))
    return None if found is None else float(found)
