"""A whole chain on a sample of its data, in seconds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fluentml.backends.local import LocalBackend
from fluentml.component import WHEN, Component
from fluentml.components import (
    BulkInferrer,
    MetricValue,
    ModelConverter,
    Pusher,
    Trainer,
    TrainingSteps,
    Transform,
    Tuner,
)
from fluentml.components.transform import STATISTICS
from fluentml.errors import DefinitionError, did_you_mean, listing
from fluentml.graph import Graph, Node
from fluentml.live import LiveObject
from fluentml.pipeline import PipelineDef
from fluentml.results import RunResult
from fluentml.sources import PathLike
from fluentml.spec import FrozenDict, is_remote
from fluentml.testing._roots import checked, under
from fluentml.testing._samples import sample

VERB = "smoke_train()"
STEPS = 2
GATES = ("model_blessing", "infra_blessing")
GATED = (Pusher, BulkInferrer, ModelConverter)


def smoke_train(
    pipeline: PipelineDef,
    rows: int = 200,
    *,
    sources: Mapping[str, Component] | None = None,
    params: Mapping[str, Any] | None = None,
    root: PathLike | None = None,
) -> RunResult:
    """Run a pipeline on a sample of its data, with two batches to train on and two trials.

    Every step runs, also behind a threshold, a condition or an anomaly that would have stopped it:
    the result has the verdicts, metrics and anomalies. Nothing leaves the root: models are pushed
    into it, tables are written there, exit steps are left out; steps of your own run as they are.

    Args:
        pipeline: The chain.
        rows: How many rows to take of each source, at least 1: drawn from the first 10,000 of each
            file, the same ones every time, or the first ones of a query.
        sources: What to read in place of a source, by the id of its step, as it is:
            `{"CsvExampleGen": fml.from_csv("tests/data")}`. Needed for those that lie in the cloud
            or are components of yours.
        params: Values of runtime parameters.
        root: Folder for all that the run makes. Default: a temporary one that goes when this
            process ends.

    Returns:
        What came of the run, its metrics and predictions included.

    Raises:
        BackendError: The pipeline cannot run on this machine.
        CheckError: Something is wrong that can be known before anything runs.
        DefinitionError: A source cannot be sampled, or `sources` names none of the pipeline's.
        RunError: A step failed.
    """
    if type(rows) is not int or rows < 1:
        raise DefinitionError(
            f"{VERB} takes a sample of rows={rows!r}.", hint="take a whole number, such as 200."
        )
    graph = under(root, checked(pipeline, params, VERB))
    return LocalBackend().run(small(graph, rows, sources or {}))


def small(graph: Graph, rows: int, sources: Mapping[str, Component]) -> Graph:
    """Return the graph of a smoke run, and write the sample that it reads.

    Args:
        graph: The pipeline, under the root of the smoke run.
        rows: As in `smoke_train`.
        sources: As in `smoke_train`.
    """
    named = _named(sources, graph)
    nodes = [_small(node, rows, graph, named) for node in graph.nodes if _is_kept(node)]
    return graph.model_copy(update={"nodes": tuple(nodes)})


def _named(sources: Mapping[str, Any], graph: Graph) -> Mapping[str, Component]:
    ids = [node.id for node in graph.nodes if node.component.role == "ExampleGen"]
    for id, source in sources.items():
        if id not in ids:
            raise DefinitionError(
                f"{VERB} gets a source for {id!r}, and the pipeline has no such one.",
                f"Its sources: {listing(ids, 'none')}.",
                hint=did_you_mean(id, ids) or "take one of these.",
            )
        if not isinstance(source, Component) or source.role != "ExampleGen":
            raise DefinitionError(
                f"{VERB} takes a source of examples for {id!r}, not {source!r}.",
                hint=f'write sources={{"{id}": fml.from_csv("tests/data")}}.',
            )
    return sources


def _is_kept(node: Node) -> bool:
    """Return whether a node has something to do: nobody is told, and no condition asks."""
    return not node.component.AT_EXIT and not isinstance(node.component, MetricValue)


def _small(node: Node, rows: int, graph: Graph, sources: Mapping[str, Component]) -> Node:
    step, root = node.component, graph.settings.pipeline_root
    if node.id in sources:
        return Node(component=sources[node.id].model_copy(update={"id": node.id}))
    if step.role == "ExampleGen":
        return Node(component=sample(step, rows, Path(root, "_sample", node.id)))
    inputs = {
        key: wire
        for key, wire in node.inputs.items()
        if not key.startswith(WHEN) and not (key in GATES and isinstance(step, GATED))
    }
    changed = step.model_copy(update={"when": None, **_changes(step, graph)})
    return node.model_copy(update={"component": changed, "inputs": FrozenDict(inputs)})


def _changes(step: Component, graph: Graph) -> dict[str, Any]:
    """Return what is different of a step, by field."""
    root = graph.settings.pipeline_root
    if isinstance(step, TrainingSteps):
        return _few(step)
    if isinstance(step, Pusher):
        elsewhere = dict.fromkeys(("push_destination", "vertex", "bigquery_ml", "executor"))
        return {**elsewhere, "destination": f"{root}/_pushed/{step.id}"}
    if isinstance(step, BulkInferrer) and step.write_to:
        return {"write_to": f"{root}/_written/{step.id}/{Path(step.write_to).name}"}
    if isinstance(step, Transform):
        return {"disable_statistics": step.disable_statistics or _nobody_reads(step, graph)}
    return {"fail_on": None} if "fail_on" in type(step).model_fields else {}


def _nobody_reads(step: Transform, graph: Graph) -> bool:
    """Return whether Transform's statistics, half of its time, matter to no code of the chain."""
    read = {channel.output for channel, _, _ in graph.edges() if channel.node == step.id}
    return read.isdisjoint(STATISTICS) and not _sets_up_statistics(step)


def _sets_up_statistics(step: Transform) -> bool:
    function = "stats_options_updater_fn"
    if not step.module_is_file or is_remote(step.module):
        return getattr(step, function) is not None
    return function in Path(step.module).read_text(encoding="utf-8", errors="replace")


def _few(step: TrainingSteps) -> dict[str, Any]:
    changes: dict[str, Any] = {"vertex": None}
    for phase in ("train", "eval"):
        proto = getattr(step, f"{phase}_args")
        if proto:
            text = json.dumps({**json.loads(proto.text), "num_steps": STEPS})
            changes[f"{phase}_args"] = proto.model_copy(update={"text": text})
        else:
            changes[f"{phase}_steps"] = STEPS
    executor = "Trainer" if isinstance(step, Trainer) else "Tuner"
    if isinstance(step, Tuner):
        changes |= {"parallel_trials": 1, "tune_args": None}
    ours = LiveObject(f"fluentml.executors.smoke:{executor}")
    return {**changes, "executor": step.executor or ours}
