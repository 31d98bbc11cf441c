"""The graph of a pipeline as a picture: what reads from what, and what became of each node."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from fluentml.report.layout import Layout, Slot, arrange
from fluentml.report.markup import Content, element, svg, text
from fluentml.report.words import STATES, in_words, state_of

if TYPE_CHECKING:
    from fluentml.graph import Graph
    from fluentml.results import NodeResult

HEIGHT, BETWEEN, MARGIN = 42.0, 40.0, 8.0
LETTER, SMALL_LETTER, PADDING = 8.1, 6.9, 14.0
"""Pixels of the widest usual font at 13 and 11 pixels, and around a label."""
WIDEST = 900.0
"""Nodes that nothing joins stand in rows of this many pixels."""


@dataclass(frozen=True)
class Drawn:
    """A node as it is drawn.

    Attributes:
        id: Its id.
        kind: The component's kind.
        reads: By node that it reads from, the channels in words: "examples".
        state: What became of it; empty where it is only planned.
        seconds: How long that took.
        note: The outcome in a word or two.
        link: Where a click leads, such as "#node-trainer".
    """

    id: str
    kind: str = ""
    reads: Mapping[str, str] | None = None
    state: str = ""
    seconds: float = 0.0
    note: str = ""
    link: str = ""

    @property
    def below(self) -> str:
        """The second line of its label."""
        if self.state:
            return in_words(self.state, self.seconds)
        return "" if self.kind == self.id else self.kind

    @property
    def width(self) -> float:
        """In pixels, so that both lines of the label fit whatever the font."""
        marked = 16.0 if self.state else 0.0
        lines = len(self.id) * LETTER, len(self.below) * SMALL_LETTER + marked
        return max(*lines, 70.0) + 2 * PADDING


def draw_graph(
    graph: Graph,
    nodes: Mapping[str, NodeResult] | None = None,
    *,
    running: Collection[str] = (),
    links: Mapping[str, str] | None = None,
) -> Markup:
    """Return the picture of a pipeline.

    Args:
        graph: The wired pipeline.
        nodes: What became of its nodes, by id; None: it is only planned.
        running: The ids of the nodes that are at work.
        links: Where a click on a node leads, by id.
    """
    return draw(graph.settings.name, drawn(graph, nodes, running=running, links=links))


def drawn(
    graph: Graph,
    nodes: Mapping[str, NodeResult] | None = None,
    *,
    running: Collection[str] = (),
    links: Mapping[str, str] | None = None,
) -> list[Drawn]:
    """Return the nodes of a graph as they are drawn; the arguments are those of `draw_graph`."""
    shown = []
    for node in graph.nodes:
        reads: dict[str, list[str]] = {}
        for wire in node.inputs.values():
            reads.setdefault(wire.channel.node, []).append(wire.channel.output)
        result = (nodes or {}).get(node.id)
        shown.append(
            Drawn(
                id=node.id,
                kind=type(node.component).__name__,
                reads={maker: ", ".join(dict.fromkeys(keys)) for maker, keys in reads.items()},
                state="" if nodes is None else state_of(node.id, nodes, running),
                seconds=result.seconds if result else 0.0,
                note=result.note if result else "",
                link=(links or {}).get(node.id, ""),
            )
        )
    return shown


def draw(name: str, nodes: Iterable[Drawn]) -> Markup:
    """Return the picture of nodes, each after those that it reads from.

    What nothing joins stands in rows of its own below the rest.

    Args:
        name: The pipeline's name.
        nodes: What to draw.
    """
    by_id = {node.id: node for node in nodes}
    joined = {maker for node in by_id.values() for maker in node.reads or ()}
    joined |= {node.id for node in by_id.values() if node.reads}
    layout = arrange(
        {id: node.width for id, node in by_id.items() if id in joined},
        {id: (*(node.reads or {}),) for id, node in by_id.items()},
    )
    boxes = {slot.owner: (slot.x, _top(slot.rank)) for slot in layout.nodes.values()}
    alone = [node for node in by_id.values() if node.id not in joined]
    boxes |= _in_rows(alone, max(layout.width, WIDEST), _top(len(layout.ranks)))
    width = max((x + by_id[id].width / 2 for id, (x, _) in boxes.items()), default=0.0)
    height = max((y for _, y in boxes.values()), default=0.0) + HEIGHT
    picture = svg(
        element("g", _edges(layout, by_id), class_="edges"),
        [_box(by_id[id], x, y) for id, (x, y) in boxes.items()],
        width=width + 2 * MARGIN,
        height=height + 2 * MARGIN,
        title=f"The graph of {name}",
        desc=_described(by_id.values()),
        role="group" if any(node.link for node in by_id.values()) else "img",
        class_="graph",
    )
    return element(
        "div", picture, class_="scroll", tabindex="0", role="region", aria_label=f"Graph of {name}"
    )


def _top(rank: int) -> float:
    return rank * (HEIGHT + BETWEEN)


def _in_rows(nodes: Iterable[Drawn], width: float, top: float) -> dict[str, tuple[float, float]]:
    places: dict[str, tuple[float, float]] = {}
    left, y = 0.0, top
    for node in nodes:
        if left and left + node.width > width:
            left, y = 0.0, y + HEIGHT + 14
        places[node.id] = (left + node.width / 2, y)
        left += node.width + 22
    return places


def _described(nodes: Iterable[Drawn]) -> str:
    sentences = []
    for node in nodes:
        reads = f" reads {', '.join(node.reads)}" if node.reads else ""
        state = f" ({node.state})" if node.state else ""
        sentences.append(f"{node.id}{state}{reads}.")
    return " ".join(sentences)


# -- edges ----------------------------------------------------------------------------------------


def _edges(layout: Layout, nodes: Mapping[str, Drawn]) -> list[Markup]:
    return [_piece(upper, lower, nodes) for upper, lower in layout.links]


def _piece(upper: Slot, lower: Slot, nodes: Mapping[str, Drawn]) -> Markup:
    """Return an edge's way from one rank to the next; it bends only between them."""
    start, end = _top(upper.rank) + HEIGHT + MARGIN, _top(lower.rank) + MARGIN
    half, x1, x2 = (end - start) / 2, upper.x + MARGIN, lower.x + MARGIN
    goes = f"M{x1:.1f} {start - (0 if upper.is_node else HEIGHT):.1f}V{start:.1f}"
    goes += f"C{x1:.1f} {start + half:.1f} {x2:.1f} {end - half:.1f} {x2:.1f} {end:.1f}"
    says = None
    if lower.is_node:
        channels = (nodes[lower.owner].reads or {}).get(upper.owner, "")
        says = element("title", f"{upper.owner} → {lower.owner}: {channels}")
        goes += "m-3.5 -6l3.5 6l3.5 -6"
    return element("path", says, d=goes, data_from=upper.owner)


# -- nodes ----------------------------------------------------------------------------------------


def _box(node: Drawn, x: float, y: float) -> Markup:
    left, top = x - node.width / 2 + MARGIN, y + MARGIN
    lines: list[Content] = [element("title", _told(node))]
    lines.append(element("rect", x=left, y=top, width=node.width, height=HEIGHT, rx=3))
    middle = top + HEIGHT / 2
    start = left + PADDING
    lines.append(text(start, middle - 3 if node.below else middle + 4, node.id, class_="id"))
    if node.state:
        lines.append(mark(node.state, start + 5, middle + 10))
    if node.below:
        after = start + (16 if node.state else 0)
        lines.append(text(after, middle + 14, node.below, class_="below"))
    state = node.state.replace(" ", "-") or "planned"
    box = element("g", lines, class_=f"node is-{state}", data_node=node.id)
    return element("a", box, href=node.link) if node.link else box


def _told(node: Drawn) -> str:
    meaning = f": {node.state}, {STATES.get(node.state, '')}" if node.state else ""
    note = f" ({node.note})" if node.note else ""
    return f"{node.id}{meaning}{note}"


def mark(state: str, x: float, y: float) -> Markup:
    """Return the sign of a state, ten pixels wide, told apart by its shape alone."""
    shapes = {
        "done": f"M{x - 4} {y + 0.5}l3 3.5l5.5 -7.5",
        "cached": f"M{x + 3.4} {y - 2.2}a4 4 0 1 0 0.6 3.4m-0.2 -5.2v2.6h-2.6",
        "skipped": f"M{x - 4} {y}h8",
        "failed": f"M{x - 3.5} {y - 3.5}l7 7m0 -7l-7 7",
        "interrupted": f"M{x - 3.5} {y - 3.5}v7h7v-7z",
        "running": f"M{x - 3} {y - 4}l6.5 4l-6.5 4z",
        "waiting": f"M{x - 4} {y}h.01m4 0h.01m4 0h.01",
        "not run": f"M{x - 4} {y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0",
    }
    return element("path", d=shapes.get(state, ""), class_=f"mark is-{state.replace(' ', '-')}")
