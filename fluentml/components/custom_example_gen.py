"""CustomExampleGen: any TFX component that makes examples, in the role of ExampleGen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from typing_extensions import Self

from fluentml.components.custom import CustomComponent
from fluentml.errors import DefinitionError, listing


class CustomExampleGen(CustomComponent):
    """A component with the output `examples`, or a function that returns one."""

    VERB: ClassVar[str] = "from_custom_example_gen"
    ROLE: ClassVar[str] = "ExampleGen"
    OUTPUTS: ClassVar[Mapping[str, str]] = {"examples": "Examples"}

    @classmethod
    def of(cls, source: Any, *, arguments: Mapping[str, Any] | None = None, **step: Any) -> Self:
        """Wrap a TFX component or a function.

        Raises:
            DefinitionError: The component has no output `examples` of the type Examples.
        """
        made = super().of(source, arguments=arguments, **step)
        if made.made is not None and made.made.get("examples") != "Examples":
            outputs = [f"{output} ({kind})" for output, kind in made.made.items()]
            raise DefinitionError(
                f"{cls.VERB}() takes a component with the output 'examples' of the type Examples, "
                f"and {made.id!r} has none.",
                f"Its outputs: {listing(outputs)}.",
                hint="add it by add_component(…), and name its output where it is read: "
                'inputs={"examples": "Node.output"}.',
            )
        return made

    @property
    def is_primary(self) -> bool:
        """A function with an id of its own stands behind a source without one."""
        name = self.source.reference.rpartition(":")[2].rpartition(".")[2]
        return self.form == "built" or self.id == name

    @property
    def role(self) -> str:
        """Other steps take it for the ExampleGen of the chain."""
        return self.ROLE

    def provides(self) -> Mapping[str, str]:
        """Return the outputs; those of a function's component are taken on trust."""
        return self.OUTPUTS if self.made is None else self.made
