"""What Vertex AI and Kubeflow have in common: what they refuse, known before a graph is lowered."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from fluentml import components as kinds
from fluentml.backends import Backend, Gap, about, of_whom
from fluentml.backends._secrets import unknown_variables
from fluentml.checks import engine
from fluentml.component import Component
from fluentml.components._google_cloud import STOCK_IMAGES
from fluentml.errors import PipelineError
from fluentml.graph import Graph, Node
from fluentml.spec import import_needed, is_remote

PATHS = ("path", "uri", "schema_file", "destination", "write_to", "database_file")
"""The fields of components that hold a path to read from or write to where the step runs."""

_OURS = (
    kinds.LastModel,
    kinds.PreviousAnalyzerCache,
    kinds.PreviousModel,
    kinds.PreviousStatistics,
)

_NO_CONTAINER = (*_OURS, kinds.ImportedArtifact, kinds.LatestBlessedModel, kinds.Resolver)


def _is(*wanted: type[Component]) -> Callable[[Graph, Node], bool]:
    return lambda graph, node: isinstance(node.component, wanted)


def _has(kind: type[Component], *fields: str) -> Callable[[Graph, Node], bool]:
    return lambda graph, node: (
        isinstance(node.component, kind)
        and any(getattr(node.component, field) is not None for field in fields)
    )


def _odd_resolver(graph: Graph, node: Node) -> bool:
    step = node.component
    if not isinstance(step, kinds.Resolver):
        return False
    names = {f":{name}Strategy" for name in ("LatestArtifact", "LatestBlessedModel")}
    wanted = step.config.get("desired_num_of_artifacts", 1) if step.config else 1
    return wanted != 1 or not any(str(step.strategy).endswith(name) for name in names)


def _second_exit_step(graph: Graph, node: Node) -> bool:
    at_exit = [one for one in graph.nodes if one.component.AT_EXIT]
    return node in at_exit[1:]


def _wants_summary(graph: Graph, node: Node) -> bool:
    step = node.component
    return isinstance(step, kinds.ExitStep) and "summary" in {*step.parameters, *step.arguments}


GAPS = (
    Gap(
        "what asks for an earlier run by a strategy of fluentml's: drift=, "
        '"previous_run", baseline="latest", warm_start=, analyzer_cache=',
        "it finds artifacts of earlier runs by two of TFX's strategies only, the latest and the "
        "latest blessed model",
        "leave it out, or name what to compare with or start from by its path",
        _is(*_OURS),
    ),
    Gap(
        "resolve() with a strategy of one's own, or for several artifacts",
        "it finds artifacts of earlier runs by two of TFX's strategies only, one artifact each",
        'take "latest" or "latest_blessed"',
        _odd_resolver,
    ),
    Gap(
        "spans=",
        "the window is found by a driver of fluentml's, and it runs only TFX's",
        "name one span: span=…, or files that a pattern tells apart",
        _has(kinds.FileBasedExampleGen, "spans"),
    ),
    Gap(
        "from_bigquery(span=…)",
        "what @span_… stands for is found by a driver, and it runs none for queries",
        "write the day into the query",
        _has(kinds.BigQueryExampleGen, "span"),
    ),
    Gap(
        "infra_validate(serving_spec=…)",
        "no step of it may start containers of its own",
        "leave serving_spec= out: the model is then loaded in a fresh process",
        _has(kinds.InfraValidator, "serving_spec"),
    ),
    Gap(
        "a second exit step",
        "TFX's compiler takes one",
        "keep one of on_exit() and notify(), or tell of several things in one component",
        _second_exit_step,
    ),
    Gap(
        "on_exit() with a parameter `summary`",
        "there it is known how the run ended, and no more",
        "take `final_status`",
        _wants_summary,
    ),
)

DEGRADED = (
    Gap(
        "metrics and verdicts in what notify() tells",
        "there it is known how the run ended, and no more",
        "see them on the page of the run",
        _is(kinds.Notifier),
    ),
)


def unreachable_places(
    graph: Graph, root: str, where: str, storage: str
) -> Iterator[PipelineError]:
    """Yield which paths of a pipeline lie on this machine.

    Args:
        graph: The pipeline.
        root: Its root there.
        where: Who would have to reach them.
        storage: What users call a root that can be reached, in an example.
    """
    if not is_remote(root):
        yield PipelineError(
            f"Everything of the pipeline would lie under {root!r}, a folder of this machine, which "
            f"{where} cannot reach.",
            hint=f'name one that it can: PipelineDef({graph.settings.name!r}, root="{storage}").',
        )
    for node in graph.nodes:
        for field, path in _paths(node.component):
            if not is_remote(path):
                yield about(
                    node,
                    f"{of_whom(graph, node)} has {field}={path!r}, on this machine, which "
                    f"{where} cannot reach.",
                    hint=f'take a folder that it can: "{storage}/…".',
                )


class Cluster(Backend):
    """A place where every node runs in a container.

    Attributes:
        image: The container image that the nodes run in; `fluentml image` writes its Dockerfile.
            Needed to compile.
        fast: Run the executors that run on one machine in place of TFX's: the same artifacts,
            sooner. The image needs fluentml, as those of `fluentml image` have it.
    """

    ON: ClassVar[Mapping[str, str]] = {
        "cpu": "limit",
        "memory": "limit",
        "gpu": "limit",
        "gpus": "limit",
        "retries": "retry policy",
        "timeout": "the command ends itself",
        "env": "yes",
        "secrets": "yes",
        "beam": "yes",
    }
    DEGRADED: ClassVar[tuple[Gap, ...]] = DEGRADED
    STORAGE: ClassVar[str] = ""
    """What users call a root there, in an example."""

    image: str | None = None
    fast: bool = False

    def spec(
        self, params: Mapping[str, Any], bind: Callable[[Mapping[str, Any]], Graph]
    ) -> dict[str, Any]:
        """Return the pipeline as a `PipelineSpec` of Kubeflow's, as JSON.

        Args:
            params: The runtime parameters that it leaves open, with their defaults.
            bind: Returns the graph with these values in place of them.

        Raises:
            BackendError: No image is named, or TFX's compiler cannot express something of it.
            CheckError: A parameter cannot be left open, or the image has not what a step runs.
            MissingDependencyError: TFX is not installed.
        """
        image = self.needed("image")
        import_needed("tfx")
        from fluentml.backends import _ir

        graph = bind({})
        made = _ir.compiled(
            graph.settings.name, params, lambda values: self.there(bind(values)), image
        )
        if self.fast:
            _ir.take_ours(made)
        _ir.refuse_foreign(made, graph, image, self.is_stock_image)
        return made

    def root(self, graph: Graph) -> str:
        """Return the root there."""
        return graph.settings.root

    def there(self, graph: Graph) -> Graph:
        """Return the graph with what holds for it there."""
        settings = graph.settings.model_copy(update={"root": self.root(graph)})
        return graph.model_copy(update={"settings": settings})

    def problems(self, graph: Graph) -> Iterator[PipelineError]:
        """Yield why this graph cannot go there."""
        yield from super().problems(graph)
        yield from self._names(graph)
        yield from unreachable_places(graph, self.root(graph), self.NAME, self.STORAGE)
        yield from self._metadata(graph)
        yield from self._image(graph)
        yield from self._no_containers(graph)
        yield from _jobs(graph)
        yield from unknown_variables(graph, self.NAME)
        yield from engine.of_settings(self.there(graph).settings, here=False)

    def _names(self, graph: Graph) -> Iterator[PipelineError]:
        name = graph.settings.name
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,127}", name):
            better = re.sub(r"[^a-z0-9-]", "-", name.lower())
            yield PipelineError(
                f"The pipeline is called {name!r}; on {self.NAME} a name has small letters, digits "
                "and '-' only.",
                hint=f"call it PipelineDef({better!r}).",
            )
        for node in graph.nodes:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", node.id):
                yield about(
                    node,
                    f"{of_whom(graph, node)}: {node.id!r} is no name of a task on {self.NAME}: it "
                    "starts with a letter or digit and goes on with letters, digits, '_', '-'.",
                    hint="give the step, or the metric, another name: id=….",
                )

    def _metadata(self, graph: Graph) -> Iterator[PipelineError]:
        if graph.settings.metadata:
            yield PipelineError(
                f"with_metadata() names a place for the metadata, and {self.NAME} has its own.",
                hint="leave with_metadata() out there.",
            )

    def _image(self, graph: Graph) -> Iterator[PipelineError]:
        if self.fast and self.is_stock_image:
            yield PipelineError(
                f"fast=True needs fluentml in the image, and {self.image!r} is TFX's own.",
                hint="make an image with it: `fluentml image`; or leave fast= out.",
            )
        for node in graph.nodes if self.is_stock_image else ():
            for code in _code(node.component):
                yield _not_in(f"the image {self.image!r}", graph, node, code)

    def _no_containers(self, graph: Graph) -> Iterator[PipelineError]:
        for node in graph.nodes:
            asked = graph.settings.on.get(node.id)
            if asked and isinstance(node.component, _NO_CONTAINER):
                yield about(
                    node,
                    f"on({node.id!r}) asks for {asked}, and on {self.NAME} that step runs in no "
                    "container.",
                    hint="leave it out for this target.",
                )

    @property
    def is_stock_image(self) -> bool:
        """Whether the image is TFX's, with neither fluentml nor a user's code in it."""
        return (self.image or "").startswith(STOCK_IMAGES)


def _jobs(graph: Graph) -> Iterator[PipelineError]:
    """Yield what a step asks for that trains in a job of its own, and would not get there."""
    for node in graph.nodes:
        step = node.component
        if not isinstance(step, kinds.TrainingSteps) or not step.vertex:
            continue
        if step.module_is_file and step.vertex.image.startswith(STOCK_IMAGES):
            image = f"the image of its job, {step.vertex.image!r},"
            yield _not_in(image, graph, node, step.module)
        asked = graph.settings.on.get(node.id)
        if asked and asked.gpu:
            yield about(
                node,
                f"on({node.id!r}) asks for gpu={asked.gpu!r}, and that step only starts a job and "
                "waits for it.",
                hint=f'name it for the job: {step.VERB}(…, vertex={{…, "accelerator_type": '
                '"NVIDIA_TESLA_T4"}).',
            )


def _not_in(image: str, graph: Graph, node: Node, code: str) -> PipelineError:
    """Return that a stock image, in these words, has not what a step calls."""
    return about(
        node,
        f"{of_whom(graph, node)} calls {code!r}, which {image} has not: it is TFX's own.",
        hint="make an image with it: `fluentml image`.",
    )


def _paths(step: Component) -> Iterator[tuple[str, str]]:
    for field in PATHS:
        value: Any = getattr(step, field, None)
        if isinstance(value, str) and value:
            yield field, value
    pushed = isinstance(step, kinds.Pusher) and step.push_destination
    if pushed:
        folder = json.loads(pushed.text).get("filesystem", {}).get("base_directory")
        if folder:
            yield "push_destination", folder


def _code(step: Component) -> Iterator[str]:
    """Yield what a step names that is a user's own."""
    if isinstance(step, kinds.UserCode) and step.module:
        yield step.module
    if step.executor:
        yield str(step.executor)
