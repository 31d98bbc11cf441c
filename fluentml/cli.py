"""The command line: every verb is one call of the library."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

import fluentml
from fluentml.errors import CheckError, DefinitionError, FluentmlError

app = typer.Typer(
    name="fluentml",
    help="Build, check and run TensorFlow Extended pipelines written as one chain of calls.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Target = Annotated[
    str,
    typer.Argument(
        metavar="FILE|MODULE:OBJECT",
        help="A Python file that builds `pipeline`, or where to import one from.",
        show_default=False,
    ),
]
Params = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        "-p",
        metavar="NAME=VALUE",
        help="A runtime parameter's value; may be given several times.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Show TensorFlow's and Beam's log as it comes.")
]


class Format(str, Enum):
    """How `graph` draws."""

    TEXT = "text"
    MERMAID = "mermaid"
    JSON = "json"


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


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"fluentml {fluentml.__version__}")
        raise typer.Exit


@app.command()
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
    quiet: Quiet = False,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Check a pipeline, then run it on this machine; what has not changed is taken over."""
    from fluentml.errors import RunError

    shown = {"quiet": quiet or as_json, "verbose": verbose}
    try:
        pipeline = _load(target, param)
        result = pipeline.run(to=to, cache=not no_cache, refresh=refresh or (), **shown)
    except FluentmlError as error:
        if as_json:
            ran = error.result.to_dict() if isinstance(error, RunError) else {"succeeded": False}
            _print_json({**ran, "error": str(error)})
        raise
    if as_json:
        _print_json(result.to_dict())
    elif quiet and result.summary():
        typer.echo(result.summary())


@app.command()
def check(target: Target, param: Params = None, as_json: AsJson = False) -> None:
    """Look for everything that can be known wrong before anything runs."""
    try:
        pipeline = _load(target, param).check()
    except FluentmlError as error:
        if as_json:
            problems = error.problems if isinstance(error, CheckError) else (error,)
            _print_json({"ok": False, "problems": [str(problem) for problem in problems]})
            raise typer.Exit(1) from error
        raise
    if as_json:
        _print_json({"ok": True, "problems": []})
    else:
        name, count = pipeline.settings.name, len(pipeline.graph.nodes)
        typer.echo(f"{name}: {count} nodes, no problem found.")


@app.command("compile")
def compile_(
    target: Target,
    to: Annotated[str, typer.Option("--target", "-t", metavar="NAME", help="vertex or kubeflow.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write.")],
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            "-O",
            metavar="NAME=VALUE",
            help="One of the target's own, such as image; may be given several times.",
        ),
    ] = None,
    param: Params = None,
) -> None:
    """Write the file by which a pipeline runs on a cluster."""
    # TensorFlow tells of missing GPUs as soon as it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    written = _load(target).compile(
        to, out, params=_pairs("--param", param), **_pairs("--option", option)
    )
    typer.echo(f"Wrote {written}.")


@app.command()
def image(
    target: Target,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write to.")] = Path(
        "image"
    ),
) -> None:
    """Write a Dockerfile for a pipeline, with all that it copies; it builds nothing."""
    from fluentml.image import write_image

    dockerfile = write_image(_load(target).graph, out)
    typer.echo(f"Wrote {dockerfile}. Build it:  docker build -t IMAGE {out}")


@app.command()
def plan(target: Target) -> None:
    """Show every node, what it reads and why, and whether a run would take it over."""
    typer.echo(_load(target).plan())


@app.command()
def show(
    target: Target,
    node: Annotated[str, typer.Argument(help="The step whose code to print.", show_default=False)],
) -> None:
    """Print the module that a step calls, also where fluentml wrote it."""
    typer.echo(_load(target).code(node), nl=False)


@app.command()
def graph(
    target: Target,
    format: Annotated[Format, typer.Option("--format", "-f", help="How to draw.")] = Format.TEXT,
) -> None:
    """Draw the pipeline."""
    drawn = _load(target).graph
    draw = {
        Format.TEXT: drawn.to_text,
        Format.MERMAID: drawn.to_mermaid,
        Format.JSON: drawn.to_json,
    }
    typer.echo(draw[format]())


@app.command()
def verbs() -> None:
    """Show every verb that adds a step, what it becomes, and where it runs."""
    from rich.table import Table

    from fluentml.support import HEADS, supported

    table = Table(box=None, pad_edge=False, row_styles=["", "dim"])
    for head in HEADS:
        table.add_column(head, no_wrap=head == HEADS.verb, overflow="fold")
    for row in supported():
        table.add_row(*(Text(cell.replace("`", "")) for cell in row))
    Console(highlight=False).print(table)


@app.command()
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
        _print_json(asdict(done))
    else:
        typer.echo(str(done))


@app.command()
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
        _print_json(freed.to_dict())
    else:
        typer.echo(str(freed))


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Look at Python, the TFX stack and the tools beside it."""
    from fluentml.doctor import examine

    findings = examine()
    if as_json:
        _print_json([finding._asdict() for finding in findings])
    for finding in () if as_json else findings:
        mark = "✓" if finding.ok else "✗" if finding.needed else "–"
        typer.echo(f"{mark} {finding.name:<12} {finding.seen}")
        if not finding.ok:
            typer.echo(f"  {'Hint: ' if finding.needed else ''}{finding.remedy}")
    if any(finding.needed and not finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command()
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


@app.command()
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


def _load(target: str, params: list[str] | None = None) -> Any:
    from fluentml.loading import load

    pipeline = load(target)
    return pipeline.with_params(_pairs("--param", params)) if params else pipeline


def _pairs(option: str, texts: list[str] | None) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts or []]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise DefinitionError(
                f"{option} got {name!r}, which gives no value.",
                hint=f"write {option} NAME=VALUE.",
            )
    return {name: value for name, _, value in pairs}


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2))


def main() -> None:
    """Run the command line; errors go to stderr in plain words, with exit code 1."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        app()
    except FluentmlError as error:
        if error.place:
            console.print(Text(f"{error.place}:", style="bold"))
        for line in str(error).splitlines():
            console.print(Text(line, style="cyan" if line.startswith("Hint:") else ""))
        sys.exit(1)
