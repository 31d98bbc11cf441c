"""SchemaGen: a schema inferred from statistics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fluentml.component import Component
from fluentml.components import _sources
from fluentml.spec import Input


class SchemaGen(Component):
    """Infer a schema from the statistics.

    Attributes:
        infer_feature_shape: Whether features that every example has get a fixed shape; without,
            Transform reads them as sparse tensors.
        exclude_splits: Splits to leave out.
    """

    VERB: ClassVar[str] = "infer_schema"
    INPUTS: ClassVar[Mapping[str, Input]] = {
        "statistics": Input(type="ExampleStatistics", sources=_sources.STATISTICS),
    }
    OUTPUTS: ClassVar[Mapping[str, str]] = {"schema": "Schema"}

    infer_feature_shape: bool = True
    exclude_splits: tuple[str, ...] = ()

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's SchemaGen."""
        from tfx.components.schema_gen import component

        return component.SchemaGen(
            **inputs,
            infer_feature_shape=self.infer_feature_shape,
            exclude_splits=list(self.exclude_splits),
        )
