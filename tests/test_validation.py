"""Data that drift from the last run's: found by the right measure, told in words, and stopped."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import fluentml as fml
from fluentml.results import RunResult
from tests.conftest import Run, run_and_watch

pytestmark = pytest.mark.tfx

WATCH = {"fare": 0.2, "company": 0.2, "hour": 0.2}


def rides(folder: Path, *, fare: float = 10, company: str = "Blue") -> None:
    """Write 400 rides: the mean fare, and the company that has most of them."""
    rng = random.Random(1)
    rows = ["fare,company,hour,tips"]
    for _ in range(400):
        who = company if rng.random() < 0.8 else "Checker"
        rows.append(f"{rng.gauss(fare, 2):.2f},{who},{rng.randrange(24)},1.0")
    folder.mkdir(exist_ok=True)
    (folder / "rides.csv").write_text("\n".join(rows) + "\n")


def chain(folder: Path, **parameters) -> fml.PipelineDef:
    return (
        fml.PipelineDef("rides", root=folder / "artifacts")
        .cache()
        .from_csv(folder / "data", split={"train": 1, "eval": 1})
        .generate_statistics()
        .infer_schema()
        .validate_input_data(**{"drift": WATCH, **parameters})
    )


def measured(result: RunResult, split: str = "train") -> dict[str, tuple[str, float]]:
    (validation,) = result.validations
    return {d.feature: (d.measure, d.value) for d in validation.distances if d.split == split}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of three runs: the second and the third read the same changed data."""
    return tmp_path_factory.mktemp("drift")


@pytest.fixture(scope="module")
def first(folder: Path) -> Run:
    rides(folder / "data")
    return run_and_watch(chain(folder))


@pytest.fixture(scope="module")
def stopped(folder: Path, first: Run) -> fml.RunError:
    rides(folder / "data", fare=20, company="Green")
    with pytest.raises(fml.RunError) as caught:
        run_and_watch(chain(folder, fail_on="drift"))
    return caught.value


@pytest.fixture(scope="module")
def passed(folder: Path, stopped: fml.RunError) -> Run:
    return run_and_watch(chain(folder))


def test_a_first_run_has_nothing_to_compare_with(first: Run):
    (validation,) = first.result.validations
    assert validation.is_first
    assert validation.distances == validation.anomalies == ()
    assert "done, no earlier run to compare with" in first.screen


def test_drift_stops_the_run_in_words(stopped: fml.RunError):
    lines = str(stopped).splitlines()
    assert lines[0] == "ExampleValidator failed: the data have 4 anomalies."
    assert lines[1].startswith("  company (train): The L-infinity distance between current and")
    assert "above the threshold 0.2" in lines[1]
    assert lines[4].startswith("  fare (eval): The approximate Jensen-Shannon divergence")
    assert lines[-1].startswith("Hint: mend the data, the schema or the thresholds;")
    assert stopped.node == "ExampleValidator"


def test_data_that_were_stopped_are_nothing_to_compare_with(passed: Run):
    """The third run reads what stopped the second, cached, and is measured from the first."""
    assert passed.result.nodes["StatisticsGen"].state == "cached"
    distances = measured(passed.result)
    assert distances["company"] == ("L-infinity", pytest.approx(0.8, abs=0.1))
    assert distances["fare"] == ("Jensen-Shannon", pytest.approx(1, abs=0.1))
    assert distances["hour"] == ("Jensen-Shannon", pytest.approx(0.05, abs=0.05))


def test_anomalies_that_do_not_stop_are_in_the_summary(passed: Run):
    assert passed.result.succeeded
    assert "done, 4 anomalies" in passed.screen
    assert "anomalies: fare (train): The approximate Jensen-Shannon divergence" in passed.screen
    rows = [line.split() for line in passed.result.summary().splitlines()]
    assert rows[0] == ["feature", "split", "kind", "measure", "distance", "threshold"]
    assert [*rows[1][:4], rows[1][5]] == ["company", "train", "drift", "L-infinity", "0.2"]


def test_the_artifact_is_tfx_s(passed: Run):
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    (artifact,) = passed.result.artifacts("anomalies")
    assert artifact.type == "ExampleAnomalies"
    assert dict(artifact.properties["blessed"]) == {"train": 0, "eval": 0}
    files = sorted(Path(artifact.uri).rglob("*.pb"))
    assert [str(file.relative_to(artifact.uri)) for file in files] == [
        "Split-eval/SchemaDiff.pb",
        "Split-train/SchemaDiff.pb",
    ]
    anomalies = anomalies_pb2.Anomalies.FromString(files[0].read_bytes())
    assert set(anomalies.anomaly_info) == {"company", "fare"}


def test_the_wrong_measure_would_find_nothing(passed: Run, first: Run):
    import tensorflow_data_validation as tfdv

    now, before = (
        tfdv.load_stats_binary(
            run.result.artifacts("statistics")[-1].uri + "/Split-train/FeatureStats.pb"
        )
        for run in (passed, first)
    )
    schema = tfdv.infer_schema(now)
    tfdv.get_feature(schema, "fare").drift_comparator.infinity_norm.threshold = 0.2
    (info,) = tfdv.validate_statistics(now, schema, previous_statistics=before).drift_skew_info
    assert info.drift_measurements[0].value == 0


def test_numbers_that_were_text_are_told_where_tfdv_is_silent():
    import pandas as pd
    import tensorflow_data_validation as tfdv

    from fluentml.executors.anomalies import distances, found
    from fluentml.executors.example_validator import Others, validate

    now = tfdv.generate_statistics_from_dataframe(pd.DataFrame({"fare": [1.5, 2.5]}))
    text = tfdv.generate_statistics_from_dataframe(pd.DataFrame({"fare": ["low", "high"]}))
    others = {"drift": Others({"train": text}), "skew": Others({})}
    thresholds = {"drift": {"fare": 0.1}, "skew": {}}
    anomalies = validate("train", now, tfdv.infer_schema(now), others, thresholds)
    (anomaly,) = found({"train": anomalies})
    assert anomaly.is_drift
    assert str(anomaly) == (
        "fare (train): The distance to the previous statistics cannot be measured: "
        "numbers here, text in the previous statistics."
    )
    assert distances({"train": anomalies}) == ()


def test_a_comparison_with_statistics_of_a_folder(folder: Path, passed: Run, first: Run):
    """Pinned statistics stay what the data are measured from, however many runs lie between."""
    before = first.result.artifacts("StatisticsGen.statistics")[0].uri
    result = chain(folder, against=before).run(quiet=True)
    assert measured(result) == measured(passed.result)


def test_skew_of_two_splits_and_of_another_source(tmp_path: Path):
    rides(tmp_path / "data")
    rides(tmp_path / "serving", company="Green")
    pipeline = (
        chain(tmp_path, drift={}, skew={"company": 0.2})
        .add(fml.from_csv(tmp_path / "serving", split={"all": 1}).model_copy(update={"id": "New"}))
        .generate_statistics(inputs={"examples": "New.examples"}, id="NewStatistics")
        .validate_input_data(
            skew={"company": 0.2},
            inputs={"serving_statistics": "NewStatistics.statistics"},
            id="ServingValidator",
        )
    )
    result = pipeline.run(quiet=True)
    of_splits, of_sources = result.validations
    assert [(d.split, d.kind, d.value < 0.2) for d in of_splits.distances] == [
        ("train", "skew", True)
    ]
    assert [(d.split, d.value > 0.6) for d in of_sources.distances] == [
        ("train", True),
        ("eval", True),
    ]


def test_a_curated_schema_is_what_the_data_are_validated_by(tmp_path: Path):
    import tensorflow_data_validation as tfdv
    from tensorflow_transform.tf_metadata import schema_utils

    rides(tmp_path / "data")
    (tmp_path / "curation.py").write_text(
        "def schema_fn(schema):\n"
        "    (hour,) = [feature for feature in schema.feature if feature.name == 'hour']\n"
        "    hour.int_domain.is_categorical = True\n"
        "    return schema\n"
    )
    pipeline = chain(tmp_path, drift={}, fail_on="anomalies", environment="SERVING").curate_schema(
        tmp_path / "curation.py",
        required=["fare"],
        optional=["company"],
        domains={"company": ["Blue", "Red"], "fare": (0, None), "hour": (0, 23)},
        label="tips",
    )
    with pytest.raises(fml.RunError) as caught:
        pipeline.run(quiet=True)
    error = caught.value
    assert (
        str(error)
        .splitlines()[1]
        .startswith("  company (train): Examples contain values missing from the schema: Checker")
    )
    (artifact,) = error.result.artifacts("curated_schema")
    schema = tfdv.load_schema_text(f"{artifact.uri}/schema.pbtxt")
    features = {feature.name: feature for feature in schema.feature}
    assert [*schema.default_environment] == ["TRAINING", "SERVING"]
    assert [*features["tips"].not_in_environment] == ["SERVING"]
    assert features["fare"].presence.min_fraction == 1
    assert features["fare"].float_domain.min == 0
    assert not features["fare"].float_domain.HasField("max")
    company = features["company"]
    spec = schema_utils.schema_as_feature_spec(schema).feature_spec
    assert [type(spec[name]).__name__ for name in ("company", "fare")] == [
        "VarLenFeature",
        "FixedLenFeature",
    ]
    assert (company.value_count.min, company.value_count.max) == (1, 1)
    assert [*company.string_domain.value] == ["Blue", "Red"]
    hour = features["hour"].int_domain
    assert (hour.min, hour.max, hour.is_categorical) == (0, 23, True)


def test_statistics_of_slices_and_of_a_sample(tmp_path: Path):
    import tensorflow_data_validation as tfdv

    rides(tmp_path / "data")
    pipeline = fml.PipelineDef("rides", root=tmp_path).from_csv(tmp_path / "data", split={"all": 1})
    pipeline = (
        pipeline.generate_statistics(slices=["company"])
        .generate_statistics(stats_options=tfdv.StatsOptions(sample_rate=0.5), id="Sample")
        .infer_schema()
        .validate_input_data(drift={"fare": 0.1})
    )
    result = pipeline.run(quiet=True)
    sliced, sample = (
        tfdv.load_stats_binary(f"{artifact.uri}/Split-all/FeatureStats.pb").datasets
        for artifact in result.artifacts("statistics")
        if "Sample" in artifact.uri or "StatisticsGen" in artifact.uri
    )
    counts = {dataset.name: dataset.num_examples for dataset in sliced}
    assert counts.keys() == {"All Examples", "company_Blue", "company_Checker"}
    assert counts["All Examples"] == 400
    # Whole batches are drawn: of so few rows it may be any number.
    assert sum(dataset.num_examples for dataset in sample) <= 400
    lowered = {component.id: component for component in pipeline.to_tfx().components}
    options = tfdv.StatsOptions.from_json(lowered["Sample"].exec_properties["stats_options_json"])
    assert options.sample_rate == 0.5
