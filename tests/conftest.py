"""What the tests share: the golden files' switch, two real runs, and a record of what ran."""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import itertools
import logging
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import fluentml as fml
from fluentml import datasets
from fluentml.backends.local import LocalBackend
from fluentml.results import RunResult
from tests.browser import chromium  # noqa: F401  (a fixture, one for all tests)
from tests.servers import mariadb, postgres  # noqa: F401  (fixtures)

# Without it a session of tests that traced functions of TensorFlow 2.21 ends in a crash.
atexit.register(gc.freeze)

# The processes of xdist ignore interrupts, and so would all that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["tests.whole_suite"]

EXAMPLES = Path(__file__).parents[1] / "examples"
TAXI_MODEL = EXAMPLES / "taxi_model.py"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite the golden files; the diff is the review",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Leave Python's path and its logging to the next test as they were.

    Processes for nodes are given the path, and a handler that Python adds where nobody set logging
    up writes to what a test had for stderr.
    """
    before = [*sys.path]
    yield
    sys.path[:] = before
    root = logging.getLogger()
    root.handlers[:] = [one for one in root.handlers if type(one) is not logging.StreamHandler]


@pytest.fixture(scope="session", autouse=True)
def _launched(request: pytest.FixtureRequest) -> Iterator[None]:
    """Note the kinds of the components that are run."""
    from tests.whole_suite import LAUNCHED

    kinds = request.config.stash[LAUNCHED]
    run = LocalBackend.run

    def note(graph: fml.Graph, result: RunResult) -> None:
        # An importer that finds its artifact registered is cached the first time.
        done = [node.id for node in result.nodes.values() if node.state in ("done", "cached")]
        kinds.update(type(graph[id].component).__name__ for id in done)

    def recorded(self: LocalBackend, graph: fml.Graph, *asked) -> RunResult:
        if type(self) is not LocalBackend:  # stubs do no work
            return run(self, graph, *asked)
        try:
            result = run(self, graph, *asked)
        except fml.RunError as error:
            note(graph, error.result)
            raise
        note(graph, result)
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalBackend, "run", recorded)
        yield


@dataclass(frozen=True)
class Run:
    """A finished run, and what the person saw of it."""

    pipeline: fml.PipelineDef
    result: RunResult
    screen: str


def run_and_watch(pipeline: fml.PipelineDef, **options) -> Run:
    """Run a pipeline; keep what it prints."""
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen):
        result = pipeline.run(**options)
    return Run(pipeline, result, screen.getvalue())


@pytest.fixture(scope="session")
def taxi_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the first 4,000 taxi trips as one CSV file."""
    folder = tmp_path_factory.mktemp("rows")
    with (Path(datasets.taxi()) / "data.csv").open() as source:
        (folder / "trips.csv").write_text("".join(itertools.islice(source, 4001)))
    return folder


@pytest.fixture(scope="session")
def unlabelled_rows(tmp_path_factory: pytest.TempPathFactory, taxi_rows: Path) -> Path:
    """A folder with 100 taxi trips of which nobody knows the tip: the last column is cut off."""
    folder = tmp_path_factory.mktemp("unlabelled")
    lines = (taxi_rows / "trips.csv").read_text().splitlines()[:101]
    (folder / "new.csv").write_text("".join(line.rpartition(",")[0] + "\n" for line in lines))
    return folder


def taxi_chain(rows: Path, unlabelled: Path, folder: Path, *, train_steps: int, gain: float):
    """Return the whole taxi chain, with a custom component and predictions at its end."""

    def count_trips(examples):
        from tests.custom_component import CountExamples

        return CountExamples(examples=examples)

    return (
        fml.PipelineDef("taxi", root=folder / "artifacts")
        .cache()
        .from_csv(rows)
        .generate_statistics()
        .infer_schema()
        .validate_input_data()
        .preprocess(TAXI_MODEL)
        .tune(TAXI_MODEL, train_steps=20, eval_steps=5)
        .train(TAXI_MODEL, train_steps=train_steps, eval_steps=10)
        .evaluate_model(
            "tips_xf",
            metrics=["AUC", "BinaryAccuracy", "ExampleCount"],
            thresholds={"AUC": 0.7, "payment_type=Credit Card:BinaryAccuracy": 0.5},
            min_improvement=gain,
            slices=["trip_start_hour"],
        )
        .infra_validate(signatures=["serving_default", "transform_features"], max_latency_ms=60_000)
        .push_to(folder / "serving")
        .push_to(folder / "perfect", when=fml.metric("AUC") > 0.99999, id="PushPerfect")
        .push_to(folder / "useful", when=fml.metric("AUC") > 0.5, id="PushUseful")
        .bulk_infer(fml.from_csv(unlabelled, split={"unlabelled": 1}))
        .add_component(count_trips)
    )


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the two runs share."""
    return tmp_path_factory.mktemp("taxi")


@pytest.fixture(scope="session")
def first_run(taxi_rows: Path, unlabelled_rows: Path, run_folder: Path) -> Run:
    """The whole chain, run once: there is no baseline yet, and the model is good enough."""
    return run_and_watch(
        taxi_chain(taxi_rows, unlabelled_rows, run_folder, train_steps=200, gain=-0.05)
    )


@pytest.fixture(scope="session")
def second_run(first_run: Run, taxi_rows: Path, unlabelled_rows: Path, run_folder: Path) -> Run:
    """The chain again, with another training and a gain over the first model that nobody meets."""
    return run_and_watch(
        taxi_chain(taxi_rows, unlabelled_rows, run_folder, train_steps=100, gain=0.5)
    )


@pytest.fixture
def no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing that Google's libraries would take for an account."""
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
