"""What one step of a pipeline is: its spec, and what has to hold for it to run.

A `Component` is the spec of one step: its parameters are fields, its inputs and outputs are class
tables with TFX's own keys and artifact-type names. Specs know nothing of the chain they stand in.
"""

from collections.abc import Iterator, Mapping, Set
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, PlainSerializer, model_validator
from typing_extensions import Self

from fluentml.errors import BackendError, DefinitionError, did_you_mean, listing
from fluentml.live import Live, LiveObject
from fluentml.params import Param, filled, found_in
from fluentml.spec import Channel, FrozenDict, Input, NodeId, Spec, Template

WHEN = "when."
"""What stands before the names of a condition's inputs."""


class Parameterized(Spec):
    """A spec whose fields may hold runtime parameters.

    Attributes:
        params: By field, the value as its author wrote it, parameters included; the field itself
            holds it with their defaults.
    """

    params: FrozenDict[str, Template] = FrozenDict()

    @model_validator(mode="before")
    @classmethod
    def _keep_params(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        found = {key: value for key, value in data.items() if [*found_in(value)]}
        if not found or "params" in found:
            return data
        values = {key: filled(value, {}) for key, value in found.items()}
        return {**data, **values, "params": {**data.get("params", {}), **found}}

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in self:
            if value != type(self).model_fields[name].default:
                yield name, value

    def runtime_params(self) -> Iterator[Param]:
        """Yield every runtime parameter, one that stands in several places several times."""
        yield from found_in(self.params)
        for _, value in self:
            if isinstance(value, Parameterized):
                yield from value.runtime_params()

    def bind(self, given: Mapping[str, Any]) -> Self:
        """Return the spec with these values in place of the parameters, and defaults for others."""
        changed = {
            key: value.bind(given) for key, value in self if isinstance(value, Parameterized)
        }
        changed |= {key: filled(template, given) for key, template in self.params.items()}
        if not changed:
            return self
        return type(self).model_validate({**dict(self), **changed, "params": {}})


class Condition(Parameterized):
    """What has to hold for a node to run; a subclass says what it reads, and asks TFX for it."""

    KINDS: ClassVar[dict[str, type["Condition"]]] = {}
    """Every kind of condition by name: what reads one back from JSON."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        Condition.KINDS[cls.__name__] = cls

    @classmethod
    def taking(cls, value: Any) -> "Condition | None":
        """Return the condition that a user's `when=` means, or None if it is none of this kind."""
        return None

    def reads(self) -> Mapping[str, Input]:
        """Return what the condition looks at, by name."""
        raise NotImplementedError

    def companions(self) -> Mapping[str, "Component"]:
        """Return the components that it brings along, by the name that they feed."""
        return {}

    def predicates(self, channels: Mapping[str, Any]) -> Iterator[Any]:
        """Yield TFX's predicates, all of which have to hold, on these TFX channels by name."""
        raise NotImplementedError

    def why_not(self, values: Mapping[str, float]) -> str:
        """Return why a node was skipped, given the numbers that the condition looked at."""
        return f"the condition {self} does not hold"

    def __and__(self, other: "Condition") -> "Condition":
        return Condition.KINDS["AllOf"].model_validate({"parts": (self, other)})


def _load_condition(value: Any) -> Any:
    if value is None or isinstance(value, Condition):
        return value
    if isinstance(value, Mapping):
        return Condition.KINDS[value["kind"]].model_validate(
            {key: item for key, item in value.items() if key != "kind"}
        )
    for kind in Condition.KINDS.values():
        taken = kind.taking(value)
        if taken is not None:
            return taken
    raise ValueError(
        f'is {value!r}; write metric("AUC") > 0.85, or a function whose parameters name channels '
        "and which returns a TFX predicate"
    )


def _dump_condition(condition: Condition | None) -> Any:
    if condition is None:
        return None
    fields = condition.model_dump(mode="json", exclude_defaults=True)
    return {"kind": type(condition).__name__, **fields}


AnyCondition = Annotated[
    Condition, BeforeValidator(_load_condition), PlainSerializer(_dump_condition)
]
"""A condition of any kind; in JSON it carries its kind."""


def _executor(value: Any) -> Any:
    if value is None or isinstance(value, LiveObject):
        return value
    if isinstance(value, str):
        path = value.replace(":", ".")
        module, dot, name = path.rpartition(".")
        if not dot:
            raise ValueError(f"is {value!r}; write 'package.module.MyExecutor', or pass the class")
        return LiveObject(value if ":" in value else f"{module}:{name}")
    if not isinstance(value, type) or not callable(getattr(value, "Do", None)):
        raise ValueError(
            f"is {value!r}; it takes a subclass of TFX's BaseExecutor, or its import path"
        )
    return LiveObject.of(value)


class Component(Parameterized):
    """The spec of one step. A subclass declares parameters and tables, and translates itself.

    Attributes:
        id: Name of the node; the class name unless given.
        inputs: Channels that beat the default wiring, by input key. `when.NAME` is what a
            condition reads.
        when: What has to hold for the node to run.
        executor: TFX executor to run in place of the component's own.
        cache: Whether a run here may take over what it made before; None, where nothing that it
            reads can have changed unseen.
    """

    VERB: ClassVar[str] = ""
    """The method of the chain that adds it."""
    ROLE: ClassVar[str] = ""
    """What the sources of other components call it; empty: the class name."""
    AT_EXIT: ClassVar[bool] = False
    """Whether it runs at the end of a run, however that ended; no other step reads from it."""
    INPUTS: ClassVar[Mapping[str, Input]] = {}
    """Input key to what it reads."""
    OUTPUTS: ClassVar[Mapping[str, str]] = {}
    """Output key to TFX's name of the artifact type."""
    LOWERED_TO: ClassVar[str] = ""
    """What `to_tfx` makes, for readers; empty: TFX's component of the class's own name."""
    RUNS_HERE: ClassVar[str] = "yes"
    """Whether the local backend runs it, and what that takes, for readers: `yes, …` or what it
    needs that a machine alone has not."""
    KINDS: ClassVar[dict[str, type["Component"]]] = {}
    """Every component class by name: what reads a graph back from JSON."""

    id: NodeId = ""
    inputs: FrozenDict[str, Channel] = FrozenDict()
    when: AnyCondition | None = None
    executor: Annotated[Live | None, BeforeValidator(_executor)] = None
    cache: bool | None = None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        Component.KINDS[cls.__name__] = cls

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        return {
            **data,
            "id": data.get("id") or cls.default_id(),
            "inputs": data.get("inputs") or {},
        }

    @model_validator(mode="after")
    def _known_inputs(self) -> Self:
        if self.AT_EXIT and self.when:
            raise DefinitionError(
                f"{self.verb} has when=, and what that looks at may have failed to come about.",
                hint="leave it out; the step itself learns how the run ended.",
            )
        for key in self.inputs:
            if key not in self.needs():
                raise DefinitionError(
                    f"{self.verb} has no input {key!r}.",
                    f"It reads: {listing(self.needs())}.",
                    hint=did_you_mean(key, self.needs()) or "take one of these keys.",
                )
        return self

    @classmethod
    def default_id(cls) -> str:
        """Return the id of a component that was given none."""
        return cls.__name__

    @property
    def role(self) -> str:
        """What the sources of other components call this one."""
        return self.ROLE or type(self).__name__

    @property
    def verb(self) -> str:
        """How messages name the step: `train()`, or the id where no verb adds it."""
        return f"{self.VERB}()" if self.VERB else self.id

    @property
    def is_primary(self) -> bool:
        """Whether this is the first of its kind: default wiring prefers it to those with an id."""
        return self.id == self.default_id()

    def reads(self) -> Mapping[str, Input]:
        """Return what the component reads, by input key."""
        return self.INPUTS

    def provides(self) -> Mapping[str, str] | None:
        """Return the artifact type of each output, or None where only lowering can tell."""
        return self.OUTPUTS

    def companions(self) -> Mapping[str, "Component"]:
        """Return the components that this one brings along, by the input key that they feed."""
        return {}

    def needs(self) -> Mapping[str, Input]:
        """Return what the component and its condition read, by input key."""
        if not self.when:
            return self.reads()
        return {**self.reads(), **{f"{WHEN}{key}": one for key, one in self.when.reads().items()}}

    def brings(self) -> Mapping[str, "Component"]:
        """Return what the component and its condition bring along, by input key."""
        if not self.when:
            return self.companions()
        more = self.when.companions()
        return {**self.companions(), **{f"{WHEN}{key}": one for key, one in more.items()}}

    def settled(self, roles: Set[str]) -> Self:
        """Return the spec with the parameters filled in that depend on the rest of the chain."""
        return self

    def calls(self) -> Iterator[str | LiveObject]:
        """Yield the user's code that it calls: files, import paths and Python objects."""
        yield from _live(self)

    def reads_outside(self) -> tuple[str, ...] | None:
        """Return the files and folders outside the pipeline that it reads.

        None: it reads what cannot be watched, such as a database, and is to run every time.
        """
        return ()

    def writes_outside(self) -> tuple[str, ...]:
        """Return the files outside the pipeline that it writes beside its artifacts."""
        return ()

    def missing_here(self) -> Iterator[BackendError]:
        """Yield what the step needs to run on this machine, and this machine lacks."""
        yield from ()

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return the TFX component that reads these TFX channels, by input key."""
        raise NotImplementedError


def _live(value: Any) -> Iterator[LiveObject]:
    """Yield the Python objects in a field, but for those of companions, which are nodes."""
    if isinstance(value, LiveObject):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _live(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from _live(item)
    elif isinstance(value, Spec):
        for _, item in value:
            if not isinstance(item, Component):
                yield from _live(item)


def _load(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    parameters = dict(value)
    kind = parameters.pop("kind", None)
    if not isinstance(kind, str) or kind not in Component.KINDS:
        raise ValueError(f"names the kind {kind!r}, which this fluentml does not know")
    return Component.KINDS[kind].model_validate(parameters)


def _dump(component: Component) -> dict[str, Any]:
    parameters = component.model_dump(mode="json", exclude_defaults=True)
    return {"kind": type(component).__name__, **parameters}


AnyComponent = Annotated[Component, BeforeValidator(_load), PlainSerializer(_dump)]
"""A component of any kind; in JSON it carries its kind."""
