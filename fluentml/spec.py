"""What a pipeline is made of: frozen values that compare, hash and go to JSON and back.

A `Component` is the spec of one step: its parameters are fields, its inputs and outputs are class
tables with TFX's own keys and artifact-type names. Specs know nothing of the chain they stand in.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator, Mapping, Set
from typing import Annotated, Any, ClassVar, Generic, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    PlainSerializer,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema
from typing_extensions import Self

from fluentml.errors import DefinitionError, MissingDependencyError, did_you_mean, listing
from fluentml.live import Live, LiveObject
from fluentml.params import Param, filled, found_in

K = TypeVar("K")
V = TypeVar("V")


class Spec(BaseModel):
    """Base of every value here: frozen, and strict about unknown names."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        ser_json_inf_nan="constants",
        arbitrary_types_allowed=True,
    )


class FrozenDict(Mapping[K, V], Generic[K, V]):
    """A dict that does not change, and so hashes."""

    __slots__ = ("_data",)

    def __init__(self, data: Mapping[K, V] | None = None) -> None:
        self._data = dict(data or {})

    def __getitem__(self, key: K) -> V:
        return self._data[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __hash__(self) -> int:
        return hash(frozenset(self._data.items()))

    def __repr__(self) -> str:
        return repr(self._data)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        key, value = get_args(source) or (Any, Any)
        as_dict = handler.generate_schema(dict[key, value])  # type: ignore[valid-type]
        return core_schema.no_info_after_validator_function(
            cls,
            as_dict,
            serialization=core_schema.wrap_serializer_function_ser_schema(
                lambda frozen, serialize: serialize(dict(frozen)), schema=as_dict
            ),
        )


def _freeze(value: Any) -> Any:
    if isinstance(value, Mapping):
        return FrozenDict({str(key): _freeze(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return tuple(_freeze(item) for item in value)
    if value is None or isinstance(value, str | int | float | bool | Param):
        return value
    raise ValueError(f"takes plain values (text, numbers, lists, dicts), not {value!r}")


def thaw(value: Any) -> Any:
    """Return the plain dicts and lists that a frozen value was made of."""
    if isinstance(value, Mapping):
        return {key: thaw(item) for key, item in value.items()}
    return [thaw(item) for item in value] if isinstance(value, tuple) else value


def _text_path(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def is_remote(path: str) -> bool:
    """Return whether a path is a URI (`gs://…`), which only its own library can open."""
    return "://" in path


def absolute(path: str) -> str:
    """Return a local path as an absolute one; leave a URI alone."""
    return path if is_remote(path) else os.path.abspath(path)  # noqa: PTH100 (paths stay text)


def _node_id(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", value):
        raise ValueError(
            f"is {value!r}; an id starts with a letter or '_' and goes on with letters, digits, "
            "'_', '-', '.'"
        )
    return value


def _freeze_template(value: Any) -> Any:
    if isinstance(value, Mapping) and value.keys() == {"param", "default"}:
        return Param(value["param"], value["default"])
    if isinstance(value, Mapping):
        return FrozenDict({str(key): _freeze_template(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return tuple(_freeze_template(item) for item in value)
    return _freeze(_text_path(value))


def _thaw_template(value: Any) -> Any:
    if isinstance(value, Param):
        return {"param": value.name, "default": value.default}
    if isinstance(value, Mapping):
        return {key: _thaw_template(item) for key, item in value.items()}
    return [_thaw_template(item) for item in value] if isinstance(value, tuple) else value


Json = Annotated[Any, BeforeValidator(_freeze), PlainSerializer(thaw)]
"""Nested plain values, kept frozen."""

Template = Annotated[Any, BeforeValidator(_freeze_template), PlainSerializer(_thaw_template)]
"""Nested plain values among which there are runtime parameters."""

JsonDict = Annotated[FrozenDict[str, Json], BeforeValidator(_freeze)]
"""A dict of plain values, kept frozen."""

PathText = Annotated[str, BeforeValidator(_text_path)]
"""A local path or a URI, as its author wrote it; relative to the working directory."""

NodeId = Annotated[str, AfterValidator(_node_id)]
"""The name of a node in its graph, and of its folder under the pipeline root."""


class Proto(Spec):
    """A protocol-buffer message kept as JSON: it hashes, compares, and needs no library to be read.

    Attributes:
        module: Python module of the generated class.
        name: Class name in that module.
        text: The message as JSON, with the field names of its `.proto` file.
    """

    module: str
    name: str
    text: str

    @classmethod
    def of(cls, message: Any) -> Self:
        """Keep `message`, an instance of a generated protocol-buffer class."""
        from google.protobuf import json_format

        text = json_format.MessageToJson(
            message, preserving_proto_field_name=True, indent=None, sort_keys=True
        )
        kind = type(message)
        return cls(module=kind.__module__, name=kind.__qualname__, text=text)

    def message(self) -> Any:
        """Return the message, a new instance of the generated class."""
        from google.protobuf import json_format

        kind: Any = import_needed(self.module)
        for part in self.name.split("."):
            kind = getattr(kind, part)
        return json_format.Parse(self.text, kind())


def proto_of(full_name: str) -> BeforeValidator:
    """Return a validator that takes only messages of the type `full_name` (with its package)."""

    def capture(value: Any) -> Any:
        if value is None or isinstance(value, Proto):
            return value
        # From JSON; any other dict is somebody's idea of a message.
        if isinstance(value, Mapping) and value.keys() == Proto.model_fields.keys():
            return value
        given = getattr(getattr(value, "DESCRIPTOR", None), "full_name", type(value).__name__)
        if given != full_name:
            raise ValueError(f"takes a message of the type {full_name}, not {given}")
        return Proto.of(value)

    return BeforeValidator(capture)


class Channel(Spec):
    """An output of a node that an input reads, for example `Trainer.model`."""

    node: NodeId
    output: str

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            node, dot, output = value.rpartition(".")
            if not dot:
                raise ValueError(f"names the channel {value!r}; one is written 'Node.output'")
            return {"node": node, "output": output}
        return value

    @model_serializer
    def _as_text(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return f"{self.node}.{self.output}"


class Input(Spec):
    """What a component reads under one input key.

    Attributes:
        type: TFX's name of the artifact type; empty where any type will do.
        sources: `Role.output` names, best first: the first that the chain provides is wired.
            Empty: wired only where `inputs=` names a channel.
        optional: Whether the component also works without it.
        about: Name of another input. A source counts only if its node reads the same channel
            under that key: a blessing of another model is no blessing of this one.
    """

    type: str
    sources: tuple[str, ...] = ()
    optional: bool = False
    about: str | None = None


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

    KINDS: ClassVar[dict[str, type[Condition]]] = {}
    """Every kind of condition by name: what reads one back from JSON."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        Condition.KINDS[cls.__name__] = cls

    @classmethod
    def taking(cls, value: Any) -> Condition | None:
        """Return the condition that a user's `when=` means, or None if it is none of this kind."""
        return None

    def reads(self) -> Mapping[str, Input]:
        """Return what the condition looks at, by name."""
        raise NotImplementedError

    def companions(self) -> Mapping[str, Component]:
        """Return the components that it brings along, by the name that they feed."""
        return {}

    def predicates(self, channels: Mapping[str, Any]) -> Iterator[Any]:
        """Yield TFX's predicates, all of which have to hold, on these TFX channels by name."""
        raise NotImplementedError

    def why_not(self, values: Mapping[str, float]) -> str:
        """Return why a node was skipped, given the numbers that the condition looked at."""
        return f"the condition {self} does not hold"

    def __and__(self, other: Condition) -> Condition:
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
    KINDS: ClassVar[dict[str, type[Component]]] = {}
    """Every component class by name: what reads a graph back from JSON."""

    id: NodeId = ""
    inputs: FrozenDict[str, Channel] = FrozenDict()
    when: AnyCondition | None = None
    executor: Annotated[Live | None, BeforeValidator(_executor)] = None

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

    def companions(self) -> Mapping[str, Component]:
        """Return the components that this one brings along, by the input key that they feed."""
        return {}

    def needs(self) -> Mapping[str, Input]:
        """Return what the component and its condition read, by input key."""
        if not self.when:
            return self.reads()
        return {**self.reads(), **{f"{WHEN}{key}": one for key, one in self.when.reads().items()}}

    def brings(self) -> Mapping[str, Component]:
        """Return what the component and its condition bring along, by input key."""
        if not self.when:
            return self.companions()
        more = self.when.companions()
        return {**self.companions(), **{f"{WHEN}{key}": one for key, one in more.items()}}

    def settled(self, roles: Set[str]) -> Self:
        """Return the spec with the parameters filled in that depend on the rest of the chain."""
        return self

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return the TFX component that reads these TFX channels, by input key."""
        raise NotImplementedError


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


def import_needed(module: str) -> Any:
    """Import a module of the TFX stack; raise one sentence with the remedy where it is missing."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != module.partition(".")[0]:
            raise
        from fluentml.doctor import tfx_advice

        raise MissingDependencyError(
            f"This call needs {module.partition('.')[0]!r}, which is not installed.",
            hint=tfx_advice(),
        ) from error
