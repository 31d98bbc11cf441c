"""What a program takes, with all the processes that it starts: wall, CPU and peak memory.

As a program of its own it runs another one, so that nothing of this process counts.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
EVERY = 1.0
"""Seconds between two looks at the memory of the processes."""
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Cost:
    """What a program took.

    Attributes:
        wall: Seconds from its start to its end.
        cpu: Seconds of all its processes and threads.
        memory: MB of all its processes at the worst moment; what they share counts once.
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
    with tempfile.TemporaryDirectory() as kept:
        file = Path(kept, "cost.json")
        done = subprocess.run(
            [sys.executable, __file__, str(file), *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            printed = done.stdout.decode(errors="replace")
            raise RuntimeError(f"{arguments} ended with {done.returncode}:\n{printed[-4000:]}")
        return Cost(**json.loads(file.read_text()))


def _run(arguments: Sequence[str]) -> tuple[int, Cost]:
    """Return how Python with these arguments ended, and what it took."""
    # What a program leaves behind becomes ours to wait for: nobody else would count it.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    start = time.perf_counter()
    with _Peak() as peak:
        process = subprocess.Popen([sys.executable, *arguments])
        _, status, usage = os.wait4(process.pid, 0)
        wall, usages = time.perf_counter() - start, [usage]
        with contextlib.suppress(ChildProcessError):
            while True:
                usages.append(os.wait4(-1, 0)[2])
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu = sum(one.ru_utime + one.ru_stime for one in usages)
    # Of the greatest process the system has kept the peak, also between two looks.
    greatest = max(one.ru_maxrss for one in usages) / 2**10
    return process.returncode, Cost(wall, cpu, max(peak.bytes / 2**20, greatest))


class _Peak(threading.Thread):
    """Looks at the memory of all that descends from this process, until it is left."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._over, self.bytes = threading.Event(), 0

    def __enter__(self) -> _Peak:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.wait(EVERY):
            self.bytes = max(self.bytes, sum(map(_memory, _descendants())))


def _descendants() -> list[int]:
    found = [os.getpid()]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, children.read_text().split())
    return found[1:]


def _memory(pid: int) -> int:
    """Return the bytes of a process, of shared ones its part; 0 where it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    code, taken = _run(sys.argv[2:])
    Path(sys.argv[1]).write_text(json.dumps(asdict(taken)))
    sys.exit(code if code >= 0 else 128 - code)
