"""The taxi pipeline written by hand against TFX: the yardstick for equality and for speed.

Run it with: python tests/handwritten/taxi_tfx.py --root taxi
"""

from __future__ import annotations

import argparse
from pathlib import Path

import tfx
from tensorflow_model_analysis.proto import config_pb2
from tfx.components.evaluator.component import Evaluator
from tfx.components.example_gen.csv_example_gen.component import CsvExampleGen
from tfx.components.example_validator.component import ExampleValidator
from tfx.components.pusher.component import Pusher
from tfx.components.schema_gen.component import SchemaGen
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.trainer.component import Trainer
from tfx.components.transform.component import Transform
from tfx.components.tuner.component import Tuner
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import (
    LatestBlessedModelStrategy,
)
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2, trainer_pb2
from tfx.types import Channel
from tfx.types.standard_artifacts import Model, ModelBlessing

BEAM_PIPELINE_ARGS = ["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"]
TAXI_DATA = Path(tfx.__file__).parent / "examples/chicago_taxi_pipeline/data/simple"
TAXI_MODEL = Path(__file__).parents[2] / "examples/taxi_model.py"


def create_eval_config(
    min_auc: float = 0.8, min_improvement: float | None = None
) -> config_pb2.EvalConfig:
    """Return the evaluation: AUC with its thresholds, BinaryAccuracy, overall and by hour.

    The thresholds judge the whole: on each slice too, as `MetricConfig.threshold` would have it,
    an hour with few trips could refuse a good model. `min_improvement` is the least by which AUC
    must exceed the last blessed model's; a negative number allows to be that much worse.
    """
    threshold = config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(lower_bound={"value": min_auc})
    )
    if min_improvement is not None:
        threshold.change_threshold.direction = config_pb2.MetricDirection.HIGHER_IS_BETTER
        threshold.change_threshold.absolute.value = min_improvement
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
                        per_slice_thresholds=[
                            config_pb2.PerSliceMetricThreshold(
                                slicing_specs=[config_pb2.SlicingSpec()], threshold=threshold
                            )
                        ],
                    ),
                    config_pb2.MetricConfig(class_name="BinaryAccuracy"),
                ]
            )
        ],
    )


def create_pipeline(
    name: str,
    root: str,
    data_root: str,
    module_file: str,
    serving_dir: str,
    metadata_path: str,
    *,
    train_steps: int = 600,
    eval_steps: int = 40,
    tune_steps: int = 150,
    min_auc: float = 0.8,
    min_improvement: float | None = None,
    enable_cache: bool = False,
) -> Pipeline:
    """Return the whole taxi pipeline: CSV to a model pushed to `serving_dir` if blessed."""
    example_gen = CsvExampleGen(input_base=data_root)
    statistics_gen = StatisticsGen(examples=example_gen.outputs["examples"])
    schema_gen = SchemaGen(statistics=statistics_gen.outputs["statistics"])
    example_validator = ExampleValidator(
        statistics=statistics_gen.outputs["statistics"], schema=schema_gen.outputs["schema"]
    )
    transform = Transform(
        examples=example_gen.outputs["examples"],
        schema=schema_gen.outputs["schema"],
        module_file=module_file,
    )
    tuner = Tuner(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema_gen.outputs["schema"],
        module_file=module_file,
        train_args=trainer_pb2.TrainArgs(num_steps=tune_steps),
        eval_args=trainer_pb2.EvalArgs(num_steps=eval_steps),
    )
    trainer = Trainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema_gen.outputs["schema"],
        hyperparameters=tuner.outputs["best_hyperparameters"],
        module_file=module_file,
        train_args=trainer_pb2.TrainArgs(num_steps=train_steps),
        eval_args=trainer_pb2.EvalArgs(num_steps=eval_steps),
    )
    model_resolver = Resolver(
        strategy_class=LatestBlessedModelStrategy,
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
    ).with_id("latest_blessed_model_resolver")
    evaluator = Evaluator(
        examples=example_gen.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=model_resolver.outputs["model"],
        eval_config=create_eval_config(min_auc, min_improvement),
    )
    pusher = Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=serving_dir)
        ),
    )
    return Pipeline(
        pipeline_name=name,
        pipeline_root=root,
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
        enable_cache=enable_cache,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(metadata_path),
        beam_pipeline_args=BEAM_PIPELINE_ARGS,
    )


def main() -> None:
    """Run the pipeline on TFX's own runner, everything below `--root`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True, help="directory for all that it writes")
    parser.add_argument("--data", type=Path, default=TAXI_DATA, help="directory with the CSV file")
    parser.add_argument("--min-improvement", type=float, help="least gain of AUC over the baseline")
    args = parser.parse_args()
    pipeline = create_pipeline(
        name="taxi",
        root=str(args.root / "pipeline"),
        data_root=str(args.data),
        module_file=str(TAXI_MODEL),
        serving_dir=str(args.root / "serving"),
        metadata_path=str(args.root / "metadata.db"),
        min_improvement=args.min_improvement,
    )
    LocalDagRunner().run(pipeline)


if __name__ == "__main__":
    main()
