"""A pipeline whose components do nothing: what is wired to what, what runs, and when."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fluentml.backends.local import LocalBackend
from fluentml.components import ExampleGen, MetricValue, Pusher
from fluentml.errors import DefinitionError, RunError, did_you_mean, listing
from fluentml.graph import Graph, Node
from fluentml.pipeline import PipelineDef
from fluentml.results import RunResult
from fluentml.sources import PathLike
from fluentml.spec import FrozenDict
from fluentml.testing._roots import WITHOUT_EXECUTOR, checked, under

if TYPE_CHECKING:
    from fluentml.local.cache import Cache
    from fluentml.local.launching import Launcher
    from fluentml.local.store import Store

VERB = "stub_run()"


def stub_run(
    pipeline: PipelineDef,
    *,
    refuse: Collection[str] = (),
    fail: Collection[str] = (),
    values: Mapping[str, Any] | None = None,
    real: Collection[str] = (),
    recorded: PathLike | None = None,
    params: Mapping[str, Any] | None = None,
    root: PathLike | None = None,
) -> RunResult:
    """Run a pipeline with executors that do nothing, and return which nodes ran.

    All else is real: checks, wiring, drivers, conditions, TFX's launcher and ML Metadata. Artifacts
    lie where the components would put them, empty; every model is blessed. Nothing is pushed,
    and nobody is notified.

    Args:
        pipeline: The chain.
        refuse: Ids of the steps that bless no model: of evaluate_model() or infra_validate().
        fail: Ids of the steps that fail; the run then ends as it would, with its exit steps.
        values: What conditions look at: of a metric by its name, `{"AUC": 0.9}`, unless its
            evaluation is recorded; of another value by its channel, `{"CountRows.count": 7}`, 0 or
            empty unless given.
        real: Ids of the steps whose own executors run, such as components of yours.
        recorded: A folder that TFX's `pipeline_recorder` wrote; what it has of an output is copied,
            but for values.
        params: Values of runtime parameters.
        root: Folder for artifacts and ML Metadata: with the same one, a second run finds those of
            the first. Default: a temporary folder that goes when this process ends.

    Returns:
        What came of the run. `nodes` has the state of each: `done`, `skipped`, `failed` or
        `not run`.

    Raises:
        CheckError: Something is wrong that can be known before anything runs.
        DefinitionError: A step cannot do what was asked of it, or a condition lacks its value.
        WiringError: There is no such step.
        RunError: A step failed that was not meant to.
    """
    graph = under(root, checked(pipeline, params, VERB))
    backend = StubBackend(
        refuse=_ids(refuse, "refuse"),
        fail=_ids(fail, "fail"),
        real=_ids(real, "real"),
        values=FrozenDict(values),
        recorded=None if recorded is None else os.path.abspath(recorded),  # noqa: PTH100
    )
    backend.check(graph)
    try:
        return backend.run(graph)
    except RunError as failure:
        if failure.node in backend.fail:
            return failure.result
        raise


class StubBackend(LocalBackend):
    """The local backend with stub executors; its fields are the parameters of `stub_run`."""

    refuse: frozenset[str] = frozenset()
    fail: frozenset[str] = frozenset()
    real: frozenset[str] = frozenset()
    values: FrozenDict[str, Any] = FrozenDict()
    recorded: str | None = None

    def check(self, graph: Graph) -> None:
        """Raise what cannot be asked of the steps of this pipeline."""
        for node in map(graph.__getitem__, sorted(self.refuse | self.fail | self.real)):
            if not _has_executor(node):
                raise DefinitionError(
                    f"{VERB} cannot change {node.id!r}: it runs no executor, and finds what is "
                    "there.",
                    hint="name a step that reads from it.",
                )
            if node.id in self.real & (self.refuse | self.fail):
                raise DefinitionError(
                    f"{VERB} gets {node.id!r} as real=, and a verdict for it.",
                    hint="a step that runs its own executor decides by itself.",
                )
        judges = [node.id for node in graph.nodes if _blesses(node)]
        for id in sorted(self.refuse.difference(judges)):
            raise DefinitionError(
                f"{VERB} cannot let {id!r} refuse a model: it blesses none.",
                f"Those that do: {listing(judges, 'none')}.",
                hint="fail= lets any step fail.",
            )
        self._check_values(graph)
        if self.recorded and not Path(self.recorded).is_dir():
            raise DefinitionError(
                f"{VERB} finds no folder {self.recorded!r}.",
                hint="TFX's pipeline_recorder writes one: <recorded>/<node>/<output>/<number>.",
            )

    def _check_values(self, graph: Graph) -> None:
        looked_at = [node for node in graph.nodes if isinstance(node.component, MetricValue)]
        metrics = [_metric(node) for node in looked_at]
        for node, metric in zip(looked_at, metrics, strict=True):
            if self.is_real(node):
                continue
            if metric not in self.values:
                raise DefinitionError(
                    f"A condition looks at {metric!r}, and {VERB} computes no metrics.",
                    hint=f'say what it is: values={{"{metric}": 0.9}}.',
                )
            if not isinstance(self.values[metric], int | float):
                raise DefinitionError(
                    f"{VERB} gets {self.values[metric]!r} for the metric {metric!r}.",
                    hint=f'give it a number: values={{"{metric}": 0.9}}.',
                )
        channels = [f"{n.id}.{key}" for n in graph.nodes for key in n.component.provides() or ()]
        # What the outputs of a function's component are, only calling it can tell.
        trusted = [node.id for node in graph.nodes if node.component.provides() is None]
        for name in self.values:
            if name not in (*metrics, *channels) and name.rpartition(".")[0] not in trusted:
                raise DefinitionError(
                    f"{VERB} gets a value for {name!r}, which is neither a metric that a condition "
                    "looks at nor a channel.",
                    hint=did_you_mean(name, [*metrics, *channels]) or "leave it out.",
                )

    def has_recorded(self, id: str) -> bool:
        """Return whether there are recorded artifacts of a node."""
        return self.recorded is not None and Path(self.recorded, id).is_dir()

    def is_real(self, node: Node) -> bool:
        """Return whether a node's own executor runs."""
        if not isinstance(node.component, MetricValue) or node.component.metric in self.values:
            return node.id in self.real
        evaluator = node.inputs["evaluation"].channel.node
        return bool(self.real & {node.id, evaluator}) or self.has_recorded(evaluator)

    def role(self, node: Node) -> dict[str, Any]:
        """Return what the stub of a node has to do."""
        step = node.component
        values = {
            name.removeprefix(f"{node.id}."): value
            for name, value in self.values.items()
            if name.startswith(f"{node.id}.")
        }
        if isinstance(step, MetricValue):
            values = {"value": float(self.values[step.metric])}
        return {
            "fails": node.id in self.fail,
            "refuses": node.id in self.refuse,
            "values": values,
            "splits": (isinstance(step, ExampleGen) and step.split_names) or ["train", "eval"],
            "require_push": isinstance(step, Pusher) and step.require_push,
        }

    def look_around(self, graph: Graph) -> None:
        """Look for nothing: stubs need neither Docker nor credentials."""

    def cache_in(self, graph: Graph, store: Store, forced: Collection[str] = ()) -> Cache:
        """Return what takes nothing over, and keeps nothing."""
        from fluentml.testing._stub_run import NoCache

        return NoCache(graph, store, enabled=False)

    def launcher(self, graph: Graph, run_id: str, log: Path) -> Launcher:
        """Return what launches stubs here, but for the steps that are real."""
        from fluentml.local.launching import Here
        from fluentml.testing._stub_run import StubDesk

        stubs = [node for node in graph.nodes if not self.is_real(node)]
        return Here(
            lambda: StubDesk(
                *(graph, run_id),
                roles={node.id: json.dumps(self.role(node)) for node in stubs},
                # TFX's stub wants a folder in any case.
                recorded=self.recorded or str(log.parent),
                full={n.id for n in graph.nodes if self.is_real(n) or self.has_recorded(n.id)},
                metrics=self.values,
            )
        )


def _has_executor(node: Node) -> bool:
    """Return whether the node does anything at all: TFX's resolvers and importers only look."""
    return not isinstance(node.component, WITHOUT_EXECUTOR)


def _blesses(node: Node) -> bool:
    kinds = {*(node.component.provides() or {}).values()}
    return _has_executor(node) and not kinds.isdisjoint(("ModelBlessing", "InfraBlessing"))


def _metric(node: Node) -> str:
    assert isinstance(node.component, MetricValue)
    return node.component.metric


def _ids(given: Collection[str], name: str) -> frozenset[str]:
    if isinstance(given, str):
        raise DefinitionError(
            f"{VERB} takes {name}= as a set of ids, not {given!r}.",
            hint=f"write {name}={{{given!r}}}.",
        )
    return frozenset(given)
