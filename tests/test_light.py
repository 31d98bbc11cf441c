"""Building, wiring, checking and drawing a pipeline loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

HEAVY = (
    "absl",
    "airflow",
    "apache_beam",
    "google.protobuf",
    "keras",
    "keras_tuner",
    "kfp",
    "ml_metadata",
    "numpy",
    "pandas",
    "pyarrow",
    "sqlalchemy",
    "tensorflow",
    "tensorflow_model_analysis",
    "tensorflow_transform",
    "tfx",
)

PROGRAM = """
    import sys
    from pathlib import Path
    import fluentml as fml
    import fluentml.testing

    Path("data").mkdir()
    Path("data/rows.csv").write_text("fare,tips\\n1,2\\n")
    Path("model.py").write_text(
        "import tensorflow\\n"
        "def preprocessing_fn(inputs): ...\\n"
        "def tuner_fn(fn_args): ...\\n"
        "def run_fn(fn_args): ...\\n"
    )
    pipeline = (
        fml.PipelineDef("taxi")
        .from_csv("data")
        .generate_statistics()
        .infer_schema()
        .validate_input_data()
        .preprocess("model.py")
        .tune("model.py", train_steps=100, eval_steps=20)
        .with_hyperparameters({"learning_rate": 0.01})
        .train("model.py", train_steps=1000, eval_steps=150, warm_start=True)
        .evaluate_model("tips", metrics=["AUC"], thresholds={"AUC": 0.8})
        .infra_validate(max_latency_ms=100)
        .push_to("serving", require_push=True)
        .bulk_infer(fml.from_csv("data"))
    )
    pipeline.check()
    pipeline.plan()
    Path("data/rows.parquet").touch()
    fml.PipelineDef("parquet").from_parquet("data", pattern="*.parquet").check()
    fml.PipelineDef("sql").from_sql("postgresql://host/trips", "SELECT 1").check()
    fml.PipelineDef("cloud").from_bigquery("SELECT 1", temp_location="gs://bucket/tmp").check()
    from fluentml.backends import get_backend
    for target in ("vertex", "kubeflow"):
        assert [*get_backend(target, image="i").problems(pipeline.on("Trainer", cpu=8).graph)]
    graph = pipeline.graph
    graph.to_text(), graph.to_mermaid()
    assert fml.Graph.from_json(graph.to_json()) == graph
    print(*sys.modules)
"""


def loaded(program: str, folder: Path) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after a program."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_nothing_heavy_is_loaded(tmp_path: Path):
    assert loaded(PROGRAM, tmp_path).isdisjoint(HEAVY)


def test_the_command_line_loads_nothing_heavy(tmp_path: Path):
    program = """
        import sys
        from typer.testing import CliRunner
        from fluentml.cli import app
        assert CliRunner().invoke(app, ["--help"]).exit_code == 0
        assert CliRunner().invoke(app, ["doctor"]).exit_code in (0, 1)
        assert CliRunner().invoke(app, ["verbs"]).exit_code == 0
        print(*sys.modules)
    """
    assert loaded(program, tmp_path).isdisjoint(HEAVY)
