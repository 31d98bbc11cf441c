"""Look at a pipeline, at the verbs and at this machine."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from fluentml.cli._app import AsJson, Options, Params, Target, app, load, pairs, print_json
from fluentml.errors import CheckError, FluentmlError
from fluentml.spec import hush_tensorflow

PANEL = "Look"

Out = Annotated[Path, typer.Option("--out", "-o", help="The file to write.")]
Open = Annotated[bool, typer.Option("--open", help="Open it in the browser.")]


class Format(str, Enum):
    """How `graph` draws."""

    TEXT = "text"
    MERMAID = "mermaid"
    JSON = "json"


@app.command(rich_help_panel=PANEL)
def check(
    target: Target,
    to: Annotated[
        str | None,
        typer.Option(
            "--target", "-t", metavar="NAME", help="What this target makes of each step; or: all."
        ),
    ] = None,
    option: Options = None,
    param: Params = None,
    as_json: AsJson = False,
) -> None:
    """Look for everything that can be known wrong before anything runs."""
    matrix = None
    try:
        pipeline = load(target, param)
        if to or option:
            matrix = pipeline.matrix(to or "all", **pairs("--option", option))
        pipeline.check()
    except FluentmlError as error:
        if as_json:
            problems = error.problems if isinstance(error, CheckError) else (error,)
            print_json({"ok": False, "problems": [str(problem) for problem in problems]})
            raise typer.Exit(1) from error
        raise
    is_ok = not (matrix and matrix.refused)
    if as_json:
        told = {"targets": matrix.to_dict()} if matrix else {}
        print_json({"ok": is_ok, "problems": [], **told})
    elif matrix:
        from rich.console import Console

        Console(highlight=False, soft_wrap=True).print(matrix)
    else:
        name, count = pipeline.settings.name, len(pipeline.graph.nodes)
        typer.echo(f"{name}: {count} nodes, no problem found.")
    if not is_ok:
        raise typer.Exit(1)


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
def report(
    target: Annotated[
        str,
        typer.Argument(
            metavar="RUN|FILE|FOLDER",
            help="A run's id, the file that builds the pipeline, or its folder; the last run.",
        ),
    ] = "artifacts",
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help="Another run than the last one.")
    ] = None,
    out: Out = Path("report.html"),
    card: Annotated[
        Path | None,
        typer.Option(metavar="YAML", help="What its people say of the model: a model card."),
    ] = None,
    open_it: Open = False,
) -> None:
    """Write all that there is to see of a run to one HTML file."""
    hush_tensorflow()
    from fluentml.report import write_report
    from fluentml.report.finding import find

    _show(write_report(find(target, run), out, card), open_it)


@app.command(rich_help_panel=PANEL)
def compare(
    then: Annotated[str, typer.Argument(metavar="RUN", help="A run.", show_default=False)],
    now: Annotated[str, typer.Argument(metavar="RUN", help="A later run.", show_default=False)],
    of: Annotated[
        str,
        typer.Option(metavar="FILE|FOLDER", help="The pipeline, or its folder."),
    ] = "artifacts",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="An HTML file to write as well.")
    ] = None,
    open_it: Open = False,
) -> None:
    """Put two runs side by side: parameters, data, metrics by slice, code."""
    hush_tensorflow()
    from fluentml.report import compare
    from fluentml.report.finding import find

    comparison = compare(find(of, then), find(of, now))
    typer.echo(str(comparison))
    if out or open_it:
        _show(comparison.write(out or "comparison.html"), open_it)


@app.command(rich_help_panel=PANEL)
def ui(
    root: Annotated[
        Path, typer.Argument(metavar="ROOT", help="The folder with the pipelines.")
    ] = Path("artifacts"),
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free one.")
    ] = 7171,
    open_it: Open = False,
) -> None:
    """Serve pages of all runs to the browser: state, reports, lineage; on this machine only."""
    hush_tensorflow()
    from fluentml.ui import serve

    def started(address: str) -> None:
        typer.echo(f"The runs in {root}: {address}  (Ctrl-C ends it)")
        if open_it:
            typer.launch(address)

    serve(root, port, started=started)


def _show(file: Path, open_it: bool) -> None:
    typer.echo(f"Wrote {file}.")
    if open_it:
        typer.launch(str(file.absolute()))


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
