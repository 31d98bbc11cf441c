"""Stand-ins for Vertex AI with Cloud Storage, and for Kubeflow Pipelines, by real HTTP.

Each records what it is asked, and refuses what the service would refuse: wrong tokens, unknown
fields, wrong crons, specs that are none. Lists come a page of one at a time.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

TOKEN = "let-me-in"
ACCOUNT = "me@p.iam.gserviceaccount.com"
NOW = "2026-11-25T03:00:00Z"
CRON = r"((CRON_)?TZ=\w+(/\w+)* )?\S+ \S+ \S+ \S+ \S+"


class Request(NamedTuple):
    """What was asked."""

    method: str
    path: str
    query: dict[str, str]
    body: dict[str, Any]


class RefusedError(Exception):
    """What the service answers in place of an answer."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Fake:
    """What both have in common.

    Attributes:
        requests: What was asked, but for tokens and buckets.
        schedules: The schedules that there are, by id.
        fail: What to answer to all that follows: a code and a message.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.schedules: dict[str, dict[str, Any]] = {}
        self.fail: tuple[int, str] | None = None
        self.url = ""

    def asked(self, method: str, path: str) -> list[Request]:
        return [one for one in self.requests if (one.method, one.path) == (method, path)]

    def one(self, id: str) -> dict[str, Any]:
        if id not in self.schedules:
            raise RefusedError(404, f"schedule {id} not found")
        return self.schedules[id]

    def page(self, query: Mapping[str, str], tokens: tuple[str, str]) -> tuple[list[Any], dict]:
        """Return one schedule, the newest first, and where to go on."""
        known = [*reversed(self.schedules.values())]
        place = int(query.get(tokens[0]) or 0)
        more = {tokens[1]: str(place + 1)} if place + 1 < len(known) else {}
        return known[place : place + 1], more

    def answer(self, request: Request, headers: Mapping[str, str]) -> Any:
        raise NotImplementedError


class FakeVertex(Fake):
    """Vertex AI, Cloud Storage, Secret Manager, and the place that gives tokens for an account."""

    def __init__(self) -> None:
        super().__init__()
        self.buckets = {"bucket"}
        self.public_key = b""
        self.secrets: dict[str, str] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.custom_jobs: list[dict[str, Any]] = []
        # Runs a job, and returns why it failed, "cancelled", or nothing.
        self.run_job: Callable[[dict[str, Any]], str] = lambda job: ""

    def answer(self, request: Request, headers: Mapping[str, str]) -> Any:
        if request.path == "/token":
            return {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}
        if not self._lets_in((headers.get("Authorization") or "").removeprefix("Bearer ")):
            raise RefusedError(401, "Request had invalid authentication credentials.")
        if request.path.startswith("/storage/v1/b/"):
            bucket = request.path.rpartition("/")[2]
            if bucket not in self.buckets:
                raise RefusedError(404, "The specified bucket does not exist.")
            return {"kind": "storage#bucket", "name": bucket}
        if "/secrets/" in request.path:
            name = request.path.removeprefix("/v1/").removesuffix(":access")
            if name not in self.secrets:
                raise RefusedError(404, f"Secret [{name}] not found or has no versions.")
            data = base64.b64encode(self.secrets[name].encode()).decode()
            return {"name": name, "payload": {"data": data}}
        self.requests.append(request)
        if self.fail:
            raise RefusedError(*self.fail)
        found = re.fullmatch(
            r"/v1/(projects/(?:p|mine)/locations/europe-west4)/(pipelineJobs|schedules|customJobs)(?:/(\w+))?(?::(\w+))?",
            request.path,
        )
        if not found:
            raise RefusedError(404, f"{request.path} not found")
        parent, kind, id, action = found.groups()
        handlers = {
            "pipelineJobs": self._job,
            "schedules": self._schedule,
            "customJobs": self._custom_job,
        }
        return handlers[kind](request, parent, id, action)

    def _lets_in(self, token: str) -> bool:
        """Return whether this is the token, or a ticket that the account signed itself."""
        from google.auth import jwt

        try:
            return token == TOKEN or jwt.decode(token, certs=self.public_key)["iss"] == ACCOUNT
        except ValueError:
            return False

    def _job(self, request: Request, parent: str, id: str | None, action: str | None) -> Any:
        name = request.query.get("pipelineJobId", "")
        if not re.fullmatch(r"[a-z][-a-z0-9]{0,127}", name):
            raise RefusedError(400, f"the id {name!r}")
        _see_job(request.body)
        made = {**request.body, "name": f"{parent}/pipelineJobs/{name}"}
        self.jobs[name] = made
        return made

    def _custom_job(self, request: Request, parent: str, id: str | None, action: str | None) -> Any:
        """Take a job, which is pending, runs when it is first asked for, and then has ended."""
        if request.method == "GET":
            job = self.custom_jobs[int(id or 0)]
            if job["state"] == "JOB_STATE_PENDING":
                job["state"] = "JOB_STATE_RUNNING"
                return {**job}
            if job["state"] == "JOB_STATE_RUNNING":
                why = self.run_job(job)
                if why == "cancelled":
                    job["state"] = "JOB_STATE_CANCELLED"
                elif why:
                    job.update(state="JOB_STATE_FAILED", error={"code": 3, "message": why})
                else:
                    job["state"] = "JOB_STATE_SUCCEEDED"
            return job
        if action == "cancel":
            self.custom_jobs[int(id or 0)]["state"] = "JOB_STATE_CANCELLED"
            return {}
        _see_custom_job(request.body)
        name = f"{parent}/customJobs/{len(self.custom_jobs)}"
        self.custom_jobs.append({**request.body, "name": name, "state": "JOB_STATE_PENDING"})
        return self.custom_jobs[-1]

    def _schedule(self, request: Request, parent: str, id: str | None, action: str | None) -> Any:
        match request.method, id, action:
            case "POST", None, None:
                return self._new(request.body, parent)
            case "GET", None, None:
                some, more = self.page(request.query, ("pageToken", "nextPageToken"))
                return {"schedules": some, **more}
            case "POST", str(), "pause" | "resume":
                self.one(id).update(state="PAUSED" if action == "pause" else "ACTIVE")
                return {}
            case "DELETE", str(), None:
                self.one(id)
                del self.schedules[id]
                done = {"@type": "type.googleapis.com/google.protobuf.Empty"}
                return {"name": f"{parent}/operations/1", "done": True, "response": done}
        raise RefusedError(404, request.path)

    def _new(self, body: dict[str, Any], parent: str) -> dict[str, Any]:
        from google.cloud import aiplatform_v1

        made = aiplatform_v1.Schedule.pb(aiplatform_v1.Schedule())
        _parse(body, made)
        if not re.fullmatch(CRON, body.get("cron", "")) or not body.get("maxConcurrentRunCount"):
            raise RefusedError(400, "cron and max_concurrent_run_count are required")
        wanted = body["createPipelineJobRequest"]
        if wanted["parent"] != parent or "pipelineJobId" in wanted:
            raise RefusedError(400, "create_pipeline_job_request")
        _see_job(wanted["pipelineJob"])
        id = str(1000 + len(self.schedules))
        known = {"name": f"{parent}/schedules/{id}", "state": "ACTIVE", "createTime": NOW}
        self.schedules[id] = {**body, **known, "nextRunTime": "2026-11-30T13:00:00Z"}
        return self.schedules[id]


class FakeKubeflow(Fake):
    """Kubeflow Pipelines' API v2beta1; `token` is what it asks for, None for nothing."""

    RUN = frozenset(
        {"display_name", "pipeline_spec", "runtime_config", "service_account", "experiment_id"}
    )
    RECURRING = RUN | {"max_concurrency", "trigger", "mode", "no_catchup"}

    def __init__(self) -> None:
        super().__init__()
        self.token: str | None = None
        self.experiments: list[dict[str, Any]] = []
        self.runs: dict[str, dict[str, Any]] = {}

    def answer(self, request: Request, headers: Mapping[str, str]) -> Any:
        if self.token and headers.get("Authorization") != f"Bearer {self.token}":
            raise RefusedError(401, "Unauthorized")
        self.requests.append(request)
        if self.fail:
            raise RefusedError(*self.fail)
        found = re.fullmatch(r"/apis/v2beta1/(\w+)(?:/([\w-]+))?(?::(\w+))?", request.path)
        kind, id, action = found.groups() if found else (None, None, None)
        match request.method, kind, id, action:
            case "POST", "runs", None, None:
                self._see(request.body, self.RUN)
                id = f"run-{len(self.runs)}"
                self.runs[id] = {**request.body, "run_id": id, "state": "PENDING"}
                return self.runs[id]
            case "POST", "recurringruns", None, None:
                return self._new(request.body)
            case "GET", "recurringruns", None, None:
                some, more = self.page(request.query, ("page_token", "next_page_token"))
                return {"recurringRuns": some, "total_size": len(self.schedules), **more}
            case "POST", "recurringruns", str(), "enable" | "disable":
                self.one(id).update(status="ENABLED" if action == "enable" else "DISABLED")
                return {}
            case "DELETE", "recurringruns", str(), None:
                self.one(id)
                del self.schedules[id]
                return {}
            case "GET", "experiments", None, None:
                wanted = request.query["namespace"]
                return {"experiments": [e for e in self.experiments if e["namespace"] == wanted]}
            case "POST", "experiments", None, None:
                made = {**request.body, "experiment_id": f"exp-{len(self.experiments)}"}
                self.experiments.append(made)
                return made
        raise RefusedError(404, request.path)

    def _new(self, body: dict[str, Any]) -> dict[str, Any]:
        self._see(body, self.RECURRING)
        cron = body["trigger"]["cron_schedule"]
        if len(cron["cron"].split()) != 6 or "7" in cron["cron"].split()[5]:
            raise RefusedError(400, f"found invalid schedule {cron['cron']}")
        if not 1 <= int(body["max_concurrency"]) <= 10 or body["mode"] != "ENABLE":
            raise RefusedError(400, "max_concurrency or mode")
        id = f"recurring-{len(self.schedules)}"
        self.schedules[id] = {**body, "recurring_run_id": id, "status": "ENABLED"}
        return self.schedules[id]

    def _see(self, body: dict[str, Any], known: frozenset[str]) -> None:
        if not body.keys() <= known or not body.get("display_name"):
            raise RefusedError(400, f"unknown fields {sorted(body.keys() - known)}")
        spec = body["pipeline_spec"]
        spec = spec["pipeline_spec"] if "platform_spec" in spec else spec
        _see_spec(spec, body["runtime_config"]["parameters"])


def _see_job(job: dict[str, Any]) -> None:
    from google.cloud import aiplatform_v1

    _parse(job, aiplatform_v1.PipelineJob.pb(aiplatform_v1.PipelineJob()))
    runtime = job["runtimeConfig"]
    if not runtime["gcsOutputDirectory"].startswith("gs://"):
        raise RefusedError(400, "gcs_output_directory")
    _see_spec(job["pipelineSpec"], runtime.get("parameterValues", {}))


def _see_custom_job(job: dict[str, Any]) -> None:
    from google.cloud import aiplatform_v1

    _parse(job, aiplatform_v1.CustomJob.pb(aiplatform_v1.CustomJob()))
    first, *others = job["jobSpec"]["workerPoolSpecs"]
    if not job.get("displayName") or first["replicaCount"] != "1" or len(others) > 3:
        raise RefusedError(400, "display_name or worker_pool_specs")
    for pool in (first, *others):
        if not pool["machineSpec"].get("machineType") or not pool["containerSpec"].get("imageUri"):
            raise RefusedError(400, "machine_type and image_uri are required")
    for key, value in job.get("labels", {}).items():
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}=[a-z0-9_-]{0,63}", f"{key}={value}"):
            raise RefusedError(400, f"the label {key}={value}")


def _see_spec(spec: dict[str, Any], given: dict[str, Any]) -> None:
    from kfp.pipeline_spec import pipeline_spec_pb2

    _parse(spec, pipeline_spec_pb2.PipelineSpec())
    _parse(spec["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig())
    declared = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    if not given.keys() <= declared.keys():
        raise RefusedError(400, f"parameters {sorted(given)} of {sorted(declared)}")


def _parse(body: dict[str, Any], message: Any) -> None:
    from google.protobuf import json_format

    try:
        json_format.ParseDict(body, message)
    except json_format.ParseError as error:
        raise RefusedError(400, str(error)) from error


@contextmanager
def served(fake: Fake) -> Iterator[None]:
    """Let a stand-in answer on this machine; its `url` is where."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            split = urllib.parse.urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            is_json = "json" in self.headers.get("Content-Type", "")
            body = json.loads(raw) if raw and is_json else {}
            query = dict(urllib.parse.parse_qsl(split.query))
            try:
                code = 200
                answer = fake.answer(Request(self.command, split.path, query, body), self.headers)
            except RefusedError as error:
                # Google's form and Kubeflow's at once.
                code, message = error.code, error.message
                answer = {"error": {"code": code, "message": message}, "message": message}
            text = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def vertex_answers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVertex]:
    """Let a stand-in answer, and this process have credentials for it."""
    made = FakeVertex()
    with served(made):
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file(folder, made)))
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", made.url)
        monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
        yield made


def key_file(folder: Path, fake: FakeVertex) -> Path:
    """Write the key of a service account that a stand-in knows, and return the file."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    fake.public_key = key.public_key().public_bytes(
        form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo
    )
    text = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    account = {
        "type": "service_account",
        "project_id": "p",
        "client_email": ACCOUNT,
        "private_key": text.decode(),
        "token_uri": f"{fake.url}/token",
    }
    file = folder / "key.json"
    file.write_text(json.dumps(account))
    return file
