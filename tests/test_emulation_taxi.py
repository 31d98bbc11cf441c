"""The taxi pipeline, compiled for Vertex AI and executed here, is the one that runs here."""

from __future__ import annotations

import itertools
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import fluentml as fml
from fluentml.backends.vertex import Vertex
from fluentml.loading import load
from fluentml.results import RunResult
from tests.conftest import EXAMPLES

pytestmark = pytest.mark.tfx
np = pytest.importorskip("numpy")

BUCKET = "gs://bucket"
ROWS = 1500
VERTEX = Vertex(image="example.com/taxi:1")


def chain(root: str, data: str, serving: str) -> fml.PipelineDef:
    """Return the example's pipeline without its search, with few steps and a seed."""
    load(str(EXAMPLES / "taxi.py"))
    taxi = sys.modules["taxi"]
    return (
        fml.PipelineDef("taxi", root=root)
        .from_csv(data)
        .generate_statistics()
        .infer_schema()
        .validate_input_data()
        .preprocess(taxi.preprocessing_fn)
        .train(
            taxi.build_model,
            label="tips_xf",
            batch_size=64,
            train_steps=fml.param("train_steps", 500),
            seed=7,
        )
        .evaluate_model("tips_xf", metrics=["AUC"], thresholds={"AUC": 0.4})
        .push_to(serving)
        .cache()
    )


def predictions(model: str, examples: str) -> Any:
    """Return what a pushed model says of the rows of an artifact's eval split."""
    import tensorflow as tf

    files = [str(file) for file in Path(examples, "Split-eval").iterdir()]
    rows = [*tf.data.TFRecordDataset(files, "GZIP").take(100)]
    (told,) = tf.saved_model.load(model).signatures["serving_default"](tf.stack(rows)).values()
    return told.numpy()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, taxi_rows: Path) -> Path:
    """A folder with the data, and a bucket that is a folder."""
    folder = tmp_path_factory.mktemp("emulated")
    (folder / "bucket/data").mkdir(parents=True)
    with (taxi_rows / "trips.csv").open() as rows:
        few = "".join(itertools.islice(rows, ROWS + 1))
    (folder / "bucket/data/trips.csv").write_text(few)
    return folder


@pytest.fixture(scope="module")
def job(folder: Path) -> Path:
    """The pipeline compiled, and its image."""
    from fluentml.image import write_image

    pipeline = chain(f"{BUCKET}/root", f"{BUCKET}/data", f"{BUCKET}/serving")
    write_image(pipeline.graph, folder / "image")
    return pipeline.compile(VERTEX, folder / "taxi.json")


@pytest.fixture(scope="module")
def emulated(folder: Path, job: Path) -> RunResult:
    return fml.emulate(
        job,
        places={BUCKET: folder / "bucket"},
        image_folder=folder / "image",
        params={"train_steps": 40},
    )


def test_the_pushed_model_predicts_what_that_of_the_local_run_predicts(
    folder: Path, emulated: RunResult
):
    local = chain(str(folder / "local"), str(folder / "bucket/data"), str(folder / "serving"))
    here = local.run(params={"train_steps": 40}, quiet=True)
    assert here.succeeded
    assert emulated.succeeded
    assert emulated.pushed_model
    assert Path(emulated.pushed_model).parent == folder / "bucket/serving"
    assert here.metrics == pytest.approx(emulated.metrics, abs=1e-6)
    (examples,) = emulated.artifacts("CsvExampleGen.examples")
    mine, theirs = (predictions(one.pushed_model, examples.uri) for one in (here, emulated))
    assert len(np.unique(mine)) > 50
    np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_a_second_job_takes_over_what_has_not_changed(folder: Path, job: Path, emulated: RunResult):
    result = fml.emulate(
        job,
        places={BUCKET: folder / "bucket"},
        image_folder=folder / "image",
        params={"train_steps": 40},
    )
    ran = {id for id, node in result.nodes.items() if node.state != "cached"}
    # There is a blessed model now, against which the new one is measured.
    resolvers = {id for id in ran if id.endswith("resolver")}
    assert ran - resolvers == {"Evaluator", "Pusher"}
    (baseline,) = result.artifacts("latest_blessed_model_resolver-model-resolver.model")
    assert baseline == emulated.artifacts("Trainer.model")[0]


def test_an_image_of_other_code(folder: Path, job: Path):
    shutil.copytree(folder / "image", folder / "other")
    shutil.rmtree(folder / "other/modules")
    with pytest.raises(fml.CheckError, match="it was written of other code"):
        fml.emulate(job, places={BUCKET: folder / "bucket"}, image_folder=folder / "other")
