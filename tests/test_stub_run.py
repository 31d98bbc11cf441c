"""stub_run(): a pipeline for real, but for the work."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import fluentml as fml
from fluentml.results import RunResult
from fluentml.testing import stub_run
from tests.conftest import Run, run_and_watch
from tests.messages import message_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few rows, and a module whose functions nobody may call."""
    folder = tmp_path_factory.mktemp("stubs")
    (folder / "data").mkdir()
    (folder / "data/trips.csv").write_text("fare,tips\n1.5,1\n")
    (folder / "model.py").write_text(
        "def preprocessing_fn(inputs): raise AssertionError\n"
        "def tuner_fn(fn_args): raise AssertionError\n"
        "def run_fn(fn_args): raise AssertionError\n"
    )
    return folder


@pytest.fixture
def pipeline(folder: Path) -> fml.PipelineDef:
    model = folder / "model.py"
    return (
        fml.PipelineDef("taxi", root=folder / "never")
        .with_metadata(folder / "never.db")
        .with_beam_pipeline_args(["--runner=DataflowRunner"])
        .from_csv(folder / "data", split={"train": 3, "eval": 1, "test": 1})
        .generate_statistics()
        .infer_schema()
        .validate_input_data(fail_on="anomalies")
        .preprocess(model)
        .tune(model)
        .train(model)
        .evaluate_model("tips", metrics=["AUC"], thresholds={"AUC": 0.8})
        .infra_validate()
        .push_to(folder / "serving")
        .push_to(folder / "best", when=fml.metric("AUC") > 0.9, id="PushBest")
        .bulk_infer(fml.from_csv(folder / "data"))
        .notify(slack="${NOWHERE}")
    )


def states(result: RunResult) -> dict[str, str]:
    return {id: node.state for id, node in result.nodes.items()}


GOOD = {"AUC": 0.95}


@pytest.mark.tfx
def test_every_node_runs_and_nothing_is_done(pipeline: fml.PipelineDef, folder: Path):
    result = stub_run(pipeline, values=GOOD)
    assert {*states(result).values()} == {"done"}
    assert [*result.nodes] == [node.id for node in pipeline.graph.nodes]
    (examples,) = result.artifacts("CsvExampleGen.examples")
    assert json.loads(examples.properties["split_names"]) == ["train", "eval", "test"]
    (transformed,) = result.artifacts("transformed_examples")
    assert {path.name for path in Path(transformed.uri).iterdir()} == {
        "Split-train",
        "Split-eval",
        "Split-test",
    }
    (model,) = result.artifacts("model")[:1]
    assert (Path(model.uri) / "Format-Serving").is_dir()
    assert Path(result.pushed_model).is_relative_to(Path(result.log).parents[1])
    assert [push.node for push in result.pushes if push.destination] == ["Pusher", "PushBest"]
    assert result.metrics == GOOD
    left = {path.name for path in folder.iterdir()}
    assert left.isdisjoint({"never", "never.db", "serving", "best"})


@pytest.mark.tfx
def test_a_refused_model_is_pushed_nowhere(pipeline: fml.PipelineDef):
    result = stub_run(pipeline, refuse={"InfraValidator"}, values={"AUC": 0.5})
    assert result.nodes["InfraValidator"].note == "not blessed"
    assert result.nodes["Evaluator"].note == "blessed"
    assert (states(result)["Pusher"], result.nodes["Pusher"].note) == ("done", "not pushed")
    assert (states(result)["PushBest"], result.nodes["PushBest"].note) == (
        "skipped",
        "AUC is 0.5, not > 0.9",
    )
    assert result.pushed_model is None
    assert "NOT PUSHED because infra_validate() did not bless the model" in result.summary()


@pytest.mark.tfx
def test_a_step_fails_and_the_exit_steps_run(pipeline: fml.PipelineDef, tmp_path: Path):
    from tests.custom_component import Report

    told = tmp_path / "told.json"
    watched = pipeline.on_exit(Report, arguments={"file": str(told)})
    result = stub_run(watched, fail={"Trainer", "Notifier"}, real={"Report"}, values=GOOD)
    found = states(result)
    assert (found["Transform"], found["Trainer"], found["Evaluator"]) == (
        "done",
        "failed",
        "not run",
    )
    assert (found["Notifier"], found["Report"]) == ("failed", "done")
    report = json.loads(told.read_text())
    assert report["state"] == "FAILED"
    assert report["error"]["message"].startswith("Trainer failed: the test lets it fail.")


@pytest.mark.tfx
def test_a_push_that_is_required_fails_as_it_would(folder: Path):
    strict = (
        fml.PipelineDef("strict")
        .from_csv(folder / "data")
        .train(folder / "model.py")
        .evaluate_model("tips", metrics=["AUC"], thresholds={"AUC": 0.8})
        .push_to(folder / "serving", require_push=True)
    )
    with pytest.raises(fml.RunError) as error:
        stub_run(strict, refuse={"Evaluator"})
    assert error.value.what == (
        "Pusher failed: a push is required, and evaluate_model() did not bless the model."
    )


@pytest.mark.tfx
def test_components_of_ones_own_values_and_containers(folder: Path):
    from tests.custom_component import Containerized, CountExamples, Double, Repeat

    pipeline = (
        fml.PipelineDef("own")
        .from_csv(folder / "data")
        .add_component(CountExamples)
        .add_component(Repeat, arguments={"times": 2})
        .add_component(
            Containerized,
            when=lambda length: length.future()[0].value > 3,
        )
    )
    # Nobody knows a function's outputs before it is called.
    pipeline = pipeline.add_component(lambda length: Double(length=length), id="Doubled")
    for values, state in (({"Doubled.doubled": "8"}, "skipped"), ({"Repeat.length": 4}, "done")):
        assert states(stub_run(pipeline, values=values))["Containerized"] == state
    result = stub_run(pipeline, real={"Repeat"}, values={"CountExamples.splits": "abc"})
    (repeated,) = result.artifacts("repeated")
    assert Path(repeated.uri).read_text() == "abcabc"


@pytest.mark.tfx
def test_a_second_run_finds_what_the_first_one_blessed(pipeline: fml.PipelineDef, tmp_path: Path):
    for found in ((), ("Model",)):
        result = stub_run(pipeline, values=GOOD, root=tmp_path)
        resolved = result.nodes["latest_blessed_model_resolver"].outputs.get("model", ())
        assert tuple(artifact.type for artifact in resolved) == found


@pytest.mark.tfx
def test_what_tfx_recorded_is_copied(folder: Path, tmp_path: Path):
    from tfx.experimental.pipeline_testing import pipeline_recorder_utils

    from tests.custom_component import CountExamples

    pipeline = fml.PipelineDef("counted", root=tmp_path).from_csv(folder / "data")
    pipeline = pipeline.add_component(CountExamples)
    run = run_and_watch(pipeline, quiet=True)
    pipeline_recorder_utils.record_pipeline(
        str(tmp_path / "recorded"),
        metadata_db_uri=str(tmp_path / "counted/metadata.db"),
        pipeline_name="counted",
    )
    result = stub_run(pipeline, recorded=tmp_path / "recorded", root=tmp_path / "stub")
    (real,), (stub,) = run.result.artifacts("examples"), result.artifacts("examples")
    assert stub.uri != real.uri
    assert contents(stub.uri) == contents(real.uri) != {}
    assert stub.properties["split_names"] == '["eval", "train"]'
    (splits,) = result.artifacts("splits")
    assert Path(splits.uri).read_text() == ""


def contents(uri: str) -> dict[str, bytes]:
    files = [path for path in Path(uri).rglob("*") if path.is_file()]
    return {str(file.relative_to(uri)): file.read_bytes() for file in files}


@pytest.mark.tfx
def test_verdicts_are_those_of_recorded_artifacts(first_run: Run, tmp_path: Path):
    for node in first_run.result.nodes.values():
        for key, artifacts in node.outputs.items():
            for number, artifact in enumerate(artifacts):
                if Path(artifact.uri).is_dir():
                    target = tmp_path / "recorded" / node.id / key / str(number)
                    shutil.copytree(artifact.uri, target)
    result = stub_run(first_run.pipeline, recorded=tmp_path / "recorded", root=tmp_path)
    assert result.metrics == first_run.result.metrics
    assert result.trials() == first_run.result.trials()
    assert states(result) == states(first_run.result)
    (model,) = result.artifacts("Trainer.model")
    assert (Path(model.uri) / "Format-Serving/saved_model.pb").exists()


@pytest.mark.parametrize(
    ("wish", "kind", "message"),
    [
        (
            {},
            fml.DefinitionError,
            "A condition looks at 'AUC', and stub_run() computes no metrics.\n"
            'Hint: say what it is: values={"AUC": 0.9}.',
        ),
        (
            {"values": {"AUC": "high"}},
            fml.DefinitionError,
            "stub_run() gets 'high' for the metric 'AUC'.\n"
            'Hint: give it a number: values={"AUC": 0.9}.',
        ),
        (
            {"values": {**GOOD, "AUD": 1}},
            fml.DefinitionError,
            "stub_run() gets a value for 'AUD', which is neither a metric that a condition looks "
            "at nor a channel.\n"
            "Hint: did you mean 'AUC'?",
        ),
        (
            {"refuse": {"Trainer"}, "values": GOOD},
            fml.DefinitionError,
            "stub_run() cannot let 'Trainer' refuse a model: it blesses none.\n"
            "Those that do: 'Evaluator', 'InfraValidator'.\n"
            "Hint: fail= lets any step fail.",
        ),
        (
            {"refuse": "Evaluator"},
            fml.DefinitionError,
            "stub_run() takes refuse= as a set of ids, not 'Evaluator'.\n"
            "Hint: write refuse={'Evaluator'}.",
        ),
        (
            {"fail": {"latest_blessed_model_resolver"}, "values": GOOD},
            fml.DefinitionError,
            "stub_run() cannot change 'latest_blessed_model_resolver': it runs no executor, and "
            "finds what is there.\n"
            "Hint: name a step that reads from it.",
        ),
        (
            {"fail": {"Evaluator"}, "real": {"Evaluator"}, "values": GOOD},
            fml.DefinitionError,
            "stub_run() gets 'Evaluator' as real=, and a verdict for it.\n"
            "Hint: a step that runs its own executor decides by itself.",
        ),
    ],
)
def test_what_no_stub_can_do_is_refused(pipeline: fml.PipelineDef, wish, kind, message):
    assert message_of(kind, stub_run, pipeline, **wish) == message


def test_a_step_that_is_not_there_is_refused(pipeline: fml.PipelineDef):
    told = message_of(fml.WiringError, stub_run, pipeline, fail={"Trianer"}, values=GOOD)
    assert told.startswith("Pipeline 'taxi' has no node 'Trianer'.")
    assert "did you mean 'Trainer'" in told


def test_a_folder_of_recordings_that_is_not_there_is_refused(
    pipeline: fml.PipelineDef, tmp_path: Path
):
    missing = tmp_path / "recorded"
    assert message_of(fml.DefinitionError, stub_run, pipeline, recorded=missing, values=GOOD) == (
        f"stub_run() finds no folder '{missing}'.\n"
        "Hint: TFX's pipeline_recorder writes one: <recorded>/<node>/<output>/<number>."
    )
