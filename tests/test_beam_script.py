"""A pipeline as one script that Beam runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import fluentml as fml
from fluentml import cli
from fluentml.loading import load
from tests.messages import message_of
from tests.test_airflow import chain, project  # noqa: F401 (a fixture)

pytestmark = pytest.mark.usefixtures("project")


def scripted(pipeline: fml.PipelineDef, **options: Any) -> fml.PipelineDef:
    """Return the pipeline that a script has whose project is gone."""
    file = pipeline.compile("beam", "script.py", **options)
    for path in ("model.py", "sizes.py"):
        Path(path).rename(f"{path}.gone")
    return load(str(file))


def test_a_script_has_the_pipeline_and_its_code():
    there = scripted(chain())
    assert there.params == {"steps": 10}
    here, its = (one.graph for one in (chain(), there))
    module = Path(its["Trainer"].component.module)
    assert module.read_text() == Path("model.py.gone").read_text()
    assert module.with_name("sizes.py").read_text() == "SIZE = 3\n"
    assert its.to_json().replace(str(module), "model.py") == here.to_json()
    assert there.check() is there


def test_the_same_chain_is_the_same_script():
    first = chain().compile("beam", "first.py").read_text()
    assert chain().compile("beam", "second.py").read_text() == first


def test_parameters_may_be_fixed():
    there = scripted(chain(), params={"steps": 20})
    assert there.params == {}
    assert there.graph["Trainer"].component.train_steps == 20


def test_what_no_file_can_carry():
    pipeline = chain().evaluate_model("b", metrics=["AUC"], when=lambda model: model)
    assert "a script for Beam does not take a lambda" in message_of(
        fml.CheckError, pipeline.compile, "beam", "script.py"
    )
    assert not Path("script.py").exists()


def test_the_command_line_compiles():
    Path("pipeline.py").write_text(
        "import fluentml as fml\n\n"
        'pipeline = fml.PipelineDef("p").from_csv("data").train("model.py", train_steps=3)\n'
    )
    done = CliRunner().invoke(cli.app, ["compile", "pipeline.py", "-t", "beam", "-o", "script.py"])
    assert done.output == "Wrote script.py.\n"
    assert load("script.py").graph["Trainer"].component.train_steps == 3


@pytest.mark.tfx
def test_beam_runs_it(tmp_path: Path):
    """Elsewhere, with the value that the command line gives."""
    place = tmp_path / "elsewhere"
    place.mkdir()
    (place / "data").mkdir()
    (place / "data/rows.csv").write_text("a,b\n1,2\n3,4\n")
    Path("model.py").write_text(
        "from pathlib import Path\n\n\n"
        "def run_fn(fn_args):\n"
        "    folder = Path(fn_args.serving_model_dir)\n"
        "    folder.mkdir(parents=True)\n"
        "    (folder / 'steps').write_text(str(fn_args.train_steps))\n"
    )
    file = chain().compile("beam", place / "script.py")
    Path("model.py").unlink()
    done = subprocess.run(
        [sys.executable, str(file), "--param", "steps=7"], cwd=place, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (steps,) = place.glob("artifacts/p/Trainer/model/*/Format-Serving/steps")
    assert steps.read_text() == "7"
    (log,) = place.glob("artifacts/p/_runs/*.log")
    assert "node Trainer is finished." in log.read_text()
    assert "Trainer" in done.stdout
    wrong = subprocess.run(
        [sys.executable, str(file), "--param", "step=7"], cwd=place, capture_output=True, text=True
    )
    assert wrong.returncode == 1
    assert wrong.stderr.splitlines()[-1] == "Hint: did you mean 'steps'?"
