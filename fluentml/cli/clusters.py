"""Take a pipeline to a cluster."""

from __future__ import annotations

import atexit
import gc
import logging
import signal
from pathlib import Path
from typing import Annotated

import typer

from fluentml.cli._app import Options, Params, Target, app, json_object, load, pairs
from fluentml.spec import hush_tensorflow

PANEL = "Clusters"


@app.command("compile", rich_help_panel=PANEL)
def compile_(
    target: Target,
    to: Annotated[
        str,
        typer.Option("--target", "-t", metavar="NAME", help="vertex, kubeflow, airflow or beam."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write.")],
    option: Options = None,
    param: Params = None,
) -> None:
    """Write the file by which a pipeline runs elsewhere."""
    hush_tensorflow()
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


@app.command("run-node", rich_help_panel=PANEL)
def run_node(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="What `compile --target airflow` wrote; '-' for the environment's "
            "FLUENTML_PIPELINE.",
            show_default=False,
        ),
    ],
    node: Annotated[str, typer.Argument(help="The node's id.", show_default=False)],
    run_id: Annotated[
        str, typer.Option(help="The run that it is part of.", envvar="FLUENTML_RUN_ID")
    ],
    param: Params = None,
    params: Annotated[
        str,
        typer.Option(metavar="JSON", help="The same as one object.", envvar="FLUENTML_PARAMS"),
    ] = "{}",
) -> None:
    """Run one node of a run; orchestrators call it, people call run.

    The exit status is 99 where the node is skipped. A caller that ends it early sends SIGTERM.
    """
    from fluentml.packed import run_node

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # TensorFlow's objects go with the process; to collect them first takes seconds.
    atexit.register(gc.freeze)
    logging.basicConfig(level=logging.INFO, force=True)
    given = {**json_object("--params", params), **pairs("--param", param)}
    result, run = run_node(file, node, run_id, given)
    outcome = ", ".join(filter(None, (result.state, result.note)))
    changed = f" ({', '.join(result.changed)})" if result.changed else ""
    typer.echo(f"{node}  {result.seconds:.1f} s  {outcome}{changed}")
    if run.summary():
        typer.echo(run.summary())
    if result.state == "skipped":
        raise typer.Exit(99)
