"""The report of a run: everything that there is to see of it, on one page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from markupsafe import Markup

from fluentml.report import data_views, model_views
from fluentml.report.card import ModelCard, card_view
from fluentml.report.drawing import draw_graph
from fluentml.report.lineage import lineage_view
from fluentml.report.markup import Content, element, join, slug
from fluentml.report.reading import Reader
from fluentml.report.tables import Cell, Row, facts, table
from fluentml.report.theme import Section, page
from fluentml.report.words import STATES, count, seconds, state_of

if TYPE_CHECKING:
    from fluentml.graph import Node
    from fluentml.local.record import Record

T = TypeVar("T")


def report_page(
    record: Record,
    card: ModelCard | None = None,
    *,
    more: Sequence[Section] = (),
    bar: Content = None,
) -> str:
    """Return the report of a run as one HTML document that needs nothing else.

    Args:
        record: What is known of the run.
        card: What its people say of the model; None for no model card.
        more: Further parts, behind the others.
        bar: What stands above all else.
    """
    return page(
        record.result.pipeline,
        [*sections(record, card), *more],
        kicker=f"Report of the run {record.result.run_id}",
        lead=head_view(record),
        footer=_footer(record),
        bar=bar,
    )


def overview(record: Record) -> Markup:
    """Return a run at a glance, for a notebook: the verdict, the gate, and the graph on demand."""
    result = record.result
    judged = result.evaluations or result.pushes
    graph = draw_graph(record.graph, result.nodes, running=record.running)
    return join(
        [
            _verdict(record),
            _gate(record) if judged else None,
            element("details", element("summary", "The graph"), graph),
        ]
    )


def sections(record: Record, card: ModelCard | None = None) -> Iterator[Section]:
    """Yield the parts of a report that the run has something for."""
    result, reader = record.result, Reader(record)
    if record.error:
        yield Section("error", "The error", element("pre", record.error))
    if card:
        yield Section("card", "Model card", card_view(card, record))
    yield Section("graph", "The pipeline", graph_view(record))
    if result.evaluations or result.pushes:
        yield Section("gate", "The gate", _gate(record))
    evaluation = partial(model_views.evaluation_view, gate=False)
    yield from _each("evaluation", "Evaluation", result.evaluations, evaluation)
    yield from _data(reader)
    yield from _training(reader)
    infra = result.infra_validations
    yield from _each("infra", "Infra validation", infra, model_views.infra_view)
    yield from _each(
        "predictions", "Predictions", reader.predictions(), model_views.predictions_view
    )
    yield Section("plan", "The plan", _plan(record))
    if lineage := lineage_view(record):
        yield Section("lineage", "Lineage", lineage)
    if record.code:
        yield Section("code", "The code at the time", _code(record.code))
    if record.versions:
        yield Section("versions", "Versions", facts([*record.versions.items()]))


def _each(
    id: str, title: str, found: Sequence[T], view: Callable[[T], Markup | None]
) -> Iterator[Section]:
    """Yield one section of all that was found; where it is several, each with its node's name."""
    shown = [(getattr(one, "node", ""), part) for one in found if (part := view(one))]
    if shown:
        several = len(shown) > 1
        parts = [[element("h3", node) if several else None, part] for node, part in shown]
        yield Section(id, title, join(parts))


def _data(reader: Reader) -> Iterator[Section]:
    statistics = reader.statistics()
    yield from _each("statistics", "Statistics", statistics, data_views.statistics_view)
    yield from _each("schema", "Schema", reader.schemas(), data_views.schema_view)
    views = [
        (one.node, data_views.validation_view(one, *reader.compared(one.node)))
        for one in reader.result.validations
    ]
    if views:
        parts = [[element("h3", node) if len(views) > 1 else None, view] for node, view in views]
        yield Section("anomalies", "Anomalies and drift", join(parts))
    comparisons = reader.result.comparisons
    yield from _each(
        "differences", "Differences of examples", comparisons, data_views.comparison_view
    )
    yield from _each(
        "transform", "What the transform learned", reader.transforms(), data_views.transform_view
    )


def _training(reader: Reader) -> Iterator[Section]:
    tunings = reader.result.tunings
    yield from _each("tuning", "Tuning", tunings, model_views.tuning_view)
    yield from _each("training", "Training", reader.trainings(), model_views.training_view)


# -- the head -------------------------------------------------------------------------------------


def head_view(record: Record) -> Markup:
    """Return the outcome of the run, or what there is of one so far."""
    return element("div", _verdict(record), _head(record), data_live="head")


def _verdict(record: Record) -> Markup:
    """Return the outcome of the run in a sentence or two."""
    result = record.result
    if record.error:
        said = record.error.splitlines()[0]
    elif record.ended is None:
        at_work = ", ".join(record.running)
        said = f"Not finished: {at_work} at work." if at_work else "Not finished."
    else:
        took = f" in {seconds(record.ended - record.started)}" if record.started else ""
        said = f"Every node did its work{took}." if result.succeeded else "Not every node ran."
    sentences = [said]
    for evaluation in result.evaluations[:1]:
        judged = {True: "The model is blessed", False: "The model is not blessed"}
        if evaluation.blessed is not None:
            why = "; ".join(evaluation.reasons)
            sentences.append(judged[evaluation.blessed] + (f": {why}." if why else "."))
    pushed = [push for push in result.pushes if push.destination]
    if result.pushes:
        sentences.append("It was pushed." if pushed else "Nothing was pushed.")
    return element("p", " ".join(sentences), class_="verdict")


def _head(record: Record) -> Markup:
    result = record.result
    states: dict[str, int] = {}
    for node in result.nodes.values():
        state = "running" if node.id in record.running else node.state
        states[state] = states.get(state, 0) + 1
    told: list[tuple[str, Content]] = [
        ("nodes", ", ".join(f"{amount} {state}" for state, amount in states.items()))
    ]
    if record.started:
        when = datetime.fromtimestamp(record.started)
        told.insert(0, ("begun", when.strftime("%-d %B %Y, %H:%M:%S")))
    if result.pushed_model:
        told.append(("pushed to", element("code", result.pushed_model)))
    told.append(("log", element("code", result.log)))
    return facts(told)


def _footer(record: Record) -> str:
    import fluentml

    return (
        f"Written by fluentml {fluentml.__version__} of what the run {record.result.run_id} left."
    )


# -- the pipeline ---------------------------------------------------------------------------------


def graph_view(record: Record) -> Markup:
    """Return the graph with what became of each node, and a table of the nodes."""
    links = {node.id: f"#node-{slug(node.id)}" for node in record.graph.nodes}
    drawn = draw_graph(record.graph, record.result.nodes, running=record.running, links=links)
    return element("div", drawn, _nodes_table(record), data_live="graph")


def _gate(record: Record) -> Markup:
    """Return what was asked of the model, what came of it, and what was pushed."""
    result = record.result
    several = len(result.evaluations) > 1
    judged = [
        [element("h3", one.node) if several else None, model_views.gate_view(one)]
        for one in result.evaluations
    ]
    unfit = [
        element("p", element("span", "Not fit to serve: ", class_="bad"), f"{reason}.")
        for one in result.infra_validations
        for reason in one.reasons
    ]
    pushed = [*map(model_views.push_view, result.pushes)]
    return join([judged, unfit, element("h3", "What was pushed") if pushed else None, pushed])


def _nodes_table(record: Record) -> Markup:
    rows: list[Row] = []
    for node in record.graph.nodes:
        found = record.result.nodes.get(node.id)
        state = state_of(node.id, record.result.nodes, record.running)
        took = Cell("", -1.0)
        if found and found.seconds >= 0.05:
            took = Cell(seconds(found.seconds), found.seconds)
        kind = {"failed": "bad", "skipped": "warn"}.get(state, "")
        name = element("a", node.id, href=f"#node-{slug(node.id)}")
        note = found.note if found else ""
        changed = ", ".join(found.changed) if found else ""
        rows.append([Cell(name, node.id), Cell(state, kind=kind), took, note, changed])
    heads = ["node", "state", "time", "outcome", "had changed"]
    if not any(row[4] for row in rows):
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    return table(heads, rows, caption="Every node", sortable=True, filterable=True)


def _plan(record: Record) -> Markup:
    """Return each node: its parameters, what it reads, and why it was wired so."""
    return join([_planned(node, record) for node in record.graph.nodes])


def _planned(node: Node, record: Record) -> Markup:
    kind, step = type(node.component).__name__, node.component
    found = record.result.nodes.get(node.id)
    state = state_of(node.id, record.result.nodes, record.running)
    told: list[tuple[str, Content]] = [("state", f"{state}: {STATES[state]}")]
    if kind != node.id:
        told.insert(0, ("component", kind))
    if step.when:
        told.append(("runs when", str(step.when)))
    if node.id in record.graph.settings.on:
        told.append(("on", str(record.graph.settings.on[node.id])))
    told += [(name, element("code", text)) for name, text in _parameters(node)]
    reads: list[Row] = [
        [key, element("code", str(wire.channel)), wire.reason] for key, wire in node.inputs.items()
    ]
    made = found.outputs if found else {}
    wrote: list[Row] = [
        [key, artifact.type, element("code", artifact.uri)]
        for key, artifacts in made.items()
        for artifact in artifacts
    ]
    return element(
        "div",
        element("h3", node.id),
        facts(told),
        table(["input", "reads", "why"], reads, caption=f"What {node.id} reads") if reads else None,
        table(["output", "type", "folder"], wrote, caption=f"What {node.id} made")
        if wrote
        else None,
        id=f"node-{slug(node.id)}",
        class_="planned",
    )


def _parameters(node: Node) -> list[tuple[str, str]]:
    """Return the parameters that were given, as JSON."""
    given = node.component.model_dump(
        mode="json", exclude={"id", "inputs", "when"}, exclude_defaults=True
    )
    texts = [(name, json.dumps(value, ensure_ascii=False)) for name, value in given.items()]
    return [(name, text if len(text) <= 600 else f"{text[:600]} …") for name, text in texts]


def _code(code: Mapping[str, str]) -> Markup:
    parts = [
        element(
            "details",
            element("summary", element("code", name), f", {count(text.count(chr(10)), 'line')}"),
            element("pre", text, tabindex="0"),
            open=len(code) == 1 or None,
        )
        for name, text in code.items()
    ]
    return join(parts)
