"""What a run made, read for its report; what is gone from the disk is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from fluentml.errors import FluentmlError, LoadError
from fluentml.results import Artifact, RunResult, predictions_among
from fluentml.results.schema import Schema, read_schema
from fluentml.results.statistics import Statistics, read_statistics
from fluentml.results.training import Training, read_training
from fluentml.results.transform import TransformGraph, read_transform_graph

if TYPE_CHECKING:
    from fluentml.graph import Graph
    from fluentml.local.record import Record
    from fluentml.results.predictions import Predictions

T = TypeVar("T")
COMPARED = {
    "previous_statistics": "earlier",
    "baseline_statistics": "the other data",
    "serving_statistics": "serving",
}
"""Input keys of statistics that others are compared with, and what to call these data."""


class Reader:
    """Reads the artifacts of a run.

    Args:
        record: What is known of the run.
    """

    def __init__(self, record: Record) -> None:
        self.result: RunResult = record.result
        self._graph: Graph = record.graph

    def statistics(self) -> list[Statistics]:
        """Return the statistics of each node that made some; Transform's are of no split."""
        return self._all("statistics", "ExampleStatistics", read_statistics)

    def schemas(self) -> list[Schema]:
        """Return the schemas, the one that counts most last."""
        return [
            schema
            for key in ("schema", "curated_schema")
            for schema in self._all(key, "Schema", read_schema)
        ]

    def transforms(self) -> list[TransformGraph]:
        """Return the transform graphs."""
        return self._all("transform_graph", "TransformGraph", read_transform_graph)

    def trainings(self) -> list[Training]:
        """Return the trainings that logged something."""
        return [one for one in self._all("model_run", "ModelRun", read_training) if one]

    def predictions(self) -> list[Predictions]:
        """Return the predictions of each node that made some."""
        found = {
            node.id: made.uri
            for node in self.result.nodes.values()
            if (made := predictions_among(node.outputs))
        }
        return [one for id, uri in found.items() if (one := _if_there(_predictions, id, uri))]

    def compared(self, validator: str) -> tuple[Statistics | None, Statistics | None, str]:
        """Return the statistics that a validator read, those it compared with, and their name."""
        node = next((one for one in self._graph.nodes if one.id == validator), None)
        wires = node.inputs if node else {}
        now = then = None
        name = "earlier"
        if "statistics" in wires:
            now = self._of(wires["statistics"].channel.node, wires["statistics"].channel.output)
        for key, called in COMPARED.items():
            if key in wires and then is None:
                then = self._of(wires[key].channel.node, wires[key].channel.output)
                name = called
        return now, then, name

    def _of(self, node: str, output: str) -> Statistics | None:
        found = self.result.nodes.get(node)
        made = found.outputs.get(output, ()) if found else ()
        return _if_there(read_statistics, node, made[0].uri) if made else None

    def _all(self, key: str, type: str, read: Callable[[str, str], T]) -> list[T]:
        found = (_if_there(read, node, one.uri) for node, one in self._made(key, type))
        return [one for one in found if one is not None]

    def _made(self, key: str, type: str) -> Iterator[tuple[str, Artifact]]:
        for node in self.result.nodes.values():
            for one in node.outputs.get(key, ()):
                if one.type == type:
                    yield node.id, one


def _if_there(read: Callable[[str, str], T], node: str, uri: str) -> T | None:
    """Return what `read` reads; None where `fluentml gc` removed it, or a stub wrote nothing."""
    try:
        return read(node, uri)
    except (OSError, FluentmlError, StopIteration):
        return None


def _predictions(node: str, uri: str) -> Predictions:
    from fluentml.results.predictions import read_predictions

    try:
        return read_predictions(node, uri)
    except ImportError as error:
        raise LoadError(str(error)) from error
