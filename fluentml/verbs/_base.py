"""What all verbs rest on, and what every one of them takes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from platformdirs import user_cache_path
from typing_extensions import Self, TypedDict

from fluentml import components as kinds
from fluentml.capture import WRITTEN, captured, written
from fluentml.component import Component, Condition
from fluentml.components import Features, UserCode
from fluentml.errors import DefinitionError
from fluentml.estimators import is_estimator
from fluentml.graph import Settings
from fluentml.sources import PathLike
from fluentml.spec import Channel
from fluentml.verbs._features import features_of, refuse_features, source_of
from fluentml.verbs._ready_made import Fitting, given_by_run, trainer_around
from fluentml.words import make

Code = PathLike | Callable[..., Any]


class Step(TypedDict, total=False):
    """What every verb takes beside its own parameters.

    Attributes:
        id: Name of the node; needed for a second step of the kind. Default: the component's name,
            or the function's.
        inputs: Channels that beat the default wiring: `{"examples": "Node.output"}`; those that a
            condition reads are called `"when.NAME"`.
        when: What has to hold for the node to run; if it does not, the node is skipped, and so
            are those that cannot do without it. `metric("AUC") > 0.85`, several joined by `&`; or a
            function whose parameters name channels and which returns a TFX predicate, `lambda
            model_blessing: model_blessing.future()[0].custom_property("blessed") == 1`.
        executor: A subclass of TFX's `BaseExecutor`, or its import path, to run in place of the
            component's own.
        cache: False runs it every time; True takes over what it made before also where it reads a
            database, of which nobody knows whether it has changed. Only for runs here.
    """

    id: str | None
    inputs: Mapping[str, str | Channel] | None
    when: Condition | Callable[..., Any] | None
    executor: type | str | None
    cache: bool | None


class Chain(ABC):
    """A pipeline that grows by steps; a verb returns a new one."""

    settings: Settings

    @abstractmethod
    def add(self, component: Component) -> Self:
        """Return the chain with this step added."""

    @abstractmethod
    def _with(self, verb: str, **changes: Any) -> Self:
        """Return the chain with these settings changed, which `verb` asked for."""

    def _add(self, kind: type[Component], **parameters: Any) -> Self:
        return self.add(make(kind, **parameters))

    def _module(self, kind: type[UserCode], code: Code, **beside: Any) -> PathLike:
        """Return the module of a step; a function is written into one.

        Args:
            kind: The step.
            code: Its module, or the function.
            **beside: Further functions that TFX finds in the module by these names.
        """
        functions = {name: one for name, one in beside.items() if callable(one)}
        if not callable(code):
            if functions:
                raise DefinitionError(
                    f"{kind.VERB}() takes {' and '.join(functions)}= as a function where the "
                    "first one is a function too.",
                    hint="define it in the module file, where TFX finds it by that name.",
                )
            return code
        return captured(
            code,
            folder=self._modules,
            verb=f"{kind.VERB}()",
            called=kind.FUNCTION,
            beside=functions,
        )

    def _preprocessing(
        self, code: Code | None, declared: Mapping[str, Any], **others: Any
    ) -> tuple[PathLike, Features | None]:
        """Return the module of a step that preprocesses, and what it was written by if it was.

        Args:
            code: Its module, or the function; None where features are declared.
            declared: The declarations.
            **others: What goes with a function or module only.
        """
        if code is not None:
            refuse_features(declared)
            updater = others["stats_options_updater_fn"]
            return self._module(kinds.Transform, code, stats_options_updater_fn=updater), None
        features = features_of(declared, others)
        text = source_of(features)
        verb = f"{kinds.Transform.VERB}()"
        return written(text, "declared_features", folder=self._modules, verb=verb), features

    def _trainer(
        self,
        kind: type[UserCode],
        code: Any,
        options: type[Fitting],
        others: Mapping[str, Any],
        custom_config: Mapping[str, Any] | None,
        **given: Any,
    ) -> dict[str, Any]:
        """Return what a step that trains calls, and the values for it.

        Args:
            kind: The step.
            code: Its module, the function, or an estimator; around a builder a module is written.
            options: What the ready-made trainer takes.
            others: Parameters of the step for which an estimator has no use.
            custom_config: What the user passes to the function.
            **given: Parameters for the ready-made trainer.
        """
        verb, folder = f"{kind.VERB}()", self._modules
        source = trainer_around(code, options, given, others)
        if source and is_estimator(code):
            module: PathLike = written(source, "estimator", folder=folder, verb=verb)
        elif source and callable(code):
            module = captured(code, folder=folder, verb=verb, also=source)
        else:
            return {"module": self._module(kind, code), "custom_config": custom_config}
        return {"module": module, "custom_config": given_by_run(options, given, custom_config)}

    @property
    def _modules(self) -> str:
        """The local folder for functions written as modules."""
        if self.settings.is_remote:
            return str(user_cache_path("fluentml") / self.settings.name / WRITTEN)
        return f"{self.settings.root.rstrip('/')}/{self.settings.name}/{WRITTEN}"
