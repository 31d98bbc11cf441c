"""What the tests share: the golden files' switch, and one real run of the real stack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

import fluentml as fml
from fluentml.results import RunResult

EXAMPLES = Path(__file__).parents[1] / "examples"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite the golden files; the diff is the review",
    )


@dataclass(frozen=True)
class Run:
    """A finished run with what it was made of and what the person saw of it."""

    pipeline: fml.PipelineDef
    result: RunResult
    screen: str
    folder: Path
