"""Components and artifacts that TFX's usual chain does not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from typing_extensions import Self, Unpack

from fluentml import components as kinds
from fluentml.sources import PathLike
from fluentml.verbs._base import Chain, Step
from fluentml.words import in_words_of


class Custom(Chain):
    """Verbs that add what fluentml does not know by name."""

    def add_component(
        self,
        component: Any | Callable[..., Any],
        *,
        arguments: Mapping[str, Any] | None = None,
        **step: Unpack[Step],
    ) -> Self:
        """Add any TFX component, its class, or a function that builds one from channels.

        Args:
            component: The class of a component, a `@component` function or a container component:
                its inputs are wired by their names and types; or a function whose parameters
                name the channels that it gets, `def card(model, evaluation): return
                ModelCard(model=model, …)`, called when the pipeline is lowered; or a component.
            arguments: What the class or function takes beside channels: plain values.
            **step: See `Step`.

        Raises:
            DefinitionError: It is none of these, or an argument is missing or unknown.
        """
        with in_words_of("add_component", step):
            return self.add(kinds.CustomComponent.of(component, arguments=arguments, **step))

    def import_artifact(
        self,
        uri: PathLike,
        type: str | type,
        *,
        properties: Mapping[str, Any] | None = None,
        custom_properties: Mapping[str, Any] | None = None,
        reimport: bool = False,
        **step: Unpack[Step],
    ) -> Self:
        """Register a folder or file from outside as an artifact; its output is `result`.

        No step reads it by default: `inputs={"base_model": "Importer.result"}` does.

        Args:
            uri: Where it is.
            type: TFX's name of its type, such as `"Model"`, or an artifact class.
            properties: Values of the properties that the type declares.
            custom_properties: Values of further ones.
            reimport: Whether to register it anew although it is registered with these properties.
            **step: See `Step`.
        """
        return self._add(
            kinds.Importer,
            uri=uri,
            type=type,
            properties=properties or {},
            custom_properties=custom_properties or {},
            reimport=reimport,
            **step,
        )

    def resolve(
        self,
        strategy: Literal["latest", "latest_blessed"] | type,
        artifacts: Mapping[str, str | type] | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        **step: Unpack[Step],
    ) -> Self:
        """Find artifacts that earlier runs of this pipeline made; its outputs are `artifacts`.

        No step reads them by default: `inputs={"base_model": "Resolver.model"}` does.

        Args:
            strategy: `"latest"` artifacts; the `"latest_blessed"` model, as `evaluate_model` finds
                it by itself; or a subclass of TFX's `ResolverStrategy`.
            artifacts: Output key to type, `{"model": "Model"}`. Artifacts of this very run count
                where their step comes to run first.
            config: Plain values for the strategy: `{"desired_num_of_artifacts": 3}`.
            **step: See `Step`.
        """
        return self._add(
            kinds.Resolver, strategy=strategy, artifacts=artifacts or {}, config=config, **step
        )

    # -- at the end of a run ----------------------------------------------------------------------

    def on_exit(
        self,
        component: Any | Callable[..., Any],
        *,
        arguments: Mapping[str, Any] | None = None,
        **step: Unpack[Step],
    ) -> Self:
        """Run a component at the end, also after a failure.

        Args:
            component: The class of a TFX component, or a function that returns one. Where it has a
                parameter `final_status`, it gets Kubeflow's PipelineTaskFinalStatus as JSON
                (`state` is `"SUCCEEDED"` or `"FAILED"`, `error.message` says why); `summary` is
                what the run prints at its end. Other parameters need `arguments`.
            arguments: Plain values for them.
            **step: See `Step`.

        Raises:
            DefinitionError: It reads a channel, which a failed run may not have.
        """
        with in_words_of("on_exit", step):
            return self.add(kinds.ExitStep.of(component, arguments=arguments, **step))

    def notify(
        self,
        *,
        slack: str | None = None,
        webhook: str | None = None,
        email: str | None = None,
        smtp: str | None = None,
        only: Literal["success", "failure"] | None = None,
        **step: Unpack[Step],
    ) -> Self:
        """Tell people or programs how the run ended, also after a failure.

        `${NAME}` in a URL is an environment variable, read where the step runs and kept nowhere.
        Each place is tried three times, for ten seconds each.

        Args:
            slack: A Slack incoming webhook: `"${SLACK_WEBHOOK_URL}"`.
            webhook: A URL that gets JSON by POST: `pipeline`, `run`, `state` (`"SUCCEEDED"` or
                `"FAILED"`), `error` and `summary`.
            email: An address; with `smtp`.
            smtp: The mail server: `"smtp://user:${SMTP_PASSWORD}@mail.example.com:587"`.
            only: The outcome to tell of; default: any.
            **step: See `Step`.

        Raises:
            DefinitionError: Nobody to tell, or a secret in a URL.
        """
        return self._add(
            kinds.Notifier,
            slack=slack,
            webhook=webhook,
            email=email,
            smtp=smtp,
            only=only,
            **step,
        )
