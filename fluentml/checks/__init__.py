"""What can be known wrong before anything runs.

User code is parsed, never imported; of data files only the first rows are read. Whatever
lies behind a URI (`gs://…`) is left to the run.
"""

from __future__ import annotations

from collections.abc import Callable

from fluentml.checks import files, fit, user_code
from fluentml.checks._paths import Problems
from fluentml.errors import PipelineError
from fluentml.graph import Graph, Node

CHECKS: tuple[Callable[[Graph, Node], Problems], ...] = (
    files.data_files,
    files.csv_rows,
    files.imported_files,
    user_code.user_code,
    fit.splits_exist,
    fit.label_exists,
    fit.features_exist,
    fit.gates,
)


def check(graph: Graph) -> list[PipelineError]:
    """Return every problem of a wired pipeline, in the order of its nodes."""
    problems = [problem for node in graph.nodes for look in CHECKS for problem in look(graph, node)]
    return list({str(problem): problem for problem in problems}.values())
