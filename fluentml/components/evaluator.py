"""Evaluator: is the model good enough, and better than the last one?"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Annotated, Any, ClassVar

from pydantic import model_validator
from typing_extensions import Self

from fluentml.components import _sources
from fluentml.components._own_data import OwnData
from fluentml.components._slices import Slices
from fluentml.components._thresholds import Bound, Threshold, read
from fluentml.components.importer import ImportedModel
from fluentml.components.resolver import LatestBlessedModel
from fluentml.errors import DefinitionError, did_you_mean, listing
from fluentml.metrics import METRICS, REQUIRED
from fluentml.spec import Component, FrozenDict, Input, PathText, Proto, proto_of

DEFAULT_SPLITS = ("eval",)
LATEST_BLESSED = "latest_blessed"


class Evaluator(OwnData):
    """Compute metrics on the raw examples, by slice, and bless the model that meets the thresholds.

    Attributes:
        label: The feature to predict: a raw column, or one that `preprocessing_fn` makes.
        metrics: Names of TFMA or Keras metrics, such as `"AUC"`.
        thresholds: Metric name, or `"feature=value:Metric"` for a slice, to its bound: the least
            value where higher is better, the greatest where lower is; or `(">=", 0.6)`.
        slices: Features to slice by; a tuple slices by several at once. The whole is always there.
        min_improvement: The least gain over the baseline model on the data as a whole, for every
            metric with a threshold there or by metric name; a little below zero means "no worse".
        baseline: The model to compare with: the latest blessed one, or a Model artifact's folder.
        splits: Splits to evaluate on.
        preprocessing_function_names: Signatures of the model that give TFMA the transformed
            features. Default: `transform_features` where the chain has a Transform.
        eval_config: TFMA's `EvalConfig`, instead of the plain values.
    """

    VERB: ClassVar[str] = "evaluate_model"
    LOWERED_TO: ClassVar[str] = "Resolver, Evaluator"
    INPUTS: ClassVar[Mapping[str, Input]] = {
        "examples": Input(type="Examples", sources=_sources.RAW_EXAMPLES),
        "model": Input(type="Model", sources=_sources.MODEL),
        "baseline_model": Input(type="Model", optional=True),
        "schema": Input(type="Schema", optional=True),
    }
    OUTPUTS: ClassVar[Mapping[str, str]] = {
        "evaluation": "ModelEvaluation",
        "blessing": "ModelBlessing",
    }

    label: str | None = None
    metrics: tuple[str, ...] = ()
    thresholds: FrozenDict[str, Bound] = FrozenDict()
    slices: Slices = ()
    min_improvement: float | FrozenDict[str, float] | None = None
    baseline: PathText | None = LATEST_BLESSED
    splits: tuple[str, ...] = DEFAULT_SPLITS
    preprocessing_function_names: tuple[str, ...] | None = None
    eval_config: Annotated[Proto | None, proto_of("tensorflow_model_analysis.EvalConfig")] = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.data and "examples" in self.inputs:
            raise ValueError("takes data= or inputs={'examples': …}, not both")
        if self.eval_config:
            plain = (self.label, self.metrics, self.thresholds, self.slices, self.min_improvement)
            if any(plain) or self.preprocessing_function_names:
                raise ValueError("takes label=, metrics=, … or the proto eval_config=, not both")
            return self
        if not self.label:
            raise ValueError('needs label=, the feature to predict, for example label="tips_xf"')
        if not self.metrics:
            raise ValueError('needs metrics=, for example metrics=["AUC"]')
        for name in self.metrics:
            if name not in METRICS:
                raise DefinitionError(
                    f"evaluate_model() knows no metric {name!r}.",
                    "It takes the metrics of TensorFlow Model Analysis and Keras by class name.",
                    hint=did_you_mean(name, METRICS)
                    or "pass eval_config=, an EvalConfig that names your metric and its module.",
                )
            if name in REQUIRED:
                raise DefinitionError(
                    f"evaluate_model() cannot compute {name!r} by its name alone.",
                    f"It needs the settings: {listing(REQUIRED[name])}.",
                    hint="pass eval_config=, an EvalConfig whose MetricConfig has that config.",
                )
        for threshold in read(self.thresholds):
            self._check_bound(threshold.metric, threshold.has_side)
        for name in self._gains():
            self._check_bound(name, METRICS.get(name) is not None)
        if self.min_improvement is not None and not self._has_baseline:
            raise DefinitionError(
                "evaluate_model() has min_improvement= and nothing to improve on.",
                hint='leave baseline= out, or name a model: inputs={"baseline_model": "…"}.',
            )
        if isinstance(self.min_improvement, float) and not self._gains():
            raise ValueError(
                "has min_improvement= for every metric with a threshold, and there are none; "
                f'name the metric: min_improvement={{"{self.metrics[0]}": {self.min_improvement}}}'
            )
        return self

    def _gains(self) -> Mapping[str, float]:
        """Return the least gain over the baseline by metric."""
        if isinstance(self.min_improvement, float):
            whole = (t.metric for t in read(self.thresholds) if not t.slice)
            directed = (metric for metric in whole if METRICS.get(metric))
            return dict.fromkeys(directed, self.min_improvement)
        return self.min_improvement or {}

    def _check_bound(self, name: str, has_side: bool) -> None:
        if name not in self.metrics:
            raise DefinitionError(
                f"evaluate_model() has a threshold on {name!r}, which it does not compute.",
                f"It computes: {listing(self.metrics)}.",
                hint=did_you_mean(name, self.metrics)
                or f"add {name!r} to metrics=, or drop its threshold.",
            )
        if not has_side:
            raise DefinitionError(
                f"evaluate_model() has a threshold on {name!r}, which is neither better high "
                "nor better low.",
                hint=f'say which side is good: thresholds={{"{name}": (">=", …)}}.',
            )

    @property
    def can_bless(self) -> bool:
        """Whether there is a threshold: without any, TFX writes no blessing at all."""
        if self.eval_config:
            return "threshold" in self.eval_config.text
        return bool(self.thresholds or self._gains())

    @property
    def _has_baseline(self) -> bool:
        return self.baseline is not None or "baseline_model" in self.inputs

    def companions(self) -> Mapping[str, Component]:
        """Return what reads the data set of its own, and what finds the baseline model."""
        own = super().companions()
        if not self.baseline or "baseline_model" in self.inputs:
            return own
        if self.baseline == LATEST_BLESSED:
            return {**own, "baseline_model": LatestBlessedModel()}
        baseline = ImportedModel(id=f"{self.id}_baseline", uri=self.baseline)
        return {**own, "baseline_model": baseline}

    def settled(self, roles: Set[str]) -> Self:
        """Let TFMA see the transformed features where the chain has a Transform."""
        if self.eval_config or self.preprocessing_function_names is not None:
            return self
        names = ("transform_features",) if "Transform" in roles else ()
        return self.model_copy(update={"preprocessing_function_names": names})

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Evaluator."""
        from tfx.components.evaluator import component

        return component.Evaluator(
            **inputs,
            example_splits=list(self.splits) if self.splits != DEFAULT_SPLITS else None,
            eval_config=self.eval_config.message() if self.eval_config else self._plain_config(),
        )

    def _plain_config(self) -> Any:
        from tensorflow_model_analysis.proto import config_pb2 as pb

        thresholds = read(self.thresholds)
        alone = {t.slice: None for t in thresholds if tuple(t.slice) not in ((), *self.slices)}
        return pb.EvalConfig(
            model_specs=[
                pb.ModelSpec(
                    signature_name="serving_default",
                    label_key=self.label,
                    preprocessing_function_names=self.preprocessing_function_names,
                )
            ],
            slicing_specs=[
                pb.SlicingSpec(),
                *(pb.SlicingSpec(feature_keys=features) for features in self.slices),
                # A slice that only a threshold names.
                *(pb.SlicingSpec(feature_values=dict(values)) for values in alone),
            ],
            metrics_specs=[
                pb.MetricsSpec(
                    metrics=[
                        pb.MetricConfig(
                            class_name=name,
                            per_slice_thresholds=self._bounds(name, thresholds),
                        )
                        for name in self.metrics
                    ]
                )
            ],
        )

    def _bounds(self, name: str, thresholds: list[Threshold]) -> list[Any]:
        """Return TFMA's thresholds of a metric, one per slice.

        The empty slice is the data as a whole; a bare `threshold` would hold for every slice.
        """
        from tensorflow_model_analysis.proto import config_pb2 as pb

        by_slice: dict[FrozenDict[str, str], Any] = {}
        for threshold in thresholds:
            if threshold.metric == name:
                threshold.write(by_slice.setdefault(threshold.slice, pb.MetricThreshold()))
        if name in self._gains():
            whole = by_slice.setdefault(FrozenDict(), pb.MetricThreshold())
            gain, higher = self._gains()[name], METRICS[name] == "higher"
            whole.change_threshold.direction = pb.MetricDirection.Value(
                f"{METRICS[name]}_is_better".upper()
            )
            whole.change_threshold.absolute.value = gain if higher else -gain
        return [
            pb.PerSliceMetricThreshold(
                slicing_specs=[pb.SlicingSpec(feature_values=dict(values))], threshold=message
            )
            for values, message in by_slice.items()
        ]
