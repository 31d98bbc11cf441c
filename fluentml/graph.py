"""The wired pipeline: nodes in an order in which they can run, as a value, as JSON, as drawings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import ConfigDict, ValidationError, field_validator, model_validator
from typing_extensions import Self

from fluentml import components as _components  # noqa: F401  (fills Component.KINDS)
from fluentml.component import AnyComponent
from fluentml.errors import FluentmlError, LoadError, WiringError, did_you_mean, listing
from fluentml.placement import Placement
from fluentml.spec import Channel, FrozenDict, NodeId, Proto, Spec, absolute, is_remote, proto_of
from fluentml.urls import is_from_environment, metadata_server, needs_tls, password_in


class Settings(Spec):
    """What holds for a whole pipeline.

    Attributes:
        name: Name of the pipeline.
        root: Folder or URI under which `{root}/{name}` holds everything of the pipeline.
        cache: Whether a node of which nothing has changed takes over what it made before instead of
            running; None: it does where fluentml runs it, and elsewhere it is as TFX has it.
        beam_pipeline_args: Arguments for Apache Beam; the in-process runner unless they name one.
        metadata: ML Metadata's SQLite file, the URL of a database server, or its
            `ConnectionConfig`. Default: `metadata.db` under the pipeline root.
        on: What nodes ask of the machine that they run on, by node id.
    """

    # What pydantic says of a wrong URL would show the password.
    model_config = ConfigDict(hide_input_in_errors=True)

    name: str
    root: str = "artifacts"
    cache: bool | None = None
    beam_pipeline_args: tuple[str, ...] = ()
    metadata: Annotated[Proto | None, proto_of("ml_metadata.ConnectionConfig")] | str = None
    on: FrozenDict[NodeId, Placement] = FrozenDict()

    @field_validator("metadata")
    @classmethod
    def _without_passwords(cls, metadata: Proto | str | None) -> Proto | str | None:
        if isinstance(metadata, str) and ("://" in metadata or is_from_environment(metadata)):
            metadata_server(metadata)
        elif isinstance(metadata, Proto):
            config = json.loads(metadata.text)
            if not all(map(is_from_environment, _values_of("password", config))):
                raise password_in("with_metadata() got a ConnectionConfig")
            if "ssl_options" in config.get("mysql", ()):
                raise needs_tls("a ConnectionConfig with 'ssl_options'")
        return metadata

    @property
    def pipeline_root(self) -> str:
        """The folder of this pipeline: absolute, or a URI."""
        return f"{absolute(self.root).rstrip('/')}/{self.name}"

    @property
    def is_remote(self) -> bool:
        """Whether the root is a URI (`gs://…`) rather than a local folder."""
        return is_remote(self.root)


class Wire(Spec):
    """The channel that an input reads, and why this one."""

    channel: Channel
    reason: str


class Node(Spec):
    """A component in its place: every input that it reads has a channel."""

    component: AnyComponent
    inputs: FrozenDict[str, Wire] = FrozenDict()

    @property
    def id(self) -> str:
        """The node's name."""
        return self.component.id

    @property
    def upstream(self) -> tuple[str, ...]:
        """The ids of the nodes that it reads from, each once."""
        return tuple(dict.fromkeys(wire.channel.node for wire in self.inputs.values()))

    @property
    def required(self) -> tuple[str, ...]:
        """The ids of the nodes without whose outputs it cannot run."""
        needs = self.component.needs()
        return tuple(w.channel.node for key, w in self.inputs.items() if not needs[key].optional)


class Graph(Spec):
    """A wired pipeline. Nodes come after everything that they read."""

    settings: Settings
    nodes: tuple[Node, ...]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        before: set[str] = set()
        for node in self.nodes:
            if node.id in before:
                raise ValueError(f"has the node {node.id!r} twice")
            missing = [other for other in node.upstream if other not in before]
            if missing:
                raise ValueError(f"has no {missing[0]!r} before {node.id!r}, which reads from it")
            before.add(node.id)
        return self

    def __getitem__(self, name: str) -> Node:
        """Return the node of that id, or the only one that a verb of that name added.

        Raises:
            WiringError: There is none, or several; the message names the nodes that there are.
        """
        by_verb = [node for node in self.nodes if name == node.component.VERB]
        named = [node for node in self.nodes if node.id == name] or by_verb
        if len(named) == 1:
            return named[0]
        ids = [node.id for node in named or self.nodes]
        has, which = ("several nodes", "They are") if named else ("no node", "Its nodes")
        raise WiringError(
            f"Pipeline {self.settings.name!r} has {has} {name!r}.",
            f"{which}: {listing(ids)}.",
            hint=did_you_mean(name, ids) or "take one of these ids.",
        )

    def up_to(self, name: str) -> Self:
        """Return the graph of that node and of all that it needs."""
        wanted = {self[name].id}
        for node in reversed(self.nodes):
            if node.id in wanted:
                wanted.update(node.upstream)
        nodes = tuple(node for node in self.nodes if node.id in wanted)
        return self.model_copy(update={"nodes": nodes})

    def edges(self) -> Iterator[tuple[Channel, str, str]]:
        """Yield each edge: the channel, the node that reads it, and under which input key."""
        for node in self.nodes:
            for key, wire in node.inputs.items():
                yield wire.channel, node.id, key

    def to_json(self) -> str:
        """Return the graph as JSON; `from_json` gives an equal graph back."""
        return self.model_dump_json(indent=2, exclude_defaults=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the graph that `to_json` wrote.

        Raises:
            LoadError: The text is not such a graph.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the text"
            cause = first.get("ctx", {}).get("error")
            message = cause.what if isinstance(cause, FluentmlError) else first["msg"]
            message = message.removeprefix("Value error, ").rstrip(".")
            raise LoadError(
                f"This is not a fluentml graph: {place}: {message}.",
                hint="pass what Graph.to_json() or `fluentml graph --format json` wrote.",
            ) from error

    def to_text(self) -> str:
        """Return a drawing for a terminal: a line per node, each after what it reads."""
        width = max((len(node.id) for node in self.nodes), default=0)
        lines = [
            f"{node.id:<{width}}  ← {', '.join(node.upstream)}" if node.upstream else node.id
            for node in self.nodes
        ]
        return "\n".join([self.settings.name, *(f"  {line}" for line in lines)])

    def to_mermaid(self) -> str:
        """Return a Mermaid flowchart, as GitHub and notebooks render it."""
        lines = ["flowchart TD"]
        lines += [f'  {_mermaid(node.id)}["{node.id}"]' for node in self.nodes]
        between: dict[tuple[str, str], list[str]] = {}
        for channel, reader, _ in self.edges():
            between.setdefault((channel.node, reader), []).append(channel.output)
        lines += [
            f"  {_mermaid(maker)} -->|{', '.join(dict.fromkeys(outputs))}| {_mermaid(reader)}"
            for (maker, reader), outputs in between.items()
        ]
        return "\n".join(lines)

    def to_plan(self, told: Mapping[str, str] = MappingProxyType({})) -> str:
        """Return every node, what it reads, and why it was wired so.

        Args:
            told: By node, what more there is to say of it.
        """
        blocks = []
        for node in self.nodes:
            kind = type(node.component).__name__
            lines = [node.id if node.id == kind else f"{node.id}  ({kind})"]
            if node.component.when:
                lines.append(f"  runs when {node.component.when}")
            if node.component.executor:
                lines.append(f"  run by {node.component.executor}")
            if node.id in self.settings.on:
                lines.append(f"  on {self.settings.on[node.id]}")
            if node.component.AT_EXIT:
                lines.append("  at the end of every run, however it went")
            keys = max((len(key) for key in node.inputs), default=0)
            ends = max((len(str(wire.channel)) for wire in node.inputs.values()), default=0)
            lines += [
                f"  {key:<{keys}}  ← {wire.channel!s:<{ends}}  {wire.reason}"
                for key, wire in node.inputs.items()
            ]
            lines += [f"  {told[node.id]}"] if node.id in told else []
            blocks.append("\n".join(lines))
        return "\n\n".join(blocks)


def _values_of(ending: str, message: dict[str, Any]) -> Iterator[str]:
    """Yield the values of all fields of a message whose names end so."""
    for name, value in message.items():
        if isinstance(value, dict):
            yield from _values_of(ending, value)
        elif name.endswith(ending):
            yield value


def _mermaid(id: str) -> str:
    """Return an id that is none of Mermaid's own words."""
    reserved = {"call", "class", "click", "default", "end", "graph", "style", "subgraph"}
    return f"{id}_" if id.lower() in reserved else id
