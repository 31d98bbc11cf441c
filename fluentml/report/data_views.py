"""Views of data: statistics, schemas, anomalies, differences, what a transform graph learned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from fluentml.report import charts
from fluentml.report.markup import Content, element, join
from fluentml.report.tables import Cell, Row, table
from fluentml.report.words import count, number, share

if TYPE_CHECKING:
    from fluentml.results import Comparison, Validation
    from fluentml.results.schema import Schema
    from fluentml.results.statistics import FeatureStatistics, Statistics
    from fluentml.results.transform import TransformGraph

MOST_FEATURES, MOST_VALUES = 60, 8
NUMBERS = ("mean", "deviation", "least", "tenth", "median", "ninetieth", "greatest", "zeros")

Named = Mapping[str, "FeatureStatistics | None"]


# -- statistics -----------------------------------------------------------------------------------


def statistics_view(statistics: Statistics) -> Markup:
    """Return the statistics of all splits, feature by feature, side by side."""
    splits = {name or "all": split for name, split in statistics.splits.items()}
    told = ", ".join(f"{count(one.examples, 'example')} in {name}" for name, one in splits.items())
    names = statistics.features[:MOST_FEATURES]
    rows = [
        (name, {split: one.features.get(name) for split, one in splits.items()}) for name in names
    ]
    of_numbers = [(n, by) for n, by in rows if any(f and f.mean is not None for f in by.values())]
    of_texts = [(n, by) for n, by in rows if (n, by) not in of_numbers]
    more = len(statistics.features) - len(names)
    return join(
        [
            element("p", f"{count(len(statistics.features), 'feature')}; {told}."),
            element("p", f"The first {MOST_FEATURES} are shown.") if more > 0 else None,
            charts.key([*splits][:2], "bars"),
            element("div", [_figure(name, by) for name, by in rows], class_="figures"),
            _numbers_table(of_numbers) if of_numbers else None,
            _texts_table(of_texts) if of_texts else None,
        ]
    )


def _figure(name: str, by_split: Named) -> Markup:
    kind = next((f.type for f in by_split.values() if f), "")
    missing = [f for f in by_split.values() if f and f.missing]
    said = f"{kind}, {share(missing[0].missing, _all(missing[0]))} missing" if missing else kind
    caption = element(
        "figcaption", element("strong", name), " ", element("span", said, class_="soft")
    )
    return element("figure", caption, distribution(name, by_split))


def distribution(name: str, by_name: Named, title: str = "") -> Markup:
    """Return how a feature is distributed, in at most two sets of data laid over each other.

    Args:
        name: The feature.
        by_name: Its statistics by what the data are called.
        title: What is shown; default: the name.
    """
    two = [(label, feature) for label, feature in by_name.items() if feature][:2]
    bins = {label: feature.bins for label, feature in two if feature.bins}
    if bins:
        return charts.histogram(bins, title=title or f"Distribution of {name}")
    tops = [dict(feature.top) for _, feature in two]
    values = [*dict.fromkeys(value for top in tops for value in top)][:MOST_VALUES]
    if not values:
        return element("p", "No values.", class_="soft")
    rows = [
        (
            value,
            [
                top.get(value, 0) / (feature.count or 1)
                for top, (_, feature) in zip(tops, two, strict=True)
            ],
        )
        for value in values
    ]
    return charts.ranking(rows, title=title or f"The most frequent values of {name}")


def _numbers_table(rows: Iterable[tuple[str, Named]]) -> Markup:
    heads = ["feature", "type", "split", "missing", *NUMBERS]
    heads = [{"tenth": "10 %", "ninetieth": "90 %"}.get(head, head) for head in heads]
    body = []
    for name, by_split in rows:
        known = {split: feature for split, feature in by_split.items() if feature}
        columns = [[_figure_of(f, which) for f in known.values()] for which in NUMBERS]
        body.append([*_first(name, known), *map(_stacked, columns)])
    return table(heads, body, caption="Features that are numbers", sortable=True, filterable=True)


def _texts_table(rows: Iterable[tuple[str, Named]]) -> Markup:
    body = []
    for name, by_split in rows:
        known = {split: feature for split, feature in by_split.items() if feature}
        columns = [
            [None if f.unique is None else float(f.unique) for f in known.values()],
            [f.length for f in known.values()],
        ]
        tops = [Markup(", ").join([v for v, _ in f.top[:3]]) for f in known.values()]
        body.append([*_first(name, known), *map(_stacked, columns), _lines(tops)])
    heads = ["feature", "type", "split", "missing", "different", "average length", "most frequent"]
    return table(heads, body, caption="Features that are text", sortable=True, filterable=True)


def _first(name: str, known: Mapping[str, FeatureStatistics]) -> list[Content | Cell]:
    missing = [(f.missing / _all(f), share(f.missing, _all(f))) for f in known.values()]
    cell = Cell(_lines([text for _, text in missing]), missing[0][0] if missing else 0.0)
    kind = next((f.type for f in known.values()), "")
    return [name, kind, _lines([*known]), cell]


def _figure_of(feature: FeatureStatistics, which: str) -> float | None:
    if which in ("tenth", "ninetieth"):
        tenths = feature.quantiles
        return tenths[1 if which == "tenth" else -2] if len(tenths) == 11 else None
    value: float | None = getattr(feature, which)
    return value


def _stacked(values: Sequence[float | None]) -> Cell:
    first = next((value for value in values if value is not None), float("-inf"))
    return Cell(_lines([number(value) for value in values]), float(first))


def _lines(texts: Sequence[Content]) -> Markup:
    return Markup("<br>").join(map(join, texts))


def _all(feature: FeatureStatistics) -> int:
    return (feature.count + feature.missing) or 1


# -- schema ---------------------------------------------------------------------------------------


def schema_view(schema: Schema) -> Markup:
    """Return what a schema expects of each feature."""
    rows: list[Row] = []
    for feature in schema.features:
        domain: Content = feature.domain
        if feature.values:
            shown = ", ".join(feature.values)
            domain = element("details", element("summary", feature.domain), shown)
        rows.append(
            [
                feature.name,
                feature.type,
                feature.presence,
                feature.shape,
                Cell(domain, feature.domain),
                feature.environments,
            ]
        )
    heads = ["feature", "type", "present", "values", "domain", "environments"]
    if not any(feature.environments for feature in schema.features):
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    return table(heads, rows, caption=f"Schema of {schema.node}", sortable=True, filterable=True)


# -- anomalies, drift and skew --------------------------------------------------------------------


def validation_view(
    validation: Validation,
    now: Statistics | None = None,
    then: Statistics | None = None,
    then_name: str = "earlier",
) -> Markup:
    """Return anomalies and distances, with the distributions that were compared.

    Args:
        validation: What the validator found.
        now: The statistics of the data.
        then: Those that it compared them with.
        then_name: What to call these.
    """
    parts: list[Content] = []
    if validation.anomalies:
        rows = [
            [a.feature or "the data", ", ".join(a.splits), a.problem] for a in validation.anomalies
        ]
        parts.append(
            table(
                ["feature", "split", "problem"],
                rows,
                caption=count(len(rows), "anomaly", "anomalies"),
            )
        )
    else:
        parts.append(element("p", element("span", "No anomaly.", class_="good")))
    if validation.is_first:
        parts.append(element("p", "There was no earlier run to compare with.", class_="soft"))
    if validation.distances:
        parts.append(_distances(validation))
        parts.append(_overlaid(validation, now, then, then_name))
    return join(parts)


def _distances(validation: Validation) -> Markup:
    rows: list[Row] = []
    for d in sorted(validation.distances, key=lambda d: d.threshold - d.value):
        too_far = d.value > d.threshold
        verdict = Cell("too far", kind="bad") if too_far else Cell("within", kind="good")
        rows.append([d.feature, d.split, d.kind, d.measure, d.value, d.threshold, verdict])
    heads = ["feature", "split", "kind", "measure", "distance", "at most", "verdict"]
    return table(heads, rows, caption="Distances to the other data", sortable=True, filterable=True)


def _overlaid(
    validation: Validation, now: Statistics | None, then: Statistics | None, then_name: str
) -> Markup | None:
    """Return the distributions of what was measured, now and then, the farthest first."""
    if now is None or then is None:
        return None
    figures = []
    for d in sorted(validation.distances, key=lambda d: d.threshold - d.value):
        here, _, there = d.split.partition(" against ")
        split = now.splits.get(here)
        other = then.splits.get(there or here) or next(iter(then.splits.values()), None)
        pair: dict[str, FeatureStatistics | None] = {
            "now": split.features.get(d.feature) if split else None,
            then_name: other.features.get(d.feature) if other else None,
        }
        if all(pair.values()):
            said = f"{d.split}, distance {number(d.value, 3)}"
            caption = [element("strong", d.feature), " ", element("span", said, class_="soft")]
            shown = distribution(d.feature, pair, f"{d.feature} now and {then_name}, {d.split}")
            figures.append(element("figure", element("figcaption", caption), shown))
    if not figures:
        return None
    key = charts.key(["now", then_name], "bars")
    return join([key, element("div", figures[:MOST_FEATURES], class_="figures")])


def comparison_view(comparison: Comparison) -> Markup:
    """Return how examples differ from other data's of the same identifiers."""
    lead = (
        f"{count(comparison.compared, 'pair')} of examples compared; "
        f"{count(comparison.only_here, 'identifier')} only here, "
        f"{comparison.only_there} only there."
    )
    parts: list[Content] = [element("p", lead)]
    if comparison.differing:
        rows: list[Row] = [
            [f.feature, f.equal, f.changed, f.only_here, f.only_there] for f in comparison.differing
        ]
        heads = ["feature", "equal", "changed", "only here", "only there"]
        parts.append(
            table(heads, rows, caption=f"Features that differ, {comparison.splits}", sortable=True)
        )
    elif comparison.compared:
        parts.append(element("p", element("span", "No feature differs.", class_="good")))
    samples = [element("li", str(pair)) for pair in comparison.samples]
    return join([*parts, element("ul", samples) if samples else None])


# -- the transform graph --------------------------------------------------------------------------


def transform_view(graph: TransformGraph) -> Markup:
    """Return the vocabularies, means and boundaries that a transform graph holds."""
    parts: list[Content] = []
    if graph.constants:
        rows = [
            [Cell(", ".join(c.features) or c.of), c.meaning, Cell(_values(c.values)), c.of]
            for c in sorted(graph.constants, key=lambda c: (c.features, c.of, c.meaning))
        ]
        heads = ["transformed feature", "learned", "value", "operation"]
        parts.append(table(heads, rows, caption="Numbers computed from the data", filterable=True))
    if graph.vocabularies:
        words: list[Row] = [
            [v.name, v.size, ", ".join(v.first) + (" …" if v.size > len(v.first) else "")]
            for v in graph.vocabularies
        ]
        heads = ["vocabulary", "entries", "the first of them"]
        parts.append(table(heads, words, caption="Vocabularies, the most frequent entry first"))
    return join(parts or [element("p", "It learned nothing from the data.", class_="soft")])


def _values(values: Sequence[float]) -> str:
    shown = ", ".join(number(value) for value in values[:12])
    return f"{shown}, … ({len(values)})" if len(values) > 12 else shown
