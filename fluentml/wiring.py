"""The default wiring: one function decides which channel every input reads, and says why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from typing_extensions import Self

from fluentml.component import AnyComponent, Component
from fluentml.components import CustomComponent
from fluentml.errors import WiringError, did_you_mean, listing
from fluentml.graph import Graph, Node, Settings, Wire
from fluentml.params import Param
from fluentml.spec import Channel, FrozenDict, Input, Spec
from fluentml.words import in_words_of


class Definition(Spec):
    """A chain as a value: what it says, before wiring adds what follows from it.

    Called with values of runtime parameters it returns the graph; others have their defaults.
    """

    settings: Settings
    components: tuple[AnyComponent, ...]

    @property
    def params(self) -> dict[str, Param]:
        """The runtime parameters by name."""
        return {one.name: one for step in self.components for one in step.runtime_params()}

    def bound(self, values: Mapping[str, Any]) -> Self:
        """Return it with these values, or further parameters, in place of the parameters.

        Raises:
            DefinitionError: A step cannot use a value.
        """
        bound = []
        for step in self.components:
            with in_words_of(step.VERB, values):
                bound.append(step.bind(values))
        return self.model_copy(update={"components": tuple(bound)})

    def __call__(self, values: Mapping[str, Any]) -> Graph:
        """Return the graph with these values in place of the parameters; others have defaults."""
        return wire(self.settings, self.bound(values).components)


def wire(settings: Settings, components: Sequence[Component]) -> Graph:
    """Give every input a channel and put the nodes into an order in which they can run.

    An explicit channel beats a companion's, and that beats the sources that the input lists, of
    which the first that the chain provides wins. The order of the components plays no part.

    Raises:
        WiringError: A required input has no channel, several would do, an explicit channel does
            not exist or has another type, the channels form a circle, or `on` names no node.
    """
    graph = Graph(settings=settings, nodes=_Wiring(components).nodes())
    if settings.on.keys() <= {node.id for node in graph.nodes}:
        return graph
    # A verb's name stands for the step that it added.
    ids = {name: graph[name].id for name in settings.on}
    twice = [name for name, id in ids.items() if name != id and id in settings.on]
    if twice:
        raise WiringError(
            f"on({twice[0]!r}) and on({ids[twice[0]]!r}) are of the same node.",
            hint="say in one call, or by one name, what it asks for.",
        )
    on = FrozenDict({ids[name]: asked for name, asked in settings.on.items()})
    return graph.model_copy(update={"settings": settings.model_copy(update={"on": on})})


class _Wiring:
    """The state of one call of `wire`: who is there, and what each reads."""

    def __init__(self, components: Sequence[Component]) -> None:
        self.chain = tuple(components)
        roles = {component.role for component in components}
        self.chain = tuple(component.settled(roles) for component in components)
        self.all: dict[str, Component] = {}
        for component in self.chain:
            for member in _with_companions(component):
                if self.all.setdefault(member.id, member) != member:
                    raise WiringError(
                        f"Two different steps have the id {member.id!r}.",
                        hint="give one of them another id=.",
                    )
        self.wires: dict[str, dict[str, Wire]] = {}

    def nodes(self) -> tuple[Node, ...]:
        # An input that is `about` another needs the others' wires first: the plain ones come first.
        for about in (False, True):
            for component in self.all.values():
                for key, spec in component.needs().items():
                    if bool(spec.about) == about:
                        found = self._wire(component, key, spec)
                        if found:
                            self.wires.setdefault(component.id, {})[key] = found
        return tuple(
            Node(component=component, inputs=self._in_order(component))
            for component in self._sorted()
        )

    def _in_order(self, component: Component) -> FrozenDict[str, Wire]:
        wires = self.wires.get(component.id, {})
        return FrozenDict({key: wires[key] for key in component.needs() if key in wires})

    def _wire(self, component: Component, key: str, spec: Input) -> Wire | None:
        if key in component.inputs:
            return self._explicit(component, key, spec)
        companion = component.brings().get(key)
        if companion is not None:
            output = self._output_of(companion, key, spec)
            return Wire(
                channel=Channel(node=companion.id, output=output),
                reason=f"brought along by {component.verb}",
            )
        for place, source in enumerate(spec.sources):
            providers = self._providers(component, source, spec)
            if len(providers) > 1:
                raise self._ambiguous(component, key, providers)
            if providers:
                return Wire(channel=providers[0], reason=self._reason(spec, place, providers[0]))
        if spec.optional:
            return None
        raise self._nothing(component, key, spec)

    def _explicit(self, component: Component, key: str, spec: Input) -> Wire:
        channel = component.inputs[key]
        maker = self.all.get(channel.node)
        if maker is None:
            raise WiringError(
                f"{component.verb} takes {key!r} from {str(channel)!r}, and the chain has no "
                f"node {channel.node!r}.",
                f"Its nodes: {listing(self.all)}.",
                hint=did_you_mean(channel.node, self.all) or "take one of these, or add the step.",
            )
        outputs = maker.provides()
        if outputs is None:
            return Wire(channel=channel, reason="given with inputs=")
        if channel.output not in outputs:
            raise WiringError(
                f"{component.verb} takes {key!r} from {str(channel)!r}, and {channel.node!r} has "
                f"no output {channel.output!r}.",
                f"Its outputs: {listing(outputs)}.",
                hint=did_you_mean(channel.output, outputs) or "take one of these.",
            )
        if spec.type and outputs[channel.output] != spec.type:
            fitting = self._channels_of(spec.type, component)
            raise WiringError(
                f"{component.verb} takes {key!r} of type {spec.type}, and {str(channel)!r} is of "
                f"type {outputs[channel.output]}.",
                f"Channels of type {spec.type}: {listing(fitting, 'none')}.",
                hint="take one of these." if fitting else "add a step that makes one.",
            )
        is_built = isinstance(component, CustomComponent) and component.form == "built"
        reason = "built so" if is_built else "given with inputs="
        return Wire(channel=channel, reason=reason)

    def _channels_of(self, type: str, reader: Component) -> list[str]:
        """Return the channels of a type that the reader does not make itself."""
        return [
            f"{component.id}.{output}"
            for component in self.all.values()
            for output, kind in (component.provides() or {}).items()
            if kind == type and component is not reader
        ]

    def _output_of(self, companion: Component, key: str, spec: Input) -> str:
        outputs = companion.provides() or {}
        return next(output for output, kind in outputs.items() if kind == spec.type)

    def _providers(self, reader: Component, source: str, spec: Input) -> list[Channel]:
        """Return the channels of the chain that `source` means: one, unless it is ambiguous."""
        role, _, output = source.rpartition(".")
        makers = [
            component
            for component in self.chain
            if component is not reader
            and role in (component.role, "*")
            and self._fits(component, output, spec)
            and self._same(component, reader, spec.about)
        ]
        first = [component for component in makers if component.is_primary]
        chosen = first if first and not spec.about else makers
        return [Channel(node=component.id, output=output) for component in chosen]

    def _fits(self, maker: Component, output: str, spec: Input) -> bool:
        outputs = maker.provides() or {}
        return output in outputs and spec.type in ("", outputs[output])

    def _same(self, maker: Component, reader: Component, about: str | None) -> bool:
        if about is None:
            return True
        mine = self.wires.get(reader.id, {}).get(about)
        its = self.wires.get(maker.id, {}).get(about)
        return mine is not None and its is not None and mine.channel == its.channel

    def _reason(self, spec: Input, place: int, channel: Channel) -> str:
        def present(source: str) -> list[str]:
            role, _, output = source.rpartition(".")
            return [f"{c.id}.{output}" for c in self.chain if c.role == role]

        passed_over = [name for source in spec.sources[place + 1 :] for name in present(source)]
        if passed_over:
            more = f" and {len(passed_over) - 3} more" if len(passed_over) > 3 else ""
            return f"preferred to {', '.join(passed_over[:3])}{more}"
        if spec.about:
            return f"the gate of this {spec.about}"
        missing = [f"; no {_verbs(source)}" for source in spec.sources[:place]]
        return f"made by {self.all[channel.node].verb}{''.join(missing)}"

    def _ambiguous(self, reader: Component, key: str, channels: Iterable[Channel]) -> WiringError:
        names = [str(channel) for channel in channels]
        return WiringError(
            f"{reader.verb} could read {key!r} from several channels: {listing(names)}.",
            hint=f'choose one: inputs={{"{key}": "{names[0]}"}}.',
        )

    def _nothing(self, reader: Component, key: str, spec: Input) -> WiringError:
        what = f"a{'n' if spec.type[:1] in 'AEIOU' else ''} {spec.type} artifact"
        if not spec.type:
            available = [
                f"{output!r} ({component.id})"
                for component in self.chain
                for output in component.provides() or {}
            ]
            by_role = not spec.sources[-1].startswith("*")
            return WiringError(
                f"{reader.verb} asks for {key!r}, and no step of this pipeline has such an output.",
                f"There are: {', '.join(available) or 'none'}.",
                hint=_remedy(spec.sources[-1])
                if by_role
                else f'rename it, or name the channel: inputs={{"{key}": "Node.output"}}.',
            )
        fitting = self._channels_of(spec.type, reader)
        return WiringError(
            f"{reader.verb} reads {key!r} ({what}), and no step of this pipeline produces it.",
            f"Looked for: {', '.join(spec.sources)}.",
            hint=_remedy(spec.sources[-1])
            + (f' Or name a channel: inputs={{"{key}": "{fitting[0]}"}}.' if fitting else ""),
        )

    def _sorted(self) -> list[Component]:
        """Return the components, each after all that it reads, and those of the exit at the end.

        Among equals they are in the order of the chain.
        """
        done: dict[str, Component] = {}
        waiting = dict(self.all)
        while waiting:
            ready = next(
                (c for c in waiting.values() if self._needs(c) <= done.keys()),
                None,
            )
            if ready is None:
                raise WiringError(
                    f"These steps read from each other in a circle: "
                    f"{listing(self._circle(waiting))}.",
                    hint="change one of their inputs=.",
                )
            done[ready.id] = waiting.pop(ready.id)
        return sorted(done.values(), key=lambda component: component.AT_EXIT)

    def _circle(self, waiting: Mapping[str, Component]) -> list[str]:
        """Return the ids of a circle, each reading from the one before it."""
        path = [next(iter(waiting))]
        while path[-1] not in path[:-1]:
            path.append(min(self._needs(waiting[path[-1]]) & waiting.keys()))
        return path[path.index(path[-1]) + 1 :][::-1]

    def _needs(self, component: Component) -> set[str]:
        return {wire.channel.node for wire in self.wires.get(component.id, {}).values()}


def _with_companions(component: Component) -> Iterator[Component]:
    """Yield a component after all that it brings along, and what these bring along."""
    for companion in component.brings().values():
        yield from _with_companions(companion)
    yield component


def _remedy(source: str) -> str:
    """Return what to add to the chain so that `source` exists, in the words of the chain."""
    if source.startswith("*."):
        return "name an output so, or say which to read."
    if source.startswith("ExampleGen."):
        return "start the chain with from_csv(...), from_tfrecord(...) or another from_… step."
    return f"add {_verbs(source)} to the chain."


def _verbs(source: str) -> str:
    """Return the call that adds what `source` names."""
    role = source.rpartition(".")[0]
    kind = Component.KINDS.get(role)
    return f"{kind.VERB}()" if kind and kind.VERB else role
