"""Our Transform's executor beside TFX's: the same examples, graph, statistics and files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.executor_runs import artifact, assert_close, files, read_examples, run, write_examples

pytestmark = pytest.mark.tfx


def preprocessing_fn(inputs):
    """Each kind of analysis; one reads what another found, in a second pass."""
    import tensorflow as tf
    import tensorflow_transform as tft

    from fluentml.training import fill_missing

    amount = fill_missing(inputs["amount"])
    scaled = tft.scale_to_0_1(amount)
    return {
        "id": inputs["id"],
        "z": tft.scale_to_z_score(amount),
        "twice": tft.scale_to_z_score(scaled * scaled),
        "bucket": tft.bucketize(amount, 4),
        "tags": tft.compute_and_apply_vocabulary(inputs["tags"], top_k=3, num_oov_buckets=2),
        "city": tft.compute_and_apply_vocabulary(
            fill_missing(inputs["city"]), frequency_threshold=2
        ),
        "share": inputs["share"],
        "count": tf.cast(inputs["count"], tf.float32)
        / tf.cast(tft.max(inputs["count"]), tf.float32),
    }


SCHEMA = """
feature { name: "id" type: INT presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "count" type: INT presence { min_fraction: 1 } shape { dim { size: 1 } } }
feature { name: "share" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 2 } } }
feature { name: "amount" type: FLOAT }
feature { name: "city" type: BYTES }
feature { name: "tags" type: BYTES }
feature { name: "unused" type: BYTES }
"""
PARTS = {
    "first/Split-train/data-00000-of-00002.gz": range(70),
    "first/Split-train/data-00001-of-00002.gz": range(70, 95),
    "first/Split-eval/data-00000-of-00001.gz": range(95, 130),
    "second/Split-train/data-00000-of-00001.gz": range(130, 190),
    "second/Split-eval/data-00000-of-00001.gz": range(190, 200),
}
OUTPUTS = {
    "transform_graph": "TransformGraph",
    "updated_analyzer_cache": "TransformCache",
    "pre_transform_schema": "Schema",
    "pre_transform_stats": "ExampleStatistics",
    "post_transform_schema": "Schema",
    "post_transform_stats": "ExampleStatistics",
    "post_transform_anomalies": "ExampleAnomalies",
}


def _row(n: int) -> dict[str, Any]:
    return {
        "id": [n],
        "count": [n * n % 17],
        "share": [n / 7, -n / 3],
        # Missing, there without a value, and one or two.
        "amount": None if n % 11 == 0 else [] if n % 7 == 0 else [float(n % 23) * 1.5],
        "city": None if n % 5 == 0 else [["Ghent", "Łódź", "Xi'an", f"town {n}"][n % 4]],
        "tags": [["a", "b", "c", "d"][(n + k) % 4] for k in range(n % 3)],
        "unused": ["x" * n],
    }


@dataclass(frozen=True)
class Ran:
    """Where an executor ran, and what it wrote."""

    folder: Path

    def __truediv__(self, name: str) -> Path:
        return self.folder / name


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for part, numbers in PARTS.items():
        write_examples(folder / part, [_row(n) for n in numbers])
    (folder / "schema").mkdir()
    (folder / "schema/schema.pbtxt").write_text(SCHEMA)
    return folder


def _transform(
    executor: type, data: Path, folder: Path, cache: Path | None = None, **properties: Any
) -> Ran:
    from tfx.types import standard_artifacts as kinds

    two = {"first": 1, "second": 2}
    splits = '["train", "eval"]'
    inputs = {
        "examples": [
            artifact(kinds.Examples, data / name, id, split_names=splits)
            for name, id in two.items()
        ],
        "schema": [artifact(kinds.Schema, data / "schema", 3)],
    }
    if cache:
        inputs["analyzer_cache"] = [artifact(kinds.TransformCache, cache, 4)]
    with_statistics = not properties.get("disable_statistics")
    outputs = {
        key: [artifact(getattr(kinds, kind), folder / key)]
        for key, kind in OUTPUTS.items()
        if with_statistics or key.startswith(("transform", "updated"))
    }
    outputs["transformed_examples"] = [
        artifact(kinds.Examples, folder / f"transformed/{name}", id) for name, id in two.items()
    ]
    name = f"{__name__}.{preprocessing_fn.__name__}"
    given = {"preprocessing_fn": name, "custom_config": json.dumps(None), **properties}
    run(executor, folder, inputs, outputs, given)
    for made in outputs["transformed_examples"]:
        assert {*json.loads(made.split_names)} == {"train", "eval"}
    return Ran(folder)


@pytest.fixture(scope="module")
def theirs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    from tfx.components.transform import executor as stock

    from fluentml.executors.transform import second_passes

    with second_passes():
        return _transform(stock.Executor, data, tmp_path_factory.mktemp("theirs"))


@pytest.fixture(scope="module")
def ours(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    from fluentml.executors import transform_batches

    return _transform(transform_batches.Executor, data, tmp_path_factory.mktemp("ours"))


def _assert_examples(ours: Ran, theirs: Ran) -> None:
    for part, numbers in PARTS.items():
        split = Path("transformed", part).parent
        found, expected = (
            {
                example.features.feature["id"].int64_list.value[0]: example
                for example in read_examples(ran.folder / split)
            }
            for ran in (ours, theirs)
        )
        assert found.keys() == expected.keys() >= {*numbers}
        for id, example in found.items():
            assert_close(example, expected[id])


def test_the_same_files(ours: Ran, theirs: Ran):
    assert files(ours.folder) == files(theirs.folder)


def test_the_same_examples(ours: Ran, theirs: Ran):
    _assert_examples(ours, theirs)
    some = read_examples(ours / "transformed/first/Split-train")[1].features.feature
    assert {*some} == {"id", "z", "twice", "bucket", "tags", "city", "share", "count"}


def test_the_same_statistics_schemas_and_anomalies(ours: Ran, theirs: Ran):
    import tensorflow_data_validation as tfdv

    for key in ("pre_transform_stats", "post_transform_stats"):
        found, expected = (
            tfdv.load_stats_binary(str(ran / key / "FeatureStats.pb")) for ran in (ours, theirs)
        )
        assert_close(found, expected)
        assert found.datasets[0].num_examples in (155, 200)
    for name in (
        "pre_transform_schema/schema.pbtxt",
        "post_transform_schema/schema.pbtxt",
        "post_transform_anomalies/SchemaDiff.pb",
        "transform_graph/metadata/schema.pbtxt",
        "transform_graph/transformed_metadata/schema.pbtxt",
        "transform_graph/transform_fn/assets/vocab_compute_and_apply_vocabulary_vocabulary",
        "transform_graph/transform_fn/assets/vocab_compute_and_apply_vocabulary_1_vocabulary",
    ):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes()


def test_the_graph_gives_the_same_values(ours: Ran, theirs: Ran):
    import numpy as np
    import tensorflow as tf
    import tensorflow_transform as tft

    from tests.executor_runs import example

    examples = [example(_row(n)).SerializeToString() for n in (0, 3, 77, 5000)]
    answers = []
    for ran in (ours, theirs):
        output = tft.TFTransformOutput(str(ran / "transform_graph"))
        features = tf.io.parse_example(examples, output.raw_feature_spec())
        answers.append(output.transform_features_layer()(features))
    for name, values in answers[0].items():
        one, other = (
            answer[name].values if isinstance(values, tf.SparseTensor) else answer[name]
            for answer in answers
        )
        np.testing.assert_allclose(one, other, rtol=1e-5, err_msg=name)


def test_the_cache_of_one_serves_the_other(ours: Ran, theirs: Ran, data: Path, tmp_path: Path):
    from fluentml.executors import transform_batches

    cache = theirs / "updated_analyzer_cache"
    executor = transform_batches.Executor
    again = _transform(executor, data, tmp_path, cache, disable_statistics=1)
    _assert_examples(again, theirs)
    assert files(again / "updated_analyzer_cache") == files(cache)


def test_what_ours_replaces_is_there():
    from tfx.components.transform import executor as stock

    from fluentml.executors.transform_batches import Processor
    from fluentml.local.session import FAST

    for name in ("_CreateTFXIO", "_EncodeAndWrite"):
        assert getattr(stock.TransformProcessor, name) is not getattr(Processor, name)
    assert FAST[f"{stock.Executor.__module__}.Executor"] == f"{Processor.__module__}.Executor"
