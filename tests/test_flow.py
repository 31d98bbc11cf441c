"""Beyond the standard chain, for real: conditions, parameters, exit steps, custom components."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import fluentml as fml
from fluentml.results import RunResult
from tests.conftest import run_and_watch
from tests.messages import message_of

pytestmark = pytest.mark.tfx

TOKEN = "-".join(("s3", "cret"))
"""Not in one piece: a run keeps the text of this file, as that of all code of a pipeline."""

SCHEMA = """
feature { name: "x" type: INT }
feature { name: "y" type: INT }
"""


@contextmanager
def web_server(*codes: int) -> Iterator[tuple[str, list[tuple[str, dict]]]]:
    """A server on this machine; it answers with these codes, the last one for ever."""
    got: list[tuple[str, dict]] = []
    waiting = [*codes]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, json.loads(body)))
            self.send_response(waiting.pop(0) if len(waiting) > 1 else waiting[0])
            self.end_headers()

        def log_message(self, *args): ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", got
    finally:
        server.shutdown()
        server.server_close()


def chain(folder: Path, hook: str) -> fml.PipelineDef:
    from tests import custom_component as mine

    def is_long(length):
        return length.future()[0].value > 20

    rows = folder / "rows"
    rows.mkdir()
    (rows / "a.csv").write_text("x,y\n" + "".join(f"{n},{n % 2}\n" for n in range(30)))
    (folder / "schema.pbtxt").write_text(SCHEMA)
    times = fml.param("times", 2)
    return (
        fml.PipelineDef("flow", root=folder / "artifacts")
        .from_csv(rows, executor=mine.MarkingCsvExecutor, split={"train": times, "eval": 1})
        .with_imported_schema(folder / "schema.pbtxt")
        .add_component(mine.CountExamples)
        .add_component(
            mine.Repeat, arguments={"times": times}, inputs={"splits": "CountExamples.splits"}
        )
        .add_component(
            mine.Double,
            when=is_long,
            inputs={"length": "Repeat.length", "when.length": "Repeat.length"},
        )
        .add_component(lambda doubled: mine.Repeat(splits=doubled, times=1), id="Last")
        .add_component(
            mine.Greeting, arguments={"name": "world"}, executor=mine.LoudGreetingExecutor
        )
        .import_artifact(rows, "ExternalArtifact", custom_properties={"version": 3}, id="raw")
        .resolve("latest", {"greeting": "String"}, id="last_string")
        .resolve(mine.Second, {"examples": "Examples"})
        .add_component(mine.CountExamples, inputs={"examples": "Resolver.examples"}, id="Before")
        .on_exit(mine.Report, arguments={"file": str(folder / "report.json")})
        .notify(webhook=f"{hook}/hook?token=${{HOOK_TOKEN}}", slack="${SLACK_URL}")
    )


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> Iterator[dict]:
    """What two runs did: the first has nothing to look back at, in the second a condition fails."""
    folder = tmp_path_factory.mktemp("flow")
    with web_server(503, 200) as (url, got), pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOOK_TOKEN", TOKEN)
        patch.setenv("SLACK_URL", f"{url}/slack")
        pipeline = chain(folder, url)
        with pytest.raises(fml.RunError) as caught:
            pipeline.run(quiet=True, workers=1)
        first = {
            "error": caught.value,
            "result": caught.value.result,
            "report": json.loads((folder / "report.json").read_text()),
            "got": [*got],
        }
        got.clear()
        run = run_and_watch(pipeline, params={"times": 1}, cache=False, workers=1)
        report = json.loads((folder / "report.json").read_text())
        yield {"folder": folder, "first": first, "run": run, "report": report, "got": got}


def text_of(result: RunResult, output: str) -> str:
    return Path(result.artifacts(output)[0].uri).read_text()


def test_classes_of_components_are_wired_by_name_and_type(seen):
    result = seen["first"]["result"]
    assert text_of(result, "CountExamples.splits") == '["train", "eval"]'
    assert text_of(result, "Repeat.repeated") == '["train", "eval"]' * 2
    assert text_of(result, "Repeat.length") == "34"
    assert text_of(result, "Double.doubled").strip() == "68"
    assert text_of(result, "Last.repeated").strip() == "68"


def test_an_executor_takes_the_place_of_the_components_own(seen):
    result = seen["first"]["result"]
    assert text_of(result, "Greeting.greeting") == "HELLO WORLD"
    assert result.artifacts("CsvExampleGen.examples")[0].properties["marked"] == "yes"


def test_imported_and_resolved_artifacts(seen):
    result = seen["run"].result
    (raw,) = result.artifacts("raw.result")
    assert raw.uri == str(seen["folder"] / "rows")
    assert raw.properties["version"] == 3
    assert result.artifacts("last_string.greeting") == result.artifacts("Greeting.greeting")
    first = seen["first"]["result"].artifacts("CsvExampleGen.examples")
    assert result.artifacts("Resolver.examples") == first


def test_an_empty_input_is_told_in_words(seen):
    what, _, _, hint = str(seen["first"]["error"]).splitlines()
    assert [what, hint] == [
        "Before failed: its input 'examples' is empty: Resolver found no artifact for 'examples'.",
        "Hint: a first run may have nothing to find; run without this step, or with another "
        "channel: inputs=.",
    ]


def test_a_parameter_given_to_the_run(seen):
    result = seen["run"].result
    assert text_of(result, "Repeat.repeated") == '["train", "eval"]'


def test_a_condition_skips_a_node_and_what_needs_it(seen):
    nodes = seen["run"].result.nodes
    assert nodes["Double"].state == nodes["Last"].state == "skipped"
    assert nodes["Double"].note == "the condition is_long does not hold"
    assert nodes["Last"].note == "Double was skipped"
    assert nodes["Before"].state == "done"
    assert seen["run"].result.succeeded
    assert "skipped, the condition is_long does not hold" in seen["run"].screen


def test_exit_steps_run_after_a_failure_too(seen):
    first = seen["first"]
    assert first["report"]["state"] == "FAILED"
    assert first["report"]["error"]["message"] == str(first["error"])
    assert first["result"].nodes["Report"].state == "done"
    assert first["result"].nodes["Before"].state == "failed"
    assert seen["report"]["state"] == "SUCCEEDED"
    assert seen["report"]["pipelineJobUuid"] == seen["run"].result.run_id


def test_what_is_told_is_told_again_where_there_was_no_answer(seen):
    slack, again, hook = seen["first"]["got"]
    assert slack == again
    assert slack[0] == "/slack"
    assert slack[1]["text"].startswith("Pipeline flow failed (run ")
    assert "Before failed: its input" in slack[1]["text"]
    assert hook[0] == f"/hook?token={TOKEN}"
    assert hook[1]["state"] == "FAILED"
    slack, hook = seen["got"]
    run_id = seen["run"].result.run_id
    assert slack[1] == {"text": f"Pipeline flow succeeded (run {run_id})"}
    assert hook[1] == {
        "pipeline": "flow",
        "run": run_id,
        "state": "SUCCEEDED",
        "error": "",
        "summary": "",
    }


def test_no_secret_is_kept(seen):
    files = [path for path in seen["folder"].rglob("*") if path.is_file()]
    assert [path for path in files if b"${HOOK_TOKEN}" in path.read_bytes()]
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]


def test_an_exit_step_that_fails_fails_the_run(tmp_path):
    from tests import custom_component as mine

    pipeline = fml.PipelineDef("p", root=tmp_path).import_artifact(tmp_path, "Model")
    closed = "http://127.0.0.1:9"
    both = pipeline.on_exit(mine.Broken).notify(webhook=closed, only="failure")
    with pytest.raises(fml.RunError) as caught:
        both.run(quiet=True)
    assert str(caught.value).startswith("Broken failed: ValueError: nobody reads this")
    assert caught.value.result.nodes["Importer"].state == "done"
    # Nobody is told of a failure: the pipeline itself is done.
    assert caught.value.result.nodes["Notifier"].state == "done"
    with pytest.raises(fml.RunError) as caught:
        pipeline.notify(webhook=closed).run(quiet=True)
    assert str(caught.value).splitlines()[:2] == [
        "Notifier failed: not everybody could be told how the run ended.",
        "  webhook: ConnectionError, no answer",
    ]


def test_a_container_needs_docker(tmp_path, monkeypatch):
    from tests import custom_component as mine

    monkeypatch.setenv("PATH", "")
    pipeline = fml.PipelineDef("p", root=tmp_path).import_artifact(tmp_path, "Examples", id="raw")
    pipeline = pipeline.add_component(mine.Containerized, inputs={"examples": "raw.result"})
    assert pipeline.graph["Containerized"].upstream == ("raw",)
    assert message_of(fml.BackendError, pipeline.run) == (
        "add_component(Containerized) runs a container, and no Docker engine is reachable here.\n"
        "Hint: start Docker, or run the steps before it: run(to=…)."
    )
    (spec,) = [
        node.pipeline_node.node_info
        for node in _ir(pipeline).nodes
        if node.pipeline_node.node_info.id == "Containerized"
    ]
    assert spec.type.name.endswith("Containerized")


def _ir(pipeline):
    from fluentml.lowering import to_ir

    return to_ir(pipeline.to_tfx())
