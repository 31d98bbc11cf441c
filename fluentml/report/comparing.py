"""Two runs side by side: parameters, data, metrics by slice, code."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from fluentml.report import charts
from fluentml.report.data_views import distribution
from fluentml.report.display import Bundle, bundle
from fluentml.report.markup import Content, element, join
from fluentml.report.model_views import slice_order
from fluentml.report.reading import Reader
from fluentml.report.tables import Cell, Row, table
from fluentml.report.theme import Section, page
from fluentml.report.words import count, number, seconds, signed
from fluentml.results._tables import table as text_table

if TYPE_CHECKING:
    from fluentml.local.record import Record
    from fluentml.results.statistics import FeatureStatistics, Statistics

MISSING = "–"
FARTHEST = 12
"""As many features are drawn, those first that lie farthest apart."""


class Change(NamedTuple):
    """A parameter that differs: its node, its name, its value then and now as JSON."""

    node: str
    name: str
    then: str
    now: str


class MetricChange(NamedTuple):
    """A metric in a slice, then and now."""

    node: str
    slice: str
    metric: str
    then: float | None
    now: float | None


class Drift(NamedTuple):
    """How far a feature's distribution lies from that of the other run.

    Attributes:
        feature: Its name.
        split: The split.
        distance: The greatest difference between two shares: of a value, or below a number.
        then: Its statistics in the first run.
        now: Those in the second.
    """

    feature: str
    split: str
    distance: float
    then: FeatureStatistics
    now: FeatureStatistics


class RunComparison:
    """What two runs have in common, and what not.

    Args:
        then: The first run.
        now: The second.
    """

    def __init__(self, then: Record, now: Record) -> None:
        self.then, self.now = then, now

    @cached_property
    def parameters(self) -> tuple[Change, ...]:
        """The parameters that differ, and nodes that only one of the runs has."""
        then, now = (_parameters(record) for record in (self.then, self.now))
        return tuple(
            Change(*key, then.get(key, MISSING), now.get(key, MISSING))
            for key in dict.fromkeys([*then, *now])
            if then.get(key) != now.get(key)
        )

    @cached_property
    def metrics(self) -> tuple[MetricChange, ...]:
        """Every metric over the whole data, and then in each slice."""
        then, now = (_metrics(record) for record in (self.then, self.now))
        keys = sorted(
            dict.fromkeys([*now, *then]), key=lambda key: (key[1] != "", slice_order(key[1]))
        )
        return tuple(MetricChange(*key, then.get(key), now.get(key)) for key in keys)

    @cached_property
    def drift(self) -> tuple[Drift, ...]:
        """Every feature that both runs have statistics of, the farthest first."""
        pairs = zip(Reader(self.then).statistics(), Reader(self.now).statistics(), strict=False)
        found = [one for then, now in pairs for one in _drift(then, now)]
        return tuple(sorted(found, key=lambda one: -one.distance))

    @cached_property
    def code(self) -> Mapping[str, str]:
        """The differences of the files that differ, as `diff -u` writes them, by name."""
        then, now = self.then.code or {}, self.now.code or {}
        diffs = {
            name: "\n".join(
                difflib.unified_diff(
                    then.get(name, "").splitlines(),
                    now.get(name, "").splitlines(),
                    f"{name} then",
                    f"{name} now",
                    lineterm="",
                )
            )
            for name in dict.fromkeys([*then, *now])
        }
        return {name: text for name, text in diffs.items() if text}

    # -- as text ----------------------------------------------------------------------------------

    def __str__(self) -> str:
        blocks = [
            f"{self.now.result.pipeline}: then {self.then.result.run_id}, "
            f"now {self.now.result.run_id}",
            self._text("parameters", ("node", "parameter", "then", "now"), self.parameters),
            self._text(
                "metrics over the whole data",
                ("metric", "then", "now", "change"),
                [
                    (m.metric, number(m.then), number(m.now), _change(m))
                    for m in self.metrics
                    if not m.slice
                ],
            ),
            self._slices_in_words(),
            self._text(
                "data, the features that changed most",
                ("feature", "split", "distance"),
                [(d.feature, d.split, number(d.distance, 3)) for d in self.drift[:5] if d.distance],
            ),
            *(f"code\n{text}" for text in self.code.values()),
        ]
        return "\n\n".join(filter(None, blocks))

    def _slices_in_words(self) -> str:
        changed = [m for m in self.metrics if m.slice and m.then is not None and m.now is not None]
        changed = [m for m in changed if not m.metric.endswith("Count")]
        changed.sort(key=lambda m: -abs((m.now or 0) - (m.then or 0)))
        rows = [(m.slice, m.metric, number(m.then), number(m.now), _change(m)) for m in changed[:5]]
        heads = ("slice", "metric", "then", "now", "change")
        return self._text("slices that changed most", heads, rows)

    def _text(self, title: str, heads: tuple[str, ...], rows: Iterable[Sequence[object]]) -> str:
        body = [tuple(map(str, row)) for row in rows]
        if not body:
            return f"{title}\n  no difference"
        return "\n".join([title, *text_table([heads, *body])])

    # -- as a page --------------------------------------------------------------------------------

    def to_html(self, bar: Content = None) -> str:
        """Return one HTML document that needs nothing else.

        Args:
            bar: What stands above all else, such as links to other pages.
        """
        then, now = self.then.result, self.now.result
        return page(
            f"{then.pipeline}: two runs",
            [*self._sections()],
            kicker="A comparison",
            lead=[element("p", self._verdict(), class_="verdict"), self._head()],
            footer=f"Of what the runs {then.run_id} and {now.run_id} left.",
            bar=bar,
        )

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the page; return its path."""
        from fluentml.report import _written

        return _written(path, self.to_html())

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Bundle:
        parts = [
            [element("h3", part.title), part.content]
            for part in self._sections()
            if part.id != "nodes"
        ]
        return bundle(join([element("p", self._verdict()), self._head(), parts]), str(self))

    def _verdict(self) -> str:
        told = [
            f"{count(len(self.parameters), 'parameter')} and "
            f"{count(len(self.code), 'file')} of code differ."
        ]
        asked = {name for one in self.now.result.evaluations for name in one.bounds}
        for m in self.metrics:
            if not m.slice and m.metric in asked and m.then is not None and m.now is not None:
                told.append(f"{m.metric} went from {number(m.then)} to {number(m.now)}.")
        return " ".join(told)

    def _head(self) -> Markup:
        rows: list[Row] = []
        for label, record in (("then", self.then), ("now", self.now)):
            result = record.result
            took = seconds(record.ended - record.started) if record.ended else ""
            blessed = {True: "blessed", False: "not blessed", None: ""}
            verdict = blessed[result.evaluations[0].blessed] if result.evaluations else ""
            end = "failed" if record.error else verdict
            rows.append([label, result.run_id, took, end, result.pushed_model or ""])
        heads = ["which", "run", "time", "outcome", "pushed to"]
        return table(heads, rows, caption="The runs")

    def _sections(self) -> Iterator[Section]:
        yield Section("parameters", "Parameters", self._parameters_view())
        yield Section("metrics", "Metrics", self._metrics_view())
        yield Section("data", "Data", self._data_view())
        yield Section("code", "Code", self._code_view())
        yield Section("nodes", "Nodes", self._nodes_view())

    def _parameters_view(self) -> Markup:
        if not self.parameters:
            return element("p", "No parameter differs.", class_="soft")
        rows: list[Row] = [
            [c.node, c.name, element("code", c.then), element("code", c.now)]
            for c in self.parameters
        ]
        caption = "Parameters that differ"
        return table(["node", "parameter", "then", "now"], rows, caption=caption, sortable=True)

    def _metrics_view(self) -> Markup:
        if not self.metrics:
            return element("p", "Neither run evaluated a model.", class_="soft")
        rows: list[Row] = [
            [m.slice or "the whole data", m.metric, *_cells(m)] for m in self.metrics
        ]
        heads = ["slice", "metric", "then", "now", "change"]
        listed = table(heads, rows, caption="By slice", sortable=True, filterable=True)
        return join([*self._slice_charts(), listed])

    def _slice_charts(self) -> Iterator[Content]:
        names = [*dict.fromkeys(m.metric for m in self.metrics if m.slice)]
        if names:
            yield charts.key(["now", "then"], "dots")
        figures = []
        for name in names:
            found = [
                (m.slice, m.now, m.then)
                for m in self.metrics
                if m.slice and m.metric == name and m.now is not None
            ]
            if found and not name.endswith("Count"):
                caption = element("figcaption", element("strong", name))
                chart = charts.dots(found[:40], title=f"{name} by slice, now and then")
                figures.append(element("figure", caption, chart))
        yield element("div", figures, class_="figures")

    def _data_view(self) -> Markup:
        if not self.drift:
            return element("p", "The runs have no statistics in common.", class_="soft")
        rows: list[Row] = [[d.feature, d.split, d.distance] for d in self.drift]
        caption = "The greatest difference between two shares, of a value or below a number"
        heads = ["feature", "split", "distance"]
        figures = []
        for d in [one for one in self.drift if one.distance][:FARTHEST]:
            said = element("span", f" {d.split}, {number(d.distance, 3)}", class_="soft")
            pair = {"now": d.now, "then": d.then}
            caption_ = element("figcaption", element("strong", d.feature), said)
            shown = distribution(d.feature, pair, f"{d.feature} now and then, {d.split}")
            figures.append(element("figure", caption_, shown))
        if not figures:
            return element("p", "No feature is distributed otherwise.", class_="soft")
        return join(
            [
                charts.key(["now", "then"], "bars"),
                element("div", figures, class_="figures"),
                table(heads, rows, caption=caption, sortable=True, filterable=True),
            ]
        )

    def _code_view(self) -> Markup:
        if not self.code:
            return element("p", "No file of code differs.", class_="soft")
        return join(
            [
                [element("h3", name), element("pre", _coloured(text), tabindex="0")]
                for name, text in self.code.items()
            ]
        )

    def _nodes_view(self) -> Markup:
        then, now = self.then.result.nodes, self.now.result.nodes
        rows: list[Row] = []
        for id in dict.fromkeys([*then, *now]):
            pair = (then.get(id), now.get(id))
            cells = [
                cell
                for one in pair
                for cell in (
                    one.state if one else MISSING,
                    Cell(seconds(one.seconds), one.seconds) if one and one.seconds >= 0.05 else "",
                )
            ]
            rows.append([id, *cells])
        heads = ["node", "then", "time", "now", "time"]
        return table(heads, rows, caption="What became of each node", sortable=True)


# -- what is compared -----------------------------------------------------------------------------


def _parameters(record: Record) -> dict[tuple[str, str], str]:
    found = {}
    for node in record.graph.nodes:
        given = node.component.model_dump(mode="json", exclude={"id"}, exclude_defaults=True)
        found[node.id, "component"] = type(node.component).__name__
        for name, value in given.items():
            found[node.id, name] = json.dumps(value, ensure_ascii=False)
    return found


def _metrics(record: Record) -> dict[tuple[str, str, str], float]:
    return {
        (one.node, where, name): value
        for one in record.result.evaluations
        for where, metrics in {"": one.metrics, **one.slices}.items()
        for name, value in metrics.items()
        if not name.endswith("_diff")
    }


def _change(m: MetricChange) -> str:
    return signed(m.now - m.then) if m.then is not None and m.now is not None else ""


def _cells(m: MetricChange) -> list[Content | Cell]:
    both = m.then is not None and m.now is not None
    difference = (m.now or 0.0) - (m.then or 0.0)
    change = Cell(_change(m), difference) if both else Cell("", float("-inf"))
    return [MISSING if value is None else value for value in (m.then, m.now)] + [change]


def _drift(then: Statistics, now: Statistics) -> Iterator[Drift]:
    for split, new in now.splits.items():
        old = then.splits.get(split)
        for name, feature in new.features.items():
            before = old.features.get(name) if old else None
            if before is not None:
                yield Drift(name, split or "all", _distance(before, feature), before, feature)


def _distance(then: FeatureStatistics, now: FeatureStatistics) -> float:
    """Return the L-infinity distance of texts' shares, and of numbers' distribution functions."""
    missing = abs(_missing(then) - _missing(now))
    if then.bins and now.bins:
        edges = sorted({*then.bins.edges, *now.bins.edges})
        if len(edges) < 2:
            return missing
        sums, most = (0.0, 0.0), 0.0
        for one, other in zip(
            charts.spread(then.bins, edges), charts.spread(now.bins, edges), strict=True
        ):
            sums = (sums[0] + one, sums[1] + other)
            most = max(most, abs(sums[0] - sums[1]))
        # Adding up shares leaves a trace where nothing differs.
        return max(missing, most if most > 1e-9 else 0.0)
    shares = [{v: n / (f.count or 1) for v, n in f.top} for f in (then, now)]
    values = {*shares[0], *shares[1]}
    apart = (abs(shares[0].get(v, 0.0) - shares[1].get(v, 0.0)) for v in values)
    return max([missing, *apart])


def _missing(feature: FeatureStatistics) -> float:
    return feature.missing / ((feature.count + feature.missing) or 1)


def _coloured(diff: str) -> Content:
    kinds = {"+": "good", "-": "bad", "@": "soft"}
    return [element("span", f"{line}\n", class_=kinds.get(line[:1])) for line in diff.splitlines()]
