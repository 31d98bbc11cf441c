"""How a training went: the scalars that TensorBoard's logs hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluentml.results._shown import Shown
from fluentml.spec import import_needed, is_remote

Points = tuple[tuple[float, float], ...]
_EPOCHS = re.compile(r"epoch_(?P<name>.+)")
# Keras writes each evaluation a second time, counted in batches.
_TWICE = re.compile(r"evaluation_.+_vs_iterations")


@dataclass(frozen=True)
class Training(Shown):
    """What a training logged.

    Attributes:
        node: The trainer's id.
        curves: By what was measured and then by "train", "validation" or another run of
            TensorBoard's, the points: the epoch or step, and the value.
        unit: What the points count: "epoch" or "step".
        folder: The logs, for `tensorboard --logdir`.
    """

    node: str
    curves: Mapping[str, Mapping[str, Points]]
    unit: str
    folder: str

    def to_frame(self) -> Any:
        """Return a pandas DataFrame: a row per point.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        rows = [
            {"measure": name, "run": run, self.unit: x, "value": value}
            for name, runs in self.curves.items()
            for run, points in runs.items()
            for x, value in points
        ]
        return import_needed("pandas").DataFrame(rows)


def read_training(node: str, uri: str) -> Training | None:
    """Return what stands in a ModelRun artifact; None where nothing was logged, or not here.

    Args:
        node: The trainer's id.
        uri: The artifact's folder.

    Raises:
        MissingDependencyError: TensorBoard is not installed.
    """
    if is_remote(uri) or not Path(uri).is_dir():
        return None
    found: dict[str, dict[str, dict[float, float]]] = {}
    for file in sorted(Path(uri).rglob("events.out.tfevents.*")):
        run = file.parent.relative_to(uri).as_posix()
        for tag, step, value in _scalars(file):
            found.setdefault(tag, {}).setdefault("train" if run == "." else run, {})[step] = value
    by_epoch = {tag: runs for tag, runs in found.items() if _EPOCHS.fullmatch(tag)}
    kept = by_epoch or {tag: runs for tag, runs in found.items() if not _TWICE.fullmatch(tag)}
    # Keras counts epochs from 0, and people from 1.
    first = 1 if by_epoch else 0
    curves = {
        tag.removeprefix("epoch_"): {
            run: tuple((step + first, value) for step, value in sorted(points.items()))
            for run, points in runs.items()
        }
        for tag, runs in kept.items()
    }
    return Training(node, curves, "epoch" if by_epoch else "step", uri) if curves else None


def _scalars(file: Path) -> Iterator[tuple[str, float, float]]:
    """Yield tag, step and value by TensorBoard's own reader, which needs no TensorFlow."""
    reader = import_needed("tensorboard.compat.tensorflow_stub.pywrap_tensorflow")
    events = import_needed("tensorboard.compat.proto.event_pb2")
    tensors = import_needed("tensorboard.util.tensor_util")
    errors = import_needed("tensorboard.compat.tensorflow_stub.errors")
    records = reader.PyRecordReader_New(str(file))
    while True:
        try:
            records.GetNext()
        except (errors.OutOfRangeError, errors.DataLossError):
            return  # The end, or what a killed process left half.
        event = events.Event.FromString(records.record())
        for value in event.summary.value:
            if value.HasField("simple_value"):
                yield value.tag, event.step, value.simple_value
            elif value.metadata.plugin_data.plugin_name == "scalars":
                yield value.tag, event.step, float(tensors.make_ndarray(value.tensor))
