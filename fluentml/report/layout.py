"""Where the nodes of a graph stand, and which way its edges go: layers, from top to bottom.

After Sugiyama, Tagawa and Toda (1981): rank the nodes, order each rank by barycentre, then give
coordinates. An edge over several ranks passes each in a place of its own, so that it never meets a
label; all edges of a node share one trunk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

SWEEPS = 24
GAP = 22.0
"""Pixels between two nodes of a rank."""
LANE = 12.0
"""Pixels that a passing edge takes."""


@dataclass
class Slot:
    """A place in a rank: a node's, or one that edges of `owner` pass through.

    Attributes:
        owner: The node, or the one at which the passing edges begin.
        rank: From 0 at the top.
        width: In pixels.
        x: The middle.
        is_node: Whether a node stands here.
        up: The slots of the rank above that it is joined to.
        down: Those of the rank below.
    """

    owner: str
    rank: int
    width: float
    is_node: bool
    x: float = 0.0
    up: list[Slot] = field(default_factory=list, repr=False)
    down: list[Slot] = field(default_factory=list, repr=False)


@dataclass(frozen=True)
class Layout:
    """The ranks, from the top, each from left to right; coordinates begin at 0."""

    ranks: tuple[tuple[Slot, ...], ...]
    width: float

    @property
    def nodes(self) -> Mapping[str, Slot]:
        """The nodes' places, by id."""
        return {slot.owner: slot for rank in self.ranks for slot in rank if slot.is_node}

    @property
    def links(self) -> Iterable[tuple[Slot, Slot]]:
        """Every piece of an edge between one rank and the next."""
        return ((slot, below) for rank in self.ranks for slot in rank for below in slot.down)


def arrange(widths: Mapping[str, float], reads: Mapping[str, Iterable[str]]) -> Layout:
    """Return where the nodes stand.

    Args:
        widths: In pixels, by node; every node comes after those that it reads from.
        reads: By node, the nodes that it reads from.
    """
    if not widths:
        return Layout((), 0.0)
    ranks = _with_lanes(widths, {node: [*dict.fromkeys(reads.get(node, ()))] for node in widths})
    _order(ranks)
    _place(ranks)
    left = min(slot.x - slot.width / 2 for rank in ranks for slot in rank)
    for slot in (slot for rank in ranks for slot in rank):
        slot.x -= left
    width = max(slot.x + slot.width / 2 for rank in ranks for slot in rank)
    return Layout(tuple(map(tuple, ranks)), width)


def _ranked(reads: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return each node's rank: below all that it reads, and close above those that read it."""
    ranks: dict[str, int] = {}
    for node, makers in reads.items():
        ranks[node] = max((ranks[maker] + 1 for maker in makers), default=0)
    readers: dict[str, list[str]] = {}
    for node, makers in reads.items():
        for maker in makers:
            readers.setdefault(maker, []).append(node)
    for node in reversed([*reads]):
        # What has nothing above it comes down to where it is needed.
        if node in readers and not reads[node]:
            ranks[node] = min(ranks[reader] for reader in readers[node]) - 1
    return ranks


def _with_lanes(
    widths: Mapping[str, float], reads: Mapping[str, Sequence[str]]
) -> list[list[Slot]]:
    """Return the ranks with a lane wherever edges of a node pass one."""
    place = _ranked(reads)
    ranks: list[list[Slot]] = [[] for _ in range(max(place.values()) + 1)]
    nodes = {node: Slot(node, place[node], width, True) for node, width in widths.items()}
    for slot in nodes.values():
        ranks[slot.rank].append(slot)
    for node, makers in reads.items():
        for maker in makers:
            _join(nodes[maker], nodes[node], ranks)
    return ranks


def _join(maker: Slot, reader: Slot, ranks: list[list[Slot]]) -> None:
    above = maker
    for rank in range(maker.rank + 1, reader.rank):
        lane = next((slot for slot in above.down if not slot.is_node), None)
        if lane is None:
            lane = Slot(maker.owner, rank, LANE, False)
            ranks[rank].append(lane)
            above.down.append(lane)
            lane.up.append(above)
        above = lane
    above.down.append(reader)
    reader.up.append(above)


# -- the order in a rank --------------------------------------------------------------------------


def _order(ranks: list[list[Slot]]) -> None:
    """Order each rank so that few edges cross; the best of all sweeps stays."""
    best, fewest = [[*rank] for rank in ranks], crossings(ranks)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        downward = sweep % 2 == 0
        for rank in ranks[1:] if downward else ranks[-2::-1]:
            _by_barycentre(rank, ranks, downward=downward)
        count = crossings(ranks)
        if count < fewest:
            best, fewest = [[*rank] for rank in ranks], count
    ranks[:] = best


def _by_barycentre(rank: list[Slot], ranks: list[list[Slot]], *, downward: bool) -> None:
    other = ranks[rank[0].rank + (-1 if downward else 1)]
    places = {id(slot): place for place, slot in enumerate(other)}
    stays = {id(slot): float(place) for place, slot in enumerate(rank)}

    def centre(slot: Slot) -> float:
        near = [places[id(one)] for one in (slot.up if downward else slot.down)]
        return sum(near) / len(near) if near else stays[id(slot)]

    rank.sort(key=centre)


def crossings(ranks: Sequence[Sequence[Slot]]) -> int:
    """Return how many pairs of edges cross."""
    total = 0
    for upper, lower in pairwise(ranks):
        places = {id(slot): place for place, slot in enumerate(lower)}
        ends = [place for slot in upper for place in sorted(places[id(s)] for s in slot.down)]
        total += sum(a > b for i, a in enumerate(ends) for b in ends[i + 1 :])
    return total


# -- coordinates ----------------------------------------------------------------------------------


def _place(ranks: list[list[Slot]]) -> None:
    """Give every slot its x: near those that it is joined to, in order, with room between."""
    for rank in ranks:
        _spread(rank, [0.0] * len(rank))
    for sweep in range(SWEEPS):
        for rank in ranks if sweep % 2 == 0 else reversed(ranks):
            _spread(rank, [_wish(slot, above=sweep % 2 == 0) for slot in rank])


def _wish(slot: Slot, *, above: bool) -> float:
    near = (slot.up if above else slot.down) or slot.up or slot.down
    return sum(one.x for one in near) / len(near) if near else slot.x


def _spread(rank: list[Slot], wishes: Sequence[float]) -> None:
    """Give the x nearest to the wishes, by least squares, that keeps the order and the room.

    With the room taken off it is a regression to a rising sequence, which pooling neighbours
    solves.
    """
    offsets = [0.0]
    for left, right in pairwise(rank):
        gap = GAP if left.is_node or right.is_node else 0.0
        offsets.append(offsets[-1] + (left.width + right.width) / 2 + gap)
    pools: list[tuple[float, int]] = []
    for wish, offset in zip(wishes, offsets, strict=True):
        pools.append((wish - offset, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (value, count), (before, many) = pools.pop(), pools.pop()
            pools.append(((value * count + before * many) / (count + many), count + many))
    placed = [value for value, count in pools for _ in range(count)]
    for slot, value, offset in zip(rank, placed, offsets, strict=True):
        slot.x = value + offset
