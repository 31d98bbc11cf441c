"""What can be known wrong before anything runs.

User code is parsed, never imported; of great data files only a part is read. Whatever lies
behind a URI (`gs://…`) is left to the run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from fluentml import components as kinds
from fluentml.checks import cloud, files, fit, user_code, user_functions
from fluentml.checks._paths import Problems
from fluentml.component import Component
from fluentml.errors import PipelineError
from fluentml.graph import Graph, Node


class Check(NamedTuple):
    """A look at the nodes of these kinds."""

    look: Callable[[Graph, Node], Problems]
    kinds: tuple[type[Component], ...]


CHECKS: tuple[Check, ...] = (
    Check(files.data_files, (kinds.FileBasedExampleGen,)),
    Check(files.csv_rows, (kinds.CsvExampleGen,)),
    Check(
        files.imported_files, (kinds.ImportSchemaGen, kinds.ImportedArtifact, kinds.SqlExampleGen)
    ),
    Check(cloud.temp_location, (kinds.BigQueryExampleGen,)),
    Check(cloud.image_of_job, (kinds.TrainingSteps,)),
    Check(user_code.user_code, (kinds.UserCode,)),
    Check(user_functions.user_functions, (kinds.Transform, kinds.TrainingSteps, kinds.Evaluator)),
    Check(
        fit.splits_exist,
        (
            kinds.ExampleValidator,
            kinds.ExampleDiff,
            kinds.DistributionValidator,
            kinds.Transform,
            kinds.TrainingSteps,
            kinds.Evaluator,
            kinds.InfraValidator,
        ),
    ),
    Check(fit.label_exists, (kinds.Evaluator,)),
    Check(user_code.metric_modules, (kinds.Evaluator,)),
    Check(
        fit.features_exist,
        (
            kinds.StatisticsGen,
            kinds.SchemaCuration,
            kinds.ExampleValidator,
            kinds.ExampleDiff,
            kinds.DistributionValidator,
            kinds.Transform,
        ),
    ),
    Check(fit.gates, (kinds.Pusher, kinds.BulkInferrer)),
    Check(fit.metric_computed, (kinds.MetricValue,)),
)


def check(graph: Graph) -> list[PipelineError]:
    """Return every problem of a wired pipeline, in the order of its nodes."""
    problems = [
        problem
        for node in graph.nodes
        for check in CHECKS
        if isinstance(node.component, check.kinds)
        for problem in check.look(graph, node)
    ]
    return list({str(problem): problem for problem in problems}.values())
