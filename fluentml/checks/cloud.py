"""Do the steps that a cloud has a part in have what they need of it?"""

from __future__ import annotations

import re
from pathlib import Path

from fluentml.checks._paths import Problems
from fluentml.components import BigQueryExampleGen, Pusher, TrainingSteps
from fluentml.components._google_cloud import STOCK_IMAGES
from fluentml.errors import PipelineError
from fluentml.graph import Graph, Node
from fluentml.spec import absolute


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


def image_of_job(graph: Graph, node: Node) -> Problems:
    """The image in which a job trains has what the function of the step needs."""
    step = node.component
    if not isinstance(step, TrainingSteps) or not step.vertex:
        return
    needed = _needed_there(step)
    if needed and step.vertex.image.startswith(STOCK_IMAGES):
        yield PipelineError(
            f"{step.verb} needs {needed!r} in the image of its job, and {step.vertex.image!r} has "
            "not that: it is TFX's own.",
            hint="make an image with it: `fluentml image`.",
        )


def root_out_of_reach(graph: Graph, node: Node) -> Problems:
    """Google Cloud works under the pipeline root, which it has to reach.

    The root is that of a target, so this is asked of each.
    """
    step, root = node.component, graph.settings.root
    if not isinstance(step, Pusher | TrainingSteps) or root.startswith("gs://"):
        return
    if step.needs_google_cloud:
        does = "take the model from" if isinstance(step, Pusher) else "read and write under"
        yield PipelineError(
            f"{step.verb} lets {step.needs_google_cloud} {does} the pipeline root, and {root!r} is "
            "not on Google Cloud Storage.",
            hint=f'name a bucket: PipelineDef({graph.settings.name!r}, root="gs://bucket/…").',
        )


def _needed_there(step: TrainingSteps) -> str:
    """Return a module that a step's function needs beside those that TFX ships; "" if none."""
    if not step.module_is_file:
        return step.module.partition(".")[0]
    file = Path(absolute(step.module))
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    return "fluentml" if re.search(r"^\s*(import|from) fluentml\b", text, re.M) else ""
