"""Going on with a run that failed, and runs of a part: what is done is not repeated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import fluentml as fml
from fluentml.backends import Backend
from fluentml.errors import BackendError, DefinitionError, LoadError, RunError, WiringError
from fluentml.local.journal import Journal, last_unfinished
from fluentml.resuming import file_of
from fluentml.run_request import RunRequest
from tests.messages import message_of

# -- which nodes -----------------------------------------------------------------------------------


@pytest.fixture
def graph() -> fml.Graph:
    return (
        fml.PipelineDef("p")
        .from_csv("data")
        .generate_statistics()
        .infer_schema()
        .validate_input_data()
        .train("model.py")
        .evaluate_model("x", metrics=["AUC"], thresholds={"AUC": 0.5})
        .push_to("serving")
        .notify(webhook="https://example.com/hook")
    ).graph


def ids(graph: fml.Graph) -> list[str]:
    return [node.id for node in graph.nodes]


@pytest.mark.parametrize(
    ("asked", "running", "given"),
    [
        ({"to": "SchemaGen"}, "CsvExampleGen StatisticsGen SchemaGen", ""),
        (
            {"from_": "Trainer"},
            "Trainer Evaluator Pusher Notifier",
            "CsvExampleGen latest_blessed_model_resolver SchemaGen",
        ),
        ({"from_": "Trainer", "to": "Trainer"}, "Trainer", "CsvExampleGen SchemaGen"),
        (
            {"from_": ["StatisticsGen"], "to": "Trainer"},
            "StatisticsGen SchemaGen Trainer",
            "CsvExampleGen",
        ),
        ({"only": ["Evaluator", "Trainer"]}, "Trainer Evaluator", None),
        ({"only": "Pusher"}, "Pusher", "Trainer Evaluator"),
    ],
)
def test_the_nodes_of_a_part(graph, asked, running, given):
    request = RunRequest.of(
        **{"from_": (), "to": None, "only": (), "params": None, **asked}  # type: ignore[arg-type]
    )
    assert request.running(graph) == {*running.split()}
    if given is not None:
        assert request.given(graph) == {*given.split()}
    # What is lowered has all that is read, in an order in which it can run.
    cut = request.cut(graph)
    assert fml.Graph.model_validate(cut.model_dump()) == cut
    assert {*running.split()} <= {*ids(cut)}
    assert RunRequest.model_validate(json.loads(request.model_dump_json())) == request


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"from_": "Trianer"}, WiringError, "Hint: did you mean 'Trainer'?"),
        ({"only": ["Trianer"]}, WiringError, "Hint: did you mean 'Trainer'?"),
        ({"to": "Trianer", "from_": "Trainer"}, WiringError, "Hint: did you mean 'Trainer'?"),
        ({"only": "Trainer", "to": "Pusher"}, DefinitionError, "run() got only= and to=."),
        ({"only": "Trainer", "from_": "Pusher"}, DefinitionError, "run() got only= and from_=."),
        (
            {"from_": "Pusher", "to": "SchemaGen"},
            DefinitionError,
            "run() has nothing to do from 'Pusher' to 'SchemaGen': SchemaGen does not need what "
            "Pusher makes.",
        ),
        ({"only": "Notifier"}, DefinitionError, "'Notifier' runs at the end of a run"),
    ],
)
def test_parts_that_cannot_be(graph, asked, error, said):
    def cut() -> None:
        asked_for = {"from_": (), "to": None, "only": (), "params": None, **asked}
        RunRequest.of(**asked_for).cut(graph)

    assert said in message_of(error, cut)


def test_other_backends_run_what_is_whole(graph):
    request = RunRequest.of("Trainer", None, (), None)
    assert message_of(BackendError, Backend().run_as_asked, graph, request) == (
        "The backend Backend takes nothing over from earlier runs.\n"
        "Hint: leave from_= and only= out; to= it takes."
    )
    assert message_of(BackendError, Backend().unfinished, graph.settings) == (
        'The backend Backend resumes no runs.\nHint: take resume("local").'
    )


# -- journals --------------------------------------------------------------------------------------


def write(root: Path, run_id: str, target: str | None = "p.py", ended: str = "", **asked) -> None:
    settings = fml.PipelineDef("p", root=root).settings
    (root / "p/_runs").mkdir(parents=True, exist_ok=True)
    journal = Journal(settings, run_id)
    with journal.kept(RunRequest(**asked), {"cache": False}, target):
        journal.note("Trainer", {"parameter x": "1"})
    file = root / f"p/_runs/{run_id}.jsonl"
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines if ended else lines[:-1]) + "\n")


@pytest.mark.tfx  # whose ML Metadata the locks belong to
def test_a_killed_run_is_known_by_its_journal(tmp_path):
    settings = fml.PipelineDef("p", root=tmp_path).settings
    said = message_of(BackendError, last_unfinished, settings)
    assert said.startswith("There is nothing to resume: ")
    assert "tells of no run." in said
    write(tmp_path, "20260101-000000-000001", ended="succeeded")
    assert message_of(BackendError, fml.PipelineDef("p", root=tmp_path).resume) == (
        "There is nothing to resume: the last run of 'p', 20260101-000000-000001, succeeded.\n"
        "Hint: run it again; what has not changed is taken over."
    )
    write(tmp_path, "20260101-000000-000002", from_=("Trainer",), params={"x": 3})
    # A line that was cut off, and a file that was never begun.
    with (tmp_path / "p/_runs/20260101-000000-000002.jsonl").open("a") as file:
        file.write('{"node": "Eval')
    (tmp_path / "p/_runs/20260101-000000-000003.jsonl").touch()
    past = last_unfinished(settings)
    assert past.run_id == "20260101-000000-000002"
    assert past.request == RunRequest(from_=("Trainer",), params={"x": 3})  # type: ignore[arg-type]
    assert past.keys == {"Trainer": {"parameter x": "1"}}
    assert (past.ended, past.target, past.options) == ("", "p.py", {"cache": False})


def test_the_file_of_the_last_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert file_of("any.py") == "any.py"
    assert message_of(LoadError, file_of, ".") == (
        "'.' tells of no run.\nHint: name the file that builds the pipeline: fluentml resume FILE."
    )
    write(tmp_path / "artifacts", "20260101-000000-000001", target="a b.py")
    write(tmp_path / "artifacts", "20250101-000000-000001", target="older.py")
    for folder in (".", "artifacts", "artifacts/p"):
        assert file_of(folder) == "a b.py"
    monkeypatch.chdir(tmp_path / "artifacts")
    assert message_of(LoadError, file_of, "p").endswith(
        f"Hint: go there: cd {tmp_path} && fluentml resume 'a b.py'"
    )
    write(tmp_path / "artifacts", "20270101-000000-000001", target=None)
    assert "was started by a call." in message_of(LoadError, file_of, "p")


# -- for real --------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path) -> Path:
    place = tmp_path / "place"
    place.mkdir()
    return place


def chain(place: Path) -> fml.PipelineDef:
    """Return a chain of which the cache takes nothing over."""
    from tests.small_steps import Compare, Learn, Start, Tell

    here = {"place": str(place)}
    return (
        fml.PipelineDef("p", root=place / "artifacts")
        .add_component(Start, arguments={**here, "text": fml.param("text", "old")}, cache=False)
        .resolve("latest", {"model": "Model"}, id="Before")
        .add_component(Learn, arguments=here, cache=False)
        .push_to(place / "serving", inputs={"model": "Learn.model"}, cache=False)
        .add_component(
            Compare, arguments=here, inputs={"old": "Before.model", "model": "Learn.model"}
        )
        .on_exit(Tell, arguments=here)
    )


def ran(place: Path) -> list[str]:
    """Return which steps ran since this was last asked."""
    names = (place / "ran").read_text().split() if (place / "ran").exists() else []
    (place / "ran").unlink(missing_ok=True)
    return names


def states(result: fml.RunResult) -> dict[str, str]:
    return {node.id: node.state for node in result.nodes.values()}


@pytest.mark.tfx
def test_a_failed_run_goes_on(place):
    pipeline = chain(place)
    pipeline.run(quiet=True, to="Learn")
    assert ran(place) == ["Start", "Learn"]

    (place / "Compare breaks").touch()
    # What runs beside the failing node comes to its end.
    with pytest.raises(RunError) as failure:
        pipeline.run(quiet=True, params={"text": "new"}, cache=False, on_failure="finish")
    failed = failure.value.result
    assert str(failure.value).splitlines()[-2:] == [
        "To go on: pipeline.resume()",
        "Hint: mend it first; what is done is not run again.",
    ]
    assert ran(place) == ["Start", "Learn", "Compare", "Tell"]
    (pushed,) = (place / "serving").iterdir()

    # Again it fails: what the first had done is known to the third.
    with pytest.raises(RunError):
        pipeline.resume(quiet=True)
    assert ran(place) == ["Compare", "Tell"]
    (place / "Compare breaks").unlink()
    result = pipeline.resume(quiet=True)
    assert ran(place) == ["Compare", "Tell"]
    assert states(result) == {
        **dict.fromkeys(["Start", "Before", "Learn", "Pusher"], "cached"),
        **dict.fromkeys(["Compare", "Tell"], "done"),
    }
    # The value that the run was given, and the model that was the latest when it began.
    assert Path(result.artifacts("said")[0].uri).read_text() == "old and new"
    assert [*(place / "serving").iterdir()] == [pushed]
    assert result.pushed_model == str(pushed)
    assert result.artifacts("model") == (
        *failed.artifacts("Before.model"),
        *failed.artifacts("Learn.model"),
    )

    # Clearly linked, here and in ML Metadata.
    from fluentml.stores.connection import opened

    second = result.resumes
    assert second is not None
    assert failed.run_id < second < result.run_id
    assert result.to_dict()["resumes"] == second
    run = opened(pipeline.settings).get_context_by_type_and_name("pipeline_run", second)
    assert run.custom_properties["resumes"].string_value == failed.run_id
    assert "succeeded" in message_of(BackendError, pipeline.resume)


@pytest.mark.tfx
def test_what_has_changed_since_runs_again(place):
    pipeline = chain(place)
    pipeline.run(quiet=True, to="Learn")
    (place / "Compare breaks").touch()
    with pytest.raises(RunError):
        pipeline.run(quiet=True, params={"text": "new"}, on_failure="finish")
    (place / "Compare breaks").unlink()
    ran(place)
    result = pipeline.resume(quiet=True, params={"text": "newer"})
    assert ran(place) == ["Start", "Learn", "Compare", "Tell"]
    assert {n.id: n.changed for n in result.nodes.values() if n.changed} == {
        "Start": ("arguments changed",),
        "Learn": ("made changed",),
        "Pusher": ("model changed",),
    }
    assert states(result)["Before"] == "cached"
    assert Path(result.artifacts("said")[0].uri).read_text() == "old and newer"


@pytest.mark.tfx
def test_a_part_reads_what_is_there(place):
    pipeline = chain(place)
    said = message_of(BackendError, pipeline.run, quiet=True, only="Learn")
    assert said == (
        "Learn would read what Start made in an earlier run, and it never finished here.\n"
        "Hint: run that first (to='Start', on the command line --to Start), or start from there."
    )
    assert not [*(place / "artifacts/p/_runs").glob("*.run.json")]
    made = pipeline.run(quiet=True, to="Learn", params={"text": "one"})
    ran(place)

    # Cached or not, changed or not.
    result = pipeline.run(quiet=True, from_="Before")
    assert ran(place) == ["Compare", "Tell"]
    assert states(result) == {
        "Before": "done",
        "Learn": "cached",
        "Compare": "done",
        "Tell": "done",
    }
    result = pipeline.run(quiet=True, only=["Learn"])
    assert ran(place) == ["Learn"]
    assert states(result) == {"Start": "cached", "Learn": "done"}
    assert result.nodes["Start"].note == "out of date"
    assert result.nodes["Start"].changed == ("arguments changed",)
    assert result.artifacts("made") == made.artifacts("made")
    again = pipeline.run(quiet=True, from_="Learn", to="Pusher")
    assert states(again) == {"Start": "cached", "Learn": "done", "Pusher": "done"}

    # What is gone cannot be read.
    Path(made.artifacts("made")[0].uri).unlink()
    said = message_of(BackendError, pipeline.run, quiet=True, only="Learn")
    assert said.startswith("Learn would read what Start made in an earlier run, and its made was")
    assert not [*(place / "artifacts/p/_runs").glob("2*.lock")]


@pytest.mark.tfx
def test_a_run_that_a_node_registers_at_the_same_moment(tmp_path: Path, monkeypatch):
    from ml_metadata import proto as mlmd

    from fluentml.local.store import PIPELINE, RUN, Store

    store = Store(fml.PipelineDef("p", root=tmp_path).settings)
    pipeline = store.put_context(PIPELINE, "p", {})
    put = store.put_context

    def quicker(type: str, name: str, properties: Any) -> int:
        id = put(type, name, properties)
        if not properties:
            store.mlmd.put_parent_contexts([mlmd.ParentContext(child_id=id, parent_id=pipeline)])
        return id

    monkeypatch.setattr(store, "put_context", quicker)
    store.link("second", "first")
    run = store.context(RUN, "second")
    assert [one.id for one in store.mlmd.get_parent_contexts_by_context(run.id)] == [pipeline]
    assert run.custom_properties["resumes"].string_value == "first"
