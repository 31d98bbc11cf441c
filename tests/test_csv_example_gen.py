"""Our CSV executor beside TFX's: the same examples, in the same splits."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fluentml as fml
from fluentml import datasets
from tests.messages import message_of

pytestmark = pytest.mark.tfx

NUMBERS = ["0", "1", "-1", "007", "12", "9223372036854775807", "-9223372036854775808", "-0"]
FRACTIONS = [
    "1.5",
    ".5",
    "5.",
    "-0.0",
    "1e5",
    "1E-5",
    "3.4028236e38",
    "1e400",
    "-87.655998182000001",
]
ODD_NUMBERS = ["+1", " 1", "1 ", "1_0", "\t2", "+.5", "nan", "-nan", "inf", "-Infinity", " 2.5 "]
NO_NUMBERS = [
    "0x1f",
    "1e",
    "-",
    "--1",
    ".",
    "1-2",
    "9223372036854775808",
    "1__0",
    "\u0661",
    "1\u00a0",
]
TEXT = ["a", "true", "2020-01-01", "é", "a,b", 'a"b', "a\nb", "a\r\nb", '"', "\n", " ", "null"]
POOLS = [
    NUMBERS,
    [*NUMBERS, *FRACTIONS],
    FRACTIONS,
    [*NUMBERS, *ODD_NUMBERS],
    NO_NUMBERS,
    TEXT,
    [""],
]


def by_tfx(files: list[Path], buckets: Any = None) -> Any:
    """Return the examples as TFX's transforms make them, one row after the other."""
    from tfx.components.example_gen.csv_example_gen import executor
    from tfx.utils import io_utils
    from tfx_bsl.coders import csv_decoder

    names = io_utils.load_csv_column_names(str(files[0]))
    parser = csv_decoder.ParseCSVLine(delimiter=",")
    parser.setup()
    rows = [
        row
        for file in files
        for line in executor._ReadCsvRecordsFromTextFile().process(str(file))
        for row, _ in parser.process(line)
    ]
    infer = csv_decoder.ColumnTypeInferrer(names, skip_blank_lines=True)
    found: dict[str, Any] = {}
    for row in rows:
        found = infer.add_input(found, row)
    make = executor._ParsedCsvToTfExample()
    examples = [e for row in rows for e in make.process(row, infer.extract_output(found))]
    return [example.SerializeToString(deterministic=True) for example in examples]


@pytest.fixture(autouse=True, scope="module")
def records_read_once() -> Iterator[None]:
    """Let TFX fail on a record that it would read again and again, for ever."""
    from tfx_bsl.coders import csv_decoder

    def once(self: Any) -> str | None:
        item, self._item = self._item, None
        return item

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_decoder._MutableRepeat, "__next__", once)
        yield


def by_us(files: list[Path], size: int) -> list[bytes]:
    """Return the examples as our executor makes them, of ranges of so many bytes."""
    from tfx.utils import io_utils

    from fluentml.executors import csv_example_gen, csv_files
    from fluentml.executors.csv_columns import features
    from fluentml.executors.feature_columns import serialize

    names = io_utils.load_csv_column_names(str(files[0]))
    ranges = [each for file in files for each in csv_files.ranges(str(file), size)]
    # As if two workers had found them.
    found = []
    for share in (ranges[::2], ranges[1::2]):
        worker = csv_example_gen._Types(names)
        found += [types for each in share for types in worker.process(each)]
    types = csv_example_gen._widest(found)
    return [
        example
        for each in ranges
        for example in serialize(
            features(csv_files.cells(each.read(), names), names, types)
        ).to_pylist()
    ]


@st.composite
def tables(draw) -> list[bytes]:
    """CSV files of one header, well-formed, as different programs write them."""
    names = draw(st.lists(st.sampled_from(["a", "b", "long name", "é", " c", '"q"']), min_size=1))
    pools = [draw(st.sampled_from(POOLS)) for _ in names]
    cells = [st.sampled_from(pool) | st.just("") for pool in pools]
    style = {
        "quoting": draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])),
        "lineterminator": draw(st.sampled_from(["\n", "\r\n"])),
    }
    files = []
    for _ in range(draw(st.integers(1, 2))):
        text = io.StringIO()
        text.write(",".join(names) + style["lineterminator"])
        rows = csv.writer(text, **style)
        for row in draw(st.lists(st.tuples(*cells), max_size=8)):
            rows.writerow(row)
            text.write(draw(st.sampled_from(["", "", style["lineterminator"]])))
        content = text.getvalue()
        files.append((content[:-1] if draw(st.booleans()) else content).encode())
    return files


SETTINGS = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def write(folder: Path, contents: list[bytes]) -> list[Path]:
    files = [folder / f"{number}.csv" for number in range(len(contents))]
    for file, content in zip(files, contents, strict=True):
        file.write_bytes(content)
    return files


def outcome(make: Any, *arguments: Any) -> Any:
    """Return what it makes, None if it fails."""
    try:
        return make(*arguments)
    except Exception:
        return None


@SETTINGS
@given(contents=tables(), size=st.sampled_from([40, 1000]))
def test_tables(tmp_path: Path, contents: list[bytes], size: int):
    files = write(tmp_path, contents)
    assert by_us(files, size) == by_tfx(files)


@SETTINGS
@given(
    content=st.lists(st.sampled_from([*'aé,"1.\n\n\r ', '""', '","', "\r\n", "\0"])).map("".join),
    width=st.integers(1, 3),
    size=st.sampled_from([4, 1000]),
)
def test_what_is_hardly_a_table(tmp_path: Path, content: str, width: int, size: int):
    files = write(tmp_path, [b"%s\n%s" % (b"x," * (width - 1) + b"y", content.encode())])
    assert outcome(by_us, files, size) == outcome(by_tfx, files)


@pytest.mark.parametrize(
    "content",
    [
        b"a\n\xff\n",
        b"\xef\xbb\xbfa,b\n1,2\n",
        b"a,b\r1,2\r",
        b"a\n" + b"9" * 5000 + b"\n",
        b"a\n" + b"x" * 131_073 + b"\n",
        b'a\n"' + b"x\n" * 65_536 + b'"\n',
        b"a\n" + "é".encode() * 131_000 + b"\n",
        b"",
        b"a,b\n",
        b"a,a\n1,x\n,\n",
        b'a\n""\n\n"1"\n',
        b'a,b\n"x"y,2\n',
    ],
)
def test_odd_files(tmp_path: Path, content: bytes):
    files = write(tmp_path, [content])
    assert outcome(by_us, files, 1 << 20) == outcome(by_tfx, files)


ROWS = "n,word,x\n" + "".join(
    f"{n % 7 or ''},{'word' * (n % 3)},{n / 4 if n % 5 else ''}\n" for n in range(60)
)


def run_only(executor: Any, folder: Path, out: Path, **configs: Any) -> Any:
    """Run an executor; return the artifact."""
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.proto import example_gen_pb2
    from tfx.types.standard_artifacts import Examples
    from tfx.utils.proto_utils import proto_to_json

    from fluentml.local import beam, wheels
    from fluentml.lowering import IN_PROCESS_RUNNER

    artifact = Examples()
    artifact.uri = str(out)
    properties = {
        "input_base": str(folder),
        "output_data_format": example_gen_pb2.FORMAT_TF_EXAMPLE,
        "output_file_format": example_gen_pb2.FORMAT_TFRECORDS_GZIP,
        **{name: proto_to_json(config) for name, config in configs.items()},
    }
    context = BaseBeamExecutor.Context([IN_PROCESS_RUNNER], tmp_dir=str(out), unique_id="1")
    with wheels.in_process(), beam.light([IN_PROCESS_RUNNER]):
        executor(context).Do({}, {"examples": [artifact]}, properties)
    return artifact.mlmd_artifact


def run(executor: Any, folder: Path, out: Path, **configs: Any) -> tuple[dict, Any, list[str]]:
    """Run an executor; return its splits, the artifact and the files."""
    import tensorflow as tf

    artifact = run_only(executor, folder, out, **configs)
    files = sorted(str(file.relative_to(out)) for file in out.rglob("*") if file.is_file())
    splits: dict[str, Counter[bytes]] = {}
    for file in files:
        records = tf.data.TFRecordDataset(str(out / file), "GZIP").as_numpy_iterator()
        # TFX writes the features of an example in any order.
        splits[file.partition("/")[0]] = Counter(
            tf.train.Example.FromString(record).SerializeToString(deterministic=True)
            for record in records
        )
    return splits, artifact, files


def configs(inputs: dict[str, str], outputs: dict[str, int], **options: str) -> dict[str, Any]:
    from tfx.proto import example_gen_pb2 as pb

    config = pb.SplitConfig(
        splits=[pb.SplitConfig.Split(name=n, hash_buckets=b) for n, b in outputs.items()], **options
    )
    splits = [pb.Input.Split(name=n, pattern=pattern) for n, pattern in inputs.items()]
    output = pb.Output(split_config=config) if outputs else pb.Output()
    return {"input_config": pb.Input(splits=splits), "output_config": output}


@pytest.mark.parametrize(
    ("inputs", "outputs", "options"),
    [
        ({"single_split": "*"}, {"train": 2, "eval": 1}, {}),
        ({"single_split": "*"}, {"a": 1, "b": 3, "c": 4}, {"partition_feature_name": "n"}),
        ({"one": "1*", "none": "empty.csv"}, {}, {}),
    ],
)
def test_the_artifact_is_that_of_tfx(tmp_path: Path, inputs, outputs, options):
    from tfx.components.example_gen.csv_example_gen.executor import Executor

    from fluentml.executors import csv_example_gen

    data = tmp_path / "data"
    data.mkdir()
    for name, content in {"1.csv": ROWS, "12.csv": ROWS, "empty.csv": ROWS[:9]}.items():
        (data / name).write_text(content)
    made = configs(inputs, outputs, **options)
    splits, artifact, files = run(csv_example_gen.Executor, data, tmp_path / "ours", **made)
    assert len(splits) == len(outputs or inputs)
    assert sum(map(Counter.total, splits.values())) == 120
    theirs = run(Executor, data, tmp_path / "theirs", **made)
    artifact.uri = theirs[1].uri
    assert (splits, artifact, files) == theirs


def test_fractions_deal_no_examples(tmp_path: Path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/rows.csv").write_text(ROWS)
    pipeline = fml.PipelineDef("p", root=tmp_path).from_csv(tmp_path / "data", partition_on="x")
    lines = message_of(fml.RunError, pipeline.run, quiet=True).splitlines()
    assert lines[:2] == [
        "CsvExampleGen failed: Examples are dealt into splits by 'x', which is no column of whole "
        "numbers or text, or has no value in some row.",
        "The columns: 'n', 'word', 'x'.",
    ]
    assert lines[-1] == "Hint: name one of these that fits: partition_on=…"


def test_a_missing_column_deals_no_examples(tmp_path: Path):
    import pyarrow as pa

    from fluentml.executors.example_batches import _Split
    from fluentml.executors.parquet_columns import batches

    config = configs({}, {"a": 1}, partition_feature_name="no")["output_config"].split_config
    (batch,) = batches(pa.table({"n": [1]}))
    with pytest.raises(fml.DataError, match="dealt into splits by 'no'"):
        list(_Split(config, ["a"]).process(batch))


def test_tfx_makes_the_examples_where_ours_is_not_wanted(tmp_path: Path, monkeypatch):
    from fluentml.executors import csv_example_gen

    (tmp_path / "data").mkdir()
    (tmp_path / "data/rows.csv").write_text(ROWS)
    pipeline = fml.PipelineDef("p", root=tmp_path).from_csv(tmp_path / "data")
    monkeypatch.delattr(csv_example_gen.Executor, "read")
    # In this process: another one has the executor as it is.
    assert pipeline.run(quiet=True, fast=False, workers=0).succeeded
    with pytest.raises(fml.RunError):
        pipeline.run(quiet=True, workers=0)


@pytest.mark.parametrize(
    ("arguments", "fast", "ours"),
    [([], True, True), ([], False, False), (["--runner=FlinkRunner"], True, False)],
)
def test_ours_stands_in_where_its_code_is(tmp_path: Path, arguments, fast: bool, ours: bool):
    from fluentml.executors import csv_example_gen
    from fluentml.local.session import Session
    from fluentml.local.store import Store
    from fluentml.lowering import lower

    chain = fml.PipelineDef("p", root=tmp_path).from_csv("data").with_beam_pipeline_args(arguments)
    session = Session(lower(chain.graph), "run", Store(chain.settings), fast=fast)
    spec = session._deployment.executor_specs["CsvExampleGen"].beam_executable_spec
    paths = {True: csv_example_gen.CLASS_PATH, False: csv_example_gen.STOCK_CLASS_PATH}
    assert spec.python_executor_spec.class_path == paths[ours]


def grown(work: Any) -> float:
    """Return by how many MB the memory of this process grew at most, while it worked."""

    def megabytes(name: str) -> float:
        status = Path("/proc/self/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+) kB", status).group(1)) / 1024

    Path("/proc/self/clear_refs").write_text("5")  # Linux forgets the peak
    before = megabytes("VmRSS")
    work()
    return megabytes("VmHWM") - before


def test_memory_does_not_grow_with_the_rows(tmp_path: Path):
    from fluentml.executors import csv_example_gen

    made = configs({"single_split": "*"}, {"train": 2, "eval": 1})
    header, *lines = (Path(datasets.taxi()) / "data.csv").read_text().splitlines(keepends=True)
    peaks = []
    for times in (2, 2, 20):
        data = tmp_path / f"{len(peaks)}"
        data.mkdir()
        (data / "rows.csv").write_text(header + "".join(lines[:10_000] * times))
        out = data / "out"
        peaks.append(grown(partial(run_only, csv_example_gen.Executor, data, out, **made)))
    assert peaks[2] <= 1.5 * max(peaks[:2])


@pytest.mark.parametrize("pieces", [0, 1, 50])
def test_a_full_disk_is_told(pieces: int):
    from fluentml.executors.tfrecords import _GzipFile

    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    def write() -> None:
        file = _GzipFile(Full())
        for _ in range(pieces):
            file.write(b"piece")
        file.close()

    with pytest.raises(OSError, match="No space left"):
        write()
