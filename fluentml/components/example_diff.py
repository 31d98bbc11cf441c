"""ExampleDiff: do two data sets say the same of the same example?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator
from typing_extensions import Self

from fluentml.components import _sources
from fluentml.components._own_data import OwnData
from fluentml.components._split_pairs import SplitPairs, refuse_no_other
from fluentml.spec import Input, Proto, proto_of

EXACT = 324
"""More digits than Python rounds to: TFX has no other word for "do not round", and rounds to 0."""


class ExampleDiff(OwnData):
    """Compare examples, feature by feature, with other data's that have the same identifiers.

    Attributes:
        identifiers: Features that together tell which example of the other data is the same one.
        ignore: Features that are not compared.
        float_digits: Digits after the point to which numbers are rounded first, 0 or more; None
            compares them as they are.
        samples: How many of the pairs that differ to keep, drawn at random.
        duplicates: Whether examples that share their identifiers are compared too, each with each,
            rather than left out.
        confusion: Text features for which the pairs of values are counted.
        split_pairs: The split of the examples and the one of the other data to compare it with.
            Default: each with each.
        config: TFX's `example_diff_pb2.ExampleDiffConfig`, instead of the plain values.
    """

    VERB: ClassVar[str] = "compare_examples"
    LOWERED_TO: ClassVar[str] = "an ExampleGen, ExampleDiff"
    INPUTS: ClassVar[Mapping[str, Input]] = {
        "examples": Input(type="Examples", sources=_sources.RAW_EXAMPLES),
        "baseline_examples": Input(type="Examples", sources=_sources.RAW_EXAMPLES),
    }
    OUTPUTS: ClassVar[Mapping[str, str]] = {"example_diff_result": "ExamplesDiff"}
    PARAMETER: ClassVar[str] = "against"
    FEEDS: ClassVar[str] = "baseline_examples"

    identifiers: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    float_digits: Annotated[int, Field(ge=0)] | None = None
    samples: Annotated[int, Field(ge=0)] = 10
    duplicates: bool = False
    confusion: tuple[str, ...] = ()
    split_pairs: SplitPairs = ()
    config: Annotated[Proto | None, proto_of("tfx.components.example_diff.ExampleDiffConfig")] = (
        None
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        plain = (self.identifiers, self.ignore, self.duplicates, self.confusion)
        if self.config and (any(plain) or self.float_digits is not None or self.samples != 10):
            raise ValueError("takes identifiers=, ignore=, … or the proto config=, not both")
        if not self.config and not self.identifiers:
            raise ValueError(
                "needs identifiers=, the features that tell which two examples are the same one, "
                'for example identifiers=["trip_id"]'
            )
        if self.examples and "baseline_examples" in self.inputs:
            raise ValueError("takes other data or inputs={'baseline_examples': …}, not both")
        if not self.examples:
            refuse_no_other(self.VERB, "examples", self.split_pairs, self.inputs)
        return self

    @property
    def identified_by(self) -> tuple[str, ...]:
        """The identifiers, also where a proto names them."""
        if not self.config:
            return self.identifiers
        return tuple(self.config.message().paired_example_skew.identifier_features)

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's ExampleDiff."""
        from tfx.components.example_diff import component

        return component.ExampleDiff(
            examples_test=inputs["examples"],
            examples_base=inputs["baseline_examples"],
            config=self.config.message() if self.config else self._plain_config(),
            include_split_pairs=[*self.split_pairs] or None,
        )

    def _plain_config(self) -> Any:
        from tfx.proto import example_diff_pb2 as pb

        kind = pb.PairedExampleSkew.ConfusionConfig
        return pb.ExampleDiffConfig(
            paired_example_skew=pb.PairedExampleSkew(
                identifier_features=self.identifiers,
                ignore_features=self.ignore,
                float_round_ndigits=EXACT if self.float_digits is None else self.float_digits,
                skew_sample_size=self.samples,
                allow_duplicate_identifiers=self.duplicates,
                confusion_config=[kind(feature_name=name) for name in self.confusion],
            )
        )
