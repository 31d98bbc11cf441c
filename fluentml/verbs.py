"""The verbs of the chain: every one is a signature, a docstring and one `add`."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from typing_extensions import Self

from fluentml import components as kinds
from fluentml import frames
from fluentml.errors import DefinitionError
from fluentml.graph import Settings
from fluentml.sources import PathLike, Span, Split
from fluentml.spec import Channel, Component
from fluentml.words import in_words_of, make

Inputs: TypeAlias = Mapping[str, str | Channel]


class Verbs(ABC):
    """What can be said of a pipeline; a `PipelineDef` is the chain of what was said."""

    settings: Settings

    @abstractmethod
    def add(self, component: Component) -> Self:
        """Return the chain with this step added."""

    @abstractmethod
    def _with(self, verb: str, **changes: Any) -> Self:
        """Return the chain with these settings changed, which `verb` asked for."""

    def _add(
        self, kind: type[Component], *, inputs: Inputs | None = None, **parameters: Any
    ) -> Self:
        return self.add(make(kind, inputs=inputs or {}, **parameters))

    # -- data in ----------------------------------------------------------------------------------

    def from_csv(
        self,
        path: PathLike,
        *,
        split: Split | None = None,
        pattern: str | None = None,
        span: Span = "latest",
        partition_on: str | None = None,
        input_config: Any = None,
        output_config: Any = None,
        id: str | None = None,
    ) -> Self:
        """Read CSV files that share one header.

        Args:
            path: Folder with the files.
            split: Hash buckets by split, default `{"train": 2, "eval": 1}` (two thirds, one
                third), or the files of each split: `{"train": "train*.csv", "eval": "eval*.csv"}`.
            pattern: The files to read, default every file. `{SPAN}`, or `{YYYY}`, `{MM}` and
                `{DD}`, in it, or in the patterns of `split`, tell the span of a file, and
                `{VERSION}` a version of it: `"{YYYY}-{MM}-{DD}/*.csv"`, `"span-{SPAN:2}/*"` (two
                digits).
            span: The span to read: `"latest"`, a number, or a date; always in its latest version.
            partition_on: Column by whose value the hash buckets are dealt, so that the rows of one
                user stay in one split; whole numbers or text. Default: by the whole row.
            input_config: TFX's `example_gen_pb2.Input`, instead of `split`.
            output_config: TFX's `example_gen_pb2.Output`, instead of `split`.
            id: Name of the node; needed for a second step of the kind.
        """
        return self._add(
            kinds.CsvExampleGen,
            path=path,
            split=split,
            pattern=pattern,
            span=span,
            partition_on=partition_on,
            input_config=input_config,
            output_config=output_config,
            id=id,
        )

    def from_tfrecord(
        self,
        path: PathLike,
        *,
        split: Split | None = None,
        pattern: str | None = None,
        span: Span = "latest",
        partition_on: str | None = None,
        input_config: Any = None,
        output_config: Any = None,
        id: str | None = None,
    ) -> Self:
        """Read TFRecord files of serialized tf.Examples, GZIP or not.

        Args:
            path: Folder with the files.
            split: As in `from_csv`; `pattern`, `span` and `partition_on` too.
            pattern: The files to read.
            span: The span to read.
            partition_on: Feature by whose value the hash buckets are dealt.
            input_config: TFX's `example_gen_pb2.Input`, instead of `split`.
            output_config: TFX's `example_gen_pb2.Output`, instead of `split`.
            id: Name of the node; needed for a second step of the kind.
        """
        return self._add(
            kinds.ImportExampleGen,
            path=path,
            split=split,
            pattern=pattern,
            span=span,
            partition_on=partition_on,
            input_config=input_config,
            output_config=output_config,
            id=id,
        )

    def from_parquet(
        self,
        path: PathLike,
        *,
        split: Split | None = None,
        pattern: str | None = None,
        span: Span = "latest",
        partition_on: str | None = None,
        input_config: Any = None,
        output_config: Any = None,
        id: str | None = None,
    ) -> Self:
        """Read Parquet files: a feature per column, of several values where it holds lists.

        Whole numbers and booleans become int64 features, floats and decimals float features, text,
        bytes, dates and times (as ISO 8601) bytes features.

        Args:
            path: Folder with the files.
            split: As in `from_csv`; `pattern`, `span` and `partition_on` too.
            pattern: The files to read.
            span: The span to read.
            partition_on: Feature by whose value the hash buckets are dealt.
            input_config: TFX's `example_gen_pb2.Input`, instead of `split`.
            output_config: TFX's `example_gen_pb2.Output`, instead of `split`.
            id: Name of the node; needed for a second step of the kind.
        """
        return self._add(
            kinds.ParquetExampleGen,
            path=path,
            split=split,
            pattern=pattern,
            span=span,
            partition_on=partition_on,
            input_config=input_config,
            output_config=output_config,
            id=id,
        )

    def from_avro(
        self,
        path: PathLike,
        *,
        split: Split | None = None,
        pattern: str | None = None,
        span: Span = "latest",
        partition_on: str | None = None,
        input_config: Any = None,
        output_config: Any = None,
        id: str | None = None,
    ) -> Self:
        """Read Avro files: a feature per field, typed as in `from_parquet`.

        Args:
            path: Folder with the files.
            split: As in `from_csv`; `pattern`, `span` and `partition_on` too.
            pattern: The files to read.
            span: The span to read.
            partition_on: Feature by whose value the hash buckets are dealt.
            input_config: TFX's `example_gen_pb2.Input`, instead of `split`.
            output_config: TFX's `example_gen_pb2.Output`, instead of `split`.
            id: Name of the node; needed for a second step of the kind.
        """
        return self._add(
            kinds.AvroExampleGen,
            path=path,
            split=split,
            pattern=pattern,
            span=span,
            partition_on=partition_on,
            input_config=input_config,
            output_config=output_config,
            id=id,
        )

    def from_dataframe(
        self,
        frame: Any,
        *,
        split: Mapping[str, int] | None = None,
        partition_on: str | None = None,
        id: str | None = None,
    ) -> Self:
        """Read a data frame, such as one in a notebook.

        The call writes it as a Parquet file to `{root}/{name}/_frames`, named by its content: what
        happens to the frame afterwards changes nothing, and the same content is the same step.

        Args:
            frame: A pandas DataFrame or a pyarrow Table. Missing values stay missing; pandas' index
                is left out, and `reset_index()` makes columns of it.
            split: Hash buckets by split, default `{"train": 2, "eval": 1}`.
            partition_on: As in `from_csv`.
            id: Name of the node; needed for a second step of the kind.

        Raises:
            DefinitionError: The frame is empty, or holds what Parquet cannot.
        """
        folder = f"{self.settings.root.rstrip('/')}/{self.settings.name}/_frames"
        return self._add(
            kinds.DataFrameExampleGen,
            path=folder,
            pattern=frames.keep(frame, folder),
            split=split,
            partition_on=partition_on,
            id=id,
        )

    def from_sql(
        self,
        url: str,
        query: str,
        *,
        split: Mapping[str, int] | None = None,
        partition_on: str | None = None,
        id: str | None = None,
    ) -> Self:
        """Read the rows of a query: SQLite, PostgreSQL, MariaDB, or what else SQLAlchemy knows.

        Columns become features as in `from_parquet`; one that holds whole numbers and fractions is
        of floats, one that holds numbers and text of text. With `cache()` the query runs again only
        once it changes: TFX cannot see whether the tables did.

        Args:
            url: SQLAlchemy's URL: `"sqlite:///trips.db"`,
                `"postgresql://user:${DB_PASSWORD}@host/database"`. `${NAME}` is an environment
                variable, read where the step runs and kept nowhere.
            query: A SELECT, in the database's own SQL.
            split: Hash buckets by split, default `{"train": 2, "eval": 1}`.
            partition_on: As in `from_csv`.
            id: Name of the node; needed for a second step of the kind.

        Raises:
            DefinitionError: The URL holds a password.
        """
        return self._add(
            kinds.SqlExampleGen,
            url=url,
            query=query,
            split=split,
            partition_on=partition_on,
            id=id,
        )

    def from_custom_example_gen(
        self,
        component: Any | Callable[..., Any],
        *,
        inputs: Inputs | None = None,
        id: str | None = None,
    ) -> Self:
        """Take the examples of any TFX component, which plays ExampleGen for the whole chain.

        Args:
            component: A TFX component with the output `examples`, or a function that returns one
                when the pipeline is lowered, as in `add_component`.
            inputs: Channels for the function's parameters, if it has any.
            id: Name of the node; default: the function's name.
        """
        with in_words_of("from_custom_example_gen", {"inputs": inputs, "id": id}):
            return self.add(kinds.CustomExampleGen.of(component, id, inputs or {}))

    # -- data checks ------------------------------------------------------------------------------

    def generate_statistics(
        self,
        *,
        sample_rate: float | None = None,
        slices: Sequence[str | Sequence[str]] = (),
        stats_options: Any = None,
        exclude_splits: Sequence[str] = (),
        inputs: Inputs | None = None,
        id: str | None = None,
    ) -> Self:
        """Compute statistics of the raw examples, typed by the imported schema if there is one.

        Args:
            sample_rate: The share of the examples to look at, above 0 and at most 1; None looks at
                all. TFDV draws whole batches at random, so it is true only of large data.
            slices: Features by whose values there are statistics of their own, beside those of the
                whole: `["company", ("company", "payment_type")]`.
            stats_options: TFDV's `StatsOptions`, instead of the two; one that goes to JSON.
            exclude_splits: Splits to leave out.
            inputs: Channels that beat the default wiring: `{"examples": "Node.output"}`.
            id: Name of the node; needed for a second step of the kind.
        """
        return self._add(
            kinds.StatisticsGen,
            sample_rate=sample_rate,
            slices=slices,
            stats_options=stats_options,
            exclude_splits=exclude_splits,
            inputs=inputs,
            id=id,
        )

    def infer_schema(
        self,
        *,
        infer_feature_shape: bool = True,
        exclude_splits: Sequence[str] = (),
        inputs: Inputs | None = None,
        id: str | None = None,
    ) -> Self:
        """Infer a schema from the statistics.

        Args:
            infer_feature_shape: Whether features present in every example get a fixed shape; if
                not, `preprocessing_fn` sees sparse tensors.
            exclude_splits: Splits to leave out.
            inputs: Channels that beat the default wiring.
            id: Name of the node; needed for a second step of the kind.
        """
        return self._add(
            kinds.SchemaGen,
            infer_feature_shape=infer_feature_shape,
            exclude_splits=exclude_splits,
            inputs=inputs,
            id=id,
        )

    def with_imported_schema(self, schema_file: PathLike, *, id: str | None = None) -> Self:
        """Take a curated schema; every step that reads a schema prefers it to the inferred one.

        Args:
            schema_file: A schema as text proto, usually `schema.pbtxt`.
            id: Name of the node; needed for a second step of the kind.
        """
        return self._add(kinds.ImportSchemaGen, schema_file=schema_file, id=id)

    def curate_schema(
        self,
        module: PathLike = "",
        *,
        required: Sequence[str] = (),
        optional: Sequence[str] = (),
        domains: Mapping[str, Sequence[str] | tuple[float | None, float | None]] | None = None,
        label: str | None = None,
        custom_config: Mapping[str, Any] | None = None,
        inputs: Inputs | None = None,
        id: str | None = None,
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
            inputs: Channels that beat the default wiring.
            id: Name of the node; needed for a second step of the kind.

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
            inputs=inputs,
            id=id,
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
        inputs: Inputs | None = None,
        id: str | None = None,
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
            inputs: Channels that beat the default wiring.
            id: Name of the node; needed for a second step of the kind.

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
            inputs=inputs,
            id=id,
        )

    # -- the model --------------------------------------------------------------------------------

    def preprocess(
        self,
        module: PathLike,
        *,
        custom_config: Mapping[str, Any] | None = None,
        splits_config: Any = None,
        inputs: Inputs | None = None,
        id: str | None = None,
    ) -> Self:
        """Transform the examples by `preprocessing_fn(inputs)`, and keep it as a graph for serving.

        Args:
            module: A Python file that defines `preprocessing_fn`, or the function's import path.
                The function gets a dict of batches: a tf.Tensor of shape [batch] or [batch, n], or
                a tf.SparseTensor, by raw feature; it returns such a dict by transformed feature.
            custom_config: Plain values for a second parameter, `preprocessing_fn(inputs,
                custom_config)`.
            splits_config: TFX's `transform_pb2.SplitsConfig`. Default: analyze `train`, transform
                every split.
            inputs: Channels that beat the default wiring.
            id: Name of the node; needed for a second step of the kind.
        """
        return self._add(
            kinds.Transform,
            module=module,
            custom_config=custom_config,
            splits_config=splits_config,
            inputs=inputs,
            id=id,
        )

    def tune(
        self,
        module: PathLike,
        *,
        train_steps: int | None = None,
        eval_steps: int | None = None,
        train_splits: Sequence[str] = ("train",),
        eval_splits: Sequence[str] = ("eval",),
        custom_config: Mapping[str, Any] | None = None,
        train_args: Any = None,
        eval_args: Any = None,
        tune_args: Any = None,
        inputs: Inputs | None = None,
        id: str | None = None,
    ) -> Self:
        """Search for hyperparameters with the tuner that `tuner_fn(fn_args)` sets up.

        Args:
            module: A Python file that defines `tuner_fn`, or the function's import path.
            train_steps: Batches per trial to train on; None leaves it to the function.
            eval_steps: Batches per trial to evaluate on; None leaves it to the function.
            train_splits: Splits to train on.
            eval_splits: Splits to evaluate on.
            custom_config: Plain values that arrive as `fn_args.custom_config`.
            train_args: TFX's `trainer_pb2.TrainArgs`, instead of the plain values.
            eval_args: TFX's `trainer_pb2.EvalArgs`, instead of the plain values.
            tune_args: TFX's `tuner_pb2.TuneArgs`.
            inputs: Channels that beat the default wiring.
            id: Name of the node; needed for a second step of the kind.
        """
        return self._add(
            kinds.Tuner,
            module=module,
            train_steps=train_steps,
            eval_steps=eval_steps,
            train_splits=train_splits,
            eval_splits=eval_splits,
            custom_config=custom_config,
            train_args=train_args,
            eval_args=eval_args,
            tune_args=tune_args,
            inputs=inputs,
            id=id,
        )

    def with_hyperparameters(self, path: PathLike, *, id: str | None = None) -> Self:
        """Take hyperparameters found earlier; training prefers them to tuned ones.

        Args:
            path: A folder whose one file is `best_hyperparameters.txt`, as the Tuner writes it.
            id: Name of the node; needed for a second step of the kind.
        """
        return self._add(kinds.ImportedHyperparameters, uri=path, id=id)

    def with_base_model(self, path: PathLike, *, id: str | None = None) -> Self:
        """Take a model trained earlier; training and tuning receive it as `fn_args.base_model`.

        Args:
            path: The folder of a Model artifact, with `Format-Serving/` in it.
            id: Name of the node; needed for a second step of the kind.
        """
        return self._add(kinds.ImportedModel, uri=path, id=id)

    def train(
        self,
        module: PathLike,
        *,
        train_steps: int | None = None,
        eval_steps: int | None = None,
        train_splits: Sequence[str] = ("train",),
        eval_splits: Sequence[str] = ("eval",),
        custom_config: Mapping[str, Any] | None = None,
        train_args: Any = None,
        eval_args: Any = None,
        inputs: Inputs | None = None,
        id: str | None = None,
    ) -> Self:
        """Train a model by `run_fn(fn_args)`, which saves it to `fn_args.serving_model_dir`.

        Training reads the transformed examples where the chain has a `preprocess` step, else the
        raw ones; the given hyperparameters if there are any, else the tuned ones.

        Args:
            module: A Python file that defines `run_fn`, or the function's import path.
            train_steps: Batches to train on; None leaves it to the function.
            eval_steps: Batches to evaluate on; None leaves it to the function.
            train_splits: Splits to train on.
            eval_splits: Splits to evaluate on.
            custom_config: Plain values that arrive as `fn_args.custom_config`.
            train_args: TFX's `trainer_pb2.TrainArgs`, instead of the plain values.
            eval_args: TFX's `trainer_pb2.EvalArgs`, instead of the plain values.
            inputs: Channels that beat the default wiring.
            id: Name of the node; needed for a second step of the kind.
        """
        return self._add(
            kinds.Trainer,
            module=module,
            train_steps=train_steps,
            eval_steps=eval_steps,
            train_splits=train_splits,
            eval_splits=eval_splits,
            custom_config=custom_config,
            train_args=train_args,
            eval_args=eval_args,
            inputs=inputs,
            id=id,
        )

    # -- gates and delivery -----------------------------------------------------------------------

    def evaluate_model(
        self,
        label: str | None = None,
        *,
        metrics: Sequence[str] = (),
        thresholds: Mapping[str, float | tuple[Literal[">=", "<="], float]] | None = None,
        slices: Sequence[str | Sequence[str]] = (),
        min_improvement: float | Mapping[str, float] | None = None,
        baseline: PathLike | None = "latest_blessed",
        splits: Sequence[str] = ("eval",),
        preprocessing_function_names: Sequence[str] | None = None,
        eval_config: Any = None,
        inputs: Inputs | None = None,
        id: str | None = None,
    ) -> Self:
        """Compute metrics on raw examples, by slice; bless the model that meets every threshold.

        Args:
            label: The feature to predict: a raw column, or one that `preprocessing_fn` makes.
            metrics: Class names of TFMA or Keras metrics: `["AUC", "BinaryAccuracy"]`.
            thresholds: By metric, the least value where higher is better, and the greatest where
                lower is: `{"AUC": 0.8}`; or with the side given, `{"AUC": (">=", 0.8)}`. They hold
                for the data as a whole; `{"company=Yellow:AUC": 0.7}` holds for a slice.
            slices: Features to slice by: `["trip_start_hour", ("company", "payment_type")]`.
            min_improvement: The least gain over the baseline model, one for all metrics with a
                threshold or by metric; `-1e-6` means "no worse". A first run has no baseline.
            baseline: `"latest_blessed"`, the latest blessed model of this pipeline; or the folder
                of a Model artifact; or None.
            splits: Splits to evaluate on.
            preprocessing_function_names: Signatures of the model that give TFMA the transformed
                features; default `["transform_features"]` where the chain has a `preprocess` step.
            eval_config: TFMA's `EvalConfig`, instead of the plain values.
            inputs: Channels that beat the default wiring.
            id: Name of the node; needed for a second step of the kind.

        Raises:
            DefinitionError: A metric that does not exist, a threshold on one that is not computed.
        """
        return self._add(
            kinds.Evaluator,
            label=label,
            metrics=metrics,
            thresholds=thresholds or {},
            slices=slices,
            min_improvement=min_improvement,
            baseline=baseline,
            splits=splits,
            preprocessing_function_names=preprocessing_function_names,
            eval_config=eval_config,
            inputs=inputs,
            id=id,
        )

    def infra_validate(
        self,
        *,
        signatures: Sequence[str] = ("serving_default",),
        examples: int = 10,
        split: str = "eval",
        requests: int = 50,
        warmup_requests: int = 3,
        max_startup_s: float | None = None,
        max_latency_ms: float | None = None,
        percentile: float = 95,
        max_memory_mb: float | None = None,
        timeout_s: float = 300,
        serving_spec: Any = None,
        request_spec: Any = None,
        validation_spec: Any = None,
        inputs: Inputs | None = None,
        id: str | None = None,
    ) -> Self:
        """Load the model in a fresh process and send it raw examples; bless it if it serves well.

        Every answer must have one row for each example, and finite numbers. A budget of None is
        not held; what was measured stands in the run's result all the same. The process has
        TensorFlow and no network between; so the figures are those of the model itself.

        Args:
            signatures: Signatures that must answer; each takes one batch of serialized tf.Examples.
            examples: How many examples to take from the split.
            split: The split that they come from.
            requests: Requests of one example whose latency is measured, for each signature.
            warmup_requests: Requests before them that are not measured.
            max_startup_s: Most seconds that loading the model may take.
            max_latency_ms: Most milliseconds that an answer may take, at the percentile.
            percentile: Which of the latencies counts, 50 to 100.
            max_memory_mb: Most MB that the process may take at its peak, TensorFlow's own (about
                500) included.
            timeout_s: Seconds after which a process that is still busy is ended and the model
                refused.
            serving_spec: TFX's `infra_validator_pb2.ServingSpec`, instead of the plain values: use
                TensorFlow Serving in Docker or Kubernetes.
            request_spec: TFX's `infra_validator_pb2.RequestSpec`, with `serving_spec`. Default: 3
                examples of `eval`.
            validation_spec: TFX's `infra_validator_pb2.ValidationSpec`, with `serving_spec`.
            inputs: Channels that beat the default wiring.
            id: Name of the node; needed for a second step of the kind.
        """
        return self._add(
            kinds.InfraValidator,
            signatures=signatures,
            examples=examples,
            split=split,
            requests=requests,
            warmup_requests=warmup_requests,
            max_startup_s=max_startup_s,
            max_latency_ms=max_latency_ms,
            percentile=percentile,
            max_memory_mb=max_memory_mb,
            timeout_s=timeout_s,
            serving_spec=serving_spec,
            request_spec=request_spec,
            validation_spec=validation_spec,
            inputs=inputs,
            id=id,
        )

    def push_to(
        self,
        destination: PathLike | None = None,
        *,
        require_push: bool = False,
        push_destination: Any = None,
        inputs: Inputs | None = None,
        id: str | None = None,
    ) -> Self:
        """Copy the model to where it is served, once every blessing that the chain makes is there.

        In a local folder, a run on this machine lets the new version appear all at once, and leaves
        the ones before it.

        Args:
            destination: Folder or URI; each version gets a sub-folder named by the time in seconds,
                as TensorFlow Serving reads it.
            require_push: Whether the run fails where a blessing is missing; else it pushes nothing
                and says why.
            push_destination: TFX's `pusher_pb2.PushDestination`, instead of `destination`.
            inputs: Channels that beat the default wiring.
            id: Name of the node; needed for a second step of the kind.
        """
        return self._add(
            kinds.Pusher,
            destination=destination,
            require_push=require_push,
            push_destination=push_destination,
            inputs=inputs,
            id=id,
        )

    def bulk_infer(
        self,
        data: Component | None = None,
        *,
        data_spec: Any = None,
        model_spec: Any = None,
        output_example_spec: Any = None,
        inputs: Inputs | None = None,
        id: str | None = None,
    ) -> Self:
        """Predict for every example of a data set, once the model is blessed.

        Args:
            data: What to predict for: `fluentml.from_csv("to_predict/")`.
            data_spec: TFX's `bulk_inferrer_pb2.DataSpec`. Default: every split.
            model_spec: TFX's `bulk_inferrer_pb2.ModelSpec`. Default: signature `serving_default`.
            output_example_spec: TFX's `bulk_inferrer_pb2.OutputExampleSpec`: write examples with
                the predictions as features rather than prediction logs.
            inputs: Channels that beat the default wiring.
            id: Name of the node; needed for a second step of the kind.
        """
        return self._add(
            kinds.BulkInferrer,
            data=data,
            data_spec=data_spec,
            model_spec=model_spec,
            output_example_spec=output_example_spec,
            inputs=inputs,
            id=id,
        )

    def add_component(
        self,
        component: Any | Callable[..., Any],
        *,
        inputs: Inputs | None = None,
        id: str | None = None,
    ) -> Self:
        """Add any TFX component, or a function that builds one from channels of this chain.

        Args:
            component: A TFX component; or a function whose parameters name the channels that it
                gets, `def card(model, evaluation): return ModelCard(model=model, …)`, and which
                returns the component. The function is called when the pipeline is lowered.
            inputs: Channels for its parameters, where the name alone does not say which.
            id: Name of the node; default: the function's name.
        """
        with in_words_of("add_component", {"inputs": inputs, "id": id}):
            return self.add(kinds.CustomComponent.of(component, id, inputs or {}))

    # -- settings ---------------------------------------------------------------------------------

    def cache(self, enabled: bool = True) -> Self:
        """Let nodes whose inputs and parameters did not change take over their last outputs.

        Args:
            enabled: False switches it off again.
        """
        return self._with("cache", cache=enabled)

    def with_beam_pipeline_args(self, arguments: Sequence[str]) -> Self:
        """Pass arguments to Apache Beam, in which the data steps run.

        Args:
            arguments: Such as `["--runner=DataflowRunner", "--project=…"]`. Without `--runner` it
                is Beam's in-process runner.
        """
        if isinstance(arguments, str):
            raise DefinitionError(
                f"with_beam_pipeline_args() takes a list, not the text {arguments!r}.",
                hint=f"write [{arguments!r}].",
            )
        return self._with("with_beam_pipeline_args", beam_pipeline_args=arguments)

    def with_metadata(self, connection: PathLike | Any) -> Self:
        """Keep the metadata somewhere else than in `metadata.db` under the pipeline root.

        Args:
            connection: An SQLite file, or ML Metadata's `ConnectionConfig` for a server.
        """
        is_path = isinstance(connection, str | os.PathLike)
        return self._with(
            "with_metadata", metadata=os.fspath(connection) if is_path else connection
        )
