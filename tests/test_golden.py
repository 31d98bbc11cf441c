"""Every example builds the graph that lies in `golden/`; `make golden` rewrites them."""

from __future__ import annotations

import inspect
import json
import re
import site
from pathlib import Path

import pytest
from platformdirs import user_cache_path

from fluentml.graph import Graph
from fluentml.loading import load
from fluentml.verbs import Verbs
from tests.conftest import EXAMPLES

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py") if "pipeline = (" in path.read_text())

pytestmark = pytest.mark.tfx  # the examples' data come with TFX


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in another folder: an example keeps data frames and functions under its root."""
    monkeypatch.chdir(tmp_path)


def test_there_are_examples():
    assert {"taxi", "iris", "everything"} <= set(NAMES)


def test_everything_uses_every_verb_once():
    code = (EXAMPLES / "everything.py").read_text()
    verbs = [name for name in vars_of(Verbs) if name != "add"]
    assert {verb: len(re.findall(rf"^    \.{verb}\(", code, re.M)) for verb in verbs} == (
        dict.fromkeys(verbs, 1)
    )


def vars_of(kind: type) -> list[str]:
    """Return the public methods that a class and its bases define."""
    return sorted(
        {
            name
            for base in kind.__mro__[:-1]
            for name, value in vars(base).items()
            if inspect.isfunction(value) and not name.startswith("_")
        }
    )


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
    # Named by content, and pyarrow writes its version into it.
    return re.sub(r'"[0-9a-f]{16}\.parquet"', '"content.parquet"', text)
