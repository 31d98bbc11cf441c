"""StatisticsGen: statistics of every split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fluentml.components import _sources
from fluentml.spec import Component, Input


class StatisticsGen(Component):
    """Compute the statistics of the raw examples, typed by the imported schema where one is given.

    Attributes:
        exclude_splits: Splits to leave out.
    """

    VERB: ClassVar[str] = "generate_statistics"
    INPUTS: ClassVar[Mapping[str, Input]] = {
        "examples": Input(type="Examples", sources=_sources.RAW_EXAMPLES),
        "schema": Input(type="Schema", sources=("ImportSchemaGen.schema",), optional=True),
    }
    OUTPUTS: ClassVar[Mapping[str, str]] = {"statistics": "ExampleStatistics"}

    exclude_splits: tuple[str, ...] = ()

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's StatisticsGen."""
        from tfx.components.statistics_gen import component

        return component.StatisticsGen(**inputs, exclude_splits=list(self.exclude_splits))
