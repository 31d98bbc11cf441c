"""Do the steps fit together: labels and features, splits, and the gates before a push?"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from fluentml.capture import files_imported
from fluentml.checks import _csv
from fluentml.checks._paths import Problems
from fluentml.checks.files import files_of_csv
from fluentml.component import Component
from fluentml.components import (
    BulkInferrer,
    CsvExampleGen,
    DistributionValidator,
    Evaluator,
    ExampleDiff,
    ExampleGen,
    ExampleValidator,
    InfraValidator,
    MetricValue,
    Pusher,
    SchemaCuration,
    StatisticsGen,
    TrainingSteps,
    Transform,
)
from fluentml.errors import PipelineError, did_you_mean, listing
from fluentml.graph import Graph, Node


def label_exists(graph: Graph, node: Node) -> Problems:
    """Label and weight are columns of the CSV, or what preprocessing_fn may well make."""
    step = node.component
    if not isinstance(step, Evaluator):
        return
    columns = columns_of(graph, node)
    transforms = [n.component for n in graph.nodes if isinstance(n.component, Transform)]
    # What the signatures of a model from elsewhere make, only the model knows.
    if step.preprocessing_function_names and not transforms:
        return
    named = [*(("label", label) for label in step.labels), ("example_weight", step.example_weight)]
    for parameter, feature in named:
        if feature and columns and not _may_be_there(feature, columns, transforms):
            maker = " and preprocessing_fn makes none of that name" if transforms else ""
            yield PipelineError(
                f"{step.verb}: {parameter}={feature!r} is no column of the CSV{maker}.",
                f"The columns: {listing(columns)}.",
                hint=did_you_mean(feature, columns)
                or did_you_mean(feature.removesuffix("_xf"), columns)
                or "name a column, or a feature that preprocessing_fn returns.",
            )


def _may_be_there(feature: str, columns: list[str], transforms: list[Transform]) -> bool:
    if feature in columns:
        return True
    return any(_may_make(transform, feature, columns) for transform in transforms)


def _may_make(transform: Transform, feature: str, columns: list[str]) -> bool:
    if transform.features:
        return feature in transform.features.made()
    # "tips_xf" is made from "tips"; any other name must stand somewhere in the module's text.
    return any(column and feature.startswith(column) for column in columns) or _mentions(
        transform, feature
    )


def _mentions(transform: Transform, text: str) -> bool:
    path = Path(transform.module)
    if not path.is_file():
        return True
    code = path.read_text(errors="replace")
    imported = files_imported([(code, "")], path.parent).values()
    return text in code or any(text in file.read_text(errors="replace") for file in imported)


def _csv_header(step: CsvExampleGen) -> list[str] | None:
    files = [path for files in files_of_csv(step) for path in files]
    columns = _csv.header(files[0]) if files else []
    # An unreadable header is a problem of its own.
    readable = any(columns) and "\N{REPLACEMENT CHARACTER}" not in "".join(columns)
    return columns if readable else None


def columns_of(graph: Graph, node: Node) -> list[str] | None:
    """Return the raw features of what a node reads, where they are the columns of a CSV."""
    source = _example_gen(graph, node)
    return _csv_header(source) if isinstance(source, CsvExampleGen) else None


def column_has_text(graph: Graph, node: Node, column: str) -> bool:
    """Return whether what a node reads is a CSV that has text in a column."""
    source = _example_gen(graph, node)
    files = files_of_csv(source)[:1] if isinstance(source, CsvExampleGen) else []
    is_there = column in (columns_of(graph, node) or ())
    return is_there and any(_csv.has_text(path, column) for found in files for path in found[:1])


def features_exist(graph: Graph, node: Node) -> Problems:
    """The raw features that a step names are columns of the CSV."""
    for key, parameter, features in _features_named(node.component):
        source = _example_gen(graph, node, key)
        columns = _csv_header(source) if features and isinstance(source, CsvExampleGen) else None
        for feature in features if columns else ():
            if columns and feature not in columns:
                yield PipelineError(
                    f"{node.component.verb}: {parameter}= names {feature!r}, which is no column "
                    "of the CSV.",
                    f"The columns: {listing(columns)}.",
                    hint=did_you_mean(feature, columns) or "name a column.",
                )


Named: TypeAlias = tuple[str | None, str, Sequence[str]]
"""The input whose data are meant (None: the only one), the parameter, and what it names."""


def _features_named(step: Component) -> list[Named]:
    """Return the raw features that the step names."""
    if isinstance(step, Transform):
        return (
            [(None, *named) for named in step.features.by_role().items()] if step.features else []
        )
    if isinstance(step, StatisticsGen):
        return [(None, "slices", [feature for features in step.slices for feature in features])]
    if isinstance(step, ExampleValidator):
        return [(None, "drift", [*step.drift]), (None, "skew", [*step.skew])]
    if isinstance(step, DistributionValidator):
        return [("statistics", "thresholds", [*step.thresholds])]
    if isinstance(step, ExampleDiff):
        return [
            ("examples", "identifiers", step.identifiers),
            ("examples", "ignore", step.ignore),
            ("examples", "confusion", step.confusion),
            ("baseline_examples", "identifiers", step.identifiers),
        ]
    if isinstance(step, SchemaCuration):
        return [
            (None, "required", step.required),
            (None, "optional", step.optional),
            (None, "domains", [*step.domains]),
            (None, "label", [step.label] if step.label else []),
        ]
    return []


def splits_exist(graph: Graph, node: Node) -> Problems:
    """Every split that a step reads is one that the examples have."""
    for key, parameter, splits in _splits_read(node):
        for maker, made in itertools.islice(_splits_made(graph, node, key), 1):
            for split in splits:
                if split not in made:
                    yield PipelineError(
                        f"{node.component.verb} reads the split {split!r}, and {maker.verb} does "
                        "not make it.",
                        f"It makes: {listing(made)}.",
                        hint=f"rename the split there, or say which to read with {parameter}=.",
                    )


def _splits_made(
    graph: Graph, node: Node, key: str | None
) -> Iterator[tuple[Component, tuple[str, ...]]]:
    """Yield the steps behind an input that say which splits they make, the nearest first."""
    for step in _makers(graph, node, key):
        made = step.transformed if isinstance(step, Transform) else None
        made = step.split_names if isinstance(step, ExampleGen) else made
        if made is not None:
            yield step, made


def _splits_read(node: Node) -> list[Named]:
    """Return the splits that the node reads."""
    step = node.component
    if isinstance(step, TrainingSteps):
        return [
            (None, "train_splits", () if step.train_args else step.train_splits),
            (None, "eval_splits", () if step.eval_args else step.eval_splits),
        ]
    if isinstance(step, Evaluator):
        return [("examples", "splits", step.evaluated)]
    if isinstance(step, ExampleDiff | DistributionValidator):
        key = "examples" if isinstance(step, ExampleDiff) else "statistics"
        return [
            (key, "split_pairs", [one for one, _ in step.split_pairs]),
            (f"baseline_{key}", "split_pairs", [two for _, two in step.split_pairs]),
        ]
    if isinstance(step, ExampleValidator):
        is_same_data = bool(step.skew) and "serving_statistics" not in node.inputs
        return [(None, "serving_split", (step.serving_split,) if is_same_data else ())]
    if isinstance(step, Transform):
        plain = step.splits_config is None
        return [
            (None, "splits_to_analyze" if plain else "splits_config", step.analyzed),
            (None, "splits_to_transform" if plain else "splits_config", step.transformed or ()),
        ]
    if isinstance(step, InfraValidator) and "examples" in node.inputs:
        if step.serving_spec:
            return [(None, "request_spec", () if step.request_spec else ("eval",))]
        return [(None, "split", (step.split,))]
    return []


def _example_gen(graph: Graph, node: Node, key: str | None = None) -> ExampleGen | None:
    """Return the step that read the examples which this node gets, or what was made of them."""
    last = [*_makers(graph, node, key)][-1:] or [node.component]
    return last[0] if isinstance(last[0], ExampleGen) else None


def _makers(graph: Graph, node: Node, key: str | None = None) -> Iterator[Component]:
    """Yield the steps that made what this node gets, back to the one that read the examples.

    Args:
        graph: The wired pipeline.
        node: Where to look from.
        key: The input that is meant; default: the node's examples, statistics or schema.
    """
    while node.component.role != ExampleGen.ROLE:
        keys = (key,) if key else ("examples", "statistics", "schema")
        found = next((name for name in keys if name in node.inputs), None)
        if found is None:
            return
        node, key = graph[node.inputs[found].channel.node], None
        yield node.component


def metric_computed(graph: Graph, node: Node) -> Problems:
    """The metric that a condition looks at is one that the evaluation computes."""
    step = node.component
    judge = graph[node.inputs["evaluation"].channel.node].component
    if not isinstance(step, MetricValue) or not isinstance(judge, Evaluator) or judge.eval_config:
        return
    computed = {value.key: value.name for one in judge.metrics for value in one.values}
    if step.key not in computed:
        yield PipelineError(
            f"A condition looks at the metric {step.metric!r}, and {judge.verb} does not compute "
            "it.",
            f"It computes: {listing(computed.values())}.",
            hint=did_you_mean(step.metric, computed.values())
            or f"add it: {judge.VERB}(…, metrics=[…, {step.metric!r}]).",
        )


def gates(graph: Graph, node: Node) -> Problems:
    """Whatever waits for a blessing can get one, and waits for the one of its own model."""
    if isinstance(node.component, Pusher | BulkInferrer) and "model" in node.inputs:
        for key, kind in (("model_blessing", Evaluator), ("infra_blessing", InfraValidator)):
            if key in node.inputs:
                yield from _gate(node, graph[node.inputs[key].channel.node])
            elif key in node.component.reads():
                yield from _no_gate(graph, node, kind)


def _gate(node: Node, judge: Node) -> Problems:
    step, gate = node.component, judge.component
    if not isinstance(gate, Evaluator | InfraValidator):
        return
    mine, its = node.inputs["model"].channel, judge.inputs["model"].channel
    if mine != its:
        yield PipelineError(
            f"{step.verb} takes the model {str(mine)!r}, and the blessing of {judge.id!r}, "
            f"which judges {str(its)!r}.",
            hint="name a blessing of that model, or leave the blessing out of inputs=.",
        )
    if isinstance(gate, Evaluator) and not gate.can_bless:
        values = [value for metric in gate.metrics for value in metric.values]
        metric = next((value.name for value in values if value.direction), "AUC")
        yield PipelineError(
            f"{step.verb} waits for the blessing of {gate.verb}, which has no thresholds and "
            "so blesses no model: nothing would ever pass.",
            hint=f'say what good enough means: {gate.VERB}(…, thresholds={{"{metric}": 0.8}}).',
        )


def _no_gate(graph: Graph, node: Node, kind: type[Component]) -> Problems:
    model = node.inputs["model"].channel
    judges = [other for other in graph.nodes if isinstance(other.component, kind)]
    if judges:
        others = [f"{judge.id} judges {judge.inputs['model'].channel}" for judge in judges]
        yield PipelineError(
            f"{node.component.verb} takes the model {str(model)!r}, and no {kind.VERB}() judges "
            "that one.",
            f"{'; '.join(others)}.",
            hint=f'add {kind.VERB}(…, inputs={{"model": "{model}"}}, id="…") for it.',
        )
