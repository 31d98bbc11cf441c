"""The lowered pipeline is the one that a TFX user would write by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

import fluentml as fml
from fluentml import datasets
from fluentml.errors import WiringError
from tests.conftest import TAXI_MODEL

pytestmark = pytest.mark.tfx

MODEL = str(TAXI_MODEL)


def as_dict(tfx_pipeline):
    """Return TFX's intermediate representation as plain values: maps have no order."""
    from google.protobuf import json_format
    from tfx.orchestration.portable import tfx_runner

    return json_format.MessageToDict(tfx_runner._make_pipeline_proto(tfx_pipeline))


def taxi(root: Path, serving: Path) -> fml.PipelineDef:
    return (
        fml.PipelineDef("taxi", root=root)
        .from_csv(datasets.taxi())
        .generate_statistics()
        .infer_schema()
        .validate_input_data()
        .preprocess(MODEL)
        .tune(MODEL, train_steps=150, eval_steps=40)
        .train(MODEL, train_steps=600, eval_steps=40)
        .evaluate_model(
            "tips_xf",
            metrics=["AUC", "BinaryAccuracy"],
            thresholds={"AUC": 0.8},
            slices=["trip_start_hour"],
            min_improvement=-0.01,
        )
        .push_to(serving)
    )


def test_order_of_the_calls_does_not_matter(tmp_path: Path):
    chain = taxi(tmp_path, tmp_path / "serving")
    turned = fml.PipelineDef("taxi", root=tmp_path)
    for component in reversed(chain.components):
        turned = turned.add(component)
    nodes = {
        node["pipelineNode"]["nodeInfo"]["id"]: node for node in as_dict(chain.to_tfx())["nodes"]
    }
    others = {
        node["pipelineNode"]["nodeInfo"]["id"]: node for node in as_dict(turned.to_tfx())["nodes"]
    }
    assert nodes == others


def test_lowering_twice_gives_the_same(tmp_path: Path):
    chain = taxi(tmp_path, tmp_path / "serving")
    assert as_dict(chain.to_tfx()) == as_dict(chain.to_tfx())


def test_graph_from_json_lowers_to_the_same(tmp_path: Path):
    from fluentml.lowering import lower

    chain = taxi(tmp_path, tmp_path / "serving")
    again = fml.Graph.from_json(chain.graph.to_json())
    assert as_dict(lower(again)) == as_dict(chain.to_tfx())


def test_beam_arguments_name_a_runner_unless_given(tmp_path: Path):
    chain = fml.PipelineDef("p", root=tmp_path).from_csv(datasets.taxi())
    in_process = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"
    assert chain.to_tfx().beam_pipeline_args == [in_process]
    other = chain.with_beam_pipeline_args(["--direct_num_workers=2"])
    assert other.to_tfx().beam_pipeline_args == [in_process, "--direct_num_workers=2"]
    dataflow = chain.with_beam_pipeline_args(["--runner=DataflowRunner"])
    assert dataflow.to_tfx().beam_pipeline_args == ["--runner=DataflowRunner"]


def test_settings_reach_tfx(tmp_path: Path):
    chain = (
        fml.PipelineDef("p", root="gs://bucket/pipelines")
        .from_csv(datasets.taxi())
        .cache()
        .with_metadata(tmp_path / "elsewhere.db")
    )
    lowered = chain.to_tfx()
    assert lowered.pipeline_info.pipeline_root == "gs://bucket/pipelines/p"
    assert lowered.enable_cache
    uri = lowered.metadata_connection_config.sqlite.filename_uri
    assert uri == str(tmp_path / "elsewhere.db")


def test_protos_are_taken_where_tfx_takes_them(tmp_path: Path):
    from ml_metadata import proto as mlmd
    from tensorflow_model_analysis.proto import config_pb2
    from tfx.proto import (
        bulk_inferrer_pb2,
        example_gen_pb2,
        infra_validator_pb2,
        pusher_pb2,
        trainer_pb2,
        transform_pb2,
        tuner_pb2,
    )

    pb = infra_validator_pb2
    split = example_gen_pb2.SplitConfig.Split
    output_config = example_gen_pb2.Output(
        split_config=example_gen_pb2.SplitConfig(splits=[split(name="all", hash_buckets=1)])
    )
    eval_config = config_pb2.EvalConfig(model_specs=[config_pb2.ModelSpec(label_key="tips")])
    destination = pusher_pb2.PushDestination()
    destination.filesystem.base_directory = "gs://bucket/serving"
    serving_spec = pb.ServingSpec(
        tensorflow_serving=pb.TensorFlowServing(tags=["2.19"]),
        kubernetes=pb.KubernetesConfig(service_account_name="server"),
    )
    given = {
        "output_config": output_config,
        "splits_config": transform_pb2.SplitsConfig(analyze=["all"], transform=["all"]),
        "train_args": trainer_pb2.TrainArgs(num_steps=7, splits=["all"]),
        "eval_args": trainer_pb2.EvalArgs(num_steps=3, splits=["all"]),
        "tune_args": tuner_pb2.TuneArgs(num_parallel_trials=2),
        "eval_config": eval_config,
        "serving_spec": serving_spec,
        "request_spec": pb.RequestSpec(
            tensorflow_serving=pb.TensorFlowServingRequestSpec(), num_examples=9
        ),
        "validation_spec": pb.ValidationSpec(num_tries=4),
        "push_destination": destination,
        "data_spec": bulk_inferrer_pb2.DataSpec(example_splits=["all"]),
        "model_spec": bulk_inferrer_pb2.ModelSpec(model_signature_name=["serving_default"]),
    }

    def some(*names: str):
        return {name: given[name] for name in names}

    chain = (
        fml.PipelineDef("p", root=tmp_path)
        .with_metadata(mlmd.ConnectionConfig(fake_database=mlmd.FakeDatabaseConfig()))
        .from_csv(datasets.taxi(), **some("output_config"))
        .generate_statistics()
        .infer_schema()
        .preprocess(MODEL, **some("splits_config"))
        .tune(MODEL, **some("train_args", "eval_args", "tune_args"))
        .train(MODEL, **some("train_args", "eval_args"))
        .evaluate_model(**some("eval_config"))
        .infra_validate(**some("serving_spec", "request_spec", "validation_spec"))
        .push_to(**some("push_destination"))
        .bulk_infer(fml.from_csv(datasets.taxi()), **some("data_spec", "model_spec"))
    )
    assert fml.Graph.from_json(chain.graph.to_json()) == chain.graph
    lowered = chain.to_tfx()
    assert lowered.metadata_connection_config.HasField("fake_database")
    from google.protobuf import json_format

    seen = {}
    for component in lowered.components:
        for name, value in component.exec_properties.items():
            if name in given and isinstance(value, str):
                seen[name] = json_format.Parse(value, type(given[name])())
    assert seen == given


def test_metric_directions_become_bounds(tmp_path: Path):
    from google.protobuf import json_format
    from tensorflow_model_analysis.proto import config_pb2

    chain = (
        fml.PipelineDef("p", root=tmp_path)
        .from_csv(datasets.taxi())
        .train(MODEL)
        .train(MODEL, id="Champion")
        .evaluate_model(
            "fare",
            metrics=["MeanSquaredError", "R2Score"],
            thresholds={"MeanSquaredError": 2.5},
            min_improvement={"MeanSquaredError": 0.1, "R2Score": 0.01},
            inputs={"baseline_model": "Champion.model"},
            slices=["company", ("company", "payment_type")],
            baseline=None,
            splits=["eval", "train"],
        )
    )
    lowered = {component.id: component for component in chain.to_tfx().components}
    assert "latest_blessed_model_resolver" not in lowered
    properties = lowered["Evaluator"].exec_properties
    assert properties["example_splits"] == '["eval", "train"]'
    config = json_format.Parse(properties["eval_config"], config_pb2.EvalConfig())
    # Thresholds hold for the data as a whole, which TFMA calls the empty slice.
    (error,), (score,) = (m.per_slice_thresholds for m in config.metrics_specs[0].metrics)
    assert list(error.slicing_specs) == list(score.slicing_specs) == [config_pb2.SlicingSpec()]
    assert error.threshold.value_threshold.upper_bound.value == 2.5
    assert not error.threshold.value_threshold.HasField("lower_bound")
    lower_better = config_pb2.MetricDirection.LOWER_IS_BETTER
    assert error.threshold.change_threshold.direction == lower_better
    assert error.threshold.change_threshold.absolute.value == -0.1
    assert score.threshold.change_threshold.absolute.value == 0.01
    assert not score.threshold.HasField("value_threshold")
    features = [list(spec.feature_keys) for spec in config.slicing_specs]
    assert features == [[], ["company"], ["company", "payment_type"]]
    assert list(config.model_specs[0].preprocessing_function_names) == []


def test_thresholds_on_slices_and_with_the_side_given(tmp_path: Path):
    from google.protobuf import json_format
    from tensorflow_model_analysis.proto import config_pb2

    chain = (
        fml.PipelineDef("p", root=tmp_path)
        .from_csv(datasets.taxi())
        .train(MODEL)
        .evaluate_model(
            "fare",
            metrics=["AUC", "Calibration"],
            thresholds={
                "AUC": 0.8,
                "company=Yellow Cab:AUC": 0.7,
                "payment_type=Cash,trip_start_hour=3:AUC": ("<=", 0.9),
                "Calibration": (">=", 0.9),
            },
            slices=["company"],
            baseline=tmp_path,
        )
    )
    assert chain.graph["Evaluator"].upstream == ("CsvExampleGen", "Trainer", "Evaluator_baseline")
    assert fml.Graph.from_json(chain.graph.to_json()) == chain.graph
    lowered = {component.id: component for component in chain.to_tfx().components}
    assert lowered["Evaluator_baseline"].exec_properties["artifact_uri"] == str(tmp_path)
    config = json_format.Parse(
        lowered["Evaluator"].exec_properties["eval_config"], config_pb2.EvalConfig()
    )
    # The slice by company is computed anyway; the other one only for its threshold.
    keys = [(list(s.feature_keys), dict(s.feature_values)) for s in config.slicing_specs]
    pair = {"payment_type": "Cash", "trip_start_hour": "3"}
    assert keys == [([], {}), (["company"], {}), ([], pair)]
    auc, calibration = (
        [
            (dict(t.slicing_specs[0].feature_values), t.threshold.value_threshold)
            for t in metric.per_slice_thresholds
        ]
        for metric in config.metrics_specs[0].metrics
    )
    assert [(where, limits.lower_bound.value) for where, limits in auc[:2]] == [
        ({}, 0.8),
        ({"company": "Yellow Cab"}, 0.7),
    ]
    assert auc[2][0] == pair
    assert auc[2][1].upper_bound.value == 0.9
    assert calibration[0][1].lower_bound.value == 0.9


def test_any_tfx_component_can_join(tmp_path: Path):
    from tfx.components.example_gen.csv_example_gen.component import CsvExampleGen
    from tfx.components.statistics_gen.component import StatisticsGen

    from tests.custom_component import CountExamples

    built = CsvExampleGen(input_base=datasets.taxi()).with_id("Other")
    counted = StatisticsGen(examples=built.outputs["examples"]).with_id("OtherStatistics")

    def fresh_statistics(examples):
        return StatisticsGen(examples=examples)

    chain = (
        fml.PipelineDef("p", root=tmp_path)
        .from_csv(datasets.taxi())
        .add_component(counted)
        .add_component(built)
        .add_component(fresh_statistics)
        .add_component(CountExamples)
        .infer_schema(inputs={"statistics": "fresh_statistics.statistics"})
        .validate_input_data(
            inputs={"statistics": "OtherStatistics.statistics", "schema": "SchemaGen.schema"}
        )
    )
    assert chain.graph["OtherStatistics"].upstream == ("Other",)
    assert chain.graph["fresh_statistics"].upstream == ("CsvExampleGen",)
    assert chain.graph["CountExamples"].upstream == ("CsvExampleGen",)
    ids = [component.id for component in chain.to_tfx().components]
    assert set(ids) == {
        "CsvExampleGen",
        "Other",
        "OtherStatistics",
        "fresh_statistics",
        "CountExamples",
        "SchemaGen",
        "ExampleValidator",
    }


def test_output_that_a_custom_component_does_not_have(tmp_path: Path):
    from tfx.components.statistics_gen.component import StatisticsGen

    chain = (
        fml.PipelineDef("p", root=tmp_path)
        .from_csv(datasets.taxi())
        .add_component(lambda examples: StatisticsGen(examples=examples), id="Counted")
        .infer_schema(inputs={"statistics": "Counted.stats"})
    )
    with pytest.raises(WiringError) as error:
        chain.to_tfx()
    assert str(error.value).splitlines() == [
        "infer_schema() takes 'statistics' from 'Counted.stats', and 'Counted' has no output "
        "'stats'.",
        "Its outputs: 'statistics'.",
        "Hint: take one of these.",
    ]


def test_function_that_returns_no_component(tmp_path: Path):
    chain = (
        fml.PipelineDef("p", root=tmp_path)
        .from_csv(datasets.taxi())
        .add_component(lambda examples: None, id="Nothing")
    )
    with pytest.raises(fml.DefinitionError, match=r"returned None, which is no TFX component"):
        chain.to_tfx()
