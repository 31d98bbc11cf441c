"""What the data are like, and whether that is well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from typing_extensions import Self, Unpack

from fluentml import components as kinds
from fluentml.sources import PathLike
from fluentml.verbs._base import Chain, Step


class DataChecks(Chain):
    """Verbs that look at the data."""

    def generate_statistics(
        self,
        *,
        sample_rate: float | None = None,
        slices: Sequence[str | Sequence[str]] = (),
        stats_options: Any = None,
        exclude_splits: Sequence[str] = (),
        **step: Unpack[Step],
    ) -> Self:
        """Compute statistics of the raw examples, typed by the imported schema if there is one.

        Args:
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
        module: PathLike = "",
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
            module: A Python file that defines `schema_fn(schema)`, or the function's import path,
                for any other change: it gets a `schema_pb2.Schema` with the edits below, and
                returns one.
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
            module=module,
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
