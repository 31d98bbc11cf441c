"""Views of models: how they were trained and searched for, and what was found of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from fluentml.report import charts
from fluentml.report.markup import Content, element, join
from fluentml.report.tables import Cell, Row, facts, table
from fluentml.report.words import count, number, signed

if TYPE_CHECKING:
    from fluentml.results import Evaluation, InfraValidation, Plots, Push, Tuning
    from fluentml.results.predictions import Predictions
    from fluentml.results.training import Training

MOST_AXES, MOST_SLICES, MOST_ROWS = 7, 40, 20
DIFFERENCE = "_diff"


# -- training and tuning --------------------------------------------------------------------------


def training_view(training: Training) -> Markup:
    """Return a chart per measure, and how to open TensorBoard."""
    runs = [*dict.fromkeys(run for curves in training.curves.values() for run in curves)][:3]
    figures = [
        element(
            "figure",
            element("figcaption", element("strong", name.replace("_", " "))),
            charts.lines(
                {run: points for run, points in curves.items() if run in runs},
                title=f"{name} by {training.unit}",
                x_name=training.unit,
            ),
        )
        for name, curves in training.curves.items()
    ]
    last: list[Row] = [
        [name, *(curves[run][-1][1] if run in curves else "" for run in runs)]
        for name, curves in training.curves.items()
    ]
    # Of a single epoch there is no curve.
    has_curves = any(len(points) > 1 for by in training.curves.values() for points in by.values())
    command = element("code", f"tensorboard --logdir {training.folder}")
    return join(
        [
            [charts.key(runs), element("div", figures, class_="figures")] if has_curves else None,
            table(["measure", *runs], last, caption="The last values"),
            element("p", "More in TensorBoard: ", command, class_="soft"),
        ]
    )


def tuning_view(tuning: Tuning) -> Markup:
    """Return the trials, and a line for each through its values; the best stands out."""
    trials = tuning.trials
    if not trials:
        return element("p", "No trial succeeded.", class_="bad")
    names = [*dict.fromkeys(n for t in trials for n in t.hyperparameters if "/" not in n)]
    rows: list[Row] = [
        [t.id, t.score, *(_plain(t.hyperparameters.get(name)) for name in names)] for t in trials
    ]
    parts: list[Content] = [element("p", f"{count(len(trials), 'trial')}, the best first.")]
    axes = names[: MOST_AXES - 1]
    if len(trials) > 1 and axes:
        lines = [[*(_axis_value(t.hyperparameters.get(n)) for n in axes), t.score] for t in trials]
        parts.append(charts.parallel([*axes, "score"], lines, title=f"The trials of {tuning.node}"))
    heads = ["trial", "score", *names]
    parts.append(table(heads, rows, caption="Trials", sortable=True, filterable=True))
    return join(parts)


def _plain(value: str | int | float | bool | None) -> Content:
    return str(value) if isinstance(value, bool | str) else value


def _axis_value(value: str | int | float | bool | None) -> float | str:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


# -- evaluation -----------------------------------------------------------------------------------


def evaluation_view(evaluation: Evaluation, *, gate: bool = True) -> Markup:
    """Return metrics against thresholds and baseline, slices, and curves where there are some.

    Args:
        evaluation: What the evaluator found.
        gate: Whether to tell what was asked of the model; a report does so on its own.
    """
    return join(
        [
            _metrics(evaluation),
            [element("h3", "The gate"), gate_view(evaluation)] if gate else None,
            _slices(evaluation),
            [plots_view(plots) for plots in evaluation.plots],
        ]
    )


def _metrics(evaluation: Evaluation) -> Markup:
    old = evaluation.baseline
    rows: list[Row] = []
    for name, value in _shown(evaluation.metrics).items():
        before = old.get(name)
        change: Content | Cell = (
            "" if before is None else Cell(signed(value - before), value - before)
        )
        interval = " to ".join(number(end) for end in evaluation.intervals.get(name, ()))
        bound = evaluation.bounds.get(name, "")
        rows.append([name, value, interval, "" if before is None else before, change, bound])
    heads = ["metric", "value", "95 % interval", "baseline", "change", "threshold"]
    kept = [
        place
        for place in range(len(heads))
        if place < 2 or any(row[place] not in ("",) for row in rows)
    ]
    return table(
        [heads[place] for place in kept],
        [[row[place] for place in kept] for row in rows],
        caption="Over the whole data",
        sortable=len(rows) > 6,
        filterable=True,
    )


def _shown(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics but for TFMA's differences to the baseline, which have a column."""
    return {name: value for name, value in metrics.items() if not name.endswith(DIFFERENCE)}


def _of_slices(evaluation: Evaluation) -> list[str]:
    """Return the metrics that slices are shown by.

    FairnessIndicators computes eight rates at each of its thresholds, too many for columns.
    """
    names = dict.fromkeys(n for found in evaluation.slices.values() for n in _shown(found))
    return [name for name in names if "@" not in name or name in evaluation.bounds]


def gate_view(evaluation: Evaluation) -> Markup:
    """Return in plain language what was asked of the model, and what came of it."""
    if evaluation.blessed is None:
        return element("p", "No threshold was set, so the model got no blessing.", class_="soft")
    met = [check for check in evaluation.checks if check.passed]
    missed = [check for check in evaluation.checks if not check.passed]
    verdict = (
        element("span", "Blessed.", class_="good")
        if evaluation.blessed
        else element("span", "Not blessed.", class_="bad")
    )
    said = f" {len(met)} of {count(len(evaluation.checks), 'threshold')} met."
    parts: list[Content] = [element("p", verdict, said if evaluation.checks else "")]
    if evaluation.reasons:
        parts.append(element("ul", [element("li", f"{reason}.") for reason in evaluation.reasons]))
    rows: list[Row] = [
        [
            check.metric,
            check.slice or "the whole data",
            check.bound,
            "not computed" if check.value is None else check.value,
            "" if check.baseline is None else check.baseline,
            Cell("met", kind="good") if check.passed else Cell("not met", kind="bad"),
        ]
        for check in [*missed, *met]
    ]
    heads = ["metric", "slice", "asked", "value", "baseline", "verdict"]
    if rows:
        caption = "What the model had to reach"
        parts.append(table(heads, rows, caption=caption, sortable=True, filterable=True))
    return join(parts)


def _slices(evaluation: Evaluation) -> Markup | None:
    if not evaluation.slices:
        return None
    names = _of_slices(evaluation)
    rows: list[Row] = [
        [where, *(found.get(name, "") for name in names)]
        for where, found in sorted(evaluation.slices.items(), key=lambda item: slice_order(item[0]))
    ]
    figures = [_slice_chart(evaluation, name) for name in names if not name.endswith("Count")]
    both = ["this model", *(["baseline"] if evaluation.baseline_slices else [])]
    return join(
        [
            element("h3", "Slices"),
            charts.key(both, "dots"),
            element("div", figures[:6], class_="figures"),
            table(
                ["slice", *names],
                rows,
                caption=count(len(rows), "slice"),
                sortable=True,
                filterable=True,
            ),
        ]
    )


def _slice_chart(evaluation: Evaluation, name: str) -> Markup:
    found = [
        (where, metrics[name], evaluation.baseline_slices.get(where, {}).get(name))
        for where, metrics in sorted(
            evaluation.slices.items(), key=lambda item: slice_order(item[0])
        )
        if name in metrics
    ][:MOST_SLICES]
    whole = evaluation.metrics.get(name)
    caption = [element("strong", name)]
    if whole is not None:
        said = f" the dotted line is the whole data, {number(whole)}"
        caption.append(element("span", said, class_="soft"))
    chart = charts.dots(found, title=f"{name} by slice", whole=whole)
    return element("figure", element("figcaption", caption), chart)


def slice_order(where: str) -> tuple[tuple[str, float, str], ...]:
    """Return what sorts slices by name, those of numbers by number; the whole data come first."""
    parts: list[tuple[str, float, str]] = []
    for part in where.split(", "):
        name, _, value = part.partition(":")
        try:
            parts.append((name, float(value), ""))
        except ValueError:
            parts.append((name, float("inf"), value))
    return tuple(parts)


def plots_view(plots: Plots) -> Markup:
    """Return ROC curve, calibration and confusion matrix, those that were computed."""
    figures = []
    if plots.roc:
        chart = charts.lines(
            {"this model": plots.roc},
            title="ROC curve",
            x_name="false positive rate",
            y_name="true positive rate",
            diagonal=True,
            dots=False,
        )
        figures.append(
            element("figure", element("figcaption", element("strong", "ROC curve")), chart)
        )
    if plots.calibration:
        chart = charts.lines(
            {"this model": [(said, label) for said, label, _ in plots.calibration]},
            title="Calibration",
            x_name="predicted",
            y_name="observed",
            diagonal=True,
            dots=True,
        )
        caption = element("figcaption", element("strong", "Calibration"))
        figures.append(element("figure", caption, chart))
    if plots.cuts:
        figures.append(_confusion(plots))
    if plots.classes:
        figures.append(_classes(plots))
    heading = element("h3", f"Curves of {plots.output}" if plots.output else "Curves")
    return join([heading, element("div", figures, class_="figures")])


def _confusion(plots: Plots) -> Markup:
    cut = min(plots.cuts, key=lambda cut: abs(cut.threshold - 0.5))
    rows: list[Row] = [
        ["positive", cut.true_positives, cut.false_negatives],
        ["negative", cut.false_positives, cut.true_negatives],
    ]
    caption = f"Confusion at the threshold {number(cut.threshold, 2)}"
    return table(["actual", "called positive", "called negative"], rows, caption=caption)


def _classes(plots: Plots) -> Markup:
    """Return which classes are taken for which."""
    found = {(actual, said): weight for actual, said, weight in plots.classes}
    names = sorted({place for pair in found for place in pair})
    rows: list[Row] = [
        [str(actual), *(found.get((actual, said), 0.0) for said in names)] for actual in names
    ]
    heads = ["actual ╲ predicted", *map(str, names)]
    return table(heads, rows, caption="Confusion of the classes")


# -- delivery -------------------------------------------------------------------------------------


def infra_view(validation: InfraValidation) -> Markup:
    """Return whether a model can be served, and how fast."""
    verdict = (
        element("span", "Fit to serve.", class_="good")
        if validation.blessed
        else element("span", "Not fit to serve.", class_="bad")
    )
    parts: list[Content] = [element("p", verdict)]
    parts += [element("p", f"{reason}.") for reason in validation.reasons]
    known: list[tuple[str, Content]] = []
    if validation.startup_s is not None:
        known.append(("loading the model", f"{number(validation.startup_s, 3)} s"))
    if validation.memory_mb is not None:
        known.append(("memory at its peak", f"{number(validation.memory_mb, 3)} MB"))
    parts.append(facts(known) if known else None)
    if validation.latencies_ms:
        parts.append(_latencies(validation.latencies_ms))
    elif validation.latency_ms:
        rank = f"{validation.percentile:g} %" if validation.percentile else ""
        rows: list[Row] = [[name, value] for name, value in validation.latency_ms.items()]
        parts.append(table(["signature", f"{rank} took at most, ms"], rows, caption="Latency"))
    return join(parts)


def _latencies(by_signature: Mapping[str, Sequence[float]]) -> Markup:
    ranks = (50, 90, 95, 99, 100)
    rows: list[Row] = []
    for name, values in by_signature.items():
        ordered = sorted(values)
        figures = [ordered[-(-len(ordered) * rank // 100) - 1] for rank in ranks]
        rows.append([name, len(ordered), *figures])
    heads = ["signature", "requests", *(f"{rank} %" for rank in ranks[:-1]), "slowest"]
    caption = "Milliseconds for an example that so many of the requests did not exceed"
    return table(heads, rows, caption=caption)


def push_view(push: Push) -> Markup:
    """Return where a model was pushed, or why not."""
    if push.destination:
        where = element("code", push.destination)
        return element(
            "p", element("span", "Pushed", class_="good"), f" by {push.node} to ", where, "."
        )
    why = f" by {push.node}: {push.reason}." if push.reason else f" by {push.node}."
    return element("p", element("span", "Not pushed", class_="warn"), why)


def predictions_view(predictions: Predictions) -> Markup:
    """Return the first rows of the predictions."""
    made = predictions.to_arrow().slice(0, MOST_ROWS)
    # What the model said stands behind the features, and is what one looks for.
    names = made.column_names[::-1]
    rows: list[Row] = [[_value(row[name]) for name in names] for row in made.to_pylist()]
    total = len(predictions)
    caption = f"The first {len(rows)} of {count(total, 'prediction')}"
    lead = element("p", f"{count(total, 'prediction')} of {predictions.node}.")
    return join([lead, table(names, rows, caption=caption, sortable=True)])


def _value(value: object) -> Content:
    if value is None:
        return "–"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, list):
        return ", ".join(str(_value(one)) for one in value[:8]) + (" …" if len(value) > 8 else "")
    return charts.shortened(
        value.decode(errors="replace") if isinstance(value, bytes) else str(value), 40
    )
