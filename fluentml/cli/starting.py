"""Start: write a pipeline that runs, or watch one."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from fluentml.cli._app import Quiet, Verbose, app

PANEL = "Start"


class Template(str, Enum):
    """What `init` writes, which is one of the examples."""

    MINIMAL = "minimal"
    TABULAR = "tabular"
    IMAGE = "image"
    TEXT = "text"

    @property
    def example(self) -> str:
        """The name of the example."""
        names = {"minimal": "iris", "tabular": "taxi", "image": "digits", "text": "docstrings"}
        return names[self.value]


@app.command(rich_help_panel=PANEL)
def demo(
    folder: Annotated[
        Path, typer.Argument(help="Where to put the example and all that it makes.")
    ] = Path("fluentml-demo"),
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Run the Chicago taxi pipeline, from CSV to a pushed model, and predict with it."""
    from fluentml.demo import run_demo

    run_demo(folder, quiet=quiet, verbose=verbose)


@app.command(rich_help_panel=PANEL)
def init(
    file: Annotated[Path, typer.Argument(help="The file to write.")] = Path("pipeline.py"),
    template: Annotated[
        Template,
        typer.Option(
            "--template",
            "-t",
            metavar="NAME",
            help="minimal: four numbers, three classes; tabular: words, codes and missing values, "
            "with a search; image: pixels; text: sentences.",
        ),
    ] = Template.MINIMAL,
) -> None:
    """Write a commented pipeline that runs as it is, on data that come along."""
    from fluentml.demo import write_starter

    write_starter(file, template.example)
    typer.echo(f"Wrote {file}. Try:  fluentml check {file}   then   fluentml run {file}")
