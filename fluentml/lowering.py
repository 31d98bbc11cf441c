"""Graph to TFX: translates, and decides nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fluentml.component import WHEN, Component
from fluentml.errors import DefinitionError, WiringError, listing
from fluentml.graph import Graph, Node, Settings
from fluentml.spec import import_needed

IN_PROCESS_RUNNER = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"
"""Beam's in-process runner, by the name that every supported version takes. Beam's default would
try to download a runner from 2.68 on."""


def lower(graph: Graph) -> Any:
    """Return the `tfx.orchestration.pipeline.Pipeline` of a graph, without its exit steps.

    TFX's pipelines have none; its Kubeflow runner takes them beside the pipeline.

    Raises:
        MissingDependencyError: TFX is not installed.
        WiringError: A node reads an output that a custom component turns out not to have.
    """
    import_needed("tfx")
    made: dict[str, Any] = {}
    for node in graph.nodes:
        if not node.component.AT_EXIT:
            made[node.id] = _component(node, made)
            asked = graph.settings.on.get(node.id)
            if asked and asked.beam:
                _on_beam(node.component, made[node.id], asked.beam)
    return _pipeline(graph.settings, made.values())


def for_runners(graph: Graph) -> Any:
    """Return the pipeline of a graph for TFX's own runners, which know no `${NAME}`.

    Raises:
        BackendError: A variable of the metadata's connection is not set.
    """
    made = lower(graph)
    from fluentml.stores.connection import resolved

    made.metadata_connection_config = resolved(made.metadata_connection_config)
    return made


def lower_exit(graph: Graph, node: Node, known: Mapping[str, str]) -> Any:
    """Return a `tfx.orchestration.pipeline.Pipeline` of one exit step.

    Args:
        graph: The pipeline that it belongs to.
        node: The exit step.
        known: What is known of the run: `KNOWN_AT_EXIT` by name.
    """
    return _pipeline(graph.settings, [_made(node.component, known)])


def _pipeline(settings: Settings, components: Iterable[Any]) -> Any:
    from tfx.orchestration import pipeline

    from fluentml.stores.connection import connection_config

    return pipeline.Pipeline(
        pipeline_name=settings.name,
        pipeline_root=settings.pipeline_root,
        components=list(components),
        enable_cache=bool(settings.cache),
        beam_pipeline_args=beam_pipeline_args(settings),
        metadata_connection_config=connection_config(settings),
    )


def to_ir(tfx_pipeline: Any) -> Any:
    """Return TFX's intermediate representation, a `pipeline_pb2.Pipeline` message.

    Module files are packaged under the pipeline root on the way, as TFX's own runners do.
    """
    from tfx.orchestration.portable import tfx_runner

    return tfx_runner._make_pipeline_proto(tfx_pipeline)


def beam_pipeline_args(settings: Settings) -> list[str]:
    """Return Beam's arguments; they always name a runner."""
    given = settings.beam_pipeline_args
    names_runner = any(argument.startswith("--runner") for argument in given)
    return [*given] if names_runner else [IN_PROCESS_RUNNER, *given]


def _component(node: Node, made: dict[str, Any]) -> Any:
    step = node.component
    channels = {key: _channel(node, key, made) for key in node.inputs}
    inputs = {key: channel for key, channel in channels.items() if key in step.reads()}
    with contextlib.ExitStack() as conditions:
        for predicate in _predicates(step, channels):
            conditions.enter_context(_cond(step, predicate))
        return _made(step, inputs)


def _made(step: Component, inputs: Mapping[str, Any]) -> Any:
    component = step.to_tfx(inputs)
    component.with_id(step.id)
    if step.executor:
        component.executor_spec = _executor_spec(step, component)
    return component


def _on_beam(step: Component, component: Any, arguments: Sequence[str]) -> None:
    """Give a component arguments for Beam of its own."""
    from tfx.dsl.components.base.executor_spec import BeamExecutorSpec

    spec = getattr(component, "executor_spec", None)
    if not isinstance(spec, BeamExecutorSpec):
        raise DefinitionError(
            f"on({step.id!r}) has beam=, and {step.verb} does not run on Beam.",
            hint="leave beam= out there.",
        )
    spec.add_beam_pipeline_args(arguments)


def _predicates(step: Component, channels: Mapping[str, Any]) -> Iterable[Any]:
    if not step.when:
        return ()
    return step.when.predicates({key: channels[f"{WHEN}{key}"] for key in step.when.reads()})


def _cond(step: Component, predicate: Any) -> Any:
    from tfx.dsl.experimental.conditionals.conditional import Cond
    from tfx.dsl.placeholder.placeholder import Predicate

    if not isinstance(predicate, Predicate):
        raise DefinitionError(
            f"{step.verb} has a when= that returned {predicate!r}, which is no TFX predicate.",
            hint="compare a channel's future: "
            'lambda model_blessing: model_blessing.future()[0].custom_property("blessed") == 1.',
        )
    return Cond(predicate)


def _executor_spec(step: Component, component: Any) -> Any:
    from tfx.dsl.components.base import base_beam_executor, executor_spec
    from tfx.dsl.components.base.base_component import BaseComponent

    if not isinstance(component, BaseComponent):
        raise DefinitionError(
            f"{step.verb} has executor=, and TFX runs no executor for this step.",
            hint="leave executor= out.",
        )
    assert step.executor is not None
    executor = step.executor.value()
    if issubclass(executor, base_beam_executor.BaseBeamExecutor):
        return executor_spec.BeamExecutorSpec(executor)
    return executor_spec.ExecutorClassSpec(executor)


def _channel(node: Node, key: str, made: dict[str, Any]) -> Any:
    channel = node.inputs[key].channel
    outputs = made[channel.node].outputs
    if channel.output not in outputs:
        raise WiringError(
            f"{node.component.verb} takes {key!r} from {str(channel)!r}, and {channel.node!r} has "
            f"no output {channel.output!r}.",
            f"Its outputs: {listing(outputs)}.",
            hint="take one of these.",
        )
    return outputs[channel.output]
