"""DistributionValidator: are two data sets distributed alike?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import model_validator
from typing_extensions import Self

from fluentml.component import Component
from fluentml.components import _sources
from fluentml.components._distances import PREVIOUS_RUN, Distances
from fluentml.components._own_data import OwnData
from fluentml.components._split_pairs import SplitPairs, refuse_no_other
from fluentml.components.importer import ImportedStatistics
from fluentml.components.resolver import PreviousStatistics
from fluentml.components.statistics_gen import StatisticsGen
from fluentml.spec import FrozenDict, Input, PathText, Proto, proto_of


class DistributionValidator(OwnData):
    """Compare the statistics with others, and call the features that lie too far apart anomalies.

    With plain values this is TFX's component with an executor of ours, which chooses the measure by
    what the statistics say of a feature.

    Attributes:
        thresholds: The greatest distance that is no anomaly, by feature.
        num_examples: The least and the greatest number of examples, as a multiple of the other
            data's; None for no bound.
        against: `"previous_run"`, the statistics that this step let pass last, or the folder of an
            ExampleStatistics artifact.
        split_pairs: The split of the data and the one of the other data to compare it with.
            Default: the one of the same name; of other data with one split, that one.
        fail_on: Whether anomalies stop the pipeline.
        config: TFX's `distribution_validator_pb2.DistributionValidatorConfig`, instead of the
            plain values.
    """

    VERB: ClassVar[str] = "compare_statistics"
    LOWERED_TO: ClassVar[str] = (
        "an ExampleGen and StatisticsGen, or a Resolver; ours, on TFX's DistributionValidator"
    )
    INPUTS: ClassVar[Mapping[str, Input]] = {
        "statistics": Input(type="ExampleStatistics", sources=_sources.STATISTICS),
        # The run before the first is not there to compare with.
        "baseline_statistics": Input(
            type="ExampleStatistics", sources=_sources.STATISTICS, optional=True
        ),
    }
    OUTPUTS: ClassVar[Mapping[str, str]] = {"anomalies": "ExampleAnomalies"}
    PARAMETER: ClassVar[str] = "against"

    thresholds: Distances = FrozenDict()
    num_examples: tuple[float | None, float | None] = (None, None)
    against: PathText | None = None
    split_pairs: SplitPairs = ()
    fail_on: Literal["anomalies"] | None = None
    config: Annotated[
        Proto | None,
        proto_of("tfx.components.distribution_validator.DistributionValidatorConfig"),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _other_data(cls, values: Any) -> Any:
        """Let `against` be a source of examples too."""
        if isinstance(values, Mapping) and isinstance(values.get("against"), Component):
            return {**values, "against": None, "examples": values["against"]}
        return values

    @model_validator(mode="after")
    def _sound(self) -> Self:
        plain = bool(self.thresholds) or self.num_examples != (None, None)
        if self.config and plain:
            raise ValueError("takes thresholds= and num_examples=, or the proto config=, not both")
        if not self.config and not plain:
            raise ValueError('needs thresholds=, for example thresholds={"fare": 0.1}')
        least, greatest = self.num_examples
        if (least or 0) < 0 or (greatest is not None and greatest < max(least or 0, 0)):
            raise ValueError(
                f"has num_examples={self.num_examples!r}; it is (least, greatest), each a multiple "
                "of the other data's number, or None"
            )
        if not (self.examples or self.against):
            refuse_no_other(self.VERB, "statistics", self.split_pairs, self.inputs)
        elif "baseline_statistics" in self.inputs:
            raise ValueError("takes other data or inputs={'baseline_statistics': …}, not both")
        return self

    def companions(self) -> Mapping[str, Component]:
        """Return what finds or makes the statistics to compare with."""
        id = f"{self.id}_statistics"
        if self.examples:
            return {"baseline_statistics": StatisticsGen(id=id, examples=self.examples)}
        if self.against == PREVIOUS_RUN:
            return {"baseline_statistics": PreviousStatistics(id=id, reader=self.id)}
        if self.against:
            return {"baseline_statistics": ImportedStatistics(id=id, uri=self.against)}
        return {}

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's DistributionValidator with the executor of ours."""
        from fluentml.executors import distribution_validator

        return distribution_validator.DistributionValidator(
            **inputs,
            config=self.config.message() if self.config else self._plain_config(),
            choose_measure=not self.config,
            include_split_pairs=[*self.split_pairs],
            fail_on=self.fail_on or "",
        )

    def _plain_config(self) -> Any:
        """Return TFX's config with both measures for each feature; the executor takes one."""
        from tfx.proto import distribution_validator_pb2 as pb

        config = pb.DistributionValidatorConfig()
        whole = config.default_slice_config
        for name, threshold in self.thresholds.items():
            feature = whole.feature.add()
            feature.path.step.append(name)
            feature.distribution_comparator.infinity_norm.threshold = threshold
            feature.distribution_comparator.jensen_shannon_divergence.threshold = threshold
        least, greatest = self.num_examples
        if least is not None:
            whole.num_examples_comparator.min_fraction_threshold = least
        if greatest is not None:
            whole.num_examples_comparator.max_fraction_threshold = greatest
        return config
