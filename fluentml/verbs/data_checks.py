"""What the data are like, and whether that is well."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from typing_extensions import Self, Unpack

from fluentml import components as kinds
from fluentml.component import Component
from fluentml.sources import PathLike
from fluentml.verbs._base import Chain, Step


class DataChecks(Chain):
    """Verbs that look at the data."""

    def generate_statistics(
        self,
        *,
        examples: Component | None = None,
        sample_rate: float | None = None,
        slices: Sequence[str | Sequence[str]] = (),
        stats_options: Any = None,
        exclude_splits: Sequence[str] = (),
        **step: Unpack[Step],
    ) -> Self:
        """Compute statistics of the raw examples, typed by the imported schema if there is one.

        Args:
            examples: Other data than the chain's, `fluentml.from_csv("serving/")`; with an `id=`,
                since default wiring means the chain's own.
            sample_rate: The share of the examples to look at, above 0 and at most 1; None looks at
                all. TFDV draws whole batches at random, so it is true only of large data.
            slices: Features by whose values there are statistics of their own, beside those of the
                whole: `["company", ("company", "payment_type")]`.
            stats_options: TFDV's `StatsOptions`, instead of the two; one that goes to JSON.
            exclude_splits: Splits to leave out.
            **step: See `Step`.
        """
        return self._add(
            kinds.StatisticsGen,
            examples=examples,
            sample_rate=sample_rate,
            slices=slices,
            stats_options=stats_options,
            exclude_splits=exclude_splits,
            **step,
        )

    def infer_schema(
        self,
        *,
        infer_feature_shape: bool = True,
        exclude_splits: Sequence[str] = (),
        **step: Unpack[Step],
    ) -> Self:
        """Infer a schema from the statistics.

        Args:
            infer_feature_shape: Whether features present in every example get a fixed shape; if
                not, `preprocessing_fn` sees sparse tensors.
            exclude_splits: Splits to leave out.
            **step: See `Step`.
        """
        return self._add(
            kinds.SchemaGen,
            infer_feature_shape=infer_feature_shape,
            exclude_splits=exclude_splits,
            **step,
        )

    def with_imported_schema(self, schema_file: PathLike, **step: Unpack[Step]) -> Self:
        """Take a curated schema; every step that reads a schema prefers it to the inferred one.

        Args:
            schema_file: A schema as text proto, usually `schema.pbtxt`; or the folder with that
                file, such as `"artifacts/taxi/SchemaGen/schema/3"`.
            **step: See `Step`.
        """
        return self._add(kinds.ImportSchemaGen, schema_file=schema_file, **step)

    def curate_schema(
        self,
        module: PathLike | Callable[..., Any] = "",
        *,
        required: Sequence[str] = (),
        optional: Sequence[str] = (),
        domains: Mapping[str, Sequence[str] | tuple[float | None, float | None]] | None = None,
        label: str | None = None,
        custom_config: Mapping[str, Any] | None = None,
        **step: Unpack[Step],
    ) -> Self:
        """Edit the inferred or imported schema; every step that reads a schema prefers this one.

        Args:
            module: The function `schema_fn(schema)` for any other change, a Python file that
                defines it, or its import path. It gets a `schema_pb2.Schema` with the edits below,
                and returns one.
            required: Features that every example has.
            optional: Features that an example may lack; `preprocessing_fn` sees sparse tensors.
            domains: By feature, the values of text, or the least and the greatest of numbers, both
                included: `{"payment_type": ["Cash", "Credit Card"], "fare": (0, None)}`.
            label: The feature that serving does not see: absent in the environment `"SERVING"`.
            custom_config: Plain values for a second parameter, `schema_fn(schema, custom_config)`.
            **step: See `Step`.

        Raises:
            DefinitionError: Nothing to change, or a domain that is none.
        """
        return self._add(
            kinds.SchemaCuration,
            module=self._module(kinds.SchemaCuration, module),
            required=required,
            optional=optional,
            domains=domains or {},
            label=label,
            custom_config=custom_config,
            **step,
        )

    def validate_input_data(
        self,
        *,
        drift: Mapping[str, float] | None = None,
        against: PathLike = "previous_run",
        skew: Mapping[str, float] | None = None,
        serving_split: str = "eval",
        environment: str | None = None,
        fail_on: Literal["anomalies", "drift"] | None = None,
        exclude_splits: Sequence[str] = (),
        **step: Unpack[Step],
    ) -> Self:
        """Look for anomalies: what the statistics say against what the schema allows.

        With `drift` or `skew` it also compares them with other statistics, split by split. Text
        and categories are measured by the L-infinity distance, the greatest change of one value's
        share; numbers by the approximate Jensen-Shannon divergence (base 2). Both go from 0
        (alike) to 1. The result of a run and its summary show what was measured.

        Args:
            drift: The greatest distance that is no anomaly, by feature: `{"fare": 0.1}`.
            against: What `drift` is measured from: `"previous_run"`, the statistics that this step
                let pass last, of which a first run has none; or the folder of an
                ExampleStatistics artifact, `"artifacts/taxi/StatisticsGen/statistics/3"`.
            skew: The greatest distance to the data that stand for serving, by feature. Those are
                the split `serving_split`, or, with `inputs={"serving_statistics": "Node.output"}`,
                the statistics of another source.
            serving_split: The split that stands for serving; of another source, its only split
                where it has one.
            environment: Which of the schema's environments the data are of: in `"SERVING"` the
                label of `curate_schema(label=…)` may be absent.
            fail_on: What stops the pipeline, with the list of anomalies as its error: any, or
                only those of drift and skew; None lets everything pass.
            exclude_splits: Splits to leave out.
            **step: See `Step`.

        Raises:
            DefinitionError: A threshold that no distance can reach, or nothing to measure.

        The measures are TensorFlow Data Validation's, described in its guide
        (https://www.tensorflow.org/tfx/guide/tfdv) under skew and drift detection.
        """
        return self._add(
            kinds.ExampleValidator,
            drift=drift or {},
            against=against,
            skew=skew or {},
            serving_split=serving_split,
            environment=environment,
            fail_on=fail_on,
            exclude_splits=exclude_splits,
            **step,
        )

    def compare_examples(
        self,
        against: Component | None = None,
        *,
        identifiers: Sequence[str] = (),
        ignore: Sequence[str] = (),
        float_digits: int | None = None,
        samples: int = 10,
        duplicates: bool = False,
        confusion: Sequence[str] = (),
        split_pairs: Sequence[tuple[str, str]] = (),
        config: Any = None,
        **step: Unpack[Step],
    ) -> Self:
        """Compare examples, feature by feature, with other data's that have the same identifiers.

        So training-serving skew shows: the same trip, once as it was logged and once as training
        sees it. The result of a run and its summary count the pairs and what differs in them.

        Args:
            against: The other data: `fluentml.from_csv("serving/")`; or name a channel,
                `inputs={"baseline_examples": "Node.output"}`; or two splits of the chain's own.
            identifiers: Features that together tell which two examples are the same one.
            ignore: Features that are not compared.
            float_digits: Digits after the point to which numbers are rounded first; None compares
                them as they are. (With TFX's proto, leaving it out rounds to whole numbers.)
            samples: How many of the pairs that differ to keep, drawn at random.
            duplicates: Whether examples that share their identifiers are compared too, each with
                each; else they are left out.
            confusion: Text features of which each pair of values, here and there, is counted.
            split_pairs: What to compare, `[("train", "serving")]`: the split of the examples, then
                the one of the other data. Default: each with each.
            config: TFX's `example_diff_pb2.ExampleDiffConfig`, instead of the plain values.
            **step: See `Step`.

        Raises:
            DefinitionError: Nothing to compare with, or no identifiers.
        """
        return self._add(
            kinds.ExampleDiff,
            examples=against,
            identifiers=identifiers,
            ignore=ignore,
            float_digits=float_digits,
            samples=samples,
            duplicates=duplicates,
            confusion=confusion,
            split_pairs=split_pairs,
            config=config,
            **step,
        )

    def compare_statistics(
        self,
        against: Component | PathLike | None = None,
        *,
        thresholds: Mapping[str, float] | None = None,
        num_examples: tuple[float | None, float | None] = (None, None),
        split_pairs: Sequence[tuple[str, str]] = (),
        fail_on: Literal["anomalies"] | None = None,
        config: Any = None,
        **step: Unpack[Step],
    ) -> Self:
        """Compare the statistics with others; features that lie too far apart are anomalies.

        It needs no schema. The distances are those of `validate_input_data`: L-infinity for text,
        the approximate Jensen-Shannon divergence for numbers, both from 0 (alike) to 1.

        Args:
            against: The other data, `fluentml.from_csv("serving/")`; or the folder of an
                ExampleStatistics artifact; or `"previous_run"`, the statistics that this step let
                pass last, of which a first run has none. Or name a channel,
                `inputs={"baseline_statistics": "Node.output"}`, or two splits of the chain's own.
            thresholds: The greatest distance that is no anomaly, by feature: `{"fare": 0.1}`.
            num_examples: The least and the greatest number of examples, as a multiple of the other
                data's: `(0.5, 2)`; None for no bound.
            split_pairs: What to compare, `[("train", "serving")]`: the split of the data, then the
                one of the other data. Default: the splits of the same name; of other data with one
                split, each with that one.
            fail_on: `"anomalies"` stops the pipeline where there are any; None lets them pass.
            config: TFX's `distribution_validator_pb2.DistributionValidatorConfig`, instead of the
                plain values; its measures are taken as they are.
            **step: See `Step`.

        Raises:
            DefinitionError: Nothing to compare with, or a threshold that no distance can reach.
        """
        return self._add(
            kinds.DistributionValidator,
            against=against,
            thresholds=thresholds or {},
            num_examples=num_examples,
            split_pairs=split_pairs,
            fail_on=fail_on,
            config=config,
            **step,
        )
