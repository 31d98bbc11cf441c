"""Transform: the user's preprocessing_fn over the whole data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from fluentml.components import _sources
from fluentml.components._user_code import UserCode
from fluentml.spec import Input, Proto, proto_of, thaw


class Transform(UserCode):
    """Run `preprocessing_fn(inputs)` over the examples; keep it as a graph for serving.

    Attributes:
        splits_config: TFX's `transform_pb2.SplitsConfig`: what to analyze and what to transform.
            Default: analyze `train`, transform every split.
    """

    VERB: ClassVar[str] = "preprocess"
    FUNCTION: ClassVar[str] = "preprocessing_fn"
    PARAMETERS: ClassVar[tuple[str, ...]] = ("inputs",)
    INPUTS: ClassVar[Mapping[str, Input]] = {
        "examples": Input(type="Examples", sources=_sources.RAW_EXAMPLES),
        "schema": Input(type="Schema", sources=_sources.SCHEMA),
        "analyzer_cache": Input(type="TransformCache", optional=True),
    }
    OUTPUTS: ClassVar[Mapping[str, str]] = {
        "transform_graph": "TransformGraph",
        "transformed_examples": "Examples",
        "updated_analyzer_cache": "TransformCache",
        "pre_transform_schema": "Schema",
        "pre_transform_stats": "ExampleStatistics",
        "post_transform_schema": "Schema",
        "post_transform_stats": "ExampleStatistics",
        "post_transform_anomalies": "ExampleAnomalies",
    }

    splits_config: Annotated[Proto | None, proto_of("tfx.components.transform.SplitsConfig")] = None

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Transform."""
        from tfx.components.transform import component

        return component.Transform(
            **inputs,
            **self.module_arguments(),
            splits_config=self.splits_config and self.splits_config.message(),
            custom_config=thaw(self.custom_config),
        )
