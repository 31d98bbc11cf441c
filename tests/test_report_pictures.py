"""Pictures and pages of plain values: nothing crosses, nothing is fetched, nothing gets through."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest

import fluentml as fml
from fluentml.graph import Graph
from fluentml.report import charts, data_views, drawing, layout, markup, model_views
from fluentml.report.card import ModelCard, model_card
from fluentml.report.markup import element
from fluentml.report.tables import Cell, table
from fluentml.report.theme import Section, fragment, page
from fluentml.report.words import number, seconds, share, signed
from fluentml.results import (
    Check,
    Evaluation,
    InfraValidation,
    NodeResult,
    Plots,
    Push,
    Trial,
    Trials,
    Tuning,
    Validation,
)
from fluentml.results._evaluations import Cut
from fluentml.results.schema import FeatureSchema, Schema
from fluentml.results.statistics import Bins, FeatureStatistics, SplitStatistics, Statistics
from fluentml.results.training import Training
from fluentml.results.transform import Constant, TransformGraph, Vocabulary

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = "</svg><script>alert('x')</script>&\"'"
STATES = ("done", "cached", "skipped", "failed", "not run")


@pytest.fixture(scope="module")
def everything() -> Graph:
    return Graph.from_json((GOLDEN / "everything.graph.json").read_text())


def parsed(html: str) -> ET.Element:
    """Return a fragment as a tree, which holds it to be well-formed."""
    text = re.sub(r"<(input|br|meta)\b([^>]*?)>", r"<\1\2/>", str(html))
    text = re.sub(r" (open|data-filter|data-sortable)(?=[ />])", r' \1=""', text)
    return ET.fromstring(f"<root>{text}</root>".replace(' xmlns="http://www.w3.org/2000/svg"', ""))


def texts(tree: ET.Element) -> str:
    return " ".join(" ".join(tree.itertext()).split())


class Urls(HTMLParser):
    """What a browser would fetch, or go to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found += [
            v for k, v in attrs if k in ("src", "href", "data", "action", "srcset") and v
        ]


def assert_needs_nothing(html: str) -> None:
    assert all(url.startswith(("#", "data:")) for url in Urls(html).found)
    assert not re.findall(r"@import|url\((?!#)|<link(?! rel=\"icon\")|<iframe|<script src", html)


# -- the graph ------------------------------------------------------------------------------------


def boxes(svg: ET.Element) -> dict[str, tuple[float, float, float, float]]:
    found = {}
    for group in svg.iter("g"):
        if "data-node" in group.attrib:
            rect = group.find("rect")
            x, y, w, h = (float(rect.get(key)) for key in ("x", "y", "width", "height"))
            found[group.get("data-node")] = (x, y, x + w, y + h)
    return found


def points(d: str) -> list[tuple[float, float]]:
    """Return points on a path of M, V and C, close enough to each other to miss no box."""
    head, _, rest = d.partition("C")
    start, _, down = head.partition("V")
    x, y = map(float, start[1:].split())
    end = float(down)
    found = [(x, y + (end - y) * part / 20) for part in range(21)]
    numbers = list(map(float, re.match(r"[-\d. ]+", rest)[0].split()))
    (a, b), (c, d_), (e, f) = zip(numbers[::2], numbers[1::2], strict=True)
    for part in range(41):
        t = part / 40
        u = 1 - t
        weights = (u**3, 3 * u * u * t, 3 * u * t * t, t**3)
        xs, ys = (x, a, c, e), (end, b, d_, f)
        found.append(
            (
                sum(w * v for w, v in zip(weights, xs, strict=True)),
                sum(w * v for w, v in zip(weights, ys, strict=True)),
            )
        )
    return found


def test_edges_of_everything_cross_no_label(everything):
    svg = parsed(drawing.draw_graph(everything)).find(".//svg")
    places = boxes(svg)
    assert len(places) == len(everything.nodes) >= 25
    edges = list(svg.find("g").iter("path"))
    assert len(edges) >= 25
    for edge in edges:
        for (x, y), (id, (left, top, right, bottom)) in itertools.product(
            points(edge.get("d")), places.items()
        ):
            assert not (left + 0.5 < x < right - 0.5 and top + 0.5 < y < bottom - 0.5), (edge, id)


def test_labels_of_everything_do_not_overlap(everything):
    places = boxes(parsed(drawing.draw_graph(everything)))
    for (one, a), (other, b) in itertools.combinations(places.items(), 2):
        apart = a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]
        assert apart, (one, other)


def test_every_edge_is_drawn_and_leads_down(everything):
    svg = parsed(drawing.draw_graph(everything)).find(".//svg")
    places = boxes(svg)
    told = {title.text.partition(":")[0] for title in svg.find("g").iter("title")}
    assert told == {f"{maker.node} → {reader}" for maker, reader, _ in everything.edges()}
    for channel, reader, _ in everything.edges():
        assert places[channel.node][3] < places[reader][1]


def test_labels_fit_their_boxes(everything):
    nodes = {n.id: NodeResult(n.id, "done", 754.2) for n in everything.nodes}
    for group in parsed(drawing.draw_graph(everything, nodes)).iter("g"):
        if "data-node" in group.attrib:
            width = float(group.find("rect").get("width"))
            for label in group.iter("text"):
                size = 8.1 if label.get("class") == "id" else 6.9
                assert len(label.text) * size < width


def test_states_are_told_by_word_and_by_shape(everything):
    states = dict(zip((n.id for n in everything.nodes), itertools.cycle(STATES), strict=False))
    states["Evaluator"] = "waiting"  # for the Trainer, and nothing is known of it yet
    nodes = {id: NodeResult(id, state) for id, state in states.items() if state != "waiting"}
    svg = parsed(drawing.draw_graph(everything, nodes, running={"Trainer"}))
    shapes: dict[str, set[str]] = {}
    for group in svg.iter("g"):
        id = group.get("data-node")
        if id:
            state = "running" if id == "Trainer" else states[id]
            assert state in texts(group)
            drawn = re.sub(r"^M[-\d.]+ [-\d.]+", "", group.find("path").get("d"))
            shapes.setdefault(state, set()).add(drawn)
    assert all(len(drawn) == 1 for drawn in shapes.values())
    assert len(set.union(*shapes.values())) == len({*STATES, "running", "waiting"})


def test_what_waits_never_came_to_its_turn_once_the_run_is_over(everything):
    told = texts(parsed(drawing.draw_graph(everything, {})))
    assert "not run" in told
    assert "waiting" not in told


def test_barycentre_untangles():
    # Two ranks that cross in the order in which they come, and need not.
    reads = {"a": [], "b": [], "c": [], "x": ["c"], "y": ["b"], "z": ["a"]}
    arranged = layout.arrange(dict.fromkeys(reads, 60.0), reads)
    assert layout.crossings(arranged.ranks) == 0


def test_a_long_edge_has_a_lane_of_its_own():
    reads = {"a": [], "b": ["a"], "c": ["b"], "d": ["c", "a"], "e": ["d", "a"]}
    arranged = layout.arrange(dict.fromkeys(reads, 60.0), reads)
    lanes = [slot for rank in arranged.ranks for slot in rank if not slot.is_node]
    # One trunk for both long edges of a.
    assert [lane.rank for lane in lanes] == [1, 2, 3]
    assert {lane.owner for lane in lanes} == {"a"}


def test_a_graph_of_nothing_and_of_one_node():
    assert parsed(drawing.draw("none", []))
    assert texts(parsed(drawing.draw("one", [drawing.Drawn("Only")]))).endswith("Only")


def test_links_lead_from_the_nodes(everything):
    svg = parsed(drawing.draw_graph(everything, links={"Trainer": "#trainer"}))
    (link,) = svg.iter("a")
    assert link.get("href") == "#trainer"
    assert "Trainer" in texts(link)


# -- names that others chose ----------------------------------------------------------------------


def hostile_views():
    feature = FeatureStatistics(HOSTILE, "string", 3, 1, unique=1, length=2.0, top=((HOSTILE, 3),))
    numeric = FeatureStatistics(
        HOSTILE + "n", "int", 3, 1, mean=1.0, bins=Bins((0.0, 1.0), (3.0,)), quantiles=(0.0,) * 11
    )
    split = SplitStatistics(4, {f.name: f for f in (feature, numeric)})
    statistics = Statistics(HOSTILE, {HOSTILE: split, "eval": split})
    yield data_views.statistics_view(statistics)
    schema = FeatureSchema(HOSTILE, "bytes", "always", "1", "one of 1 texts", (HOSTILE,), HOSTILE)
    yield data_views.schema_view(Schema(HOSTILE, (schema,)))
    yield data_views.transform_view(
        TransformGraph(
            HOSTILE,
            (Vocabulary(HOSTILE, 1, (HOSTILE,)),),
            (Constant(HOSTILE, "mean", (1.0,), (HOSTILE,)),),
        )
    )
    curves = {HOSTILE: {HOSTILE: ((1.0, 0.5), (2.0, 0.25))}}
    yield model_views.training_view(Training(HOSTILE, curves, "epoch", HOSTILE))
    trials = [Trial(HOSTILE, 0.5, {HOSTILE: HOSTILE}), Trial("1", 0.75, {HOSTILE: "b"})]
    yield model_views.tuning_view(Tuning(HOSTILE, Trials(trials)))
    yield model_views.evaluation_view(hostile_evaluation())
    yield model_views.infra_view(
        InfraValidation(HOSTILE, False, (HOSTILE,), 1.0, 2.0, {HOSTILE: 1.0})
    )
    yield model_views.push_view(Push(HOSTILE, None, HOSTILE))
    yield drawing.draw(HOSTILE, [drawing.Drawn(HOSTILE, state="done", note=HOSTILE)])


def hostile_evaluation() -> Evaluation:
    return Evaluation(
        HOSTILE,
        {HOSTILE: 0.5},
        {f"{HOSTILE}:1": {HOSTILE: 0.4}, "b:2": {HOSTILE: 0.6}},
        {HOSTILE: 0.4},
        {HOSTILE: HOSTILE},
        False,
        (HOSTILE,),
        checks=(Check(HOSTILE, HOSTILE, HOSTILE, 0.5, None, False),),
    )


@pytest.mark.parametrize("number", range(9))
def test_hostile_names_are_text(number):
    html = str([*hostile_views()][number])
    tree = parsed(html)
    assert not [*tree.iter("script")]
    assert "alert('x')" in "".join(tree.itertext())
    assert_needs_nothing(html)


# -- charts ---------------------------------------------------------------------------------------


def test_histogram_lays_shares_over_each_other():
    few, many = Bins((0.0, 1.0, 2.0), (1.0, 3.0)), Bins((0.0, 1.0, 2.0), (100.0, 300.0))
    svg = parsed(charts.histogram({"train": few, "eval": many}, title="fare"))
    heights = [float(r.get("height")) for r in svg.iter("rect")]
    assert heights[1] == pytest.approx(3 * heights[0], rel=0.01)
    (outline,) = [p for p in svg.iter("path") if p.get("class") == "b"]
    # Equal shares: the outline of the many stands at the heights of the few's bars.
    tops = {round(float(y), 1) for _, y in re.findall(r"([-\d.]+) ([-\d.]+)", outline.get("d"))}
    bars = {round(float(r.get("y")), 1) for r in svg.iter("rect")}
    assert bars <= tops


def test_bins_are_spread_over_other_edges():
    shares = charts.spread(Bins((0.0, 10.0, 20.0), (30.0, 10.0)), [0.0, 5.0, 10.0, 20.0])
    assert shares == pytest.approx([0.375, 0.375, 0.25])
    assert sum(charts.spread(Bins((5.0, 5.0), (7.0,)), [0.0, 2.5, 5.0])) == pytest.approx(1)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (3, 97, [20, 40, 60, 80]), (5, 5, [5])],
)
def test_ticks_are_round(low, high, ticks):
    assert charts.Scale(low, high, 0, 100).ticks() == pytest.approx(ticks)


def test_a_value_that_never_changes_can_be_drawn():
    assert parsed(charts.histogram({"all": Bins((3.0, 3.0), (9.0,))}, title="constant"))
    assert parsed(charts.lines({"train": [(1.0, 0.5)]}, title="one", x_name="epoch"))
    assert parsed(charts.parallel(["width", "score"], [[64, 0.5], [64, 0.5]], title="same"))


def test_the_best_trial_stands_out():
    tuning = Tuning("Tuner", Trials([Trial("7", 0.1, {"w": 8}), Trial("3", 0.9, {"w": 9})]))
    tree = parsed(model_views.tuning_view(tuning))
    best = [p for p in tree.iter("path") if p.get("class") == "thread best"]
    assert len(best) == 1
    assert "the best: w 8, score 0.1" in texts(tree)


def test_every_picture_is_named(everything):
    for html in (*hostile_views(), drawing.draw_graph(everything)):
        tree = parsed(html)
        ids = {one.get("id") for one in tree.iter() if one.get("id")}
        for svg in tree.iter("svg"):
            if svg.get("aria-hidden") != "true":
                assert svg.get("role") == "img"
                assert svg.get("aria-labelledby") in ids


# -- evaluation -----------------------------------------------------------------------------------

CUTS = (Cut(0.0, 10, 10, 0, 0), Cut(0.5, 8, 1, 2, 9), Cut(1.0, 0, 0, 10, 10))


def test_roc_goes_from_corner_to_corner():
    assert Plots("", CUTS).roc == ((0.0, 0.0), (0.1, 0.8), (1.0, 1.0))
    assert Plots("", (Cut(0.5, 0, 0, 0, 9),)).roc == ()


def test_curves_are_drawn_where_there_are_some():
    plots = Plots("", CUTS, ((0.1, 0.2, 30.0), (0.9, 0.8, 20.0)), ((0, 1, 3.0), (1, 1, 9.0)))
    shown = texts(parsed(model_views.plots_view(plots)))
    for title in ("ROC curve", "Calibration", "Confusion at the threshold 0.5", "Confusion of the"):
        assert title in shown


def test_the_gate_in_plain_language():
    evaluation = Evaluation(
        "Evaluator",
        {"AUC": 0.78},
        {},
        {"AUC": 0.81},
        {"AUC": "at least 0.8"},
        False,
        ("AUC is 0.78, below 0.8",),
        checks=(
            Check("AUC", "", "at least 0.8", 0.78, 0.81, False),
            Check("AUC", "hour:3", "at least 0.5", 0.66, None, True),
        ),
    )
    shown = texts(parsed(model_views.gate_view(evaluation)))
    assert "Not blessed. 1 of 2 thresholds met. AUC is 0.78, below 0.8." in shown
    assert "AUC the whole data at least 0.8 0.7800 0.81 not met" in shown
    assert "AUC hour:3 at least 0.5 0.6600 met" in shown


def test_slices_stand_in_the_order_of_their_numbers():
    slices = {f"hour:{hour}": {"AUC": hour / 20} for hour in (10, 2, 1)}
    shown = texts(parsed(model_views.evaluation_view(Evaluation("E", {}, slices, {}, {}, None))))
    table_text = shown[shown.index("3 slices") :]
    assert table_text.index("hour:1") < table_text.index("hour:2") < table_text.index("hour:10")


# -- tables ---------------------------------------------------------------------------------------


def test_a_table_sorts_by_value_rather_than_by_text():
    tree = parsed(table(["name", "size"], [["a", 1200], ["b", 30]], caption="t", sortable=True))
    cells = list(tree.iter("td"))
    assert [(td.text, td.get("data-key")) for td in cells] == [("1,200", "1200.0"), ("30", "30.0")]
    assert all(td.get("class") == "n" for td in cells)


def test_small_numbers_of_a_column_have_the_same_decimals():
    tree = parsed(table(["", "AUC"], [["a", 0.94], ["b", 0.93251], ["c", 1.0]], caption="t"))
    assert [td.text for td in tree.iter("td")] == ["0.9400", "0.9325", "1.0000"]


def test_only_long_tables_can_be_filtered():
    rows = [[str(place), Cell("x")] for place in range(9)]
    assert "Filter" in table(["a", "b"], rows, caption="t", filterable=True)
    assert "Filter" not in table(["a", "b"], rows[:3], caption="t", filterable=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.93194, "0.9319"),
        (1204.0, "1,204"),
        (-0.5, "−0.5"),
        (None, "–"),
        (float("nan"), "–"),
        (float("-inf"), "−∞"),
        (123456.7, "123,457"),
    ],
)
def test_numbers_in_words(value, text):
    assert number(value) == text


def test_other_words():
    assert (signed(0.25), signed(-0.25), signed(0.0)) == ("+0.25", "−0.25", "0")
    assert (share(1, 3), share(0, 3), share(1, 30), share(1, 0)) == ("33 %", "0 %", "3.3 %", "–")
    assert (seconds(0.31), seconds(125)) == ("0.3 s", "2 min 5 s")


# -- pages and cells ------------------------------------------------------------------------------


def test_a_page_needs_nothing_else():
    html = page("taxi", [Section("a", "A", element("p", HOSTILE))], kicker=HOSTILE, lead=HOSTILE)
    assert_needs_nothing(html)
    assert html.count("<script>") == 1
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html


def test_a_pipeline_shows_its_graph_in_a_notebook():
    chain = fml.PipelineDef("taxi").from_csv("data/").generate_statistics()
    shown = chain._repr_mimebundle_()
    assert shown["text/plain"] == repr(chain)
    assert "StatisticsGen" in shown["text/html"]
    assert 'data-jp-theme-light="false"' in shown["text/html"]
    assert_needs_nothing(shown["text/html"])


def test_a_pipeline_that_cannot_be_wired_shows_its_steps():
    chain = fml.PipelineDef("taxi").generate_statistics()
    assert chain._repr_mimebundle_() == {"text/plain": repr(chain)}


def test_a_fragment_brings_its_style():
    html = str(fragment(element("p", "x"), "y"))
    assert html.startswith('<div class="fml"><style>')
    assert "</style><div><p>x</p></div><script>" in html


def test_where_styles_are_taken_out_pictures_are_hidden_and_the_rest_is_told():
    picture = markup.svg(width=1, height=1, title="t")
    alone = str(fragment(picture, "<y>"))
    assert '</style><div class="untrusted"><pre>&lt;y&gt;</pre><p>Its pictures' in alone
    assert f'<div><span class="picture" hidden="hidden">{picture}</span></div>' in alone
    beside = str(fragment([picture, table(["a"], [["b"]], caption="c")], "<y>"))
    assert '</style><div class="untrusted"><p>Its pictures' in beside


# -- the model card -------------------------------------------------------------------------------


def test_a_card_of_fields():
    card = model_card({"owners": "Ann", "limitations": ["a", "b"]})
    assert card == ModelCard(owners=("Ann",), limitations=("a", "b"))


def test_a_card_with_a_wrong_field():
    with pytest.raises(fml.DefinitionError, match="'limits'") as caught:
        model_card({"limits": "none"})
    assert "limitations" in str(caught.value)


def test_a_card_with_a_wrong_value():
    with pytest.raises(fml.DefinitionError, match="wrong 'owners'") as caught:
        model_card({"owners": 3})
    assert "a list of texts" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "cannot be read"), ("- a\n- b\n", "holds no fields"), ("a: [", "is no YAML")],
)
def test_a_card_file_that_is_none(tmp_path, text, message):
    pytest.importorskip("yaml")
    file = tmp_path / "card.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(fml.DefinitionError, match=message):
        model_card(file)


# -- anomalies ------------------------------------------------------------------------------------


def test_no_anomaly_is_said():
    assert "No anomaly." in texts(parsed(data_views.validation_view(Validation("E"))))


def test_drift_lays_the_distributions_over_each_other():
    from fluentml.executors.anomalies import Anomaly, Distance

    def statistics(counts):
        bins = Bins((0.0, 1.0, 2.0), counts)
        feature = FeatureStatistics("fare", "float", 4, 0, mean=1.0, bins=bins)
        return Statistics("S", {"train": SplitStatistics(4, {"fare": feature})})

    validation = Validation(
        "E",
        (Anomaly("fare", "too far", ("train",), True),),
        (Distance("fare", "train", "drift", "Jensen-Shannon", 0.4, 0.1),),
    )
    tree = parsed(
        data_views.validation_view(validation, statistics((1.0, 3.0)), statistics((3.0, 1.0)))
    )
    assert "fare now and earlier, train" in texts(tree)
    assert len([p for p in tree.iter("path") if p.get("class") == "b"]) >= 1
    assert "too far" in texts(tree)
