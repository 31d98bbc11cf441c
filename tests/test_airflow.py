"""DAG files, as far as they need neither TFX nor Airflow."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import fluentml as fml
from fluentml import cli
from fluentml.backends.airflow import Airflow
from fluentml.packed import VARIABLE, Packed

PLACES = {"folder": "/srv/p", "python": "/srv/p/bin/python"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with data, a module file and a module beside it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/rows.csv").write_text("a,b\n1,2\n3,4\n")
    (tmp_path / "model.py").write_text(
        "from sizes import SIZE\n\n\ndef run_fn(fn_args):\n    print('''é \"{SIZE}\" \\\\ 😀''')\n"
    )
    (tmp_path / "sizes.py").write_text("SIZE = 3\n")
    return tmp_path


def chain() -> fml.PipelineDef:
    return (
        fml.PipelineDef("p")
        .from_csv("data")
        .generate_statistics()
        .infer_schema()
        .train("model.py", train_steps=fml.param("steps", 10), inputs={"examples": GEN})
    )


GEN = "CsvExampleGen.examples"


def compiled(pipeline: fml.PipelineDef, **options: Any) -> str:
    return pipeline.compile(Airflow(**{**PLACES, **options}), "dag.py").read_text()


def calls(text: str) -> dict[str, dict[str, str]]:
    """Return of each call of `node` in a DAG file what it is given, as source."""
    found = [one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Call)]
    return {
        ast.literal_eval(one.args[0]): {
            str(keyword.arg): ast.unparse(keyword.value) for keyword in one.keywords
        }
        for one in found
        if isinstance(one.func, ast.Name) and one.func.id == "node"
    }


def dag(text: str) -> dict[str, str]:
    """Return what the DAG is given, as source."""
    found = [one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Call)]
    (made,) = [one for one in found if isinstance(one.func, ast.Name) and one.func.id == "DAG"]
    return {str(keyword.arg): ast.unparse(keyword.value) for keyword in made.keywords}


# -- the file --------------------------------------------------------------------------------------


def test_a_file_imports_airflow_alone_and_is_the_same_every_time(project: Path):
    text = compiled(chain())
    imports = [one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Import)]
    froms = [one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.ImportFrom)]
    names = {alias.name for one in imports for alias in one.names}
    names |= {str(one.module).partition(".")[0] for one in froms}
    assert names == {"airflow", "pendulum", "shlex"}
    assert compiled(chain()) == text
    assert str(project) not in text


def test_every_node_is_a_task_that_waits_for_what_it_reads(project: Path):
    found = calls(compiled(chain()))
    assert {id: ast.literal_eval(given.get("after", "[]")) for id, given in found.items()} == {
        node.id: list(node.upstream) for node in chain().graph.nodes
    }
    # A schema is not required for training, and so it may have been skipped.
    assert found["Trainer"]["trigger_rule"] == "'none_failed'"
    assert "trigger_rule" not in found["StatisticsGen"]


def test_what_looks_back_keeps_its_place_in_the_chain(project: Path):
    """A resolver finds the model of the run that it is in, or does not, by where it stands."""
    model = {"model": "Model"}
    pipeline = chain().resolve("latest", model, id="Behind")
    before = fml.PipelineDef("p").resolve("latest", model, id="Before")
    found = calls(compiled(pipeline))
    assert found["Behind"] == {"after": "['Trainer']", "trigger_rule": "'none_failed'"}
    found = calls(compiled(before.from_csv("data").train("model.py", inputs={"examples": GEN})))
    assert ast.literal_eval(found["Trainer"]["after"]) == ["CsvExampleGen", "Before"]
    assert found["Trainer"]["trigger_rule"] == "'none_failed'"


def test_a_skipped_input_hides_no_failed_one(project: Path):
    two = {"statistics": "StatisticsGen.statistics", "schema": "SchemaGen.schema"}
    pipeline = chain().validate_input_data(inputs=two)
    assert "trigger_rule" not in calls(compiled(pipeline))["ExampleValidator"]
    conditional = pipeline.generate_statistics(id="More", when=at_the_top)
    found = calls(compiled(conditional))
    assert found["ExampleValidator"]["trigger_rule"] == "'none_failed_min_one_success'"
    # Of one input, skipped is skipped: no process has to find out.
    assert "trigger_rule" not in found["SchemaGen"]


def test_parameters_have_types_and_defaults_unless_they_are_fixed(project: Path):
    pipeline = chain().generate_statistics(id="More", sample_rate=fml.param("rate", 0.5))
    text = compiled(pipeline)
    assert dag(text)["params"] == (
        "{'steps': Param(10, type='integer'), 'rate': Param(0.5, type='number')}"
    )
    fixed = pipeline.compile(Airflow(**PLACES), "dag.py", params={"rate": 0.25}).read_text()
    assert dag(fixed)["params"] == "{'steps': Param(10, type='integer')}"
    assert '"sample_rate": 0.25' in fixed


def test_what_a_node_asks_for(project: Path):
    pipeline = chain().on(
        "Trainer", cpu=2, retries=2, timeout="6h", pool="gpus", queue="large", env={"A": "{{ ds }}"}
    )
    text = compiled(pipeline)
    asked = calls(text)["Trainer"]
    assert {name: asked[name] for name in ("env", "retries", "pool", "queue")} == {
        "env": "{'A': '{{ ds }}'}",
        "retries": "2",
        "pool": "'gpus'",
        "queue": "'large'",
    }
    assert asked["execution_timeout"] == "datetime.timedelta(seconds=21600)"
    assert "cpu" not in str(asked)


def test_secrets_are_those_of_kubernetes(project: Path):
    pipeline = fml.PipelineDef("p", root="gs://b").with_metadata("mysql://me:${P}@host/db")
    pipeline = pipeline.from_csv("gs://b/d").notify(slack="${SLACK_URL}")
    named = pipeline.on("Notifier", secrets={"SLACK_URL": "slack/url", "TOKEN": "token"})
    text = compiled(named, image="image:1", operator="kubernetes")
    assert "from airflow.providers.cncf.kubernetes.secret import Secret" in text
    assert calls(text)["Notifier"]["secrets"] == (
        "[Secret('env', 'SLACK_URL', 'slack', 'url'), Secret('env', 'TOKEN', 'token', 'TOKEN')]"
    )
    assert "import Secret" not in compiled(
        pipeline.on("Notifier", env={"SLACK_URL": "x"}), image="image:1", operator="kubernetes"
    )
    # Without a container, the worker's environment has them by their names.
    there = chain().on("Trainer", secrets={"TOKEN": "token"})
    assert "secrets" not in calls(compiled(there))["Trainer"]
    assert "TOKEN" not in compiled(there).replace(Packed.of(there._definition).pipeline, "")
    assert problems(there) == ""


def test_secrets_that_no_container_would_have_are_refused(project: Path):
    pipeline = fml.PipelineDef("p", root="gs://b").with_metadata("mysql://me:${P}@host/db")
    pipeline = pipeline.from_csv("gs://b/d").notify(slack="${SLACK_URL}")
    kubernetes = {"image": "image:1", "operator": "kubernetes"}
    assert "reads SLACK_URL from the environment, and no container" in problems(
        pipeline, **kubernetes
    )
    named = pipeline.on("Notifier", secrets={"SLACK_URL": "slack/url"})
    assert problems(named, **kubernetes) == ""
    said = problems(named, image="image:1")
    assert "on('Notifier') asks for secrets=, and the containers of operator='docker' get" in said
    assert "env={'SLACK_URL': '{{ var.value.slack_url }}'}" in said
    with pytest.raises(fml.CheckError, match="asks for secrets="):
        compiled(named, image="image:1")
    assert not Path("dag.py").exists()


def test_schedule_and_all_that_goes_with_it(project: Path):
    text = compiled(
        chain(),
        schedule="0 5 * * 1",
        start_date="2026-02-01",
        timezone="America/Los_Angeles",
        catchup=True,
        max_active_runs=3,
        tags=["a"],
    )
    assert {key: value for key, value in dag(text).items() if key != "params"} == {
        "dag_id": "'p'",
        "schedule": "'0 5 * * 1'",
        "start_date": "pendulum.datetime(2026, 2, 1, tz='America/Los_Angeles')",
        "catchup": "True",
        "max_active_runs": "3",
        "tags": "['a']",
    }
    assert dag(compiled(chain()))["schedule"] == "None"


def test_exit_steps_run_at_any_rate_and_do_not_hide_a_failure(project: Path):
    pipeline = chain().notify(webhook="https://a.b").notify(webhook="https://a.c", id="outcome")
    text = compiled(pipeline)
    for id in ("Notifier", "outcome"):
        assert calls(text)[id] == {"after": "[*dag.task_ids]", "trigger_rule": "'all_done'"}
    assert 'EmptyOperator(task_id="outcome_", trigger_rule="none_failed")' in text
    assert "EmptyOperator" not in compiled(chain())


# -- what it carries -------------------------------------------------------------------------------


def test_a_file_carries_the_pipeline_and_its_modules(project: Path, tmp_path: Path):
    compiled(chain())
    for path in ("model.py", "sizes.py"):
        (project / path).rename(project / f"{path}.gone")
    definition = Packed.read("dag.py").definition()
    trainer = definition({"steps": 20})["Trainer"].component
    module = Path(trainer.module)
    assert module.read_text() == (project / "model.py.gone").read_text()
    assert module.with_name("sizes.py").read_text() == "SIZE = 3\n"
    assert module.is_relative_to(project / "artifacts/p/_modules")
    assert trainer.train_steps == 20
    given = chain().with_params({"steps": 20}).graph["Trainer"].component
    assert trainer == given.model_copy(update={"module": trainer.module})


def test_a_container_gets_it_by_its_environment(project: Path, monkeypatch: pytest.MonkeyPatch):
    packed = Packed.of(chain()._definition)
    monkeypatch.setenv(VARIABLE, packed.to_environment())
    assert Packed.read("-") == packed


def test_what_follows_from_a_parameter_follows(project: Path):
    """A companion is made by the wiring, and takes the value of a launch."""
    pipeline = chain().evaluate_model(
        "b", metrics=["AUC"], baseline=fml.param("baseline", "models/1")
    )
    text = Airflow(**PLACES).compile(pipeline.params, pipeline._definition)
    Path("dag.py").write_text(text)
    graph = Packed.read("dag.py").definition()({"baseline": "models/2"})
    assert "models/2" in str(graph["Evaluator_baseline"])
    assert "models/1" not in graph.to_json()


def test_code_by_import_path_is_carried_and_what_is_installed_is_not(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    package = project / "shop"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "training.py").write_text("from shop.sizes import SIZE\n\ndef run_fn(a): ...\n")
    (package / "sizes.py").write_text("import pydantic\n\nSIZE = 3\n")
    (package / "other.py").write_text("")
    monkeypatch.syspath_prepend(project)
    pipeline = fml.PipelineDef("p").from_csv("data").infer_schema().generate_statistics()
    pipeline = pipeline.train("shop.training.run_fn", inputs={"examples": GEN})
    compiled(pipeline)
    packed = Packed.read("dag.py")
    assert [*packed.files] == [
        "code/shop/__init__.py",
        "code/shop/sizes.py",
        "code/shop/training.py",
    ]
    elsewhere = project / "elsewhere"
    elsewhere.mkdir()
    look = (
        "from fluentml.packed import Packed\n"
        "Packed.read('../dag.py').definition()\n"
        "import shop.training\n"
        "print(shop.training.SIZE)"
    )
    done = subprocess.run(
        [sys.executable, "-c", look], cwd=elsewhere, capture_output=True, text=True, check=True
    )
    assert done.stdout == "3\n"


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"schedule": "@dayly"}, "did you mean '@daily' or"),
        ({"schedule": "every monday"}, "which has 2 fields"),
        ({"schedule": "0 25 * * 1"}, "'25' is no hour"),
        ({"timezone": "Europe/Berln"}, "did you mean 'Europe/Berlin' or"),
        ({"operator": "podman"}, "does not take operator='podman'"),
        ({"start_date": "soon"}, "does not take start_date='soon'"),
        ({"owner": "me"}, "Its options: 'folder', 'python', 'image'"),
    ],
)
def test_options_that_cannot_be(project: Path, options: dict[str, Any], said: str):
    with pytest.raises(fml.BackendError) as caught:
        chain().compile("airflow", "dag.py", **options)
    assert said in str(caught.value)
    assert not Path("dag.py").exists()


def problems(pipeline: fml.PipelineDef, **options: Any) -> str:
    return "\n".join(map(str, Airflow(**PLACES, **options).problems(pipeline.graph)))


def test_a_container_reaches_no_folder_and_no_file_of_this_machine(project: Path):
    found = problems(chain(), image="image:1")
    assert "would lie under 'artifacts', a folder of this machine, which a container" in found
    assert "from_csv() has path='data'" in found
    assert "Each task opens the metadata store" in found
    assert problems(chain()) == ""
    remote = fml.PipelineDef("p", root="gs://bucket").from_csv("gs://bucket/data")
    assert "cannot hold the metadata's file" in problems(remote)
    server = remote.with_metadata("postgresql://me:${PASSWORD}@host/db")
    assert problems(server) == problems(server, image="image:1") == ""


def test_what_has_no_name_is_refused():
    def inner(examples): ...

    pipeline = fml.PipelineDef("p").from_csv("data")
    for source in (inner, lambda examples: None):
        found = problems(pipeline.add_component(source, id="X"))
        assert "add_component(X): Airflow does not take a lambda" in found
    named = pipeline.generate_statistics(when=lambda examples: None)
    assert "generate_statistics(): Airflow does not take a lambda" in problems(named)
    assert problems(pipeline.add_component(at_the_top, id="X")) == ""


def at_the_top(examples): ...


def test_more_code_than_a_container_can_be_told(project: Path):
    import random

    some = random.Random(0)
    text = "".join(f"X{n} = {some.getrandbits(256)}\n" for n in range(3000))
    (project / "model.py").write_text(f"{text}\n\ndef run_fn(fn_args): ...\n")
    remote = fml.PipelineDef("p", root="gs://b").with_metadata("mysql://me:${P}@host/db")
    pipeline = remote.from_csv("gs://b/d").train("model.py", inputs={"examples": GEN})
    with pytest.raises(fml.BackendError, match="a container is told 120000 at most"):
        pipeline.compile("airflow", "dag.py", image="image:1")


# -- run-node --------------------------------------------------------------------------------------


def run_node(*arguments: str, **environment: str) -> BaseException | None:
    return CliRunner().invoke(cli.app, ["run-node", *arguments], env=environment).exception


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("model.py", "Trainer", "--run-id", "r"), "is no file that fluentml wrote"),
        (("missing.py", "Trainer", "--run-id", "r"), "No such file"),
        (("-", "Trainer", "--run-id", "r"), "The environment variable FLUENTML_PIPELINE holds no"),
        (("dag.py", "Trainer", "--run-id", "a/b"), "The run id 'a/b' has other characters"),
        (("dag.py", "Trainer", "--run-id", "r", "-p", "stps=3"), "did you mean 'steps'"),
        (("dag.py", "Trainer", "--run-id", "r", "--params", "[1]"), "is no JSON object"),
        (("dag.py", "Trainer", "--run-id", "r", "--params", '{"steps": "x"}'), "a whole number"),
    ],
)
def test_a_node_cannot_be_run(project: Path, arguments: tuple[str, ...], said: str):
    compiled(chain())
    assert said in str(run_node(*arguments))


def test_a_pipeline_that_this_version_does_not_know(project: Path):
    text = compiled(chain()).replace('"kind": "SchemaGen"', '"kind": "SchemaGenerator"')
    Path("dag.py").write_text(text)
    assert "does not understand the pipeline" in str(run_node("dag.py", "X", "--run-id", "r"))


def test_the_command_line_compiles(project: Path):
    (project / "p.py").write_text(
        "import fluentml as fml\npipeline = fml.PipelineDef('p').from_csv('data')\n"
    )
    given = ["compile", "p.py", "-t", "airflow", "-o", "dags/p.py", "-O", "schedule=@daily"]
    done = CliRunner().invoke(cli.app, [*given, "-O", "catchup=true"])
    assert done.output == "Wrote dags/p.py.\n"
    made = dag(Path("dags/p.py").read_text())
    assert (made["schedule"], made["catchup"]) == ("'@daily'", "True")
    text = json.dumps(str(project))
    assert f"FOLDER = {text}" in Path("dags/p.py").read_text()
