"""Training in custom jobs of Vertex AI: plain values, TFX's own steps, jobs that really train."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import fluentml as fml
from fluentml.backends.vertex import Vertex
from fluentml.errors import BackendError
from fluentml.loading import load
from tests.conftest import EXAMPLES
from tests.fake_clusters import FakeVertex, vertex_answers
from tests.messages import message_of, problems_of
from tests.test_readme import blocks

BUCKET = "gs://bucket"
JOB = {"project": "p", "region": "europe-west4", "image": "example.com/taxi:1"}
WHOLE = {
    **JOB,
    "machine_type": "n1-standard-8",
    "accelerator_type": "NVIDIA_TESLA_T4",
    "service_account": "runner@p.iam",
    "timeout": "6h",
    "env": {"LEVEL": "2"},
    "labels": {"team": "tips"},
    "display_name": "taxi training",
}
P = fml.PipelineDef("taxi", root=f"{BUCKET}/root").from_csv(f"{BUCKET}/data")
MODULE = "os.path.join"


# -- what is known before anything runs ------------------------------------------------------------


@pytest.mark.parametrize("verb", ["train", "tune"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"vertex": {**JOB, "machine": "n1-standard-8"}},
            "{verb}() knows no key 'machine' in vertex=.\n"
            "It takes: 'project', 'region', 'image', 'machine_type', 'accelerator_type', "
            "'accelerator_count', 'service_account', 'timeout', 'env', 'labels', 'display_name'.\n"
            "Hint: did you mean 'machine_type'?",
        ),
        (
            {"vertex": {"project": "p"}},
            "{verb}() misses 'region', 'image' in vertex=.\n"
            'Hint: write vertex={{"project": "…", "region": "…", "image": "…"}}.',
        ),
        (
            {"vertex": "europe-west4"},
            "{verb}() takes vertex= as a dict, not 'europe-west4'.\n"
            'Hint: write vertex={{"project": "…", "region": "…", "image": "…"}}.',
        ),
        (
            {"vertex": {**JOB, "timeout": "360"}},
            "{verb}(): 'timeout' in vertex= is '360'; write a whole number and a unit: "
            '"90s", "30m", "6h".',
        ),
        (
            {"vertex": {**JOB, "env": {"MY-LEVEL": "2"}}},
            "{verb}(): 'env' in vertex= has the name 'MY-LEVEL', which no environment variable "
            "has.",
        ),
        (
            {"vertex": {**JOB, "accelerator_count": 2}},
            "{verb}(): vertex= has accelerator_count without accelerator_type.",
        ),
        (
            {"vertex": {**JOB, "accelerator_type": "NVIDIA_TESLA_T4", "accelerator_count": 0}},
            "{verb}() cannot use vertex={{'accelerator_count': 0}}.\nHint: it takes 1 or more.",
        ),
        (
            {"vertex": JOB, "executor": "package:Executor"},
            "{verb}() takes executor= or vertex=, whose executor starts a job, not both.",
        ),
    ],
)
def test_what_is_no_job(verb: str, given: dict[str, Any], said: str):
    found = message_of(fml.DefinitionError, getattr(P, verb), MODULE, **given)
    assert found == said.format(verb=verb)


def test_the_root_must_be_where_the_job_reaches_it():
    chain = fml.PipelineDef("taxi").from_csv("gs://b/d").train(MODULE, vertex=JOB)
    said = (
        "train() lets Vertex AI read and write under the pipeline root, and 'artifacts' is not on "
        "Google Cloud Storage.\n"
        "Hint: name a bucket: PipelineDef('taxi', root=\"gs://bucket/…\")."
    )
    for target in ("local", "beam", "airflow", Vertex(image=JOB["image"])):
        assert said in problems_of(chain, target)
    # A target may bring its own.
    assert problems_of(chain, Vertex(image=JOB["image"], staging_bucket=f"{BUCKET}/root")) == []
    elsewhere = problems_of(P.train(MODULE, vertex=JOB), "local")
    assert not [one for one in elsewhere if "Google Cloud Storage" in one]


def test_the_image_of_the_job_has_what_the_function_needs(tmp_path: Path):
    stock = {**JOB, "image": "gcr.io/tfx-oss-public/tfx:1.16.0"}
    own, ours = tmp_path / "own.py", tmp_path / "ours.py"
    own.write_text("def run_fn(fn_args): ...\n")
    ours.write_text("from fluentml import training\n\n\ndef run_fn(fn_args): ...\n")
    assert [one for one in problems_of(P.train(own, vertex=stock)) if "image" in one] == []
    for module, needed in ((ours, "fluentml"), ("mine.models.run_fn", "mine")):
        assert (
            f"train() needs {needed!r} in the image of its job, and "
            "'gcr.io/tfx-oss-public/tfx:1.16.0' has not that: it is TFX's own.\n"
            "Hint: make an image with it: `fluentml image`."
        ) in problems_of(P.train(module, vertex=stock))


def test_a_cluster_ships_no_module_to_the_job(tmp_path: Path):
    module = tmp_path / "own.py"
    module.write_text("def run_fn(fn_args): ...\n")
    stock = {**JOB, "image": "tensorflow/tfx:1.16.0"}
    chain = P.train(module, vertex=stock).on("Trainer", gpu="nvidia-tesla-t4")
    found = [str(one) for one in Vertex(image=JOB["image"]).problems(chain.graph)]
    assert found == [
        f"train() calls {str(module)!r}, which the image of its job, 'tensorflow/tfx:1.16.0', has "
        "not: it is TFX's own.\n"
        "Hint: make an image with it: `fluentml image`.",
        "on('Trainer') asks for gpu='nvidia-tesla-t4', and that step only starts a job and waits "
        "for it.\n"
        'Hint: name it for the job: train(…, vertex={…, "accelerator_type": "NVIDIA_TESLA_T4"}).',
    ]


def test_a_job_survives_json():
    chain = P.tune(MODULE, vertex=WHOLE).train(MODULE, vertex=JOB)
    again = fml.Graph.from_json(chain.graph.to_json())
    assert again == chain.graph
    assert hash(again) == hash(chain.graph)


def test_what_readme_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (code,) = [one for one in blocks("python") if "vertex=gpu" in one]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text("def run_fn(fn_args): ...\ndef tuner_fn(fn_args): ...\n")
    names: dict[str, Any] = {"pipeline": P}
    exec(code, names)
    assert problems_of(names["pipeline"]) == []
    search, training = (names["pipeline"].graph[id].component for id in ("Tuner", "Trainer"))
    assert (search.parallel_trials, search.vertex) == (4, training.vertex)


# -- what TFX gets ---------------------------------------------------------------------------------


@pytest.mark.tfx
def test_a_run_here_without_credentials_is_refused(tmp_path: Path, no_account):
    chain = P.with_metadata(tmp_path / "metadata.db").train(MODULE, vertex=JOB)
    assert message_of(BackendError, chain.run).startswith(
        "train() asks Google Cloud, and there are no credentials here."
    )
    assert [*tmp_path.iterdir()] == []
    with pytest.raises(BackendError, match=r"train\(\) lets Vertex AI read and write under"):
        local(tmp_path).run(quiet=True)


@pytest.mark.tfx
def test_steps_are_those_that_one_writes_by_hand():
    """As TFX's guide to training on Vertex AI writes them."""
    from tfx.components.example_gen.csv_example_gen.component import CsvExampleGen
    from tfx.extensions.google_cloud_ai_platform import constants
    from tfx.extensions.google_cloud_ai_platform.trainer import executor as trainer_executor
    from tfx.extensions.google_cloud_ai_platform.trainer.component import Trainer
    from tfx.extensions.google_cloud_ai_platform.tuner import executor as tuner_executor
    from tfx.extensions.google_cloud_ai_platform.tuner.component import Tuner
    from tfx.orchestration import metadata, pipeline
    from tfx.proto import trainer_pb2, tuner_pb2

    from fluentml.lowering import IN_PROCESS_RUNNER
    from tests.test_google_push import configs, plain
    from tests.test_lowering import as_dict

    pool = {
        "machine_spec": {
            "machine_type": "n1-standard-8",
            "accelerator_type": "NVIDIA_TESLA_T4",
            "accelerator_count": 1,
        },
        "replica_count": 1,
        "container_spec": {
            "image_uri": "example.com/taxi:1",
            "env": [{"name": "LEVEL", "value": "2"}],
        },
    }
    whole = {
        "project": "p",
        "display_name": "taxi training",
        "labels": {"team": "tips"},
        "job_spec": {
            "worker_pool_specs": [pool, {**pool, "replica_count": 2}],
            "service_account": "runner@p.iam",
            "scheduling": {"timeout": "21600s"},
        },
    }
    least = {
        "project": "p",
        "labels": {},
        "job_spec": {
            "worker_pool_specs": [
                {
                    "machine_spec": {"machine_type": "n1-standard-4"},
                    "replica_count": 1,
                    "container_spec": {"image_uri": "example.com/taxi:1"},
                }
            ]
        },
    }
    vertex = {constants.ENABLE_VERTEX_KEY: True, constants.VERTEX_REGION_KEY: "europe-west4"}
    steps = {"train_args": trainer_pb2.TrainArgs(), "eval_args": trainer_pb2.EvalArgs()}
    examples = CsvExampleGen(input_base=f"{BUCKET}/data")
    tuner = Tuner(
        tuner_fn=MODULE,
        examples=examples.outputs["examples"],
        **steps,
        tune_args=tuner_pb2.TuneArgs(num_parallel_trials=3),
        custom_config={**vertex, tuner_executor.TUNING_ARGS_KEY: whole},
    )
    trainer = Trainer(
        run_fn=MODULE,
        examples=examples.outputs["examples"],
        hyperparameters=tuner.outputs["best_hyperparameters"],
        **steps,
        custom_config={"mine": 1, **vertex, trainer_executor.TRAINING_ARGS_KEY: least},
    )
    by_hand = pipeline.Pipeline(
        pipeline_name="taxi",
        pipeline_root=f"{BUCKET}/root/taxi",
        components=[examples, tuner, trainer],
        enable_cache=False,
        beam_pipeline_args=[IN_PROCESS_RUNNER],
        metadata_connection_config=metadata.sqlite_metadata_connection_config("/tmp/m.db"),
    )
    ours = (
        P.with_metadata("/tmp/m.db")
        .tune(MODULE, parallel_trials=3, vertex=WHOLE)
        .train(MODULE, custom_config={"mine": 1}, vertex=JOB)
        .to_tfx()
    )
    assert configs(as_dict(ours)) == configs(as_dict(by_hand))
    assert plain(as_dict(ours)) == plain(as_dict(by_hand))


@pytest.mark.tfx
def test_a_compiled_job_tells_where_its_modules_are(tmp_path: Path):
    module = tmp_path / "own.py"
    module.write_text("def run_fn(fn_args): ...\n")
    compiled = P.train(module, vertex=WHOLE).compile(
        Vertex(image="example.com/taxi:1"), tmp_path / "job.json"
    )
    executors = json.loads(compiled.read_text())["pipelineSpec"]["deploymentSpec"]["executors"]
    container = executors["Trainer_executor"]["container"]
    assert (
        "tfx.extensions.google_cloud_ai_platform.trainer.executor.GenericExecutor"
        in (container["args"])
    )
    (path,) = container["env"]
    tasks = json.loads(compiled.read_text())["pipelineSpec"]["root"]["dag"]["tasks"]
    config = tasks["Trainer"]["inputs"]["parameters"]["custom_config"]["runtimeValue"]["constant"]
    (pool,) = json.loads(config)["ai_platform_training_args"]["job_spec"]["worker_pool_specs"]
    assert pool["container_spec"]["env"] == [{"name": "LEVEL", "value": "2"}, path]


# -- a run here whose training is a job of the service ---------------------------------------------

RUN_FN = """
import os
from pathlib import Path

import tensorflow as tf


def run_fn(fn_args):
    if os.environ["LEVEL"] != "2":
        raise ValueError("this is not the job's container")
    model = tf.Module()
    model.weight = tf.Variable(float(fn_args.custom_config["weight"]))
    tf.saved_model.save(model, fn_args.serving_model_dir)
"""


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVertex]:
    """The service, asked by Google's real client over HTTP, whose answers TFX does not wait for."""
    from google.cloud.aiplatform import gapic
    from tfx.extensions.google_cloud_ai_platform import runner

    from fluentml.checks import cloud

    with vertex_answers(tmp_path, monkeypatch) as made:

        def client(client_options: dict[str, str]) -> Any:
            assert client_options == {"api_endpoint": "europe-west4-aiplatform.googleapis.com"}
            return real(client_options={"api_endpoint": made.url}, transport="rest")

        real = gapic.JobServiceClient
        monkeypatch.setattr(gapic, "JobServiceClient", client)
        monkeypatch.setattr(runner, "_POLLING_INTERVAL_IN_SECONDS", 0.01)
        # A folder of this machine stands for the bucket.
        monkeypatch.setattr(cloud, "root_out_of_reach", lambda graph, node: ())
        yield made


def run_on_this_machine(job: dict[str, Any]) -> str:
    """Run the container of a job as a process; return what it says as it fails."""
    (pool,) = job["jobSpec"]["workerPoolSpecs"]
    container = pool["containerSpec"]
    env = {one["name"]: one["value"] for one in container["env"]}
    python, *words = container["command"]
    assert python == "python"
    done = subprocess.run(
        [sys.executable, *words], env={**os.environ, **env}, capture_output=True, text=True
    )
    return done.stderr.strip().rpartition("\n")[2] if done.returncode else ""


def local(folder: Path, **step: Any) -> fml.PipelineDef:
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data/rows.csv").write_text("x,y\n" + "1,2\n" * 20)
    (folder / "model.py").write_text(RUN_FN)
    return (
        fml.PipelineDef("taxi", root=str(folder / "root"))
        .from_csv(folder / "data")
        .train(folder / "model.py", custom_config={"weight": 1.5}, vertex=WHOLE, **step)
    )


@pytest.mark.tfx
def test_a_job_trains_the_model_of_a_run_here(tmp_path: Path, service: FakeVertex):
    import tensorflow as tf
    from google.cloud import aiplatform_v1

    service.run_job = run_on_this_machine
    chain = local(tmp_path)
    result = chain.run(workers=0, quiet=True)
    assert result.succeeded
    (model,) = result.artifacts("Trainer.model")
    loaded = tf.saved_model.load(f"{model.uri}/Format-Serving")
    assert loaded.weight.numpy() == 1.5
    asked, *looks = service.requests
    parent = "/v1/projects/p/locations/europe-west4/customJobs"
    assert (asked.method, asked.path) == ("POST", parent)
    assert {(one.method, one.path) for one in looks} == {("GET", f"{parent}/0")}
    (job,) = service.custom_jobs
    assert job["displayName"] == "taxi training"
    assert job["labels"]["team"] == "tips"
    assert job["jobSpec"]["serviceAccount"] == "runner@p.iam"
    assert job["jobSpec"]["scheduling"] == {"timeout": "21600s"}
    (pool,) = job["jobSpec"]["workerPoolSpecs"]
    assert pool["machineSpec"] == {
        "machineType": "n1-standard-8",
        "acceleratorType": aiplatform_v1.AcceleratorType.NVIDIA_TESLA_T4,
        "acceleratorCount": 1,
    }
    # Nothing has changed, so that no second job is paid for.
    assert chain.run(workers=0, quiet=True).nodes["Trainer"].state == "cached"
    assert len(service.custom_jobs) == 1


@pytest.mark.tfx
@pytest.mark.parametrize(
    ("why", "said"),
    [
        (
            'The replica workerpool0-0 said "no luck", and exited with 1.',
            r"failed: The replica workerpool0-0 said \"no luck\", and exited with 1.",
        ),
        ("cancelled", "was cancelled."),
    ],
)
def test_a_job_that_fails(tmp_path: Path, service: FakeVertex, why: str, said: str):
    service.run_job = lambda job: why
    with pytest.raises(fml.RunError) as failure:
        local(tmp_path).run(workers=0, quiet=True)
    lines = str(failure.value).splitlines()
    job = "projects/p/locations/europe-west4/customJobs/0"
    assert lines[:2] == [
        f"Trainer failed: its job {job} of Vertex AI {said}",
        "The logs of the job: https://console.cloud.google.com/ai/platform/locations/europe-west4/"
        "training/0?project=p",
    ]
    assert [line.partition(":")[0] for line in lines[2:]] == ["The full log", "To go on", "Hint"]


@pytest.mark.tfx
def test_a_job_is_cancelled_with_its_run(
    tmp_path: Path, service: FakeVertex, monkeypatch: pytest.MonkeyPatch
):
    from tfx.extensions.google_cloud_ai_platform import runner, training_clients

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    stock = training_clients.VertexJobClient
    monkeypatch.setattr(runner, "time", SimpleNamespace(sleep=interrupted))
    with pytest.raises(KeyboardInterrupt):
        local(tmp_path).run(workers=0, quiet=True)
    (job,) = service.custom_jobs
    assert job["state"] == "JOB_STATE_CANCELLED"
    assert training_clients.VertexJobClient is stock


@pytest.mark.tfx
def test_a_job_that_is_refused(tmp_path: Path, service: FakeVertex):
    service.fail = (403, "Permission 'aiplatform.customJobs.create' denied.")
    with pytest.raises(fml.RunError, match=r"customJobs.create' denied") as failure:
        local(tmp_path).run(workers=0, quiet=True)
    assert failure.value.node == "Trainer"
    assert service.custom_jobs == []


# -- a compiled pipeline whose jobs run here too ---------------------------------------------------

HYPERPARAMETERS = {"learning_rate", "width"}


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory, taxi_rows: Path) -> Any:
    """A search on two machines and a training, as jobs of a pipeline for Vertex AI."""
    load(str(EXAMPLES / "taxi.py"))
    taxi = sys.modules["taxi"]
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "data").mkdir()
    with (taxi_rows / "trips.csv").open() as rows:
        (folder / "data/trips.csv").write_text("".join(itertools.islice(rows, 801)))
    searched = {"label": "tips_xf", "max_trials": 3, "train_steps": 10, "eval_steps": 5, "seed": 7}
    chain = (
        P.generate_statistics()
        .infer_schema()
        .preprocess(taxi.preprocessing_fn)
        .tune(taxi.build_model, **searched, parallel_trials=2, vertex=JOB)
        .train(taxi.build_model, label="tips_xf", train_steps=40, seed=7, vertex=JOB)
    )
    return fml.emulate(chain, Vertex(image=JOB["image"]), places={BUCKET: folder}, quiet=True)


def told(result: Any, id: str) -> str:
    (log,) = Path(result.log).parent.glob(f"{id}_1/task.log")
    return log.read_text(errors="replace")


@pytest.mark.tfx
def test_a_search_on_two_machines(emulated: Any):
    (found,) = emulated.artifacts("Tuner.best_hyperparameters")
    best = json.loads(Path(found.uri, "best_hyperparameters.txt").read_text())["values"]
    assert best.keys() == HYPERPARAMETERS
    trials = emulated.trials()
    assert len(trials) == 3
    assert {name: trials[0].hyperparameters[name] for name in HYPERPARAMETERS} == best
    # Both machines asked the oracle of the first, which wrote what they found.
    said = told(emulated, "Tuner")
    assert {"chief", "tfx-tuner-workerpool0-0", "tfx-tuner-workerpool1-0"} == {
        *re.findall(r"Finished tuning\.\.\. Tuner ID: (\S+)", said)
    }


@pytest.mark.tfx
def test_a_training_in_a_job(emulated: Any):
    import tensorflow as tf

    (model,) = emulated.artifacts("Trainer.model")
    signatures = tf.saved_model.load(f"{model.uri}/Format-Serving").signatures
    assert "serving_default" in signatures
    assert "Job 'projects/p/locations/europe-west4/customJobs/here' successful" in told(
        emulated, "Trainer"
    )


def run_fn(fn_args: Any) -> None:
    import os

    known = {name: os.environ.get(name) for name in ("OF_THE_JOB", "OF_THE_TASK", "CLUSTER_SPEC")}
    raise ValueError(f"told {known}")


@pytest.mark.tfx
def test_a_job_that_fails_in_an_emulation(tmp_path: Path):
    """The user's own error and lines are told; what on() gives is the task's, not the job's."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/rows.csv").write_text("x,y\n" + "1,2\n" * 20)
    chain = P.train(run_fn, vertex={**JOB, "env": {"OF_THE_JOB": "1"}})
    chain = chain.on("Trainer", env={"OF_THE_TASK": "2"}, timeout="1h")
    with pytest.raises(fml.RunError) as failure:
        fml.emulate(chain, Vertex(image=JOB["image"]), places={BUCKET: tmp_path}, quiet=True)
    what, frame, *_ = str(failure.value).splitlines()
    assert what.startswith(
        "Trainer failed: ValueError: told {'OF_THE_JOB': '1', 'OF_THE_TASK': None, "
    )
    assert '"task": {"type": "chief", "index": 0}' in what
    assert frame.endswith(" in run_fn")
