"""Small pictures of numbers, each told in a sentence too."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from markupsafe import Markup

from fluentml.report.markup import Content, element, path, svg, text
from fluentml.report.words import number

if TYPE_CHECKING:
    from fluentml.results.statistics import Bins

WIDTH, HEIGHT = 320.0, 150.0
KINDS = ("", "second", "third")
LINE = 12.0
MAGNITUDES = 30.0
"""Hyperparameters that span more than this are drawn by their logarithms."""


class Scale(NamedTuple):
    """How values lie on an axis: from `low` at `start` to `high` at `end` pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        span = (self.high - self.low) or 1.0
        return self.start + (value - self.low) / span * (self.end - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """Return round values on the axis: multiples of 1, 2 or 5 and a power of ten."""
        span = self.high - self.low
        if span <= 0 or not math.isfinite(span):
            return [self.low]
        power = 10 ** math.floor(math.log10(span / most))
        step = next(power * f for f in (1, 2, 5, 10) if span / (power * f) <= most)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [place * step for place in range(first, last + 1)]


def key(names: Sequence[str], shapes: str = "line") -> Markup:
    """Return the key of a chart: a sample of each series and its name."""
    return element(
        "div", [_sample(kind, name, shapes) for kind, name in zip(KINDS, names, strict=False)]
    )


def _sample(kind: str, name: str, shapes: str) -> Markup:
    if shapes == "dots":
        drawn = element("circle", cx=11, cy=6, r=4, class_=f"dot {kind}".strip())
    elif shapes == "line":
        drawn = path([(0, 6), (22, 6)], class_=f"line {kind}".strip())
    elif kind:
        drawn = path([(0, 10), (0, 3), (22, 3), (22, 10)], class_="b")
    else:
        drawn = element("rect", x=0.5, y=1.5, width=21, height=9, class_="a")
    sample = element("svg", drawn, width=22, height=12, aria_hidden="true")
    return element("span", sample, name, class_="key")


# -- distributions --------------------------------------------------------------------------------


def spread(bins: Bins, edges: Sequence[float]) -> list[float]:
    """Return the shares of all that lie between other edges, each bin spread evenly."""
    total = sum(bins.counts) or 1.0
    shares = [0.0] * (len(edges) - 1)
    for (low, high), count in zip(pairwise(bins.edges), bins.counts, strict=True):
        for place, (left, right) in enumerate(pairwise(edges)):
            if high > low:
                inside = max(0.0, min(high, right) - max(low, left)) / (high - low)
            else:
                last = place == len(shares) - 1
                inside = float(left <= low < right or (last and low == right))
            shares[place] += count * inside / total
    return shares


def histogram(series: Mapping[str, Bins], *, title: str) -> Markup:
    """Return distributions laid over each other: the first filled, the second a line.

    Args:
        series: By name, at most two; each is drawn in shares of its own total.
        title: What is shown.
    """
    ends = [edge for one in series.values() for edge in one.edges if math.isfinite(edge)]
    if not ends:
        return element("p", "No values.", class_="soft")
    low, high = min(ends), max(ends)
    if low == high:
        low, high = low - 0.5, high + 0.5
    # Bars as wide as the widest bin: narrower ones would make up a shape that nobody counted.
    wide = max((b - a for one in series.values() for a, b in pairwise(one.edges)), default=0.0)
    bars = max(1, min(40, round((high - low) / wide))) if wide else 1
    edges = [low + (high - low) * place / bars for place in range(bars + 1)]
    shares = {name: spread(one, edges) for name, one in series.items()}
    top = max((max(values) for values in shares.values()), default=0.0) or 1.0
    x = Scale(low, high, 0, WIDTH)
    y = Scale(0, top, HEIGHT - 18, 6)
    drawn: list[Content] = []
    for place, values in enumerate(shares.values()):
        drawn.append(_bars(x, y, edges, values) if place == 0 else _steps(x, y, edges, values))
    drawn.append(path([(0, y(0)), (WIDTH, y(0))], class_="axis"))
    drawn.append(_ticks_below(x, y(0)))
    said = "; ".join(f"{name}: most between {_peak(edges, s)}" for name, s in shares.items())
    return svg(drawn, width=WIDTH, height=HEIGHT, title=title, desc=said)


def _peak(edges: Sequence[float], shares: Sequence[float]) -> str:
    place = max(range(len(shares)), key=shares.__getitem__)
    return f"{number(edges[place], 3)} and {number(edges[place + 1], 3)}"


def _bars(x: Scale, y: Scale, edges: Sequence[float], shares: Sequence[float]) -> list[Markup]:
    return [
        element("rect", x=x(a), y=y(s), width=x(b) - x(a), height=y(0) - y(s), class_="a")
        for a, b, s in zip(edges, edges[1:], shares, strict=False)
        if s
    ]


def _steps(x: Scale, y: Scale, edges: Sequence[float], shares: Sequence[float]) -> Markup:
    points = [(x(edges[0]), y(0))]
    for a, b, s in zip(edges, edges[1:], shares, strict=False):
        points += [(x(a), y(s)), (x(b), y(s))]
    return path([*points, (x(edges[-1]), y(0))], class_="b")


def _ticks_below(x: Scale, y: float) -> list[Markup]:
    """Return the labels of a horizontal axis, the outer ones within the picture."""
    drawn = []
    for value in x.ticks(4):
        place = x(value)
        anchor = "start" if place < 14 else "end" if place > x.end - 14 else "middle"
        drawn.append(text(place, y + 14, number(value, 3), anchor=anchor, class_="tick"))
    return drawn


def ranking(
    rows: Sequence[tuple[str, Sequence[float]]],
    *,
    title: str,
    format: str = "percent",
    highest: float | None = None,
) -> Markup:
    """Return values as horizontal bars: the first filled, the second an outline beside it.

    Args:
        rows: A label, and one or two values from 0 up.
        title: What is shown.
        format: "percent" for shares of 1, or "number".
        highest: The value of the longest bar; default: the greatest.
    """
    top = highest or max((max(values, default=0) for _, values in rows), default=0) or 1.0
    two = any(len(values) > 1 for _, values in rows)
    each, wide = (30.0 if two else 22.0), WIDTH - 160
    bars: list[Content] = []
    for place, (label, values) in enumerate(rows):
        y = place * each
        said = " / ".join(_figure(value, format) for value in values)
        drawn: list[Content] = [element("title", f"{label}: {said}")]
        drawn.append(text(146, y + each / 2 + 3, shortened(label, 21), anchor="end", class_="name"))
        for which, value in enumerate(values):
            height = (each - 8) / len(values)
            box = {"x": 154, "y": y + 3 + which * height, "width": wide * value / top}
            drawn.append(element("rect", **box, height=height - 1, class_=("a", "bar-b")[which]))
        bars.append(element("g", drawn))
    told = "; ".join(
        f"{label}: {', '.join(_figure(value, format) for value in values)}"
        for label, values in rows
    )
    return svg(bars, width=WIDTH, height=max(len(rows) * each, 1), title=title, desc=told)


def _figure(value: float, format: str) -> str:
    return f"{100 * value:.1f} %" if format == "percent" else number(value)


def shortened(label: str, most: int) -> str:
    """Return a label that is not too long to be drawn."""
    return label if len(label) <= most else f"{label[: most - 1]}…"


# -- lines ----------------------------------------------------------------------------------------

Points = Sequence[tuple[float, float]]


def lines(
    series: Mapping[str, Points],
    *,
    title: str,
    x_name: str,
    y_name: str = "",
    diagonal: bool = False,
    dots: bool | None = None,
) -> Markup:
    """Return lines over a common axis; a lone point is a dot.

    Args:
        series: Points by name, at most three.
        title: What is shown.
        x_name: What the horizontal axis counts.
        y_name: What the vertical axis measures.
        diagonal: Whether both axes go from 0 to 1, with the line where they are equal.
        dots: Whether each point is marked; default: where they are few.
    """
    every = [point for points in series.values() for point in points]
    if not every:
        return element("p", "No values.", class_="soft")
    width, height, left = (280.0, 280.0, 34.0) if diagonal else (WIDTH, 190.0, 46.0)
    xs, ys = [x for x, _ in every], [y for _, y in every]
    low, high = (0.0, 1.0) if diagonal else _widened(min(ys), max(ys))
    x = Scale(0.0, 1.0, left, width) if diagonal else Scale(min(xs), max(xs), left, width - 8)
    y = Scale(low, high, height - 34, 8)
    drawn: list[Content] = [_frame(x, y, x_name, y_name, height)]
    if diagonal:
        drawn.append(path([(x(0), y(0)), (x(1), y(1))], class_="ideal"))
    for kind, points in zip(KINDS, series.values(), strict=False):
        placed = [(x(a), y(b)) for a, b in points]
        if len(placed) > 1:
            drawn.append(path(placed, class_=f"line {kind}".strip()))
        if dots or len(placed) == 1 or (dots is None and len(placed) <= LINE):
            drawn += [
                element("circle", cx=a, cy=b, r=2.5, class_=f"dot {kind}".strip())
                for a, b in placed
            ]
    said = "; ".join(_course(name, points) for name, points in series.items() if points)
    return svg(drawn, width=width, height=height, title=title, desc=said)


def _course(name: str, points: Points) -> str:
    first, last = points[0][1], points[-1][1]
    return f"{name}: from {number(first)} to {number(last)} over {len(points)} points"


def _widened(low: float, high: float) -> tuple[float, float]:
    room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return low - room, high + room


def _frame(x: Scale, y: Scale, x_name: str, y_name: str, height: float) -> list[Markup]:
    drawn = []
    for value in y.ticks(4):
        drawn.append(path([(x.start, y(value)), (x.end, y(value))], class_="grid"))
        drawn.append(text(x.start - 6, y(value) + 4, number(value, 3), anchor="end", class_="tick"))
    drawn.append(path([(x.start, y.start), (x.end, y.start)], class_="axis"))
    for value in x.ticks(4):
        drawn.append(text(x(value), y.start + 14, number(value, 3), anchor="middle", class_="tick"))
    drawn.append(text(x.end, height - 4, x_name, anchor="end", class_="name"))
    if y_name:
        drawn.append(text(x.start + 4, y.end + 15, y_name, class_="name"))
    return drawn


# -- slices, trials -------------------------------------------------------------------------------


def dots(
    rows: Sequence[tuple[str, float, float | None]],
    *,
    title: str,
    bound: float | None = None,
    whole: float | None = None,
) -> Markup:
    """Return a value per row as a dot, with another, such as the baseline's, beside it.

    Args:
        rows: A label, a value, and the other value if there is one.
        title: What is shown.
        bound: A threshold, drawn as a line.
        whole: The value over all, drawn as a line.
    """
    values = [v for _, one, other in rows for v in (one, other) if v is not None]
    values += [v for v in (bound, whole) if v is not None]
    low, high = _widened(min(values), max(values))
    left, each = 190.0, 22.0
    x = Scale(low, high, left, 520.0)
    bottom = len(rows) * each + 4
    drawn: list[Content] = [
        path([(x(value), 0), (x(value), bottom)], class_="grid") for value in x.ticks(5)
    ]
    for value, kind in ((whole, "ideal"), (bound, "bound")):
        if value is not None:
            drawn.append(path([(x(value), 0), (x(value), bottom)], class_=kind))
    for place, (label, one, other) in enumerate(rows):
        y = place * each + 13
        drawn.append(text(left - 14, y + 4, shortened(label, 26), anchor="end"))
        if other is not None:
            drawn.append(path([(x(one), y), (x(other), y)], class_="thread"))
            drawn.append(element("circle", cx=x(other), cy=y, r=3.5, class_="dot second"))
        tip = f"{label}: {number(one)}" + ("" if other is None else f", baseline {number(other)}")
        drawn.append(element("circle", element("title", tip), cx=x(one), cy=y, r=4, class_="dot"))
    drawn += [
        text(x(v), bottom + 14, number(v, 3), anchor="middle", class_="tick") for v in x.ticks(5)
    ]
    least, most = min(rows, key=lambda r: r[1]), max(rows, key=lambda r: r[1])
    said = f"From {number(least[1])} ({least[0]}) to {number(most[1])} ({most[0]})."
    picture = svg(drawn, width=540, height=bottom + 20, title=title, desc=said)
    return element("div", picture, class_="scroll", tabindex="0", role="region", aria_label=title)


def parallel(
    axes: Sequence[str], rows: Sequence[Sequence[float | str]], *, title: str, best: int = 0
) -> Markup:
    """Return parallel coordinates: a line per row through its value on every axis.

    Args:
        axes: Their names.
        rows: A value for each axis; text gets places in the order in which it comes.
        title: What is shown.
        best: The place of the row that stands out.
    """
    apart, bottom = 150.0, 190.0
    scales = [_axis([row[place] for row in rows], bottom) for place in range(len(axes))]
    drawn: list[Content] = []
    for which in [*(i for i in range(len(rows)) if i != best), best] if rows else []:
        points = [
            (60 + place * apart, scale[1](value))
            for place, (scale, value) in enumerate(zip(scales, rows[which], strict=True))
        ]
        drawn.append(path(points, class_="thread best" if which == best else "thread"))
    for place, (name, (labels, _)) in enumerate(zip(axes, scales, strict=True)):
        x = 60 + place * apart
        drawn.append(path([(x, 30), (x, bottom)], class_="axis"))
        drawn.append(text(x, 14, shortened(name, 19), anchor="middle"))
        drawn += [text(x + 6, y + 4, shortened(label, 12), class_="tick") for label, y in labels]
    width = 60 + (len(axes) - 1) * apart + 90
    told = f"{len(rows)} lines; the best: " + ", ".join(
        f"{name} {_text(value)}" for name, value in zip(axes, rows[best], strict=True)
    )
    picture = svg(drawn, width=width, height=bottom + 12, title=title, desc=told)
    return element("div", picture, class_="scroll", tabindex="0", role="region", aria_label=title)


Labels: TypeAlias = list[tuple[str, float]]


def _axis(
    values: Sequence[float | str], bottom: float
) -> tuple[Labels, Callable[[float | str], float]]:
    """Return an axis's labels with their places, and what places a value."""
    if all(isinstance(value, int | float) for value in values):
        return _numeric_axis([float(value) for value in values], bottom)
    words = [*dict.fromkeys(map(str, values))]
    scale = Scale(0, max(len(words) - 1, 1), bottom, 30)
    places = {word: scale(place) for place, word in enumerate(words)}
    return [*places.items()], lambda value: places[str(value)]


def _numeric_axis(
    values: Sequence[float], bottom: float
) -> tuple[Labels, Callable[[float | str], float]]:
    """Return an axis of numbers; those that span orders of magnitude lie by their logarithms."""
    low, high = min(values), max(values)
    if low == high:
        return [(number(low, 3), (bottom + 30) / 2)], lambda _: (bottom + 30) / 2
    bent = math.log10 if low > 0 and high / low > MAGNITUDES else float
    scale = Scale(bent(low), bent(high), bottom, 30)
    ends = [(number(value, 3), scale(bent(value))) for value in (low, high)]
    return ends, lambda value: scale(bent(float(value)))


def _text(value: float | str) -> str:
    return number(value) if isinstance(value, int | float) else value
