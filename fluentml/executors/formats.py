"""Other formats of a SavedModel, and what each of them answers."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

import tensorflow as tf
from tfx.utils import io_utils

from fluentml.errors import DataError
from fluentml.executors.servable import Answer, Servable

Answers: TypeAlias = Iterator[tuple[Answer, Answer]]
"""Pairs of the SavedModel's answer and that of another format to the same examples."""


def write_tflite(servable: Servable, folder: Path) -> Answers:
    """Write `model.tflite` and yield what it answers.

    What TensorFlow Lite has no kernel for is left to the Select TF ops, such as the parsing of
    tf.Examples: a client links them in.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(
        servable.without_files, signature_keys=[servable.signature]
    )
    ops = tf.lite.OpsSet
    converter.target_spec.supported_ops = [ops.TFLITE_BUILTINS, ops.SELECT_TF_OPS]
    try:
        content = converter.convert()
    except Exception as error:  # it raises its own, and those of what it is made of
        raise _no_conversion("TensorFlow Lite", "tflite", str(error)) from error
    (folder / "model.tflite").write_bytes(content)
    try:
        for feed, wanted in servable.answers:
            # One that has seen another batch size before is no test of this one.
            fresh = tf.lite.Interpreter(model_content=content)
            yield wanted, fresh.get_signature_runner(servable.signature)(**feed)
    except (RuntimeError, ValueError) as error:
        if "Flex delegate" in str(error):
            raise DataError(
                "The TensorFlow Lite model needs operations of TensorFlow itself, and the "
                f"interpreter of TensorFlow {tf.__version__} has none: nothing here could ask it.",
                hint='take a signature of plain tensors, formats={"tflite": "serving_columns"}, or '
                "push from Python 3.10, where TensorFlow 2.16 has them.",
            ) from error
        raise DataError(
            f"The TensorFlow Lite model does not run: {_line(str(error))}",
            hint="leave 'tflite' out of formats=, or replace that operation.",
        ) from error


def write_tfjs(servable: Servable, folder: Path) -> Answers:
    """Write `tfjs/model.json` and its weights; nothing here could ask that model.

    The converter is a program of its own: it asks for a TensorFlow Hub that TFX 1.16 refuses.
    """
    if servable.takes_examples:
        raise DataError(
            f"TensorFlow.js cannot parse tf.Examples, which the signature {servable.signature!r} "
            "takes.",
            hint='name one that takes columns: formats={"tfjs": "serving_columns"}; '
            "fluentml.training.save writes it where no column can miss values.",
        )
    program = shutil.which("tensorflowjs_converter")
    if program is None:
        raise DataError(
            "The program tensorflowjs_converter is not on the PATH.",
            hint="pip install tensorflowjs into an environment of its own, and put its bin/ there.",
        )
    options = ["--input_format=tf_saved_model", f"--signature_name={servable.signature}"]
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
        again = tf.saved_model.load(str(unpacked)).signatures[servable.signature]
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
