"""One line per node: a spinner while it runs, then its time and what came of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
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
    began: float = 0.0
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
        self._bar: Bar | None = None
        self._tasks: dict[str, TaskID] = {}

    def say(self, text: str, style: str = "") -> None:
        """Print a line."""
        self._console.print(Text(text, style=style))

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Show that a step runs, and then its line."""
        step = self.start(name)
        try:
            yield step
        except KeyboardInterrupt:
            step.state = "interrupted"
            raise
        finally:
            self.finish(name, step)

    def start(self, name: str) -> Step:
        """Show that a step runs, beside those that do."""
        if self._console.is_terminal and self._bar is None:
            columns = (SpinnerColumn(), TextColumn(f"{{task.description:<{self._width}}}"))
            self._bar = Bar(
                *columns,
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
                # What user code prints belongs into the log.
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._bar.start()
        if self._bar is not None:
            self._tasks[name] = self._bar.add_task(name)
        return Step(began=time.perf_counter())

    def finish(self, name: str, step: Step) -> None:
        """Show what a step turned out as."""
        step.seconds = time.perf_counter() - step.began
        if self._bar is not None:
            self._bar.remove_task(self._tasks.pop(name))
            if not self._tasks:
                self._bar.stop()
                self._bar = None
        self._print(name, step)

    def _print(self, name: str, step: Step) -> None:
        outcome = f"{step.state}, {step.note}" if step.note else step.state
        if step.changed:
            outcome += f" ({', '.join(step.changed)})"
        rest = f"{step.seconds:7.1f} s  {outcome}"
        if not self._console.is_terminal:
            self._console.print(f"  {name:<{self._width}}{rest}")
            self._console.file.flush()
            return
        line = Text(f"{MARKS[step.state]} ", style=STYLES[step.state])
        line.append(f"{name:<{self._width}}", style="bold").append(rest, style=STYLES[step.state])
        self._console.print(line)
