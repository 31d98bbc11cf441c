"""What `thresholds=` of an Evaluator means: a bound on a metric, over the whole data or a slice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from fluentml.metrics import Direction
from fluentml.spec import FrozenDict

Bound: TypeAlias = float | tuple[Literal[">=", "<="], float]
"""The least or greatest value by the metric's direction, or with the comparison given."""


class Threshold(NamedTuple):
    """A bound on one metric.

    Attributes:
        metric: What the user calls the metric.
        slice: Feature to value; empty: the data as a whole.
        bound: The bound as the user gave it.
    """

    metric: str
    slice: FrozenDict[str, str]
    bound: Bound

    @classmethod
    def of(cls, key: str, bound: Bound) -> Threshold:
        """Read `"AUC"` or `"company=Yellow,payment_type=Cash:AUC"`.

        Raises:
            ValueError: What stands before the colon is no slice.
        """
        where, _, metric = key.rpartition(":")
        pairs = [part.partition("=") for part in where.split(",")] if where else []
        if any(not feature or not equals for feature, equals, _ in pairs):
            raise ValueError(f"has the key {key!r}; a slice is written 'feature=value:Metric'")
        return cls(metric, FrozenDict({name: value for name, _, value in pairs}), bound)

    def has_side(self, direction: Direction | None) -> bool:
        """Return whether it is known on which side of the bound the good values lie."""
        return isinstance(self.bound, tuple) or direction is not None

    def write(self, message: Any, direction: Direction | None) -> None:
        """Write the bound into TFMA's `MetricThreshold`.

        Args:
            message: That message.
            direction: Which way the metric improves, where the bound has no comparison.
        """
        if isinstance(self.bound, tuple):
            comparison, value = self.bound
            at_least = comparison == ">="
        else:
            value, at_least = self.bound, direction == "higher"
        limits = message.value_threshold
        (limits.lower_bound if at_least else limits.upper_bound).value = value


def read(thresholds: Mapping[str, Bound]) -> list[Threshold]:
    """Return the thresholds that a mapping names."""
    return [Threshold.of(key, bound) for key, bound in thresholds.items()]
