"""Our StatisticsGen's executor beside TFX's: the same statistics, in the same files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.executor_runs import artifact, assert_close, files, run, write_examples

pytestmark = pytest.mark.tfx

PARTS = {
    "Split-train/data-00000-of-00002.gz": range(60),
    "Split-train/data-00001-of-00002.gz": range(60, 90),
    "Split-eval/data-00000-of-00001.gz": range(90, 140),
    "Split-plain/data": range(140, 150),
}
SPLITS = ["train", "eval", "plain"]


def _row(n: int) -> dict[str, Any]:
    return {
        "count": [n * n % 17],
        "share": [n / 7, -n / 3],
        # Missing, there without a value, and one.
        "amount": None if n % 11 == 0 else [] if n % 7 == 0 else [float(n % 23) * 1.5],
        "city": None if n % 5 == 0 else [["Ghent", "Łódź", "Xi'an", f"town {n}"][n % 4]],
        "tags": [["a", "b", "c"][(n + k) % 3] for k in range(n % 3)],
        "weight": [1.0 + n % 3],
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for part, numbers in PARTS.items():
        write_examples(folder / part, [_row(n) for n in numbers])
    return folder


def _generate(executor: type, data: Path, folder: Path, options: Any = None) -> Any:
    from tfx.types import standard_artifacts as kinds

    examples = artifact(kinds.Examples, data, split_names=json.dumps(SPLITS), span=3)
    made = artifact(kinds.ExampleStatistics, folder / "statistics")
    properties = {"stats_options_json": options.to_json()} if options else {}
    outputs = {"statistics": [made]}
    run(executor, folder, {"examples": [examples]}, outputs, properties)
    return made


def _options(kind: str) -> Any:
    import tensorflow_data_validation as tfdv
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    if kind == "plain":
        return None
    schema = 'feature { name: "count" type: INT int_domain { is_categorical: true } }'
    return tfdv.StatsOptions(
        schema=text_format.Parse(schema, schema_pb2.Schema()),
        weight_feature="weight",
        num_top_values=2,
        num_histogram_buckets=5,
    )


@pytest.mark.parametrize("kind", ["plain", "weighted"])
def test_the_same_as_tfx(kind: str, data: Path, tmp_path: Path):
    import tensorflow_data_validation as tfdv
    from tfx.components.statistics_gen import executor as stock

    from fluentml.executors import statistics_gen

    runs = {"theirs": stock.Executor, "ours": statistics_gen.Executor}
    made = {
        name: _generate(executor, data, tmp_path / name, _options(kind))
        for name, executor in runs.items()
    }
    for split in SPLITS:
        found, expected = (
            tfdv.load_stats_binary(
                str(tmp_path / name / f"statistics/Split-{split}/FeatureStats.pb")
            )
            for name in ("ours", "theirs")
        )
        assert_close(found, expected)
        assert len(found.datasets[0].features) == 6
    assert files(tmp_path / "ours") == files(tmp_path / "theirs")
    ours, theirs = (made[name].mlmd_artifact for name in ("ours", "theirs"))
    dashboard = "stats_dashboard_link"
    assert ours.custom_properties.keys() == theirs.custom_properties.keys() >= {dashboard}
    assert ours.properties == theirs.properties


def test_a_sample_is_drawn_as_tfx_draws_it():
    import tensorflow_data_validation as tfdv

    from fluentml.executors.statistics_gen import is_sampled

    assert not is_sampled({})
    assert not is_sampled({"stats_options_json": tfdv.StatsOptions().to_json()})
    assert is_sampled({"stats_options_json": tfdv.StatsOptions(sample_rate=0.5).to_json()})
    assert is_sampled({"sample_rate_by_split": '{"train": 0.5}'})


def test_what_is_not_ours_to_read(data: Path, tmp_path: Path):
    from tfx_bsl.tfxio.parquet_tfxio import ParquetTFXIO
    from tfx_bsl.tfxio.tf_example_record import TFExampleRecord

    from fluentml.executors.record_batches import BatchedExamples, batched, files_of

    assert files_of([str(data / "Split-train/*")]) == sorted(
        str(path) for path in (data / "Split-train").iterdir()
    )
    assert files_of([str(data / "nothing/*")]) is None
    (tmp_path / "data.bz2").touch()
    assert files_of([str(tmp_path / "*")]) is None
    assert type(batched(TFExampleRecord("any"))) is BatchedExamples
    parquet = ParquetTFXIO("any")
    assert batched(parquet) is parquet
    assert type(parquet) is ParquetTFXIO


def test_batches_hold_so_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    from fluentml.executors import record_batches

    file = tmp_path / "data.gz"
    write_examples(file, [{"text": ["x" * 1000]}] * 25)
    monkeypatch.setattr(record_batches, "BYTES", 10_000)
    decoder = ExamplesToRecordBatchDecoder()
    sizes = [batch.num_rows for batch in record_batches.batches(str(file), decoder)]
    assert sizes == [10, 10, 5]
    assert [b.num_rows for b in record_batches.batches(str(file), decoder, 8)] == [8, 8, 8, 1]
