"""Pushes to Google Cloud: plain values, and what TFX's own pushers get of them."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

import fluentml as fml
from fluentml.errors import BackendError
from tests.messages import message_of, problems_of

P = fml.PipelineDef("taxi", root="gs://bucket/root").from_csv("d").train("pkg.mod.run_fn")
VERTEX = {"project": "p", "region": "europe-west4", "endpoint": "taxi", "image": "server:1"}
BIGQUERY = {"project": "p", "dataset": "taxi", "model": "tips"}


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (
            {"vertex": {**VERTEX, "machine": "n1-standard-4"}},
            "push_to() knows no key 'machine' in vertex=.\n"
            "It takes: 'project', 'region', 'endpoint', 'image', 'machine_type', "
            "'min_replica_count', 'max_replica_count', 'accelerator_type', 'accelerator_count', "
            "'traffic_percentage', 'service_account', 'labels'.\n"
            "Hint: did you mean 'machine_type'?",
        ),
        (
            {"vertex": {"project": "p", "image": "i"}},
            "push_to() misses 'region', 'endpoint' in vertex=.\n"
            'Hint: write vertex={"project": "…", "region": "…", "endpoint": "…", "image": "…"}.',
        ),
        (
            {"bigquery_ml": {**BIGQUERY, "datasets": "d"}},
            "push_to() knows no key 'datasets' in bigquery_ml=.\n"
            "It takes: 'project', 'dataset', 'model', 'compute_project'.\n"
            "Hint: did you mean 'dataset'?",
        ),
        (
            {"bigquery_ml": "p.taxi.tips"},
            "push_to() takes bigquery_ml= as a dict, not 'p.taxi.tips'.\n"
            'Hint: write bigquery_ml={"project": "…", "dataset": "…", "model": "…"}.',
        ),
        (
            {"vertex": {**VERTEX, "min_replica_count": 0}},
            "push_to() cannot use vertex={'min_replica_count': 0}.\nHint: it takes 1 or more.",
        ),
        (
            {"destination": "s", "vertex": VERTEX},
            "push_to() takes a folder or vertex=, not both.",
        ),
        (
            {"bigquery_ml": BIGQUERY, "vertex": VERTEX},
            "push_to() takes vertex= or bigquery_ml=, not both.",
        ),
        (
            {"vertex": VERTEX, "formats": ["tflite"]},
            "push_to() takes formats= only with a folder, not with vertex=.",
        ),
        (
            {"vertex": VERTEX, "custom_config": {"a": 1}},
            "push_to() takes custom_config= only with a folder, not with vertex=.",
        ),
        (
            {"bigquery_ml": BIGQUERY, "require_push": True},
            "push_to() takes require_push= only with a folder, not with bigquery_ml=.",
        ),
    ],
)
def test_what_a_push_to_google_cannot_do(parameters, said):
    assert message_of(fml.DefinitionError, P.push_to, **parameters) == said


def test_the_root_must_be_where_google_reads_it():
    chain = fml.PipelineDef("taxi").from_csv("gs://b/d").train("pkg.mod.run_fn")
    assert (
        "push_to() lets BigQuery ML take the model from the pipeline root, and 'artifacts' is not "
        "on Google Cloud Storage.\n"
        "Hint: name a bucket: PipelineDef('taxi', root=\"gs://bucket/…\")."
    ) in problems_of(chain.push_to(bigquery_ml=BIGQUERY), "local")
    assert not [
        p for p in problems_of(P.push_to(vertex=VERTEX), "local") if "Google Cloud Storage" in p
    ]


def test_targets_survive_json():
    labels = {**VERTEX, "labels": {"team": "tips"}}
    chain = P.push_to(vertex=labels).push_to(bigquery_ml=BIGQUERY, id="Second")
    again = fml.Graph.from_json(chain.graph.to_json())
    assert again == chain.graph
    assert hash(again) == hash(chain.graph)


@pytest.mark.tfx
@pytest.mark.parametrize(
    "parameters", [{"vertex": VERTEX}, {"bigquery_ml": BIGQUERY}], ids=["vertex", "bigquery_ml"]
)
def test_a_run_here_without_credentials_is_refused(tmp_path: Path, no_account, parameters):
    chain = (
        fml.PipelineDef("taxi", root="gs://bucket/root")
        .with_metadata(tmp_path / "metadata.db")
        .from_csv("gs://bucket/d")
        .train("os.path.join")
        .push_to(**parameters)
    )
    assert message_of(BackendError, chain.run) == (
        "push_to() asks Google Cloud, and there are no credentials here.\n"
        "Your default credentials were not found.\n"
        "Hint: run `gcloud auth application-default login`, or let "
        "GOOGLE_APPLICATION_CREDENTIALS name the key file of a service account."
    )
    assert [*tmp_path.iterdir()] == []


@pytest.mark.tfx
def test_pushes_are_those_that_one_writes_by_hand():
    """As TFX's guides to Vertex AI and BigQuery ML write them."""
    from tfx.components.example_gen.csv_example_gen.component import CsvExampleGen
    from tfx.components.trainer.component import Trainer
    from tfx.extensions.google_cloud_ai_platform import constants
    from tfx.extensions.google_cloud_ai_platform.pusher.component import Pusher as VertexPusher
    from tfx.extensions.google_cloud_big_query.pusher.component import Pusher as BigQueryPusher
    from tfx.orchestration import metadata, pipeline
    from tfx.proto import trainer_pb2

    from fluentml.lowering import IN_PROCESS_RUNNER
    from tests.test_lowering import as_dict

    examples = CsvExampleGen(input_base="gs://bucket/d")
    trainer = Trainer(
        run_fn="pkg.mod.run_fn",
        examples=examples.outputs["examples"],
        train_args=trainer_pb2.TrainArgs(),
        eval_args=trainer_pb2.EvalArgs(),
    )
    vertex = VertexPusher(
        model=trainer.outputs["model"],
        custom_config={
            constants.ENABLE_VERTEX_KEY: True,
            constants.VERTEX_REGION_KEY: "europe-west4",
            constants.VERTEX_CONTAINER_IMAGE_URI_KEY: "server:1",
            constants.SERVING_ARGS_KEY: {
                "project_id": "p",
                "endpoint_name": "taxi",
                "machine_type": "n1-standard-4",
                "max_replica_count": 3,
            },
        },
    ).with_id("Vertex")
    bigquery = BigQueryPusher(
        model=trainer.outputs["model"],
        custom_config={
            "bigquery_serving_args": {
                "project_id": "p",
                "bq_dataset_id": "taxi",
                "model_name": "tips",
                "compute_project_id": "other",
            }
        },
    ).with_id("BigQuery")
    by_hand = pipeline.Pipeline(
        pipeline_name="taxi",
        pipeline_root="gs://bucket/root/taxi",
        components=[examples, trainer, vertex, bigquery],
        enable_cache=False,
        beam_pipeline_args=[IN_PROCESS_RUNNER],
        metadata_connection_config=metadata.sqlite_metadata_connection_config("/tmp/m.db"),
    )
    ours = (
        fml.PipelineDef("taxi", root="gs://bucket/root")
        .with_metadata("/tmp/m.db")
        .from_csv("gs://bucket/d")
        .train("pkg.mod.run_fn")
        .push_to(
            vertex={**VERTEX, "machine_type": "n1-standard-4", "max_replica_count": 3}, id="Vertex"
        )
        .push_to(bigquery_ml={**BIGQUERY, "compute_project": "other"}, id="BigQuery")
        .to_tfx()
    )
    assert configs(as_dict(ours)) == configs(as_dict(by_hand))
    assert plain(as_dict(ours)) == plain(as_dict(by_hand))


def configs(ir):
    """Return the custom configs of the nodes, which are JSON in text."""
    found = {}
    for node in ir["nodes"]:
        parameters = node["pipelineNode"].get("parameters", {}).get("parameters", {})
        if "custom_config" in parameters:
            text = parameters["custom_config"]["fieldValue"]["stringValue"]
            found[node["pipelineNode"]["nodeInfo"]["id"]] = json.loads(text)
    return found


def plain(ir):
    """Return the pipeline without the text of the custom configs."""
    for node in ir["nodes"]:
        node["pipelineNode"].get("parameters", {}).get("parameters", {}).pop("custom_config", None)
    return ir


# -- TFX's executor for BigQuery ML against a stand-in for the service -----------------------------


class FakeBigQuery(BaseHTTPRequestHandler):
    """A stand-in that takes a query for a job, and answers that it is done; or that it failed."""

    queries: ClassVar[list[tuple[str, str]]] = []
    error: ClassVar[dict[str, str] | None] = None

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.queries.append((self.path.partition("?")[0], body["configuration"]["query"]["query"]))
        self._answer(
            {
                "jobReference": body["jobReference"],
                "configuration": body["configuration"],
                "status": {"state": "DONE", **({"errorResult": self.error} if self.error else {})},
            }
        )

    def do_GET(self) -> None:
        id = self.path.partition("?")[0].rpartition("/")[2]
        reference = {"projectId": "other", "jobId": id}
        self._answer({"jobComplete": True, "jobReference": reference, "totalRows": "0"})

    def _answer(self, answer: dict[str, object]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def fake_bigquery(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FakeBigQuery]]:
    from google.auth import credentials
    from google.cloud.bigquery import client

    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeBigQuery)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", f"http://127.0.0.1:{server.server_port}")
    anonymous = credentials.AnonymousCredentials()
    monkeypatch.setattr("google.auth.default", lambda *args, **options: (anonymous, "p"))
    assert client
    FakeBigQuery.queries, FakeBigQuery.error = [], None
    yield FakeBigQuery
    server.shutdown()
    server.server_close()


def push(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Any:
    """Run TFX's executor with what the chain gives it; only the copy to the bucket is left out."""
    from tfx.extensions.google_cloud_big_query.pusher import executor
    from tfx.types import standard_artifacts

    copied = []
    monkeypatch.setattr(executor.io_utils, "copy_dir", lambda src, dst: copied.append((src, dst)))
    target = {**BIGQUERY, "compute_project": "other"}
    component = {
        c.id: c
        for c in P.with_metadata(folder / "m.db").push_to(bigquery_ml=target).to_tfx().components
    }["Pusher"]
    model, pushed = standard_artifacts.Model(), standard_artifacts.PushedModel()
    model.uri, pushed.uri = str(folder / "model"), "gs://bucket/root/pushed"
    assert component.executor_spec.executor_class is executor.Executor
    executor.Executor().Do(
        {"model": [model]}, {"pushed_model": [pushed]}, component.exec_properties
    )
    assert copied == [(str(folder / "model/Format-Serving"), "gs://bucket/root/pushed")]
    return pushed


@pytest.mark.tfx
def test_bigquery_ml_is_asked_for_the_model(fake_bigquery, monkeypatch, tmp_path):
    pushed = push(monkeypatch, tmp_path)
    assert pushed.get_string_custom_property("pushed_destination") == "p.taxi.tips"
    ((path, query),) = fake_bigquery.queries
    assert path == "/bigquery/v2/projects/other/jobs"
    assert " ".join(query.split()) == (
        "CREATE OR REPLACE MODEL `p.taxi.tips` OPTIONS (model_type='tensorflow', "
        "model_path='gs://bucket/root/pushed/*')"
    )


@pytest.mark.tfx
def test_bigquery_ml_refuses(fake_bigquery, monkeypatch, tmp_path):
    fake_bigquery.error = {"reason": "invalid", "message": "Unsupported op: ParseExampleV2"}
    with pytest.raises(RuntimeError, match=r"BigQuery ML Push failed: .*ParseExampleV2"):
        push(monkeypatch, tmp_path)


# -- in an emulation nobody is asked ---------------------------------------------------------------


@pytest.mark.tfx
def test_an_emulated_push_goes_as_far_as_the_bucket(tmp_path: Path, monkeypatch):
    import google.auth

    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(google.auth.exceptions.DefaultCredentialsError):
        google.auth.default()
    serving = tmp_path / "model/Format-Serving"
    serving.mkdir(parents=True)
    (serving / "saved_model.pb").write_text("a model")
    model = {"model": "Old.result"}
    chain = (
        fml.PipelineDef("taxi", root="gs://bucket/root")
        .import_artifact("gs://bucket/model", "Model", id="Old")
        .push_to(vertex=VERTEX, inputs=model, id="Vertex")
        .push_to(bigquery_ml=BIGQUERY, inputs=model, id="BigQuery")
    )
    target = fml.Vertex(image="image:1")
    result = fml.emulate(chain, target, places={"gs://bucket": tmp_path}, quiet=True)
    vertex, bigquery = (result.artifacts(f"{id}.pushed_model")[0] for id in ("Vertex", "BigQuery"))
    place = vertex.properties["pushed_destination"]
    assert re.fullmatch(r"projects/p/locations/europe-west4/models/v\d+", place)
    assert bigquery.properties["pushed_destination"] == "p.taxi.tips"
    for pushed in (vertex, bigquery):
        assert Path(pushed.uri, "saved_model.pb").read_text() == "a model"
    log = (Path(result.log).parent / "BigQuery_1/task.log").read_text()
    assert "CREATE OR REPLACE MODEL `p.taxi.tips`" in log
