"""The pipeline of a test's run, whose files never lie where the pipeline's own do."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Mapping
from typing import Any

from fluentml.components import ImportedArtifact, LatestBlessedModel, Resolver
from fluentml.components.resolver import LastModel, LastRead, PreviousAnalyzerCache
from fluentml.errors import DefinitionError
from fluentml.graph import Graph, Settings
from fluentml.pipeline import PipelineDef
from fluentml.sources import PathLike

WITHOUT_EXECUTOR = (
    ImportedArtifact,
    LastModel,
    LastRead,
    LatestBlessedModel,
    PreviousAnalyzerCache,
    Resolver,
)
"""The steps that only look for what is there."""


def checked(pipeline: PipelineDef, params: Mapping[str, Any] | None, verb: str) -> Graph:
    """Return the graph of a pipeline in which `check` finds nothing.

    Args:
        pipeline: What the test passes.
        params: Values of its runtime parameters.
        verb: What got it, for messages.

    Raises:
        CheckError: Something is wrong.
        DefinitionError: It is no pipeline, or has no such parameter.
    """
    if not isinstance(pipeline, PipelineDef):
        raise DefinitionError(
            f"{verb} takes a pipeline first, not {pipeline!r}.",
            hint="import it from the file that builds it: from taxi import pipeline.",
        )
    return pipeline.with_params(params or {}).check().graph


def under(root: PathLike | None, graph: Graph) -> Graph:
    """Return the graph with another root, ML Metadata in a file there, and Beam in this process.

    Args:
        root: The root; None, a temporary folder that goes when this process ends.
        graph: The pipeline.
    """
    if root is None:
        root = tempfile.mkdtemp(prefix=f"fluentml-{graph.settings.name}-")
        atexit.register(shutil.rmtree, root, ignore_errors=True)
    changes = {"root": os.fspath(root), "metadata": None, "beam_pipeline_args": ()}
    changed = Settings.model_validate({**dict(graph.settings), **changes})
    return graph.model_copy(update={"settings": changed})
