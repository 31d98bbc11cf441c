"""Pipelines run for real on this machine, and the person sees what matters."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import fluentml as fml
from fluentml import datasets
from fluentml.errors import BackendError, RunError
from tests.conftest import TAXI_MODEL, Run, run_and_watch

pytestmark = pytest.mark.tfx


# -- a run that goes well --------------------------------------------------------------------------


def test_every_node_is_done(first_run: Run):
    assert first_run.result.succeeded
    others = {id for id, node in first_run.result.nodes.items() if node.state != "done"}
    assert others == {"PushPerfect"}  # its condition does not hold
    assert [*first_run.result.nodes] == [node.id for node in first_run.pipeline.graph.nodes]


def test_artifacts_lie_in_tfx_layout_under_the_root(first_run: Run, run_folder: Path):
    root = run_folder / "artifacts/taxi"
    (model,) = first_run.result.artifacts("model")
    assert Path(model.uri).parent == root / "Trainer/model"
    assert model.type == "Model"
    assert (Path(model.uri) / "Format-Serving/saved_model.pb").exists()
    assert (root / "metadata.db").exists()
    (examples,) = first_run.result.artifacts("CsvExampleGen.examples")
    assert json.loads(examples.properties["split_names"]) == ["train", "eval"]


def test_metadata_is_tfx_s_own(first_run: Run, run_folder: Path):
    from ml_metadata import proto as mlmd
    from ml_metadata.metadata_store import MetadataStore

    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(run_folder / "artifacts/taxi/metadata.db")
    store = MetadataStore(config)
    context = store.get_context_by_type_and_name("pipeline_run", first_run.result.run_id)
    assert context is not None
    ran = [node for node in first_run.result.nodes.values() if node.state != "skipped"]
    assert len(store.get_executions_by_context(context.id)) == len(ran)


def test_first_model_is_blessed_and_pushed(first_run: Run, run_folder: Path):
    (evaluation,) = first_run.result.evaluations
    assert evaluation.blessed is True
    assert evaluation.metrics["AUC"] == first_run.result.metrics["AUC"] >= 0.7
    assert evaluation.metrics["ExampleCount"] > 1000
    assert "trip_start_hour:12" in evaluation.slices
    assert evaluation.baseline == {}
    assert evaluation.slices["payment_type:Credit Card"]["BinaryAccuracy"] >= 0.5
    assert evaluation.bounds["BinaryAccuracy"] == "at least 0.5 for payment_type:Credit Card"
    pushed = Path(first_run.result.pushed_model)
    assert pushed.parent == run_folder / "serving"
    assert (pushed / "saved_model.pb").exists()
    # TFX copied it into a hidden folder, from which it appeared all at once.
    log = Path(first_run.result.log).read_text()
    assert re.search(rf"Model written to serving path {run_folder}/serving/\.pushing-", log)


def test_first_model_serves_raw_examples(first_run: Run):
    (validation,) = first_run.result.infra_validations
    assert (validation.node, validation.blessed) == ("InfraValidator", True)
    assert 0 < validation.startup_s < 60
    assert 100 < validation.memory_mb < 4000
    assert {*validation.latency_ms} == {"serving_default", "transform_features"}
    assert (validation.percentile, validation.reasons) == (95, ())
    assert first_run.result.nodes["InfraValidator"].note == "blessed"
    (line,) = [line for line in first_run.screen.splitlines() if line.startswith("FIT TO SERVE")]
    assert re.fullmatch(
        r"FIT TO SERVE: loads in [\d.]+ s, serving_default takes [\d.]+ ms \(percentile 95\), "
        r"transform_features takes [\d.]+ ms \(percentile 95\), \d+ MB of memory",
        line,
    )


def test_pushed_model_predicts_in_a_fresh_process(first_run: Run, unlabelled_rows: Path):
    program = """
        import csv, sys
        from pathlib import Path
        from fluentml.demo import predict
        model, schema, data = sys.argv[1:]
        row = next(csv.DictReader(open(data)))
        trip = {**row, "fare": "20.0", "trip_miles": "6.0", "trip_start_hour": "18"}
        payments = [{**trip, "payment_type": kind} for kind in ("Credit Card", "Cash")]
        print(*predict(model, Path(schema), payments))
    """
    (schema,) = first_run.result.artifacts("SchemaGen.schema")
    rows = str(unlabelled_rows / "new.csv")
    done = subprocess.run(
        [
            *(sys.executable, "-c", textwrap.dedent(program)),
            *(first_run.result.pushed_model, schema.uri, rows),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    by_card, in_cash = map(float, done.stdout.split())
    assert 0 <= in_cash < by_card <= 1  # cash tips are not recorded


def test_bulk_inferrer_predicts_for_unlabelled_rows(first_run: Run):
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    (predictions,) = first_run.result.artifacts("inference_result")
    files = [str(path) for path in Path(predictions.uri).rglob("*.gz")]
    logs = [
        prediction_log_pb2.PredictionLog.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(files, compression_type="GZIP")
    ]
    assert len(logs) == 100


def test_screen_tells_each_node_and_the_verdict(first_run: Run):
    lines = first_run.screen.splitlines()
    assert lines[0] == f"taxi  run {first_run.result.run_id}"
    for node in first_run.result.nodes:
        (line,) = [line for line in lines if line.split()[:1] == [node]]
        assert (" s  done" in line) == (node != "PushPerfect")
    assert "BLESSED" in lines
    assert f"PUSHED to {first_run.result.pushed_model}" in lines
    auc = next(line for line in lines if line.lstrip().startswith("AUC"))
    assert auc.endswith("at least 0.7")  # a first run has no baseline to gain on
    assert lines[-1] == f"log: {first_run.result.log}"


def test_a_condition_on_a_metric_decides_over_a_push(first_run: Run, run_folder: Path):
    auc = first_run.result.metrics["AUC"]
    why = f"AUC is {auc:.4g}, not > 0.99999"
    assert first_run.result.nodes["PushPerfect"].note == why
    assert f"NOT PUSHED because {why}" in first_run.screen.splitlines()
    assert not (run_folder / "perfect").exists()
    assert first_run.result.nodes["PushUseful"].note == "pushed"
    assert len([*(run_folder / "useful").iterdir()]) == 1


def test_the_stack_s_own_words_go_to_the_log(first_run: Run):
    log = Path(first_run.result.log).read_text()
    assert "Component" in log or "launcher" in log
    assert "binary_accuracy" in log  # what Keras printed while it trained
    # TFX would pack itself for Beam's workers, of which there are none.
    assert "infer TFX Python dependency" not in log
    assert len(first_run.screen.splitlines()) < 40


# -- a second run ----------------------------------------------------------------------------------


def test_what_did_not_change_is_cached(second_run: Run):
    states = {node.id: node.state for node in second_run.result.nodes.values()}
    cached = {id for id, state in states.items() if state == "cached"}
    assert cached >= {"CsvExampleGen", "StatisticsGen", "SchemaGen", "Transform", "Tuner"}
    assert states["Trainer"] == states["Evaluator"] == "done"
    assert second_run.result.succeeded


def test_second_model_is_compared_with_the_first(first_run: Run, second_run: Run):
    (evaluation,) = second_run.result.evaluations
    assert evaluation.baseline["AUC"] == pytest.approx(first_run.result.metrics["AUC"], abs=1e-6)


def test_model_without_the_gain_is_not_blessed_and_not_pushed(second_run: Run):
    (evaluation,) = second_run.result.evaluations
    assert evaluation.blessed is False
    assert evaluation.bounds["AUC"] == "at least 0.7 and +0.5 against the baseline"
    (reason,) = evaluation.reasons
    assert reason.startswith("AUC shows a gain of ")
    assert reason.endswith(" against the baseline, below 0.5")
    assert second_run.result.pushed_model is None
    assert f"NOT BLESSED because {reason}" in second_run.screen
    assert [validation.blessed for validation in second_run.result.infra_validations] == [True]
    # The other gate let it through, and is not blamed.
    assert "NOT PUSHED because evaluate_model() did not bless the model\n" in second_run.screen


def test_result_as_plain_values(second_run: Run):
    again = json.loads(json.dumps(second_run.result.to_dict()))
    assert again["succeeded"] is True
    assert again["blessed"] is False
    assert again["pushed_model"] is None
    assert {node["id"] for node in again["nodes"]} == {*second_run.result.nodes}


# -- parts of runs ---------------------------------------------------------------------------------


def test_run_to_a_node(tmp_path: Path, taxi_rows: Path):
    pipeline = (
        fml.PipelineDef("p", root=tmp_path)
        .from_csv(taxi_rows)
        .generate_statistics()
        .infer_schema()
        .validate_input_data()
    )
    result = pipeline.run(quiet=True, to="StatisticsGen")
    assert [*result.nodes] == ["CsvExampleGen", "StatisticsGen"]
    assert result.succeeded
    assert result.summary() == ""


def test_from_tfrecord_and_splits_by_file(tmp_path: Path):
    import tensorflow as tf

    for name, count in (("train", 20), ("eval", 10)):
        with tf.io.TFRecordWriter(str(tmp_path / f"{name}-1.tfrecord")) as writer:
            for number in range(count):
                ints = tf.train.Int64List(value=[number])
                features = {"x": tf.train.Feature(int64_list=ints)}
                example = tf.train.Example(features=tf.train.Features(feature=features))
                writer.write(example.SerializeToString())
    pipeline = (
        fml.PipelineDef("p", root=tmp_path / "artifacts")
        .from_tfrecord(tmp_path, split={"train": "train-*", "eval": "eval-*"})
        .generate_statistics()
    )
    result = pipeline.run(quiet=True)
    (statistics,) = result.artifacts("statistics")
    import tensorflow_data_validation as tfdv

    counts = {
        split: tfdv.load_stats_binary(f"{statistics.uri}/Split-{split}/FeatureStats.pb")
        .datasets[0]
        .num_examples
        for split in ("train", "eval")
    }
    assert counts == {"train": 20, "eval": 10}


def test_imported_schema_hyperparameters_and_model_reach_the_user_s_code(
    tmp_path: Path, taxi_rows: Path, first_run: Run
):
    (schema,) = first_run.result.artifacts("SchemaGen.schema")
    (tuned,) = first_run.result.artifacts("best_hyperparameters")
    (model,) = first_run.result.artifacts("model")
    told = tmp_path / "told.json"
    code = module(
        tmp_path,
        f"""
        import json, os
        from pathlib import Path

        def run_fn(fn_args):
            Path({str(told)!r}).write_text(json.dumps({{
                "tuned": sorted(fn_args.hyperparameters["values"]),
                "base_model": os.path.exists(fn_args.base_model + "/saved_model.pb"),
                "schema": Path(fn_args.schema_path).read_text(),
                "custom": fn_args.custom_config,
                "steps": [fn_args.train_steps, fn_args.eval_steps],
            }}))
            Path(fn_args.serving_model_dir).mkdir(parents=True)
        """,
    )
    pipeline = (
        fml.PipelineDef("p", root=tmp_path / "a")
        .from_csv(taxi_rows)
        .with_imported_schema(schema.uri)
        .with_hyperparameters(tuned.uri)
        .with_base_model(model.uri)
        .train(code, train_steps=7, eval_steps=3, custom_config={"depth": [1, 2]})
    )
    assert pipeline.run(quiet=True).succeeded
    seen = json.loads(told.read_text())
    assert seen.pop("schema") == (Path(schema.uri) / "schema.pbtxt").read_text()
    assert seen == {
        "tuned": ["learning_rate", "width"],
        "base_model": True,
        "custom": {"depth": [1, 2]},
        "steps": [7, 3],
    }


def test_a_model_is_evaluated_on_a_data_set_of_its_own(
    tmp_path: Path, taxi_rows: Path, first_run: Run
):
    (model,) = first_run.result.artifacts("model")
    rows = (taxi_rows / "trips.csv").read_text().splitlines()[:61]
    (tmp_path / "holdout").mkdir()
    (tmp_path / "holdout/trips.csv").write_text("\n".join(rows))
    pipeline = (
        fml.PipelineDef("p", root=tmp_path / "a")
        .from_csv(taxi_rows)
        .import_artifact(model.uri, "Model")
        .evaluate_model(
            "tips_xf",
            metrics=["ExampleCount"],
            thresholds={"ExampleCount": (">=", 1)},
            examples=fml.from_csv(tmp_path / "holdout", split={"eval": 1}, id="Holdout"),
            baseline=None,
            preprocessing_function_names=["transform_features"],
            inputs={"model": "Importer.result"},
        )
    )
    result = pipeline.run(quiet=True, to="Evaluator")
    assert list(result.nodes) == ["Importer", "Holdout", "Evaluator"]
    assert result.metrics == {"ExampleCount": 60}


# -- a run that fails ------------------------------------------------------------------------------


def module(folder: Path, body: str) -> Path:
    file = folder / "my_model.py"
    file.write_text(textwrap.dedent(body))
    return file


def test_failing_user_code_shows_the_user_s_lines(tmp_path: Path, taxi_rows: Path):
    broken = module(
        tmp_path,
        """
        def units(fn_args):
            return 64 / fn_args.eval_steps

        def run_fn(fn_args):
            fn_args.eval_steps = 0
            units(fn_args)
        """,
    )
    pipeline = (
        fml.PipelineDef("p", root=tmp_path / "a")
        .from_csv(taxi_rows)
        .train(broken, train_steps=1)
        .push_to(tmp_path / "serving")
    )
    with pytest.raises(RunError) as caught:
        run_and_watch(pipeline)
    error = caught.value
    assert str(error).splitlines() == [
        "Trainer failed: ZeroDivisionError: division by zero",
        f"  {broken}:7 in run_fn",
        "    units(fn_args)",
        f"  {broken}:3 in units",
        "    return 64 / fn_args.eval_steps",
        f"The full log: {error.result.log}",
        "To go on: pipeline.resume()",
        "Hint: mend it first; what is done is not run again.",
    ]
    assert error.node == "Trainer"
    states = [node.state for node in error.result.nodes.values()]
    assert states == ["done", "failed", "not run"]
    assert not error.result.succeeded
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert not (tmp_path / "serving").exists()
    log = Path(error.result.log).read_text()
    assert "Traceback (most recent call last):" in log
    assert "ZeroDivisionError: division by zero" in log


def test_failing_preprocessing_shows_the_user_s_line(tmp_path: Path, taxi_rows: Path):
    broken = module(
        tmp_path,
        """
        import tensorflow as tf

        def preprocessing_fn(inputs):
            return {"fare": tf.strings.lower(inputs["fare"])}
        """,
    )
    pipeline = (
        fml.PipelineDef("p", root=tmp_path / "a")
        .from_csv(taxi_rows)
        .generate_statistics()
        .infer_schema()
        .preprocess(broken)
    )
    with pytest.raises(RunError) as caught:
        run_and_watch(pipeline)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("Transform failed: ")
    assert f"  {broken}:5 in preprocessing_fn" in lines
    assert '    return {"fare": tf.strings.lower(inputs["fare"])}' in lines
    assert len(lines) < 10


def test_command_line_exits_with_1_and_plain_words(tmp_path: Path):
    module(tmp_path, "def run_fn(fn_args):\n    raise RuntimeError('no GPU in sight')\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/rows.csv").write_text("x,y\n1,2\n3,4\n5,6\n")
    (tmp_path / "chain.py").write_text(
        "import fluentml as fml\n"
        "pipeline = fml.PipelineDef('p').from_csv('data').train('my_model.py')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "fluentml", "run", "chain.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "  Trainer " in done.stdout
    assert " failed" in done.stdout
    lines = done.stderr.splitlines()
    assert lines[:3] == [
        "Trainer failed: RuntimeError: no GPU in sight",
        "  my_model.py:2 in run_fn",
        "    raise RuntimeError('no GPU in sight')",
    ]
    assert lines[-2] == "To go on: fluentml resume chain.py"
    assert lines[-1].startswith("Hint: ")
    assert len(lines) == 6  # and nothing of TensorFlow's, absl's or Beam's


# -- what this machine cannot do -------------------------------------------------------------------


def test_tensorflow_serving_without_docker_is_refused_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from tfx.proto import infra_validator_pb2 as pb

    serving_spec = pb.ServingSpec(
        tensorflow_serving=pb.TensorFlowServing(tags=["latest"]),
        local_docker=pb.LocalDockerConfig(),
    )
    monkeypatch.setattr("fluentml.components._here.docker_answers", lambda: False)
    pipeline = (
        fml.PipelineDef("p", root=tmp_path)
        .from_csv(datasets.taxi())
        .train(TAXI_MODEL)
        .infra_validate(serving_spec=serving_spec)
    )
    with pytest.raises(BackendError) as error:
        pipeline.run()
    assert str(error.value).splitlines() == [
        "infra_validate(serving_spec=…) starts TensorFlow Serving in Docker, and no Docker engine "
        "is reachable here.",
        "Hint: start Docker, or leave serving_spec= out: a fresh process then plays the server.",
    ]
    assert [*tmp_path.iterdir()] == []


def test_remote_root_without_a_metadata_store_is_refused(taxi_rows: Path):
    pipeline = fml.PipelineDef("p", root="gs://bucket").from_csv(taxi_rows)
    with pytest.raises(BackendError) as error:
        pipeline.run()
    assert str(error.value).splitlines() == [
        "Running here with the root 'gs://bucket' needs a place for the metadata.",
        'Hint: name a local file: .with_metadata("metadata.db").',
    ]


def test_a_root_that_cannot_be_written_is_refused_at_once(tmp_path: Path, taxi_rows: Path):
    (tmp_path / "artifacts").write_text("a file where a folder should be")
    pipeline = fml.PipelineDef("p", root=tmp_path / "artifacts").from_csv(taxi_rows)
    with pytest.raises(BackendError) as error:
        pipeline.run()
    what, hint = str(error.value).splitlines()
    assert what.startswith("The run cannot write to ")
    assert what.endswith(": Not a directory.")
    assert hint == "Hint: choose another root: PipelineDef('p', root=…)."
