"""Graph to TFX: translates, and decides nothing."""

from __future__ import annotations

from typing import Any

from fluentml.errors import WiringError, listing
from fluentml.graph import Graph, Node, Settings
from fluentml.spec import Proto, absolute, import_needed

IN_PROCESS_RUNNER = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"
"""Beam's in-process runner, by the name that every supported version takes. Beam's default would
try to download a runner from 2.68 on."""


def lower(graph: Graph) -> Any:
    """Return the `tfx.orchestration.pipeline.Pipeline` of a graph.

    Raises:
        MissingDependencyError: TFX is not installed.
        WiringError: A node reads an output that a custom component turns out not to have.
    """
    import_needed("tfx")
    from tfx.orchestration import pipeline

    made: dict[str, Any] = {}
    for node in graph.nodes:
        made[node.id] = _component(node, made)
    settings = graph.settings
    return pipeline.Pipeline(
        pipeline_name=settings.name,
        pipeline_root=settings.pipeline_root,
        components=list(made.values()),
        enable_cache=settings.cache,
        beam_pipeline_args=beam_pipeline_args(settings),
        metadata_connection_config=metadata_connection(settings),
    )


def to_ir(graph: Graph) -> Any:
    """Return TFX's intermediate representation, a `pipeline_pb2.Pipeline` message.

    Module files are packaged under the pipeline root on the way, as TFX's own runners do.
    """
    tfx_pipeline = lower(graph)
    from tfx.orchestration.portable import tfx_runner

    return tfx_runner._make_pipeline_proto(tfx_pipeline)


def beam_pipeline_args(settings: Settings) -> list[str]:
    """Return Beam's arguments; they always name a runner."""
    given = settings.beam_pipeline_args
    names_runner = any(argument.startswith("--runner") for argument in given)
    return [*given] if names_runner else [IN_PROCESS_RUNNER, *given]


def metadata_connection(settings: Settings) -> Any:
    """Return ML Metadata's `ConnectionConfig`."""
    from tfx.orchestration import metadata

    if isinstance(settings.metadata, Proto):
        return settings.metadata.message()
    path = settings.metadata or f"{settings.pipeline_root}/metadata.db"
    return metadata.sqlite_metadata_connection_config(absolute(path))


def _component(node: Node, made: dict[str, Any]) -> Any:
    channels = {key: _channel(node, key, made) for key in node.inputs}
    component = node.component.to_tfx(channels)
    component.with_id(node.id)
    return component


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
