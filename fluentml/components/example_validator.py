"""ExampleValidator: anomalies of the data against the schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fluentml.components import _sources
from fluentml.spec import Component, Input


class ExampleValidator(Component):
    """Look for anomalies: what the statistics say against what the schema allows.

    Attributes:
        exclude_splits: Splits to leave out.
    """

    VERB: ClassVar[str] = "validate_input_data"
    INPUTS: ClassVar[Mapping[str, Input]] = {
        "statistics": Input(type="ExampleStatistics", sources=_sources.STATISTICS),
        "schema": Input(type="Schema", sources=_sources.SCHEMA),
    }
    OUTPUTS: ClassVar[Mapping[str, str]] = {"anomalies": "ExampleAnomalies"}

    exclude_splits: tuple[str, ...] = ()

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's ExampleValidator."""
        from tfx.components.example_validator import component

        return component.ExampleValidator(**inputs, exclude_splits=list(self.exclude_splits))
