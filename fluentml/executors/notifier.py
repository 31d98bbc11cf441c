"""Tells how a run ended: to Slack, a webhook, or by mail."""

from __future__ import annotations

import json
import os
import smtplib
import urllib.parse
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any, ClassVar

import requests
import tenacity
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types.component_spec import ComponentSpec, ExecutionParameter

from fluentml.errors import DataError
from fluentml.executors.environment import resolved

SECONDS = 10
"""How long to wait for an answer."""
TRIES = 3


class Executor(base_executor.BaseExecutor):
    """Send the outcome to every place, also where another one does not answer."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Read the outcome from the parameters; write nothing.

        Raises:
            DataError: Somebody could not be told.
        """
        places = json.loads(exec_properties["places"])
        outcome = outcome_of(exec_properties["final_status"], exec_properties["summary"])
        if places["only"] not in (
            None,
            "success" if outcome["state"] == "SUCCEEDED" else "failure",
        ):
            return
        problems = []
        for place, tell in (("slack", _slack), ("webhook", _webhook), ("email", _email)):
            if places[place]:
                try:
                    _again(tell, places, outcome)
                except Exception as error:
                    # The message may hold the URL, and that a secret.
                    problems.append(f"{place}: {_without_secrets(error)}")
        if problems:
            raise DataError(
                "not everybody could be told how the run ended.",
                *(f"  {problem}" for problem in problems),
                hint="see that the URL is right and answers from here.",
            )


def outcome_of(final_status: str, summary: str) -> dict[str, str]:
    """Return what is told: `pipeline`, `run`, `state`, `error` and `summary`, all text.

    Args:
        final_status: Kubeflow's PipelineTaskFinalStatus as JSON.
        summary: What the run printed at its end.
    """
    status = json.loads(final_status or "{}")
    job = status.get("pipelineJobName") or status.get("pipelineJobResourceName", "")
    return {
        "pipeline": job.rpartition("/")[2],
        "run": status.get("pipelineJobUuid", ""),
        "state": status.get("state", "UNKNOWN"),
        "error": status.get("error", {}).get("message", ""),
        "summary": summary,
    }


def headline(outcome: Mapping[str, str]) -> str:
    """Return the outcome in one line."""
    ended = {"SUCCEEDED": "succeeded", "FAILED": "failed"}.get(outcome["state"], outcome["state"])
    return f"Pipeline {outcome['pipeline']} {ended} (run {outcome['run']})"


def _again(tell: Any, places: Mapping[str, str], outcome: Mapping[str, str]) -> None:
    waits = tenacity.wait_exponential(multiplier=0.5, max=5)
    for attempt in tenacity.Retrying(
        stop=tenacity.stop_after_attempt(TRIES), wait=waits, reraise=True
    ):
        with attempt:
            tell(places, outcome)


def _slack(places: Mapping[str, str], outcome: Mapping[str, str]) -> None:
    details = "\n".join(filter(None, (outcome["error"], outcome["summary"])))
    text = headline(outcome) + (f"\n```{details}```" if details else "")
    _post(places["slack"], {"text": text})


def _webhook(places: Mapping[str, str], outcome: Mapping[str, str]) -> None:
    _post(places["webhook"], outcome)


def _post(url: str, content: Mapping[str, str]) -> None:
    answer = requests.post(resolved("notify()", url, os.environ), json=content, timeout=SECONDS)
    if not answer.ok:
        raise OSError(f"the answer was {answer.status_code} {answer.reason}")


def _email(places: Mapping[str, str], outcome: Mapping[str, str]) -> None:
    server = urllib.parse.urlsplit(resolved("notify()", places["smtp"], os.environ))
    secure = server.scheme == "smtps"
    kind = smtplib.SMTP_SSL if secure else smtplib.SMTP
    message = EmailMessage()
    message["Subject"] = headline(outcome)
    message["To"] = places["email"]
    user = urllib.parse.unquote(server.username or "")
    message["From"] = user if "@" in user else f"fluentml@{server.hostname}"
    message.set_content("\n\n".join(filter(None, (outcome["error"], outcome["summary"]))) or "-")
    with kind(server.hostname or "", server.port or 0, timeout=SECONDS) as connection:
        if not secure and connection.has_extn("starttls"):
            connection.starttls()
        if user:
            connection.login(user, urllib.parse.unquote(server.password or ""))
        connection.send_message(message)


def _without_secrets(error: Exception) -> str:
    if isinstance(error, requests.RequestException):
        return f"{type(error).__name__}, no answer"
    return f"{type(error).__name__}: {error}"


class NotifierSpec(ComponentSpec):
    """What the component takes; `places` is JSON."""

    PARAMETERS: ClassVar = {
        name: ExecutionParameter(type=str) for name in ("places", "final_status", "summary")
    }
    INPUTS: ClassVar[dict[str, Any]] = {}
    OUTPUTS: ClassVar[dict[str, Any]] = {}


class Notifier(base_component.BaseComponent):
    """The TFX component of this executor; `fluentml.components.Notifier` documents it."""

    SPEC_CLASS = NotifierSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, **parameters: Any) -> None:
        super().__init__(NotifierSpec(**parameters))
