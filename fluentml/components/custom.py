"""CustomComponent: any TFX component in the chain."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal

from typing_extensions import Self

from fluentml.component import Component
from fluentml.components import _here, _sources
from fluentml.errors import BackendError, DefinitionError, LoadError, did_you_mean, listing
from fluentml.live import Live, LiveObject
from fluentml.spec import Channel, FrozenDict, Input, JsonDict, thaw


class CustomComponent(Component):
    """A TFX component, its class, or a function that gets channels and returns one.

    Attributes:
        source: The component; the class, `@component` functions and container components included;
            or the function, of which each parameter is the name of an input.
        form: Which of the three it is.
        arguments: What the class or the function takes beside channels.
        parameters: The names of its inputs; true where one may be missing.
        types: The artifact types of a class's inputs, by name; a function takes any.
        made: The component's output keys and artifact types; None for a function, whose outputs
            are known only once it is called.
    """

    VERB: ClassVar[str] = "add_component"
    LOWERED_TO: ClassVar[str] = "any TFX component"
    RUNS_HERE: ClassVar[str] = "yes, where that component does"

    source: Live
    form: Literal["built", "class", "function"] = "function"
    arguments: JsonDict = FrozenDict()
    parameters: FrozenDict[str, bool] = FrozenDict()
    types: FrozenDict[str, str] = FrozenDict()
    made: FrozenDict[str, str] | None = None

    @classmethod
    def of(cls, source: Any, *, arguments: Mapping[str, Any] | None = None, **step: Any) -> Self:
        """Wrap a TFX component, a class of one, or a function that returns one.

        Args:
            source: What to wrap.
            arguments: What a class or a function takes beside channels.
            **step: What every step takes.
        """
        if isinstance(source, type) and hasattr(source, "SPEC_CLASS"):
            return cls._of_class(source, arguments or {}, step)
        if hasattr(source, "executor_spec") and not isinstance(source, type):
            return cls._of_component(source, {**step, "arguments": arguments})
        if not callable(source):
            raise DefinitionError(
                f"{cls.VERB}() takes a TFX component or a function, not {source!r}.",
                hint="a function's parameters name the channels that it gets: "
                f"{cls.VERB}(lambda model: MyComponent(model=model), id='MyComponent').",
            )
        return cls._of_function(source, arguments or {}, step)

    @classmethod
    def _of_component(cls, source: Any, step: Mapping[str, Any]) -> Self:
        given = [f"{name}=" for name, value in step.items() if value and name != "cache"]
        if given:
            raise DefinitionError(
                f"{cls.VERB}() cannot give {' or '.join(given)} to {source.id!r}, which is built.",
                hint="pass its class, or a function that builds it from channels.",
            )
        reads = {
            key: Channel(node=channel.producer_component_id, output=channel.output_key)
            for key, channel in source.inputs.items()
            if getattr(channel, "producer_component_id", None)
        }
        return cls(
            id=source.id,
            cache=step.get("cache"),
            source=LiveObject(f"{type(source).__module__}:{type(source).__qualname__}", source),
            form="built",
            parameters=FrozenDict(dict.fromkeys(reads, False)),
            inputs=FrozenDict(reads),
            made=FrozenDict({key: out.type_name for key, out in source.outputs.items()}),
        )

    @classmethod
    def _of_class(cls, source: Any, arguments: Mapping[str, Any], step: Mapping[str, Any]) -> Self:
        spec, name = source.SPEC_CLASS, source.__name__
        takes = _takes(source, {**spec.INPUTS, **spec.PARAMETERS})
        inputs = {key: one for key, one in spec.INPUTS.items() if key in takes}
        needed = [
            key for key, bare in takes.items() if not bare and key not in {*inputs, *arguments}
        ]
        unknown = [key for key in arguments if key not in takes or key in inputs]
        for key in (*unknown, *needed):
            others = [other for other in takes if other not in inputs]
            raise DefinitionError(
                f"{cls.VERB}({name}) "
                + (f"has no parameter {key!r}." if key in unknown else f"needs {key!r}."),
                f"Its parameters: {listing(others, 'none')}; "
                f"its inputs: {listing(inputs, 'none')}.",
                hint=(did_you_mean(key, others) if key in unknown else None)
                or f'give its parameters as arguments={{"{others[0] if others else key}": …}}.',
            )
        return cls(
            **{**step, "id": step.get("id") or name},
            source=LiveObject.of(source),
            form="class",
            arguments=arguments,  # type: ignore[arg-type]
            parameters=FrozenDict(
                {key: bool(one.optional or takes[key]) for key, one in inputs.items()}
            ),
            types=FrozenDict({key: one.type.TYPE_NAME for key, one in inputs.items()}),
            made=FrozenDict({key: one.type.TYPE_NAME for key, one in spec.OUTPUTS.items()}),
        )

    @classmethod
    def _of_function(
        cls, source: Callable[..., Any], arguments: Mapping[str, Any], step: Mapping[str, Any]
    ) -> Self:
        name = getattr(source, "__name__", "<nameless>")
        if name.startswith("<") and not step.get("id"):
            raise DefinitionError(
                f"{cls.VERB}() has no name for the node of a lambda or partial.",
                hint="pass id=, or a function with a name.",
            )
        try:
            takes = _takes(source, {})
        except ValueError as error:
            raise DefinitionError(
                f"{cls.VERB}() cannot tell the parameters of {source!r}.",
                hint="pass a function written in Python: its parameters name the channels.",
            ) from error
        for key in arguments:
            if key not in takes:
                raise DefinitionError(
                    f"{cls.VERB}({name}) has no parameter {key!r}.",
                    f"Its parameters: {listing(takes, 'none')}.",
                    hint=did_you_mean(key, takes) or "take one of these.",
                )
        return cls(
            **{**step, "id": step.get("id") or name},
            source=LiveObject.of(source),
            arguments=arguments,  # type: ignore[arg-type]
            parameters=FrozenDict(
                {key: bare for key, bare in takes.items() if key not in arguments}
            ),
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

    @property
    def needs_docker(self) -> bool:
        """Whether the step is a container, which Docker runs on this machine."""
        built = self.source.value() if self.form != "function" else None
        spec = getattr(built, "executor_spec", None) or getattr(built, "EXECUTOR_SPEC", None)
        return "Container" in type(spec).__name__

    def missing_here(self) -> Iterator[BackendError]:
        """Yield that there is no Docker, where the step is a container."""
        if self.needs_docker and not _here.docker_answers():
            yield BackendError(
                f"{self.verb} runs a container, and no Docker engine is reachable here.",
                hint="start Docker, or run the steps before it: run(to=…).",
            )

    def reads(self) -> Mapping[str, Input]:
        """Return an input per parameter."""
        return {
            name: Input(
                type=self.types.get(name, ""),
                sources=_sources.BY_NAME.get(name, (f"*.{name}",)),
                optional=bare,
            )
            for name, bare in self.parameters.items()
        }

    def provides(self) -> Mapping[str, str] | None:
        """Return the outputs, or None where only calling the function can tell."""
        return self.made

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return the component, or what the class or function makes of the channels."""
        source = self.source.value()
        if self.form == "built":
            if isinstance(source, type):
                raise LoadError(
                    f"{self.verb}: JSON keeps the class of a component that was built, not the "
                    "component.",
                    hint="add the class, or lower the pipeline where it is built.",
                )
            return source
        made = source(**{**thaw(self.arguments), **inputs})
        if not hasattr(made, "executor_spec"):
            raise DefinitionError(
                f"{self.verb}: the function returned {made!r}, which is no TFX component.",
                hint="return the component that it builds.",
            )
        return made


def _takes(source: Any, all_of_them: Mapping[str, Any]) -> dict[str, bool]:
    """Return the names that a call takes, true where it has a default.

    Args:
        source: A class or a function.
        all_of_them: What `**kwargs` in its signature stand for: declared inputs and parameters.
    """
    takes: dict[str, bool] = {}
    for parameter in inspect.signature(source).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            takes.update({key: bool(one.optional) for key, one in all_of_them.items()})
        elif parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            takes[parameter.name] = parameter.default is not inspect.Parameter.empty
    return takes
