"""Estimators of scikit-learn and its kin as TensorFlow, so that a SavedModel can hold them.

`layers_of(fitted)` translates one into the layers of `fluentml.estimators.layers`. Each library has
a file by the name of its package; a function there, under `translates(…)`, is all that an estimator
needs:

    @translates("Ridge", "Lasso")
    def linear_regression(model):
        return (affine(model.coef_, model.intercept_),)

The last layer of a regressor returns [batch, 1]. That of a classifier returns the probabilities of
`classes_`, or those of the second one alone where there are two: [batch, classes] or [batch, 1].
A classifier without probabilities has its margins squeezed between 0 and 1 instead, by a sigmoid or
a softmax: the greatest is the same.

Nothing here imports a library before its estimator is there, nor TensorFlow before it computes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from fluentml.errors import DefinitionError

if TYPE_CHECKING:
    from fluentml.estimators.layers import Layer

LIBRARIES = {"sklearn": "scikit-learn", "xgboost": "XGBoost", "lightgbm": "LightGBM"}
"""What a package is called; each has a file here."""

Layers: TypeAlias = "tuple[Layer, ...]"


@runtime_checkable
class Estimator(Protocol):
    """What scikit-learn's interface of an estimator is, as far as it matters here."""

    def fit(self, X: Any, y: Any) -> Any:  # noqa: N803 (scikit-learn's name)
        """Learn from rows and their labels."""
        ...

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name."""
        ...


@dataclass(frozen=True)
class Translator:
    """How a class is translated, and what is known before it is fitted."""

    translate: Callable[[Any], Layers]
    only: Mapping[str, tuple[Any, ...]]
    within: Callable[[Any], Iterable[Any]]


_TRANSLATORS: dict[tuple[str, str], Translator] = {}


def translates(
    *classes: str,
    only: Mapping[str, tuple[Any, ...]] = MappingProxyType({}),
    within: Callable[[Any], Iterable[Any]] = lambda model: (),
) -> Callable[[Callable[[Any], Layers]], Callable[[Any], Layers]]:
    """Register a function from a fitted estimator to its layers.

    Args:
        *classes: The names of the classes, of the package that the file is named after.
        only: The values that parameters may have; of another estimator the name of its class.
        within: The estimators in it that have to be translated too.
    """

    def register(function: Callable[[Any], Layers]) -> Callable[[Any], Layers]:
        package = function.__module__.rpartition(".")[2]
        for name in classes:
            _TRANSLATORS[package, name] = Translator(function, only, within)
        return function

    return register


def is_estimator(value: Any) -> bool:
    """Return whether a value has scikit-learn's interface; its class has not."""
    return isinstance(value, Estimator) and not isinstance(value, type)


def check(estimator: Any, verb: str) -> None:
    """Raise a DefinitionError if an estimator cannot be translated, as far as is known of it now.

    Args:
        estimator: Fitted or not.
        verb: What of the chain got it, for the message: `train()`.
    """
    _check(estimator, verb)
    name = type(estimator).__name__
    if not hasattr(estimator, "predict"):
        raise DefinitionError(
            f"{verb} takes an estimator that predicts, and {name} only prepares.",
            hint=f"put it before one: make_pipeline({name}(…), LogisticRegression()).",
        )


def _check(estimator: Any, verb: str) -> None:
    translator = _translator(estimator, verb)
    name, parameters = type(estimator).__name__, estimator.get_params(deep=False)
    for parameter, allowed in translator.only.items():
        value = parameters.get(parameter)
        known = {repr(one) for one in allowed}
        if repr(value) not in known and repr(type(value).__name__) not in known:
            raise DefinitionError(
                f"{verb} cannot write {name}(…, {parameter}={_short(value)}) as TensorFlow.",
                f"It can with {parameter}= of {', '.join(map(_short, allowed))}.",
                hint=f"give it one of these, or leave {parameter}= out.",
            )
    for inner in translator.within(estimator):
        _check(inner, verb)


def layers_of(estimator: Any) -> Layers:
    """Return the layers of a fitted estimator.

    Raises:
        DefinitionError: It is of another class, or has learned what cannot be translated.
    """
    return _translator(estimator, "train()").translate(estimator)


def translated(package: str) -> list[str]:
    """Return the names of the classes of a package that can be translated."""
    importlib.import_module(f"fluentml.estimators.{package}")
    return sorted(name for of, name in _TRANSLATORS if of == package)


def _translator(estimator: Any, verb: str) -> Translator:
    kind = type(estimator)
    package = kind.__module__.partition(".")[0]
    known = translated(package) if package in LIBRARIES else []
    if kind.__name__ in known:
        return _TRANSLATORS[package, kind.__name__]
    raise DefinitionError(
        f"{verb} cannot write {kind.__name__}, a class of {package!r}, as TensorFlow; and a "
        "SavedModel holds no Python.",
        *(
            f"  of {title}: {', '.join(translated(name))}"
            for name, title in LIBRARIES.items()
            if package not in LIBRARIES or name == package
        ),
        hint="take one of these, or save what serves it in a run_fn(fn_args) of your own.",
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
