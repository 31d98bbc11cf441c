"""Every example builds the graph that lies in `golden/`; `make golden` rewrites them."""

from __future__ import annotations

import json
import site
from pathlib import Path

import pytest
from platformdirs import user_cache_path

from fluentml.graph import Graph
from fluentml.loading import load
from tests.conftest import EXAMPLES

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py") if "pipeline = (" in path.read_text())

pytestmark = pytest.mark.tfx  # the examples' data come with TFX


def test_there_are_examples():
    assert {"taxi", "iris"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_example_graph(name: str, request: pytest.FixtureRequest):
    graph = load(str(EXAMPLES / f"{name}.py")).graph
    text = _without_places(graph.to_json()) + "\n"
    golden = GOLDEN / f"{name}.graph.json"
    if request.config.getoption("--update-golden"):
        golden.write_text(text)
    assert golden.exists(), "no golden file: make golden"
    assert text == golden.read_text(), "the graph changed: look at the diff after make golden"


@pytest.mark.parametrize("name", NAMES)
def test_golden_is_a_graph(name: str):
    text = (GOLDEN / f"{name}.graph.json").read_text()
    assert Graph.from_json(text).to_json() + "\n" == text


@pytest.mark.parametrize("name", NAMES)
def test_example_has_no_problem(name: str):
    load(str(EXAMPLES / f"{name}.py")).check()


def _without_places(text: str) -> str:
    """Return the graph's JSON without what differs from machine to machine."""
    places = {
        "{packages}": site.getsitepackages()[0],
        "{examples}": str(EXAMPLES),
        "{cache}": str(user_cache_path("fluentml")),
    }
    for name, place in places.items():
        text = text.replace(json.dumps(place)[1:-1], name)
    return text
