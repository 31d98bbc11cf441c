"""Whether the model is good enough, and where it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from typing_extensions import Self, Unpack

from fluentml import components as kinds
from fluentml.component import Component
from fluentml.sources import PathLike
from fluentml.verbs._base import Chain, Step
from fluentml.verbs._evaluation import AnyMetric, Sliced, by_output, written


class Delivery(Chain):
    """Verbs that judge the model and put it to use."""

    def evaluate_model(
        self,
        label: str | Sequence[str] | Mapping[str, str] | None = None,
        *,
        prediction: str | None = None,
        metrics: Sequence[AnyMetric] | Mapping[str, Sequence[AnyMetric]] = (),
        thresholds: Mapping[str, float | tuple[Literal[">=", "<="], float]] | None = None,
        slices: Sequence[Sliced] = (),
        min_improvement: float | Mapping[str, float] | None = None,
        baseline: PathLike | None = "latest_blessed",
        examples: Component | None = None,
        splits: Sequence[str] | None = None,
        example_weight: str | None = None,
        min_slice_size: int | None = None,
        confidence_intervals: bool = False,
        preprocessing_function_names: Sequence[str] | None = None,
        eval_config: Any = None,
        **step: Unpack[Step],
    ) -> Self:
        """Compute metrics on raw examples, by slice; bless the model that meets every threshold.

        Args:
            label: The feature to predict: a raw column, or one that `preprocessing_fn` makes. Of a
                model with several outputs each by its output, `{"tip": "tips_xf", …}`; or a list
                where the outputs are called as the labels.
            prediction: Which of the values that the model's signature returns is judged: `"label"`
                is the word that a classifier of words predicts, for a function that compares it
                with a text column. Default: TFMA's, `"outputs"` or the only one.
            metrics: Class names of TFMA or Keras metrics, `["AUC", "BinaryAccuracy"]`; a function
                `profit(labels, predictions)`, or a class of a metric; or one with settings, as
                `fluentml.metric` makes it. `{"tip": ["AUC"], …}` has them by output.
                Functions and classes are taken along as `train` does it.
            thresholds: By metric, the least value where higher is better, and the greatest where
                lower is: `{"AUC": 0.8}`; or with the side given, `{"AUC": (">=", 0.8)}`. They hold
                for the data as a whole; `{"company=Yellow:AUC": 0.7}` holds for a slice. A metric
                goes by its `name` setting, else by its class; those of `FairnessIndicators` by
                rate and threshold, `"false_positive_rate@0.5"`; that of an output by both,
                `"tip/AUC"`.
            slices: Features to slice by: `["trip_start_hour", ("company", "payment_type")]`. In
                place of a feature a function `night(row)` of the raw features by name, each a
                number, a text, a list of several, or None; it returns text or a whole number, or
                None for no slice, and its name is that of the slices: `"night=late:AUC"`.
            min_improvement: The least gain over the baseline model, one for all metrics with a
                threshold or by metric; `-1e-6` means "no worse". A first run has no baseline.
            baseline: `"latest_blessed"`, the latest blessed model of this pipeline; or `"latest"`,
                the one that this step looked at in the run before, blessed or not; or the folder
                of a Model artifact; or None.
            examples: Other data to evaluate on than the chain's, with the same features:
                `fluentml.from_csv("holdout/")`.
            splits: Splits to evaluate on. Default: `eval`; of `examples`, every one.
            example_weight: The feature that tells how much an example counts: a raw column, or one
                that `preprocessing_fn` makes. Default: each counts 1.
            min_slice_size: The least number of examples of a slice; smaller ones are left out.
            confidence_intervals: Whether to compute the interval of 95 % of each metric, from
                samples of the examples; it takes several times as long.
            preprocessing_function_names: Signatures of the model that give TFMA the transformed
                features; default `["transform_features"]` where the chain has a `preprocess` step.
            eval_config: TFMA's `EvalConfig`, instead of the plain values.
            **step: See `Step`.

        Raises:
            DefinitionError: A metric that does not exist, a threshold on one that is not computed,
                a function that cannot be taken along.
        """
        label, listed = by_output(label, metrics)
        return self._add(
            kinds.Evaluator,
            **written(listed, slices, self._modules),
            label=label,
            prediction=prediction,
            thresholds=thresholds or {},
            min_improvement=min_improvement,
            baseline=baseline,
            splits=splits,
            examples=examples,
            example_weight=example_weight,
            min_slice_size=min_slice_size,
            confidence_intervals=confidence_intervals,
            preprocessing_function_names=preprocessing_function_names,
            eval_config=eval_config,
            **step,
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
        **step: Unpack[Step],
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
            **step: See `Step`.
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
            **step,
        )

    def push_to(
        self,
        destination: PathLike | None = None,
        *,
        require_push: bool = False,
        formats: Sequence[str] | Mapping[str, str] = (),
        vertex: Mapping[str, Any] | None = None,
        bigquery_ml: Mapping[str, str] | None = None,
        push_destination: Any = None,
        custom_config: Mapping[str, Any] | None = None,
        **step: Unpack[Step],
    ) -> Self:
        """Copy the model to where it is served, once every blessing that the chain makes is there.

        In a local folder, a run on this machine lets the new version appear all at once, and leaves
        the ones before it.

        A model server finds the SavedModel at the root of a version's folder, and leaves the other
        formats there alone.

        Args:
            destination: Folder or URI; each version gets a sub-folder named by the time in seconds,
                as TensorFlow Serving reads it.
            require_push: Whether the run fails where a blessing is missing; else it pushes nothing
                and says why.
            formats: Beside the SavedModel, in the same folder: `"tflite"` writes `model.tflite`,
                `"tfjs"` `tfjs/model.json` (by the program `tensorflowjs_converter`), `"hub"`
                `model.tar.gz` for `tensorflow_hub.load`. Nothing is pushed unless `tflite` and
                `hub` predict the same as the SavedModel on raw examples. Each is made of the
                signature `serving_default`, or of another: `{"tfjs": "serving_columns"}`.
            vertex: Instead of `destination`, an endpoint of Vertex AI: its `project`, `region` and
                `endpoint` (its display name), the `image` of the server; and of the deployment
                `machine_type`, `min_replica_count`, `max_replica_count`, `accelerator_type`,
                `accelerator_count`, `traffic_percentage`, `service_account`, `labels`. The pipeline
                root is on Google Cloud Storage.
            bigquery_ml: Instead of `destination`, a model of BigQuery ML: its `project`, `dataset`
                and `model`, and the `compute_project` where the query runs in another. The pipeline
                root is on Google Cloud Storage.
            push_destination: TFX's `pusher_pb2.PushDestination`, instead of `destination`.
            custom_config: Plain values that an `executor` of your own gets.
            **step: See `Step`.
        """
        return self._add(
            kinds.Pusher,
            destination=destination,
            require_push=require_push,
            formats=formats,
            vertex=vertex,
            bigquery_ml=bigquery_ml,
            push_destination=push_destination,
            custom_config=custom_config,
            **step,
        )

    def bulk_infer(
        self,
        examples: Component | None = None,
        *,
        write_to: PathLike | None = None,
        data_spec: Any = None,
        model_spec: Any = None,
        output_example_spec: Any = None,
        **step: Unpack[Step],
    ) -> Self:
        """Predict for every example of a data set, once the model is blessed.

        After a run, `result.predictions()` gives the predictions as a table.

        Args:
            examples: What to predict for: `fluentml.from_csv("to_predict/")`.
            write_to: A `.parquet` or `.csv` file, or URI, to which the step writes that table, all
                at once and in place of an earlier one. A step taken from the cache writes nothing.
            data_spec: TFX's `bulk_inferrer_pb2.DataSpec`. Default: every split.
            model_spec: TFX's `bulk_inferrer_pb2.ModelSpec`. Default: signature `serving_default`.
            output_example_spec: TFX's `bulk_inferrer_pb2.OutputExampleSpec`: write examples with
                the predictions as features rather than prediction logs.
            **step: See `Step`.
        """
        return self._add(
            kinds.BulkInferrer,
            examples=examples,
            write_to=write_to,
            data_spec=data_spec,
            model_spec=model_spec,
            output_example_spec=output_example_spec,
            **step,
        )
