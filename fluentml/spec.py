"""What a pipeline is made of: frozen values that compare, hash and go to JSON and back."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Generic, TypeVar, get_args

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

from fluentml.errors import MissingDependencyError
from fluentml.params import Param

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
        defer_build=True,
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


def hush_tensorflow() -> None:
    """Keep TensorFlow, where it is still to be loaded, from telling of the GPUs that it lacks.

    Whoever has set `TF_CPP_MIN_LOG_LEVEL` hears what that says.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
