"""Run a pipeline."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from fluentml.cli._app import AsJson, Params, Quiet, Target, Verbose, app, load, print_json
from fluentml.errors import FluentmlError, RunError

PANEL = "Run"


@app.command(rich_help_panel=PANEL)
def run(
    target: Target,
    to: Annotated[
        str | None, typer.Option(metavar="NODE", help="Run only this node and what it needs.")
    ] = None,
    param: Params = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Run every node, changed or not.")
    ] = False,
    refresh: Annotated[
        list[str] | None,
        typer.Option(metavar="NODE", help="Run this node, changed or not; several times for more."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Run as many nodes at a time; 0: in this process, for a debugger."
        ),
    ] = None,
    on_failure: Annotated[
        Literal["stop", "finish"],
        typer.Option(help="Stop at once, or finish what is independent."),
    ] = "stop",
    quiet: Quiet = False,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Check a pipeline, then run it on this machine; what has not changed is taken over."""
    how = {
        "workers": workers,
        "on_failure": on_failure,
        "quiet": quiet or as_json,
        "verbose": verbose,
    }
    try:
        pipeline = load(target, param)
        result = pipeline.run(to=to, cache=not no_cache, refresh=refresh or (), **how)
    except FluentmlError as error:
        if as_json:
            ran = error.result.to_dict() if isinstance(error, RunError) else {"succeeded": False}
            print_json({**ran, "error": str(error)})
        raise
    if as_json:
        print_json(result.to_dict())
    elif quiet and result.summary():
        typer.echo(result.summary())
