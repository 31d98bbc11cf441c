"""Vertex AI's pipeline and schedule services, by Google's own client library."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import google.auth
from google.api_core import exceptions as api
from google.api_core.client_options import ClientOptions
from google.auth import exceptions as auth
from google.cloud import aiplatform_v1 as vertex
from google.cloud import storage
from google.protobuf import json_format
from requests import RequestException

from fluentml.backends._service import Schedule, Submission, no_schedule
from fluentml.backends._timing import Timing, in_utc
from fluentml.errors import BackendError

_NAME = "Vertex AI"
_CONSOLE = "https://console.cloud.google.com/vertex-ai/locations/{region}/pipelines"
_SECONDS = 60
"""How long to wait for an answer."""


class VertexService:
    """The services of one project and region, asked with the machine's own credentials.

    Args:
        project: The project; None, that of the credentials.
        region: The region.
        service_account: The account that jobs run as; None, the project's default one.
        endpoint: Where the service answers, if it is not the region's public address.

    Raises:
        BackendError: There are no credentials, or they name no project.
    """

    def __init__(
        self,
        project: str | None,
        region: str,
        service_account: str | None = None,
        endpoint: str | None = None,
    ) -> None:
        self._credentials, found = _credentials()
        self._project = project or found or _no_project()
        self._region, self._account = region, service_account
        self._where = f"{_NAME} (project {self._project}, {region})"
        self._parent = f"projects/{self._project}/locations/{region}"
        at = ClientOptions(api_endpoint=endpoint or f"{region}-aiplatform.googleapis.com")
        # HTTP goes through proxies, and the tests can answer it.
        self._options = {
            "credentials": self._credentials,
            "client_options": at,
            "transport": "rest",
        }

    def submit(self, name: str, text: str, values: Mapping[str, Any]) -> Submission:
        """Let a pipeline run now."""
        job = self._job(text, values)
        id = f"{_job_name(name)}-{datetime.now():%Y%m%d-%H%M%S}"
        with self._told(f"take the job {id!r}"):
            self._see_bucket(job.runtime_config.gcs_output_directory)
            client = vertex.PipelineServiceClient(**self._options)
            made = client.create_pipeline_job(
                parent=self._parent, pipeline_job=job, pipeline_job_id=id, timeout=_SECONDS
            )
        id = made.name.rpartition("/")[2]
        return Submission(pipeline=name, target=self._where, id=id, link=self._link(f"runs/{id}"))

    def schedule(self, name: str, text: str, values: Mapping[str, Any], timing: Timing) -> Schedule:
        """Let a pipeline run by itself."""
        zone = f"TZ={timing.timezone} " if timing.timezone else ""
        wanted = {
            "displayName": name,
            "cron": f"{zone}{timing.cron}",
            "maxConcurrentRunCount": str(timing.concurrency),
            "allowQueueing": timing.catch_up,
            **({"startTime": in_utc(timing.starts)} if timing.starts else {}),
            **({"endTime": in_utc(timing.ends)} if timing.ends else {}),
        }
        schedule = vertex.Schedule()
        json_format.ParseDict(wanted, vertex.Schedule.pb(schedule))
        schedule.create_pipeline_job_request = vertex.CreatePipelineJobRequest(
            parent=self._parent, pipeline_job=self._job(text, values)
        )
        with self._told(f"take a schedule of {name!r}"):
            root = schedule.create_pipeline_job_request.pipeline_job.runtime_config
            self._see_bucket(root.gcs_output_directory)
            made = self._client.create_schedule(
                parent=self._parent, schedule=schedule, timeout=_SECONDS
            )
        return self._known(made)

    def schedules(self) -> list[Schedule]:
        """Return the schedules of pipelines that there are, the newest first."""
        with self._told("tell its schedules"):
            return [
                self._known(one)
                for one in self._client.list_schedules(
                    request={"parent": self._parent, "order_by": "create_time desc"},
                    timeout=_SECONDS,
                )
                if "create_pipeline_job_request" in one
            ]

    def pause(self, id: str) -> None:
        """Let a schedule start no more runs for now."""
        with self._one(id, "pause") as name:
            self._client.pause_schedule(name=name, timeout=_SECONDS)

    def resume(self, id: str, *, catch_up: bool = False) -> None:
        """Let a paused schedule go on."""
        with self._one(id, "resume") as name:
            self._client.resume_schedule(name=name, catch_up=catch_up, timeout=_SECONDS)

    def delete(self, id: str) -> None:
        """End a schedule for good; its runs stay."""
        with self._one(id, "delete") as name:
            self._client.delete_schedule(name=name, timeout=_SECONDS).result(timeout=_SECONDS)

    @property
    def _client(self) -> Any:
        return vertex.ScheduleServiceClient(**self._options)

    def _job(self, text: str, values: Mapping[str, Any]) -> Any:
        job = json.loads(text)
        # The page of pipelines groups runs by the account too.
        if self._account:
            job["serviceAccount"] = self._account
        if values:
            job["runtimeConfig"]["parameterValues"] = dict(values)
        message = vertex.PipelineJob()
        json_format.ParseDict(job, vertex.PipelineJob.pb(message))
        return message

    def _see_bucket(self, root: str) -> None:
        """Raise where the root's bucket is none; whoever may not look at buckets goes on."""
        bucket = root.removeprefix("gs://").partition("/")[0]
        client = storage.Client(project=self._project, credentials=self._credentials)
        try:
            is_there = client.bucket(bucket).exists(timeout=_SECONDS, retry=None)
        except api.Forbidden:
            return
        if not is_there:
            raise BackendError(
                f"There is no bucket {bucket!r}, where everything of the pipeline would lie.",
                hint=f"make it: gcloud storage buckets create gs://{bucket} "
                f"--project={self._project} --location={self._region}.",
            )

    def _known(self, made: Any) -> Schedule:
        id = made.name.rpartition("/")[2]
        following = made.next_run_time
        return Schedule(
            pipeline=made.display_name,
            target=self._where,
            id=id,
            cron=made.cron,
            state=made.state.name.lower(),
            next=in_utc(following) if following else None,
            link=self._link(f"schedules/{id}"),
        )

    def _link(self, page: str) -> str:
        console = _CONSOLE.format(region=self._region)
        return f"{console}/{page}?project={self._project}"

    @contextlib.contextmanager
    def _one(self, id: str, verb: str) -> Iterator[str]:
        try:
            with self._told(f"{verb} the schedule {id!r}"):
                yield f"{self._parent}/schedules/{id}"
        except BackendError as error:
            if isinstance(error.__cause__, api.NotFound):
                raise no_schedule(self, self._where, id) from error.__cause__
            raise

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Raise what Google's library raises in words."""
        try:
            yield
        except api.GoogleAPICallError as error:
            said = re.sub(r"^[A-Z]+ https?://\S+ ", "", error.message)
            raise BackendError(
                f"{self._where} did not {what}: {said}", hint=_HINTS.get(error.code)
            ) from error
        except auth.GoogleAuthError as error:
            raise BackendError(
                f"Google did not let us in, to {what}: {error.args[0]}", hint=_LOG_IN
            ) from error
        except RequestException as error:
            raise BackendError(
                f"{self._where} cannot be reached, to {what}: {type(error).__name__}.",
                hint=f"is {self._region!r} a region of Vertex AI, and is there a way to the net?",
            ) from error


_LOG_IN = (
    "run `gcloud auth application-default login`, or let GOOGLE_APPLICATION_CREDENTIALS name the "
    "key file of a service account."
)
_HINTS = {
    401: _LOG_IN,
    403: "the account needs the role roles/aiplatform.user in the project, and "
    "roles/iam.serviceAccountUser on the account that jobs run as.",
    404: "is the project right, and is the Vertex AI API on in it?",
}


def _credentials() -> tuple[Any, str | None]:
    try:
        found: tuple[Any, str | None] = google.auth.default(
            scopes=["https://www.googleapis.com/auth/cloud-platform"]
        )
    except auth.DefaultCredentialsError as error:
        raise BackendError(
            "There are no credentials for Google Cloud here.",
            str(error).partition(" To set up")[0],
            hint=_LOG_IN,
        ) from error
    return found


def _no_project() -> str:
    raise BackendError(
        "Vertex needs project=, and the credentials name none.",
        hint="name it: Vertex(project=…), -O project=…, or the variable GOOGLE_CLOUD_PROJECT.",
    )


def _job_name(name: str) -> str:
    """Return a pipeline's name as the start of a job's: that begins with a letter."""
    return re.sub(r"^(?=[^a-z])", "job-", name.lower())[:100]
