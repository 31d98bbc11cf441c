"""A SavedModel as the makers of other formats need it: one signature, examples, and answers."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2

from fluentml.errors import DataError, listing

Answer: TypeAlias = dict[str, Any]
"""NumPy arrays by output, a row for each example."""
_TABLES = [(key, value) for key in (tf.string, tf.int64) for value in (tf.int64, tf.string)]
_TABLES += [(tf.string, tf.float32), (tf.int64, tf.float32), (tf.int32, tf.int32)]


class Servable:
    """A SavedModel by one of its signatures, and examples to ask it.

    Args:
        path: Its folder or URI.
        signature: The signature's name.
        examples: Serialized tf.Examples, at least one.

    Raises:
        DataError: It has no such signature, or the examples are nothing that it takes.
    """

    def __init__(self, path: str, signature: str, examples: list[bytes]) -> None:
        self.path, self.signature = path, signature
        self.model = tf.saved_model.load(path)
        if signature not in self.model.signatures:
            raise DataError(
                f"Another format is to be made of the signature {signature!r}, which the model "
                "lacks.",
                f"It has: {listing(self.model.signatures, 'none')}.",
                hint='name another: push_to(…, formats={"tflite": "serving_default"}); '
                "fluentml.training.save says which it writes.",
            )
        self.function = self.model.signatures[signature]
        self.takes: Mapping[str, Any] = self.function.structured_input_signature[1]
        self.feed = self._feed(examples)

    def _feed(self, examples: list[bytes]) -> dict[str, Any]:
        """Return what the signature takes: the examples themselves, or features by their names."""
        if self.takes_examples:
            return dict.fromkeys(self.takes, np.array(examples, object))
        # tf.Examples know three types.
        kept = {tf.int32: tf.int64, tf.bool: tf.int64, tf.float64: tf.float32}
        try:
            spec_of = {
                name: tf.io.FixedLenFeature(spec.shape[1:], kept.get(spec.dtype, spec.dtype))
                for name, spec in self.takes.items()
            }
            parsed = tf.io.parse_example(examples, spec_of)
        except (ValueError, tf.errors.InvalidArgumentError) as error:
            takes = ", ".join(f"{n} ({s.dtype.name} {s.shape})" for n, s in self.takes.items())
            raise DataError(
                f"The signature {self.signature!r} takes {takes or 'nothing'}, and the raw "
                "examples have no such features to compare predictions on.",
                hint="let it take serialized tf.Examples, or features as they stand in the data.",
            ) from error
        return {n: tf.cast(parsed[n], s.dtype).numpy() for n, s in self.takes.items()}

    @property
    def takes_examples(self) -> bool:
        """Whether it takes serialized tf.Examples, as far as its one input tells."""
        specs = [(spec.dtype, spec.shape.rank) for spec in self.takes.values()]
        return specs == [(tf.string, 1)]

    @cached_property
    def answers(self) -> list[tuple[dict[str, Any], Answer]]:
        """What is asked, and the model's answer: all examples at once, and the first one alone."""
        first = {name: array[:1] for name, array in self.feed.items()}
        return [(feed, self._answer(feed)) for feed in (self.feed, first)]

    def _answer(self, feed: Mapping[str, Any]) -> Answer:
        tensors = {name: tf.constant(array) for name, array in feed.items()}
        return {name: tensor.numpy() for name, tensor in self.function(**tensors).items()}

    @cached_property
    def without_files(self) -> str:
        """The folder of a SavedModel with this signature alone, its lookup tables as constants.

        TensorFlow Transform fills its tables from vocabulary files, which the converters leave
        behind: the tables would be empty.
        """
        before = self.answers  # of the model as it is
        assert before
        module = tf.Module()
        tables = [_copy_of_table(handle) for handle in self.function.captured_inputs]
        captures = [
            handle if table is None else table.resource_handle
            for handle, table in zip(self.function.captured_inputs, tables, strict=True)
        ]
        # And nothing else of the model: TensorFlow.js wants to know the use of every table.
        module.tables, module.variables_read = tables, _holders(self.model, captures)
        self.function.set_external_captures(captures)
        specs = [tf.TensorSpec(s.shape, s.dtype, name=name) for name, s in self.takes.items()]

        def serve(*tensors: Any) -> Any:
            return self.function(**dict(zip(self.takes, tensors, strict=True)))

        traced = tf.function(serve, autograph=False).get_concrete_function(*specs)
        self._folder = tempfile.TemporaryDirectory()
        tf.saved_model.save(module, self._folder.name, signatures={self.signature: traced})
        give_lookups_a_shape(Path(self._folder.name, "saved_model.pb"))
        return self._folder.name


def give_lookups_a_shape(file: Path) -> None:
    """Let a SavedModel say that what a table answers has the shape of what it was asked.

    TensorFlow does not tell, and TensorFlow Lite then takes the answer for a scalar when it
    prepares for a batch of one, and refuses the model.
    """
    saved_model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    for graph in saved_model.meta_graphs:
        for function in graph.graph_def.library.function:
            for node in [node for node in function.node_def if node.op == "LookupTableFindV2"]:
                _reshape_to_keys(function, node)
    file.write_bytes(saved_model.SerializeToString())


def _reshape_to_keys(function: Any, lookup: Any) -> None:
    answer, shape, shaped = (
        f"{lookup.name}:values:0",
        f"{lookup.name}/shape",
        f"{lookup.name}/answer",
    )
    for node in function.node_def:
        node.input[:] = [f"{shaped}:output:0" if key == answer else key for key in node.input]
    for name, output in function.ret.items():
        if output == answer:
            function.ret[name] = f"{shaped}:output:0"
    node = function.node_def.add(name=shape, op="Shape", input=[lookup.input[1]])
    node.attr["T"].CopyFrom(lookup.attr["Tin"])
    node.attr["out_type"].type = types_pb2.DT_INT32
    node = function.node_def.add(name=shaped, op="Reshape", input=[answer, f"{shape}:output:0"])
    node.attr["T"].CopyFrom(lookup.attr["Tout"])
    node.attr["Tshape"].type = types_pb2.DT_INT32


def _holders(model: Any, handles: list[Any]) -> list[Any]:
    """Return what in a model owns these handles: its variables, for the most part."""
    wanted = {id(handle) for handle in handles}
    parts = tf.train.TrackableView(model).descendants()
    return [
        part
        for part in parts
        if {id(getattr(part, name, None)) for name in ("handle", "resource_handle")} & wanted
    ]


def _copy_of_table(handle: Any) -> Any:
    """Return a table with the same content as constants; None where the capture is no table."""
    if handle.dtype != tf.resource:
        return None
    for key, value in _TABLES:
        try:
            keys, values = tf.raw_ops.LookupTableExportV2(
                table_handle=handle, Tkeys=key, Tvalues=value
            )
        except tf.errors.InvalidArgumentError:
            continue
        initializer = tf.lookup.KeyValueTensorInitializer(keys, values)
        # What is not found is answered by the default that stands in the graph.
        return tf.lookup.StaticHashTable(
            initializer, tf.zeros([], value) if value != tf.string else ""
        )
    return None
