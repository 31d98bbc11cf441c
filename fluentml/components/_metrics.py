"""Metrics with their settings, and the values that thresholds speak of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import SerializerFunctionWrapHandler, model_serializer, model_validator

from fluentml.components import _metric_code
from fluentml.components._conditions import Comparison, MetricCondition
from fluentml.errors import DefinitionError, did_you_mean, listing
from fluentml.live import Live, LiveObject
from fluentml.metrics import METRICS, OURS, REQUIRED, SETTINGS, Value, result_key, values
from fluentml.params import found_in
from fluentml.spec import FrozenDict, JsonDict, Spec, thaw
from fluentml.words import in_words_of


class Metric(Spec):
    """A metric that an Evaluator computes; `fluentml.metric` makes one.

    Attributes:
        class_name: Name of its class, TFMA's or Keras's.
        module: Where the class is; None for those that TFMA knows by name.
        settings: The parameters of the class; `name` among them is what the results call it.
        output: Which of a model's outputs it looks at; empty: the only one, or each.
        code: The user's function or class, as long as it is written into no module.
    """

    class_name: str
    module: str | None = None
    settings: JsonDict = FrozenDict()
    output: str = ""
    code: Live | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"class_name": value}
        if _metric_code.is_code(value):
            known = _metric_code.known_name(value)
            code = {} if known else {"code": LiveObject.of(value)}
            return {"class_name": value.__name__, **code}
        if not isinstance(value, Metric | Mapping):
            raise ValueError(
                "takes names of metrics, functions or classes, or fluentml.metric(…), not "
                f"{value!r}"
            )
        return value

    @model_serializer(mode="wrap")
    def _bare_as_text(self, dump: SerializerFunctionWrapHandler) -> Any:
        return self.class_name if self == Metric(class_name=self.class_name) else dump(self)

    @property
    def name(self) -> str:
        """What the chain and the results call it: its `name` setting, else its class."""
        return str(self.settings.get("name") or self.class_name)

    @property
    def values(self) -> tuple[Value, ...]:
        """The numbers that it computes."""
        if self.code:
            computed: tuple[Value, ...] = (Value(self.name, self.name, None),)
        elif self.module:
            computed = (Value(self.name, result_key(self.class_name, self.settings), None),)
        else:
            computed = values(self.class_name, self.settings)
        return tuple(value.of(self.output) for value in computed)

    def verify(self, caller: str) -> None:
        """Look whether there is such a metric, and whether it has such settings.

        Args:
            caller: The function that got it, for the message.

        Raises:
            DefinitionError: There is no such metric or setting, or one is missing.
        """
        if self.code:
            _metric_code.verify(self.code.value(), self.settings)
        if self.code or self.module:
            return
        known = {*METRICS, *OURS}
        if self.class_name not in known:
            raise DefinitionError(
                f"{caller}() knows no metric {self.class_name!r}.",
                "It takes the metrics of TensorFlow Model Analysis and Keras by class name.",
                hint=did_you_mean(self.class_name, known)
                or f'name the module of yours: metric("{self.class_name}", module="package.module")'
                ".",
            )
        self._verify_settings(caller)
        if self.class_name in OURS and "thresholds" in self.settings:
            _verify_shares(caller, self.settings["thresholds"])

    def _verify_settings(self, caller: str) -> None:
        missing = [name for name in REQUIRED.get(self.class_name, ()) if name not in self.settings]
        if missing:
            write = ", ".join(f"{name}=…" for name in missing)
            raise DefinitionError(
                f"{caller}() cannot compute {self.class_name!r} without settings.",
                f"It needs: {listing(missing)}.",
                hint=f'write fluentml.metric("{self.class_name}", {write}).',
            )
        taken = SETTINGS[self.class_name]
        unknown = [name for name in self.settings if name not in taken]
        if unknown and "**" not in taken:
            raise DefinitionError(
                f"{caller}() got the setting {unknown[0]!r}, which {self.class_name!r} does not "
                "take.",
                f"It takes: {listing(sorted(taken))}.",
                hint=did_you_mean(unknown[0], taken) or "take one of these.",
            )

    def _compared(self, comparison: Comparison, bound: float) -> MetricCondition:
        if len(self.values) != 1:
            raise DefinitionError(
                f"metric({self.class_name!r}) computes {len(self.values)} numbers, and a condition "
                "looks at one.",
                f"They are: {listing(value.name for value in self.values)}.",
                hint="take a metric of one number.",
            )
        (value,) = self.values
        with in_words_of("metric", {"bound": bound}):
            return MetricCondition(
                metric=value.name, key=value.key, comparison=comparison, bound=bound
            )

    def __gt__(self, bound: float) -> MetricCondition:
        return self._compared(">", bound)

    def __ge__(self, bound: float) -> MetricCondition:
        return self._compared(">=", bound)

    def __lt__(self, bound: float) -> MetricCondition:
        return self._compared("<", bound)

    def __le__(self, bound: float) -> MetricCondition:
        return self._compared("<=", bound)

    def to_tfma(self, bounds: Iterable[Any] = ()) -> Any:
        """Return TFMA's `MetricConfig`.

        Args:
            bounds: Its `PerSliceMetricThreshold`s.
        """
        from tensorflow_model_analysis.proto import config_pb2 as pb

        settings = json.dumps(thaw(self.settings), sort_keys=True) if self.settings else None
        return pb.MetricConfig(
            class_name=self.class_name,
            module=self.module or OURS.get(self.class_name),
            config=settings,
            per_slice_thresholds=bounds,
        )


def metric(
    class_name: str | Callable[..., Any],
    *,
    module: str | None = None,
    output: str = "",
    **settings: Any,
) -> Metric:
    """Return a metric with settings, for `evaluate_model(…, metrics=[…])`.

    Compared with a number it is a condition, `push_to(…, when=metric("AUC") > 0.85)`: on the value
    over the whole data, of the chain's evaluation, or by `.of("Evaluator_2")` of that step's.

        fluentml.metric("RecallAtPrecision", precision=0.9, name="recall_at_90")
        fluentml.metric("FairnessIndicators", thresholds=[0.25, 0.5])
        fluentml.metric(profit, margin=0.2)

    Args:
        class_name: The class: TFMA's or Keras's own by name, `FairnessIndicators`, or one of
            `module`; or the class itself, a metric of Keras 3, tf_keras or TFMA; or a function,
            `profit(labels, predictions, weights, margin=0.1)`, of which `weights` and the settings
            behind it are optional. It gets arrays of all examples of a slice, of shape [n], or
            [n, k] where each has several numbers, and returns a number. All these are in the
            memory of one worker, some 24 bytes for an example of one prediction; so with a class
            of Keras 3.
        module: Import path of the module that has the class: a `tfma.metrics.Metric`, or a metric
            or loss of tf_keras.
        output: The output that it looks at, where a model has several.
        **settings: The parameters of the class or the function, plain values; `name` is what the
            results and thresholds call it.

    Raises:
        DefinitionError: There is no such metric or setting, or one is missing.
    """
    named = class_name if isinstance(class_name, str) else _metric_code.known_name(class_name)
    code = None if named else class_name
    if named is None and not _metric_code.is_code(code):
        raise DefinitionError(
            f"metric() takes a name, a function or a class, not {class_name!r}.",
            hint="settings go behind it: fluentml.metric(Profit, margin=0.2).",
        )
    name = named or code.__name__  # type: ignore[union-attr]
    if [*found_in(settings)]:
        raise DefinitionError(
            f"metric({name!r}) got a runtime parameter, and takes none.",
            hint="write its settings as they are.",
        )
    with in_words_of("metric", {"class_name": name, "module": module, **settings}):
        made = Metric(
            class_name=name,
            module=module,
            settings=FrozenDict(settings),
            output=output,
            code=LiveObject.of(code) if code else None,
        )
    made.verify("metric")
    return made


class Values:
    """Every number that some metrics compute, to be found by what a threshold calls it."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = tuple(metrics)
        self.by_name = {value.name: value for metric in self._metrics for value in metric.values}

    def find(self, reference: str) -> Value | None:
        """Return the value of that name, the one of that class, or one of several by its key."""
        if reference in self.by_name:
            return self.by_name[reference]
        found = [
            value
            for metric in self._metrics
            for value in metric.values
            if reference == (metric.class_name if len(metric.values) == 1 else value.key)
        ]
        return found[0] if len(found) == 1 else None


def _verify_shares(caller: str, thresholds: Any) -> None:
    numbers = thresholds if isinstance(thresholds, tuple) else ()
    if not numbers or any(not isinstance(t, float) or not 0 < t < 1 for t in numbers):
        raise DefinitionError(
            f"{caller}() got thresholds={thaw(thresholds)!r} for 'FairnessIndicators'.",
            hint="give it a list of numbers between 0 and 1: thresholds=[0.25, 0.5].",
        )
