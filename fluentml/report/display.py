"""What notebooks show of a value: a picture, and text for terminals."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from fluentml.errors import FluentmlError
from fluentml.report.drawing import draw_graph
from fluentml.report.theme import fragment

if TYPE_CHECKING:
    from fluentml.graph import Graph
    from fluentml.results import NodeResult, RunResult

Bundle = dict[str, str]


def bundle(content: Markup, text: str) -> Bundle:
    """Return what `_repr_mimebundle_` gives."""
    return {"text/html": str(fragment(content, text)), "text/plain": text}


def of_pipeline(graph: Graph, text: str) -> Bundle:
    """Return a pipeline's graph, with what became of each node that is as it was in the last run.

    Args:
        graph: The wired pipeline.
        text: What a terminal shows.
    """
    return bundle(draw_graph(graph, _still_true(graph) or None), text)


def of_value(value: Any) -> Bundle:
    """Return what a notebook shows of a value that a run made."""
    from fluentml.results import RunResult

    if isinstance(value, RunResult):
        return _of_result(value)
    return bundle(_views()[type(value)](value), repr(value))


def _of_result(result: RunResult) -> Bundle:
    """Return the graph of a run, its nodes, and its verdicts."""
    from fluentml.local.record import record_of
    from fluentml.report.run import overview

    text = result.summary() or repr(result)
    try:
        return bundle(overview(record_of(result)), text)
    except (FluentmlError, OSError):
        # Nothing tells how its nodes were wired.
        return {"text/plain": text}


def _still_true(graph: Graph) -> Mapping[str, NodeResult]:
    """Return what became of nodes in the last run that are as they were, inputs included."""
    from fluentml.local.record import read_record, run_ids

    ids = run_ids(graph.settings)
    if not ids:
        return {}
    with contextlib.suppress(FluentmlError, OSError, ValueError):
        record = read_record(graph.settings, ids[-1])
        then = {node.id: node for node in record.graph.nodes}
        same: dict[str, NodeResult] = {}
        for node in graph.nodes:
            found = record.result.nodes.get(node.id)
            if then.get(node.id) == node and found and {*node.upstream} <= same.keys():
                same[node.id] = found
        return same
    return {}


@cache
def _views() -> Mapping[type, Callable[[Any], Markup]]:
    """Return the view of each kind of value."""
    from fluentml import results
    from fluentml.report import data_views, model_views
    from fluentml.results.predictions import Predictions
    from fluentml.results.schema import Schema
    from fluentml.results.statistics import Statistics
    from fluentml.results.training import Training
    from fluentml.results.transform import TransformGraph

    return {
        Statistics: data_views.statistics_view,
        Schema: data_views.schema_view,
        results.Validation: data_views.validation_view,
        results.Comparison: data_views.comparison_view,
        TransformGraph: data_views.transform_view,
        Training: model_views.training_view,
        results.Tuning: model_views.tuning_view,
        results.Evaluation: model_views.evaluation_view,
        results.InfraValidation: model_views.infra_view,
        results.Push: model_views.push_view,
        Predictions: model_views.predictions_view,
    }
