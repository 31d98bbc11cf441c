"""The page of an artifact: what it was made of, and what was made of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from markupsafe import Markup

from fluentml.errors import LoadError
from fluentml.report.drawing import Drawn, draw
from fluentml.report.markup import Content, element, join
from fluentml.report.tables import Cell, Row, facts, table
from fluentml.report.theme import Section, page
from fluentml.ui.pages import address, artifact_address, bar
from fluentml.ui.stored import lineage_of

if TYPE_CHECKING:
    from fluentml.stores.lineage import Executed, Lineage
    from fluentml.ui.runs import Run

MOST_DRAWN = 40
"""Of what was made of an artifact, as many are drawn; the tables name all."""


def artifact_page(last: Run, id: int) -> str:
    """Return the page of an artifact.

    Args:
        last: The last run of the pipeline that knows it.
        id: Its number in ML Metadata.

    Raises:
        LoadError: The pipeline has no such artifact, or its ML Metadata is gone.
    """
    lineage = lineage_of(last.record.graph.settings)
    if id not in lineage.artifacts:
        raise LoadError(
            f"There is no artifact {id} of the pipeline {last.pipeline!r}.",
            hint="the page of a run lists its artifacts.",
        )
    return page(
        _name(lineage, id),
        [
            Section("lineage", "Lineage", _Lineage(lineage, last.pipeline, id).picture()),
            Section("made-of", "What it was made of", _made_of(lineage, last.pipeline, id)),
            Section("made-of-it", "What was made of it", _used_by(lineage, last.pipeline, id)),
        ],
        kicker=f"An artifact of {last.pipeline}",
        lead=_head(lineage, last.pipeline, id),
        bar=bar(element("a", f"Last run of {last.pipeline}", href=address(last))),
    )


def _name(lineage: Lineage, id: int) -> str:
    return f"{lineage.artifacts[id].type} {id}"


def _head(lineage: Lineage, pipeline: str, id: int) -> Markup:
    artifact, maker = lineage.artifacts[id], lineage.maker.get(id)
    told: list[tuple[str, Content]] = [("folder", element("code", artifact.uri))]
    if maker:
        key = next((key for key, made in maker.wrote if made == id), "")
        told.insert(0, ("made by", [f"{maker.node}.{key} in the run ", _run(pipeline, maker)]))
    told.append(("state", type(artifact).State.Name(artifact.state).lower().replace("_", " ")))
    for fields in (artifact.properties, artifact.custom_properties):
        told += [(name, element("code", _plain(fields[name]))) for name in sorted(fields)]
    return facts(told)


def _plain(value: Any) -> str:
    held = getattr(value, value.WhichOneof("value") or "string_value")
    if isinstance(held, str):
        return unquote(held)
    return json.dumps(held) if isinstance(held, int | float | bool) else str(held)


def _run(pipeline: str, one: Executed) -> Markup:
    return element("a", one.run, href=f"/runs/{quote(pipeline, safe='')}/{quote(one.run, safe='')}")


def _link(lineage: Lineage, pipeline: str, id: int) -> Cell:
    name = _name(lineage, id)
    return Cell(element("a", name, href=artifact_address(pipeline, id)), name)


def _made_of(lineage: Lineage, pipeline: str, id: int) -> Markup:
    maker = lineage.maker.get(id)
    read = [(key, one) for key, one in maker.read if one in lineage.artifacts] if maker else []
    if maker is None or not read:
        return element("p", "Of no other artifact.", class_="soft")
    rows: list[Row] = [
        [_link(lineage, pipeline, one), key, element("code", lineage.artifacts[one].uri)]
        for key, one in read
    ]
    return table(["artifact", "read as", "folder"], rows, caption=f"What {maker.node} read")


def _used_by(lineage: Lineage, pipeline: str, id: int) -> Markup:
    rows: list[Row] = []
    for one in reversed(lineage.executions.values()):
        keys = [key for key, read in one.read if read == id]
        if keys:
            # A cached execution names what an earlier one made.
            made = [made for _, made in one.wrote if made in lineage.artifacts and made != id]
            links = [
                [", " if place else "", _link(lineage, pipeline, made).content]
                for place, made in enumerate(made)
            ]
            rows.append([Cell(_run(pipeline, one), one.run), one.node, keys[0], links])
    if not rows:
        return element("p", "Nothing yet.", class_="soft")
    heads = ["run", "node", "read as", "made"]
    caption = "Who read it, the last first"
    return table(heads, rows, caption=caption, sortable=True, filterable=True)


class _Lineage:
    """All that led to an artifact, and what came of it."""

    def __init__(self, lineage: Lineage, pipeline: str, id: int) -> None:
        self._lineage, self._pipeline, self._id = lineage, pipeline, id
        self._reads = {
            made: {read: key for key, read in maker.read if read in lineage.artifacts}
            for made, maker in lineage.maker.items()
            if made in lineage.artifacts
        }

    def picture(self) -> Markup:
        """Return them, each after those that it was made of."""
        read_by: dict[int, list[int]] = {}
        for made, read in self._reads.items():
            for one in read:
                read_by.setdefault(one, []).append(made)
        behind = _reached(self._id, self._reads)
        ahead = _reached(self._id, read_by)
        shown = behind | {*sorted(ahead)[:MOST_DRAWN]} | {self._id}
        more = len(ahead - shown)
        said = f"{more} more were made of it since; the table names them." if more else None
        drawn = [self._drawn(id, shown) for id in sorted(shown)]
        name = f"the lineage of {_name(self._lineage, self._id)}"
        return join([draw(name, drawn), element("p", said, class_="soft") if said else None])

    def _drawn(self, id: int, shown: set[int]) -> Drawn:
        maker = self._lineage.maker.get(id)
        return Drawn(
            id=_name(self._lineage, id),
            kind="this one" if id == self._id else maker.node if maker else "from outside",
            reads={
                _name(self._lineage, read): key
                for read, key in self._reads.get(id, {}).items()
                if read in shown
            },
            link="" if id == self._id else artifact_address(self._pipeline, id),
        )


def _reached(start: int, steps: Mapping[int, Iterable[int]]) -> set[int]:
    """Return all that can be reached, without the start."""
    pending, found = [start], {start}
    while pending:
        for id in steps.get(pending.pop(), ()):
            if id not in found:
                found.add(id)
                pending.append(id)
    return found - {start}
