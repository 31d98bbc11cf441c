"""Let a cluster run a pipeline: now, or by a schedule."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fluentml.cli._app import AsJson, Options, Params, Target, To, app, load, pairs, print_json
from fluentml.spec import hush_tensorflow

PANEL = "Clusters"

schedules = typer.Typer(
    help="Look at the schedules on a cluster; pause, resume and delete them.", no_args_is_help=True
)
app.add_typer(schedules, name="schedules", rich_help_panel=PANEL)

Id = Annotated[str, typer.Argument(help="What `list` calls it.", show_default=False)]


@app.command(rich_help_panel=PANEL)
def submit(
    target: Target, to: To, option: Options = None, param: Params = None, as_json: AsJson = False
) -> None:
    """Let a pipeline run on a cluster, now; it doesn't wait for its end."""
    hush_tensorflow()
    sent = load(target).submit(to, params=pairs("--param", param), **pairs("--option", option))
    _show(sent, as_json)


@app.command(rich_help_panel=PANEL)
def schedule(
    target: Target,
    to: To,
    cron: Annotated[
        str,
        typer.Option(help='Minute, hour, day, month, weekday: "0 5 * * 1" is Mondays at five.'),
    ],
    timezone: Annotated[
        str | None, typer.Option(help="Such as America/Los_Angeles; else UTC.")
    ] = None,
    catch_up: Annotated[
        bool, typer.Option("--catch-up", help="Make up for runs that could not start in time.")
    ] = False,
    concurrency: Annotated[int, typer.Option(help="How many runs at a time.")] = 1,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="No run before: 2027-01-31T05:00.")
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="TIME", help="No run after.")] = None,
    option: Options = None,
    param: Params = None,
    as_json: AsJson = False,
) -> None:
    """Let a cluster run a pipeline by a schedule."""
    hush_tensorflow()
    made = load(target).schedule(
        to,
        cron=cron,
        timezone=timezone,
        catch_up=catch_up,
        concurrency=concurrency,
        start=start,
        end=end,
        params=pairs("--param", param),
        **pairs("--option", option),
    )
    _show(made, as_json)


@schedules.command("list")
def list_(to: To, option: Options = None, as_json: AsJson = False) -> None:
    """Show the schedules."""
    from rich.console import Console
    from rich.table import Table

    found = _service(to, option).schedules()
    if as_json:
        print_json([one.model_dump() for one in found])
    elif found:
        table = Table(box=None, pad_edge=False)
        for head in ("id", "pipeline", "cron", "state", "next"):
            table.add_column(head, overflow="fold", no_wrap=head == "id")
        for one in found:
            table.add_row(one.id, one.pipeline, one.cron, one.state, one.next or "")
        Console(highlight=False).print(table)
    else:
        typer.echo("There are no schedules.")


@schedules.command()
def pause(id: Id, to: To, option: Options = None) -> None:
    """Let a schedule start no more runs for now."""
    _service(to, option).pause(id)
    typer.echo(f"Paused {id}.")


@schedules.command()
def resume(
    id: Id,
    to: To,
    catch_up: Annotated[
        bool, typer.Option("--catch-up", help="Make up for the runs in between.")
    ] = False,
    option: Options = None,
) -> None:
    """Let a paused schedule go on."""
    _service(to, option).resume(id, catch_up=catch_up)
    typer.echo(f"Resumed {id}.")


@schedules.command()
def delete(id: Id, to: To, option: Options = None) -> None:
    """End a schedule for good; its runs stay."""
    _service(to, option).delete(id)
    typer.echo(f"Deleted {id}.")


def _service(to: str, option: list[str] | None) -> Any:
    from fluentml.backends import get_backend

    return get_backend(to, **pairs("--option", option)).service()


def _show(made: Any, as_json: bool) -> None:
    if as_json:
        print_json(made.model_dump())
    else:
        typer.echo(str(made))
