"""Exit steps: what runs at the end of a run, however it ended."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, field_validator, model_validator
from typing_extensions import Self

from fluentml.component import Component
from fluentml.components.custom import CustomComponent
from fluentml.errors import DefinitionError, listing
from fluentml.spec import Input

KNOWN_AT_EXIT = ("final_status", "summary")
"""What an exit step can ask for. `final_status` is Kubeflow's PipelineTaskFinalStatus as JSON:
`{"state": "SUCCEEDED" or "FAILED", "pipelineJobName": …, "pipelineJobUuid": …,
"error": {"message": …}}`. `summary` is what a run prints at its end."""

_FROM_ENVIRONMENT = re.compile(r"\$\{\w+\}")


class ExitStep(CustomComponent):
    """A TFX component that runs once the others are done or one has failed; it reads no channel."""

    VERB: ClassVar[str] = "on_exit"
    AT_EXIT: ClassVar[bool] = True

    @classmethod
    def of(cls, source: Any, *, arguments: Mapping[str, Any] | None = None, **step: Any) -> Self:
        """Wrap a class of a component, or a function that returns one.

        Raises:
            DefinitionError: It asks for a channel, or for what nobody knows at the end of a run.
        """
        declared = getattr(getattr(source, "SPEC_CLASS", None), "PARAMETERS", {})
        unknown_yet = {name: "" for name in KNOWN_AT_EXIT if name in declared}
        made = super().of(source, arguments={**unknown_yet, **(arguments or {})}, **step)
        if made.form == "built":
            raise DefinitionError(
                f"on_exit() cannot tell {made.id!r} how the run ended: it is built already.",
                hint="pass its class, or a function that returns it: def report(final_status): …",
            )
        wrong = [
            name for name, bare in made.parameters.items() if not bare and name not in KNOWN_AT_EXIT
        ]
        if wrong:
            raise DefinitionError(
                f"on_exit({made.id}) asks for {listing(wrong)}, and an exit step reads no channel: "
                "what makes it may have failed.",
                f"It can ask for: {listing(KNOWN_AT_EXIT)}.",
                hint="drop that parameter, or give its value as arguments={…}.",
            )
        return made

    def reads(self) -> Mapping[str, Input]:
        """Return nothing."""
        return {}

    def provides(self) -> Mapping[str, str]:
        """Return nothing that others could read."""
        return {}

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return the component.

        Args:
            inputs: What is known of the run: `KNOWN_AT_EXIT` by name.
        """
        asked = {*self.parameters, *self.arguments}
        return super().to_tfx({key: value for key, value in inputs.items() if key in asked})


class Notifier(Component):
    """Tell people or programs how the run ended.

    Attributes:
        slack: URL of a Slack incoming webhook, which gets a text.
        webhook: URL that gets the outcome as JSON by POST.
        email: Address that gets a mail.
        smtp: The mail server, `"smtp://user:${SMTP_PASSWORD}@mail.example.com:587"`; `smtps://`
            speaks TLS from the start, `smtp://` where the server offers it.
        only: The outcome to tell of; None, any.
    """

    # What pydantic says of a wrong URL would show the secret.
    model_config = ConfigDict(hide_input_in_errors=True)

    VERB: ClassVar[str] = "notify"
    LOWERED_TO: ClassVar[str] = "ours"
    AT_EXIT: ClassVar[bool] = True

    slack: str | None = None
    webhook: str | None = None
    email: str | None = None
    smtp: str | None = None
    only: Literal["success", "failure"] | None = None

    @field_validator("slack", "webhook", "smtp")
    @classmethod
    def _some_url(cls, url: str | None, info: Any) -> str | None:
        schemes = "smtps?" if info.field_name == "smtp" else "https?"
        if url and not re.match(rf"({schemes}://|\$\{{)", url):
            raise DefinitionError(
                f"notify() got a {info.field_name}= that is no URL.",
                hint='write "${NAME}", the environment variable that holds it.',
            )
        return url

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if not (self.slack or self.webhook or self.email):
            raise DefinitionError(
                "notify() tells nobody.",
                hint='say whom: slack="${SLACK_WEBHOOK_URL}", webhook=…, or email=… with smtp=….',
            )
        if bool(self.email) != bool(self.smtp):
            raise ValueError("takes email= and smtp= together")
        # Slack's URL is a secret as a whole.
        secrets = [self.slack] if self.slack and "hooks.slack.com/" in self.slack else []
        secrets += re.findall(r"://[^/@:]*:([^/@]+)@", f"{self.webhook} {self.smtp}")
        secrets += re.findall(
            r"(?i)[?&](?:\w*(?:key|token|secret|passw))\w*=([^&]+)", str(self.webhook)
        )
        if any(not _FROM_ENVIRONMENT.fullmatch(secret) for secret in secrets):
            raise DefinitionError(
                "notify() got a URL with a secret in it, which would end up in the graph, the logs "
                "and the metadata.",
                hint='put it into an environment variable and write "${SLACK_WEBHOOK_URL}".',
            )
        return self

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return the component of ours.

        Args:
            inputs: What is known of the run: `KNOWN_AT_EXIT` by name.
        """
        from fluentml.executors import notifier

        places = {"slack": self.slack, "webhook": self.webhook, "email": self.email}
        return notifier.Notifier(
            places=json.dumps({**places, "smtp": self.smtp, "only": self.only}),
            final_status=inputs.get("final_status", ""),
            summary=inputs.get("summary", ""),
        )
