"""ExampleValidator: anomalies of the data against the schema, and against other data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import model_validator
from typing_extensions import Self

from fluentml.component import Component
from fluentml.components import _sources
from fluentml.components._distances import PREVIOUS_RUN, Distances
from fluentml.components.importer import ImportedStatistics
from fluentml.components.resolver import PreviousStatistics
from fluentml.errors import DefinitionError
from fluentml.spec import FrozenDict, Input, PathText


class ExampleValidator(Component):
    """Look for anomalies: what the statistics say against what the schema allows.

    With `drift`, `skew`, `environment` or `fail_on` this is a component of ours, which writes TFX's
    artifact.

    Attributes:
        drift: The greatest distance to the statistics that `against` names, by feature. Text and
            categories are measured by the L-infinity distance (the greatest change of one value's
            share), numbers by the Jensen-Shannon divergence.
        against: `"previous_run"`, the statistics that this step let pass last, or the folder of
            an ExampleStatistics artifact.
        skew: The greatest distance to the data that stand for serving, by feature.
        serving_split: The split that stands for serving, unless the input `serving_statistics`
            brings other data; of those, it is this split where they have it.
        environment: Which of the schema's environments the data are of, such as "SERVING", where a
            label may be absent.
        fail_on: What stops the pipeline: any anomaly, or only those of drift and skew.
        exclude_splits: Splits to leave out.
    """

    VERB: ClassVar[str] = "validate_input_data"
    LOWERED_TO: ClassVar[str] = (
        "ExampleValidator; ours for drift (with a Resolver), skew, `environment` or `fail_on`"
    )
    INPUTS: ClassVar[Mapping[str, Input]] = {
        "statistics": Input(type="ExampleStatistics", sources=_sources.STATISTICS),
        "schema": Input(type="Schema", sources=_sources.SCHEMA),
        "previous_statistics": Input(type="ExampleStatistics", optional=True),
        "serving_statistics": Input(type="ExampleStatistics", optional=True),
    }
    OUTPUTS: ClassVar[Mapping[str, str]] = {"anomalies": "ExampleAnomalies"}

    drift: Distances = FrozenDict()
    against: PathText = PREVIOUS_RUN
    skew: Distances = FrozenDict()
    serving_split: str = "eval"
    environment: str | None = None
    fail_on: Literal["anomalies", "drift"] | None = None
    exclude_splits: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.against != PREVIOUS_RUN and not self.drift:
            raise ValueError('has against= and no drift=, for example drift={"fare": 0.1}')
        if self.against != PREVIOUS_RUN and "previous_statistics" in self.inputs:
            raise ValueError("takes against= or inputs={'previous_statistics': …}, not both")
        for parameter, key in (("drift", "previous"), ("skew", "serving")):
            if f"{key}_statistics" in self.inputs and not getattr(self, parameter):
                raise ValueError(f"reads '{key}_statistics' only with {parameter}=")
        if self.fail_on == "drift" and not self.drift and not self.skew:
            raise DefinitionError(
                "validate_input_data() has fail_on='drift' and measures none.",
                hint='say what to measure, drift={"fare": 0.1}, or write fail_on="anomalies".',
            )
        return self

    @property
    def is_stock(self) -> bool:
        """Whether TFX's own component does all that is asked."""
        return not (self.drift or self.skew or self.environment or self.fail_on)

    def companions(self) -> Mapping[str, Component]:
        """Return what finds the statistics to compare with."""
        if not self.drift or "previous_statistics" in self.inputs:
            return {}
        id = f"{self.id}_previous_statistics"
        if self.against == PREVIOUS_RUN:
            return {"previous_statistics": PreviousStatistics(id=id, reader=self.id)}
        return {"previous_statistics": ImportedStatistics(id=id, uri=self.against)}

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's ExampleValidator, or ours where it has to do more."""
        if self.is_stock:
            from tfx.components.example_validator import component

            return component.ExampleValidator(**inputs, exclude_splits=list(self.exclude_splits))
        from fluentml.executors import example_validator

        return example_validator.ExampleValidator(
            **inputs,
            drift=self.drift,
            skew=self.skew,
            serving_split=self.serving_split,
            environment=self.environment or "",
            fail_on=self.fail_on or "",
            exclude_splits=self.exclude_splits,
        )
