"""What came of a run, as a person reads it on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluentml.results._tables import table

if TYPE_CHECKING:
    from fluentml.results import Evaluation, InfraValidation, RunResult, Tuning, Validation


def in_words(result: RunResult) -> str:
    """Return anomalies, best trials, metrics and verdicts."""
    blocks = [_validation_text(v) for v in result.validations if v.anomalies or v.distances]
    blocks += [comparison.in_words() for comparison in result.comparisons]
    blocks += [_tuning_text(tuning) for tuning in result.tunings]
    blocks += [_evaluation_text(evaluation) for evaluation in result.evaluations]
    blocks += [_infra_text(validation) for validation in result.infra_validations]
    blocks += [
        f"PUSHED to {push.destination}" if push.destination else f"NOT PUSHED because {push.reason}"
        for push in result.pushes
    ]
    return "\n".join(blocks).rstrip()


def _validation_text(validation: Validation) -> str:
    lines = [f"anomalies: {anomaly}" for anomaly in validation.anomalies]
    if validation.distances:
        rows = [("feature", "split", "kind", "measure", "distance", "threshold")]
        rows += [
            (d.feature, d.split, d.kind, d.measure, f"{d.value:.4g}", f"{d.threshold:g}")
            for d in validation.distances
        ]
        lines = [*table(rows), *lines]
    return "\n".join(lines)


def _tuning_text(tuning: Tuning) -> str:
    """Return the best three, and an empty line before what comes next."""
    rows = [("trial", "score", "hyperparameters")]
    for trial in tuning.trials[:3]:
        values = [
            f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in trial.hyperparameters.items()
            if not name.startswith("tuner/")
        ]
        rows.append((trial.id, f"{trial.score:.4g}", ", ".join(values)))
    return "\n".join([*table(rows), ""])


def _evaluation_text(evaluation: Evaluation) -> str:
    rows = [("metric", "value", "95 % interval", "baseline", "threshold")]
    unshown = 0
    for name, value in evaluation.metrics.items():
        # FairnessIndicators computes eight rates at each of its thresholds.
        if "@" in name and name not in evaluation.bounds:
            unshown += 1
            continue
        old = evaluation.baseline.get(name)
        before = "" if old is None else f"{old:.4g}"
        interval = " to ".join(f"{end:.4g}" for end in evaluation.intervals.get(name, ()))
        rows.append((name, f"{value:.4g}", interval, before, evaluation.bounds.get(name, "")))
    lines = table(rows)
    if unshown:
        lines.append(f"  and {unshown} rates at thresholds, in the result's evaluations")
    if evaluation.blessed is None:
        verdict = "NOT BLESSED because no threshold says what good enough means"
    elif evaluation.blessed:
        verdict = "BLESSED"
    else:
        verdict = "NOT BLESSED because " + "; ".join(evaluation.reasons)
    return "\n".join([*lines, verdict])


def _infra_text(validation: InfraValidation) -> str:
    if not validation.blessed:
        return "NOT BLESSED because " + "; ".join(validation.reasons)
    figures = []
    if validation.startup_s is not None:
        figures.append(f"loads in {validation.startup_s:.3g} s")
    for name, latency in validation.latency_ms.items():
        figures.append(f"{name} takes {latency:.3g} ms (percentile {validation.percentile:g})")
    if validation.memory_mb is not None:
        figures.append(f"{validation.memory_mb:.0f} MB of memory")
    return ": ".join(["FIT TO SERVE", *([", ".join(figures)] if figures else [])])
