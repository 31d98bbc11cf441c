"""SchemaCuration: a schema with a person's edits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeAlias

from pydantic import BeforeValidator, Strict, model_validator
from typing_extensions import Self

from fluentml.components import _sources
from fluentml.components._user_code import UserCode
from fluentml.spec import FrozenDict, Input, PathText, thaw

Bound: TypeAlias = Annotated[int, Strict()] | float | None
Domain: TypeAlias = tuple[str, ...] | tuple[Bound, Bound]


def _domains(value: Any) -> Any:
    for feature, domain in value.items() if isinstance(value, Mapping) else ():
        items = domain if isinstance(domain, list | tuple) else ()
        numbers = [isinstance(item, int | float) for item in items if item is not None]
        is_range = len(items) == 2 and all(numbers) and numbers
        if is_range and len(numbers) == 2 and items[0] > items[1]:
            raise ValueError(f"gives {feature!r} the range {tuple(items)!r}, which is empty")
        if not is_range and not (items and all(isinstance(item, str) for item in items)):
            raise ValueError(
                f"gives {feature!r} {domain!r}; text has a list of values, "
                "and numbers have (least, greatest), of which one may be None"
            )
    return value


class SchemaCuration(UserCode):
    """Edit the inferred or imported schema; every step that reads a schema then reads this one.

    Attributes:
        required: Features that every example has.
        optional: Features that an example may lack; `preprocessing_fn` sees them as sparse.
        domains: By feature, the values of text, or the least and the greatest number.
        label: The feature that serving does not see: absent in the environment `SERVING`.
        module: Where `schema_fn(schema)` is that makes any other change; none if empty. It gets
            a `schema_pb2.Schema` with the edits above, and returns one.
        custom_config: Plain values for a second parameter, `schema_fn(schema, custom_config)`.
    """

    VERB: ClassVar[str] = "curate_schema"
    LOWERED_TO: ClassVar[str] = "ours"
    FUNCTION: ClassVar[str] = "schema_fn"
    PARAMETERS: ClassVar[tuple[str, ...]] = ("schema",)
    INPUTS: ClassVar[Mapping[str, Input]] = {
        "schema": Input(type="Schema", sources=_sources.UNCURATED_SCHEMA),
    }
    OUTPUTS: ClassVar[Mapping[str, str]] = {"curated_schema": "Schema"}

    module: PathText = ""
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    domains: Annotated[FrozenDict[str, Domain], BeforeValidator(_domains)] = FrozenDict()
    label: str | None = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if not (self.module or self.required or self.optional or self.domains or self.label):
            raise ValueError('changes nothing; say what, for example required=["fare"]')
        both = sorted({*self.required} & {*self.optional})
        if both:
            raise ValueError(f"has {both[0]!r} as required and as optional")
        return self

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return the component of ours."""
        from fluentml.executors import schema_curation

        edits = {
            "required": list(self.required),
            "optional": list(self.optional),
            "domains": thaw(self.domains),
            "label": self.label,
        }
        function = self.module_arguments() if self.module else {}
        return schema_curation.SchemaCuration(
            **inputs, edits=edits, custom_config=thaw(self.custom_config), **function
        )
