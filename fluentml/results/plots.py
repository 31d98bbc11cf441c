"""Reading the plots among an evaluator's results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluentml.results._evaluations import Cut, Plots

MOST_CUTS = 101
"""TFMA keeps a thousand thresholds, and no eye needs more than these."""
BINS = 10
"""TFMA counts in a thousand bins of predictions, most of them with an example or two."""

Bin = tuple[float, float, float]


def plots_of(found: Any) -> tuple[Plots, ...]:
    """Return the plots over the whole data.

    Args:
        found: `plots` of TFMA's `EvalResult`.
    """
    return tuple(
        plots
        for slice_key, outputs in found
        if not any(feature for feature, _ in slice_key)
        for output, by_class in (outputs or {}).items()
        for sub_key, by_name in (by_class or {}).items()
        if (plots := _plots(f"{output} {sub_key or ''}".strip(), by_name)).is_any
    )


def _plots(output: str, by_name: Mapping[str, Any]) -> Plots:
    # One output may have several plots of a kind; the last one is as good as any.
    cuts: tuple[Cut, ...] = ()
    calibration: tuple[Bin, ...] = ()
    classes: tuple[tuple[int, int, float], ...] = ()
    for name, plot in by_name.items():
        if "matrices" in plot and "onfusion" in name and not name.startswith("multi"):
            cuts = tuple(_cut(matrix) for matrix in _thinned(plot["matrices"]))
        elif "buckets" in plot:
            calibration = _merged([bin for one in plot["buckets"] if (bin := _bin(one))])
        elif name.startswith("multiClass") and plot.get("matrices"):
            entries = plot["matrices"][0].get("entries", ())
            classes = tuple(
                (
                    _id(e, "actualClassId"),
                    _id(e, "predictedClassId"),
                    _value(e, "numWeightedExamples"),
                )
                for e in entries
            )
    return Plots(output, cuts, calibration, classes)


def _thinned(matrices: list[Any]) -> list[Any]:
    step = max(1, -(-len(matrices) // MOST_CUTS))
    return [*matrices[::step], *([] if (len(matrices) - 1) % step == 0 else matrices[-1:])]


def _cut(matrix: Mapping[str, Any]) -> Cut:
    return Cut(
        float(matrix.get("threshold", 0.0)),
        *(
            _value(matrix, name)
            for name in ("truePositives", "falsePositives", "falseNegatives", "trueNegatives")
        ),
    )


def _merged(bins: list[Bin]) -> tuple[Bin, ...]:
    """Return bins of equal width in the place of many narrow ones, without those of no example."""
    low, high = min((b[0] for b in bins), default=0.0), max((b[0] for b in bins), default=0.0)
    wide = (high - low) / BINS or 1.0
    groups: dict[int, list[Bin]] = {}
    for one in bins:
        groups.setdefault(min(int((one[0] - low) / wide), BINS - 1), []).append(one)
    return tuple(_mean(groups[place]) for place in sorted(groups))


def _mean(bins: list[Bin]) -> Bin:
    weight = sum(one[2] for one in bins)
    said, label = (sum(one[i] * one[2] for one in bins) / weight for i in (0, 1))
    return said, label, weight


def _bin(bucket: Mapping[str, Any]) -> Bin | None:
    weight = _value(bucket, "numWeightedExamples")
    if not weight:
        return None
    said = _value(bucket, "totalWeightedRefinedPrediction") / weight
    return said, _value(bucket, "totalWeightedLabel") / weight, weight


def _id(entry: Mapping[str, Any], key: str) -> int:
    return int(entry.get(key, 0))


def _value(of: Mapping[str, Any], key: str) -> float:
    """Return a number that JSON may have as itself, in an envelope, or not at all where it is 0."""
    value = of.get(key, 0.0)
    return float(value.get("value", 0.0)) if isinstance(value, Mapping) else float(value)
