"""Evaluator: is the model good enough, and better than the last one?"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Annotated, Any, ClassVar, Literal

from pydantic import model_validator
from typing_extensions import Self

from fluentml.components import _sources
from fluentml.components._slices import Slices
from fluentml.components.resolver import LatestBlessedModel
from fluentml.errors import DefinitionError, did_you_mean, listing
from fluentml.metrics import METRICS, REQUIRED
from fluentml.spec import Component, FrozenDict, Input, Proto, proto_of

DEFAULT_SPLITS = ("eval",)


class Evaluator(Component):
    """Compute metrics on the raw examples, by slice, and bless the model that meets the thresholds.

    Attributes:
        label: The feature to predict: a raw column, or one that `preprocessing_fn` makes.
        metrics: Names of TFMA or Keras metrics, such as `"AUC"`.
        thresholds: Metric name to its bound: the least value where higher is better, the greatest
            where lower is.
        slices: Features to slice by; a tuple slices by several at once. The whole is always there.
        min_improvement: The least gain over the baseline model, for every metric with a threshold
            or by metric name; a little below zero means "no worse".
        baseline: The model to compare with.
        splits: Splits to evaluate on.
        preprocessing_function_names: Signatures of the model that give TFMA the transformed
            features. Default: `transform_features` where the chain has a Transform.
        eval_config: TFMA's `EvalConfig`, instead of the plain values.
    """

    VERB: ClassVar[str] = "evaluate_model"
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
    thresholds: FrozenDict[str, float] = FrozenDict()
    slices: Slices = ()
    min_improvement: float | FrozenDict[str, float] | None = None
    baseline: Literal["latest_blessed"] | None = "latest_blessed"
    splits: tuple[str, ...] = DEFAULT_SPLITS
    preprocessing_function_names: tuple[str, ...] | None = None
    eval_config: Annotated[Proto | None, proto_of("tensorflow_model_analysis.EvalConfig")] = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
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
        for name in self._bounds():
            self._check_bound(name)
        if self.min_improvement is not None and not self._has_baseline:
            raise DefinitionError(
                "evaluate_model() has min_improvement= and nothing to improve on.",
                hint='leave baseline= out, or name a model: inputs={"baseline_model": "…"}.',
            )
        if isinstance(self.min_improvement, float) and not self.thresholds:
            raise ValueError(
                "has min_improvement= for every metric with a threshold, and there are none; "
                f'name the metric: min_improvement={{"{self.metrics[0]}": {self.min_improvement}}}'
            )
        return self

    def _bounds(self) -> set[str]:
        gains = self.min_improvement if isinstance(self.min_improvement, FrozenDict) else {}
        return {*self.thresholds, *gains}

    def _check_bound(self, name: str) -> None:
        if name not in self.metrics:
            raise DefinitionError(
                f"evaluate_model() has a threshold on {name!r}, which it does not compute.",
                f"It computes: {listing(self.metrics)}.",
                hint=did_you_mean(name, self.metrics)
                or f"add {name!r} to metrics=, or drop its threshold.",
            )
        if METRICS[name] is None:
            raise DefinitionError(
                f"evaluate_model() has a threshold on {name!r}, which is neither better high "
                "nor better low.",
                hint="pass eval_config=, an EvalConfig with the bounds that you mean.",
            )

    @property
    def can_bless(self) -> bool:
        """Whether there is a threshold: without any, TFX writes no blessing at all."""
        if self.eval_config:
            return "threshold" in self.eval_config.text
        return bool(self._bounds())

    @property
    def _has_baseline(self) -> bool:
        return self.baseline is not None or "baseline_model" in self.inputs

    def companions(self) -> Mapping[str, Component]:
        """Return the resolver that finds the baseline model."""
        if not self.baseline or "baseline_model" in self.inputs:
            return {}
        return {"baseline_model": LatestBlessedModel()}

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
            ],
            metrics_specs=[
                pb.MetricsSpec(
                    metrics=[
                        pb.MetricConfig(
                            class_name=name, per_slice_thresholds=self._thresholds(name)
                        )
                        for name in self.metrics
                    ]
                )
            ],
        )

    def _thresholds(self, name: str) -> list[Any]:
        from tensorflow_model_analysis.proto import config_pb2 as pb

        if name not in self._bounds():
            return []
        higher = METRICS[name] == "higher"
        threshold = pb.MetricThreshold()
        if name in self.thresholds:
            value = threshold.value_threshold
            bound = value.lower_bound if higher else value.upper_bound
            bound.value = self.thresholds[name]
        gain = self._gain(name)
        if gain is not None:
            change = threshold.change_threshold
            change.direction = pb.MetricDirection.Value(f"{METRICS[name]}_is_better".upper())
            change.absolute.value = gain if higher else -gain
        # The empty slice is the data as a whole: a bare `threshold` would hold for every slice.
        whole = [pb.SlicingSpec()]
        return [pb.PerSliceMetricThreshold(slicing_specs=whole, threshold=threshold)]

    def _gain(self, name: str) -> float | None:
        if isinstance(self.min_improvement, FrozenDict):
            return self.min_improvement.get(name)
        return self.min_improvement if name in self.thresholds else None
