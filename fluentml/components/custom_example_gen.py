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
    def of(
        cls, source: Any, *, id: str | None = None, inputs: Mapping[str, Any] | None = None
    ) -> Self:
        """Wrap a TFX component or a function.

        Raises:
            DefinitionError: The component has no output `examples` of the type Examples.
        """
        step = super().of(source, id=id, inputs=inputs)
        if step.made is not None and step.made.get("examples") != "Examples":
            made = [f"{output} ({kind})" for output, kind in step.made.items()]
            raise DefinitionError(
                f"{cls.VERB}() takes a component with the output 'examples' of the type Examples, "
                f"and {step.id!r} has none.",
                f"Its outputs: {listing(made)}.",
                hint="add it by add_component(…), and name its output where it is read: "
                'inputs={"examples": "Node.output"}.',
            )
        return step

    @property
    def role(self) -> str:
        """Other steps take it for the ExampleGen of the chain."""
        return self.ROLE

    def provides(self) -> Mapping[str, str]:
        """Return the outputs; those of a function's component are taken on trust."""
        return self.OUTPUTS if self.made is None else self.made
