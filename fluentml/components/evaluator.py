"""Evaluator: is the model good enough, and better than the last one?"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Set
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator
from typing_extensions import Self

from fluentml.component import Component
from fluentml.components import _sources
from fluentml.components._metrics import Metric, Values
from fluentml.components._own_data import OwnData
from fluentml.components._slices import Slices
from fluentml.components._thresholds import Bound, Threshold, read
from fluentml.components.importer import ImportedModel
from fluentml.components.resolver import LatestBlessedModel, PreviousModel
from fluentml.errors import DefinitionError, did_you_mean, listing
from fluentml.live import LiveObject
from fluentml.metrics import Value
from fluentml.spec import FrozenDict, Input, PathText, Proto, absolute, proto_of

DEFAULT_SPLITS = ("eval",)
LATEST_BLESSED = "latest_blessed"
LATEST = "latest"


class Evaluator(OwnData):
    """Compute metrics on the raw examples, by slice, and bless the model that meets the thresholds.

    Attributes:
        label: The feature to predict: a raw column, or one that `preprocessing_fn` makes; by output
            for a model of several.
        prediction: Which of the values that the model's signature returns is judged.
        metrics: TFMA or Keras metrics by class name, such as `"AUC"`, or with settings.
        thresholds: Metric name, or `"feature=value:Metric"` for a slice, to its bound: the least
            value where higher is better, the greatest where lower is; or `(">=", 0.6)`.
        slices: Features to slice by; a tuple slices by several at once. The whole is always there.
        min_improvement: The least gain over the baseline model on the data as a whole, for every
            metric with a threshold there or by metric name; a little below zero means "no worse".
        baseline: The model to compare with: the latest blessed one, the one that this step looked
            at last (`"latest"`), or a Model artifact's folder.
        splits: Splits to evaluate on. Default: "eval", or all splits of `examples`.
        example_weight: The feature that tells how much an example counts.
        min_slice_size: The least number of examples of a slice; smaller ones are left out.
        confidence_intervals: Whether to compute the interval of 95 % of each metric, from samples
            of the examples.
        preprocessing_function_names: Signatures of the model that give TFMA the transformed
            features. Default: `transform_features` where the chain has a Transform.
        module: The file into which the user's metric and slice functions were written.
        slice_functions: Names of the functions among `slices`.
        eval_config: TFMA's `EvalConfig`, instead of the plain values.
    """

    VERB: ClassVar[str] = "evaluate_model"
    LOWERED_TO: ClassVar[str] = "Resolver, Evaluator; with `examples` an ExampleGen"
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

    label: str | FrozenDict[str, str] | None = None
    prediction: str | None = None
    metrics: tuple[Metric, ...] = ()
    thresholds: FrozenDict[str, Bound] = FrozenDict()
    slices: Slices = ()
    min_improvement: float | FrozenDict[str, float] | None = None
    baseline: PathText | None = LATEST_BLESSED
    splits: tuple[str, ...] | None = None
    example_weight: str | None = None
    min_slice_size: Annotated[int, Field(ge=1)] | None = None
    confidence_intervals: bool = False
    preprocessing_function_names: tuple[str, ...] | None = None
    module: PathText = ""
    slice_functions: tuple[str, ...] = ()
    eval_config: Annotated[Proto | None, proto_of("tensorflow_model_analysis.EvalConfig")] = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.examples and "examples" in self.inputs:
            raise ValueError("takes examples= or inputs={'examples': …}, not both")
        if self.eval_config:
            plain = (self.label, self.metrics, self.thresholds, self.slices, self.min_improvement)
            more = (self.preprocessing_function_names, self.example_weight, self.prediction)
            options = (self.min_slice_size, self.confidence_intervals)
            if any(plain) or any(more) or any(options):
                raise ValueError("takes label=, metrics=, … or the proto eval_config=, not both")
            return self
        if not self.label:
            raise ValueError('needs label=, the feature to predict, for example label="tips_xf"')
        if not self.metrics:
            raise ValueError('needs metrics=, for example metrics=["AUC"]')
        for metric in self.metrics:
            metric.verify(self.VERB)
            self._check_output(metric)
        values = [value for metric in self.metrics for value in metric.values]
        for value, other in itertools.combinations(values, 2):
            if value.name == other.name or value.key == other.key:
                raise ValueError(
                    f"computes two metrics called {other.name!r}; give one another name: "
                    'fluentml.metric("…", name="…")'
                )
        self._check_bounds()
        return self

    def _check_output(self, metric: Metric) -> None:
        outputs = [] if isinstance(self.label, str) else [*(self.label or ())]
        if metric.output not in (outputs or [""]):
            raise DefinitionError(
                f"evaluate_model() has the metric {metric.name!r} of the output "
                f"{metric.output!r}, and no label for that.",
                f"Labels: {listing(outputs) if outputs else repr(self.label)}.",
                hint=did_you_mean(metric.output, outputs)
                or f'write label={{"{metric.output}": "…"}}, one for each output.',
            )

    def _check_bounds(self) -> None:
        for threshold in read(self.thresholds):
            value = self._value(threshold.metric)
            self._check_side(threshold.metric, threshold.has_side(value.direction))
        for name in self._gains():
            self._check_side(name, self._value(name).direction is not None)
        if self.min_improvement is not None and not self._has_baseline:
            raise DefinitionError(
                "evaluate_model() has min_improvement= and nothing to improve on.",
                hint='leave baseline= out, or name a model: inputs={"baseline_model": "…"}.',
            )
        if isinstance(self.min_improvement, float) and not self._gains():
            raise ValueError(
                "has min_improvement= for every metric with a threshold, and there are none; "
                f'name the metric: min_improvement={{"{self.metrics[0].name}": '
                f"{self.min_improvement}}}"
            )

    def _gains(self) -> Mapping[str, float]:
        """Return the least gain over the baseline, by what the user calls the metric."""
        if isinstance(self.min_improvement, float):
            whole = (t.metric for t in read(self.thresholds) if not t.slice)
            directed = (metric for metric in whole if self._value(metric).direction)
            return dict.fromkeys(directed, self.min_improvement)
        return self.min_improvement or {}

    def _value(self, name: str) -> Value:
        """Return the value that a threshold speaks of."""
        computed = Values(self.metrics)
        value = computed.find(name)
        if value is None:
            raise DefinitionError(
                f"evaluate_model() has a threshold on {name!r}, which it does not compute.",
                f"It computes: {listing(computed.by_name)}.",
                hint=did_you_mean(name, computed.by_name)
                or f"add {name!r} to metrics=, or drop its threshold.",
            )
        return value

    def _check_side(self, name: str, has_side: bool) -> None:
        if not has_side:
            raise DefinitionError(
                f"evaluate_model() has a threshold on {name!r}, which is neither better high "
                "nor better low.",
                hint=f'say which side is good: thresholds={{"{name}": (">=", …)}}.',
            )

    @property
    def labels(self) -> tuple[str, ...]:
        """The features to predict, one for each output."""
        if isinstance(self.label, str):
            return (self.label,)
        return tuple(self.label.values()) if self.label else ()

    @property
    def module_is_file(self) -> bool:
        """Whether there are functions of the user's, written into a file."""
        return bool(self.module)

    @property
    def can_bless(self) -> bool:
        """Whether there is a threshold: without any, TFX writes no blessing at all."""
        if self.eval_config:
            return "threshold" in self.eval_config.text
        return bool(self.thresholds or self._gains())

    @property
    def evaluated(self) -> tuple[str, ...]:
        """The splits to evaluate on: those named, else all of `examples`, else "eval"."""
        of_source = getattr(self.examples, "split_names", None)
        return self.splits or of_source or DEFAULT_SPLITS

    @property
    def _has_baseline(self) -> bool:
        return self.baseline is not None or "baseline_model" in self.inputs

    def companions(self) -> Mapping[str, Component]:
        """Return what reads the data set of its own, and what finds the baseline model."""
        own = super().companions()
        if not self.baseline or "baseline_model" in self.inputs:
            return own
        return {**own, "baseline_model": self._baseline(self.baseline)}

    def _baseline(self, which: str) -> Component:
        if which == LATEST_BLESSED:
            return LatestBlessedModel()
        if which == LATEST:
            return PreviousModel(id=f"{self.id}_previous_model", reader=self.id)
        return ImportedModel(id=f"{self.id}_baseline", uri=which)

    def settled(self, roles: Set[str]) -> Self:
        """Let TFMA see the transformed features where the chain has a Transform."""
        if self.eval_config or self.preprocessing_function_names is not None:
            return self
        names = ("transform_features",) if "Transform" in roles else ()
        return self.model_copy(update={"preprocessing_function_names": names})

    def calls(self) -> Iterator[str | LiveObject]:
        """Yield the classes of the user's own metrics too."""
        yield from super().calls()
        yield from (f"{one.module}.{one.class_name}" for one in self.metrics if one.module)

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Evaluator."""
        from tfx.components.evaluator import component

        return component.Evaluator(
            **inputs,
            example_splits=None if self.evaluated == DEFAULT_SPLITS else list(self.evaluated),
            eval_config=self.eval_config.message() if self.eval_config else self._plain_config(),
            module_file=absolute(self.module) if self.module else None,
        )

    def _plain_config(self) -> Any:
        from tensorflow_model_analysis.proto import config_pb2 as pb

        thresholds = read(self.thresholds)
        alone = {t.slice: None for t in thresholds if tuple(t.slice) not in ((), *self.slices)}
        config = pb.EvalConfig(
            model_specs=[
                pb.ModelSpec(
                    signature_name="serving_default",
                    label_key=self.label if isinstance(self.label, str) else None,
                    label_keys=None if isinstance(self.label, str) else dict(self.label or {}),
                    prediction_key=self.prediction,
                    example_weight_key=self.example_weight,
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
                self._metrics_spec(output, thresholds)
                for output in dict.fromkeys(metric.output for metric in self.metrics)
            ],
        )
        if self.min_slice_size:
            config.options.min_slice_size.value = self.min_slice_size
        if self.confidence_intervals:
            config.options.compute_confidence_intervals.value = True
        return config

    def _metrics_spec(self, output: str, thresholds: list[Threshold]) -> Any:
        """Return an output's metrics; of one with several values the thresholds stand beside it."""
        from tensorflow_model_analysis.proto import config_pb2 as pb

        spec = pb.MetricsSpec(output_names=[output] if output else [])
        for metric in (one for one in self.metrics if one.output == output):
            bounds = {value: self._bounds(value, thresholds) for value in metric.values}
            if len(bounds) == 1:
                spec.metrics.append(metric.to_tfma(*bounds.values()))
                continue
            spec.metrics.append(metric.to_tfma())
            for value, found in bounds.items():
                if found:
                    key = value.key.removeprefix(f"{output}/" if output else "")
                    spec.per_slice_thresholds[key].thresholds.extend(found)
        return spec

    def _bounds(self, value: Value, thresholds: list[Threshold]) -> list[Any]:
        """Return TFMA's thresholds of a value, one per slice.

        The empty slice is the data as a whole; a bare `threshold` would hold for every slice.
        """
        from tensorflow_model_analysis.proto import config_pb2 as pb

        by_slice: dict[FrozenDict[str, str], Any] = {}
        for threshold in thresholds:
            if self._value(threshold.metric) == value:
                message = by_slice.setdefault(threshold.slice, pb.MetricThreshold())
                threshold.write(message, value.direction)
        for name, gain in self._gains().items():
            if self._value(name) == value:
                whole = by_slice.setdefault(FrozenDict(), pb.MetricThreshold())
                whole.change_threshold.direction = pb.MetricDirection.Value(
                    f"{value.direction}_is_better".upper()
                )
                whole.change_threshold.absolute.value = (
                    gain if value.direction == "higher" else -gain
                )
        return [
            pb.PerSliceMetricThreshold(
                slicing_specs=[pb.SlicingSpec(feature_values=dict(values))], threshold=message
            )
            for values, message in by_slice.items()
        ]
