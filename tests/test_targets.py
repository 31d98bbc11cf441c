"""Targets, as far as they need no TFX: what nodes ask for, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import fluentml as fml
from fluentml import cli
from fluentml.backends import get_backend
from fluentml.backends._clusters import PATHS
from fluentml.component import Component
from fluentml.placement import Placement

BUCKET = "gs://bucket"
P = fml.PipelineDef("p", root=f"{BUCKET}/root")
CSV = P.from_csv(f"{BUCKET}/data")


def refused(pipeline: fml.PipelineDef, target: str = "vertex", **options: Any) -> list[str]:
    """Return what a target finds wrong, before anything is lowered."""
    made = get_backend(target, **{"image": "repository/image", **options})
    return [str(problem) for problem in made.problems(pipeline.graph)]


# -- what nodes ask for --------------------------------------------------------------------------


def test_on_is_kept_in_the_graph_and_shown():
    pipeline = CSV.on("CsvExampleGen", cpu=8, memory="32Gi", retries=2, env={"A": "b"})
    pipeline = pipeline.on("CsvExampleGen", timeout="6h", env={"C": "d"})
    assert pipeline.graph.settings.on["CsvExampleGen"] == Placement(
        cpu=8,
        memory="32Gi",
        retries=2,
        timeout="6h",
        env={"A": "b", "C": "d"},  # type: ignore[arg-type]
    )
    assert fml.Graph.from_json(pipeline.graph.to_json()) == pipeline.graph
    assert "  on cpu=8.0, memory=32Gi, retries=2, timeout=6h" in pipeline.plan()


def test_on_a_node_that_is_not_there():
    with pytest.raises(fml.WiringError, match="did you mean 'CsvExampleGen'"):
        CSV.on("CsvExmpleGen", cpu=1).plan()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "asks for nothing"),
        ({"cpu": 0}, "more than 0"),
        ({"memory": "32"}, "a number and a unit"),
        ({"timeout": "1.5h"}, "a whole number and a unit"),
        ({"gpus": 2}, "with the kind"),
        ({"retries": -1}, "0 or more"),
        ({"env": {"A-B": "c"}}, "which no environment variable has"),
        ({"secrets": {"TOKEN": "https://hooks"}}, "gives 'TOKEN' what is no name of a secret"),
        ({"beam": ["runner=X"]}, "'runner=X'; write \"--name=value\""),
    ],
)
def test_on_with_values_that_cannot_be(asked: dict[str, Any], said: str):
    with pytest.raises(fml.DefinitionError, match=said):
        CSV.on("CsvExampleGen", **asked)


@pytest.mark.parametrize(
    ("memory", "gigabytes"), [("32Gi", 34.359738368), ("500M", 0.5), ("1.5T", 1500), ("2G", 2)]
)
def test_memory_in_the_unit_of_the_pipeline_spec(memory: str, gigabytes: float):
    assert Placement(memory=memory).gigabytes == gigabytes


def test_a_timeout_in_seconds():
    assert [Placement(timeout=one).seconds for one in ("90s", "30m", "6h", "2d")] == [
        90,
        1800,
        21600,
        172800,
    ]


# -- what is refused before a graph is lowered -----------------------------------------------------


def test_a_pipeline_that_can_go_there_has_no_problem():
    assert refused(CSV.generate_statistics().infer_schema()) == []
    assert refused(CSV, "kubeflow") == []


def test_names():
    (problem,) = refused(fml.PipelineDef("Taxi_trips", root=BUCKET).from_csv(f"{BUCKET}/data"))
    assert "PipelineDef('taxi-trips')" in problem
    (problem,) = refused(P.from_csv(f"{BUCKET}/data", id="a.b"))
    assert "'a.b' is no name of a task on Vertex AI" in problem


def test_places_on_this_machine():
    local = fml.PipelineDef("p").from_csv("data").train("m.run_fn").push_to("serving")
    found = "\n".join(refused(local.with_metadata("metadata.db")))
    assert "would lie under 'artifacts', a folder of this machine" in found
    assert "from_csv() has path='data', on this machine" in found
    assert "push_to() has destination='serving', on this machine" in found
    assert "with_metadata() names a place for the metadata" in found
    assert 'Hint: take a folder that it can: "gs://bucket/pipelines/…".' in found


def test_the_target_can_bring_the_root():
    local = fml.PipelineDef("p").from_csv(f"{BUCKET}/data")
    assert refused(local, staging_bucket=BUCKET) == []
    assert refused(local, "kubeflow", pipeline_root=BUCKET) == []


def test_every_field_that_is_a_path_is_looked_at():
    seen_to = {*PATHS, "module", "against", "baseline"}  # the latter bring an importer along
    fields = {
        name
        for kind in Component.KINDS.values()
        for name, field in kind.model_fields.items()
        if "_text_path" in f"{field.annotation} {field.metadata}"
    }
    assert fields
    assert fields <= seen_to


@pytest.mark.parametrize(
    ("pipeline", "said"),
    [
        (
            CSV.generate_statistics().infer_schema().validate_input_data(drift={"a": 0.1}),
            "which validate_input_data() reads: Vertex AI does not take what asks for an earlier",
        ),
        (CSV.train("m.run_fn", warm_start=True), "which train() reads"),
        (
            P.resolve("latest", {"model": "Model"}, config={"desired_num_of_artifacts": 3}),
            "one artifact each",
        ),
        (P.from_csv(f"{BUCKET}/d", pattern="{SPAN}/*", spans=3), "does not take spans="),
        (
            CSV.notify(webhook="https://a.b").notify(webhook="https://a.c", id="Second"),
            "a second exit step",
        ),
    ],
)
def test_gaps(pipeline: fml.PipelineDef, said: str):
    (problem,) = refused(pipeline)
    assert said in problem
    assert "\nHint: " in problem


def test_kubeflow_finds_nothing_of_earlier_runs():
    evaluated = CSV.train("m.run_fn").evaluate_model("label", metrics=["AUC"])
    assert refused(evaluated) == []
    (problem,) = refused(evaluated, "kubeflow")
    assert "latest_blessed_model_resolver, which evaluate_model() reads: Kubeflow" in problem
    plain = CSV.train("m.run_fn").evaluate_model("label", metrics=["AUC"], baseline=None)
    assert refused(plain, "kubeflow") == []


def test_an_image_of_tfx_has_no_code_of_a_user():
    stock = "gcr.io/tfx-oss-public/tfx:1.16.0"
    (problem,) = refused(CSV.train("my_project.run_fn"), image=stock)
    assert "train() calls 'my_project.run_fn', which the image" in problem
    assert refused(CSV.generate_statistics(), image=stock) == []


def test_labels_and_dataflow():
    assert "no label 'Team'" in refused(CSV, labels={"Team": "a"})[0]
    flowing = CSV.with_beam_pipeline_args(fml.Beam("DataflowRunner"))
    assert [problem.partition(":")[0] for problem in refused(flowing)] == [
        "DataflowRunner needs project",
        "DataflowRunner needs region",
    ]
    assert len(refused(flowing, "kubeflow")) == 3  # and a folder for its jobs
    assert refused(flowing, project="mine", region="europe-west4") == []


def test_dataflow_for_one_step():
    flowing = CSV.generate_statistics().on("StatisticsGen", beam=["--runner=DataflowRunner"])
    assert len(refused(flowing)) == 2
    assert refused(flowing, project="mine", region="europe-west4") == []


def test_variables_that_no_container_has():
    told = CSV.notify(email="a@b.c", smtp="smtp://${MAIL_USER}:${MAIL_PASSWORD}@mail:587")
    (problem,) = refused(told)
    assert problem == (
        "notify() reads MAIL_PASSWORD and MAIL_USER from the environment, and no container on "
        "Vertex AI has it.\nHint: name a secret of its own: "
        '.on(\'Notifier\', secrets={"MAIL_PASSWORD": "…", "MAIL_USER": "…"}).'
    )
    given = told.on("Notifier", env={"MAIL_USER": "me"}, secrets={"MAIL_PASSWORD": "mail"})
    assert refused(given, project="p") == []
    assert refused(given, "kubeflow") == []


def test_secrets_that_cannot_be_had():
    asked = CSV.on("CsvExampleGen", secrets={"TOKEN": "token"})
    (problem,) = refused(asked)
    assert "Secret Manager needs its project" in problem
    whole = CSV.on("CsvExampleGen", secrets={"TOKEN": "projects/p/secrets/token"})
    assert refused(whole) == []
    (problem,) = refused(whole, image="tensorflow/tfx:1.16.0")
    assert "which fluentml fetches, and the image 'tensorflow/tfx:1.16.0' is TFX's own" in problem


def test_our_executors_need_an_image_that_has_them():
    assert refused(CSV, fast=True) == []
    (problem,) = refused(CSV, fast=True, image="tensorflow/tfx:1.16.0")
    assert problem.startswith("fast=True needs fluentml in the image")


def test_nothing_is_written_where_something_is_wrong(tmp_path: Path):
    with pytest.raises(fml.CheckError):
        fml.PipelineDef("p").from_csv("data").compile("vertex", tmp_path / "job.json", image="i")
    assert not [*tmp_path.iterdir()]


def test_a_target_needs_an_image_and_local_is_none():
    with pytest.raises(fml.BackendError, match=r"Vertex needs image="):
        CSV.compile("vertex", "job.json")
    with pytest.raises(fml.BackendError, match="compiles to no file"):
        CSV.with_metadata("m.db").compile("local", "job.json")


def test_the_command_line_refuses_too(tmp_path: Path):
    (tmp_path / "p.py").write_text(
        "import fluentml as fml\npipeline = fml.PipelineDef('P').from_csv('gs://b/d')\n"
    )
    out = tmp_path / "job.json"
    done = CliRunner().invoke(
        cli.app,
        ["compile", str(tmp_path / "p.py"), "-t", "vertex", "-o", str(out), "-O", "image=i"],
    )
    assert isinstance(done.exception, fml.CheckError)
    assert not out.exists()
