"""What targets make of each step, and how it is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
from typer.testing import CliRunner

import fluentml as fml
from fluentml import backends, cli
from fluentml.backends import Backend, Gap, backend_names
from tests.messages import message_of

BUCKET = "gs://bucket"
P = (
    fml.PipelineDef("trips", root=f"{BUCKET}/root")
    .with_metadata("metadata.db")
    .from_csv(f"{BUCKET}/data")
    .generate_statistics()
    .infer_schema()
)


class Elsewhere(Backend):
    """A backend of another package, which has no graphics cards and takes no statistics."""

    NAME: ClassVar[str] = "Elsewhere"
    ON: ClassVar[dict[str, str]] = {"cpu": "limit"}
    GAPS = (Gap("statistics", "it cannot count", "count them here", lambda _, n: "Stat" in n.id),)
    DEGRADED = (
        Gap("types of columns", "all is text", "parse it", lambda _, n: n.id == "SchemaGen"),
    )


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        name = "elsewhere"
        load = staticmethod(lambda: Elsewhere)

    monkeypatch.setattr(backends, "entry_points", lambda group: [Point])


def states(pipeline: fml.PipelineDef, target: str, **options: Any) -> dict[str, str]:
    steps = pipeline.matrix(target, **options).steps[target]
    return {id: verdict.state for id, verdict in steps.items()}


@pytest.mark.usefixtures("elsewhere")
def test_every_registered_backend_is_a_column():
    matrix = P.matrix()
    assert [*matrix.steps] == sorted([*backend_names(), "elsewhere"])
    assert str(matrix).splitlines()[0].split() == ["step", *matrix.steps]


@pytest.mark.usefixtures("elsewhere")
def test_the_states_and_their_reasons():
    asked = P.on("CsvExampleGen", cpu=2, gpu="nvidia-tesla-t4", timeout="1h")
    matrix = asked.matrix("elsewhere")
    assert str(matrix) == (
        "step           elsewhere\n"
        "CsvExampleGen  degraded\n"
        "StatisticsGen  refused\n"
        "SchemaGen      degraded\n"
        "\n"
        "elsewhere\n"
        "  degraded: on('CsvExampleGen'): Elsewhere ignores gpu=, timeout=.\n"
        "  refused: generate_statistics(): Elsewhere does not take statistics: it cannot count.\n"
        "  Hint: count them here.\n"
        "  degraded: infer_schema(): Elsewhere leaves out types of columns: all is text.\n"
        "  Hint: parse it."
    )
    assert matrix.refused == ["elsewhere"]


def test_a_pipeline_that_every_target_takes():
    clean = fml.PipelineDef("trips", root=f"{BUCKET}/root").from_csv(f"{BUCKET}/data")
    assert states(clean, "vertex") == {"CsvExampleGen": "ok"}
    assert str(clean.matrix("vertex")) == "step           vertex\nCsvExampleGen  ok"
    assert clean.check(target="vertex") is clean


def test_steps_that_a_cluster_refuses():
    pipeline = (
        fml.PipelineDef("trips", root=f"{BUCKET}/root")
        .from_csv("data")
        .train("os.path.join")
        .evaluate_model("label", metrics=["AUC"])
        .notify(webhook="https://example.com")
    )
    vertex = {"CsvExampleGen": "refused", "Notifier": "degraded"}
    kubeflow = {**vertex, "latest_blessed_model_resolver": "refused"}
    fine = dict.fromkeys(states(pipeline, "vertex"), "ok")
    assert states(pipeline, "vertex") == {**fine, **vertex}
    assert states(pipeline, "kubeflow") == {**fine, **kubeflow}


def test_what_is_wrong_with_the_whole_has_a_row():
    here = fml.PipelineDef("trips").from_csv(f"{BUCKET}/data")
    matrix = here.matrix("vertex")
    assert matrix.whole["vertex"].state == "refused"
    assert str(matrix).splitlines()[1].split() == ["(pipeline)", "refused"]
    assert here.matrix("vertex", staging_bucket=BUCKET).whole["vertex"].state == "ok"


def test_options_go_to_the_targets_that_know_them():
    here = fml.PipelineDef("trips").from_csv(f"{BUCKET}/data")
    matrix = here.matrix(staging_bucket=BUCKET)
    assert matrix.whole["vertex"].state == "ok"
    assert matrix.whole["kubeflow"].state == "refused"
    said = message_of(fml.BackendError, here.matrix, staging_buckt=BUCKET)
    assert said.startswith("No target has an option 'staging_buckt'.")
    assert said.endswith("Hint: did you mean 'staging_bucket'?")


def test_steps_without_a_container_take_no_resources():
    pipeline = P.import_artifact("gs://bucket/m", "Model").on("Importer", cpu=2)
    (problem,) = pipeline.matrix("kubeflow").steps["kubeflow"]["Importer"].reasons
    assert problem.startswith(
        "on('Importer') asks for cpu=2.0, and on Kubeflow that step runs in no container."
    )


def test_this_machine_is_a_target_too():
    assert set(states(P, "local").values()) == {"ok"}
    assert states(P.on("SchemaGen", cpu=2), "local")["SchemaGen"] == "degraded"
    nowhere = fml.PipelineDef("trips", root=BUCKET).from_csv(f"{BUCKET}/data")
    (problem,) = nowhere.matrix("local").whole["local"].reasons
    assert "needs a place for the metadata" in problem


def test_check_raises_what_a_target_refuses():
    with pytest.raises(fml.CheckError, match="with_metadata\\(\\) names a place"):
        P.check(target="vertex")
    with pytest.raises(fml.BackendError, match="did you mean 'vertex'"):
        P.check(target="vertx")


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "pipeline.py"
    path.write_text(
        "import fluentml as fml\n"
        "pipeline = fml.PipelineDef('trips').from_csv('gs://bucket/d').generate_statistics()\n"
    )
    return str(path)


def test_the_command_line_shows_it(file: str):
    done = CliRunner().invoke(cli.app, ["check", file, "--target", "all"])
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["step", *backend_names()]
    assert {line.split()[0] for line in lines[1:4]} == {
        "(pipeline)",
        "CsvExampleGen",
        "StatisticsGen",
    }
    assert "  refused: Everything of the pipeline would lie under 'artifacts'" in done.stdout
    arguments = ["check", file, "-t", "vertex", "-O", f"staging_bucket={BUCKET}", "--json"]
    done = CliRunner().invoke(cli.app, arguments)
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "ok": True,
        "problems": [],
        "targets": {
            "vertex": {
                "ok": True,
                "pipeline": {"state": "ok", "reasons": []},
                "steps": {
                    "CsvExampleGen": {"state": "ok", "reasons": []},
                    "StatisticsGen": {"state": "ok", "reasons": []},
                },
            }
        },
    }
