"""BigQuery as a source: there is no Google Cloud here, so a fake answers where one must."""

from __future__ import annotations

import contextlib
import datetime
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import fluentml as fml
from fluentml.errors import BackendError
from tests.messages import message_of, problems_of
from tests.test_sources import examples_of, values

P = fml.PipelineDef("test")
QUERY = "SELECT user, fare FROM trips"
DATED = "SELECT user, fare FROM trips WHERE day = @span_yyyymmdd_utc"
TMP = "gs://bucket/tmp"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (
            {},
            " needs a query: write a SELECT, or one for each split, split={'train': 'SELECT …'}.",
        ),
        (
            {"query": " "},
            " needs a query: write a SELECT, or one for each split, split={'train': 'SELECT …'}.",
        ),
        (
            {"query": QUERY, "split": {"a": QUERY}},
            " takes one query with hash buckets, and split= has queries.",
        ),
        (
            {"split": {"a": QUERY}, "partition_on": "user"},
            " takes partition_on= with hash buckets, and split= has queries.",
        ),
        (
            {"query": QUERY, "split": {"a": 0}},
            "(): split= gives 'a' the value 0; it takes hash buckets (1 or more) or a query.",
        ),
        (
            {"query": QUERY, "split": {"a": 1, "b": "SELECT"}},
            "(): split= is {'a': 1, 'b': 'SELECT'}; it takes hash buckets or a query for each, not "
            "both.",
        ),
        (
            {"query": DATED},
            " needs the day that @span_… in its query stands for: span=date(…).",
        ),
        (
            {"query": QUERY, "span": 3},
            " takes span= with @span_yyyymmdd_utc or another @span_… in a query.",
        ),
        (
            {"query": DATED, "span": "latest"},
            "(): span= is 'latest'; it takes a date, or its days since 1970-01-01.",
        ),
        (
            {"query": QUERY, "temp_location": "/tmp"},
            "(): temp_location= is '/tmp'; it takes a folder in Cloud Storage: \"gs://bucket/tmp\".",
        ),
    ],
)
def test_what_makes_no_sense(parameters, said):
    told = message_of(fml.DefinitionError, P.from_bigquery, **parameters)
    assert told.removeprefix("from_bigquery()") == said.removeprefix("()")
    assert message_of(fml.DefinitionError, fml.from_bigquery, **parameters) == told


def test_it_is_a_source_like_the_others():
    day = datetime.date(2024, 5, 1)
    pipeline = P.from_bigquery(DATED, span=day, project="mine", temp_location=TMP, split={"a": 1})
    (step,) = pipeline.components
    assert step == fml.from_bigquery(
        DATED, span=19844, project="mine", temp_location=TMP, split={"a": 1}
    )
    assert step.split_names == ("a",)
    graph = pipeline.generate_statistics().graph
    assert graph["StatisticsGen"].upstream == ("BigQueryExampleGen",)
    assert fml.Graph.from_json(graph.to_json()) == graph
    served = P.from_csv("d").train("m.py").bulk_infer(fml.from_bigquery(QUERY)).graph
    assert served["BulkInferrer"].upstream[0] == "BulkInferrer_examples"


def test_a_folder_in_cloud_storage_is_named():
    (problem,) = problems_of(P.from_bigquery(QUERY))
    assert problem == (
        "from_bigquery() gets its rows by way of Cloud Storage, and no folder there is named.\n"
        'Hint: write from_bigquery(…, temp_location="gs://bucket/tmp"), or '
        'with_beam_pipeline_args(["--temp_location=gs://bucket/tmp"]).'
    )
    assert problems_of(P.from_bigquery(QUERY, temp_location=TMP)) == []
    named = P.with_beam_pipeline_args([f"--temp_location={TMP}"])
    assert problems_of(named.from_bigquery(QUERY)) == []


@pytest.mark.tfx
def test_without_credentials_nothing_runs(no_account, monkeypatch, tmp_path):
    pipeline = fml.PipelineDef("p", root=tmp_path / "artifacts")
    pipeline = pipeline.from_bigquery(QUERY, temp_location=TMP)
    hint = (
        "Hint: run `gcloud auth application-default login`, or let "
        "GOOGLE_APPLICATION_CREDENTIALS name the key file of a service account."
    )
    assert message_of(BackendError, pipeline.run, quiet=True) == (
        "from_bigquery() asks Google Cloud, and there are no credentials here.\n"
        f"Your default credentials were not found.\n{hint}"
    )
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    told = message_of(BackendError, pipeline.run, quiet=True)
    assert f"File {tmp_path / 'key.json'} was not found." in told
    assert not (tmp_path / "artifacts").exists()


# -- the lowering ----------------------------------------------------------------------------------


def ir_of(component, folder):
    from tfx.orchestration import metadata, pipeline

    from fluentml.lowering import IN_PROCESS_RUNNER
    from tests.test_lowering import as_dict

    root = str(folder / "p")
    return as_dict(
        pipeline.Pipeline(
            pipeline_name="p",
            pipeline_root=root,
            components=[component],
            enable_cache=False,
            beam_pipeline_args=[IN_PROCESS_RUNNER],
            metadata_connection_config=metadata.sqlite_metadata_connection_config(
                f"{root}/metadata.db"
            ),
        )
    )


@pytest.mark.tfx
def test_it_is_what_one_writes_by_hand(tmp_path):
    from tfx.extensions.google_cloud_big_query.example_gen.component import BigQueryExampleGen
    from tfx.proto import example_gen_pb2 as pb
    from tfx.proto import range_config_pb2

    from tests.test_lowering import as_dict

    def ours(*args, **parameters):
        return as_dict(
            fml.PipelineDef("p", root=tmp_path).from_bigquery(*args, **parameters).to_tfx()
        )

    assert ours(QUERY) == ir_of(BigQueryExampleGen(query=QUERY), tmp_path)

    split = pb.SplitConfig.Split
    by_user = pb.SplitConfig(
        splits=[split(name="a", hash_buckets=9), split(name="b", hash_buckets=1)],
        partition_feature_name="user",
    )
    day = range_config_pb2.StaticRange(start_span_number=19844, end_span_number=19844)
    by_hand = BigQueryExampleGen(
        query=DATED,
        output_config=pb.Output(split_config=by_user),
        range_config=range_config_pb2.RangeConfig(static_range=day),
    ).with_beam_pipeline_args(["--project=mine", f"--temp_location={TMP}"])
    assert ours(
        DATED,
        split={"a": 9, "b": 1},
        partition_on="user",
        span=datetime.date(2024, 5, 1),
        project="mine",
        temp_location=TMP,
    ) == ir_of(by_hand, tmp_path)

    queries = {"train": QUERY, "eval": f"{QUERY} LIMIT 9"}
    splits = [pb.Input.Split(name=name, pattern=query) for name, query in queries.items()]
    by_hand = ir_of(BigQueryExampleGen(input_config=pb.Input(splits=splits)), tmp_path)
    assert ours(split=queries) == by_hand
    assert ours(input_config=pb.Input(splits=splits)) == by_hand
    assert fml.from_bigquery(input_config=pb.Input(splits=splits)).split_names is None
    for plain in ({"query": QUERY}, {"split": {"a": 1}}):
        told = message_of(
            fml.DefinitionError, P.from_bigquery, input_config=pb.Input(splits=splits), **plain
        )
        assert told == (
            "from_bigquery() takes a query, split= and partition_on=, or input_config=, not both."
        )


# -- a run against a fake --------------------------------------------------------------------------

COLUMNS = {"user": "STRING", "fare": "FLOAT", "n": "INTEGER", "yes": "BOOLEAN"}
ROWS = [
    {"user": f"u{n % 5}", "fare": None if n == 3 else n / 2, "n": n, "yes": not n}
    for n in range(40)
]


class FakeBigQuery(BaseHTTPRequestHandler):
    """Google's token server and as much of BigQuery's REST API as tells a query's columns."""

    asked: list[tuple[str, dict]]

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path == "/token":
            self.answer({"access_token": "token", "token_type": "Bearer", "expires_in": 3600})
        else:
            job = json.loads(body)
            type(self).asked.append((self.path, job))
            self.answer({**job, "status": {"state": "DONE"}})

    def do_GET(self):
        job = {"projectId": "mine", "jobId": self.path.rpartition("/")[2].partition("?")[0]}
        fields = [{"name": name, "type": kind} for name, kind in COLUMNS.items()]
        self.answer(
            {
                "jobReference": job,
                "jobComplete": True,
                "status": {"state": "DONE"},
                "schema": {"fields": fields},
                "totalRows": "0",
            }
        )

    def answer(self, content: dict) -> None:
        text = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args): ...


@pytest.fixture
def fake_bigquery(monkeypatch, tmp_path):
    """A fake of the REST API with an account for it, and the rows that Beam would have read.

    Beam takes the rows out of Cloud Storage, of which there is no fake here: its transform is
    replaced by one that gives them.
    """
    import apache_beam as beam
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from tfx.extensions.google_cloud_big_query import utils

    asked: list[tuple[str, dict]] = []
    handler = type("Handler", (FakeBigQuery,), {"asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"http://127.0.0.1:{server.server_port}"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    account = {
        "type": "service_account",
        "project_id": "other",
        "private_key_id": "1",
        "private_key": key.decode(),
        "client_email": "me@other.iam.gserviceaccount.com",
        "token_uri": f"{host}/token",
    }
    (tmp_path / "key.json").write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", host)

    def read(query: str, big_query_custom_config=None):
        asked.append(("rows", {"query": query}))
        return beam.Create(ROWS)

    monkeypatch.setattr(utils, "ReadFromBigQuery", read)
    with contextlib.closing(server.socket):
        yield asked
        server.shutdown()


@pytest.mark.tfx
def test_a_run_against_a_fake(fake_bigquery, tmp_path):
    pipeline = fml.PipelineDef("p", root=tmp_path / "artifacts").from_bigquery(
        DATED,
        span=datetime.date(2024, 5, 1),
        split={"a": 1, "b": 1},
        partition_on="user",
        project="mine",
        temp_location=TMP,
    )
    examples = examples_of(pipeline)
    # The day is in the query, and the project is the one that was named.
    query = f"{DATED.partition('@')[0]}'20240501'"
    (path, job), rows = fake_bigquery
    assert path == "/bigquery/v2/projects/mine/jobs?prettyPrint=false"
    assert job["configuration"]["query"]["query"] == f"SELECT * FROM ({query}) LIMIT 0"
    assert rows == ("rows", {"query": query})
    users = {split: {*values(rows, "user")} for split, rows in examples.items()}
    assert users["a"].isdisjoint(users["b"])
    rows = sorted(examples["a"] + examples["b"], key=lambda row: row["n"][1])
    assert values(rows, "n") == [*range(40)]
    assert rows[0] == {
        "user": ("bytes_list", [b"u0"]),
        "fare": ("float_list", [0.0]),
        "n": ("int64_list", [0]),
        "yes": ("int64_list", [1]),
    }
    assert rows[3]["fare"] == (None, [])
