"""Transform: the user's preprocessing_fn over the whole data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import model_validator
from typing_extensions import Self

from fluentml.component import Component
from fluentml.components import _sources
from fluentml.components._features import Features
from fluentml.components._user_code import UserCode
from fluentml.components.resolver import PreviousAnalyzerCache
from fluentml.live import LiveObject
from fluentml.spec import Input, Proto, proto_of, thaw

ANALYZED = ("train",)
STATISTICS = (
    "pre_transform_schema",
    "pre_transform_stats",
    "post_transform_schema",
    "post_transform_stats",
    "post_transform_anomalies",
)


class Transform(UserCode):
    """Run `preprocessing_fn(inputs)` over the examples; keep it as a graph for serving.

    Attributes:
        splits_to_analyze: Splits over which means, vocabularies and the like are computed.
        splits_to_transform: Splits to transform; None, every one.
        analyzer_cache: Whether to take over from the last run what was computed over the same
            examples, an analyzer at a time. None, as TFX: what was computed is kept, and not read;
            False does not keep it either.
        disable_statistics: Whether to leave out the statistics before and after.
        stats_options_updater_fn: Import path of the function that changes the options of these
            statistics; in a module file it is the function of that name.
        splits_config: TFX's `transform_pb2.SplitsConfig`, instead of the two kinds of splits.
        features: What the module was written by, where features were declared.
    """

    VERB: ClassVar[str] = "preprocess"
    FUNCTION: ClassVar[str] = "preprocessing_fn"
    LOWERED_TO: ClassVar[str] = "Transform; with `analyzer_cache` a Resolver"
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

    splits_to_analyze: tuple[str, ...] = ANALYZED
    splits_to_transform: tuple[str, ...] | None = None
    analyzer_cache: bool | None = None
    disable_statistics: bool = False
    stats_options_updater_fn: str | None = None
    splits_config: Annotated[Proto | None, proto_of("tfx.components.transform.SplitsConfig")] = None
    features: Features | None = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
        plain = self.splits_to_analyze != ANALYZED or self.splits_to_transform is not None
        if self.splits_config and plain:
            raise ValueError(
                "takes splits_to_analyze= and splits_to_transform=, or the proto splits_config=, "
                "not both"
            )
        if not self.splits_to_analyze:
            raise ValueError("needs a split in splits_to_analyze=")
        if plain and self.splits_to_transform is None:
            raise ValueError(
                "has splits_to_analyze= and would transform no split; name those too: "
                f"splits_to_transform={[*self.splits_to_analyze]}"
            )
        if self.stats_options_updater_fn and self.module_is_file:
            raise ValueError(
                "takes stats_options_updater_fn= with an import path; in a module file TFX finds "
                "the function by that name"
            )
        if self.stats_options_updater_fn and self.disable_statistics:
            raise ValueError("has stats_options_updater_fn= and disable_statistics=True")
        if self.analyzer_cache is not None and "analyzer_cache" in self.inputs:
            raise ValueError("takes analyzer_cache= or inputs={'analyzer_cache': …}, not both")
        return self

    @property
    def analyzed(self) -> tuple[str, ...]:
        """The splits that are analyzed, also where a proto names them."""
        if not self.splits_config:
            return self.splits_to_analyze
        return tuple(json.loads(self.splits_config.text).get("analyze", ()))

    @property
    def transformed(self) -> tuple[str, ...] | None:
        """The splits that are transformed, also where a proto names them; None, every one."""
        if not self.splits_config:
            return self.splits_to_transform
        return tuple(json.loads(self.splits_config.text).get("transform", ()))

    def provides(self) -> Mapping[str, str]:
        """Return the outputs that there are with these parameters."""
        missing = {*STATISTICS} if self.disable_statistics else set()
        if self.analyzer_cache is False:
            missing.add("updated_analyzer_cache")
        return {key: kind for key, kind in self.OUTPUTS.items() if key not in missing}

    def calls(self) -> Iterator[str | LiveObject]:
        """Yield the function that changes the options of the statistics too."""
        yield from super().calls()
        if self.stats_options_updater_fn:
            yield self.stats_options_updater_fn

    def companions(self) -> Mapping[str, Component]:
        """Return what finds the cache of the last run."""
        if not self.analyzer_cache:
            return {}
        cache = PreviousAnalyzerCache(
            id=f"{self.id}_previous_cache",
            writer=self.id,
            module=self.module,
            custom_config=self.custom_config,
        )
        return {"analyzer_cache": cache}

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Transform."""
        from tfx.components.transform import component

        return component.Transform(
            **inputs,
            **self.module_arguments(),
            splits_config=self._splits(),
            disable_analyzer_cache=self.analyzer_cache is False,
            disable_statistics=self.disable_statistics,
            stats_options_updater_fn=self.stats_options_updater_fn,
            custom_config=thaw(self.custom_config),
        )

    def _splits(self) -> Any:
        if self.splits_config:
            return self.splits_config.message()
        if self.splits_to_transform is None:
            return None
        from tfx.proto import transform_pb2

        return transform_pb2.SplitsConfig(
            analyze=self.splits_to_analyze, transform=self.splits_to_transform
        )
