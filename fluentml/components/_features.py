"""Features that are declared by what becomes of them, rather than computed by a function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, field_validator, model_validator
from typing_extensions import Self

from fluentml.spec import FrozenDict, Spec

DATE_PARTS = ("weekday", "month", "hour")


def _names(value: Any) -> Any:
    """Return the names, each of which stands there once."""
    if not isinstance(value, list | tuple):
        return value
    seen = set()
    for name in value:
        if not isinstance(name, str) or not name:
            raise ValueError(f"names a feature {name!r}")
        if name in seen:
            raise ValueError(f"names {name!r} twice")
        seen.add(name)
    return value


def _sizes(value: Any) -> Any:
    """Return sizes by name."""
    if isinstance(value, Mapping):
        _names([*value])
    return value


def _sizes_if_any(value: Any) -> Any:
    """Return sizes by name; a list names features without one."""
    return dict.fromkeys(_names(value)) if isinstance(value, list | tuple) else _sizes(value)


Names = Annotated[tuple[Annotated[str, Field(strict=True)], ...], BeforeValidator(_names)]
Size = Annotated[int, Field(ge=1, strict=True)]
Several = Annotated[int, Field(ge=2, strict=True)]


class Features(Spec):
    """What becomes of which raw feature; `preprocess` writes `preprocessing_fn` by it.

    Attributes:
        numeric: Numbers, scaled.
        log: Amounts from 0 on, their logarithms scaled.
        categorical: Words or codes, numbered; how many of them count, None for all.
        bucketize: Numbers, as the number of their quantile; how many quantiles.
        text: Texts, as how often words occur; into how many numbers the words are hashed.
        dates: ISO dates, as weekday, month and hour.
        passthrough: Features that stay as they are.
        label: What is predicted.
        TAKES: The parameters that take numbers only, or text only.
    """

    TAKES: ClassVar[Mapping[str, type]] = {
        "numeric": float,
        "log": float,
        "bucketize": float,
        "text": str,
        "dates": str,
    }

    numeric: Names = ()
    log: Names = ()
    categorical: Annotated[FrozenDict[str, Size | None], BeforeValidator(_sizes_if_any)] = (
        FrozenDict()
    )
    bucketize: Annotated[FrozenDict[str, Several], BeforeValidator(_sizes)] = FrozenDict()
    text: Annotated[FrozenDict[str, Several], BeforeValidator(_sizes)] = FrozenDict()
    dates: Names = ()
    passthrough: Names = ()
    label: Annotated[str, Field(strict=True)] | None = None

    @field_validator("label")
    @classmethod
    def _named(cls, label: str | None) -> str | None:
        if label is not None:
            _names([label])
        return label

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        roles: dict[str, str] = {}
        for role, names in self.by_role().items():
            for name in names:
                if name in roles:
                    raise ValueError(
                        f"names {name!r} in {roles[name]}= and {role}=; a feature has one role"
                    )
                roles[name] = role
        if not roles.keys() - {self.label}:
            raise ValueError("names a label and no feature to predict it from")
        made = [*self.made()]
        twice = next((name for name in made if made.count(name) > 1), None)
        if twice:
            raise ValueError(f"would make two features {twice!r}; rename a column")
        return self

    def by_role(self) -> Mapping[str, tuple[str, ...]]:
        """Return the raw features by the parameter that names them."""
        roles = {role: value for role, value in self if role != "label"}
        label = () if self.label is None else (self.label,)
        return {**{role: tuple(names) for role, names in roles.items()}, "label": label}

    def made(self) -> Iterator[str]:
        """Yield the names of the transformed features."""
        for role, names in self.by_role().items():
            for name in names:
                yield from made_of(name, DATE_PARTS if role == "dates" else ())


def made_of(name: str, parts: Iterable[str] = ()) -> Iterator[str]:
    """Yield what a raw feature's transformed ones are called."""
    yield from (f"{name}_{part}_xf" for part in parts) if parts else (f"{name}_xf",)
