"""What is measured: each work by fluentml and by another, in turn, on the same data."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fluentml import datasets
from tests.benchmarks.measure import Cost, cost

HERE = Path(__file__).parent
OURS, BY_HAND = str(HERE / "ours.py"), str(HERE / "by_hand.py")
STEP = str(HERE / "executors.py")

ROWS = 500_000


@dataclass(frozen=True)
class Work:
    """One row of the table.

    Attributes:
        title: What is done.
        ours: The arguments of Python that do it with fluentml.
        other: Those that do what it is compared with.
        wanted: The ratio, ours to the other, at which to stop worrying.
        of: What the ratio is of.
        beside: What it is compared with.
        leaves: A pattern of what both have to leave in their folders; empty: of nothing.
    """

    title: str
    ours: Sequence[str]
    other: Sequence[str]
    wanted: float
    of: Literal["wall", "memory"] = "wall"
    beside: str = "TFX by hand"
    leaves: str = ""


@dataclass(frozen=True)
class Course:
    """Works one after the other in the same folders.

    Attributes:
        works: By name.
        rounds: How often, unless asked otherwise.
        data: The folders of CSV that the works name, and their rows.
        prepare: The arguments of Python that make of them what else the works read.
    """

    works: Mapping[str, Work]
    rounds: int
    data: Mapping[str, int] = field(default_factory=dict)
    prepare: Sequence[str] = ()

    def measured(
        self, rounds: int, say: Callable[[str], None]
    ) -> Iterator[tuple[str, list[tuple[Cost, Cost]]]]:
        """Yield the name of each work, and what both took in each round.

        Raises:
            RuntimeError: A program failed, or did not leave what it should.
        """
        costs: dict[str, list[tuple[Cost, Cost]]] = {name: [] for name in self.works}
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            for name, rows in self.data.items():
                say(f"writing {rows:,} rows")
                write_trips(Path(folder, name), rows)
            if self.prepare:
                say("preparing")
                cost([argument.format(data=folder) for argument in self.prepare], Path(folder))
            for number in range(rounds):
                for name, pair in self._round(Path(folder), f"{number + 1}/{rounds}", say):
                    costs[name].append(pair)
        yield from costs.items()

    def _round(
        self, data: Path, number: str, say: Callable[[str], None]
    ) -> Iterator[tuple[str, tuple[Cost, Cost]]]:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            for name, work in self.works.items():
                pair = []
                for whose, arguments in (("fluentml", work.ours), (work.beside, work.other)):
                    own = Path(folder, whose)
                    own.mkdir(exist_ok=True)
                    say(f"{name} {number}: {whose}")
                    filled = [argument.format(data=data) for argument in arguments]
                    pair.append(cost(filled, own))
                    if work.leaves and not [*own.glob(work.leaves)]:
                        raise RuntimeError(f"{filled} has left no {work.leaves!r}.")
                yield name, (pair[0], pair[1])


def courses(rows: int = ROWS) -> list[Course]:
    """Return all that is measured.

    Args:
        rows: Of the greater data.
    """
    pushed = "serving/taxi/*/saved_model.pb"
    examples = "artifacts/**/Split-eval/*.gz"
    few, many = "{data}/few", "{data}/many"
    start = Work(
        "import, build, wire, check, draw the taxi chain",
        [OURS, "start"],
        [BY_HAND, "start"],
        wanted=0.04,
    )
    cold = Work(
        "taxi 15k rows, cold process, whole chain",
        [OURS, "chain"],
        [BY_HAND, "chain"],
        wanted=0.5,
        leaves=pushed,
    )
    again = Work(
        "the same, nothing changed (and no TensorFlow import)",
        [OURS, "chain_again"],
        [BY_HAND, "chain_again"],
        wanted=0.15,
        leaves=pushed,
    )
    csv = Work(
        f"CSV to split tf.Examples, {_short(rows)} rows",
        [OURS, "csv", few],
        [BY_HAND, "csv", few],
        wanted=0.1,
        leaves=examples,
    )
    large = Work(
        f"{_short(rows)} rows, whole chain to a blessed model, same training steps",
        [OURS, "chain", few],
        [BY_HAND, "chain", few],
        wanted=0.25,
        leaves=pushed,
    )
    memory = Work(
        f"peak memory for CSV ingestion of {_short(10 * rows)} rows against {_short(rows)} rows",
        [OURS, "csv", many],
        [OURS, "csv", few],
        wanted=1.2,
        of="memory",
        beside=f"{_short(rows)} rows",
        leaves=examples,
    )
    steps = {
        name: Work(
            f"{title} of {_short(rows)} examples, one step by itself",
            [STEP, name, "ours", "{data}"],
            [STEP, name, "theirs", "{data}"],
            wanted=0.5,
            beside="TFX's executor",
            leaves=f"{name}/**/*",
        )
        for name, title in (
            ("statistics", "statistics"),
            ("transform", "transformation"),
            ("infer", "inference"),
        )
    }
    return [
        Course({"start": start}, rounds=5),
        Course({"taxi": cold, "unchanged": again}, rounds=3),
        Course({"csv": csv}, rounds=1, data={"few": rows}),
        Course({"large": large}, rounds=1, data={"few": rows}),
        Course(steps, rounds=1, data={"few": rows}, prepare=[STEP, "prepare", "{data}"]),
        Course({"memory": memory}, rounds=1, data={"few": rows, "many": 10 * rows}),
    ]


def _short(rows: int) -> str:
    for size, name in ((1_000_000, "M"), (1000, "k")):
        if rows >= size and rows % size == 0:
            return f"{rows // size}{name}"
    return f"{rows:,}"


def write_trips(folder: Path, rows: int) -> None:
    """Write so many taxi trips into a folder; only the first column's numbers are made up."""
    folder.mkdir()
    header, *lines = (Path(datasets.taxi()) / "data.csv").read_text().splitlines(keepends=True)
    with (folder / "trips.csv").open("w") as file:
        file.write("trip," + header)
        file.writelines(f"{n},{line}" for n, line in zip(range(rows), itertools.cycle(lines)))
