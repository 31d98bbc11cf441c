"""Keep what runs have made, or clear it away."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from fluentml.cli._app import AsJson, app, print_json

PANEL = "Keep, or clear away"


@app.command(rich_help_panel=PANEL)
def rollback(
    folder: Annotated[
        str, typer.Argument(help="The folder that the model server watches.", show_default=False)
    ],
    to: Annotated[
        int | None, typer.Option(metavar="VERSION", help="Go back to this one, however old.")
    ] = None,
    show: Annotated[
        bool, typer.Option("--list", help="Only show the versions; change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Go back to the model version before the newest."""
    from fluentml.serving import rollback, versions

    done = versions(folder) if show else rollback(folder, to)
    if as_json:
        print_json(asdict(done))
    else:
        typer.echo(str(done))


@app.command(rich_help_panel=PANEL)
def gc(
    target: Annotated[
        str,
        typer.Argument(
            metavar="FILE|FOLDER",
            help="The file that builds the pipeline, or its folder, such as artifacts/taxi.",
            show_default=False,
        ),
    ],
    keep: Annotated[
        int, typer.Option(metavar="N", help="Keep what the last N runs without a failure need.")
    ] = 5,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove the files of artifacts that nobody needs; blessed and pushed models stay."""
    from fluentml.cleaning import gc

    freed = gc(target, keep=keep, dry_run=dry_run)
    if as_json:
        print_json(freed.to_dict())
    else:
        typer.echo(str(freed))
