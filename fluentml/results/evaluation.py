"""Reading an evaluator's artifacts by TensorFlow Model Analysis."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_specs
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.writers import eval_config_writer

from fluentml.executors.evaluations import CANDIDATE, number, of_output
from fluentml.metrics import OURS, Value, values
from fluentml.results import Check, Evaluation
from fluentml.results.plots import plots_of

# What TFMA calls the model that it compares with.
BASELINE = "baseline"

EVERYWHERE = config_pb2.SlicingSpec()
"""Stands for every slice; as TFMA's own it would be the whole data."""

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
    result = tfma.load_eval_result(uri, model_name=candidate)
    slices = _by_slice(result, names, number)
    old = tfma.load_eval_result(uri, model_name=BASELINE) if BASELINE in models else None
    baseline = _by_slice(old, names, number) if old else {}
    keys = {_slice_name(key): dict(key) for key, _ in result.slicing_metrics}
    asked = [] if blessed is None else [*_asked(config, names, keys)]
    failed = _failed(uri, names) if asked else set()
    return Evaluation(
        node=node,
        metrics=slices.get("", {}),
        slices={where: found for where, found in slices.items() if where},
        baseline=baseline.get("", {}),
        bounds=_bounds(config, names),
        blessed=blessed,
        reasons=_reasons(uri, names) if blessed is False else (),
        intervals=_by_slice(result, names, _interval).get("", {}),
        baseline_slices={where: found for where, found in baseline.items() if where},
        checks=tuple(
            Check(
                metric=name,
                slice=where,
                bound=bound,
                value=slices.get(where, {}).get(name),
                baseline=baseline.get(where, {}).get(name),
                passed=(name, where) not in failed,
            )
            for name, where, bound in asked
        ),
        plots=plots_of(result.plots),
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
    result: Any, names: Mapping[str, str], read: Callable[[Any], T | None]
) -> dict[str, dict[str, T]]:
    """Return what `read` finds in TFMA's values, by slice and by what the chain calls them."""
    by_slice: dict[str, dict[str, T]] = {}
    for slice_key, outputs in result.slicing_metrics:
        found = by_slice.setdefault(_slice_name(slice_key), {})
        for output, by_class in outputs.items():
            for sub_key, metrics in by_class.items():
                for key, value in metrics.items():
                    label = _named(names, output, key)
                    one = read(value)
                    if one is not None:
                        found[f"{label} ({sub_key})" if sub_key else label] = one
    return by_slice


def _slice_name(key: Any) -> str:
    return ", ".join(f"{feature}:{value}" for feature, value in key if feature)


def _named(names: Mapping[str, str], output: str, key: str) -> str:
    key = of_output(output, key)
    return names.get(key, key)


def _interval(value: Any) -> tuple[float, float] | None:
    bounded = value.get("boundedValue")
    return bounded and (float(bounded["lowerBound"]), float(bounded["upperBound"]))


def _bounds(config: Any, names: Mapping[str, str]) -> dict[str, str]:
    bounds: dict[str, list[str]] = {}
    for name, threshold, spec in _thresholds(config, names):
        values = [f"{key}:{value}" for key, value in sorted(spec.feature_values.items())]
        where = ", ".join([*spec.feature_keys, *values])
        said = " in every slice" if spec is EVERYWHERE else f" for {where}" if where else ""
        # Without a baseline TFMA leaves a gain out, and nothing may be left.
        if bound := _in_words(threshold):
            bounds.setdefault(name, []).append(f"{bound}{said}")
    return {name: "; ".join(texts) for name, texts in bounds.items()}


def _thresholds(config: Any, names: Mapping[str, str]) -> Iterator[tuple[str, Any, Any]]:
    """Yield every threshold: the metric, TFMA's message, and which slices it is for."""
    for spec, output in ((s, o) for s in config.metrics_specs for o in s.output_names or [""]):
        for metric in spec.metrics:
            name = _values_of(metric)[0].of(output).name
            yield name, metric.threshold, EVERYWHERE
            for at_slices in metric.per_slice_thresholds:
                yield from ((name, at_slices.threshold, one) for one in at_slices.slicing_specs)
        for key, by_slice in spec.per_slice_thresholds.items():
            name = _named(names, output, key)
            for at_slices in by_slice.thresholds:
                yield from ((name, at_slices.threshold, one) for one in at_slices.slicing_specs)


def _asked(
    config: Any, names: Mapping[str, str], keys: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str, str]]:
    """Yield the metric, the slice and the bound of each threshold wherever it holds."""
    for name, threshold, spec in _thresholds(config, names):
        for where, key in keys.items() if (bound := _in_words(threshold)) else ():
            if _covers(spec, key):
                yield name, where, bound


def _covers(spec: Any, key: Mapping[str, Any]) -> bool:
    """Return whether a slice is one that a spec names."""
    if spec is EVERYWHERE:
        return True
    values = spec.feature_values
    parts = {name: str(value) for name, value in key.items() if name}
    return {*spec.feature_keys, *values} == {*parts} and values.items() <= parts.items()


def _failed(uri: str, names: Mapping[str, str]) -> set[tuple[str, str]]:
    """Return metric and slice of every threshold that was not met."""
    return {
        (_named(names, failure.metric_key.output_name, failure.metric_key.name), _slice(at_slice))
        for at_slice in tfma.load_validation_result(uri).metric_validations_per_slice
        for failure in at_slice.failures
    }


def _slice(at_slice: Any) -> str:
    parts = at_slice.slice_key.single_slice_keys
    return ", ".join(f"{part.column}:{_slice_value(part)}" for part in parts)


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
        where = _slice(at_slice)
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
