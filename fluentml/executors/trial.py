"""A program: load a model as a server does, send it examples, tell what happened.

    python trial.py FOLDER

The folder holds `request.json`. What is known goes to `report.jsonl`, a line each time that more
is known; so the last line is what this process knew when it ended, however it ended.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

Answer = dict[str, Any]


class BadAnswerError(Exception):
    """The model does not take the examples, or answers them with what is no prediction."""


class Trial:
    """The report, as it grows."""

    def __init__(self, request: dict[str, Any], file: TextIO) -> None:
        self.request, self.file = request, file
        self.reasons: list[str] = []
        self.signatures: dict[str, Any] = {}
        self.report: dict[str, Any] = {"reasons": self.reasons, "signatures": self.signatures}

    def tell(self, **facts: Any) -> None:
        """Write down what is known, these facts included."""
        self.report.update(facts)
        print(json.dumps(self.report), file=self.file, flush=True)

    def run(self) -> None:
        """Load the model, and ask every signature."""
        self.tell(stage="starting TensorFlow")
        import tensorflow as tf

        try:
            self.tell(tensorflow=tf.__version__, stage="reading the examples")
            examples = self._examples() if self.request["examples"] else []
            self.tell(stage="loading the model")
            start = time.perf_counter()
            model = tf.saved_model.load(self.request["model"])
            self.tell(startup_s=time.perf_counter() - start)
            for name in self.request["signatures"]:
                self.tell(stage=f"asking {name}")
                self._ask(name, model.signatures, examples)
        except Exception as error:
            self.reasons.append(f"{self.report['stage']} failed: {_summary(error)}")
        self.tell(memory_mb=_peak_memory_mb(), stage="done")

    def _examples(self) -> list[bytes]:
        import tensorflow as tf

        files = sorted(tf.io.gfile.glob(f"{self.request['examples']}/*"))
        records = tf.data.TFRecordDataset(files, "GZIP").take(self.request["num_examples"])
        examples = [*records.as_numpy_iterator()]
        if not examples:
            self.reasons.append(f"the split {self.request['split']!r} has no examples")
        return examples

    def _ask(self, name: str, signatures: Any, examples: list[bytes]) -> None:
        try:
            if name not in signatures:
                others = ", ".join(map(repr, signatures)) or "none"
                raise BadAnswerError(f"the model has no signature {name!r}; it has: {others}")
            if examples:
                self._measure(name, _caller(name, signatures[name]), examples)
        except BadAnswerError as error:
            self.reasons.append(str(error))
        except Exception as error:
            # The next signature may do better; a person wants to know about both.
            self.reasons.append(f"{self.report['stage']} failed: {_summary(error)}")

    def _measure(
        self, name: str, call: Callable[[list[bytes]], Answer], examples: list[bytes]
    ) -> None:
        facts: dict[str, Any] = {"latencies_ms": []}
        self.signatures[name] = facts
        forever = itertools.cycle(examples)
        for example in itertools.islice(forever, self.request["warmup_requests"]):
            call([example])
        answer = call(examples)
        facts["outputs"] = {output: list(array.shape) for output, array in answer.items()}
        _check(name, answer, len(examples))
        for example in itertools.islice(forever, self.request["requests"]):
            start = time.perf_counter()
            answer = call([example])
            facts["latencies_ms"].append(1000 * (time.perf_counter() - start))
            _check(name, answer, 1)


def _caller(name: str, signature: Any) -> Callable[[list[bytes]], Answer]:
    """Return a function from serialized tf.Examples to the signature's answer."""
    import tensorflow as tf

    takes = signature.structured_input_signature[1]
    ((key, spec), *more) = takes.items() or [("", None)]
    if spec is None or more or spec.dtype != tf.string or not spec.shape.is_compatible_with([None]):
        listed = ", ".join(f"{k} ({s.dtype.name} {s.shape})" for k, s in takes.items())
        raise BadAnswerError(
            f"{name} takes {listed or 'nothing'}, not one batch of serialized tf.Examples"
        )

    def call(examples: list[bytes]) -> Answer:
        answer = signature(**{key: tf.constant(examples)})
        return {output: _dense(tensor).numpy() for output, tensor in answer.items()}

    return call


def _dense(tensor: Any) -> Any:
    import tensorflow as tf

    if isinstance(tensor, tf.SparseTensor):
        return tf.sparse.to_dense(tensor)
    return tensor.to_tensor() if isinstance(tensor, tf.RaggedTensor) else tensor


def _check(name: str, answer: Answer, count: int) -> None:
    """Every output has a row for each example, and every number is finite."""
    import numpy as np

    for output, array in answer.items():
        rows = len(array) if array.ndim else "one number"
        if rows != count:
            raise BadAnswerError(f"{name} answered {count} examples with {rows} in {output!r}")
        finite = np.isfinite(array) if array.dtype.kind in "fcV" else np.ones(count, bool)
        bad = int(np.sum(~finite.reshape(count, -1).all(axis=1)))
        if bad:
            raise BadAnswerError(
                f"{name} answered {bad} of {count} examples with NaN or infinity in {output!r}"
            )


def _summary(error: Exception) -> str:
    """Return the error in one line: the one of TensorFlow's many that says what is wrong."""
    return f"{type(error).__name__}: {next(_telling_lines(str(error)), 'no message')}"


def _telling_lines(text: str) -> Iterator[str]:
    noise = ("Graph execution error", "Detected at node", "<stack traces", "Node:", "[[{{")
    for line in text.splitlines():
        line = line.rpartition("}} ")[2].strip()
        if line and not line.startswith(noise):
            yield line


def _peak_memory_mb() -> float:
    # getrusage would count what the parent had before this program took its place.
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / 1e6


if __name__ == "__main__":
    # Python puts this file's folder first, and its modules would hide others of their name.
    here = Path(__file__).parent
    sys.path = [entry for entry in sys.path if Path(entry) != here]
    folder = Path(sys.argv[1])
    with (folder / "report.jsonl").open("a") as file:
        Trial(json.loads((folder / "request.json").read_text()), file).run()
