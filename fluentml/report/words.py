"""Numbers, times and sizes as a person reads them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fluentml.results import NodeResult, State

MINUS = "−"

STATES: dict[str, str] = {
    "done": "made in this run",
    "cached": "taken over from an earlier run",
    "skipped": "left out: a condition did not hold",
    "failed": "ended with an error",
    "interrupted": "stopped before its end",
    "running": "at work",
    "waiting": "comes to its turn later",
    "not run": "never came to its turn",
}
"""What a node's state means."""


def state_of(id: str, nodes: Mapping[str, NodeResult], running: Collection[str]) -> str:
    """Return the state of a node: of what became of it, or else of the run.

    Args:
        id: The node's.
        nodes: What became of those that have ended, by id.
        running: The ids of the nodes that are at work.
    """
    if id in running:
        return "running"
    if id in nodes:
        return nodes[id].state
    return "waiting" if running else "not run"


def number(value: float | None, digits: int = 4) -> str:
    """Return a number in so many significant digits: 0.9319, 1,204, 3.1e-05, or a dash for none."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    if float(value).is_integer() and abs(value) < 1e15:
        shown = f"{int(value):,}"
    elif abs(value) >= 10 ** (digits - 1):
        shown = f"{value:,.0f}"
    else:
        shown = f"{value:.{digits}g}"
    return shown.replace("-", MINUS, 1) if shown.startswith("-") else shown


def signed(value: float, digits: int = 3) -> str:
    """Return a difference, always with its sign."""
    return f"+{number(value, digits)}" if value > 0 else number(value, digits)


def share(part: float, whole: float) -> str:
    """Return a part in percent."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    return f"{percent:.0f} %" if percent in (0, 100) or percent >= 10 else f"{percent:.1f} %"


def seconds(value: float) -> str:
    """Return a duration: "0.3 s", "2 min 5 s"."""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s"


def count(amount: int, noun: str, nouns: str = "") -> str:
    """Return a number of things: "1 node", "3 nodes"."""
    return f"{amount:,} {noun if amount == 1 else nouns or noun + 's'}"


def size(amount: float) -> str:
    """Return a size in bytes as a person reads it."""
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{number(amount, 3)} {unit}"
        amount /= 1000
    raise AssertionError


def in_words(state: State | str, seconds_taken: float = 0.0) -> str:
    """Return a node's state with its time, where it took some."""
    is_timed = state in ("done", "running") and seconds_taken >= 0.05
    took = f" · {seconds(seconds_taken)}" if is_timed else ""
    return f"{state}{took}"
