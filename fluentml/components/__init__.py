"""One module per component: its parameters, its inputs and outputs, and its translation to TFX."""

from __future__ import annotations

from fluentml.components._conditions import AllOf, FunctionCondition, MetricCondition
from fluentml.components._example_gen import ExampleGen
from fluentml.components._features import Features
from fluentml.components._file_based import FileBasedExampleGen
from fluentml.components._metrics import Metric, metric
from fluentml.components._steps import TrainingSteps
from fluentml.components._user_code import UserCode
from fluentml.components.avro_example_gen import AvroExampleGen
from fluentml.components.bigquery_example_gen import BigQueryExampleGen
from fluentml.components.bulk_inferrer import BulkInferrer
from fluentml.components.csv_example_gen import CsvExampleGen
from fluentml.components.custom import CustomComponent
from fluentml.components.custom_example_gen import CustomExampleGen
from fluentml.components.dataframe_example_gen import DataFrameExampleGen
from fluentml.components.distribution_validator import DistributionValidator
from fluentml.components.evaluator import Evaluator
from fluentml.components.example_diff import ExampleDiff
from fluentml.components.example_validator import ExampleValidator
from fluentml.components.exit_steps import ExitStep, Notifier
from fluentml.components.import_example_gen import ImportExampleGen
from fluentml.components.import_schema_gen import ImportSchemaGen
from fluentml.components.importer import (
    ImportedArtifact,
    ImportedHyperparameters,
    ImportedModel,
    ImportedStatistics,
    Importer,
)
from fluentml.components.infra_validator import InfraValidator
from fluentml.components.metric_value import MetricValue
from fluentml.components.model_converter import ModelConverter
from fluentml.components.parquet_example_gen import ParquetExampleGen
from fluentml.components.pusher import Pusher
from fluentml.components.resolver import (
    LastModel,
    LatestBlessedModel,
    PreviousAnalyzerCache,
    PreviousModel,
    PreviousStatistics,
    Resolver,
)
from fluentml.components.schema_curation import SchemaCuration
from fluentml.components.schema_gen import SchemaGen
from fluentml.components.sql_example_gen import SqlExampleGen
from fluentml.components.statistics_gen import StatisticsGen
from fluentml.components.trainer import Trainer
from fluentml.components.transform import Transform
from fluentml.components.tuner import Tuner

__all__ = [
    "AllOf",
    "AvroExampleGen",
    "BigQueryExampleGen",
    "BulkInferrer",
    "CsvExampleGen",
    "CustomComponent",
    "CustomExampleGen",
    "DataFrameExampleGen",
    "DistributionValidator",
    "Evaluator",
    "ExampleDiff",
    "ExampleGen",
    "ExampleValidator",
    "ExitStep",
    "Features",
    "FileBasedExampleGen",
    "FunctionCondition",
    "ImportExampleGen",
    "ImportSchemaGen",
    "ImportedArtifact",
    "ImportedHyperparameters",
    "ImportedModel",
    "ImportedStatistics",
    "Importer",
    "InfraValidator",
    "LastModel",
    "LatestBlessedModel",
    "Metric",
    "MetricCondition",
    "MetricValue",
    "Notifier",
    "ModelConverter",
    "ParquetExampleGen",
    "PreviousAnalyzerCache",
    "PreviousModel",
    "PreviousStatistics",
    "Pusher",
    "Resolver",
    "SchemaCuration",
    "SchemaGen",
    "SqlExampleGen",
    "StatisticsGen",
    "Trainer",
    "TrainingSteps",
    "Transform",
    "Tuner",
    "UserCode",
    "metric",
]
