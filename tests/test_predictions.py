"""Predictions as a table: a row per example, its features and what the model said of it."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest

import fluentml as fml
from fluentml.errors import DataError, LoadError
from fluentml.results import Artifact, NodeResult, RunResult
from tests.conftest import Run
from tests.messages import message_of

P = fml.PipelineDef("test")


def run_of(**nodes: Any) -> RunResult:
    """Return a result in which each node has an artifact under one output key."""
    made = {
        id: NodeResult(id, "done", outputs={key: (Artifact(type, "nowhere"),)})
        for id, (key, type) in nodes.items()
    }
    return RunResult("p", "run", "log", made)


LOGS = ("inference_result", "InferenceResult")


# -- without TFX -----------------------------------------------------------------------------------


def test_a_run_without_predictions():
    result = run_of(Trainer=("model", "Model"))
    assert message_of(LoadError, result.predictions) == (
        "No node of this run made predictions.\n"
        "There are: none.\n"
        "Hint: add bulk_infer(…) to the chain."
    )


def test_several_nodes_with_predictions_and_a_wrong_name():
    result = run_of(BulkInferrer=LOGS, Other=("output_examples", "Examples"))
    assert message_of(LoadError, result.predictions) == (
        "Several nodes of this run made predictions.\n"
        "There are: 'BulkInferrer', 'Other'.\n"
        "Hint: name one: result.predictions('BulkInferrer')."
    )
    assert message_of(LoadError, result.predictions, "BulkInfer") == (
        "No node 'BulkInfer' of this run made predictions.\n"
        "There are: 'BulkInferrer', 'Other'.\n"
        "Hint: did you mean 'BulkInferrer'?"
    )


def test_a_table_is_parquet_or_csv():
    data = fml.from_csv("d")
    assert message_of(fml.DefinitionError, P.bulk_infer, data, write_to="out.xlsx") == (
        "bulk_infer() writes Parquet or CSV, and cannot tell which by write_to='out.xlsx'.\n"
        'Hint: let the name of the file end in .parquet or .csv: "predictions.parquet".'
    )
    assert P.bulk_infer(data, write_to=Path("a/b.csv")).components[0].write_to == "a/b.csv"


# -- of a real run ---------------------------------------------------------------------------------


@pytest.mark.tfx
def test_every_example_is_a_row_with_its_features_and_its_prediction(
    first_run: Run, unlabelled_rows: Path
):
    predictions = first_run.result.predictions()
    table = predictions.to_arrow()
    with (unlabelled_rows / "new.csv").open() as lines:
        rows = [*csv.DictReader(lines)]
    assert len(predictions) == table.num_rows == len(rows) == 100
    assert predictions.columns == (*sorted(rows[0]), "outputs")
    assert repr(predictions).startswith("Predictions('BulkInferrer': 100 rows of company, ")

    # TFX shuffles the rows of its sources.
    def key(row):
        return float(row["trip_start_timestamp"]), float(row["fare"]), row["company"] or ""

    for wanted, got in zip(sorted(rows, key=key), sorted(table.to_pylist(), key=key), strict=True):
        assert 0 <= got.pop("outputs") <= 1
        for name, text in wanted.items():
            value = got[name]
            if isinstance(value, int | float):
                assert value == pytest.approx(float(text), rel=1e-6)
            else:
                assert value == (text or None)
    assert not first_run.pipeline.graph["BulkInferrer"].component.write_to


@pytest.mark.tfx
def test_predictions_are_those_of_the_model(first_run: Run):
    import tensorflow as tf

    from fluentml.results.predictions import Predictions

    predictions = first_run.result.predictions("BulkInferrer")
    records = tf.data.TFRecordDataset([*predictions.files], "GZIP").as_numpy_iterator()
    from tensorflow_serving.apis import prediction_log_pb2

    logs = [prediction_log_pb2.PredictionLog.FromString(record) for record in records]
    examples = [log.predict_log.request.inputs["examples"].string_val[0] for log in logs]
    served = tf.saved_model.load(first_run.result.pushed_model).signatures["serving_default"]
    wanted = served(tf.constant(examples))["outputs"].numpy().ravel().tolist()
    assert predictions.to_arrow()["outputs"].to_pylist() == pytest.approx(wanted, rel=1e-4)
    assert isinstance(predictions, Predictions)


@pytest.mark.tfx
def test_files_and_frames_hold_the_same(first_run: Run, tmp_path: Path):
    import pyarrow.parquet

    predictions = first_run.result.predictions()
    table = predictions.to_arrow()
    predictions.to_parquet(tmp_path / "new/p.parquet")
    assert pyarrow.parquet.read_table(tmp_path / "new/p.parquet").equals(table)
    predictions.to_csv(tmp_path / "p.csv")
    assert {path.name for path in tmp_path.iterdir()} == {"new", "p.csv"}
    with (tmp_path / "p.csv").open() as lines:
        rows = [*csv.DictReader(lines)]
    for row, wanted in zip(rows, table.to_pylist(), strict=True):
        assert row["company"] == (wanted["company"] or "")
        assert row["pickup_community_area"] == str(wanted["pickup_community_area"] or "")
        assert len(row["fare"]) < 9  # a float of 32 bits has no more digits
        assert float(row["outputs"]) == pytest.approx(wanted["outputs"], rel=1e-6)
    frame = predictions.to_pandas()
    assert [*frame.columns] == [*table.column_names]
    assert frame["trip_start_hour"].tolist() == table["trip_start_hour"].to_pylist()
    assert frame["pickup_community_area"].tolist() == table["pickup_community_area"].to_pylist()
    missing = [math.isnan(value) for value in frame["pickup_latitude"]]
    assert missing == [value is None for value in table["pickup_latitude"].to_pylist()]


@pytest.mark.tfx
def test_a_model_without_its_blessing_predicts_nothing(second_run: Run):
    assert second_run.result.nodes["BulkInferrer"].note == "not blessed, no predictions"
    assert message_of(LoadError, second_run.result.predictions) == (
        "'BulkInferrer' made no predictions: it waits for the blessing of the model.\n"
        "Hint: print(result.summary()) tells why the model has none."
    )


@pytest.mark.tfx
def test_a_step_writes_the_table_itself(first_run: Run, unlabelled_rows: Path, tmp_path: Path):
    from google.protobuf import text_format
    from tfx.proto import bulk_inferrer_pb2

    (model,) = first_run.result.artifacts("model")
    columns = text_format.Parse(
        "output_columns_spec { predict_output { output_columns "
        '{ output_key: "outputs" output_column: "tip" } } }',
        bulk_inferrer_pb2.OutputExampleSpec(),
    )
    given = {"inputs": {"model": "ImportedModel.result"}}
    pipeline = (
        fml.PipelineDef("p", root=tmp_path / "artifacts")
        .with_base_model(model.uri)
        .bulk_infer(
            fml.from_csv(unlabelled_rows, split={"a": 1, "b": 1}),
            write_to=tmp_path / "out/p.csv",
            output_example_spec=columns,
            **given,
        )
        .bulk_infer(
            write_to=tmp_path / "out/p.parquet",
            id="Logs",
            inputs={"examples": "BulkInferrer_examples.examples", **given["inputs"]},
        )
    )
    result = pipeline.run(quiet=True)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"p.csv", "p.parquet"}
    import pyarrow.parquet

    logs = pyarrow.parquet.read_table(tmp_path / "out/p.parquet")
    assert logs.equals(result.predictions("Logs").to_arrow())
    with (tmp_path / "out/p.csv").open() as lines:
        rows = [*csv.DictReader(lines)]
    assert len(rows) == logs.num_rows == 100
    assert result.predictions("BulkInferrer").columns == tuple(sorted([*rows[0]]))
    tips = sorted(float(row["tip"]) for row in rows)
    assert tips == pytest.approx(sorted(logs["outputs"].to_pylist()), rel=1e-4)


# -- of logs that other models leave ---------------------------------------------------------------


def table_of(folder: Path, *logs: Any) -> Any:
    """Return the Predictions of logs in TFX's layout."""
    import tensorflow as tf

    from fluentml.results.predictions import Predictions

    options = tf.io.TFRecordOptions(compression_type="GZIP")
    # In two files: the order is that of their names.
    for number, part in enumerate((logs[:1], logs[1:])):
        path = f"{folder}/prediction_logs-0000{number}-of-00002.gz"
        with tf.io.TFRecordWriter(path, options) as writer:
            for log in part:
                writer.write(log.SerializeToString())
    return Predictions("BulkInferrer", str(folder))


def example_of(**features: list[Any]) -> Any:
    import tensorflow as tf

    def feature(values: list[Any]) -> Any:
        if all(isinstance(value, int) for value in values):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        if all(isinstance(value, float) for value in values):
            return tf.train.Feature(float_list=tf.train.FloatList(value=values))
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))

    made = {name: feature(values) for name, values in features.items()}
    return tf.train.Example(features=tf.train.Features(feature=made))


def predict_log(examples: list[Any], **outputs: Any) -> Any:
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    log = prediction_log_pb2.PredictionLog()
    serialized = [example.SerializeToString() for example in examples]
    request = log.predict_log.request.inputs["examples"]
    request.CopyFrom(tf.make_tensor_proto(serialized, tf.string))
    for name, values in outputs.items():
        log.predict_log.response.outputs[name].CopyFrom(tensor_proto(values))
    return log


def tensor_proto(values: Any) -> Any:
    import tensorflow as tf

    return tf.make_tensor_proto(values.numpy() if tf.is_tensor(values) else values)


@pytest.mark.tfx
def test_lists_bytes_and_names_that_collide(tmp_path: Path):
    import tensorflow as tf

    predictions = table_of(
        tmp_path,
        predict_log(
            [example_of(x=[1], tags=[b"a", b"\xc3\xa9"], raw=[b"\xff"], fare=[0.1])],
            x=[[0.25]],
            probabilities=[[0.25, 0.75]],
            grid=[[[1, 2], [3, 4]]],
            half=tf.constant([[0.5]], tf.bfloat16),
        ),
        predict_log(  # a batch, and features that are missing
            [example_of(x=[2], tags=[]), example_of(fare=[2.5], predicted_x=[7])],
            x=[[0.5], [0.75]],
            probabilities=[[0.5, 0.5], [1.0, 0.0]],
            grid=[[[5, 6], [7, 8]], [[9, 0], [1, 2]]],
            half=tf.constant([[0.25], [2]], tf.bfloat16),
        ),
    )
    assert len(predictions) == 3
    types = {field.name: str(field.type) for field in predictions.to_arrow().schema}
    assert types == {
        "fare": "float",
        "predicted_x": "int64",
        "raw": "binary",
        "tags": "list<item: string>",
        "x": "int64",
        "grid": "list<item: list<item: int32>>",
        "half": "float",
        "probabilities": "list<item: float>",
        "predicted_predicted_x": "float",
    }
    assert predictions.to_arrow().drop(["fare"]).to_pydict() == {
        "predicted_x": [None, None, 7],
        "raw": [b"\xff", None, None],
        "tags": [["a", "é"], None, None],
        "x": [1, 2, None],
        "grid": [[[1, 2], [3, 4]], [[5, 6], [7, 8]], [[9, 0], [1, 2]]],
        "half": [0.5, 0.25, 2.0],
        "probabilities": [[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]],
        "predicted_predicted_x": [0.25, 0.5, 0.75],
    }
    predictions.to_csv(tmp_path / "p.csv")
    with (tmp_path / "p.csv").open(encoding="utf-8") as lines:
        first, _, last = csv.DictReader(lines)
    assert (first["fare"], first["raw"], first["predicted_x"]) == ("0.1", "/w==", "")
    assert json.loads(first["tags"]) == ["a", "é"]
    assert json.loads(last["probabilities"]) == [1.0, 0.0]
    assert predictions.to_pandas()["x"].tolist() == [1, 2, None]


@pytest.mark.tfx
def test_a_column_of_text_and_numbers_is_refused(tmp_path: Path):
    predictions = table_of(
        tmp_path,
        predict_log([example_of(x=[1])], y=[[1.0]]),
        predict_log([example_of(x=[b"one"])], y=[[1.0]]),
    )
    assert message_of(DataError, predictions.to_arrow) == (
        "The predictions have text and numbers in the same column, 'x'.\n"
        "Hint: give the feature one type in all examples."
    )


@pytest.mark.tfx
def test_an_output_without_a_row_for_each_example_is_refused(tmp_path: Path):
    predictions = table_of(tmp_path, predict_log([example_of(x=[1])] * 3, mean=0.5))
    assert message_of(DataError, lambda: len(predictions)) == (
        "The output 'mean' has the shape () for 3 examples.\n"
        "Hint: let the signature return a row for each example."
    )


@pytest.mark.tfx
def test_classifications_and_regressions(tmp_path: Path):
    from google.protobuf import text_format
    from tensorflow_serving.apis import prediction_log_pb2

    def log_of(text: str, *path: str) -> Any:
        log = text_format.Parse(text, prediction_log_pb2.PredictionLog())
        request = getattr(log, path[0]).request
        request.input.example_list.examples.add().ParseFromString(
            example_of(x=[5]).SerializeToString()
        )
        return log

    classes = (
        'classifications { classes { label: "cat" score: 0.75 } '
        'classes { label: "dog" score: 0.25 } }'
    )
    scores = "classifications { classes { score: 0.75 } classes { score: 0.25 } }"
    value = "regressions { value: 1.5 }"
    cases = {
        f"classify_log {{ response {{ result {{ {classes} }} }} }}": {
            "classes": ["cat", "dog"],
            "scores": [0.75, 0.25],
        },
        f"classify_log {{ response {{ result {{ {scores} }} }} }}": {"scores": [0.75, 0.25]},
        f"regress_log {{ response {{ result {{ {value} }} }} }}": {"outputs": 1.5},
        "multi_inference_log { response { "
        'results { model_spec { signature_name: "kind" } '
        f"classification_result {{ {classes} }} }} "
        f'results {{ model_spec {{ signature_name: "price" }} regression_result {{ {value} }} }} '
        "} }": {
            "kind_classes": ["cat", "dog"],
            "kind_scores": [0.75, 0.25],
            "price_outputs": 1.5,
        },
    }
    for number, (text, wanted) in enumerate(cases.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        table = table_of(folder, log_of(text, text.partition(" ")[0])).to_arrow()
        assert table.to_pylist() == [{"x": 5, **wanted}]


@pytest.mark.tfx
def test_sequences_are_lists_of_steps(tmp_path: Path):
    import tensorflow as tf

    steps = [tf.train.Feature(int64_list=tf.train.Int64List(value=[n, n + 1])) for n in (1, 3)]
    sequence = tf.train.SequenceExample(
        context=example_of(user=[b"u"]).features,
        feature_lists=tf.train.FeatureLists(
            feature_list={"clicks": tf.train.FeatureList(feature=steps)}
        ),
    )
    table = table_of(tmp_path, predict_log([sequence], y=[[0.5]])).to_arrow()
    assert table.to_pylist() == [{"clicks": [[1, 2], [3, 4]], "user": "u", "y": 0.5}]
