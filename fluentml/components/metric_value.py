"""MetricValue: one metric of an evaluation as a value, for conditions to look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fluentml.component import Component
from fluentml.components import _sources
from fluentml.spec import Input


class MetricValue(Component):
    """Read a metric of the data as a whole out of an evaluation.

    Attributes:
        metric: The metric's name in the chain.
        key: The key under which TFMA reports it.
    """

    LOWERED_TO: ClassVar[str] = "ours"
    INPUTS: ClassVar[Mapping[str, Input]] = {
        "evaluation": Input(type="ModelEvaluation", sources=_sources.EVALUATION),
    }
    OUTPUTS: ClassVar[Mapping[str, str]] = {"value": "Float"}

    metric: str
    key: str

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return the component of ours."""
        from fluentml.executors import metric_value

        return metric_value.MetricValue(**inputs, metric=self.metric, key=self.key)
