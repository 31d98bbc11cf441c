"""Examples from files and elsewhere: what each source takes, and what really arrives."""

from __future__ import annotations

import datetime
import decimal
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

import fluentml as fml
from tests.messages import message_of, problems_of

P = fml.PipelineDef("test")
FILES = ["csv", "tfrecord", "parquet", "avro"]


def examples_of(pipeline: fml.PipelineDef, node: str | None = None) -> dict[str, list]:
    """Run a pipeline; return its examples by split, each a dict of the values of its features."""
    import tensorflow as tf

    name = f"{node}.examples" if node else "examples"
    (artifact,) = pipeline.run(quiet=True, workers=0).artifacts(name)
    return {
        split: [
            features_of(tf.train.Example.FromString(record.numpy()))
            for record in tf.data.TFRecordDataset(
                [str(file) for file in Path(artifact.uri, f"Split-{split}").glob("*")],
                compression_type="GZIP",
            )
        ]
        for split in json.loads(artifact.properties["split_names"])
    }


def features_of(example) -> dict[str, tuple[str | None, list]]:
    features = example.features.feature
    kinds = {name: feature.WhichOneof("kind") for name, feature in features.items()}
    return {
        name: (kind, list(getattr(features[name], kind).value)) if kind else (None, [])
        for name, kind in kinds.items()
    }


def counts(examples: dict[str, list]) -> dict[str, int]:
    return {split: len(rows) for split, rows in examples.items()}


def values(examples: list, name: str) -> list:
    return sorted(row[name][1][0] for row in examples)


# -- what each takes -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FILES)
def test_sources_of_files_take_the_same(kind):
    verb = f"from_{kind}"
    chain, alone = getattr(P, verb), getattr(fml, verb)
    (step,) = chain("d", split={"a": 1}).components
    assert step == alone("d", split={"a": 1})
    assert step.verb == f"{verb}()"
    assert step.role == "ExampleGen"
    assert step.split_names == ("a",)
    assert chain("d").generate_statistics().graph["StatisticsGen"].upstream == (step.id,)
    assert "split= gives 'a' the value 0" in message_of(
        fml.DefinitionError, alone, "d", split={"a": 0}
    )


@pytest.mark.parametrize("kind", ["parquet", "avro"])
def test_the_folder_is_looked_at(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = getattr(P, f"from_{kind}")
    assert problems_of(source("data"))[0].startswith(f"from_{kind}() reads the folder 'data', and ")
    (tmp_path / "data").mkdir()
    (tmp_path / f"data/a.{kind}").touch()
    pipeline = source("data").train("json.loads").evaluate_model("label", metrics=["AUC"])
    assert problems_of(pipeline) == []
    (tmp_path / "data/b.csv").touch()
    assert f"They are no .{kind} files." in problems_of(source("data"))[0]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("{DATE}/*", "it has {DATE}; it takes {SPAN}, or {YYYY}, {MM} and {DD}, and {VERSION}"),
        ("{span}/*", "it has {span}; it takes {SPAN}, or {YYYY}, {MM} and {DD}, and {VERSION}"),
        ("{SPAN}/{SPAN}/*", "it has {SPAN} more than once"),
        ("{SPAN:two}/*", "it has {SPAN:two}; a number of digits goes with SPAN or VERSION only"),
        ("{YYYY:4}{MM}{DD}", "it has {YYYY:4}; a number of digits goes with SPAN or VERSION only"),
        ("{YYYY}-{MM}/*", "a date needs {YYYY}, {MM} and {DD}"),
        ("{SPAN}/{YYYY}{MM}{DD}", "it has {SPAN} and a date; one of them is the span"),
        ("v{VERSION}/*", "{VERSION} goes with {SPAN}, or with {YYYY}, {MM} and {DD}"),
    ],
)
def test_a_pattern_that_tfx_would_not_take(pattern, said):
    told = f"from_csv() cannot read the file pattern {pattern!r}: {said}."
    assert message_of(fml.DefinitionError, P.from_csv, "d", pattern=pattern) == told
    assert message_of(fml.DefinitionError, P.from_csv, "d", split={"a": pattern}) == told


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (
            {"split": {"a": "a{SPAN}", "b": "b"}},
            "needs the same of {SPAN}, {VERSION} and the date in every file pattern.",
        ),
        ({"span": 3}, "takes span= with {SPAN}, or {YYYY}, {MM} and {DD}, in a file pattern."),
        ({"spans": 3}, "takes spans= with {SPAN}, or {YYYY}, {MM} and {DD}, in a file pattern."),
        ({"pattern": "{SPAN}", "span": 1, "spans": 3}, "takes span= or spans=, not both."),
        (
            {"split": {"a": "a*"}, "pattern": "*.csv"},
            "takes pattern= with hash buckets, and split= names files.",
        ),
        (
            {"split": {"a": "a*"}, "partition_on": "user"},
            "takes partition_on= with hash buckets, and split= names files.",
        ),
    ],
)
def test_parameters_that_do_not_go_together(parameters, said):
    assert message_of(fml.DefinitionError, P.from_csv, "d", **parameters) == f"from_csv() {said}"


@pytest.mark.parametrize("span", [(1, 3), -1, True, "newest", 1.5])
def test_one_span_in_a_run(span):
    assert message_of(fml.DefinitionError, P.from_csv, "d", pattern="{SPAN}", span=span) == (
        f'from_csv(): span= is {span!r}; it names one span: "latest", a number, or a date; '
        "spans= takes more."
    )


def test_a_date_is_a_span_as_tfx_counts_them():
    step = fml.from_csv("d", pattern="{YYYY}{MM}{DD}", span=datetime.date(2017, 1, 1))
    assert step.span == 17167  # the example of TFX's own documentation
    assert step == fml.from_csv("d", pattern="{YYYY}{MM}{DD}", span=17167)
    pipeline = P.from_csv("d", pattern="{SPAN}", span=2, partition_on="user", split={"a": 1})
    assert fml.Graph.from_json(pipeline.graph.to_json()) == pipeline.graph


@pytest.mark.parametrize("kind", FILES)
def test_a_window_of_spans_goes_with_every_kind_of_file(kind):
    chain, alone = getattr(P, f"from_{kind}"), getattr(fml, f"from_{kind}")
    window = (datetime.date(1970, 1, 3), datetime.datetime(1970, 1, 5, 12))
    pipeline = chain("d", pattern="{YYYY}{MM}{DD}", spans=window)
    (step,) = pipeline.components
    assert step == alone("d", pattern="{YYYY}{MM}{DD}", spans=[2, 4])
    assert step.window == (2, 4)
    assert fml.Graph.from_json(pipeline.graph.to_json()) == pipeline.graph
    assert alone("d", pattern="{SPAN}", spans=3).window == 3


@pytest.mark.parametrize("spans", [0, -1, True, "latest", (1,), (1, 2, 3), (1, None), (-1, 2), 1.5])
def test_what_is_no_window(spans):
    assert message_of(fml.DefinitionError, P.from_csv, "d", pattern="{SPAN}", spans=spans) == (
        f"from_csv(): spans= is {spans!r}; it takes how many of the latest spans to read, or the "
        "first and the last, numbers or dates: (1, 30)."
    )


def test_a_window_that_is_turned_round():
    told = message_of(fml.DefinitionError, P.from_csv, "d", pattern="{SPAN}", spans=(3, 1))
    assert told == "from_csv(): spans= is (3, 1), and its first span comes after its last."


# -- a component of one's own ----------------------------------------------------------------------


def from_nowhere(): ...


def test_a_custom_example_gen_feeds_the_chain():
    pipeline = P.from_custom_example_gen(from_nowhere).generate_statistics().train("m.py")
    assert pipeline.components[0].verb == "from_custom_example_gen(from_nowhere)"
    for node in ("StatisticsGen", "Trainer"):
        assert str(pipeline.graph[node].inputs["examples"].channel) == "from_nowhere.examples"
    # Its splits are its own affair.
    assert problems_of(P.from_custom_example_gen(from_nowhere).train("json.loads")) == []


def test_a_custom_example_gen_beside_another_source():
    pipeline = P.from_csv("d").from_custom_example_gen(lambda: None, id="Mine")
    graph = pipeline.generate_statistics().graph
    assert str(graph["StatisticsGen"].inputs["examples"].channel) == "CsvExampleGen.examples"


def test_a_custom_example_gen_for_a_bulk_inference():
    data = fml.from_custom_example_gen(lambda: None, id="Mine")
    graph = P.from_csv("d").train("m.py").bulk_infer(data).graph
    assert graph["BulkInferrer"].upstream[0] == "Mine"


def test_a_data_set_of_its_own_is_a_node_of_its_own():
    chain = P.from_csv("d").train("m.py")
    named = chain.evaluate_model(
        "label", metrics=["AUC"], examples=fml.from_csv("holdout", id="Holdout"), baseline=None
    ).bulk_infer(fml.from_csv("new", id="New"))
    assert named.graph["Evaluator"].upstream == ("Holdout", "Trainer")
    assert named.graph["BulkInferrer"].upstream == ("New", "Trainer", "Evaluator")
    nameless = chain.evaluate_model("label", metrics=["AUC"], examples=fml.from_csv("holdout"))
    assert nameless.graph["Evaluator"].upstream == (
        "Evaluator_examples",
        "Trainer",
        "latest_blessed_model_resolver",
    )


def test_two_example_gens_are_one_too_many():
    pipeline = P.from_csv("d").from_custom_example_gen(from_nowhere).generate_statistics()
    assert "generate_statistics() could read 'examples' from several channels" in message_of(
        fml.WiringError, lambda: pipeline.graph
    )


@pytest.mark.parametrize("made", [{}, {"examples": "Model"}, {"data": "Examples"}])
def test_a_component_that_makes_no_examples(made):
    outputs = {key: SimpleNamespace(type_name=kind) for key, kind in made.items()}
    built = SimpleNamespace(executor_spec=1, id="Mine", inputs={}, outputs=outputs)
    text = message_of(fml.DefinitionError, P.from_custom_example_gen, built)
    what, outputs, hint = text.splitlines()
    assert what == (
        "from_custom_example_gen() takes a component with the output 'examples' of the type "
        "Examples, and 'Mine' has none."
    )
    assert "add_component(…)" in hint


def test_the_errors_of_custom_components_name_their_verb():
    text = message_of(fml.DefinitionError, P.from_custom_example_gen, 3)
    assert text.startswith("from_custom_example_gen() takes a TFX component or a function, not 3.")
    assert "add_component" not in text


# -- data frames -----------------------------------------------------------------------------------

FRAME = {"n": [0, 1, 2], "word": ["a", None, "c"], "x": [0.5, float("nan"), 0.0]}


@pytest.fixture
def frames(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "artifacts/test/_frames"


@pytest.mark.tfx
def test_a_frame_is_kept_by_its_content(frames):
    import pandas
    import pyarrow

    frame = pandas.DataFrame(FRAME)
    pipeline = P.from_dataframe(frame)
    (file,) = frames.iterdir()
    before = file.stat()
    assert P.from_dataframe(frame.copy()) == pipeline
    assert hash(P.from_dataframe(frame.set_index("n").reset_index())) == hash(pipeline)
    assert [*frames.iterdir()] == [file]
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert problems_of(pipeline) == []
    assert fml.Graph.from_json(pipeline.graph.to_json()) == pipeline.graph
    frame.loc[0, "n"] = 7
    assert P.from_dataframe(frame) != pipeline
    assert len([*frames.iterdir()]) == 2
    assert P.from_dataframe(pyarrow.table({"n": [1]})).components[0].verb == "from_dataframe()"


@pytest.mark.tfx
def test_a_frame_that_cannot_be_kept(frames, tmp_path):
    import pandas

    def told(frame, pipeline=P):
        return message_of(fml.DefinitionError, pipeline.from_dataframe, frame)

    assert told([1]) == (
        "from_dataframe() takes a pandas DataFrame or a pyarrow Table, not a value of the type "
        "list.\n"
        "Hint: for files there are from_csv(…), from_parquet(…) and others."
    )
    assert "a frame of 0 rows and 1 columns." in told(pandas.DataFrame({"a": []}))
    assert "'a'" in told(pandas.DataFrame([[1, 2]], columns=["a", "a"]))
    mixed = told(pandas.DataFrame({"m": [1, "x"]}))
    assert "column m" in mixed
    assert mixed.endswith("Hint: give every column a name of its own and values of one type.")
    assert not frames.exists()
    good = pandas.DataFrame(FRAME)
    assert "cannot write to 'gs://b/p/_frames'" in told(good, fml.PipelineDef("p", root="gs://b"))
    (tmp_path / "file").touch()
    assert "Not a directory." in told(good, fml.PipelineDef("p", root=tmp_path / "file"))


# -- what arrives ----------------------------------------------------------------------------------

ROWS = [{"n": n, "x": n / 2, "word": "" if n == 0 else f"w{n}", "yes": n == 1} for n in range(30)]


def write_parquet(file: Path, rows: list[dict]) -> None:
    import pyarrow
    from pyarrow import parquet

    file.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: [row.get(name) for row in rows] for name in rows[0]}
    parquet.write_table(pyarrow.table(columns), file)


def write_avro(file: Path, rows: list[dict]) -> None:
    import fastavro

    kinds = {"n": "long", "x": "double", "word": "string", "yes": "boolean"}
    fields = [{"name": name, "type": ["null", kinds[name]]} for name in rows[0]]
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as out:
        schema = {"type": "record", "name": "row", "fields": fields}
        fastavro.writer(out, schema, rows)


@pytest.mark.tfx
@pytest.mark.parametrize("kind", ["parquet", "avro"])
def test_every_value_arrives_in_its_split(kind, tmp_path):
    write = {"parquet": write_parquet, "avro": write_avro}[kind]
    write(tmp_path / f"data/train-1.{kind}", ROWS[:20])
    write(tmp_path / f"data/eval-1.{kind}", [*ROWS[20:], dict.fromkeys(ROWS[0])])
    source = getattr(fml.PipelineDef("p", root=tmp_path / "artifacts"), f"from_{kind}")
    examples = examples_of(source(tmp_path / "data", split={"train": "train*", "eval": "eval*"}))
    assert counts(examples) == {"train": 20, "eval": 11}
    (zero,) = [row for row in examples["train"] if row["n"] == ("int64_list", [0])]
    assert zero == {  # TFX's own executors make missing values of all of these
        "n": ("int64_list", [0]),
        "x": ("float_list", [0.0]),
        "word": ("bytes_list", [b""]),
        "yes": ("int64_list", [0]),
    }
    assert dict.fromkeys(ROWS[0], (None, [])) in examples["eval"]


@pytest.mark.tfx
def test_buckets_divide_parquet_too(tmp_path):
    write_parquet(tmp_path / "data/rows.parquet", ROWS)
    pipeline = fml.PipelineDef("p", root=tmp_path / "artifacts")
    examples = examples_of(pipeline.from_parquet(tmp_path / "data"))
    assert [*examples] == ["train", "eval"]
    assert values(examples["train"] + examples["eval"], "n") == [row["n"] for row in ROWS]


@pytest.mark.tfx
def test_a_lone_split_by_files_is_not_divided(tmp_path):
    write_parquet(tmp_path / "data/rows.parquet", ROWS)
    pipeline = fml.PipelineDef("p", root=tmp_path / "artifacts")
    examples = examples_of(pipeline.from_parquet(tmp_path / "data", split={"all": "*.parquet"}))
    assert counts(examples) == {"all": 30}


@pytest.mark.tfx
def test_a_row_as_an_example():
    from fluentml.executors.rows import to_example

    row = {
        "list": [1, None, 2],
        "mixed": [1, 0.5],
        "words": ["a", ""],
        "none": None,
        "empty": [],
        "bytes": b"\xff\xd8",
        "money": decimal.Decimal("1.5"),
        "day": datetime.date(2024, 5, 1),
        "moment": datetime.datetime(2024, 5, 1, 12, 30),
    }
    assert features_of(to_example(row)) == {
        "list": ("int64_list", [1, 2]),
        "mixed": ("float_list", [1.0, 0.5]),
        "words": ("bytes_list", [b"a", b""]),
        "none": (None, []),
        "empty": (None, []),
        "bytes": ("bytes_list", [b"\xff\xd8"]),
        "money": ("float_list", [1.5]),
        "day": ("bytes_list", [b"2024-05-01"]),
        "moment": ("bytes_list", [b"2024-05-01T12:30:00"]),
    }
    assert message_of(fml.FluentmlError, to_example, {"n": [1, -(2**63) - 1]}) == (
        "The column 'n' holds whole numbers of more than 64 bits, such as -9223372036854775809.\n"
        "Hint: cast them to a smaller type, to floats or to text."
    )
    assert message_of(fml.FluentmlError, to_example, {"where": {"lat": 1}}) == (
        "The column 'where' holds values of the type dict, and a feature cannot.\n"
        "Hint: leave it out, or write it as numbers, text or lists of one of these."
    )


@pytest.mark.tfx
@pytest.mark.parametrize(("span", "first"), [("latest", 200), (1, 100)])
def test_a_span_in_its_latest_version(tmp_path, span, first):
    for name, start in {"01/1": 0, "01/2": 100, "02/1": 200}.items():
        write_parquet(tmp_path / f"data/{name}/a.parquet", [{"n": start + i} for i in range(9)])
    pipeline = fml.PipelineDef("p", root=tmp_path / "artifacts").from_parquet(
        tmp_path / "data", pattern="{SPAN:2}/{VERSION}/*", span=span, split={"a": 2, "b": 1}
    )
    examples = examples_of(pipeline)
    assert [*examples] == ["a", "b"]
    assert values(examples["a"] + examples["b"], "n") == [*range(first, first + 9)]


def write_csv(file: Path, rows: list[dict]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(str(value) for value in row.values()) for row in rows]
    file.write_text("\n".join([",".join(rows[0]), *lines]) + "\n")


def write_tfrecord(file: Path, rows: list[dict]) -> None:
    import tensorflow as tf

    from fluentml.executors.rows import to_example

    file.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as out:
        for row in rows:
            out.write(to_example(row).SerializeToString())


WRITE = {"csv": write_csv, "tfrecord": write_tfrecord, "parquet": write_parquet, "avro": write_avro}


@pytest.mark.tfx
@pytest.mark.parametrize("kind", FILES)
def test_a_window_of_spans_is_one_artifact(tmp_path, kind):
    for name, start in {"01/1": 0, "02/1": 100, "02/2": 200, "04/1": 300, "09/1": 400}.items():
        WRITE[kind](tmp_path / f"data/{name}/a", [{"n": start + i} for i in range(9)])
    source = getattr(fml.PipelineDef("p", root=tmp_path / "artifacts").cache(), f"from_{kind}")
    where = {"path": tmp_path / "data", "pattern": "{SPAN:2}/{VERSION}/*"}
    pipeline = source(**where, spans=(2, 5), split={"a": 2, "b": 1})
    examples = examples_of(pipeline)
    assert [*examples] == ["a", "b"]
    assert all(examples.values())
    read = values(examples["a"] + examples["b"], "n")
    assert read == [*range(200, 209), *range(300, 309)]
    if kind not in ("csv", "parquet"):
        return
    node = pipeline.graph.nodes[0].id
    result = pipeline.run(quiet=True)
    assert result.nodes[node].state == "cached"
    (artifact,) = result.artifacts("examples")
    assert artifact.properties["span"] == 4
    assert "version" not in artifact.properties
    # A new span in the window, or a new version of one, is read; one beside it changes nothing.
    WRITE[kind](tmp_path / "data/12/1/a", [{"n": 0}])
    assert pipeline.run(quiet=True).nodes[node].state == "cached"
    WRITE[kind](tmp_path / "data/03/1/a", [{"n": 0.5}])
    WRITE[kind](tmp_path / "data/04/2/a", [{"n": 500}])
    examples = examples_of(pipeline)
    read = [row["n"] for row in examples["a"] + examples["b"]]
    # A column has one type over all spans.
    assert sorted(read) == [("float_list", [n]) for n in (0.5, *map(float, range(200, 209)), 500.0)]
    latest = examples_of(source(**where, spans=2, split={"all": 1}))
    assert values(latest["all"], "n") == [0, *range(400, 409)]


@pytest.mark.tfx
def test_a_window_in_splits_by_files(tmp_path):
    for day in range(1, 5):
        for split, count in (("train", 3), ("eval", 2)):
            write_csv(tmp_path / f"data/2024-05-0{day}/{split}.csv", [{"day": day}] * count)
    place = "{YYYY}-{MM}-{DD}"
    pipeline = fml.PipelineDef("p", root=tmp_path / "artifacts").from_csv(
        tmp_path / "data",
        split={"train": f"{place}/train.csv", "eval": f"{place}/eval.csv"},
        spans=(datetime.date(2024, 5, 2), datetime.date(2024, 5, 3)),
    )
    examples = examples_of(pipeline)
    assert values(examples["train"], "day") == [2, 2, 2, 3, 3, 3]
    assert values(examples["eval"], "day") == [2, 2, 3, 3]


@pytest.mark.tfx
def test_a_window_that_is_wrong_where_the_step_runs(tmp_path):
    """What `check` would have told of local files is told again: they may be behind a URI."""
    from tfx.proto import range_config_pb2 as pb
    from tfx.proto.example_gen_pb2 import Input

    from fluentml.executors.span_window import SpanWindowDriver

    def told(*patterns, **window):
        splits = [Input.Split(name=f"s{n}", pattern=pattern) for n, pattern in enumerate(patterns)]
        processor = SpanWindowDriver(None).get_input_processor(
            splits, pb.RangeConfig(**window), str(tmp_path)
        )
        return message_of(fml.DataError, processor.resolve_span_and_version)

    for name in ("a1", "a2", "b1"):
        (tmp_path / name).touch()
    few = pb.StaticRange(start_span_number=3, end_span_number=4)
    assert told("a{SPAN}", static_range=few) == (
        f"spans= finds no file of the spans 3 to 4 by 'a{{SPAN}}' in '{tmp_path}'.\n"
        "The spans there: 1, 2.\n"
        "Hint: name a window that holds some of these."
    )
    latest = pb.RollingRange(num_spans=2)
    assert "The spans there: none." in told("c{SPAN}", rolling_range=latest)
    assert "'s0': 1, 2; 's1': 1" in told("a{SPAN}", "b{SPAN}", rolling_range=latest)
    (tmp_path / "a2-old").touch()
    assert "cannot tell the span of" in told("a{SPAN}", rolling_range=latest)


@pytest.mark.tfx
def test_a_date_in_splits_by_files(tmp_path):
    for day in ("2024-04-30", "2024-05-01"):
        for split, count in (("train", 3), ("eval", 2)):
            file = tmp_path / f"data/{day}/{split}.csv"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("day\n" + f"{day}\n" * count)
    split = {"train": "{YYYY}-{MM}-{DD}/train.csv", "eval": "{YYYY}-{MM}-{DD}/eval.csv"}
    pipeline = fml.PipelineDef("p", root=tmp_path / "artifacts").from_csv(
        tmp_path / "data", split=split, span=datetime.date(2024, 4, 30)
    )
    examples = examples_of(pipeline)
    assert counts(examples) == {"train": 3, "eval": 2}
    assert {*values(examples["train"], "day")} == {b"2024-04-30"}


@pytest.mark.tfx
def test_one_user_stays_in_one_split(tmp_path):
    rows = [{"user": f"u{n % 10}", "n": n} for n in range(60)]
    write_parquet(tmp_path / "data/rows.parquet", rows)
    pipeline = fml.PipelineDef("p", root=tmp_path / "artifacts").from_parquet(
        tmp_path / "data", split={"a": 1, "b": 1}, partition_on="user"
    )
    users = {split: {*values(rows, "user")} for split, rows in examples_of(pipeline).items()}
    assert users["a"].isdisjoint(users["b"])
    assert len(users["a"] | users["b"]) == 10


@pytest.mark.tfx
def test_a_frame_arrives_with_its_missing_values(tmp_path):
    import pandas

    frame = pandas.DataFrame(FRAME)
    frame["when"] = pandas.to_datetime(["2024-05-01 00:00", None, "2024-05-02 10:00"])
    frame["kind"] = frame["word"].astype("category")
    frame["maybe"] = pandas.array([True, None, False], dtype="boolean")
    pipeline = fml.PipelineDef("p", root=tmp_path).from_dataframe(frame, split={"all": 1})
    first, second, third = sorted(examples_of(pipeline)["all"], key=lambda row: row["n"][1])
    assert first == {
        "n": ("int64_list", [0]),
        "word": ("bytes_list", [b"a"]),
        "x": ("float_list", [0.5]),
        "when": ("bytes_list", [b"2024-05-01T00:00:00"]),
        "kind": ("bytes_list", [b"a"]),
        "maybe": ("int64_list", [1]),
    }
    assert {name: kind for name, (kind, _) in second.items() if kind} == {"n": "int64_list"}
    assert third["x"] == ("float_list", [0.0])
    assert third["maybe"] == ("int64_list", [0])


@pytest.mark.tfx
def test_a_custom_example_gen_runs(tmp_path):
    def penguins():
        from tfx.components.example_gen.csv_example_gen.component import CsvExampleGen

        return CsvExampleGen(input_base=str(tmp_path / "data"))

    (tmp_path / "data").mkdir()
    (tmp_path / "data/rows.csv").write_text("n\n" + "1\n" * 30)
    pipeline = fml.PipelineDef("p", root=tmp_path / "artifacts")
    by_function = pipeline.from_custom_example_gen(penguins).generate_statistics()
    assert by_function.run(quiet=True).succeeded
    built = penguins().with_id("Built")
    examples = examples_of(pipeline.from_custom_example_gen(built).generate_statistics())
    assert sum(counts(examples).values()) == 30
