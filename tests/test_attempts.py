"""How often nodes are tried, for how long, and in which order they start."""

from __future__ import annotations

from pathlib import Path

import pytest

import fluentml as fml
from fluentml.local.attempts import Attempts
from fluentml.local.failure import Failure
from fluentml.local.order import Order, before
from fluentml.placement import Placement


@pytest.fixture
def now() -> list[float]:
    return [100.0]


@pytest.fixture
def attempts(now: list[float]) -> Attempts:
    on = {"Trainer": Placement(retries=3, timeout="1m"), "Pusher": Placement(retries=1)}
    return Attempts(on, clock=lambda: now[0])


def failure(error: Exception) -> Failure:
    return Failure(str(error), (), None, error)


def test_each_pause_is_twice_as_long(attempts: Attempts, now: list[float]):
    pauses = []
    for _ in range(4):
        attempts.begin("Trainer")
        pauses.append(attempts.end("Trainer", failure(OSError("no"))))
    assert pauses == [1, 2, 4, None]
    attempts.begin("Other")
    assert attempts.end("Other", failure(OSError("no"))) is None


def test_what_is_due_comes_once(attempts: Attempts, now: list[float]):
    attempts.begin("Pusher")
    assert attempts.rest() is None
    assert attempts.end("Pusher", failure(OSError("no"))) == 1
    assert (attempts.due(), attempts.rest()) == ([], 1)
    now[0] += 1.5
    assert attempts.rest() == 0
    assert (attempts.due(), attempts.due(), attempts.rest()) == (["Pusher"], [], None)


def test_what_bad_data_made_fail_fails_again(attempts: Attempts):
    attempts.begin("Trainer")
    assert attempts.end("Trainer", failure(fml.DataError("no rows"))) is None
    attempts.begin("Pusher")
    assert attempts.end("Pusher", Failure("no", (), None, OSError(), is_not_pushed=True)) is None


def test_the_time_is_that_of_one_attempt(attempts: Attempts, now: list[float]):
    attempts.begin("Trainer")
    now[0] += 59
    assert attempts.overdue() == []
    assert attempts.end("Trainer", failure(OSError("no"))) == 1
    attempts.begin("Trainer")
    now[0] += 60
    assert (attempts.overdue(), attempts.overdue()) == (["Trainer"], [])
    assert attempts.too_slow("Pusher") is None
    assert str(attempts.too_slow("Trainer")).splitlines() == [
        "it took longer than on('Trainer', timeout='1m') allows.",
        "Hint: see in the log what took so long, or give it more time.",
    ]
    assert attempts.end("Trainer", failure(OSError("killed"))) == 2
    attempts.begin("Trainer")
    assert attempts.too_slow("Trainer") is None


def test_what_succeeds_is_not_tried_again(attempts: Attempts, now: list[float]):
    attempts.begin("Trainer")
    assert attempts.end("Trainer", None) is None
    now[0] += 100
    assert (attempts.due(), attempts.overdue()) == ([], [])


def ids(order: Order) -> list[str]:
    return [node.id for node in order.ready()]


def test_a_failure_holds_up_what_reads_from_it(tmp_path: Path):
    graph = (
        fml.PipelineDef("p", root=tmp_path)
        .from_csv("data")
        .generate_statistics()
        .infer_schema()
        .import_artifact(tmp_path, "Model", id="Other")
        .preprocess("model.py")
    ).graph
    order = Order(graph, graph.nodes)
    assert ids(order) == ["CsvExampleGen", "Other"]
    order.start("CsvExampleGen")
    order.start("Other")
    assert ids(order) == []
    order.end("CsvExampleGen", well=True)
    assert ids(order) == ["StatisticsGen"]
    order.start("StatisticsGen")
    order.end("StatisticsGen", well=False)
    order.end("Other", well=True)
    assert ids(order) == []


def test_what_looks_back_keeps_its_place(tmp_path: Path):
    chain = fml.PipelineDef("p", root=tmp_path).import_artifact(tmp_path, "Model", id="Before")
    chain = chain.resolve("latest", {"model": "Model"}, id="Latest")
    chain = chain.import_artifact(tmp_path, "Model", id="Behind", reimport=True)
    chain = chain.import_artifact(tmp_path, "Schema", id="Other")
    assert before(chain.graph) == {
        "Before": set(),
        "Latest": {"Before"},
        "Behind": {"Latest"},
        "Other": set(),
    }
    # It starts even if what came before it failed.
    order = Order(chain.graph, chain.graph.nodes)
    order.start("Before")
    order.end("Before", well=False)
    assert ids(order) == ["Latest", "Other"]
