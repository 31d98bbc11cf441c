"""The processes that the faults befall, and what an undisturbed one leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.subject import Subjects, lay_out
from tests.faults.traces import blemishes


@pytest.fixture(scope="session")
def subjects() -> Subjects:
    return Subjects()


@pytest.fixture(scope="session")
def undisturbed(subjects: Subjects, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which nothing befell the run."""
    folder = lay_out(tmp_path_factory.mktemp("undisturbed") / "place")
    assert subjects.run(folder, tells_points=True) == (0, "")
    assert blemishes(folder) == []
    return folder
