"""A graph as Kubeflow's pipeline spec, by TFX's own compiler."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from ml_metadata.proto import metadata_store_pb2
from tfx import version
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration import data_types
from tfx.orchestration.kubeflow import decorators
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner, pipeline_builder

from fluentml import components as kinds
from fluentml.backends import of_whom
from fluentml.backends._parameters import (
    fixed_only,
    left_over,
    marks,
    parameterized,
    unmarkable,
    with_defaults,
)
from fluentml.backends._repairs import INPUTS_SPEC, floats_made, repair, task_groups
from fluentml.backends._user_code import in_image, python_path
from fluentml.component import Component
from fluentml.components.resolver import LookBack
from fluentml.errors import BackendError, CheckError, FluentmlError, PipelineError
from fluentml.graph import Graph
from fluentml.local.order import before
from fluentml.local.session import ours_for
from fluentml.lowering import lower, lower_exit
from fluentml.placement import Placement
from fluentml.spec import Proto

EXECUTOR = "--executor_class_path"


def compiled(
    name: str, params: Mapping[str, Any], bind: Callable[[Mapping[str, Any]], Graph], image: str
) -> dict[str, Any]:
    """Return the `PipelineSpec` of a chain whose runtime parameters a launch can give.

    Args:
        name: The pipeline's name.
        params: The runtime parameters to leave open, with their defaults.
        bind: Returns the graph with these values in place of them.
        image: The container image.

    Raises:
        BackendError: TFX's compiler cannot express something of it.
        CheckError: A parameter cannot be left open.
    """
    problems = [*unmarkable(params)]
    made = marks({} if problems else params)
    spec = _placed(bind({}), image)
    if made:
        problems = [*_unfollowed(spec, made, params, bind, image)]
        if not problems:
            spec = parameterized(_placed(bind(made), image), made, params)
            problems = [*left_over(spec, made)]
    if problems:
        raise CheckError(name, problems)
    _tell_entry_points(spec)
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    json_format.ParseDict(spec["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig())
    return spec


def _unfollowed(
    plain: dict[str, Any],
    made: Mapping[str, Any],
    params: Mapping[str, Any],
    bind: Callable[[Mapping[str, Any]], Graph],
    image: str,
) -> Iterator[PipelineError]:
    """Yield the parameters whose value makes more than itself of what is compiled."""
    try:
        if with_defaults(_placed(bind(made), image), made, params) == plain:
            return
    except FluentmlError:
        pass  # One of them; which, is told next.
    for name, mark in made.items():
        try:
            marked = _placed(bind({name: mark}), image)
        except FluentmlError as error:
            yield fixed_only(name, f"a step takes certain values only ({error.args[0]!r})")
        else:
            if with_defaults(marked, {name: mark}, params) != plain:
                yield fixed_only(name, "other values are computed from it")


def _placed(graph: Graph, image: str) -> dict[str, Any]:
    spec = to_spec(graph, image)
    place(spec, graph)
    return spec


def _tell_entry_points(spec: dict[str, Any]) -> None:
    """Give TFX's entry points the inputs of their task as those are declared by now."""
    for component in spec["components"].values():
        label = component.get("executorLabel", "")
        container = spec["deploymentSpec"]["executors"].get(label, {}).get("container", {})
        hook = container.get("lifecycle", {}).get("preCacheCheck", {})
        for arguments in (container.get("args", []), hook.get("args", [])):
            if INPUTS_SPEC in arguments:
                declared = component.get("inputDefinitions", {})
                place = arguments.index(INPUTS_SPEC) + 1
                arguments[place] = json.dumps(declared, sort_keys=True)


def to_spec(graph: Graph, image: str) -> dict[str, Any]:
    """Return the `PipelineSpec` of a graph, of the schema 2.1, as JSON.

    Raises:
        BackendError: TFX's compiler cannot express something of it.
    """
    packed = _without_metadata(in_image(graph))
    try:
        pipeline = lower(packed)
        leaving = [_exit_step(packed, id) for id in _at_exit(packed)]
        with floats_made():
            message = pipeline_builder.PipelineBuilder(
                tfx_pipeline=pipeline,
                default_image=image,
                default_commands=kubeflow_v2_dag_runner.KUBEFLOW_TFX_CMD,
                exit_handler=leaving[0] if leaving else None,
                use_pipeline_spec_2_1=True,
            ).build()
    except FluentmlError:
        raise
    except (NotImplementedError, TypeError, ValueError, KeyError) as error:
        raise BackendError(
            f"TFX's compiler for Kubeflow and Vertex AI cannot express this pipeline: {error}",
            hint="leave out what it names; `fluentml run` runs it on this machine.",
        ) from error
    message.schema_version = "2.1.0"
    message.sdk_version = f"tfx-{version.__version__}"
    spec: dict[str, Any] = json_format.MessageToDict(message)
    repair(spec, _defaults([*pipeline.components, *leaving]))
    _keep_places(spec, graph)
    return spec


def _keep_places(spec: dict[str, Any], graph: Graph) -> None:
    """Let what looks back keep its place among what makes such artifacts, in place.

    It runs however those before it ended. One with a condition is left where TFX puts it: what
    waits for it would be skipped with it.
    """
    earlier = before(graph)
    free = {n.id for n in graph.nodes if isinstance(n.component, LookBack) and not n.upstream}
    for tasks, node in product(task_groups(spec), graph.nodes):
        wanted = earlier[node.id] if node.id in free else earlier[node.id] & free
        waits = {task for id in wanted - {*node.upstream} for task in _tasks_of(tasks, id)}
        for id in _tasks_of(tasks, node.id) if waits else ():
            tasks[id]["dependentTasks"] = sorted({*tasks[id].get("dependentTasks", ()), *waits})
            if node.id in free:
                tasks[id]["triggerPolicy"] = {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}


def _tasks_of(tasks: Mapping[str, Any], id: str) -> list[str]:
    # The resolver of the latest blessed model becomes two tasks.
    names = (id, f"{id}-model-resolver", f"{id}-model-blessing-resolver")
    return [name for name in names if name in tasks]


def place(spec: dict[str, Any], graph: Graph) -> None:
    """Give each task what its node asks of the machine, and the way to its module, in place.

    Raises:
        CheckError: A node that asks for something runs in no container.
    """
    problems = []
    for node in graph.nodes:
        container = container_of(spec, node.id)
        asked = graph.settings.on.get(node.id, Placement())
        if container is not None:
            # A container component brings an image and a command of its own.
            found = {"PYTHONPATH": python_path(node)} if [*executors_of(container)] else {}
            env = {**found, **asked.env}
            if env:
                container["env"] = [{"name": name, "value": env[name]} for name in sorted(env)]
            _ask(spec, node.id, container, asked)
            if never_cached(node.component):
                task_of(spec, node.id).pop("cachingOptions", None)
        elif asked.asked():
            problems.append(
                PipelineError(
                    f"on({node.id!r}) asks for {asked}, and there that step runs in no container.",
                    hint="leave it out for this target.",
                )
            )
    if problems:
        raise CheckError(graph.settings.name, problems)


def never_cached(step: Component) -> bool:
    """Return whether a step runs every time: it was asked to, or nobody sees a database change."""
    asks = isinstance(step, kinds.SqlExampleGen | kinds.BigQueryExampleGen)
    return step.cache is False or (asks and not step.cache)


def container_of(spec: Mapping[str, Any], id: str) -> dict[str, Any] | None:
    """Return the container that a node runs in, or None if it runs in none."""
    label = spec["components"].get(id, {}).get("executorLabel", "")
    executor = spec["deploymentSpec"]["executors"].get(label, {})
    found: dict[str, Any] | None = executor.get("container")
    return found


def refuse_foreign(spec: Mapping[str, Any], graph: Graph, image: str, is_stock: bool) -> None:
    """Refuse tasks whose executor the image has not.

    Args:
        spec: The pipeline spec.
        graph: What it was made of.
        image: The image.
        is_stock: Whether it is TFX's own.

    Raises:
        CheckError: There are some.
    """
    problems = []
    for node in graph.nodes:
        for executor in executors_of(container_of(spec, node.id) or {}):
            if is_stock and not executor.startswith("tfx."):
                problems.append(
                    PipelineError(
                        f"{of_whom(graph, node)} runs {executor!r}, which the image {image!r} has "
                        "not: it is TFX's own.",
                        hint="make an image with it: `fluentml image`.",
                    )
                )
            elif not _importable(executor.partition(".")[0]):
                problems.append(
                    PipelineError(
                        f"{of_whom(graph, node)} runs {executor!r}, which no image can import: it "
                        "is in no module that can be imported here.",
                        hint="move it into a module beside the pipeline, or into a package.",
                    )
                )
    if problems:
        raise CheckError(graph.settings.name, problems)


def _importable(module: str) -> bool:
    try:
        return module != "__main__" and importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def take_ours(spec: dict[str, Any]) -> None:
    """Let containers run the executors that fluentml runs on one machine, in place."""
    for executor in spec["deploymentSpec"]["executors"].values():
        arguments = executor.get("container", {}).get("args", [])
        ours = ours_for(arguments, fast=True)
        for found in executors_of(executor.get("container", {})):
            arguments[arguments.index(EXECUTOR) + 1] = ours.get(found, found)


def executors_of(container: Mapping[str, Any]) -> Iterator[str]:
    """Yield the import path of the executor that a container runs, if TFX starts it."""
    arguments = container.get("args", [])
    if EXECUTOR in arguments:
        yield arguments[arguments.index(EXECUTOR) + 1]


def _ask(spec: dict[str, Any], id: str, container: dict[str, Any], asked: Placement) -> None:
    resources = {"cpuLimit": asked.cpu, "memoryLimit": asked.gigabytes}
    if asked.gpu:
        resources["accelerator"] = {"type": asked.gpu, "count": str(asked.gpus or 1)}  # type: ignore[assignment]
    given = {name: value for name, value in resources.items() if value is not None}
    if given:
        container["resources"] = given
    if asked.seconds:
        # The pipeline spec has no time limit for a task; coreutils are in every image of Debian.
        container["command"] = ["timeout", str(asked.seconds), *container["command"]]
    if asked.retries:
        task_of(spec, id)["retryPolicy"] = {"maxRetryCount": asked.retries}


def task_of(spec: Mapping[str, Any], id: str) -> dict[str, Any]:
    """Return the task of a node."""
    return next(tasks[id] for tasks in task_groups(spec) if id in tasks)


def _without_metadata(graph: Graph) -> Graph:
    """Return the graph without a place for metadata, which lowering would make."""
    nowhere = metadata_store_pb2.ConnectionConfig()
    nowhere.fake_database.SetInParent()
    settings = graph.settings.model_copy(update={"metadata": Proto.of(nowhere)})
    return graph.model_copy(update={"settings": settings})


def _at_exit(graph: Graph) -> list[str]:
    return [node.id for node in graph.nodes if node.component.AT_EXIT]


def _exit_step(graph: Graph, id: str) -> Any:
    known = {"final_status": decorators.FinalStatusStr(), "summary": ""}
    (step,) = lower_exit(graph, graph[id], known).components
    return step


def _defaults(components: list[Any]) -> dict[str, Any]:
    """Return the defaults of the runtime parameters of TFX's that custom components have."""
    return {
        value.name: value.default
        for component in components
        if not isinstance(component, Resolver)
        for value in component.exec_properties.values()
        if isinstance(value, data_types.RuntimeParameter)
        and isinstance(value.default, str | int | float)
    }
