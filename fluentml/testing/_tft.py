"""What TFX's Transform does to examples, in this process and in memory.

The schema is inferred as StatisticsGen and SchemaGen infer it, the analyzers run on Beam, and the
rows then go through the very graph that Transform would hand on to training and serving.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

import apache_beam as beam
import tensorflow as tf
import tensorflow_data_validation as tfdv
import tensorflow_transform as tft
from absl import logging as absl_logging
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform import beam as tft_beam
from tensorflow_transform import impl_helper
from tensorflow_transform.tf_metadata import schema_utils
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder
from tfx_bsl.tfxio.tf_example_record import TFExampleBeamRecord

from fluentml.executors.rows import to_example
from fluentml.local.beam import light
from fluentml.lowering import IN_PROCESS_RUNNER

# TensorFlow 2.21 crashes where an interpreter, ending, collects what a traced function left behind;
# what is frozen is not collected.
atexit.register(gc.freeze)

PreprocessingFn = Callable[[dict[str, Any]], Any]


def to_examples(rows: Iterable[Mapping[str, Any]]) -> list[bytes]:
    """Return the rows as serialized tf.Examples."""
    return [to_example(row).SerializeToString() for row in rows]


def infer_schema(examples: list[bytes], *, infer_feature_shape: bool = True) -> schema_pb2.Schema:
    """Return the schema that SchemaGen would infer of the statistics of these examples."""
    batch = ExamplesToRecordBatchDecoder().DecodeBatch(examples)
    with _quiet():
        statistics = stats_impl.generate_statistics_in_memory(batch, tfdv.StatsOptions())
        return tfdv.infer_schema(statistics, infer_feature_shape)


def transform(
    function: PreprocessingFn, examples: list[bytes], schema: schema_pb2.Schema
) -> dict[str, Any]:
    """Return the transformed features as tensors, in the order of the examples."""
    source = TFExampleBeamRecord(
        physical_format="inmem", telemetry_descriptors=["fluentml"], schema=schema
    )
    types = source.TensorAdapter().OriginalTypeSpecs()
    batch = ExamplesToRecordBatchDecoder(schema.SerializeToString()).DecodeBatch(examples)
    with _quiet(), tempfile.TemporaryDirectory() as folder:
        if tft.get_analyze_input_columns(function, types):
            _analyze(function, batch, source.TensorAdapterConfig(), folder)
        else:
            # As TFX does: without analyzers there is nothing to find in the data.
            specs = schema_utils.schema_as_feature_spec(schema).feature_spec
            impl_helper.analyze_in_place(function, False, specs, types, folder)
        graph = tft.TFTransformOutput(folder)
        tensors = source.TensorAdapter().ToBatchTensors(batch)
        outputs: dict[str, Any] = graph.transform_raw_features(tensors, drop_unused_features=True)
        return outputs


class _InThisProcess:
    """A function that Beam may copy, whatever it refers to: every copy calls this one."""

    functions: ClassVar[dict[int, PreprocessingFn]] = {}

    def __init__(self, function: PreprocessingFn) -> None:
        self.functions[id(function)] = function
        self.key = id(function)

    def __call__(self, inputs: dict[str, Any]) -> Any:
        return self.functions[self.key](inputs)


def _analyze(function: PreprocessingFn, batch: Any, config: Any, folder: str) -> None:
    with (
        light([IN_PROCESS_RUNNER]),
        tempfile.TemporaryDirectory() as temporary,
        tft_beam.Context(temp_dir=temporary),
        beam.Pipeline(runner=FnApiRunner()) as pipeline,
    ):
        rows = pipeline | beam.Create([batch], reshuffle=False)
        graph = (rows, config) | tft_beam.AnalyzeDataset(_InThisProcess(function))
        graph | tft_beam.WriteTransformFn(folder)
    _InThisProcess.functions.clear()


def to_columns(outputs: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return each feature as a list with a plain value, or a list of values, for every row."""
    return {name: _values(outputs[name]) for name in sorted(outputs)}


def _values(tensor: Any) -> list[Any]:
    if isinstance(tensor, tf.SparseTensor):
        is_flat = tensor.shape.rank == 2
        tensor = tf.RaggedTensor.from_sparse(tensor) if is_flat else tf.sparse.to_dense(tensor)
    elif (
        not isinstance(tensor, tf.RaggedTensor) and tensor.shape.rank == 2 and tensor.shape[1] == 1
    ):
        tensor = tf.squeeze(tensor, axis=1)
    values: list[Any] = (
        tensor.numpy().tolist() if isinstance(tensor, tf.Tensor) else tensor.to_list()
    )
    return _text(values) if tensor.dtype == tf.string else values


def _text(value: Any) -> Any:
    """Return bytes as text where they are UTF-8."""
    if isinstance(value, list):
        return [_text(item) for item in value]
    with contextlib.suppress(UnicodeDecodeError):
        return value.decode()
    return value


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Let absl, TensorFlow and Beam tell nothing: what goes wrong is raised, in a user's words."""
    loggers = [
        absl_logging.get_absl_logger(),
        *map(logging.getLogger, ("apache_beam", "tensorflow")),
    ]
    before = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for one, level in zip(loggers, before, strict=True):
            one.setLevel(level)
