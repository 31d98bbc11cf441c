"""TFX's BulkInferrer, which reads and writes many examples at once, and loads the model once.

What the model is asked and what becomes of its answers is left to tfx_bsl; read in TFX 1.16.0
and 1.21.0.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
from tfx.components.bulk_inferrer import executor, prediction_to_example_utils
from tfx.components.util import tfxio_utils
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.utils import io_utils
from tfx_bsl.beam import run_inference
from tfx_bsl.public.beam.run_inference import CreateModelHandler

from fluentml.executors import bulk_inferrer
from fluentml.executors.record_batches import files_of, records
from fluentml.executors.tfrecords import TFRecordSink, piece

ROWS = 1000
"""What the model is asked at once, at most: as many as Beam would, for the sake of memory."""
LOGS = "logs"


class Executor(executor.Executor):
    """Ask the model here; what holds no tf.Examples, or is far away, is left to TFX."""

    def _run_model_inference(
        self,
        data_spec: Any,
        output_example_spec: Any,
        examples: list[Any],
        output_examples: Any,
        inference_result: Any,
        inference_endpoint: Any,
    ) -> None:
        files = _files(examples, [*data_spec.example_splits])
        if files is None or inference_endpoint.WhichOneof("type") != "saved_model_spec":
            super()._run_model_inference(
                data_spec,
                output_example_spec,
                examples,
                output_examples,
                inference_result,
                inference_endpoint,
            )
            return
        targets = {}
        if inference_result:
            targets[LOGS] = _path(inference_result.uri, executor._PREDICTION_LOGS_FILE_NAME)
        if output_examples:
            output_examples.split_names = artifact_utils.encode_split_names(sorted(files))
            for split in files:
                folder = artifact_utils.get_split_uri([output_examples], split)
                targets[f"examples of {split}"] = _path(folder, executor._EXAMPLES_FILE_NAME)
        infer = _Infer(inference_endpoint, output_example_spec if output_examples else None)
        with self._make_beam_pipeline() as pipeline:
            pieces = (
                pipeline
                | "Files"
                >> beam.Create([(split, file) for split in files for file in files[split]])
                | "Infer" >> beam.ParDo(infer, bool(inference_result)).with_outputs(*targets)
            )
            for name, path in targets.items():
                pieces[name] | f"Write {name}" >> beam.io.Write(TFRecordSink(path))


def _files(examples: list[Any], splits: list[str]) -> dict[str, list[str]] | None:
    """Return the files by split, of the last artifact that has it; None if they are not ours."""
    payload, _ = tfxio_utils.resolve_payload_format_and_data_view_uri(examples)
    if payload != example_gen_pb2.FORMAT_TF_EXAMPLE:
        return None
    found = {
        split: files_of([io_utils.all_files_pattern(artifact_utils.get_split_uri([one], split))])
        for one in examples
        for split in artifact_utils.decode_split_names(one.split_names)
        if not splits or split in splits
    }
    readable = {split: files for split, files in found.items() if files is not None}
    return readable if len(readable) == len(found) else None


def _path(folder: str, name: str) -> str:
    return os.path.join(folder, name)  # noqa: PTH118 (it may be a URI)


class _Infer(beam.DoFn):
    """Ask the model about the records of a file."""

    def __init__(self, endpoint: Any, example_spec: Any) -> None:
        self._handler = CreateModelHandler(endpoint)
        self._example_spec = example_spec

    def setup(self) -> None:
        self._model = self._handler.load_model()

    def process(self, file: tuple[str, str], with_logs: bool) -> Iterator[Any]:
        split, path = file
        for asked in records(path, ROWS):
            logs = answers(self._handler, asked, self._model)
            if with_logs:
                yield beam.pvalue.TaggedOutput(LOGS, _piece(logs))
            if self._example_spec is not None:
                convert = prediction_to_example_utils.convert
                made = [convert(log, self._example_spec) for log in logs]
                yield beam.pvalue.TaggedOutput(f"examples of {split}", _piece(made))


def answers(handler: Any, asked: list[bytes], model: Any) -> list[Any]:
    """Return what tfx_bsl's handler of a model answers, as PredictionLogs.

    It makes a proto of each number by TensorFlow's `make_tensor_proto`, which takes longer than the
    model; floats stand in a proto as they stand in memory.
    """
    if type(handler) is not run_inference._PredictModelHandler:
        return [*handler.run_inference(asked, model)]
    outputs = handler._run_inference(asked, asked, model)
    if any(np.ndim(values) < 1 or len(values) != len(asked) for values in outputs.values()):
        return [*handler._post_process(asked, asked, outputs)]  # it says what is wrong
    first = {name: values[:1] for name, values in outputs.items()}
    (template,) = handler._post_process(asked[:1], asked[:1], first)
    (examples,) = template.predict_log.request.inputs
    known = template.predict_log.response.outputs
    tensors = {name: _tensors(known[name], values) for name, values in outputs.items()}
    logs = []
    for place, example in enumerate(asked):
        log = type(template)()
        log.CopyFrom(template)
        log.predict_log.request.inputs[examples].string_val[0] = example
        for name, made in tensors.items():
            log.predict_log.response.outputs[name].ParseFromString(made(place))
        logs.append(log)
    return logs


def _tensors(first: Any, values: Any) -> Callable[[int], bytes]:
    """Return what gives the serialized TensorProto of a row, whose shape is that of the first."""
    serialized, size = first.SerializeToString(), values[0].nbytes
    if values.dtype.kind == "f" and size and serialized.endswith(values[0].tobytes()):
        head, content = serialized[:-size], values.tobytes()
        return lambda place: bytes(head + content[place * size : (place + 1) * size])
    shape = (1, *values.shape[1:])
    return lambda place: bytes(
        tf.make_tensor_proto(values[place], first.dtype, shape).SerializeToString()
    )


def _piece(messages: list[Any]) -> bytes:
    return piece([message.SerializeToString(deterministic=True) for message in messages])


class TableExecutor(bulk_inferrer.Executor, Executor):
    """The same, and then the table of predictions."""


CLASS_PATH = f"{Executor.__module__}.{Executor.__qualname__}"
STOCK_CLASS_PATH = f"{executor.Executor.__module__}.{executor.Executor.__qualname__}"
TABLE_CLASS_PATH = f"{TableExecutor.__module__}.{TableExecutor.__qualname__}"
STOCK_TABLE_CLASS_PATH = f"{bulk_inferrer.__name__}.{bulk_inferrer.Executor.__qualname__}"
