"""Run a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fluentml.cli._app import AsJson, Params, Quiet, Target, Verbose, app, load, pairs, print_json
from fluentml.emulation import SUFFIXES as JOBS
from fluentml.emulation import emulate
from fluentml.errors import DefinitionError, FluentmlError, RunError, listing

if TYPE_CHECKING:
    from fluentml.results import RunResult

PANEL = "Run"


@app.command(rich_help_panel=PANEL)
def run(
    target: Target,
    from_: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="NODE",
            help="Run this node and all behind it; take what is before from earlier runs.",
        ),
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="NODE", help="Run only this node and what it needs.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NODE",
            help="Run this node alone, on what earlier runs made; several times for more.",
        ),
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            "--target", "-t", metavar="NAME", help="What starts the nodes: local or beam."
        ),
    ] = "local",
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
    place: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="URI=FOLDER",
            help="Of a compiled job: a folder that stands for gs://bucket; may be repeated.",
        ),
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Of a compiled job: what `fluentml image` wrote."),
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Check a pipeline, then run it on this machine; what has not changed is taken over.

    A compiled job (.json, .yaml) runs as a cluster would run it, with folders for its storage.
    """
    local = {
        "--from": from_,
        "--to": to,
        "--only": only,
        "--refresh": refresh,
        "--verbose": verbose,
        "--workers": workers is not None,
        "--on-failure": on_failure != "stop",
        "--target": by != "local",
    }
    compiled = {"--map": place, "--image": image}
    is_job = Path(target).suffix in JOBS
    _refuse(target, is_job, local if is_job else compiled)

    def job() -> RunResult:
        return emulate(
            target,
            places=pairs("--map", place),
            params=pairs("--param", param),
            image_folder=image,
            cache=not no_cache,
            quiet=quiet or as_json,
        )

    def pipeline() -> RunResult:
        given = {} if workers is None else {"workers": workers}
        result: RunResult = load(target).run(
            by,
            from_=from_ or (),
            to=to,
            only=only or (),
            params=pairs("--param", param),
            cache=not no_cache,
            refresh=refresh or (),
            on_failure=on_failure,
            target=target,
            quiet=quiet or as_json,
            verbose=verbose,
            **given,
        )
        return result

    _print_what_came_of(job if is_job else pipeline, quiet=quiet, as_json=as_json)


@app.command(rich_help_panel=PANEL)
def resume(
    target: Annotated[
        str,
        typer.Argument(
            metavar="FILE|FOLDER",
            help="The file that builds the pipeline, its folder, such as artifacts/taxi, or one "
            "around it, where the last run counts.",
        ),
    ] = ".",
    param: Params = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Go on with the last run, which failed or was killed; what it finished is not repeated."""
    from fluentml.resuming import file_of

    def resumed() -> RunResult:
        file = file_of(target)
        values, shown = pairs("--param", param), {"quiet": quiet or as_json, "verbose": verbose}
        result: RunResult = load(file).resume(params=values, target=file, **shown)
        return result

    _print_what_came_of(resumed, quiet=quiet, as_json=as_json)


def _print_what_came_of(run: Callable[[], RunResult], *, quiet: bool, as_json: bool) -> None:
    try:
        result = run()
    except FluentmlError as error:
        if as_json:
            ran = error.result.to_dict() if isinstance(error, RunError) else {"succeeded": False}
            print_json({**ran, "error": str(error)})
        raise
    if as_json:
        print_json(result.to_dict())
    elif quiet and result.summary():
        typer.echo(result.summary())


def _refuse(target: str, is_job: bool, options: Mapping[str, Any]) -> None:
    """Refuse options that are of the other kind of target."""
    given = [name for name, value in options.items() if value]
    if given:
        what = "a compiled job" if is_job else "no compiled job"
        raise DefinitionError(
            f"{target!r} is {what}, for which there is no {listing(given)}.",
            hint="leave it out" + ("; --no-cache runs every task." if is_job else "."),
        )
