"""What only the whole suite can tell: all that README says runs on this machine was run on it.

pytest may run in one process, or in several of xdist's, of which each tells the first what it saw.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from fluentml.component import Component

FILES = {*Path(__file__).parent.rglob("test_*.py")}
LAUNCHED = pytest.StashKey[set[str]]()
"""The kinds of the components that were run here, for real and to their end."""
_IS_PART = pytest.StashKey[bool]()
_NEVER = pytest.StashKey[list[str]]()


def never_run(launched: Collection[str]) -> list[str]:
    """Return the kinds of components that are said to run here, and are not among these."""
    said = {
        kind.__name__
        for kind in Component.KINDS.values()
        if kind.__module__.startswith("fluentml.")
        and kind.RUNS_HERE.startswith("yes")
        and (kind.VERB or not kind.__subclasses__())
    }
    return sorted(said.difference(launched))


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LAUNCHED] = set()
    config.stash[_IS_PART] = config.option.collectonly


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items[:1]:
        item.config.stash[_IS_PART] = True


def pytest_collection_finish(session: pytest.Session) -> None:
    if not FILES.issubset(item.path for item in session.items):
        session.config.stash[_IS_PART] = True


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a process of xdist's saw."""
    seen = getattr(node, "workeroutput", {}).get("whole_suite", {"part": True, "launched": []})
    node.config.stash[_IS_PART] |= seen["part"]
    node.config.stash[LAUNCHED].update(seen["launched"])


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    stash = session.config.stash
    told = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["whole_suite"] = {"part": stash[_IS_PART], "launched": sorted(stash[LAUNCHED])}
    elif not stash[_IS_PART] and not session.testsfailed:
        stash[_NEVER] = never_run(stash[LAUNCHED])
        if stash[_NEVER]:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for name in config.stash.get(_NEVER, []):
        terminalreporter.write_line(
            f"FAILED no test runs {name}: run it in one, or say what it needs", red=True
        )
