"""What a person sees: the list of runs, a run, two runs, and what went wrong."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from markupsafe import Markup

from fluentml.errors import FluentmlError
from fluentml.report.comparing import RunComparison
from fluentml.report.markup import Content, element, join
from fluentml.report.run import graph_view, head_view, report_page
from fluentml.report.tables import Cell, Row, table
from fluentml.report.theme import Section, page
from fluentml.report.words import count, number, seconds
from fluentml.ui.runs import Run
from fluentml.ui.stored import seen, told

if TYPE_CHECKING:
    from fluentml.local.record import Record

KINDS = {"failed": "bad", "killed": "bad", "done": "good", "running": "warn"}
MOST_METRICS = 3
"""As many metrics stand in the list, those first that a threshold asks for."""


def address(run: Run) -> str:
    """Return where the page of a run is."""
    return f"/runs/{quote(run.pipeline, safe='')}/{quote(run.id, safe='')}"


def artifact_address(pipeline: str, id: int) -> str:
    """Return where the page of an artifact is."""
    return f"/artifacts/{quote(pipeline, safe='')}/{id}"


def comparison_address(then: Run, id: str) -> str:
    """Return where a run is compared with a later one of the same pipeline."""
    runs = [("run", f"{then.pipeline}/{one}") for one in (id, then.id)]
    return f"/compare?{urlencode(runs, quote_via=quote)}"


def bar(*links: Content, follows: str = "") -> Markup:
    """Return what stands above a page.

    Args:
        *links: Where one can go from here, beside the list of all runs.
        follows: The address of what the page follows while it goes on.
    """
    status = element("span", "followed live", role="status", class_="soft") if follows else None
    home = element("a", "All runs", href="/")
    nav = element("nav", home, links, status, class_="bar", aria_label="Pages")
    return join([nav, element("script", script(), data_follow=follows) if follows else None])


@cache
def script() -> Markup:
    """Return the lines that follow what goes on."""
    return Markup(files("fluentml.ui").joinpath("follow.js").read_text(encoding="utf-8"))


# -- all runs -------------------------------------------------------------------------------------


def list_page(root: Path, runs: Sequence[Run], unreadable: Sequence[Path]) -> str:
    """Return the page with all runs."""
    goes_on = any(run.state == "running" for run in runs)
    pipelines = len({run.pipeline for run in runs})
    said = (
        f"{count(len(runs), 'run')} of {count(pipelines, 'pipeline')}." if runs else "No run yet."
    )
    return page(
        "Runs",
        [Section("runs", "All runs", _listed(root, runs, unreadable))],
        kicker=f"fluentml · {root}",
        lead=element("p", said, class_="verdict"),
        bar=bar(follows="/live" if goes_on else ""),
    )


def _listed(root: Path, runs: Sequence[Run], unreadable: Sequence[Path]) -> Markup:
    lost = [
        element("p", "This record cannot be read: ", element("code", str(file)), class_="bad")
        for file in unreadable
    ]
    if not runs:
        hint = element(
            "p",
            "A run leaves its record in ",
            element("code", f"{root}/PIPELINE/_runs"),
            ". Make one: ",
            element("code", "fluentml run pipeline.py"),
            ", and load this page again.",
        )
        return join([lost, hint])
    button = element("button", "Compare the two chosen", type="submit")
    form = element("form", button, id="compare", action="/compare") if len(runs) > 1 else None
    return join([form, runs_table(runs), lost])


def runs_table(runs: Sequence[Run]) -> Markup:
    """Return the table of runs, in which two can be chosen."""
    heads = ["run", "pipeline", "state", "gate", "metrics", "nodes", "time", "begun"]
    listed = table(
        heads, map(_row, runs), caption="The newest first", sortable=True, filterable=True
    )
    return element("div", listed, data_live="runs")


def _row(run: Run) -> Row:
    record = run.record
    begun, metrics = record.started, _metrics(run)
    when = datetime.fromtimestamp(begun).strftime("%-d %b %Y, %H:%M:%S") if begun else ""
    took = record.ended - begun if record.ended and begun else None
    box = element(
        "input",
        type="checkbox",
        name="run",
        value=f"{run.pipeline}/{run.id}",
        form="compare",
        aria_label=f"Choose {run.id}",
    )
    link = element("a", run.id, href=address(run))
    return [
        Cell(element("span", box, link, class_="choice"), run.id),
        run.pipeline,
        Cell(run.state, kind=KINDS[run.state]),
        _gate(run),
        Cell(element("span", metrics, class_="choice"), metrics),
        len(record.graph.nodes),
        Cell("" if took is None else seconds(took), -1.0 if took is None else took),
        Cell(when, begun),
    ]


def _gate(run: Run) -> Cell:
    result = run.record.result
    pushed = ", pushed" if result.pushed_model else ""
    for evaluation in result.evaluations:
        if evaluation.blessed is not None:
            blessed = "blessed" if evaluation.blessed else "not blessed"
            return Cell(f"{blessed}{pushed}", kind="good" if evaluation.blessed else "bad")
    return Cell(pushed.removeprefix(", "))


def _metrics(run: Run) -> str:
    shown: list[str] = []
    for evaluation in run.record.result.evaluations[:1]:
        named = {
            name: value
            for name, value in evaluation.metrics.items()
            if not name.endswith(("_diff", "Count"))
        }
        # The metrics that a threshold asks for come first.
        names = sorted(named, key=lambda name: name not in evaluation.bounds)
        shown = [f"{name} {number(named[name])}" for name in names[:MOST_METRICS]]
    return ", ".join(shown)


# -- a run ----------------------------------------------------------------------------------------


def run_page(run: Run, before: str | None) -> str:
    """Return the report of a run, with links around it; one that goes on is followed.

    Args:
        run: The run.
        before: The id of the run of this pipeline before it.
    """
    record = told(run)
    links: list[Content] = []
    if before:
        text = "Compare with the run before"
        links.append(element("a", text, href=comparison_address(run, before)))
    more = [part for part in (_artifacts(run, record), _tensorboard(record)) if part]
    goes_on = run.state == "running"
    return report_page(
        record, more=more, bar=bar(links, follows=f"{address(run)}/live" if goes_on else "")
    )


def run_parts(run: Run) -> str:
    """Return the parts of a run's page that change while it goes on."""
    record = seen(run)
    return str(join([head_view(record), graph_view(record)]))


def _artifacts(run: Run, record: Record) -> Section | None:
    """Return every artifact of the run with a link to its page."""
    rows: list[Row] = []
    for node in record.result.nodes.values():
        for key, artifacts in node.outputs.items():
            for one in artifacts:
                link = element(
                    "a", f"{one.type} {one.id}", href=artifact_address(run.pipeline, one.id)
                )
                name = Cell(link, f"{one.type} {one.id}")
                rows.append([name, f"{node.id}.{key}", node.state, element("code", one.uri)])
    if not rows:
        return None
    said = element("p", "What each was made of, and what was made of it, stands on its own page.")
    heads = ["artifact", "output", "state", "folder"]
    listed = table(heads, rows, caption="Every artifact", sortable=True, filterable=True)
    return Section("artifacts", "Artifacts", join([said, listed]))


def _tensorboard(record: Record) -> Section | None:
    """Return the commands by which TensorBoard shows what the trainings logged."""
    commands = [
        element("pre", f"tensorboard --logdir {shlex.quote(one.uri)}", tabindex="0")
        for node in record.result.nodes.values()
        for artifacts in node.outputs.values()
        for one in artifacts
        if one.type == "ModelRun"
    ]
    if not commands:
        return None
    said = element("p", "TensorBoard shows what the training logged, also while it goes on:")
    return Section("tensorboard", "TensorBoard", join([said, commands]))


# -- others ---------------------------------------------------------------------------------------


def comparison_page(then: Run, now: Run) -> str:
    """Return two runs side by side."""
    links = [element("a", f"Run {run.id}", href=address(run)) for run in (then, now)]
    return RunComparison(told(then), told(now)).to_html(bar(links))


def error_page(error: FluentmlError, title: str = "That did not work") -> str:
    """Return what went wrong."""
    lines = [element("p", line) for line in str(error).splitlines()]
    return page(title, [Section("error", "What happened", join(lines))], bar=bar())
