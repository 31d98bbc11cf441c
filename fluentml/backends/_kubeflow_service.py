"""Kubeflow Pipelines' API v2beta1, by plain HTTP: its own client fits no protobuf of TFX 1.16."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
import yaml

from fluentml.backends._service import Schedule, Submission, no_schedule
from fluentml.backends._timing import Timing, in_utc
from fluentml.errors import BackendError

_TOKEN_FILE = "/var/run/secrets/kubeflow/pipelines/token"
"""Where pods have the token of their service account, as Kubeflow's own client looks for it."""
_SECONDS = 60
_STATES = {"ENABLED": "active", "DISABLED": "paused"}
_MOST_AT_A_TIME = 10


class KubeflowService:
    """The API of one installation.

    Args:
        host: Its address: `"https://pipelines.example.com"`.
        namespace: The user's namespace, where several share an installation.
        service_account: The Kubernetes account that runs have; None, the installation's default.

    The token of `KF_PIPELINES_SA_TOKEN_PATH`, or the one that pods have, goes along if it is there.
    """

    def __init__(
        self, host: str, namespace: str | None = None, service_account: str | None = None
    ) -> None:
        self._host = host.rstrip("/")
        self._namespace, self._account = namespace, service_account
        self._where = f"Kubeflow ({self._host})"

    def submit(self, name: str, text: str, values: Mapping[str, Any]) -> Submission:
        """Let a pipeline run now."""
        title = f"{name} {datetime.now():%Y-%m-%d %H:%M:%S}"
        body = {"display_name": title, **self._run(text, values)}
        id = str(self._ask("POST", "runs", body)["run_id"])
        link = f"{self._host}/#/runs/details/{id}"
        return Submission(pipeline=name, target=self._where, id=id, link=link)

    def schedule(self, name: str, text: str, values: Mapping[str, Any], timing: Timing) -> Schedule:
        """Let a pipeline run by itself.

        Raises:
            BackendError: Beside what a service raises: it knows no such timing.
        """
        _refuse(timing)
        limits = {"start_time": timing.starts, "end_time": timing.ends}
        cron = {
            # Its cron has seconds, and no seventh day of the week.
            "cron": f"0 {timing.with_sunday_as_zero()}",
            **{key: in_utc(moment) for key, moment in limits.items() if moment},
        }
        body = {
            "display_name": name,
            **self._run(text, values),
            "max_concurrency": str(timing.concurrency),
            "trigger": {"cron_schedule": cron},
            "mode": "ENABLE",
            "no_catchup": not timing.catch_up,
        }
        return self._known(self._ask("POST", "recurringruns", body))

    def schedules(self) -> list[Schedule]:
        """Return the schedules that there are, the newest first."""
        query = {"page_size": "100", "sort_by": "created_at desc"}
        if self._namespace:
            query["namespace"] = self._namespace
        found = []
        while True:
            page = self._ask("GET", "recurringruns", query=query)
            found += [
                self._known(one)
                for one in page.get("recurringRuns", [])
                if "cron_schedule" in one.get("trigger", {})
            ]
            if not page.get("next_page_token"):
                return found
            query["page_token"] = page["next_page_token"]

    def pause(self, id: str) -> None:
        """Let a schedule start no more runs for now."""
        self._one(id, "POST", ":disable")

    def resume(self, id: str, *, catch_up: bool = False) -> None:
        """Let a paused schedule go on.

        Raises:
            BackendError: Beside what a service raises: `catch_up` is given.
        """
        if catch_up:
            raise BackendError(
                "Kubeflow decides when it makes a schedule whether it makes up for missed runs.",
                hint="leave --catch-up out, or schedule it anew with it.",
            )
        self._one(id, "POST", ":enable")

    def delete(self, id: str) -> None:
        """End a schedule for good; its runs stay."""
        self._one(id, "DELETE")

    def _one(self, id: str, method: str, action: str = "") -> None:
        try:
            self._ask(method, f"recurringruns/{id}{action}")
        except BackendError as error:
            if _status(error) == 404:
                raise no_schedule(self, self._where, id) from error.__cause__
            raise

    def _run(self, text: str, values: Mapping[str, Any]) -> dict[str, Any]:
        spec, *more = yaml.safe_load_all(text)
        body: dict[str, Any] = {
            "pipeline_spec": {"pipeline_spec": spec, "platform_spec": more[0]} if more else spec,
            "runtime_config": {
                "parameters": dict(values),
                "pipeline_root": spec["defaultPipelineRoot"],
            },
        }
        if self._account:
            body["service_account"] = self._account
        if self._namespace:
            body["experiment_id"] = self._experiment()
        return body

    def _experiment(self) -> str:
        """Return the namespace's default experiment, which says whose a run is."""
        query = {"namespace": str(self._namespace), "page_size": "100"}
        known = self._ask("GET", "experiments", query=query).get("experiments", [])
        for one in known:
            if one["display_name"] == "Default":
                return str(one["experiment_id"])
        body = {"display_name": "Default", "namespace": self._namespace}
        return str(self._ask("POST", "experiments", body)["experiment_id"])

    def _known(self, made: Mapping[str, Any]) -> Schedule:
        id = made["recurring_run_id"]
        return Schedule(
            pipeline=made["display_name"],
            target=self._where,
            id=id,
            cron=made["trigger"]["cron_schedule"]["cron"],
            state=_STATES.get(made.get("status", ""), "unknown"),
            link=f"{self._host}/#/recurringrun/details/{id}",
        )

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Return the answer of the API.

        Raises:
            BackendError: It cannot be reached, or refuses.
        """
        try:
            answer = requests.request(
                method,
                f"{self._host}/apis/v2beta1/{path}",
                json=body,
                params=query,
                headers=_headers(),
                timeout=_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise BackendError(
                f"{self._where} cannot be reached: {type(error).__name__}.",
                hint="is that its address? Within a cluster, "
                "`kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80` opens a way to it.",
            ) from error
        if answer.is_redirect or answer.status_code in (401, 403):
            raise _refused(
                self._where,
                answer,
                "let KF_PIPELINES_SA_TOKEN_PATH name the file of a token, or go in by "
                "`kubectl port-forward`.",
            )
        if not answer.ok:
            raise _refused(self._where, answer)
        try:
            found: dict[str, Any] = answer.json() if answer.text.strip() else {}
        except requests.JSONDecodeError as error:
            raise BackendError(
                f"{self._where} answers, and not as Kubeflow Pipelines does.",
                hint="name the address of its pages, without '/#/…' behind it.",
            ) from error
        return found


def _headers() -> dict[str, str]:
    file = Path(os.environ.get("KF_PIPELINES_SA_TOKEN_PATH", _TOKEN_FILE))
    return {"Authorization": f"Bearer {file.read_text().strip()}"} if file.is_file() else {}


def _refused(where: str, answer: requests.Response, hint: str | None = None) -> BackendError:
    try:
        said = answer.json().get("message", "")
    except (requests.JSONDecodeError, AttributeError):
        said = ""
    error = BackendError(
        f"{where} answers {answer.status_code} {answer.reason}.",
        *([said] if said else []),
        hint=hint,
    )
    error.__cause__ = requests.HTTPError(response=answer)
    return error


def _status(error: BackendError) -> int | None:
    cause = error.__cause__
    is_answer = isinstance(cause, requests.HTTPError) and cause.response is not None
    return cause.response.status_code if is_answer else None  # type: ignore[union-attr]


def _refuse(timing: Timing) -> None:
    if timing.timezone not in (None, "UTC"):
        raise BackendError(
            f"Kubeflow takes no time zone such as {timing.timezone!r}: all schedules are in that "
            "of its controller (CRON_SCHEDULE_TIMEZONE), which is UTC unless set.",
            hint="leave the time zone out, and give the hours of that one.",
        )
    if timing.concurrency > _MOST_AT_A_TIME:
        raise BackendError(
            f"Kubeflow runs at most {_MOST_AT_A_TIME} of a schedule at a time, not "
            f"{timing.concurrency}.",
            hint=f"take 1 to {_MOST_AT_A_TIME}.",
        )
