"""Which artifacts led to a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from fluentml.report.drawing import Drawn, draw
from fluentml.report.markup import element, join
from fluentml.report.tables import Row, table

if TYPE_CHECKING:
    from fluentml.graph import Graph
    from fluentml.local.record import Record

ENDS = ("pushed_model", "model", "inference_result")
"""The output keys at whose artifact a lineage ends, the one that says most first."""


def lineage_view(record: Record) -> Markup | None:
    """Return all artifacts that led to the pushed model, or to the model; None without one."""
    end = _end(record)
    if end is None:
        return None
    graph, behind = record.graph, _behind(record.graph, end)
    drawn, rows = [], []
    for node in graph.nodes:
        if node.id not in behind:
            continue
        made = record.result.nodes[node.id].outputs if node.id in record.result.nodes else {}
        reads: dict[str, list[str]] = {}
        for wire in node.inputs.values():
            reads.setdefault(wire.channel.node, []).append(wire.channel.output)
        labels = {maker: ", ".join(dict.fromkeys(keys)) for maker, keys in reads.items()}
        drawn.append(Drawn(id=node.id, kind=type(node.component).__name__, reads=labels))
        for key, artifacts in made.items():
            for one in artifacts:
                row: Row = [str(one.id), one.type, f"{node.id}.{key}", element("code", one.uri)]
                rows.append(row)
    lead = element("p", f"What led to {end}, in this run or in one before it.")
    caption = "Artifacts, with their numbers in ML Metadata"
    listed = table(["number", "type", "output", "folder"], rows, caption=caption, filterable=True)
    return join([lead, draw(f"the lineage of {end}", drawn), listed])


def _end(record: Record) -> str | None:
    """Return the node whose output the lineage is of."""
    for key in ENDS:
        for node in record.result.nodes.values():
            if node.outputs.get(key) and node.outputs[key][0].properties.get("pushed") != 0:
                return node.id
    return None


def _behind(graph: Graph, end: str) -> set[str]:
    wanted = {end}
    for node in reversed(graph.nodes):
        if node.id in wanted:
            wanted.update(node.upstream)
    return wanted
