"""Chicago taxi as one writes it for TFX by hand: the same pipeline as examples/taxi.py.

python tests/handwritten/taxi/pipeline.py
"""

from pathlib import Path

import tfx as tfx_package
from tensorflow_model_analysis.proto import config_pb2
from tfx import v1 as tfx

NAME = "taxi"
ROOT = Path("artifacts") / NAME
DATA = Path(tfx_package.__file__).parent / "examples/chicago_taxi_pipeline/data/simple"
MODULE = Path(__file__).parent / "module.py"
SERVING = "serving/taxi"
# The default runner of newer Beams tries a download.
BEAM_PIPELINE_ARGS = ["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"]


def create_eval_config() -> config_pb2.EvalConfig:
    """Return what is measured, on what, and which AUC is good enough to push."""
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(
                signature_name="serving_default",
                label_key="tips_xf",
                preprocessing_function_names=["transform_features"],
            )
        ],
        slicing_specs=[
            config_pb2.SlicingSpec(),
            config_pb2.SlicingSpec(feature_keys=["trip_start_hour"]),
        ],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=[
                    config_pb2.MetricConfig(
                        class_name="AUC",
                        # Of all trips: an hour with few of them must not refuse a good model.
                        per_slice_thresholds=[
                            config_pb2.PerSliceMetricThreshold(
                                slicing_specs=[config_pb2.SlicingSpec()],
                                threshold=config_pb2.MetricThreshold(
                                    value_threshold=config_pb2.GenericValueThreshold(
                                        lower_bound={"value": 0.8}
                                    )
                                ),
                            )
                        ],
                    ),
                    config_pb2.MetricConfig(class_name="BinaryAccuracy"),
                ]
            )
        ],
    )


def create_pipeline() -> tfx.dsl.Pipeline:
    """Return the pipeline, from CSV to a model that is pushed if it is good enough."""
    example_gen = tfx.components.CsvExampleGen(input_base=str(DATA))
    statistics_gen = tfx.components.StatisticsGen(examples=example_gen.outputs["examples"])
    schema_gen = tfx.components.SchemaGen(statistics=statistics_gen.outputs["statistics"])
    example_validator = tfx.components.ExampleValidator(
        statistics=statistics_gen.outputs["statistics"], schema=schema_gen.outputs["schema"]
    )
    transform = tfx.components.Transform(
        examples=example_gen.outputs["examples"],
        schema=schema_gen.outputs["schema"],
        module_file=str(MODULE),
    )
    tuner = tfx.components.Tuner(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema_gen.outputs["schema"],
        module_file=str(MODULE),
        train_args=tfx.proto.TrainArgs(num_steps=150),
        eval_args=tfx.proto.EvalArgs(),
    )
    trainer = tfx.components.Trainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema_gen.outputs["schema"],
        hyperparameters=tuner.outputs["best_hyperparameters"],
        module_file=str(MODULE),
        train_args=tfx.proto.TrainArgs(num_steps=600),
        eval_args=tfx.proto.EvalArgs(),
    )
    model_resolver = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    ).with_id("latest_blessed_model_resolver")
    evaluator = tfx.components.Evaluator(
        examples=example_gen.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=model_resolver.outputs["model"],
        eval_config=create_eval_config(),
    )
    pusher = tfx.components.Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=SERVING)
        ),
    )
    return tfx.dsl.Pipeline(
        pipeline_name=NAME,
        pipeline_root=str(ROOT),
        components=[
            example_gen,
            statistics_gen,
            schema_gen,
            example_validator,
            transform,
            tuner,
            trainer,
            model_resolver,
            evaluator,
            pusher,
        ],
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(ROOT / "metadata.db")
        ),
        beam_pipeline_args=BEAM_PIPELINE_ARGS,
    )


if __name__ == "__main__":
    tfx.orchestration.LocalDagRunner().run(create_pipeline())
