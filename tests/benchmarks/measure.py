"""What a process takes, with all that it starts: wall time, CPU time and peak memory."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
EVERY = 1.0
"""Seconds between two looks at the memory of the processes."""


@dataclass(frozen=True)
class Cost:
    """What a program took.

    Attributes:
        wall: Seconds from its start to its end.
        cpu: Seconds of all its processes and threads.
        memory: MB of all its processes at the worst moment; what they share counts once. Not less
            than what this process has, of which they are forks.
    """

    wall: float
    cpu: float
    memory: float


def cost(arguments: Sequence[str], folder: Path) -> Cost:
    """Run Python with these arguments in a folder, and return what it took.

    Raises:
        RuntimeError: It failed; the message is the end of what it printed.
    """
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    # An installed package comes with its bytecode.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    peak = _Peak(process.pid)
    assert process.stdout is not None
    with process.stdout, peak:
        printed = process.stdout.read().decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{arguments} ended with {process.returncode}:\n{printed[-4000:]}")
    wall = time.perf_counter() - start
    # Of the greatest process the system has kept the peak, also between two looks.
    memory = max(peak.bytes / 2**20, usage.ru_maxrss / 2**10)
    return Cost(wall, usage.ru_utime + usage.ru_stime, memory)


class _Peak(threading.Thread):
    """Looks at the memory of a process and its descendants, until it is left."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self._over, self.bytes = pid, threading.Event(), 0

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.wait(EVERY):
            self.bytes = max(self.bytes, sum(map(_memory, _family(self._pid))))


def _family(pid: int) -> list[int]:
    """Return the numbers of a process and of all that descend from it."""
    found = [pid]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, children.read_text().split())
    return found


def _memory(pid: int) -> int:
    """Return the bytes of a process, of shared ones its part; 0 where it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
