"""What the components that may bring a data set of their own have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import field_validator, model_validator
from typing_extensions import Self

from fluentml.component import AnyComponent, Component
from fluentml.errors import DefinitionError


class OwnData(Component):
    """A component that may read another data set than the chain's.

    Attributes:
        examples: The step that reads the data set; it becomes the node `{id}_examples`, unless it
            was given an id.
    """

    PARAMETER: ClassVar[str] = "examples"
    """What the verb calls it."""
    FEEDS: ClassVar[str] = "examples"
    """The input that reads the data set."""

    examples: AnyComponent | None = None

    @field_validator("examples", mode="before")
    @classmethod
    def _is_a_step(cls, value: Any) -> Any:
        if value is None or isinstance(value, Component | Mapping):
            return value
        raise DefinitionError(
            f"{cls.VERB}() takes a step that reads the data set, not {value!r}.",
            hint=f"write {cls.PARAMETER}=fluentml.from_csv({value!r}), or another fluentml.from_… "
            "step."
            if isinstance(value, str)
            else "pass fluentml.from_csv(…) or another fluentml.from_… step.",
        )

    @model_validator(mode="after")
    def _is_a_source(self) -> Self:
        if self.examples is not None and self.examples.role != "ExampleGen":
            raise DefinitionError(
                f"{self.verb} cannot read {self.examples.verb}: it is no source of examples.",
                hint="pass fluentml.from_csv(…) or another fluentml.from_… step.",
            )
        return self

    def companions(self) -> Mapping[str, Component]:
        """Return the step that reads the data set, under an id of its own."""
        if not self.examples:
            return {}
        id = f"{self.id}_examples" if self.examples.is_primary else self.examples.id
        return {self.FEEDS: self.examples.model_copy(update={"id": id})}
