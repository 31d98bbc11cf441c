"""What can go wrong, split by phase.

```
FluentmlError
├── PipelineError             wrong in the chain, known before anything runs
│   ├── DefinitionError       a step's parameters            (ValueError)
│   ├── WiringError           an input without a channel     (ValueError)
│   └── CheckError            what `check` found, all of it  (ValueError)
├── LoadError                 a file or module holds no pipeline, or not this one (ValueError)
├── BackendError              a backend cannot do what was asked (RuntimeError)
├── MissingDependencyError    a library is not installed     (ImportError)
├── RollbackError             a served model cannot be taken back (RuntimeError)
├── DataError                 a step cannot go on with the data that it read (ValueError)
└── RunError                  a node failed while running    (RuntimeError)
```

Every message says what failed and what exists. Its last line, `Hint: …`, says what to do, unless
the first one has said it.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fluentml.results import RunResult


class FluentmlError(Exception):
    """Base of every error that fluentml raises on purpose.

    Args:
        what: One sentence: what failed.
        details: Further lines: what exists, what was looked for.
        hint: What to do, without the word "Hint".

    Attributes:
        place: `file:line` in the user's code, where it is known.
    """

    place: str | None = None

    def __init__(self, what: str, *details: str, hint: str | None = None) -> None:
        self.what = what
        self.details = details
        self.hint = hint
        super().__init__("\n".join([what, *details, *([f"Hint: {hint}"] if hint else [])]))

    def _render_traceback_(self) -> list[str]:
        """Show a notebook the message alone: the lines of fluentml above it would say nothing."""
        return [f"{type(self).__name__}: {self}"]


class PipelineError(FluentmlError):
    """Something in the chain is wrong; nothing has run.

    Attributes:
        node: Id of the node that it is about, where it is one and a target finds it.
    """

    node: str | None = None


class DefinitionError(PipelineError, ValueError):
    """A step got a parameter that it cannot use."""


class WiringError(PipelineError, ValueError):
    """An input of a step has no channel, or more than one that would do."""


class CheckError(PipelineError, ValueError):
    """`check` found problems; `problems` holds them all, one error each."""

    def __init__(self, pipeline: str, problems: Iterable[PipelineError]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__(
            f"{count} problem{'s' if count > 1 else ''} in pipeline {pipeline!r}:",
            *(f"\n{problem}" for problem in self.problems),
        )


class LoadError(FluentmlError, ValueError):
    """A file or module does not hold the pipeline or graph that was asked for."""


class BackendError(FluentmlError, RuntimeError):
    """A backend does not exist or cannot do what was asked of it."""


class MissingDependencyError(FluentmlError, ImportError):
    """A library that this call needs is not installed."""


class RollbackError(FluentmlError, RuntimeError):
    """A served model cannot be taken back; the versions stay as they are, unless it says so."""


class DataError(FluentmlError, ValueError):
    """A step cannot go on with the data that it read; a run raises it as a `RunError`."""


class RunError(FluentmlError, RuntimeError):
    """A node failed; `result` holds what ran before it, `node` is the id of the failed node."""

    def __init__(
        self, what: str, *details: str, hint: str | None = None, result: RunResult, node: str
    ) -> None:
        super().__init__(what, *details, hint=hint)
        self.result = result
        self.node = node


def defined_at(function: object) -> tuple[str, ...]:
    """Return the line at which the user defines a function, as a traceback names it."""
    code = getattr(inspect.unwrap(function), "__code__", None)  # type: ignore[arg-type]
    if not code:
        return ()
    return (f'  File "{code.co_filename}", line {code.co_firstlineno}, in {code.co_name}',)


def did_you_mean(word: str, choices: Iterable[str]) -> str | None:
    """Return the hint "did you mean …?" for the near misses of `word`, or None."""
    by_lower = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word.lower(), by_lower, n=3, cutoff=0.6)
    if not near:
        return None
    return f"did you mean {' or '.join(repr(by_lower[match]) for match in near)}?"


def listing(names: Iterable[str], nothing: str = "nothing") -> str:
    """Return `'a', 'b', 'c'` for an error message, or `nothing`."""
    return ", ".join(repr(name) for name in names) or nothing


def shown(path: Path) -> str:
    """Return a path for an error message: from the working directory where it lies in it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
