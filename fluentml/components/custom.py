"""CustomComponent: any TFX component in the chain."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, ConfigDict, PlainSerializer
from typing_extensions import Self

from fluentml.components import _sources
from fluentml.errors import DefinitionError, LoadError
from fluentml.spec import Channel, Component, FrozenDict, Input


class LiveObject:
    """A Python object beside the `module:name` by which it may be imported again."""

    def __init__(self, reference: str, value: Any = None) -> None:
        self.reference = reference
        self._value = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LiveObject) or self.reference != other.reference:
            return False
        # Every lambda of a module has the same name; what came from JSON has only the name.
        return self._value is other._value or self._value is None or other._value is None

    def __hash__(self) -> int:
        return hash(self.reference)

    def __repr__(self) -> str:
        return self.reference

    def value(self) -> Any:
        """Return the object, imported by its reference where it came from a file."""
        if self._value is None:
            module, _, name = self.reference.partition(":")
            try:
                value: Any = importlib.import_module(module)
                for part in name.split("."):
                    value = getattr(value, part)
            except (ImportError, AttributeError) as error:
                raise LoadError(
                    f"The graph's custom step {self.reference!r} cannot be imported here.",
                    hint="put the function into a module that both sides can import.",
                ) from error
            self._value = value
        return self._value


class CustomComponent(Component):
    """A TFX component, or a function that gets channels and returns one.

    Attributes:
        source: The TFX component, or the function: each parameter is the name of an input.
        parameters: The function's parameters; true where they have a default.
        made: The component's output keys and artifact types; None for a function, whose outputs
            are known only once it is called.
    """

    VERB: ClassVar[str] = "add_component"

    source: Annotated[
        LiveObject,
        BeforeValidator(lambda value: LiveObject(value) if isinstance(value, str) else value),
        PlainSerializer(repr),
    ]
    parameters: FrozenDict[str, bool] = FrozenDict()
    made: FrozenDict[str, str] | None = None

    model_config = ConfigDict(arbitrary_types_allowed=True)

    @classmethod
    def of(
        cls, source: Any, *, id: str | None = None, inputs: Mapping[str, Any] | None = None
    ) -> Self:
        """Wrap a TFX component or a function."""
        inputs = inputs or {}
        if hasattr(source, "executor_spec") and not isinstance(source, type):
            return cls._of_component(source, id, inputs)
        if not callable(source):
            raise DefinitionError(
                f"{cls.VERB}() takes a TFX component or a function, not {source!r}.",
                hint="a function's parameters name the channels that it gets: "
                f"{cls.VERB}(lambda model: MyComponent(model=model), id='MyComponent').",
            )
        return cls._of_function(source, id, inputs)

    @classmethod
    def _of_component(cls, source: Any, id: str | None, inputs: Mapping[str, Any]) -> Self:
        if id or inputs:
            raise DefinitionError(
                f"{cls.VERB}() cannot give id= or inputs= to {source.id!r}, which is built.",
                hint="use .with_id(…) on it, or pass a function that builds it from channels.",
            )
        reads = {
            key: Channel(node=channel.producer_component_id, output=channel.output_key)
            for key, channel in source.inputs.items()
            if getattr(channel, "producer_component_id", None)
        }
        return cls(
            id=source.id,
            source=LiveObject(f"{type(source).__module__}:{type(source).__qualname__}", source),
            parameters=FrozenDict(dict.fromkeys(reads, False)),
            inputs=FrozenDict(reads),
            made=FrozenDict({key: out.type_name for key, out in source.outputs.items()}),
        )

    @classmethod
    def _of_function(
        cls, source: Callable[..., Any], id: str | None, inputs: Mapping[str, Any]
    ) -> Self:
        name = getattr(source, "__name__", "<nameless>")
        if name.startswith("<") and not id:
            raise DefinitionError(
                f"{cls.VERB}() has no name for the node of a lambda or partial.",
                hint="pass id=, or a function with a name.",
            )
        named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        try:
            signature = inspect.signature(source)
        except ValueError as error:
            raise DefinitionError(
                f"{cls.VERB}() cannot tell the parameters of {source!r}.",
                hint="pass a function written in Python: its parameters name the channels.",
            ) from error
        parameters = {
            parameter.name: parameter.default is not inspect.Parameter.empty
            for parameter in signature.parameters.values()
            if parameter.kind in named
        }
        module = getattr(source, "__module__", "?")
        return cls(
            id=id or name,
            source=LiveObject(f"{module}:{getattr(source, '__qualname__', name)}", source),
            parameters=FrozenDict(parameters),
            inputs=inputs,  # type: ignore[arg-type]
        )

    @property
    def verb(self) -> str:
        """Name the step by its id: the verb alone would say too little."""
        return f"{self.VERB}({self.id})"

    @property
    def is_primary(self) -> bool:
        """Every custom step is the only one of its kind."""
        return True

    @property
    def role(self) -> str:
        """Other steps name it by its id."""
        return self.id

    def reads(self) -> Mapping[str, Input]:
        """Return an input per parameter."""
        return {
            name: Input(type="", sources=_sources.BY_NAME.get(name, (f"*.{name}",)), optional=bare)
            for name, bare in self.parameters.items()
        }

    def provides(self) -> Mapping[str, str] | None:
        """Return the outputs, or None where only calling the function can tell."""
        return self.made

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return the component, or what the function makes of the channels."""
        if self.made is not None:
            built = self.source.value()
            if isinstance(built, type):
                raise LoadError(
                    f"{self.verb}: JSON keeps the class of a component that was built, not the "
                    "component.",
                    hint="add a function that builds it, or lower the pipeline where it is built.",
                )
            return built
        made = self.source.value()(**inputs)
        if not hasattr(made, "executor_spec"):
            raise DefinitionError(
                f"{self.verb}: the function returned {made!r}, which is no TFX component.",
                hint="return the component that it builds.",
            )
        return made
