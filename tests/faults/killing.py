"""Killing a run, going on, and comparing with a run that nobody killed."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.subject import POINTS, Subjects, lay_out
from tests.faults.traces import blemishes, made, ran, served


def as_if_undisturbed(folder: Path, undisturbed: Path) -> None:
    assert blemishes(folder) == []
    assert made(folder) == made(undisturbed)
    assert served(folder) == served(undisturbed)
    assert ran(folder) == ran(undisturbed)


def points(undisturbed: Path) -> list[str]:
    """The moments at which a run can be killed."""
    return (undisturbed / POINTS).read_text().splitlines()


def kill_at_each(
    numbers: Iterable[int], subjects: Subjects, folder: Path, undisturbed: Path
) -> None:
    """Kill a run of its own at each of these moments, and go on."""

    def wrong(number: int) -> str | None:
        place = folder / str(number)
        try:
            assert subjects.run(lay_out(place), dies_at=number) == (-9, "")
            assert subjects.run(place) == (0, "")
            as_if_undisturbed(place, undisturbed)
        except AssertionError as error:
            return f"killed at {number}, {points(undisturbed)[number]}: {error}"
        shutil.rmtree(place)
        return None

    with ThreadPoolExecutor(2) as pool:
        assert [*filter(None, pool.map(wrong, numbers))] == []
