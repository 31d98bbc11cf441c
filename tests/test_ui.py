"""fluentml ui: the runs under a root in a browser, on this machine only."""

from __future__ import annotations

import html
import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import pytest

import fluentml as fml
from fluentml.results import Artifact, Evaluation, NodeResult, Push, RunResult
from tests.messages import message_of

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("httpx")

EVIL = "<script>alert(1)</script>"


def record(root: Path, pipeline: str, id: str, *, ends: bool = True, error: str = "", auc=0.9):
    """Leave the record of a run, as a run does."""
    from fluentml.local.record import Recorder

    chain = fml.PipelineDef(pipeline, root=root).with_imported_schema("schema.pbtxt")
    folder = root / pipeline / "_runs"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{id}.log"
    made = {"schema": (Artifact("Schema", str(root / "schema"), {}, 1),)}
    result = RunResult(
        pipeline,
        id,
        str(log),
        {"ImportSchemaGen": NodeResult("ImportSchemaGen", "failed" if error else "done", 1, made)},
        evaluations=(Evaluation("E", {"AUC": auc}, {}, {}, {"AUC": "at least 0.8"}, True),),
        pushes=(Push("Pusher", "serving/1"),),
    )
    with Recorder(chain.graph, id, log).kept() as recorder:
        if ends:
            recorder.ends(result, error)
    return chain


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


@contextmanager
def asking(root: Path, host: str = "127.0.0.1:7171"):
    """A function that asks for a page: its answer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would rather have httpx2
        from starlette.testclient import TestClient

    from fluentml.ui.app import app_of

    with closing(TestClient(app_of(root), base_url=f"http://{host}")) as client:
        yield client.get


def text(answer) -> str:
    """Return what a person reads."""
    body = re.sub(r"<(style|script)\b.*?</\1>", "", answer.text, flags=re.S)
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", body).split()))


def test_the_list_has_all_runs_the_newest_first(root: Path):
    record(root, "taxi", "20260101-1", auc=0.81)
    record(root, "iris", "20260102-1", error="ImportSchemaGen failed: no.")
    record(root, "taxi", "20260103-1")
    with asking(root) as ask:
        told = ask("/")
    assert told.status_code == 200
    assert re.findall(r'href="/runs/([^"]+)"', told.text) == [
        *("taxi/20260103-1", "iris/20260102-1", "taxi/20260101-1")
    ]
    assert "3 runs of 2 pipelines." in text(told)
    assert "20260101-1 taxi done blessed, pushed AUC 0.81 1" in text(told)
    assert "20260102-1 iris failed" in text(told)
    with asking(root / "taxi") as ask:
        assert "2 runs of 1 pipeline." in text(ask("/"))


def test_runs_of_an_orchestrator_stand_where_they_ended(root: Path):
    """Their ids begin with a letter, and are no time by which ours could be sorted."""
    theirs = "taxi.manual__2025-12-31T00:00:00+00:00"
    for id in ("20260101-1", theirs, "20251230-1"):
        record(root, "taxi", id)
    ended = datetime(2025, 12, 31).timestamp()
    os.utime(root / f"taxi/_runs/{theirs}.run.json", (ended, ended))
    from fluentml.ui.runs import Runs

    runs = Runs(root)
    assert [run.id for run in runs.all()[0]] == ["20260101-1", theirs, "20251230-1"]
    assert runs.last("taxi").id == "20260101-1"
    assert runs.before(runs.get("taxi", "20260101-1")) == theirs
    assert runs.before(runs.get("taxi", theirs)) == "20251230-1"
    with asking(root) as ask:
        assert ask(f"/runs/taxi/{quote(theirs)}").status_code == 200


def test_a_root_without_runs_says_how_to_make_one(tmp_path: Path):
    with asking(tmp_path) as ask:
        assert "fluentml run pipeline.py" in text(ask("/"))
        assert ask("/live").status_code == 204


def test_a_record_that_cannot_be_read_is_named_beside_the_others(root: Path):
    record(root, "taxi", "20260101-1")
    broken = root / "taxi/_runs/20260102-1.run.json"
    for content in ("{", "{}", "[1]", '{"result": {"comparisons": []}, "graph": {}}'):
        broken.write_text(content)
        with asking(root) as ask:
            assert f"This record cannot be read: {broken}" in text(ask("/"))
            assert "1 run of 1 pipeline." in text(ask("/"))
            assert ask("/runs/taxi/20260102-1").status_code == 404


def test_a_run_has_the_very_report_with_its_artifacts(root: Path):
    from fluentml.report.finding import find
    from fluentml.report.run import sections

    record(root, "taxi", "20260101-1")
    record(root, "taxi", "20260102-1")
    with asking(root) as ask:
        told = ask("/runs/taxi/20260102-1")
        first = ask("/runs/taxi/20260101-1")
    parts = re.findall(r'<section id="([\w-]+)"', told.text)
    assert parts == [*(part.id for part in sections(find(root / "taxi"))), "artifacts"]
    assert 'href="/artifacts/taxi/1"' in told.text
    asked = "run=taxi%2F20260101-1&amp;run=taxi%2F20260102-1"
    assert f'href="/compare?{asked}"' in told.text
    assert "/compare?" not in first.text
    assert "data-follow" not in told.text  # it has ended


def test_two_runs_are_compared_the_earlier_one_first(root: Path):
    record(root, "taxi", "20260101-1", auc=0.81)
    record(root, "taxi", "20260102-1", auc=0.92)
    with asking(root) as ask:
        told = text(ask("/compare?run=taxi/20260102-1&run=taxi/20260101-1"))
        assert "AUC went from 0.81 to 0.92." in told
        one = ask("/compare?run=taxi/20260102-1")
    assert one.status_code == 400
    assert (
        "Two runs are compared; chosen here: 1. Hint: choose two in the list of all runs."
        in text(one)
    )


@pytest.mark.parametrize(
    "path",
    [
        "/runs/taxi/1999",
        "/runs/tax/20260101-1",
        "/runs/taxi/..%2F..%2Fsecret",
        "/runs/..%2F..%2Fetc/passwd",
        "/artifacts/taxi/x",
        "/artifacts/tax/1",
        "/nothing",
    ],
)
def test_what_there_is_not_is_said_on_a_page(root: Path, path: str):
    record(root, "taxi", "20260101-1")
    with asking(root) as ask:
        told = ask(path)
    assert told.status_code == 404
    assert "There is no" in text(told)
    assert "Hint: " in text(told)


def test_a_near_miss_is_named(root: Path):
    record(root, "taxi", "20260101-101500")
    with asking(root) as ask:
        assert "did you mean" in text(ask("/runs/taxi/20260101-101501"))


def test_an_artifact_needs_ml_metadata(root: Path):
    record(root, "taxi", "20260101-1")
    with asking(root) as ask:
        told = ask("/artifacts/taxi/1")
    assert told.status_code == 404
    assert "There is no ML Metadata of 'taxi'" in text(told)
    assert not (root / "taxi/metadata.db").exists()


def test_names_and_errors_are_escaped(root: Path):
    record(root, "taxi", "20260101-1", error=f"Trainer failed: {EVIL}")
    pages = ("/", "/runs/taxi/20260101-1", f"/runs/taxi/{EVIL}", f"/runs/{EVIL}/x", f"/{EVIL}")
    with asking(root) as ask:
        for page in (*pages, f"/compare?run={EVIL}/1&run=taxi/{EVIL}"):
            answer = ask(page)
            assert EVIL not in answer.text
            assert (
                "unsafe"
                not in re.search(
                    r"script-src[^;]*", answer.headers["content-security-policy"]
                ).group()
            )


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7171", "127.0.0.1.evil.example"])
def test_a_foreign_name_is_refused(root: Path, host: str):
    record(root, "taxi", "20260101-1")
    with asking(root, host) as ask:
        for page in ("/", "/live", "/runs/taxi/20260101-1"):
            answer = ask(page)
            assert answer.status_code == 400
            assert "taxi" not in answer.text
    with asking(root, "localhost:7171") as ask:
        assert ask("/").status_code == 200


def test_nothing_can_be_changed(root: Path):
    record(root, "taxi", "20260101-1")
    before = sorted(root.rglob("*"))
    with asking(root) as ask:
        client = ask.__self__
        for method in (client.post, client.put, client.delete, client.patch):
            assert method("/runs/taxi/20260101-1").status_code == 405
        ask("/runs/taxi/20260101-1")
    assert sorted(root.rglob("*")) == before


def test_a_run_goes_on_as_long_as_its_process_does(root: Path):
    pytest.importorskip("ml_metadata")
    from fluentml.stores.ownership import running

    chain = record(root, "taxi", "20260101-1", ends=False)
    with asking(root) as ask:
        with running(chain.settings, "20260101-1"):
            told = ask("/")
            assert "20260101-1 taxi running" in text(told)
            assert 'data-follow="/live"' in told.text
            assert ask("/live").status_code == 200
            page = ask("/runs/taxi/20260101-1")
            assert 'data-follow="/runs/taxi/20260101-1/live"' in page.text
            assert "is-not-run" in page.text
            part = ask("/runs/taxi/20260101-1/live")
            assert re.findall(r'data-live="(\w+)"', part.text) == ["head", "graph"]
        # Its process is gone, and its record has no end.
        assert "20260101-1 taxi killed" in text(ask("/"))
        assert "The run was killed." in text(ask("/runs/taxi/20260101-1"))
        assert ask("/runs/taxi/20260101-1/live").status_code == 204
        assert ask("/live").status_code == 204


# -- the command ----------------------------------------------------------------------------------


def test_a_folder_that_is_not_there_and_a_port_that_is_taken(root: Path):
    import socket

    from fluentml.ui import serve

    told = message_of(fml.BackendError, serve, root)
    assert told.startswith(f"There is no folder {str(root)!r}.\nHint: name the root")
    root.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = message_of(fml.BackendError, serve, root, port)
    assert told.startswith(
        f"Port {port} of 127.0.0.1 cannot be listened on: address already in use.\n"
    )
    assert "Hint: another `fluentml ui` may be there" in told


def test_without_starlette_the_extra_is_named(root: Path, monkeypatch):
    from fluentml.ui import serve

    root.mkdir()
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    told = message_of(fml.MissingDependencyError, serve, root)
    assert told.endswith("Hint: pip install 'fluentml[ui]'")


@contextmanager
def served(root: Path) -> Iterator[str]:
    """The address at which the command line serves a root."""
    program = subprocess.Popen(
        [sys.executable, "-m", "fluentml", "ui", str(root), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield re.search(r"http://127\.0\.0\.1:\d+", program.stdout.readline()).group()
        program.send_signal(signal.SIGINT)
        assert program.wait(20) == 0
        assert "Traceback" not in program.stderr.read()
    finally:
        program.kill()
        program.wait()
        program.stdout.close()
        program.stderr.close()


# -- in a browser ---------------------------------------------------------------------------------


@contextmanager
def opened(browser, address: str, **options):
    """A page of the browser, in which nothing may go wrong."""
    context = browser.new_context(**options)
    page, problems = context.new_page(), []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(request.url))
    page.on(
        "request",
        lambda request: request.url.startswith((address, "data:")) or problems.append(request.url),
    )
    try:
        page.goto(address)
        yield page
        assert problems == []
    finally:
        context.close()


def barriers(page) -> str:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(page).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    return json.dumps([(one["id"], one["nodes"][:2]) for one in serious], indent=1)


@pytest.fixture(scope="module")
def address(first_run, second_run, run_folder: Path) -> Iterator[str]:
    with served(run_folder / "artifacts") as address:
        yield address


@pytest.mark.tfx
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_from_the_list_to_a_run_its_artifacts_and_a_comparison(
    chromium,
    address: str,
    first_run,
    second_run,
    width: int,
    scheme: str,
):
    then, now = first_run.result, second_run.result
    look = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    with opened(chromium, address, **look) as page:

        def fits() -> bool:
            assert barriers(page) == "[]"
            return page.evaluate("document.documentElement.scrollWidth") <= width

        assert page.locator("tbody tr").count() == 2
        assert fits()
        page.get_by_role("link", name=then.run_id).click()
        assert page.locator("h1").inner_text() == "taxi"
        assert "The model is blessed. It was pushed." in page.locator(".verdict").inner_text()
        assert "tensorboard --logdir " in page.locator("#tensorboard").inner_text()
        assert fits()
        (model,) = then.artifacts("Trainer.model")
        page.locator("#artifacts").get_by_role("link", name=f"Model {model.id}", exact=True).click()
        assert page.locator("h1").inner_text() == f"Model {model.id}"
        assert model.uri in page.locator("header").inner_text()
        drawn = page.locator("svg.graph .id").all_text_contents()
        for key in ("CsvExampleGen.examples", "Transform.transform_graph", "Evaluator.evaluation"):
            (one,) = then.artifacts(key)
            assert f"{one.type} {one.id}" in drawn
        assert "transform_graph" in page.locator("#made-of").inner_text()
        assert "Evaluator" in page.locator("#made-of-it").inner_text()
        assert fits()
        page.get_by_role("link", name="All runs").click()
        for run in (now, then):
            page.get_by_label(f"Choose {run.run_id}").check()
        page.get_by_role("button", name="Compare the two chosen").click()
        assert page.locator("h1").inner_text() == "taxi: two runs"
        parameters = page.locator("#parameters tbody").inner_text()
        assert re.search(r"train_steps\s+200\s+100", parameters)
        assert fits()


PROGRAM = """
import fluentml as fml
fml.PipelineDef("live").with_imported_schema("schema.pbtxt").curate_schema("waits.py").run()
"""
WAITS = """
import time
from pathlib import Path

def schema_fn(schema):
    Path(HERE, "waits").touch()
    while not Path(HERE, "go").exists():
        time.sleep(0.1)
    return schema
"""


@pytest.mark.tfx
def test_a_run_that_goes_on_is_followed_to_its_end(chromium, tmp_path: Path):
    (tmp_path / "schema.pbtxt").write_text('feature { name: "x" type: INT }')
    (tmp_path / "waits.py").write_text(f"HERE = {str(tmp_path)!r}\n{WAITS}")
    with (tmp_path / "said").open("w") as said:
        program = subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=tmp_path, stdout=said)
    try:
        end = time.monotonic() + 120
        while not (tmp_path / "waits").exists() and time.monotonic() < end:
            time.sleep(0.1)
        with (
            served(tmp_path / "artifacts") as address,
            opened(chromium, address) as page,
        ):
            assert "running" in page.locator("tbody tr").inner_text()
            page.locator("tbody a").click()
            curator = page.locator("[data-node=SchemaCuration]")
            assert "is-running" in curator.get_attribute("class")
            assert "SchemaCuration at work" in page.locator(".verdict").inner_text()
            assert "1 done, 1 running" in page.locator("header .facts").inner_text()
            page.evaluate("window.isTheSamePage = true")
            # Another look changes nothing that has not changed.
            with page.expect_response("**/live"):
                pass
            assert "is-running" in curator.get_attribute("class")
            assert page.evaluate("window.isTheSamePage")
            (tmp_path / "go").touch()
            page.locator("[data-node=SchemaCuration].is-done").wait_for(timeout=60_000)
            page.get_by_text("Every node did its work").wait_for(timeout=60_000)
            assert page.locator("[data-follow]").count() == 0
            asked = []
            page.on("request", lambda request: asked.append(request.url))
            page.wait_for_timeout(3000)
            assert asked == []
    finally:
        program.kill()
        program.wait()
