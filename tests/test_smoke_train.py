"""smoke_train(): what becomes of a chain, and of its data; README's test file runs one for real."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import Any

import pytest

import fluentml as fml
from fluentml.testing import smoke_train, stub_run
from fluentml.testing._roots import under
from fluentml.testing._samples import sample
from fluentml.testing.smoke import small
from tests.conftest import EXAMPLES
from tests.messages import message_of
from tests.test_readme import the_block

HEADER = "fare,note"


def rows_of(file: Path) -> list[str]:
    header, *rows = file.read_text().splitlines()
    assert header == HEADER
    return rows


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """1,000 rows, some of which go on over two lines."""
    (tmp_path / "data").mkdir()
    rows = [f'{n},"two\nlines"' if n % 100 == 0 else f"{n},plain" for n in range(1000)]
    (tmp_path / "data/trips.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    return tmp_path / "data"


# -- samples ---------------------------------------------------------------------------------------


def test_rows_come_from_the_whole_file_and_are_the_same_every_time(data: Path, tmp_path: Path):
    texts = []
    for name in ("one", "two"):
        made = sample(fml.from_csv(data), 200, tmp_path / name)
        assert made == fml.from_csv(tmp_path / name)
        texts.append((tmp_path / name / "trips.csv").read_text())
    assert texts[0] == texts[1]
    records = texts[0].replace('"two\nlines"', "plain").splitlines()[1:]
    numbers = [int(record.partition(",")[0]) for record in records]
    assert len(numbers) == 200
    assert numbers == sorted(numbers)
    assert numbers[-1] > 900
    assert '"two\nlines"' in texts[0]


def test_every_split_and_file_has_its_share(tmp_path: Path):
    import gzip

    for name, count in (("train-1", 50), ("train-2", 3), ("eval-1", 50)):
        text = "\n".join([HEADER, *[f"{n},x" for n in range(count)]])
        (tmp_path / f"{name}.csv").write_text(text)
    with gzip.open(tmp_path / "eval-2.csv.gz", "wt") as packed:
        packed.write(f"{HEADER}\n1,packed\n")
    split = {"train": "train-*", "eval": "eval-*"}
    made = sample(fml.from_csv(tmp_path, split=split), 20, tmp_path / "few")
    assert dict(made.split) == split
    few = tmp_path / "few"
    counts = {file.name: len(rows_of(file)) for file in few.glob("*.csv")}
    assert counts == {"train-1.csv": 5, "train-2.csv": 3, "eval-1.csv": 5}
    with gzip.open(few / "eval-2.csv.gz", "rt") as packed:
        assert packed.read() == f"{HEADER}\n1,packed\n"


def test_spans_stay_and_only_those_that_are_read_are_sampled(tmp_path: Path):
    for day in (1, 2, 3):
        folder = tmp_path / f"2024-05-0{day}"
        folder.mkdir()
        (folder / "trips.csv").write_text(f"{HEADER}\n{day},x\n")
    pattern = "{YYYY}-{MM}-{DD}/*.csv"
    day = datetime.date(2024, 5, 2)
    for parameters, days in (({}, [3]), ({"spans": 2}, [2, 3]), ({"span": day}, [2])):
        few = tmp_path / f"few-{days}"
        made = sample(fml.from_csv(tmp_path, pattern=pattern, **parameters), 1, few)
        assert made == fml.from_csv(few, pattern=pattern, **parameters)
        found = sorted(file.parent.name for file in few.glob("*/trips.csv"))
        assert found == [f"2024-05-0{day}" for day in days]


def test_queries_are_limited():
    step = sample(fml.from_sql("sqlite:///x.db", "SELECT a FROM t;"), 30, Path())
    assert step.query == "SELECT * FROM (SELECT a FROM t) AS sample LIMIT 30"
    place = {"temp_location": "gs://b/t"}
    step = sample(fml.from_bigquery("SELECT 1", **place), 30, Path())
    assert step.query == "SELECT * FROM (SELECT 1) AS sample LIMIT 30"
    step = sample(fml.from_bigquery(split={"a": "SELECT 1", "b": "SELECT 2"}, **place), 30, Path())
    assert step.queries == tuple(f"SELECT * FROM (SELECT {n}) AS sample LIMIT 15" for n in (1, 2))


@pytest.mark.tfx
def test_parquet_frames_avro_and_records(tmp_path: Path):
    import fastavro
    import pandas
    import pyarrow
    import pyarrow.parquet as parquet
    import tensorflow as tf

    frame = pandas.DataFrame({"n": range(100), "tags": [["a"] * (n % 3) for n in range(100)]})
    kept = sample(fml.from_dataframe(frame, folder=tmp_path / "frames"), 10, tmp_path / "few")
    table = parquet.read_table(tmp_path / "few" / kept.pattern)
    assert table.num_rows == 10
    assert table.schema == pyarrow.Table.from_pandas(frame, preserve_index=False).schema
    schema = {"type": "record", "name": "Trip", "fields": [{"name": "n", "type": "int"}]}
    with (tmp_path / "trips.avro").open("wb") as sink:
        fastavro.writer(sink, schema, [{"n": n} for n in range(100)])
    sample(fml.from_avro(tmp_path, pattern="*.avro"), 10, tmp_path / "few")
    with (tmp_path / "few/trips.avro").open("rb") as source:
        assert len([*fastavro.reader(source)]) == 10
    for name, compression in (("a.tfrecord", ""), ("b.gz", "GZIP")):
        with tf.io.TFRecordWriter(str(tmp_path / name), compression) as sink:
            for number in range(100):
                sink.write(str(number))
        sample(fml.from_tfrecord(tmp_path, pattern=name), 10, tmp_path / "few")
        records = tf.data.TFRecordDataset(str(tmp_path / "few" / name), compression)
        assert len([*records]) == 10


# -- the chain -------------------------------------------------------------------------------------


@pytest.fixture
def graph(data: Path, tmp_path: Path) -> fml.Graph:
    """A smoke run of a chain in which everything could stop it or reach outside."""
    model = tmp_path / "model.py"
    model.write_text(
        "def preprocessing_fn(inputs): ...\ndef tuner_fn(fn_args): ...\ndef run_fn(fn_args): ...\n"
    )
    pipeline = (
        fml.PipelineDef("taxi", root="gs://bucket/pipelines")
        .with_metadata(tmp_path / "never.db")
        .with_beam_pipeline_args(["--runner=DataflowRunner"])
        .from_csv(data)
        .generate_statistics()
        .infer_schema()
        .validate_input_data(fail_on="anomalies")
        .preprocess(model)
        .tune(model, train_steps=fml.param("steps", 600), parallel_trials=4)
        .train(model, train_steps=600, eval_steps=100)
        .evaluate_model("tips", metrics=["AUC"], thresholds={"AUC": 0.8})
        .push_to(tmp_path / "serving", require_push=True, when=fml.metric("AUC") > 0.9)
        .push_to(vertex={"project": "p", "region": "r", "endpoint": "e", "image": "i"}, id="Cloud")
        .bulk_infer(fml.from_csv(data), write_to=tmp_path / "predictions.csv")
        .notify(slack="${NOWHERE}")
    )
    return small(under(tmp_path / "smoke", pipeline.graph), 50, {})


def test_nothing_stops_it_and_nothing_leaves_the_root(graph: fml.Graph, tmp_path: Path):
    root = tmp_path / "smoke/taxi"
    assert graph.settings.pipeline_root == str(root)
    assert (graph.settings.metadata, graph.settings.beam_pipeline_args) == (None, ())
    assert {"Notifier", "Evaluator_AUC"}.isdisjoint(node.id for node in graph.nodes)
    assert graph["ExampleValidator"].component.fail_on is None
    for id in ("Pusher", "Cloud"):
        push = graph[id]
        assert push.component.destination == f"{root}/_pushed/{id}"
        assert (push.component.vertex, push.component.when) == (None, None)
        assert [*push.inputs] == ["model"]
    assert (
        graph["BulkInferrer"].component.write_to == f"{root}/_written/BulkInferrer/predictions.csv"
    )
    assert [*graph["BulkInferrer"].inputs] == ["examples", "model"]
    for id in ("CsvExampleGen", "BulkInferrer_examples"):
        assert graph[id].component.path == f"{root}/_sample/{id}"
        text = (root / "_sample" / id / "trips.csv").read_text()
        assert len(text.replace('"two\nlines"', "x").splitlines()) == 51


def test_few_steps_and_trials_and_no_statistics_that_nobody_reads(graph: fml.Graph):
    for id in ("Tuner", "Trainer"):
        step = graph[id].component
        assert (step.train_steps, step.eval_steps) == (2, 2)
        assert repr(step.executor) == f"fluentml.executors.smoke:{id}"
    assert graph["Tuner"].component.parallel_trials == 1
    assert graph["Transform"].component.disable_statistics


@pytest.mark.parametrize("reader", ["a step", "a function"])
def test_statistics_that_somebody_reads_are_made(data: Path, tmp_path: Path, reader: str):
    code = "def stats_options_updater_fn(kind, options): ...\n" if reader == "a function" else ""
    (tmp_path / "m.py").write_text(f"def preprocessing_fn(inputs): ...\n{code}")
    chain = fml.PipelineDef("p").from_csv(data).generate_statistics().infer_schema()
    chain = chain.preprocess(tmp_path / "m.py")
    if reader == "a step":
        inputs = {"statistics": "Transform.post_transform_stats"}
        chain = chain.infer_schema(inputs=inputs, id="After")
    made = small(under(tmp_path / "smoke", chain.graph), 5, {})
    assert not made["Transform"].component.disable_statistics


@pytest.mark.tfx
def test_protos_of_steps_are_cut_short_too(data: Path, tmp_path: Path):
    from tfx.proto import trainer_pb2

    (tmp_path / "m.py").write_text("def run_fn(fn_args): ...\n")
    train = trainer_pb2.TrainArgs(splits=["train"], num_steps=600)
    chain = fml.PipelineDef("p").from_csv(data).train(tmp_path / "m.py", train_args=train)
    step = small(under(tmp_path / "smoke", chain.graph), 5, {})["Trainer"].component
    assert step.train_args.message() == trainer_pb2.TrainArgs(splits=["train"], num_steps=2)
    assert step.train_steps is None


def test_another_source_is_read_as_it_is(data: Path, tmp_path: Path):
    chain = fml.PipelineDef("p").from_bigquery("SELECT 1", temp_location="gs://b/t")
    given = {"BigQueryExampleGen": fml.from_csv(data)}
    made = small(under(tmp_path / "smoke", chain.graph), 5, given)
    assert made["BigQueryExampleGen"].component == fml.from_csv(data, id="BigQueryExampleGen")


# -- wrong ones ------------------------------------------------------------------------------------


def test_what_cannot_be_sampled_is_told(tmp_path: Path):
    def built(): ...

    own = fml.PipelineDef("p").from_custom_example_gen(built)
    assert message_of(fml.DefinitionError, smoke_train, own) == (
        "smoke_train() cannot take a sample for from_custom_example_gen(built).\n"
        'Hint: name another source to read in its place: sources={"built": '
        'fml.from_csv("tests/data")}.'
    )
    far = fml.PipelineDef("p").from_parquet("gs://bucket/trips")
    assert message_of(fml.DefinitionError, smoke_train, far) == (
        "smoke_train() cannot take a sample of 'gs://bucket/trips' for from_parquet().\n"
        'Hint: name another source to read in its place: sources={"ParquetExampleGen": '
        'fml.from_csv("tests/data")}.'
    )


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (
            {"rows": 0},
            "smoke_train() takes a sample of rows=0.\nHint: take a whole number, such as 200.",
        ),
        (
            {"sources": {"CsvExampelGen": fml.from_csv("d")}},
            "smoke_train() gets a source for 'CsvExampelGen', and the pipeline has no such one.\n"
            "Its sources: 'CsvExampleGen'.\n"
            "Hint: did you mean 'CsvExampleGen'?",
        ),
        (
            {"sources": {"CsvExampleGen": "tests/data"}},
            "smoke_train() takes a source of examples for 'CsvExampleGen', not 'tests/data'.\n"
            'Hint: write sources={"CsvExampleGen": fml.from_csv("tests/data")}.',
        ),
    ],
)
def test_wrong_wishes_are_refused(data: Path, wish, message):
    pipeline = fml.PipelineDef("p").from_csv(data)
    assert message_of(fml.DefinitionError, smoke_train, pipeline, **wish) == message


def test_what_is_no_pipeline_is_refused():
    for call, name in ((smoke_train, "smoke_train()"), (stub_run, "stub_run()")):
        assert message_of(fml.DefinitionError, call, "taxi.py") == (
            f"{name} takes a pipeline first, not 'taxi.py'.\n"
            "Hint: import it from the file that builds it: from taxi import pipeline."
        )


def test_what_check_finds_is_told_first(tmp_path: Path):
    pipeline = fml.PipelineDef("p").from_csv(tmp_path / "nowhere")
    with pytest.raises(fml.CheckError, match="nowhere"):
        smoke_train(pipeline)


# -- README's test file ----------------------------------------------------------------------------


@pytest.fixture
def tests_of_iris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What README's test file defines, read beside the example."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.delitem(sys.modules, "iris", raising=False)
    names: dict[str, Any] = {}
    exec(the_block("from iris import"), names)
    monkeypatch.delitem(sys.modules, "iris")
    return names


@pytest.mark.tfx
def test_the_test_file_in_readme(tests_of_iris: dict[str, Any], tmp_path: Path):
    results = []
    smoke = tests_of_iris["smoke_train"]
    tests_of_iris["smoke_train"] = lambda *args, **options: (
        results.append(smoke(*args, **options)) or results[-1]
    )
    tests = [name for name in tests_of_iris if name.startswith("test_")]
    assert len(tests) == 4
    for name in tests:
        tests_of_iris[name]()
    (result,) = results
    assert result.evaluations[0].blessed is False
    assert Path(result.pushed_model).is_relative_to(Path(result.log).parents[1])
    assert [path.name for path in tmp_path.iterdir()] == ["artifacts"]
    assert [path.name for path in (tmp_path / "artifacts/iris").iterdir()] == ["_modules"]


# -- the user's code -------------------------------------------------------------------------------


@pytest.mark.tfx
def test_fit_is_brief_whatever_it_is_asked_for():
    import keras
    import numpy
    import tf_keras

    from fluentml.executors import smoke

    data = numpy.zeros((64, 1), "float32")
    for kit in (keras, tf_keras):
        model = kit.Sequential([kit.Input([1]), kit.layers.Dense(1)])
        model.compile("sgd", "mse")
        fit = kit.Model.fit
        with smoke.few_steps():
            history = model.fit(data, data, batch_size=4, epochs=50, verbose=0).history
            assert int(model.optimizer.iterations) == 2
        assert len(history["loss"]) == 1
        assert kit.Model.fit is fit
        model.fit(data, data, batch_size=4, epochs=2, verbose=0)
        assert int(model.optimizer.iterations) == 2 + 32


@pytest.mark.tfx
@pytest.mark.parametrize("strategy", ["Hyperband", "GridSearch"])
def test_a_search_ends_after_two_trials(strategy: str, tmp_path: Path):
    import keras
    import keras_tuner
    import numpy

    from fluentml.executors import smoke, tuner_search

    def build(hp):
        units = hp.Choice("units", [1, 2, 3, 4])
        model = keras.Sequential(
            [keras.Input([1]), keras.layers.Dense(units), keras.layers.Dense(1)]
        )
        model.compile("sgd", "mse")
        return model

    data = numpy.zeros((8, 1), "float32")
    limit = {} if strategy == "Hyperband" else {"max_trials": 10}
    made = getattr(keras_tuner, strategy)(build, "val_loss", directory=tmp_path, **limit)
    with tuner_search.loaded_modules_left_alone(), smoke.few_steps(), smoke.few_trials():
        made.search(data, data, validation_data=(data, data), epochs=9, verbose=0)
    assert len(made.oracle.trials) == 2
