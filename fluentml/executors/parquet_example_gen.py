"""Parquet files into tf.Examples."""

from __future__ import annotations

import os
from typing import Any

import apache_beam as beam
import tensorflow as tf
from tfx.components.example_gen.base_example_gen_executor import BaseExampleGenExecutor
from tfx.types import standard_component_specs

from fluentml.executors.rows import to_example


@beam.ptransform_fn
@beam.typehints.with_input_types(beam.Pipeline)
@beam.typehints.with_output_types(tf.train.Example)
def _read(pipeline: Any, exec_properties: dict[str, Any], split_pattern: str) -> Any:
    folder = exec_properties[standard_component_specs.INPUT_BASE_KEY]
    files = os.path.join(folder, split_pattern)  # noqa: PTH118 (it may be a URI)
    return pipeline | "Read" >> beam.io.ReadFromParquet(files) | "ToExample" >> beam.Map(to_example)


class Executor(BaseExampleGenExecutor):
    """Read Parquet files as TFX's executor does, with every value kept (see `rows`)."""

    def GetInputSourceToExamplePTransform(self) -> Any:  # noqa: N802 (TFX's name)
        """Return the transform that reads one split's files."""
        return _read
