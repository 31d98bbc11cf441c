"""Beam as engine: what its own parser takes, and what each runner needs."""

from __future__ import annotations

from pathlib import Path

import pytest

import fluentml as fml
from fluentml.backends.local import LocalBackend
from fluentml.checks import engine

P = fml.PipelineDef("p")
FLINK = fml.Beam("FlinkRunner", flink_master="host:8081", parallelism=2)


def test_options_become_arguments():
    beam = fml.Beam(
        "DataflowRunner",
        project="mine",
        num_workers=2,
        streaming=True,
        no_auth=False,
        region=None,
        experiments=["a", "b"],
        labels={"team": "taxi"},
    )
    assert P.with_beam_pipeline_args(beam).settings.beam_pipeline_args == (
        "--runner=DataflowRunner",
        "--project=mine",
        "--num_workers=2",
        "--streaming",
        "--experiments=a",
        "--experiments=b",
        '--labels={"team": "taxi"}',
    )


def test_a_runner_is_a_name():
    with pytest.raises(fml.DefinitionError, match=r"Beam\(\) got the runner '--runner=X'"):
        fml.Beam("--runner=X")


@pytest.mark.parametrize(
    ("beam", "lacking"),
    [
        (fml.Beam("FnApiRunner"), []),
        (fml.Beam("DataflowRunner"), ["project", "region", "temp_location"]),
        (fml.Beam("DataflowRunner", project="a", region="b", staging_location="gs://c"), []),
        (FLINK, ["environment_type"]),
        (fml.Beam("FlinkRunner", flink_master="[local]"), []),
        (fml.Beam("SparkRunner"), []),
        (fml.Beam("SparkRunner", spark_master_url="local[2]"), []),
        (
            fml.Beam("SparkRunner", spark_master_url="spark://h:7077", spark_submit_uber_jar=True),
            ["environment_type", "spark_rest_url"],
        ),
        (fml.Beam("PortableRunner"), ["job_endpoint"]),
        (fml.Beam("PortableRunner", job_endpoint="embed"), []),
        (fml.Beam("PortableRunner", job_endpoint="host:8099"), ["environment_type"]),
        (fml.Beam("PrismRunner"), ["prism_location"]),
        (fml.Beam("apache_beam.runners.portability.fn_api_runner.FnApiRunner"), []),
    ],
)
def test_what_a_runner_needs(beam: fml.Beam, lacking: list[str]):
    found = [str(one) for one in engine.needs(beam.arguments(), here=False)]
    short = beam.runner.rpartition(".")[2]
    assert [one.partition(":")[0] for one in found] == [f"{short} needs {name}" for name in lacking]


def test_values_may_stand_apart():
    given = ["--runner", "PortableRunner", "--job_endpoint", "embed"]
    assert not [*engine.needs(given, here=True)]


def test_a_run_here_needs_what_starts_the_job(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nowhere")
    pipeline = P.with_beam_pipeline_args(fml.Beam("FlinkRunner"))
    with pytest.raises(fml.BackendError, match="starts a job server, which needs Java"):
        LocalBackend().look_around(pipeline.from_csv("data").graph)
    assert not [*engine.needs(["--runner=FlinkRunner"], here=False)]


def test_a_cluster_needs_it_too():
    bucket = fml.PipelineDef("p", root="gs://b/r").from_csv("gs://b/d")
    with pytest.raises(fml.CheckError, match="FlinkRunner needs environment_type"):
        bucket.with_beam_pipeline_args(FLINK).compile("kubeflow", "p.yaml", image="i")


@pytest.mark.tfx
@pytest.mark.parametrize(
    ("beam", "said"),
    [
        (FLINK, None),
        (fml.Beam("SparkRunner", spark_master_url="local[2]"), None),
        (fml.Beam("DataflowRunner", project="a", region="b", machine_type="n2-standard-4"), None),
        (fml.Beam("flink"), None),
        (fml.Beam("my_package.runners.MyRunner"), None),
        (fml.Beam("FlinkRunner", flink_mater="host"), "did you mean '--flink_master'"),
        (fml.Beam("FlinkRunner", parallelism="many"), r"does not take --parallelism: invalid int"),
        (fml.Beam("FlnkRunner"), "did you mean 'FlinkRunner'"),
        (
            fml.Beam("FnApiRunner", direct_running_mode="fast"),
            "take --direct_running_mode",
        ),
    ],
)
def test_beam_s_own_parser_is_asked(beam: fml.Beam, said: str | None, tmp_path: Path):
    (tmp_path / "a.csv").write_text("a\n1\n")
    chain = P.from_csv(tmp_path).with_beam_pipeline_args(beam)
    if said is None:
        assert not [*engine.options(beam.arguments())]
        return
    with pytest.raises(fml.BackendError, match=said):
        chain.run(quiet=True)
