"""Look at a pipeline, at the verbs and at this machine."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from fluentml.cli._app import AsJson, Params, Target, app, load, print_json
from fluentml.errors import CheckError, FluentmlError

PANEL = "Look"


class Format(str, Enum):
    """How `graph` draws."""

    TEXT = "text"
    MERMAID = "mermaid"
    JSON = "json"


@app.command(rich_help_panel=PANEL)
def check(target: Target, param: Params = None, as_json: AsJson = False) -> None:
    """Look for everything that can be known wrong before anything runs."""
    try:
        pipeline = load(target, param).check()
    except FluentmlError as error:
        if as_json:
            problems = error.problems if isinstance(error, CheckError) else (error,)
            print_json({"ok": False, "problems": [str(problem) for problem in problems]})
            raise typer.Exit(1) from error
        raise
    if as_json:
        print_json({"ok": True, "problems": []})
    else:
        name, count = pipeline.settings.name, len(pipeline.graph.nodes)
        typer.echo(f"{name}: {count} nodes, no problem found.")


@app.command(rich_help_panel=PANEL)
def plan(target: Target) -> None:
    """Show every node, what it reads and why, and whether a run would take it over."""
    typer.echo(load(target).plan())


@app.command(rich_help_panel=PANEL)
def show(
    target: Target,
    node: Annotated[str, typer.Argument(help="The step whose code to print.", show_default=False)],
) -> None:
    """Print the module that a step calls, also where fluentml wrote it."""
    typer.echo(load(target).code(node), nl=False)


@app.command(rich_help_panel=PANEL)
def graph(
    target: Target,
    format: Annotated[Format, typer.Option("--format", "-f", help="How to draw.")] = Format.TEXT,
) -> None:
    """Draw the pipeline."""
    drawn = load(target).graph
    draw = {
        Format.TEXT: drawn.to_text,
        Format.MERMAID: drawn.to_mermaid,
        Format.JSON: drawn.to_json,
    }
    typer.echo(draw[format]())


@app.command(rich_help_panel=PANEL)
def verbs() -> None:
    """Show every verb that adds a step, what it becomes, and where it runs."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from fluentml.support import HEADS, supported

    table = Table(box=None, pad_edge=False, row_styles=["", "dim"])
    for head in HEADS:
        table.add_column(head, no_wrap=head == HEADS.verb, overflow="fold")
    for row in supported():
        table.add_row(*(Text(cell.replace("`", "")) for cell in row))
    Console(highlight=False).print(table)


@app.command(rich_help_panel=PANEL)
def doctor(as_json: AsJson = False) -> None:
    """Look at Python, the TFX stack and the tools beside it."""
    from fluentml.doctor import examine

    findings = examine()
    if as_json:
        print_json([finding._asdict() for finding in findings])
    for finding in () if as_json else findings:
        mark = "✓" if finding.ok else "✗" if finding.needed else "–"
        typer.echo(f"{mark} {finding.name:<12} {finding.seen}")
        if not finding.ok:
            typer.echo(f"  {'Hint: ' if finding.needed else ''}{finding.remedy}")
    if any(finding.needed and not finding.ok for finding in findings):
        raise typer.Exit(1)
