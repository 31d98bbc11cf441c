"""What is compiled for Vertex AI and Kubeflow, by the real compiler."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import fluentml as fml
from fluentml.backends._repairs import floats_made
from fluentml.image import write_image

pytestmark = pytest.mark.tfx

BUCKET = "gs://bucket"
P = fml.PipelineDef("p", root=f"{BUCKET}/root")


def preprocessing_fn(inputs):
    return {"x": helper(inputs["x"])}


def helper(value):
    return value


def run_fn(fn_args): ...


def stats_options_updater_fn(kind, options):
    return options


def job_of(pipeline: fml.PipelineDef, folder: Path, **options: Any) -> dict[str, Any]:
    """Return the PipelineJob that a chain is compiled to."""
    file = pipeline.compile("vertex", folder / "job.json", image="repository/image", **options)
    job: dict[str, Any] = json.loads(file.read_text())
    return job


def tasks_of(job: dict[str, Any]) -> dict[str, Any]:
    tasks: dict[str, Any] = job["pipelineSpec"]["root"]["dag"]["tasks"]
    return tasks


def container_of(job: dict[str, Any], id: str) -> dict[str, Any]:
    container: dict[str, Any] = job["pipelineSpec"]["deploymentSpec"]["executors"][
        f"{id}_executor"
    ]["container"]
    return container


# -- the defects of TFX's compiler -----------------------------------------------------------------


@pytest.fixture(scope="module")
def by_tfx() -> dict[str, Any]:
    """What TFX's own compiler makes of components that have everything it stumbles over."""
    from google.protobuf import json_format
    from tfx.dsl.experimental.conditionals.conditional import Cond
    from tfx.orchestration import pipeline
    from tfx.orchestration.data_types import RuntimeParameter
    from tfx.orchestration.kubeflow.v2.pipeline_builder import PipelineBuilder

    from tests.target_components import MakeNumber, TakeNumber

    make = MakeNumber()
    with Cond(make.outputs["model"].future()[0].custom_property("good") == 1):
        take = TakeNumber(
            model=make.outputs["model"],
            number=make.outputs["number"].future()[0].value,
            text=RuntimeParameter(name="text", ptype=str, default="hello"),
        )
    whole = pipeline.Pipeline("p", f"{BUCKET}/root", components=[make, take])
    built = PipelineBuilder(whole, "image", use_pipeline_spec_2_1=True).build()
    spec: dict[str, Any] = json_format.MessageToDict(built)
    return spec


@pytest.fixture(scope="module")
def repaired(by_tfx: dict[str, Any]) -> dict[str, Any]:
    """The same, repaired."""
    from fluentml.backends._repairs import repair

    spec: dict[str, Any] = json.loads(json.dumps(by_tfx))
    repair(spec, {"text": "hello"})
    return spec


def producer(spec: dict[str, Any]) -> str:
    given = spec["root"]["dag"]["tasks"]["TakeNumber"]["inputs"]["parameters"]["number"]
    return str(given["taskOutputParameter"]["producerTask"])


def test_a_dynamic_parameter_names_a_task_that_is_there(by_tfx: Any, repaired: Any):
    assert producer(by_tfx) not in by_tfx["root"]["dag"]["tasks"]
    assert producer(repaired) == "MakeNumber"


def test_a_dynamic_parameter_has_the_type_of_what_makes_it(by_tfx: Any, repaired: Any):
    def kind(spec: Any) -> str:
        declared = spec["components"]["TakeNumber"]["inputDefinitions"]["parameters"]
        return str(declared["number"]["parameterType"])

    assert kind(by_tfx) == "STRING"
    assert kind(repaired) == "NUMBER_INTEGER"


def test_a_number_made_by_a_task_may_have_a_fraction():
    from tfx.orchestration.kubeflow.v2 import compiler_utils

    with pytest.raises(ValueError, match="Float is an unsupported component output type"):
        compiler_utils.build_output_parameter_spec("Float")
    with floats_made():
        assert compiler_utils.build_output_parameter_spec("Float").parameter_type == 1


def test_a_condition_names_an_input_of_its_task(by_tfx: Any, repaired: Any):
    def condition(spec: Any) -> str:
        return str(spec["root"]["dag"]["tasks"]["TakeNumber"]["triggerPolicy"]["condition"])

    assert "inputs.artifacts['_MakeNumber.model']" in condition(by_tfx)
    inputs = by_tfx["root"]["dag"]["tasks"]["TakeNumber"]["inputs"]["artifacts"]
    assert inputs.keys() == {"model"}
    assert condition(repaired).startswith("(inputs.artifacts['model'].artifacts[0]")


def test_a_runtime_parameter_of_tfx_keeps_its_default(by_tfx: Any, repaired: Any):
    def declared(spec: Any) -> Any:
        return spec["root"]["inputDefinitions"]["parameters"]["text"]

    assert "defaultValue" not in declared(by_tfx)
    assert declared(repaired)["defaultValue"] == "hello"


def test_repairs_reach_what_is_compiled(tmp_path: Path):
    from tfx.orchestration.data_types import RuntimeParameter

    from tests.target_components import MakeNumber, TakeNumber

    def taking(model, number):
        text = RuntimeParameter(name="text", ptype=str, default="hello")
        return TakeNumber(model=model, number=number.future()[0].value, text=text)

    pipeline = P.add_component(MakeNumber).add_component(
        taking,
        id="TakeNumber",
        inputs={
            "model": "MakeNumber.model",
            "number": "MakeNumber.number",
            "when.made": "MakeNumber.model",
        },
        when=lambda made: made.future()[0].custom_property("good") == 1,
    )
    job = job_of(pipeline, tmp_path)
    spec = job["pipelineSpec"]
    assert producer(spec) == "MakeNumber"
    assert "inputs.artifacts['model']" in tasks_of(job)["TakeNumber"]["triggerPolicy"]["condition"]
    assert spec["root"]["inputDefinitions"]["parameters"]["text"]["defaultValue"] == "hello"
    # TFX's entry point reads the types from its arguments.
    told = container_of(job, "TakeNumber")["args"]
    told = json.loads(told[told.index("--json_serialized_inputs_spec_args") + 1])
    assert told["parameters"]["number"]["parameterType"] == "NUMBER_INTEGER"


# -- what a chain says -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A job of a chain with parameters, a condition, an exit step and demands."""
    pipeline = (
        fml.PipelineDef("p", root=tmp_path_factory.mktemp("root"))
        .from_csv(f"{BUCKET}/data", pattern=fml.param("pattern", "*.csv"))
        .generate_statistics()
        .infer_schema()
        .preprocess(preprocessing_fn, stats_options_updater_fn=stats_options_updater_fn)
        .train(run_fn, train_steps=fml.param("train_steps", 600), eval_steps=3)
        .evaluate_model("y", metrics=["AUC"], thresholds={"AUC": fml.param("least", 0.8)})
        .push_to(f"{BUCKET}/serving", when=fml.metric("AUC") > fml.param("wanted", 0.9))
        .with_base_model(fml.param("base", f"{BUCKET}/base"))
        .notify(webhook="https://example.com")
        .with_beam_pipeline_args(["--runner=DataflowRunner"])
        .cache()
        .on("Trainer", cpu=8, memory="32Gi", gpu="nvidia-tesla-t4", retries=2, env={"A": "b"})
        .on("Trainer", timeout="6h")
    )
    return job_of(
        pipeline,
        tmp_path_factory.mktemp("job"),
        params={"pattern": "*.txt"},
        staging_bucket=BUCKET,
        project="mine",
        region="europe-west4",
        labels={"team": "taxi"},
    )


def inner(job: dict[str, Any]) -> dict[str, Any]:
    """Return the tasks that an exit step waits for."""
    tasks: dict[str, Any] = job["pipelineSpec"]["components"]["tfx-dag"]["dag"]["tasks"]
    return tasks


def test_a_job_is_what_the_protobuf_says(whole: dict[str, Any]):
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    message = json_format.ParseDict(whole, pipeline_spec_pb2.PipelineJob())
    assert message.display_name == "p"
    assert message.labels == {"team": "taxi"}
    assert message.runtime_config.gcs_output_directory == f"{BUCKET}/p"
    assert whole["pipelineSpec"]["schemaVersion"] == "2.1.0"


def test_parameters_have_types_and_defaults(whole: dict[str, Any]):
    assert whole["pipelineSpec"]["root"]["inputDefinitions"]["parameters"] == {
        "base": {"parameterType": "STRING", "defaultValue": f"{BUCKET}/base"},
        "least": {"parameterType": "NUMBER_DOUBLE", "defaultValue": 0.8},
        "train_steps": {"parameterType": "NUMBER_INTEGER", "defaultValue": 600},
        "wanted": {"parameterType": "NUMBER_DOUBLE", "defaultValue": 0.9},
    }
    assert "*.txt" in json.dumps(whole)


def test_parameters_reach_the_tasks_within_the_dag(whole: dict[str, Any]):
    spec = whole["pipelineSpec"]
    passed = spec["root"]["dag"]["tasks"]["tfx-dag"]["inputs"]["parameters"]
    assert passed == {
        name: {"componentInputParameter": name}
        for name in ("base", "least", "train_steps", "wanted")
    }
    assert spec["components"]["tfx-dag"]["inputDefinitions"]["parameters"].keys() == passed.keys()
    given = inner(whole)["Trainer"]["inputs"]["parameters"]
    assert given["param--train_steps"] == {"componentInputParameter": "train_steps"}
    text = given["train_args"]["runtimeValue"]["constant"]
    name = "{{$.inputs.parameters['param--train_steps']}}"
    assert json.loads(text.replace(name, "7")) == {"num_steps": 7}
    importer = spec["deploymentSpec"]["executors"]["ImportedModel_executor"]["importer"]
    assert importer["artifactUri"] == {"runtimeParameter": "artifact_uri"}
    uri = inner(whole)["ImportedModel"]["inputs"]["parameters"]["artifact_uri"]
    assert uri == {"componentInputParameter": "base"}


def test_a_condition_compares_with_a_parameter(whole: dict[str, Any]):
    push = inner(whole)["Pusher"]
    assert push["triggerPolicy"]["condition"] == (
        "(inputs.artifacts['_Evaluator_AUC.value'].artifacts[0].metadata['value'] > "
        "inputs.parameter_values['param--wanted'])"
    )
    assert "_Evaluator_AUC.value" in push["inputs"]["artifacts"]
    assert push["inputs"]["parameters"]["param--wanted"] == {"componentInputParameter": "wanted"}


def test_an_exit_step_waits_for_all_and_learns_how_it_ended(whole: dict[str, Any]):
    leave = tasks_of(whole)["Notifier"]
    assert leave["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    assert leave["dependentTasks"] == ["tfx-dag"]
    status = leave["inputs"]["parameters"]["final_status"]
    assert status == {"taskFinalStatus": {"producerTask": "tfx-dag"}}


def test_what_a_node_asks_for(whole: dict[str, Any]):
    container = container_of(whole, "Trainer")
    assert container["resources"] == {
        "cpuLimit": 8.0,
        "memoryLimit": 34.359738368,
        "accelerator": {"type": "nvidia-tesla-t4", "count": "1"},
    }
    assert container["command"][:2] == ["timeout", "21600"]
    assert {"name": "A", "value": "b"} in container["env"]
    assert inner(whole)["Trainer"]["retryPolicy"] == {"maxRetryCount": 2}
    assert "resources" not in container_of(whole, "Pusher")


def test_caching_and_dataflow(whole: dict[str, Any]):
    assert inner(whole)["Trainer"]["cachingOptions"] == {"enableCache": True}
    arguments = container_of(whole, "StatisticsGen")["args"]
    assert arguments[-5:] == [
        "--runner=DataflowRunner",
        "--project=mine",
        "--region=europe-west4",
        f"--temp_location={BUCKET}/p/beam",
        "--sdk_container_image=repository/image",
    ]


def test_the_same_chain_is_the_same_file(tmp_path: Path):
    chain = P.from_csv(f"{BUCKET}/data").train(
        "tests.handwritten.taxi.module.run_fn", train_steps=fml.param("steps", 3)
    )
    texts = {
        chain.compile("vertex", tmp_path / f"{i}.json", image="i").read_text() for i in range(2)
    }
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("pipeline", "said"),
    [
        (
            P.from_csv(f"{BUCKET}/d", pattern=fml.param("pattern", "*.csv")),
            "its value stands within a text",
        ),
        (P.import_artifact("gs://a", "Model", reimport=fml.param("again", True)), "True and False"),
    ],
)
def test_a_parameter_that_a_launch_cannot_change(
    pipeline: fml.PipelineDef, said: str, tmp_path: Path
):
    with pytest.raises(fml.CheckError, match=said) as error:
        job_of(pipeline, tmp_path)
    assert "or --param" in str(error.value)
    job_of(pipeline, tmp_path, params=pipeline.params)


def test_a_parameter_that_other_values_are_computed_from(tmp_path: Path):
    from tests.target_components import MakeNumber, TakeNumber

    def doubled(model, number):
        return TakeNumber(model=model, number=2 * number, text="a")

    def taken(model, number):
        return TakeNumber(model=model, number=number, text="a")

    made, given = P.add_component(MakeNumber), {"number": fml.param("number", 3)}
    inputs = {"model": "MakeNumber.model"}
    with pytest.raises(fml.CheckError, match="other values are computed from it"):
        job_of(made.add_component(doubled, arguments=given, inputs=inputs), tmp_path)
    job = job_of(made.add_component(taken, arguments=given, inputs=inputs, id="Taken"), tmp_path)
    number = tasks_of(job)["Taken"]["inputs"]["parameters"]["number"]
    assert number == {"componentInputParameter": "number"}


def test_what_the_compiler_cannot_express_is_told_in_words(tmp_path: Path):
    from tests.target_components import MakeNumber

    pipeline = P.add_component(MakeNumber).add_component(
        MakeNumber, id="Other", when=lambda number: number.future()[0].value > 20
    )
    with pytest.raises(fml.BackendError, match=r"this pipeline: .*artifact_value_op"):
        job_of(pipeline, tmp_path)


def test_executors_that_the_image_has_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from tfx.components.example_gen.csv_example_gen.executor import Executor

    by_script = type("Mine", (Executor,), {"__module__": "__main__"})
    monkeypatch.setattr(sys.modules["__main__"], "Mine", by_script, raising=False)
    stock = P.from_csv(f"{BUCKET}/d").generate_statistics().infer_schema().curate_schema(label="a")
    with pytest.raises(fml.CheckError, match=r"curate_schema\(\) runs 'fluentml\.executors"):
        stock.compile("vertex", tmp_path / "j", image="gcr.io/tfx-oss-public/tfx:1.16.0")
    mine = P.from_csv(f"{BUCKET}/d", executor=by_script)
    with pytest.raises(fml.CheckError, match=r"runs '__main__\.Mine', which no image can import"):
        mine.compile("vertex", tmp_path / "j", image="i")
    assert not [*tmp_path.iterdir()]


def test_a_step_that_runs_in_no_container_can_ask_for_nothing(tmp_path: Path):
    pipeline = P.import_artifact("gs://a", "Model").on("Importer", cpu=1)
    with pytest.raises(fml.CheckError, match="that step runs in no container"):
        job_of(pipeline, tmp_path)


def test_a_container_component_keeps_its_own_image_and_command(tmp_path: Path):
    from tests.custom_component import Containerized

    job = job_of(P.from_csv(f"{BUCKET}/d").add_component(Containerized, id="Shown"), tmp_path)
    assert container_of(job, "Shown") == {
        "image": "busybox",
        "command": ["cat", "{{$.inputs.artifacts['examples'].uri}}"],
    }


def test_fast_takes_our_executors(tmp_path: Path):
    from fluentml.local.session import FAST, OURS

    pipeline = (
        P.from_csv(f"{BUCKET}/d").generate_statistics().train("os.path.join").push_to(f"{BUCKET}/s")
    )
    pipeline = pipeline.on("StatisticsGen", cpu=2)

    def executors(pipeline: fml.PipelineDef = pipeline, **options: Any) -> list[str]:
        job = job_of(pipeline, tmp_path, **options)
        ids = ("CsvExampleGen", "StatisticsGen", "Trainer", "Pusher")
        return [container_of(job, id)["args"][1] for id in ids]

    stock, ours = executors(), executors(fast=True)
    assert all(one.startswith("tfx.") for one in stock)
    assert ours == [FAST[stock[0]], FAST[stock[1]], stock[2], OURS[stock[3]]]
    distant = pipeline.on("CsvExampleGen", beam=["--runner=DataflowRunner"])
    flowing = executors(distant, fast=True, project="p", region="europe-west4")
    assert flowing == [stock[0], FAST[stock[1]], stock[2], OURS[stock[3]]]


def test_beam_for_one_step(tmp_path: Path):
    pipeline = P.from_csv(f"{BUCKET}/d").generate_statistics()
    pipeline = pipeline.with_beam_pipeline_args(["--runner=DirectRunner"])
    flowing = pipeline.on("StatisticsGen", beam=["--runner=DataflowRunner", "--machine_type=n1"])
    job = job_of(flowing, tmp_path, project="p", region="europe-west4", service_account="a@b")
    assert container_of(job, "CsvExampleGen")["args"][-1] == "--runner=DirectRunner"
    assert container_of(job, "StatisticsGen")["args"][-8:] == [
        "--runner=DirectRunner",
        "--runner=DataflowRunner",
        "--machine_type=n1",
        "--project=p",
        "--region=europe-west4",
        "--temp_location=gs://bucket/root/p/beam",
        "--service_account_email=a@b",
        "--sdk_container_image=repository/image",
    ]
    with pytest.raises(fml.DefinitionError, match=r"infer_schema\(\) does not run on Beam"):
        job_of(pipeline.infer_schema().on("SchemaGen", beam=["--streaming"]), tmp_path)


def test_a_step_that_is_never_cached(tmp_path: Path):
    pipeline = P.cache().from_csv(f"{BUCKET}/d").generate_statistics(cache=False).infer_schema()
    tasks = tasks_of(job_of(pipeline, tmp_path))
    assert [tasks[id].get("cachingOptions") for id in tasks] == [
        {"enableCache": True},
        {"enableCache": True},
        None,
    ]
    by_query = P.cache().from_sql("postgresql://db/trips", "SELECT 1")
    assert "cachingOptions" not in tasks_of(job_of(by_query, tmp_path))["SqlExampleGen"]


def test_a_push_to_an_endpoint(tmp_path: Path):
    endpoint = {"project": "p", "region": "europe-west4", "endpoint": "taxi", "image": "server:1"}
    pipeline = P.from_csv(f"{BUCKET}/d").train("os.path.join")
    job = job_of(pipeline.push_to(vertex=endpoint), tmp_path)
    assert container_of(job, "Pusher")["args"][:2] == [
        "--executor_class_path",
        "tfx.extensions.google_cloud_ai_platform.pusher.executor.Executor",
    ]
    given = tasks_of(job)["Pusher"]["inputs"]["parameters"]["custom_config"]
    config = json.loads(given["runtimeValue"]["constant"])
    assert config["ai_platform_serving_args"] == {"project_id": "p", "endpoint_name": "taxi"}
    assert config["ai_platform_vertex_region"] == "europe-west4"
    assert config["ai_platform_vertex_container_image_uri"] == "server:1"


def test_secrets_are_named_and_not_written(tmp_path: Path):
    import yaml

    from tests.custom_component import Containerized

    told = P.from_csv(f"{BUCKET}/d").notify(slack="${SLACK_URL}")
    told = told.on("Notifier", secrets={"SLACK_URL": "slack/url"}, timeout="5m")
    text = told.compile("kubeflow", tmp_path / "p.yaml", image="i").read_text()
    spec, platform = yaml.safe_load_all(text)
    assert spec["pipelineInfo"]["name"] == "p"
    assert platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"] == {
        "Notifier_executor": {
            "secretAsEnv": [
                {"secretName": "slack", "keyToEnv": [{"secretKey": "url", "envVar": "SLACK_URL"}]}
            ]
        }
    }
    told = P.from_csv(f"{BUCKET}/d").notify(slack="${SLACK_URL}")
    job = job_of(told.on("Notifier", secrets={"SLACK_URL": "slack"}), tmp_path, project="mine")
    assert container_of(job, "Notifier")["command"] == [
        *("python", "-m", "fluentml.executors.with_secrets"),
        "SLACK_URL=projects/mine/secrets/slack/versions/latest",
        *("--", "python", "-m"),
        "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor",
    ]
    foreign = P.from_csv(f"{BUCKET}/d").add_component(Containerized, id="Shown")
    with pytest.raises(fml.BackendError, match="that step brings an image of its own"):
        job_of(foreign.on("Shown", secrets={"A": "projects/p/secrets/a"}), tmp_path)


# -- the image -------------------------------------------------------------------------------------


def test_the_image_has_the_modules_that_the_job_names(tmp_path: Path):
    pipeline = (
        fml.PipelineDef("p", root=tmp_path / "root")
        .from_csv(f"{BUCKET}/data")
        .generate_statistics()
        .infer_schema()
        .preprocess(preprocessing_fn, stats_options_updater_fn=stats_options_updater_fn)
        .train("tests.handwritten.taxi.module.run_fn")
        .push_to(f"{BUCKET}/serving")
    )
    job = job_of(pipeline, tmp_path, staging_bucket=BUCKET)
    write_image(pipeline.graph, tmp_path / "image")
    given = tasks_of(job)["Transform"]["inputs"]["parameters"]
    names = [
        given[key]["runtimeValue"]["constant"]
        for key in ("preprocessing_fn", "stats_options_updater_fn")
    ]
    (path,) = [one["value"] for one in container_of(job, "Transform")["env"]]
    here = path.replace("/pipeline", str(tmp_path / "image"))
    code = ""
    for name in names:
        module, _, function = name.rpartition(".")
        code += f"from {module} import {function}\n"
    code += "import fluentml, tests.handwritten; print(fluentml.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": here},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith(str(tmp_path / "image/packages")), done.stderr


def test_the_image_has_the_versions_that_are_here(tmp_path: Path):
    from importlib import metadata

    dockerfile = write_image(P.from_csv("data").graph, tmp_path)
    lines = (tmp_path / "requirements.txt").read_text().splitlines()
    assert f"tfx=={metadata.version('tfx')}" in lines
    assert all("==" in line for line in lines)
    assert not any(line.startswith("fluentml==") for line in lines)
    assert f"FROM python:{sys.version_info[0]}.{sys.version_info[1]}-slim" in dockerfile.read_text()
    for copied in ("packages", "modules", "requirements.txt"):
        assert f"COPY {copied} " in dockerfile.read_text()
        assert (tmp_path / copied).exists()


# -- open-source Kubeflow --------------------------------------------------------------------------


def test_a_task_of_kubeflow_runs_without_its_driver_and_types(tmp_path: Path):
    import yaml

    from fluentml.executors import kubeflow_task

    for span in (1, 2):
        (tmp_path / f"data/{span}").mkdir(parents=True)
        (tmp_path / f"data/{span}/rows.csv").write_text(f"a,b\n{span},x\n3,y\n")
    pipeline = P.from_csv(f"{BUCKET}/data", pattern="{SPAN}/*").generate_statistics().infer_schema()
    file = pipeline.compile("kubeflow", tmp_path / "p.yaml", image="i")
    spec = yaml.safe_load(file.read_text())

    def run(id: str, inputs: dict[str, Any], output: str, kind: str) -> dict[str, Any]:
        container = spec["deploymentSpec"]["executors"][f"{id}_executor"]["container"]
        assert container["command"][-1] == "fluentml.executors.kubeflow_task"
        values = spec["root"]["dag"]["tasks"][id]["inputs"].get("parameters", {})
        folder = tmp_path / id
        invocation = {
            "inputs": {
                **inputs,
                "parameterValues": {
                    key: value["runtimeValue"]["constant"] for key, value in values.items()
                }
                | inputs.get("parameterValues", {}),
            },
            "outputs": {
                "outputFile": str(folder / "executor_output.json"),
                "artifacts": {
                    output: {
                        "artifacts": [
                            {
                                "name": "1",
                                "uri": str(folder / output),
                                "type": {"schemaTitle": kind, "schemaVersion": "0.0.1"},
                            }
                        ]
                    }
                },
            },
        }
        kubeflow_task.main(
            [json.dumps(invocation) if one == "{{$}}" else one for one in container["args"]]
        )
        made: dict[str, Any] = json.loads((folder / "executor_output.json").read_text())
        return made

    base = {"parameterValues": {"input_base": str(tmp_path / "data")}}
    made = run("CsvExampleGen", base, "examples", "tfx.Examples")
    metadata = made["artifacts"]["examples"]["artifacts"][0]["metadata"]
    assert [value for key, value in metadata.items() if key.endswith("span")] == [2]
    assert [*(tmp_path / "CsvExampleGen/examples").glob("Split-*/*")]
    examples = {
        "name": "2",
        "uri": str(tmp_path / "CsvExampleGen/examples"),
        "type": {"schemaTitle": "system.Artifact"},
        "metadata": {"split_names": '["train", "eval"]'},
    }
    inputs = {"artifacts": {"examples": {"artifacts": [examples]}}}
    run("StatisticsGen", inputs, "statistics", "tfx.ExampleStatistics")
    assert [*(tmp_path / "StatisticsGen/statistics").glob("Split-train/*")]
