"""Take a pipeline to a cluster."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from fluentml.cli._app import Options, Params, Target, To, app, load, pairs

PANEL = "Clusters"


@app.command("compile", rich_help_panel=PANEL)
def compile_(
    target: Target,
    to: To,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write.")],
    option: Options = None,
    param: Params = None,
) -> None:
    """Write the file by which a pipeline runs on a cluster."""
    # TensorFlow tells of missing GPUs as soon as it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    written = load(target).compile(
        to, out, params=pairs("--param", param), **pairs("--option", option)
    )
    typer.echo(f"Wrote {written}.")


@app.command(rich_help_panel=PANEL)
def image(
    target: Target,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write to.")] = Path(
        "image"
    ),
) -> None:
    """Write a Dockerfile for a pipeline, with all that it copies; it builds nothing."""
    from fluentml.image import write_image

    dockerfile = write_image(load(target).graph, out)
    typer.echo(f"Wrote {dockerfile}. Build it:  docker build -t IMAGE {out}")
