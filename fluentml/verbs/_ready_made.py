"""A function that builds the model, in place of TFX's own: the trainer is written around it.

So it is around an estimator of scikit-learn's kind, given as an object or by such a function.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from fluentml.capture.calls import constructor_call
from fluentml.errors import DefinitionError
from fluentml.estimators import check, is_estimator
from fluentml.params import Param
from fluentml.words import in_words_of

WANTED = "build_model(hp, features)"
ESTIMATOR = "build_estimator(hp)"

Count = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0)]


class Fitting(BaseModel):
    """What `fluentml.training.fit` takes; None leaves it to that function.

    Attributes:
        VERB: The method of the chain that takes it.
        OWN: The function of TFX's in place of which the builder is given.
        CALL: The function of `fluentml.training` that does the work.
        OF_ESTIMATORS: The one that does it for an estimator.
        NOT_FOR_ESTIMATORS: What an estimator has no use for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    VERB: ClassVar[str] = "train"
    OWN: ClassVar[str] = "run_fn"
    CALL: ClassVar[str] = "fit"
    OF_ESTIMATORS: ClassVar[str] = "fit_estimator"
    NOT_FOR_ESTIMATORS: ClassVar[tuple[str, ...]] = (
        "batch_size",
        "epochs",
        "shuffle",
        "cache",
        "early_stopping",
        "executions_per_trial",
    )

    label: Annotated[str, Field(min_length=1)] | list[str] | tuple[str, ...] | None = None
    batch_size: Count | None = None
    epochs: Count | None = None
    shuffle: bool | Count | None = None
    in_memory: bool | None = None
    early_stopping: Annotated[int, Field(ge=0)] | None = None
    class_weight: Literal["balanced"] | dict[int | str, Weight] | None = None
    example_weight: str | None = None
    seed: int | None = None


class Searching(Fitting):
    """What `fluentml.training.tuner` takes."""

    VERB: ClassVar[str] = "tune"
    OWN: ClassVar[str] = "tuner_fn"
    CALL: ClassVar[str] = "tuner"
    OF_ESTIMATORS: ClassVar[str] = "estimator_tuner"

    strategy: Literal["random", "hyperband", "bayesian", "grid"] | None = None
    max_trials: Count | None = None
    objective: str | tuple[str, Literal["min", "max"]] | None = None
    executions_per_trial: Count | None = None


def trainer_around(
    code: Any, kind: type[Fitting], parameters: Mapping[str, Any], others: Mapping[str, Any]
) -> str | None:
    """Return the source of the function that TFX calls, or None where the user wrote it.

    Of an estimator it is preceded by the function that makes the estimator.

    Args:
        code: What the verb got: a function, a module file, an import path or an estimator.
        kind: What the verb does.
        parameters: What the verb got besides for the ready-made trainer, None where nothing.
        others: Further parameters of the verb, for which an estimator has no use either.

    Raises:
        DefinitionError: A parameter is wrong, or is there without a function to build the model.
    """
    given: dict[str, Any] = {
        name: dict(value) if isinstance(value, Mapping) else value
        for name, value in parameters.items()
        if value is not None
    }
    of_estimator = is_estimator(code) or is_estimator_builder(code)
    if of_estimator:
        _check_for_estimator(code, kind, {**given, **others})
    elif not is_builder(code):
        if given:
            raise _not_for(code, kind, next(iter(given)))
        return None
    _check_options(code, kind, given)
    if is_estimator(code):
        return _written_out(code, kind) + _source("build_estimator", kind, given, of_estimator)
    return _source(inspect.unwrap(code).__name__, kind, given, of_estimator)


def _check_options(code: Any, kind: type[Fitting], given: Mapping[str, Any]) -> None:
    """Raise a DefinitionError if a parameter for the ready-made trainer is wrong."""
    if isinstance(given.get("label"), Param):
        raise DefinitionError(
            f"{kind.VERB}() takes label= as it is, not {given['label']!r}.",
            hint="name the feature.",
        )
    defaults = {n: one.default if isinstance(one, Param) else one for n, one in given.items()}
    with in_words_of(kind.VERB, defaults):
        kind(**defaults)
    if "label" not in given:
        raise DefinitionError(
            f"{kind.VERB}() needs label=, the feature to predict.",
            hint=f'write {kind.VERB}({_name(code)}, label="…"), '
            "as preprocessing_fn calls the feature.",
        )


def given_by_run(
    kind: type[Fitting], parameters: Mapping[str, Any], custom_config: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """Return `custom_config` with the parameters that a run may give, which arrive by it.

    Raises:
        DefinitionError: It has one of that name already.
    """
    found = {name: value for name, value in parameters.items() if isinstance(value, Param)}
    for name in found:
        if name in (custom_config or {}):
            raise DefinitionError(
                f"{kind.VERB}() has {name}={found[name]!r}, which arrives by custom_config=, and "
                f"that has {name!r} already.",
                hint="call the one in custom_config= otherwise.",
            )
    return {**(custom_config or {}), **found} if found else custom_config


def is_builder(code: Any) -> bool:
    """Return whether a function builds a model: by the names of its parameters, or two of them."""
    positional = _positional(code)
    names = {p.name for p in positional}
    if "fn_args" in names:
        return False
    return names >= {"hp", "features"} or len([p for p in positional if p.default is p.empty]) == 2


def is_estimator_builder(code: Any) -> bool:
    """Return whether a function builds an estimator: it needs `hp` and nothing else."""
    return [p.name for p in _positional(code) if p.default is p.empty] == ["hp"] and not (
        is_builder(code)
    )


def _positional(code: Any) -> list[inspect.Parameter]:
    if not inspect.isroutine(code):
        return []
    parameters = inspect.signature(code).parameters.values()
    return [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _name(code: Any) -> str:
    return str(getattr(code, "__name__", f"{type(code).__name__}(…)"))


def _check_for_estimator(code: Any, kind: type[Fitting], given: Mapping[str, Any]) -> None:
    """Raise a DefinitionError if an estimator has no use for a parameter, or cannot be exported."""
    if is_estimator(code):
        if kind is Searching:
            raise DefinitionError(
                f"tune() cannot vary {_name(code)}: it has its parameters.",
                hint=f"give a function {ESTIMATOR} that asks hp for those to search, such as "
                'hp.Int("max_depth", 2, 8).',
            )
        check(code, f"{kind.VERB}()")
    if isinstance(given.get("label"), list | tuple):
        raise DefinitionError(
            f"{kind.VERB}() has several labels, and an estimator predicts one.",
            hint='train one for each, by id="…", or a Keras model of several outputs.',
        )
    if given.get("strategy") == "hyperband":
        raise DefinitionError(
            'tune(strategy="hyperband") spends epochs, and an estimator has none.',
            hint='take "random", "bayesian" or "grid".',
        )
    for name, value in given.items():
        if value is not None and (name in kind.NOT_FOR_ESTIMATORS or name not in kind.model_fields):
            raise DefinitionError(
                f"{kind.VERB}() has {name}=, which is for Keras models: an estimator learns from "
                "all examples at once, and anew each time.",
                hint=f"leave {name}= out; what the estimator takes goes into its own call.",
            )


def _written_out(estimator: Any, kind: type[Fitting]) -> str:
    """Return the function that makes an estimator like this one."""
    imports, call = constructor_call(estimator, f"{kind.VERB}()")
    lines = "".join(f"    {line}\n" for line in imports)
    return (
        "# Written by fluentml from the estimator in the pipeline: edit it there.\n\n\n"
        f"def build_estimator(hp):\n{lines}\n    return {call}\n\n"
    )


def _not_for(code: Any, kind: type[Fitting], name: str) -> DefinitionError:
    if not callable(code):
        return DefinitionError(
            f"{kind.VERB}() takes {name}= with a function {WANTED}; "
            f"{str(code)!r} trains by its own {kind.OWN}(fn_args).",
            hint=f"give the function itself, or drop {name}=: custom_config= reaches fn_args.",
        )
    if isinstance(code, type) and hasattr(code, "get_params"):
        return DefinitionError(
            f"{kind.VERB}() takes an estimator, and {code.__name__} is the class of some.",
            hint=f"make one: {code.__name__}(…).",
        )
    place = getattr(inspect.unwrap(code), "__code__", None)
    return DefinitionError(
        f"{kind.VERB}() takes {name}= with a function {WANTED}, and this is "
        f"{getattr(code, '__name__', code)}{inspect.signature(code)}.",
        *([f"  {place.co_filename}:{place.co_firstlineno}"] if place else []),
        hint=f"write def {WANTED}; further parameters need defaults.",
    )


def _source(name: str, kind: type[Fitting], given: Mapping[str, Any], of_estimator: bool) -> str:
    wanted = ESTIMATOR if of_estimator else WANTED
    if name == kind.OWN:
        raise DefinitionError(
            f"{kind.VERB}() got {wanted} by the name {name!r}, which TFX's function has.",
            hint=f"call it {wanted.partition('(')[0]}.",
        )
    values = {
        option: f"fn_args.custom_config[{option!r}]" if isinstance(value, Param) else repr(value)
        for option, value in given.items()
    }
    options = "".join(f"        {option}={value},\n" for option, value in values.items())
    returned = "return " if kind is Searching else ""
    call = kind.OF_ESTIMATORS if of_estimator else kind.CALL
    return f"""
def {kind.OWN}(fn_args):
    # As {kind.VERB}() of the pipeline says.
    from fluentml import training

    {returned}training.{call}(
        fn_args,
        {name},
{options}    )
"""
