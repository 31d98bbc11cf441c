"""StatisticsGen: statistics of every split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, model_validator
from typing_extensions import Self

from fluentml.components import _sources
from fluentml.components._own_data import OwnData
from fluentml.components._slices import Slices
from fluentml.spec import Input


def _share(value: float) -> float:
    if not 0 < value <= 1:
        raise ValueError(f"is {value:g}; it is a share of the examples, above 0 and at most 1")
    return value


def _as_json(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if not hasattr(value, "to_json"):
        raise ValueError(f"takes a tfdv.StatsOptions, not {type(value).__name__}")
    return value.to_json()


class StatisticsGen(OwnData):
    """Compute the statistics of the raw examples, typed by the imported schema where one is given.

    Attributes:
        sample_rate: The share of the examples to look at, above 0 and at most 1. TFDV draws whole
            batches at random, so it is true only of large data. Default: all.
        slices: Features to slice by; a tuple slices by several at once. The whole is always there.
        stats_options: TFDV's `StatsOptions`, instead of the plain values; kept as its JSON.
        exclude_splits: Splits to leave out.
    """

    VERB: ClassVar[str] = "generate_statistics"
    LOWERED_TO: ClassVar[str] = "StatisticsGen; with `examples` an ExampleGen"
    INPUTS: ClassVar[Mapping[str, Input]] = {
        "examples": Input(type="Examples", sources=_sources.RAW_EXAMPLES),
        "schema": Input(type="Schema", sources=("ImportSchemaGen.schema",), optional=True),
    }
    OUTPUTS: ClassVar[Mapping[str, str]] = {"statistics": "ExampleStatistics"}

    sample_rate: Annotated[float, AfterValidator(_share)] | None = None
    slices: Slices = ()
    stats_options: Annotated[str | None, BeforeValidator(_as_json)] = None
    exclude_splits: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _plain_or_options(self) -> Self:
        if self.stats_options and (self.sample_rate or self.slices):
            raise ValueError("takes sample_rate= and slices=, or stats_options=, not both")
        if self.examples and "examples" in self.inputs:
            raise ValueError("takes examples= or inputs={'examples': …}, not both")
        if self.examples and self.is_primary:
            raise ValueError(
                "has examples= and needs an id= of its own: without, other steps take these for "
                "the chain's own statistics"
            )
        return self

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's StatisticsGen."""
        from tfx.components.statistics_gen import component

        return component.StatisticsGen(
            **inputs,
            stats_options=self._options(),
            exclude_splits=list(self.exclude_splits),
        )

    def _options(self) -> Any:
        if not (self.stats_options or self.sample_rate or self.slices):
            return None
        from tensorflow_data_validation.statistics.stats_options import StatsOptions
        from tfx_bsl.public.proto import slicing_spec_pb2 as pb

        if self.stats_options:
            return StatsOptions.from_json(self.stats_options)
        specs = [pb.SlicingSpec(feature_keys=features) for features in self.slices]
        config = pb.SlicingConfig(slicing_specs=specs) if specs else None
        return StatsOptions(sample_rate=self.sample_rate, slicing_config=config)
