"""Other formats of a SavedModel, and what each of them answers."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import tensorflow as tf
from tfx.utils import io_utils

from fluentml.errors import DataError, listing

Answer: TypeAlias = dict[str, Any]
"""NumPy arrays by output, a row for each example."""
Answers: TypeAlias = Iterator[tuple[Answer, Answer]]
"""Pairs of the SavedModel's answer and that of another format to the same examples."""

SIGNATURE = "serving_default"
_TABLES = [(key, value) for key in (tf.string, tf.int64) for value in (tf.int64, tf.string)]
_TABLES += [(tf.string, tf.float32), (tf.int64, tf.float32), (tf.int32, tf.int32)]


class Servable:
    """A SavedModel by its signature `serving_default`, and examples to ask it.

    Args:
        path: Its folder or URI.
        examples: Serialized tf.Examples, at least one.

    Raises:
        DataError: It has no such signature, or the examples are nothing that it takes.
    """

    def __init__(self, path: str, examples: list[bytes]) -> None:
        self.path = path
        self.model = tf.saved_model.load(path)
        if SIGNATURE not in self.model.signatures:
            raise DataError(
                f"Other formats are made of the signature {SIGNATURE!r}, which the model lacks.",
                f"It has: {listing(self.model.signatures, 'none')}.",
                hint="save it with that one; fluentml.training.save does.",
            )
        self.function = self.model.signatures[SIGNATURE]
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
                f"The signature {SIGNATURE!r} takes {takes}, and the raw examples have no such "
                "features to compare predictions on.",
                hint="let it take serialized tf.Examples, or features as they stand in the data.",
            ) from error
        return {n: tf.cast(parsed[n], s.dtype).numpy() for n, s in self.takes.items()}

    @property
    def takes_examples(self) -> bool:
        """Whether it takes serialized tf.Examples, as far as its one input tells."""
        spec = next(iter(self.takes.values()))
        return len(self.takes) == 1 and spec.dtype == tf.string and spec.shape.rank == 1

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

        TensorFlow Transform's tables are filled from vocabulary files, which the converters leave
        behind: the tables would be empty.
        """
        before = self.answers  # of the model as it is
        assert before
        module = tf.Module()
        module.model, module.tables = self.model, []
        captures = []
        for capture in self.function.captured_inputs:
            table = _copy_of_table(capture) if capture.dtype == tf.resource else None
            module.tables.append(table)
            captures.append(capture if table is None else table.resource_handle)
        self.function.set_external_captures(captures)
        specs = [tf.TensorSpec(s.shape, s.dtype, name=name) for name, s in self.takes.items()]

        def serve(*tensors: Any) -> Any:
            return self.function(**dict(zip(self.takes, tensors, strict=True)))

        traced = tf.function(serve, autograph=False).get_concrete_function(*specs)
        self._folder = tempfile.TemporaryDirectory()
        tf.saved_model.save(module, self._folder.name, signatures={SIGNATURE: traced})
        return self._folder.name


def _copy_of_table(handle: Any) -> Any:
    """Return a table with the same content as constants; None where the resource is no table."""
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


def write_tflite(servable: Servable, folder: Path) -> Answers:
    """Write `model.tflite` and yield what it answers.

    What TensorFlow Lite has no kernel for is left to the Select TF ops, such as the parsing of
    tf.Examples: a client links them in.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(
        servable.without_files, signature_keys=[SIGNATURE]
    )
    ops = tf.lite.OpsSet
    converter.target_spec.supported_ops = [ops.TFLITE_BUILTINS, ops.SELECT_TF_OPS]
    try:
        content = converter.convert()
    except Exception as error:  # it raises its own, and those of what it is made of
        raise _no_conversion("TensorFlow Lite", "tflite", str(error)) from error
    (folder / "model.tflite").write_bytes(content)
    try:
        run = tf.lite.Interpreter(model_content=content).get_signature_runner(SIGNATURE)
        for feed, wanted in servable.answers:
            yield wanted, run(**feed)
    except (RuntimeError, ValueError) as error:
        raise DataError(
            f"The TensorFlow Lite model does not run: {_line(str(error))}",
            hint="leave 'tflite' out of formats=, or replace that operation.",
        ) from error


def write_tfjs(servable: Servable, folder: Path) -> Answers:
    """Write `tfjs/model.json` and its weights; nothing here could ask that model.

    The converter is a program of its own: its requirements do not go well with those of TFX.
    """
    if servable.takes_examples:
        raise DataError(
            f"TensorFlow.js cannot parse tf.Examples, which the signature {SIGNATURE!r} takes.",
            hint="leave 'tfjs' out of formats=, or save a signature of that name that takes "
            "features as tensors.",
        )
    program = shutil.which("tensorflowjs_converter")
    if program is None:
        raise DataError(
            "The program tensorflowjs_converter is not on the PATH.",
            hint="pip install tensorflowjs into an environment of its own, and put its bin/ there.",
        )
    options = ["--input_format=tf_saved_model", f"--signature_name={SIGNATURE}"]
    command = [program, *options, servable.without_files, str(folder / "tfjs")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not (folder / "tfjs/model.json").exists():
        raise _no_conversion("TensorFlow.js", "tfjs", done.stderr or done.stdout)
    yield from ()


def write_hub(servable: Servable, folder: Path) -> Answers:
    """Write `model.tar.gz`, as `tensorflow_hub.load` takes it from a web server or a bucket."""
    with tempfile.TemporaryDirectory() as name:
        copy, unpacked = Path(name, "copy"), Path(name, "unpacked")
        io_utils.copy_dir(servable.path, str(copy))
        with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
            for entry in sorted(copy.iterdir()):
                archive.add(entry, entry.name)
        shutil.unpack_archive(folder / "model.tar.gz", unpacked)
        again = tf.saved_model.load(str(unpacked)).signatures[SIGNATURE]
        for feed, wanted in servable.answers:
            answer = again(**{name: tf.constant(array) for name, array in feed.items()})
            yield wanted, {name: tensor.numpy() for name, tensor in answer.items()}


class Writer(NamedTuple):
    """A format: its name for a person, its folder in a Model artifact, and what writes it."""

    title: str
    layout: str
    write: Callable[[Servable, Path], Answers]


WRITERS = {
    "tflite": Writer("TensorFlow Lite", "Format-TFLite", write_tflite),
    "tfjs": Writer("TensorFlow.js", "Format-TFJS", write_tfjs),
    "hub": Writer("TensorFlow Hub", "Format-Hub", write_hub),
}


def _no_conversion(title: str, name: str, told: str) -> DataError:
    return DataError(
        f"The model does not convert to {title}: {_line(told)}",
        hint=f"leave {name!r} out of formats=, or replace what it cannot hold.",
    )


def _line(text: str) -> str:
    """Return what an error says of operations, each once; or else its last line."""
    ops = dict.fromkeys(re.findall(r"'tf\.\w+' op .+?(?=[.,;]?$)", text, re.M))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "; ".join(ops) or next(iter(lines[-1:]), "no message")
