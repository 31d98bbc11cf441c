"""One part of a run by its name, as `pipeline.show("statistics")` gives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from fluentml.errors import LoadError, did_you_mean, listing
from fluentml.report.display import Bundle, bundle
from fluentml.report.markup import element, join
from fluentml.report.reading import Reader
from fluentml.report.run import sections
from fluentml.report.tables import facts
from fluentml.report.words import in_words
from fluentml.spec import import_needed

if TYPE_CHECKING:
    from fluentml.local.record import Record

VALUES: Mapping[str, Callable[[Reader], Any]] = {
    "evaluation": lambda reader: reader.result.evaluations,
    "statistics": Reader.statistics,
    "schema": Reader.schemas,
    "transform": Reader.transforms,
    "tuning": lambda reader: reader.result.tunings,
    "training": Reader.trainings,
    "predictions": Reader.predictions,
}
"""What the parts of a report that are tables are made of."""

OF_A_NODE = {*VALUES, "anomalies", "differences", "infra", "gate"}
"""The parts of a report that may be a node's."""


@dataclass(frozen=True)
class View:
    """A part of a run: a picture in a notebook, a table as text in a terminal.

    Attributes:
        title: What is shown, and of which run.
        content: The picture.
        values: What it is made of, where that is tables.
    """

    title: str
    content: Markup
    values: tuple[Any, ...] = ()

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with what is shown; with a column `node` if several made it.

        Raises:
            LoadError: It is no table.
            MissingDependencyError: pandas is not installed.
        """
        pandas = import_needed("pandas")
        tables = {value.node: value.to_frame() for value in self.values}
        if not tables:
            raise LoadError(
                f"{self.title}: this is no table.",
                f"Tables are: {listing(VALUES)}.",
                hint="what has a table says so: pipeline.show('statistics').to_frame().",
            )
        if len(tables) == 1:
            return next(iter(tables.values()))
        return pandas.concat([frame.assign(node=node) for node, frame in tables.items()])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Bundle:
        return bundle(join([element("h3", self.title), self.content]), repr(self))

    def __repr__(self) -> str:
        if not self.values:
            return f"<{self.title}: shown in notebooks>"
        return f"{self.title}\n{self.to_frame().to_string()}"


def show(record: Record, what: str) -> View:
    """Return a part of a run.

    Args:
        record: What is known of the run.
        what: A part of the report, such as "statistics", or the id of a node.

    Raises:
        LoadError: The run has no such part or node.
    """
    reader, run = Reader(record), record.result.run_id
    parts = {section.id: section for section in sections(record)}
    if what in parts:
        part = parts[what]
        values = (*VALUES[what](reader),) if what in VALUES else ()
        return View(f"{part.title} of the run {run}", part.content, values)
    if what in record.result.nodes:
        return View(f"{what} in the run {run}", _of_node(record, what))
    names = [*parts, *record.result.nodes]
    raise LoadError(
        f"The run {run} has nothing called {what!r} to show.",
        f"It has: {listing(parts)}; and the nodes {listing(record.result.nodes)}.",
        hint=did_you_mean(what, names) or "name one of these; a run shows what its nodes made.",
    )


def _of_node(record: Record, id: str) -> Markup:
    """Return what a node did, and all pictures of what it made."""
    whole = record.result
    node = whole.nodes[id]
    made: dict[str, Any] = {
        name: tuple(one for one in getattr(whole, name) if one.node == id)
        for name in ("validations", "comparisons", "tunings", "evaluations", "infra_validations")
    }
    alone = replace(record, result=replace(whole, nodes={id: node}, pushes=(), **made))
    told = [("state", in_words(node.state, node.seconds)), ("outcome", node.note)]
    told += [
        (key, ", ".join(artifact.uri for artifact in artifacts))
        for key, artifacts in node.outputs.items()
    ]
    shown = [part for part in sections(alone) if part.id in OF_A_NODE]
    return join(
        [
            facts([(name, said) for name, said in told if said]),
            [[element("h4", part.title), part.content] for part in shown],
        ]
    )
