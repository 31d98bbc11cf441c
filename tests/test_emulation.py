"""Compiled jobs executed here, as far as shell commands will do for containers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import fluentml as fml
from fluentml import cli
from fluentml.emulation._conditions import ConditionError, holds

pytestmark = pytest.mark.tfx  # what runs a job needs TFX, and these commands do not

MODEL = {"artifactType": {"instanceSchema": "title: tfx.Model\ntype: object\n"}}


def shell(script: str, *, model: bool = True, **task: Any) -> dict[str, Any]:
    """Return a task that runs a script; `{out}` in it is the folder of its model."""
    return {"script": script, "model": model, **task}


def job_of(folder: Path, tasks: Mapping[str, dict[str, Any]], **spec: Any) -> Path:
    """Write a PipelineJob of such tasks."""
    components, executors, dag = {}, {}, {}
    for id, task in tasks.items():
        given = dict(task)
        script, model = given.pop("script", ""), given.pop("model", True)
        executor = given.pop("executor", None)
        reads: dict[str, str] = given.pop("reads", {})
        params: dict[str, Any] = given.pop("params", {})
        types: dict[str, Any] = given.pop("types", {})
        env = given.pop("env", {})
        components[id] = {
            "executorLabel": f"{id}_executor",
            "inputDefinitions": {"parameters": types},
            "outputDefinitions": {"artifacts": {"model": MODEL} if model else {}},
        }
        out = "{{$.outputs.artifacts['model'].uri}}"
        container = {
            "image": "i",
            "command": ["sh", "-c", script.replace("{out}", out)],
            "env": [{"name": name, "value": value} for name, value in env.items()],
        }
        executors[f"{id}_executor"] = executor or {"container": container}
        dag[id] = {
            "componentRef": {"name": id},
            "taskInfo": {"name": id},
            "inputs": {
                "artifacts": {
                    key: {"taskOutputArtifact": {"producerTask": m, "outputArtifactKey": "model"}}
                    for key, m in reads.items()
                },
                "parameters": params,
            },
            "dependentTasks": [*reads.values()],
            **given,
        }
    whole = {
        "pipelineSpec": {
            "schemaVersion": "2.1.0",
            "pipelineInfo": {"name": "p"},
            "root": {"dag": {"tasks": dag}, **spec.pop("root", {})},
            "components": {**components, **spec.pop("components", {})},
            "deploymentSpec": {"executors": executors},
        },
        "runtimeConfig": {"gcsOutputDirectory": "gs://bucket/root/p"},
    }
    file = folder / "job.json"
    file.write_text(json.dumps(whole))
    return file


def emulate(folder: Path, tasks: Mapping[str, dict[str, Any]], **options: Any) -> Any:
    spec = options.pop("spec", {})
    job = job_of(folder, tasks, **spec)
    return fml.emulate(job, places={"gs://bucket": folder / "cloud"}, quiet=True, **options)


MAKE = shell("mkdir -p {out} && echo made > {out}/file")


def states(result: Any) -> dict[str, str]:
    return {id: node.state for id, node in result.nodes.items()}


# -- a run -----------------------------------------------------------------------------------------


def test_tasks_run_in_the_order_of_what_they_read(tmp_path: Path):
    copy = "mkdir -p {out} && cp {{$.inputs.artifacts['model'].uri}}/file {out}/file"
    result = emulate(tmp_path, {"A": shell(copy, reads={"model": "Make"}), "Make": MAKE})
    assert states(result) == {"Make": "done", "A": "done"}
    (model,) = result.artifacts("A.model")
    assert (Path(model.uri) / "file").read_text() == "made\n"
    assert Path(model.uri) == Path(result.log).parent / "A_1/model"
    assert Path(result.log).is_relative_to(tmp_path / "cloud/root/p/emulated")
    assert model.type == "Model"


def test_a_task_is_told_its_executor_input(tmp_path: Path):
    result = emulate(
        tmp_path,
        {
            "Make": MAKE,
            "Told": shell(
                "mkdir -p {out}; printf '%s' '{{$}}' > {out}/told",
                reads={"model": "Make"},
                params={"n": {"runtimeValue": {"constant": 3.0}}},
            ),
        },
    )
    (made,) = result.artifacts("Told.model")
    told = json.loads((Path(made.uri) / "told").read_text())
    assert told["inputs"]["parameterValues"] == {"n": 3}
    (model,) = told["inputs"]["artifacts"]["model"]["artifacts"]
    assert model["uri"] == result.artifacts("Make.model")[0].uri
    assert model["type"] == MODEL["artifactType"]
    assert model["name"].startswith("projects/emulated/")
    assert told["outputs"]["outputFile"] == f"{Path(made.uri).parent}/executor_output.json"


def test_a_failure_leaves_out_what_depends_on_it_and_no_more(tmp_path: Path):
    with pytest.raises(fml.RunError, match=r"Make failed: ValueError: broken") as failure:
        emulate(
            tmp_path,
            {
                "Make": shell("echo 'ValueError: broken' >&2; exit 3"),
                "After": shell("", reads={"model": "Make"}),
                "Last": shell("", reads={"model": "After"}),
                "Beside": MAKE,
            },
        )
    assert failure.value.node == "Make"
    assert states(failure.value.result) == {
        "Make": "failed",
        "After": "not run",
        "Last": "not run",
        "Beside": "done",
    }
    (line,) = [line for line in str(failure.value).splitlines() if line.startswith("Its log: ")]
    assert "broken" in Path(line.removeprefix("Its log: ")).read_text()


def test_a_task_is_tried_again(tmp_path: Path):
    script = f"echo x >> {tmp_path}/tries; test $(wc -l < {tmp_path}/tries) -ge 3"
    policy = {"maxRetryCount": 2}
    result = emulate(tmp_path, {"Make": shell(script, model=False, retryPolicy=policy)})
    assert result.succeeded
    assert [log.parent.name for log in sorted(Path(result.log).parent.glob("*/task.log"))] == [
        "Make_1",
        "Make_2",
        "Make_3",
    ]
    (tmp_path / "tries").unlink()
    once = shell(script, model=False, retryPolicy={"maxRetryCount": 1})
    with pytest.raises(fml.RunError, match="ended with the code 1"):
        emulate(tmp_path, {"Make": once})


def test_a_false_condition_leaves_out_all_that_follows(tmp_path: Path):
    when = {"condition": "inputs.parameter_values['n'] > 3.0"}
    tasks = {
        "Make": {**MAKE, "triggerPolicy": when, "params": {"n": {"componentInputParameter": "n"}}},
        "After": shell("", reads={"model": "Make"}),
    }
    declared = {"n": {"parameterType": "NUMBER_INTEGER", "defaultValue": 3.0}}
    spec = {"root": {"inputDefinitions": {"parameters": declared}}}
    result = emulate(tmp_path, tasks, spec=spec)
    assert states(result) == {"Make": "skipped", "After": "skipped"}
    assert result.succeeded
    result = emulate(tmp_path, tasks, spec=spec, params={"n": "4"})
    assert states(result) == {"Make": "done", "After": "done"}


def test_a_condition_on_what_is_not_there_fails_its_task(tmp_path: Path):
    when = {"condition": "inputs.artifacts['model'].artifacts[0].metadata['blessed'] == 1.0"}
    task = shell("", reads={"model": "Make"}, triggerPolicy=when)
    with pytest.raises(fml.RunError, match="A failed: there is no such key: 'blessed', in the"):
        emulate(tmp_path, {"Make": MAKE, "A": task})


def test_what_says_so_is_taken_over(tmp_path: Path):
    cached = {**MAKE, "cachingOptions": {"enableCache": True}}
    tasks = {"Make": cached, "Always": MAKE}
    emulate(tmp_path, tasks)
    again = emulate(tmp_path, tasks)
    assert states(again) == {"Make": "cached", "Always": "done"}
    assert states(emulate(tmp_path, tasks, cache=False))["Make"] == "done"
    (model,) = again.artifacts("Make.model")
    shutil.rmtree(model.uri)
    assert states(emulate(tmp_path, tasks))["Make"] == "done"
    changed = {"Make": {**cached, "env": {"A": "b"}}}
    assert states(emulate(tmp_path, changed)) == {"Make": "done"}
    assert states(emulate(tmp_path, changed)) == {"Make": "cached"}


def test_resolvers_and_importers(tmp_path: Path):
    def resolver(query: str) -> dict[str, Any]:
        return {"resolver": {"outputArtifactQueries": {"model": {"filter": query}}}}

    importer = {
        "importer": {
            "artifactUri": {"constant": "gs://bucket/base"},
            "typeSchema": MODEL["artifactType"],
            "metadata": {"blessed": 1.0},
        }
    }
    latest = 'schema_title="tfx.Model" AND state=LIVE AND metadata.blessed.number_value=1'
    tasks = {
        "Base": shell("", executor=importer),
        "Latest": shell("", executor=resolver(latest)),
        "None": shell("", executor=resolver('schema_title="tfx.Schema" AND state=LIVE')),
    }
    first = emulate(tmp_path, {"Latest": tasks["Latest"], "None": tasks["None"]})
    assert first.artifacts("Latest.model") == ()
    imported = emulate(tmp_path, tasks).artifacts("Base.model")
    assert imported[0].uri == str(tmp_path / "cloud/base")
    third = emulate(tmp_path, tasks)
    assert third.artifacts("Latest.model") == imported
    assert third.artifacts("None.model") == ()


def test_an_exit_task_learns_how_the_others_ended(tmp_path: Path):
    inner = {"Make": shell("echo 'OSError: no'; exit 1")}
    outer = job_of(tmp_path, inner)
    spec = json.loads(outer.read_text())["pipelineSpec"]
    status = "printf '%s' '{{$.inputs.parameters['status']}}' > {out}.json"
    leave = shell(
        status,
        params={"status": {"taskFinalStatus": {"producerTask": "dag"}}},
        dependentTasks=["dag"],
        triggerPolicy={"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"},
    )
    job = job_of(tmp_path, {"Leave": leave})
    whole = json.loads(job.read_text())
    mine = whole["pipelineSpec"]
    mine["components"] |= {**spec["components"], "dag": {"dag": spec["root"]["dag"]}}
    mine["deploymentSpec"]["executors"] |= spec["deploymentSpec"]["executors"]
    mine["root"]["dag"]["tasks"]["dag"] = {"componentRef": {"name": "dag"}}
    job.write_text(json.dumps(whole))
    with pytest.raises(fml.RunError, match="Make failed: OSError: no") as failure:
        fml.emulate(job, places={"gs://bucket": tmp_path / "cloud"}, quiet=True)
    assert states(failure.value.result) == {"Make": "failed", "Leave": "done"}
    (left,) = failure.value.result.artifacts("Leave.model")
    told = json.loads(Path(f"{left.uri}.json").read_text())
    assert told["state"] == "FAILED"
    assert "Make failed: OSError: no" in told["error"]["message"]


# -- what is wrong, before anything runs ----------------------------------------------------------


def refused(folder: Path, tasks: Mapping[str, dict[str, Any]], **options: Any) -> str:
    with pytest.raises(fml.FluentmlError) as error:
        emulate(folder, tasks, **options)
    assert not isinstance(error.value, fml.RunError)
    assert not (folder / "cloud").exists()
    return str(error.value)


def test_storage_for_which_no_folder_stands(tmp_path: Path):
    said = refused(tmp_path, {"Make": shell("cat gs://other/data/file gs://bucket/a")})
    assert "names 'gs://other/data/file', and no folder stands for that here" in said
    assert "--map gs://other=FOLDER" in said
    with pytest.raises(fml.DefinitionError, match="no URI of a storage"):
        fml.emulate(tmp_path / "job.json", places={"bucket": "cloud"})


def test_a_task_that_is_not_there(tmp_path: Path):
    said = refused(tmp_path, {"Make": MAKE, "A": shell("", reads={"model": "Make_task"})})
    assert "A waits for the task 'Make_task', which the job does not have" in said
    assert "did you mean 'Make'" in said


def test_parameters(tmp_path: Path):
    declared = {"steps": {"parameterType": "NUMBER_INTEGER"}}
    spec = {"root": {"inputDefinitions": {"parameters": declared}}}
    assert "no value for 'steps'" in refused(tmp_path, {"Make": MAKE}, spec={**spec})
    said = refused(tmp_path, {"Make": MAKE}, spec={**spec}, params={"stps": 3})
    assert "did you mean 'steps'" in said
    said = refused(tmp_path, {"Make": MAKE}, spec={**spec}, params={"steps": "many"})
    assert "takes a whole number, not 'many'" in said


def test_modules_that_are_not_in_the_image(tmp_path: Path):
    env = {"PYTHONPATH": "/pipeline/modules/0123:/pipeline/packages"}
    said = refused(tmp_path, {"Make": {**MAKE, "env": env}})
    assert "takes its code from '/pipeline/modules/0123', a folder of its image" in said
    assert "fluentml image FILE --out image" in said
    (tmp_path / "image").mkdir()
    said = refused(tmp_path, {"Make": {**MAKE, "env": env}}, image_folder=tmp_path / "image")
    assert "has not that: it was written of other code" in said


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("job.json", "{", "cannot be read"),
        ("job.json", "{}", "is no compiled job"),
        ("job.yaml", "a: [", "cannot be read"),
        ("jb.json", None, "did you mean 'job.json'"),
        (
            "job.json",
            '{"root": {}, "components": {}, "deploymentSpec": {}, "schemaVersion": "2.0.0"}',
            "2.1 is what runs here",
        ),
    ],
)
def test_files_that_hold_no_job(tmp_path: Path, name: str, text: str | None, said: str):
    (tmp_path / (name if text else "job.json")).write_text(text or "")
    with pytest.raises(fml.LoadError, match=said):
        fml.emulate(tmp_path / name, places={})


def test_the_command_line(tmp_path: Path):
    job = job_of(tmp_path, {"Make": MAKE})
    place = f"gs://bucket={tmp_path / 'cloud'}"
    done = CliRunner().invoke(cli.app, ["run", str(job), "--map", place, "--json"])
    assert json.loads(done.stdout)["nodes"][0]["state"] == "done"
    wrong = CliRunner().invoke(cli.app, ["run", str(job), "--map", place, "--to", "Make"])
    assert "is a compiled job, for which there is no '--to'" in str(wrong.exception)
    wrong = CliRunner().invoke(cli.app, ["run", "p.py", "--map", place])
    assert "is no compiled job, for which there is no '--map'" in str(wrong.exception)


def test_a_program_that_is_not_here(tmp_path: Path):
    job = job_of(tmp_path, {"Make": MAKE})
    job.write_text(job.read_text().replace('"sh"', '"shallow"'))
    with pytest.raises(fml.RunError, match="has a program 'shallow', and this machine has not"):
        fml.emulate(job, places={"gs://bucket": tmp_path}, quiet=True)


# -- conditions ------------------------------------------------------------------------------------

INPUTS = {
    "artifacts": {"a": {"artifacts": [{"uri": "gs://a", "metadata": {"n": 1.0, "s": "it's"}}]}},
    "parameter_values": {"x": 2, "name": "a && b"},
}
N = "inputs.artifacts['a'].artifacts[0].metadata['n']"


@pytest.mark.parametrize(
    ("condition", "result"),
    [
        (f"({N} == 1.0)", True),
        (f"!({N} == 1.0)", False),
        (f"{N} != 1.0 || inputs.parameter_values['x'] < 3.0", True),
        (f"({N} < 1.0) && ({N} > 0.0)", False),
        ("inputs.parameter_values['name'] == 'a && b'", True),
        ("inputs.artifacts['a'].artifacts[0].uri == ('gs:' + '//a')", True),
    ],
)
def test_conditions(condition: str, result: bool):
    assert holds(condition, INPUTS) is result


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("inputs.artifacts['b'].artifacts[0].uri == ''", "no such key: 'b'"),
        ("inputs.artifacts['a'].artifacts[1].uri == ''", "no such key: 1"),
        (f"{N} == 'one'", "cannot be compared"),
        (N, "neither true nor false"),
        ("size(inputs) > 0", "not understood"),
        ("a ? b : c", "not understood"),
        ("__import__('os')", "not understood"),
    ],
)
def test_conditions_that_cannot_be_told(condition: str, said: str):
    with pytest.raises(ConditionError, match=said):
        holds(condition, INPUTS)
