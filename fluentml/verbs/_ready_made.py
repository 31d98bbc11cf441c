"""A function that builds the model, in place of TFX's own: the trainer is written around it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from fluentml.errors import DefinitionError
from fluentml.params import Param
from fluentml.words import in_words_of

WANTED = "build_model(hp, features)"

Count = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0)]


class Fitting(BaseModel):
    """What `fluentml.training.fit` takes; None leaves it to that function.

    Attributes:
        VERB: The method of the chain that takes it.
        OWN: The function of TFX's in place of which the builder is given.
        CALL: The function of `fluentml.training` that does the work.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    VERB: ClassVar[str] = "train"
    OWN: ClassVar[str] = "run_fn"
    CALL: ClassVar[str] = "fit"

    label: Annotated[str, Field(min_length=1)] | list[str] | tuple[str, ...] | None = None
    batch_size: Count | None = None
    epochs: Count | None = None
    shuffle: bool | Count | None = None
    cache: bool | None = None
    early_stopping: Annotated[int, Field(ge=0)] | None = None
    class_weight: Literal["balanced"] | dict[int | str, Weight] | None = None
    example_weight: str | None = None
    seed: int | None = None


class Searching(Fitting):
    """What `fluentml.training.tuner` takes."""

    VERB: ClassVar[str] = "tune"
    OWN: ClassVar[str] = "tuner_fn"
    CALL: ClassVar[str] = "tuner"

    strategy: Literal["random", "hyperband", "bayesian", "grid"] | None = None
    max_trials: Count | None = None
    objective: str | tuple[str, Literal["min", "max"]] | None = None
    executions_per_trial: Count | None = None


def trainer_around(code: Any, kind: type[Fitting], parameters: Mapping[str, Any]) -> str | None:
    """Return the source of the function that TFX calls, or None where the user wrote it.

    Args:
        code: What the verb got: a function, a module file or an import path.
        kind: What the verb does.
        parameters: What the verb got besides for the ready-made trainer, None where nothing.

    Raises:
        DefinitionError: A parameter is wrong, or is there without a function to build the model.
    """
    given: dict[str, Any] = {
        name: dict(value) if isinstance(value, Mapping) else value
        for name, value in parameters.items()
        if value is not None
    }
    if not is_builder(code):
        if given:
            raise _not_for(code, kind, next(iter(given)))
        return None
    for name, value in given.items():
        if isinstance(value, Param):
            raise DefinitionError(
                f"{kind.VERB}() takes {name}= as it is, not {value!r}: the trainer that it writes "
                "holds the value.",
                hint="a run can give train_steps= and eval_steps=.",
            )
    with in_words_of(kind.VERB, given):
        kind(**given)
    if "label" not in given:
        raise DefinitionError(
            f"{kind.VERB}() needs label=, the feature to predict.",
            hint=f'write {kind.VERB}({code.__name__}, label="…"), '
            "as preprocessing_fn calls the feature.",
        )
    return _source(inspect.unwrap(code).__name__, kind, given)


def is_builder(code: Any) -> bool:
    """Return whether a function builds a model: by the names of its parameters, or two of them."""
    if not inspect.isroutine(code):
        return False
    parameters = inspect.signature(code).parameters.values()
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    names = {p.name for p in positional}
    if "fn_args" in names:
        return False
    return names >= {"hp", "features"} or len([p for p in positional if p.default is p.empty]) == 2


def _not_for(code: Any, kind: type[Fitting], name: str) -> DefinitionError:
    if not callable(code):
        return DefinitionError(
            f"{kind.VERB}() takes {name}= with a function {WANTED}; "
            f"{str(code)!r} trains by its own {kind.OWN}(fn_args).",
            hint=f"give the function itself, or drop {name}=: custom_config= reaches fn_args.",
        )
    place = getattr(inspect.unwrap(code), "__code__", None)
    return DefinitionError(
        f"{kind.VERB}() takes {name}= with a function {WANTED}, and this is "
        f"{getattr(code, '__name__', code)}{inspect.signature(code)}.",
        *([f"  {place.co_filename}:{place.co_firstlineno}"] if place else []),
        hint=f"write def {WANTED}; further parameters need defaults.",
    )


def _source(name: str, kind: type[Fitting], given: Mapping[str, Any]) -> str:
    if name == kind.OWN:
        raise DefinitionError(
            f"{kind.VERB}() got {WANTED} by the name {name!r}, which TFX's function has.",
            hint="call it build_model.",
        )
    options = "".join(f"        {option}={value!r},\n" for option, value in given.items())
    returned = "return " if kind is Searching else ""
    return f"""
def {kind.OWN}(fn_args):
    # As {kind.VERB}() of the pipeline says.
    from fluentml import training

    {returned}training.{kind.CALL}(
        fn_args,
        {name},
{options}    )
"""
