"""Thresholds on how far the distribution of a feature may lie from another."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator

from fluentml.spec import FrozenDict

PREVIOUS_RUN = "previous_run"
"""What `against=` calls the statistics that the step let pass last."""


def _distances(value: FrozenDict[str, float]) -> FrozenDict[str, float]:
    for feature, threshold in value.items():
        if not 0 < threshold < 1:
            raise ValueError(
                f"gives {feature!r} the threshold {threshold:g}; "
                "a distance lies between 0 (alike) and 1"
            )
    return value


Distances: TypeAlias = Annotated[FrozenDict[str, float], AfterValidator(_distances)]
"""The greatest distance that is no anomaly, by feature: between 0 and 1, without either."""
