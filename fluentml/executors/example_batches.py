"""What an ExampleGen of batches has in common: examples into splits, and those into files.

TFX's executors hand Beam an example at a time, and shuffle them all before they write. Here the
elements are batches of columns, and a batch is written where it was made, so memory holds no more
than a few of them. Splits, files and their names are TFX's own.
"""

from __future__ import annotations

import abc
import hashlib
import os
from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from tfx.components.example_gen import write_split
from tfx.components.example_gen.base_example_gen_executor import BaseExampleGenExecutor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from fluentml.errors import DataError
from fluentml.executors.feature_columns import (
    BYTES,
    INTS,
    Column,
    Numbers,
    content,
    each,
    of_features,
    serialize,
)
from fluentml.executors.tfrecords import TFRecordSink, records

Batch = dict[str, Column]
"""The features of some rows."""


class BatchExampleGenExecutor(BaseExampleGenExecutor, abc.ABC):
    """Make tf.Examples of batches of columns; a subclass reads them."""

    @abc.abstractmethod
    def read(self, pipeline: Any, folder: str, pattern: str) -> Any:
        """Return the batches of the files of one input split, as a PCollection of `Batch`."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Write the splits of the examples."""
        self._artifacts = output_dict[standard_component_specs.EXAMPLES_KEY]
        super().Do(input_dict, output_dict, exec_properties)

    def GenerateExamplesByBeam(  # noqa: N802 (TFX's name)
        self, pipeline: Any, exec_properties: dict[str, Any]
    ) -> dict[str, Any]:
        """Write the examples where they are made, and leave nothing for TFX to write."""
        inputs, outputs = example_gen_pb2.Input(), example_gen_pb2.Output()
        keys = standard_component_specs
        proto_utils.json_to_proto(exec_properties[keys.INPUT_CONFIG_KEY], inputs)
        proto_utils.json_to_proto(exec_properties[keys.OUTPUT_CONFIG_KEY], outputs)
        folder = exec_properties[keys.INPUT_BASE_KEY]
        config = outputs.split_config if outputs.split_config.splits else None
        for split in inputs.splits:
            batches = pipeline | f"Read[{split.name}]" >> _Read(self.read, folder, split.pattern)
            _write(batches, split.name, config, self._artifacts)
        return {}


class _Read(beam.PTransform):
    def __init__(self, read: Callable[[Any, str, str], Any], folder: str, pattern: str) -> None:
        super().__init__()
        self._read, self._folder, self._pattern = read, folder, pattern

    def expand(self, pipeline: Any) -> Any:
        return self._read(pipeline, self._folder, self._pattern)


def _write(batches: Any, split: str, config: Any, artifacts: list[Any]) -> None:
    names = [each.name for each in config.splits] if config else [split]
    pieces = batches | f"Split[{split}]" >> beam.ParDo(_Split(config, names)).with_outputs(*names)
    for name in names:
        folder = artifact_utils.get_split_uri(artifacts, name)
        path = os.path.join(folder, write_split.DEFAULT_TF_RECORD_FILE_NAME)  # noqa: PTH118 (URI)
        pieces[name] | f"Write[{name}]" >> beam.io.Write(TFRecordSink(path))


class _Split(beam.DoFn):
    """Deal the examples of a batch into splits, as TFX does, each as a piece of a TFRecord file."""

    def __init__(self, config: Any, names: list[str]) -> None:
        self._names = names
        self._ends = np.cumsum([split.hash_buckets for split in config.splits]) if config else None
        has_feature = config is not None and config.HasField("partition_feature_name")
        self._feature = config.partition_feature_name if has_feature else None

    def process(self, batch: Batch) -> Iterator[Any]:
        examples = serialize(batch)
        if not len(examples):
            return
        contents = each(examples)
        pieces = records(examples, contents)
        if self._ends is None:
            yield beam.pvalue.TaggedOutput(self._names[0], content(pieces))
            return
        digests = _hashed(contents) if self._feature is None else self._digests(batch)
        into = np.searchsorted(self._ends, _modulo(digests, int(self._ends[-1])), side="right")
        for place, name in enumerate(self._names):
            chosen = pieces.filter(pa.array(into == place))
            if len(chosen):
                yield beam.pvalue.TaggedOutput(name, content(chosen))

    def _digests(self, batch: Batch) -> bytes:
        """Return the hashes of the feature by which examples are dealt."""
        assert self._feature is not None
        column = batch.get(self._feature, of_features(pa.nulls(1, pa.binary())))
        coded = column.serialized().dictionary_encode()
        known = coded.dictionary.to_pylist()
        if any(value[:1] not in (BYTES, INTS) for value in known):
            raise DataError(
                f"Examples are dealt into splits by {self._feature!r}, which is no column of whole "
                "numbers or text, or has no value in some row.",
                f"The columns: {', '.join(map(repr, batch))}.",
                hint="name one of these that fits: partition_on=…",
            )
        digests = np.frombuffer(_hashed(known), "V32")
        return bytes(digests[coded.indices.to_numpy()])


def _hashed(values: list[bytes]) -> bytes:
    """Return the SHA-256 hashes of values, one after the other."""
    sha256 = hashlib.sha256
    return b"".join([sha256(value).digest() for value in values])


def _modulo(digests: bytes, buckets: int) -> Numbers:
    """Return the remainders of SHA-256 hashes, whole numbers of 256 bits."""
    words = np.frombuffer(digests, ">u4").reshape(-1, 8).astype(np.uint64)
    remainders = np.zeros(len(words), np.uint64)
    for word in words.T:
        remainders = (remainders << np.uint64(32) | word) % np.uint64(buckets)
    return remainders
