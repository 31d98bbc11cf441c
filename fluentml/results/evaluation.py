"""Reading an evaluator's artifacts by TensorFlow Model Analysis."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_specs
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.writers import eval_config_writer

from fluentml.executors.evaluations import CANDIDATE, number, of_output
from fluentml.metrics import OURS, Value, values
from fluentml.results import Evaluation

# What TFMA calls the model that it compares with.
BASELINE = "baseline"

T = TypeVar("T")


def read_evaluation(node: str, uri: str, blessed: bool | None) -> Evaluation:
    """Return what stands in a ModelEvaluation artifact.

    Args:
        node: The evaluator's id.
        uri: The artifact's folder.
        blessed: What its ModelBlessing artifact says; None where there is none.
    """
    config, _, _, models = eval_config_writer.load_eval_run(uri)
    names = _names(config)
    candidate = CANDIDATE if CANDIDATE in models else None
    slices = _by_slice(uri, candidate, names, number)
    baseline = _by_slice(uri, BASELINE, names, number) if BASELINE in models else {}
    return Evaluation(
        node=node,
        metrics=slices.pop("", {}),
        slices=slices,
        baseline=baseline.get("", {}),
        bounds=_bounds(config, names),
        blessed=blessed,
        reasons=_reasons(uri, names) if blessed is False else (),
        intervals=_by_slice(uri, candidate, names, _interval).get("", {}),
    )


def _names(config: Any) -> dict[str, str]:
    """Return how the chain names each of TFMA's result keys, that of an output behind its name."""
    return {
        value.of(output).key: value.of(output).name
        for spec in config.metrics_specs
        for metric in spec.metrics
        for value in _values_of(metric)
        for output in spec.output_names or [""]
    }


def _values_of(metric: Any) -> tuple[Value, ...]:
    """Return what a `MetricConfig` computes; only its class knows the key of one without a name."""
    settings = json.loads(metric.config or "{}")
    if not metric.module or metric.module in OURS.values():
        return values(metric.class_name, settings)
    key = settings.get("name") or metric_specs.metric_instance(metric).name
    return (Value(settings.get("name") or metric.class_name, key, None),)


def _by_slice(
    uri: str, model: str | None, names: Mapping[str, str], read: Callable[[Any], T | None]
) -> dict[str, dict[str, T]]:
    """Return what `read` finds in TFMA's values, by slice and by what the chain calls them."""
    result = tfma.load_eval_result(uri, model_name=model)
    by_slice: dict[str, dict[str, T]] = {}
    for slice_key, outputs in result.slicing_metrics:
        name = ", ".join(f"{feature}:{value}" for feature, value in slice_key if feature)
        found = by_slice.setdefault(name, {})
        for output, by_class in outputs.items():
            for sub_key, metrics in by_class.items():
                for key, value in metrics.items():
                    label = _named(names, output, key)
                    one = read(value)
                    if one is not None:
                        found[f"{label} ({sub_key})" if sub_key else label] = one
    return by_slice


def _named(names: Mapping[str, str], output: str, key: str) -> str:
    key = of_output(output, key)
    return names.get(key, key)


def _interval(value: Any) -> tuple[float, float] | None:
    bounded = value.get("boundedValue")
    return bounded and (float(bounded["lowerBound"]), float(bounded["upperBound"]))


def _bounds(config: Any, names: Mapping[str, str]) -> dict[str, str]:
    bounds: dict[str, list[str]] = {}
    for spec, output in ((s, o) for s in config.metrics_specs for o in s.output_names or [""]):
        for metric in spec.metrics:
            name = _values_of(metric)[0].of(output).name
            everywhere = _in_words(metric.threshold)
            found = [f"{everywhere} in every slice"] if everywhere else []
            bounds[name] = [*found, *_slice_bounds(metric.per_slice_thresholds)]
        for key, by_slice in spec.per_slice_thresholds.items():
            bounds[_named(names, output, key)] = _slice_bounds(by_slice.thresholds)
    return {name: "; ".join(texts) for name, texts in bounds.items() if texts}


def _slice_bounds(thresholds: Any) -> list[str]:
    bounds = []
    for at_slices in thresholds:
        for spec in at_slices.slicing_specs:
            values = [f"{name}:{value}" for name, value in sorted(spec.feature_values.items())]
            where = ", ".join([*spec.feature_keys, *values])
            bounds.append((_in_words(at_slices.threshold), f" for {where}" if where else ""))
    # Without a baseline TFMA leaves a gain out, and nothing may be left.
    return [f"{bound}{where}" for bound, where in bounds if bound]


def _in_words(threshold: Any) -> str:
    parts = []
    value, change = threshold.value_threshold, threshold.change_threshold
    if value.HasField("lower_bound"):
        parts.append(f"at least {value.lower_bound.value:g}")
    if value.HasField("upper_bound"):
        parts.append(f"at most {value.upper_bound.value:g}")
    if change.HasField("absolute") and not math.isinf(change.absolute.value):
        parts.append(f"{change.absolute.value:+g} against the baseline")
    return " and ".join(parts)


def _reasons(uri: str, names: Mapping[str, str]) -> tuple[str, ...]:
    result = tfma.load_validation_result(uri)
    reasons = []
    for at_slice in result.metric_validations_per_slice:
        parts = at_slice.slice_key.single_slice_keys
        where = ", ".join(f"{part.column}:{_slice_value(part)}" for part in parts)
        for failure in at_slice.failures:
            key = failure.metric_key
            name = _named(names, key.output_name, key.name)
            reasons.append(_reason(name, failure) + (f" for {where}" if where else ""))
    if result.missing_slices:
        reasons.append("the data have no example of a slice that a threshold names")
    return tuple(dict.fromkeys(reasons)) or ("a threshold was not met",)


def _reason(name: str, failure: Any) -> str:
    bound = failure.metric_threshold
    if not failure.HasField("metric_value"):
        return f"{name} was not computed"
    value = failure.metric_value.double_value.value
    # A difference to the baseline is reported under the metric's own name, marked as a diff.
    if failure.metric_key.is_diff:
        least = bound.change_threshold.absolute.value
        falls = bound.change_threshold.direction == config_pb2.MetricDirection.LOWER_IS_BETTER
        kind = "change" if falls else "gain"
        side = "below" if kind == "gain" else "above"
        return f"{name} shows a {kind} of {value:.4g} against the baseline, {side} {least:g}"
    if bound.value_threshold.HasField("lower_bound"):
        lower = bound.value_threshold.lower_bound.value
        if not value >= lower:
            return f"{name} is {value:.4g}, below {lower:g}"
    if bound.value_threshold.HasField("upper_bound"):
        upper = bound.value_threshold.upper_bound.value
        if not value <= upper:
            return f"{name} is {value:.4g}, above {upper:g}"
    return f"{name} is {value:.4g}, outside its bounds"


def _slice_value(key: Any) -> Any:
    kind = key.WhichOneof("kind")
    value = getattr(key, kind) if kind else ""
    return value.decode(errors="replace") if isinstance(value, bytes) else value
