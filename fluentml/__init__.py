"""A fluent pipeline builder for TensorFlow Extended.

    import fluentml as fml

    pipeline = (
        fml.PipelineDef("taxi")
        .from_csv("data/")
        .generate_statistics()
        .infer_schema()
        .preprocess("model.py")
        .train("model.py", train_steps=1000, eval_steps=150)
        .evaluate_model("tips_xf", metrics=["AUC"], thresholds={"AUC": 0.8})
        .push_to("serving")
    )
    pipeline.run()

Nothing heavy is imported until a pipeline is lowered or run.
"""

from __future__ import annotations

from fluentml.backends.airflow import Airflow
from fluentml.backends.kubeflow import Kubeflow
from fluentml.backends.vertex import Vertex
from fluentml.cleaning import gc
from fluentml.components import metric
from fluentml.emulation import emulate
from fluentml.engine import Beam
from fluentml.errors import (
    BackendError,
    CheckError,
    DataError,
    DefinitionError,
    FluentmlError,
    LoadError,
    MissingDependencyError,
    PipelineError,
    RollbackError,
    RunError,
    WiringError,
)
from fluentml.graph import Graph, Node
from fluentml.params import param
from fluentml.pipeline import PipelineDef
from fluentml.serving import rollback
from fluentml.sources import (
    from_avro,
    from_bigquery,
    from_csv,
    from_custom_example_gen,
    from_dataframe,
    from_parquet,
    from_sql,
    from_tfrecord,
)
from fluentml.spec import Channel

__version__ = "0.1.0"

__all__ = [
    "PipelineDef",
    "Beam",
    "from_csv",
    "from_tfrecord",
    "from_parquet",
    "from_avro",
    "from_dataframe",
    "from_sql",
    "from_bigquery",
    "from_custom_example_gen",
    "param",
    "metric",
    "Vertex",
    "Kubeflow",
    "Airflow",
    "rollback",
    "gc",
    "emulate",
    "Channel",
    "Graph",
    "Node",
    "FluentmlError",
    "PipelineError",
    "DefinitionError",
    "WiringError",
    "CheckError",
    "LoadError",
    "BackendError",
    "MissingDependencyError",
    "DataError",
    "RollbackError",
    "RunError",
]
