"""What `when=` of a verb can mean."""

from __future__ import annotations

import inspect
import operator
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

from typing_extensions import Self

from fluentml.component import AnyCondition, Component, Condition
from fluentml.components import _sources
from fluentml.components.metric_value import MetricValue
from fluentml.live import Live, LiveObject
from fluentml.params import Param
from fluentml.spec import Channel, FrozenDict, Input

Comparison: TypeAlias = Literal["<", "<=", ">", ">="]
COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class MetricCondition(Condition):
    """A metric of an evaluation, over the whole data, lies on one side of a bound.

    Attributes:
        metric: The metric's name in the chain.
        key: The key under which TFMA reports it.
        comparison: How its value has to compare with the bound.
        bound: The bound.
        evaluator: Id of the step that computes it; none if empty: the only one, or that without
            an id of its own.
    """

    metric: str
    key: str
    comparison: Comparison
    bound: float
    evaluator: str = ""

    def of(self, evaluator: str) -> Self:
        """Return the condition on the evaluation of the step with this id."""
        return self.model_copy(update={"evaluator": evaluator})

    def reads(self) -> Mapping[str, Input]:
        """Return the metric's value."""
        return {self.metric: Input(type="Float")}

    def companions(self) -> Mapping[str, Component]:
        """Return the step that reads the value out of the evaluation."""
        inputs = (
            {"evaluation": Channel(node=self.evaluator, output="evaluation")}
            if self.evaluator
            else {}
        )
        value = MetricValue(
            id=re.sub(r"[^A-Za-z0-9_.-]", "_", f"{self.evaluator or 'Evaluator'}_{self.metric}"),
            metric=self.metric,
            key=self.key,
            inputs=FrozenDict(inputs),
        )
        return {self.metric: value}

    def predicates(self, channels: Mapping[str, Any]) -> Iterator[Any]:
        """Yield the comparison of what the value artifact has as its property."""
        value = channels[self.metric].future()[0].custom_property("value")
        yield COMPARE[self.comparison](value, self.bound)

    def why_not(self, values: Mapping[str, float]) -> str:
        """Return what the metric is, and what it is not; nothing where it is as it should be."""
        if self.metric not in values:
            return super().why_not(values)
        if COMPARE[self.comparison](values[self.metric], self.bound):
            return ""
        return f"{self.metric} is {values[self.metric]:.4g}, not {self.comparison} {self.bound:g}"

    def __str__(self) -> str:
        return f"{self.metric} {self.comparison} {self.bound:g}"


class FunctionCondition(Condition):
    """A function of channels returns a TFX predicate, for example on a property of an artifact.

    Attributes:
        function: The function; each parameter names the channel that it gets.
        parameters: Their names.
    """

    function: Live
    parameters: tuple[str, ...]

    @classmethod
    def taking(cls, value: Any) -> Condition | None:
        """Take a function."""
        if not inspect.isroutine(value) or isinstance(value, type):
            return None
        names = tuple(inspect.signature(value).parameters)
        if not names:
            raise ValueError(
                "is a function without parameters; each names a channel: "
                'lambda model_blessing: model_blessing.future()[0].custom_property("blessed") == 1'
            )
        return cls(function=LiveObject.of(value), parameters=names)

    def reads(self) -> Mapping[str, Input]:
        """Return an input per parameter."""
        return {
            name: Input(type="", sources=_sources.BY_NAME.get(name, (f"*.{name}",)))
            for name in self.parameters
        }

    def predicates(self, channels: Mapping[str, Any]) -> Iterator[Any]:
        """Yield what the function returns."""
        yield self.function.value()(**{name: channels[name] for name in self.parameters})

    def __str__(self) -> str:
        return str(self.function).rpartition(":")[2].rpartition(".")[2]


class AllOf(Condition):
    """All of several conditions hold."""

    parts: tuple[AnyCondition, ...]

    def reads(self) -> Mapping[str, Input]:
        """Return what the parts read."""
        return {key: one for part in self.parts for key, one in part.reads().items()}

    def companions(self) -> Mapping[str, Component]:
        """Return what the parts bring along."""
        return {key: one for part in self.parts for key, one in part.companions().items()}

    def predicates(self, channels: Mapping[str, Any]) -> Iterator[Any]:
        """Yield the predicates of the parts."""
        for part in self.parts:
            yield from part.predicates(channels)

    def why_not(self, values: Mapping[str, float]) -> str:
        """Return the reasons of the parts."""
        return ", and ".join(filter(None, (part.why_not(values) for part in self.parts)))

    def runtime_params(self) -> Iterator[Param]:
        """Yield the runtime parameters of the parts."""
        for part in self.parts:
            yield from part.runtime_params()

    def bind(self, given: Mapping[str, Any]) -> Self:
        """Return the condition with the parts bound."""
        return self.model_copy(update={"parts": tuple(part.bind(given) for part in self.parts)})

    def __str__(self) -> str:
        return " and ".join(map(str, self.parts))
