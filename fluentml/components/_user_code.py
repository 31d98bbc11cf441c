"""What the components that call a function of the user's have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from fluentml.component import Component
from fluentml.live import LiveObject
from fluentml.spec import JsonDict, PathText, absolute


class UserCode(Component):
    """A component that calls a function which the user wrote.

    Attributes:
        module: A Python file that defines `FUNCTION` at its top level (TFX ships it together with
            the `.py` files beside it), or the import path of the function, `"package.module.name"`.
            A function itself arrives here as the file that it was written into.
        custom_config: Plain values that the function receives.
    """

    FUNCTION: ClassVar[str] = ""
    """The function's name in a module file."""
    PARAMETERS: ClassVar[tuple[str, ...]] = ()
    """The names of its required parameters, as messages write them."""

    module: PathText
    custom_config: JsonDict | None = None

    @property
    def module_is_file(self) -> bool:
        """Whether `module` is a file rather than an import path."""
        return self.module.endswith(".py")

    def calls(self) -> Iterator[str | LiveObject]:
        """Yield the module too."""
        yield from super().calls()
        if self.module:
            yield self.module

    def module_arguments(self) -> dict[str, str]:
        """Return the argument by which TFX's component gets the function."""
        if self.module_is_file:
            return {"module_file": absolute(self.module)}
        return {self.FUNCTION: self.module}
