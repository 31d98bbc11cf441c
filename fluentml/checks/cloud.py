"""Do the steps that read a cloud have what they need of it?"""

from __future__ import annotations

from fluentml.checks._paths import Problems
from fluentml.components import BigQueryExampleGen
from fluentml.errors import PipelineError
from fluentml.graph import Graph, Node


def temp_location(graph: Graph, node: Node) -> Problems:
    """A folder in Cloud Storage is named, by way of which the rows of BigQuery come."""
    step = node.component
    if not isinstance(step, BigQueryExampleGen) or step.temp_location:
        return
    arguments = graph.settings.beam_pipeline_args
    if not any(argument.startswith("--temp_location") for argument in arguments):
        yield PipelineError(
            f"{step.verb} gets its rows by way of Cloud Storage, and no folder there is named.",
            hint='write from_bigquery(…, temp_location="gs://bucket/tmp"), or '
            'with_beam_pipeline_args(["--temp_location=gs://bucket/tmp"]).',
        )
