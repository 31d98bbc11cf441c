"""One line per node: a spinner while it runs, then its time and what came of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

MARKS = {"done": "✓", "cached": "↻", "skipped": "–", "failed": "✗", "interrupted": "✗"}
STYLES = {
    "done": "green",
    "cached": "cyan",
    "skipped": "yellow",
    "failed": "bold red",
    "interrupted": "bold red",
}


@dataclass
class Step:
    """What a step turned out as; whoever runs it fills this in."""

    state: str = "failed"
    note: str = ""
    seconds: float = 0.0
    changed: tuple[str, ...] = ()


class Progress:
    """Lines on a terminal with a spinner, plain lines elsewhere, none if quiet."""

    def __init__(self, stream: TextIO, names: Iterable[str], *, quiet: bool = False) -> None:
        # Notebooks claim to be terminals, and their stream knows that they are none.
        self._console = Console(
            file=stream,
            quiet=quiet,
            highlight=False,
            soft_wrap=True,
            force_jupyter=False,
            force_terminal=stream.isatty(),
        )
        self._width = max(map(len, names), default=0)

    def say(self, text: str, style: str = "") -> None:
        """Print a line."""
        self._console.print(Text(text, style=style))

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Show that a step runs, and then its line."""
        step = Step()
        start = time.perf_counter()
        try:
            with self._running(name):
                yield step
        except KeyboardInterrupt:
            step.state = "interrupted"
            raise
        finally:
            step.seconds = time.perf_counter() - start
            self._finish(name, step)

    @contextlib.contextmanager
    def _running(self, name: str) -> Iterator[None]:
        if not self._console.is_terminal:
            # The name appears when the step starts, the rest of the line when it ends.
            self._console.print(f"  {name:<{self._width}}", end="")
            self._console.file.flush()
            yield
            return
        columns = (SpinnerColumn(), TextColumn(f"{{task.description:<{self._width}}}"))
        with Bar(
            *columns,
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            # What user code prints belongs into the log.
            redirect_stdout=False,
            redirect_stderr=False,
        ) as bar:
            bar.add_task(name)
            yield

    def _finish(self, name: str, step: Step) -> None:
        outcome = f"{step.state}, {step.note}" if step.note else step.state
        if step.changed:
            outcome += f" ({', '.join(step.changed)})"
        rest = f"{step.seconds:7.1f} s  {outcome}"
        if not self._console.is_terminal:
            self._console.print(rest)
            return
        line = Text(f"{MARKS[step.state]} ", style=STYLES[step.state])
        line.append(f"{name:<{self._width}}", style="bold").append(rest, style=STYLES[step.state])
        self._console.print(line)
