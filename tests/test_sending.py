"""Pipelines are sent to Vertex AI and Kubeflow: stand-ins of the services take and check them."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

import fluentml as fml
from fluentml import cli
from tests.fake_clusters import FakeKubeflow, FakeVertex, served, vertex_answers
from tests.messages import message_of
from tests.test_readme import blocks

pytestmark = pytest.mark.tfx

P = (
    fml.PipelineDef("trips", root="gs://bucket/root")
    .from_csv("gs://bucket/data")
    .generate_statistics()
    .infer_schema()
    .train("os.path.join", train_steps=fml.param("train_steps", 100))
)
MONDAYS = {"cron": "0 5 * * 1", "timezone": "America/Los_Angeles"}
PARENT = "/v1/projects/p/locations/europe-west4"
CONSOLE = "https://console.cloud.google.com/vertex-ai/locations/europe-west4/pipelines"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVertex]:
    with vertex_answers(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def kubeflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKubeflow]:
    made = FakeKubeflow()
    monkeypatch.delenv("KF_PIPELINES_SA_TOKEN_PATH", raising=False)
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT", raising=False)
    with served(made):
        yield made


def vertex(fake: FakeVertex, **options: Any) -> fml.Vertex:
    known = {"region": "europe-west4", "image": "repository/image", "endpoint": fake.url}
    return fml.Vertex(**{**known, **options})


def kubeflow_at(fake: FakeKubeflow, **options: Any) -> fml.Kubeflow:
    return fml.Kubeflow(**{"host": fake.url, "image": "repository/image", **options})


# -- Vertex AI -------------------------------------------------------------------------------------


def test_a_pipeline_is_submitted_to_vertex(fake: FakeVertex, tmp_path: Path):
    target = vertex(fake, service_account="runner@p.iam", labels={"team": "tips"})
    sent = P.submit(target, params={"train_steps": 50})
    (request,) = fake.requests
    assert (request.method, request.path) == ("POST", f"{PARENT}/pipelineJobs")
    assert request.query["pipelineJobId"] == sent.id
    compiled = json.loads(P.compile(target, tmp_path / "job.json").read_text())
    compiled["runtimeConfig"]["parameterValues"] = {"train_steps": 50.0}
    assert request.body == {**compiled, "serviceAccount": "runner@p.iam"}
    assert sent.link == f"{CONSOLE}/runs/{sent.id}?project=p"
    assert str(sent) == (
        f"Submitted trips to Vertex AI (project p, europe-west4) as {sent.id}.\nSee {sent.link}"
    )


def test_what_readme_says(fake: FakeVertex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (code,) = [one for one in blocks("python") if one.startswith("vertex = fml.Vertex(")]
    here = SimpleNamespace(Vertex=functools.partial(fml.Vertex, endpoint=fake.url))
    exec(code, {"fml": here, "pipeline": P})
    assert json.loads((tmp_path / "taxi.json").read_text())["displayName"] == "trips"
    (job,) = fake.jobs.values()
    (schedule,) = fake.schedules.values()
    assert job["name"].startswith("projects/mine/locations/europe-west4/pipelineJobs/trips-")
    assert schedule["cron"] == "TZ=America/Los_Angeles 0 5 * * 1"


def test_a_value_that_a_launch_cannot_change_is_fixed(fake: FakeVertex):
    pipeline = P.push_to("gs://bucket/s", require_push=fml.param("strict", False))
    pipeline.submit(vertex(fake), params={"strict": True, "train_steps": 7})
    (request,) = fake.requests
    assert "parameterValues" not in request.body["runtimeConfig"]
    trainer = request.body["pipelineSpec"]["root"]["dag"]["tasks"]["Trainer"]
    assert '"num_steps": 7' in json.dumps(trainer).replace("\\", "")


def test_a_pipeline_is_scheduled_on_vertex(fake: FakeVertex):
    limits = {"start": "2030-01-01T09:00", "end": "2031-01-01T00:00Z"}
    made = P.schedule(vertex(fake), **MONDAYS, **limits, concurrency=2, catch_up=True)
    (request,) = fake.requests
    job = request.body.pop("createPipelineJobRequest")
    assert request.body == {
        "displayName": "trips",
        "cron": "TZ=America/Los_Angeles 0 5 * * 1",
        "maxConcurrentRunCount": "2",
        "allowQueueing": True,
        "startTime": "2030-01-01T17:00:00Z",
        "endTime": "2031-01-01T00:00:00Z",
    }
    assert job["pipelineJob"]["runtimeConfig"] == {"gcsOutputDirectory": "gs://bucket/root/trips"}
    assert made.link == f"{CONSOLE}/schedules/{made.id}?project=p"
    assert (made.state, made.next) == ("active", "2026-11-30T13:00:00Z")


def test_schedules_on_vertex_are_listed_paused_resumed_and_deleted(fake: FakeVertex):
    service = vertex(fake).service()
    ids = [P.schedule(vertex(fake), cron=cron).id for cron in ("0 5 * * 1", "0 6 * * *")]
    assert [(one.id, one.cron) for one in service.schedules()] == [
        (ids[1], "0 6 * * *"),
        (ids[0], "0 5 * * 1"),
    ]
    service.pause(ids[0])
    assert [one.state for one in service.schedules()] == ["active", "paused"]
    service.resume(ids[0], catch_up=True)
    assert fake.asked("POST", f"{PARENT}/schedules/{ids[0]}:resume")[0].body["catchUp"] is True
    assert [one.state for one in service.schedules()] == ["active", "active"]
    service.delete(ids[0])
    assert [one.id for one in service.schedules()] == [ids[1]]


@pytest.mark.parametrize("verb", ["pause", "resume", "delete"])
def test_a_schedule_that_is_not_there(fake: FakeVertex, kubeflow: FakeKubeflow, verb: str):
    P.schedule(vertex(fake), **MONDAYS)
    assert message_of(fml.BackendError, getattr(vertex(fake).service(), verb), "100") == (
        "There is no schedule '100' on Vertex AI (project p, europe-west4).\n"
        "The schedules: '1000'.\n"
        "Hint: did you mean '1000'?"
    )
    absent = message_of(fml.BackendError, getattr(kubeflow_at(kubeflow).service(), verb), "x")
    assert absent == (
        f"There is no schedule 'x' on Kubeflow ({kubeflow.url}).\n"
        "The schedules: none.\n"
        "Hint: `fluentml schedules list` shows them."
    )


def test_what_vertex_refuses_is_told_in_its_words(fake: FakeVertex):
    fake.fail = (403, "Permission 'aiplatform.pipelineJobs.create' denied")
    said = message_of(fml.BackendError, P.submit, vertex(fake))
    assert said.startswith("Vertex AI (project p, europe-west4) did not take the job 'trips-20")
    assert "Permission 'aiplatform.pipelineJobs.create' denied" in said
    assert "\nHint: the account needs the role roles/aiplatform.user" in said


def test_a_bucket_that_is_not_there(fake: FakeVertex):
    fake.buckets.clear()
    for send in (P.submit, lambda target: P.schedule(target, **MONDAYS)):
        assert message_of(fml.BackendError, send, vertex(fake)) == (
            "There is no bucket 'bucket', where everything of the pipeline would lie.\n"
            "Hint: make it: gcloud storage buckets create gs://bucket --project=p "
            "--location=europe-west4."
        )
    assert fake.requests == []


def test_vertex_that_cannot_be_reached(fake: FakeVertex):
    said = message_of(fml.BackendError, P.submit, vertex(fake, endpoint="http://127.0.0.1:9"))
    assert "cannot be reached" in said
    assert "Hint: is 'europe-west4' a region of Vertex AI" in said


def test_nothing_is_sent_where_something_is_missing(
    fake: FakeVertex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def said(pipeline: fml.PipelineDef = P, **options: Any) -> str:
        return message_of(fml.BackendError, pipeline.submit, vertex(fake, **options))

    assert said(region=None) == (
        "Vertex needs region=.\nHint: name it: Vertex(region=…), or -O region=…."
    )
    assert said(image=None).startswith("Vertex needs image=.")
    key = json.loads((tmp_path / "key.json").read_text())
    (tmp_path / "key.json").write_text(json.dumps({**key, "project_id": None}))
    assert said().startswith("Vertex needs project=, and the credentials name none.\nHint: ")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    assert said() == (
        "There are no credentials for Google Cloud here.\n"
        "Your default credentials were not found.\n"
        "Hint: run `gcloud auth application-default login`, or let "
        "GOOGLE_APPLICATION_CREDENTIALS name the key file of a service account."
    )
    local = fml.PipelineDef("trips").from_csv("data")
    with pytest.raises(fml.CheckError, match="a folder of this machine"):
        local.submit(vertex(fake))
    assert fake.requests == []


def test_a_task_gets_its_secrets(fake: FakeVertex):
    """The command of a compiled task, with another one behind it than TFX's."""
    name = "projects/p/secrets/slack/versions/latest"
    fake.secrets[name] = "https://hooks.slack.com/ü"

    def shown(secret: str) -> subprocess.CompletedProcess[str]:
        show = [sys.executable, "-c", "import os, sys; print(os.environ['SLACK'], sys.argv[1:])"]
        command = ["-m", "fluentml.executors.with_secrets", f"SLACK={secret}", "--", *show, "--"]
        env = {**os.environ, "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER": fake.url}
        return subprocess.run([sys.executable, *command], env=env, capture_output=True, text=True)

    assert shown(name).stdout == "https://hooks.slack.com/ü ['--']\n"
    failed = shown("projects/p/secrets/other/versions/latest")
    assert failed.returncode == 1
    assert failed.stderr == (
        "Secret Manager answers 404 Not Found when asked for "
        "'projects/p/secrets/other/versions/latest'.\nHint: does it exist, and has the account "
        "that the job runs as the role roles/secretmanager.secretAccessor on it?\n"
    )


# -- Kubeflow --------------------------------------------------------------------------------------


def test_a_pipeline_is_submitted_to_kubeflow(kubeflow: FakeKubeflow, tmp_path: Path):
    import yaml

    target = kubeflow_at(kubeflow, service_account="runner")
    sent = P.submit(target, params={"train_steps": 50})
    (request,) = kubeflow.requests
    assert (request.method, request.path) == ("POST", "/apis/v2beta1/runs")
    assert request.body.pop("display_name").startswith("trips 20")
    assert request.body == {
        "pipeline_spec": yaml.safe_load(P.compile(target, tmp_path / "p.yaml").read_text()),
        "runtime_config": {
            "parameters": {"train_steps": 50},
            "pipeline_root": "gs://bucket/root/trips",
        },
        "service_account": "runner",
    }
    assert sent.link == f"{kubeflow.url}/#/runs/details/{sent.id}"


def test_schedules_on_kubeflow(kubeflow: FakeKubeflow):
    target = kubeflow_at(kubeflow)
    first = P.schedule(target, cron="0 5 * * 5-7", end="2031-01-01", catch_up=True)
    second = P.schedule(target, cron="*/15 * * * MON", timezone="UTC", concurrency=3)
    one, two = (one.body for one in kubeflow.asked("POST", "/apis/v2beta1/recurringruns"))
    assert one["trigger"] == {
        "cron_schedule": {"cron": "0 0 5 * * 0,5,6", "end_time": "2031-01-01T00:00:00Z"}
    }
    assert (one["no_catchup"], one["max_concurrency"], one["mode"]) == (False, "1", "ENABLE")
    assert two["trigger"] == {"cron_schedule": {"cron": "0 */15 * * * MON"}}
    assert (two["no_catchup"], two["max_concurrency"]) == (True, "3")
    service = target.service()
    service.pause(first.id)
    assert [(known.id, known.state) for known in service.schedules()] == [
        (second.id, "active"),
        (first.id, "paused"),
    ]
    service.resume(first.id)
    service.delete(second.id)
    assert [(known.id, known.state) for known in service.schedules()] == [(first.id, "active")]


def test_what_a_schedule_on_kubeflow_cannot_be(kubeflow: FakeKubeflow):
    target = kubeflow_at(kubeflow)
    said = message_of(fml.BackendError, P.schedule, target, **MONDAYS)
    assert said.startswith("Kubeflow takes no time zone such as 'America/Los_Angeles'")
    said = message_of(fml.BackendError, P.schedule, target, cron="0 5 * * *", concurrency=11)
    assert said == "Kubeflow runs at most 10 of a schedule at a time, not 11.\nHint: take 1 to 10."
    made = P.schedule(target, cron="0 5 * * *")
    with pytest.raises(fml.BackendError, match="schedule it anew"):
        target.service().resume(made.id, catch_up=True)


def test_secrets_of_kubernetes_go_along(kubeflow: FakeKubeflow):
    pipeline = P.on("Trainer", secrets={"TOKEN": "tokens/mine"})
    pipeline.submit(kubeflow_at(kubeflow))
    (request,) = kubeflow.requests
    sent = request.body["pipeline_spec"]
    assert sent["pipeline_spec"]["pipelineInfo"]["name"] == "trips"
    executors = sent["platform_spec"]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert [*executors] == ["Trainer_executor"]


def test_kubeflow_with_namespaces_and_tokens(
    kubeflow: FakeKubeflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    kubeflow.token = "secret"
    target = kubeflow_at(kubeflow, namespace="mine")
    said = message_of(fml.BackendError, P.submit, target)
    assert said == (
        f"Kubeflow ({kubeflow.url}) answers 401 Unauthorized.\nUnauthorized\n"
        "Hint: let KF_PIPELINES_SA_TOKEN_PATH name the file of a token, or go in by "
        "`kubectl port-forward`."
    )
    (tmp_path / "token").write_text("secret\n")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
    ids = [P.submit(target).id for _ in range(2)]
    assert [kubeflow.runs[id]["experiment_id"] for id in ids] == ["exp-0", "exp-0"]
    assert kubeflow.experiments[0]["namespace"] == "mine"


def test_kubeflow_that_is_elsewhere(fake: FakeVertex, kubeflow: FakeKubeflow):
    def said(host: str | None) -> str:
        return message_of(fml.BackendError, P.submit, kubeflow_at(kubeflow, host=host))

    assert said(None).startswith("Kubeflow needs host=.")
    assert said("pipelines.example.com").startswith("Kubeflow got host='pipelines.example.com'")
    assert said("http://127.0.0.1:9").startswith("Kubeflow (http://127.0.0.1:9) cannot be reached")


# -- the command line ------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "pipeline.py"
    path.write_text(
        "import fluentml as fml\n"
        "pipeline = fml.PipelineDef('trips', root='gs://bucket/root').from_csv('gs://bucket/d')\n"
    )
    return str(path)


def test_the_command_line_sends(fake: FakeVertex, file: str):
    def fluentml(*arguments: str, image: bool = True) -> str:
        known = ["region=europe-west4", f"endpoint={fake.url}", *(["image=i"] if image else [])]
        options = [word for option in known for word in ("-O", option)]
        done = CliRunner().invoke(cli.app, [*arguments, "-t", "vertex", *options])
        assert done.exit_code == 0, done.exception
        return done.stdout

    said = fluentml("submit", file)
    assert said.startswith("Submitted trips to Vertex AI (project p, europe-west4) as trips-")
    assert f"\nSee {CONSOLE}/runs/trips-" in said
    monday = ["--cron", "0 5 * * 1", "--timezone", "America/Los_Angeles", "--concurrency", "2"]
    made = json.loads(fluentml("schedule", file, *monday, "--json"))
    assert made["cron"] == "TZ=America/Los_Angeles 0 5 * * 1"
    listed = fluentml("schedules", "list", image=False)
    assert [line.split()[:2] for line in listed.splitlines()] == [
        ["id", "pipeline"],
        [made["id"], "trips"],
    ]
    id = made["id"]
    assert fluentml("schedules", "pause", id, image=False) == f"Paused {id}.\n"
    assert fluentml("schedules", "resume", id, "--catch-up", image=False) == f"Resumed {id}.\n"
    assert fluentml("schedules", "delete", id, image=False) == f"Deleted {id}.\n"
    assert fluentml("schedules", "list", image=False) == "There are no schedules.\n"


def test_a_target_that_takes_none():
    with pytest.raises(fml.BackendError, match="LocalBackend takes no submitted pipelines"):
        P.with_metadata("m.db").submit("local")
