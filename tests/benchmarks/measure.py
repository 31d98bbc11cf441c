"""Timing whole processes in turn, so that a ratio holds while the machine's speed drifts."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds of wall and CPU time, and its peak memory in MB."""

    wall: float
    cpu: float
    memory: float


def cost(program: str, arguments: Sequence[str], folder: Path) -> Cost:
    """Run a Python program in a fresh interpreter and return what it took.

    Raises:
        RuntimeError: It failed; the message is what it printed.
    """
    command = [sys.executable, "-c", program, *arguments]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(printed[-4000:])
    wall = time.perf_counter() - start
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def compare(title: str, ours: list[Cost], others: dict[str, list[Cost]]) -> None:
    """Print medians, and the median of the ratios ours / other, pair by pair."""
    table = Table(title=f"{title} ({len(ours)} runs of each, in turn; medians)")
    for column in ("", "wall s", "CPU s", "peak MB"):
        table.add_column(column, justify="left" if not column else "right")

    def row(name: str, values: list[tuple[float, float, float]], digits: int) -> None:
        medians = [statistics.median(column) for column in zip(*values, strict=True)]
        table.add_row(name, *(f"{value:.{digits}f}" for value in medians))

    row("fluentml", [(c.wall, c.cpu, c.memory) for c in ours], 2)
    for name, costs in others.items():
        row(name, [(c.wall, c.cpu, c.memory) for c in costs], 2)
        ratios = [
            (a.wall / b.wall, a.cpu / b.cpu, a.memory / b.memory)
            for a, b in zip(ours, costs, strict=True)
        ]
        row(f"fluentml / {name}", ratios, 3)
    Console().print(table)
