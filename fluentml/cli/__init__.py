"""The command line: every verb is one call of the library, and a file per kind of verb."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from fluentml.cli._app import app as app
from fluentml.errors import FluentmlError

# In the order of the help page.
for _kind in ("starting", "looking", "running", "keeping", "clusters", "sending"):
    import_module(f"fluentml.cli.{_kind}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; errors go to stderr in plain words, with exit code 1.

    Args:
        arguments: Those of the command line; None, what this process was started with.
    """
    try:
        app(arguments)
    except FluentmlError as error:
        _print(error)
        sys.exit(1)


def _print(error: FluentmlError) -> None:
    # Most commands print plain text and need no Rich, which takes a tenth of their time to import.
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if error.place:
        console.print(Text(f"{error.place}:", style="bold"))
    for line in str(error).splitlines():
        console.print(Text(line, style="cyan" if line.startswith("Hint:") else ""))
