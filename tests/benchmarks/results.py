"""What was measured: as tables here and in README.md, and as JSON beside it."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.table import Table

from tests.benchmarks.measure import Cost
from tests.benchmarks.works import Work

RESULTS = Path(__file__).parent / "results.json"
README = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- results -->\n", "<!-- /results -->"
MEASURES = ("wall", "cpu", "memory")


def result_of(work: Work, costs: list[tuple[Cost, Cost]], note: str) -> dict[str, Any]:
    """Return medians, and the median of the ratios ours / other, pair by pair."""
    pairs = [(asdict(ours), asdict(other)) for ours, other in costs]
    return {
        "title": work.title,
        "beside": work.beside,
        "of": work.of,
        "wanted": work.wanted,
        "rounds": len(pairs),
        "note": note,
        "ours": {m: round(statistics.median(ours[m] for ours, _ in pairs), 3) for m in MEASURES},
        "other": {m: round(statistics.median(it[m] for _, it in pairs), 3) for m in MEASURES},
        "ratio": {
            m: round(statistics.median(ours[m] / other[m] for ours, other in pairs), 4)
            for m in MEASURES
        },
    }


def machine() -> dict[str, str]:
    """Return where this runs, and which versions are compared."""
    cpus = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(": ")[2] for line in cpus if line.startswith("model name")), "CPU")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ("tfx", "tensorflow", "apache-beam", "fluentml")
    return {
        "machine": f"{len(os.sched_getaffinity(0))} cores of {model}, {memory:.0f} GB",
        "versions": ", ".join(
            [
                f"Python {platform.python_version()}",
                *(f"{name} {version(name)}" for name in packages),
            ]
        ),
    }


def table_of(results: Mapping[str, Any]) -> Table:
    """Return a table for the terminal: of each work both sides and their ratio."""
    table = Table(title="\n".join(machine().values()))
    for column in ("", "wall s", "CPU s", "peak MB", "wanted"):
        table.add_column(column, justify="right" if column else "left")
    for result in results.values():
        table.add_section()
        count = f"{result['rounds']} round{'s' if result['rounds'] > 1 else ''}"
        table.add_row(f"[bold]{result['title']}[/] ({count})")
        table.add_row("  fluentml", *_numbers(result["ours"]))
        table.add_row(f"  {result['beside']}", *_numbers(result["other"]))
        ratios = [f"{result['ratio'][measure]:.3f}" for measure in MEASURES]
        place = MEASURES.index(result["of"])
        color = "green" if result["ratio"][result["of"]] <= result["wanted"] else "red"
        ratios[place] = f"[bold {color}]{ratios[place]}[/]"
        table.add_row("  ratio", *ratios, f"≤ {result['wanted']}")
    return table


def write(results: Mapping[str, Any]) -> None:
    """Keep results, in place of those of the same works, and of all from another machine."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    here = machine()
    works = kept.get("works", {}) if kept.get("machine") == here["machine"] else {}
    RESULTS.write_text(json.dumps({**here, "works": {**works, **results}}, indent=1) + "\n")
    README.write_text(readme())


def readme() -> str:
    """Return README.md with the table of what was kept."""
    before, _, rest = README.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{_markdown(json.loads(RESULTS.read_text()))}{END}{after}"


def _markdown(kept: Mapping[str, Any]) -> str:
    lines = [
        f"{kept['machine']}; {kept['versions']}.",
        "",
        "| work | | wall s | CPU s | peak MB | ratio | wanted |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    notes: list[str] = []
    for result in kept["works"].values():
        ratio, wanted = result["ratio"][result["of"]], result["wanted"]
        mark = ""
        if result["note"]:
            notes += [result["note"]] if result["note"] not in notes else []
            mark = f" [{notes.index(result['note']) + 1}]"
        ours, other = (" | ".join(_numbers(result[whose])) for whose in ("ours", "other"))
        lines += [
            f"| {result['title']}{mark} | fluentml | {ours} | **{ratio:.3f}** | ≤ {wanted} |",
            f"| | {result['beside']} | {other} | | |",
        ]
    return "\n".join([*lines, "", *(f"[{n}] {note}  " for n, note in enumerate(notes, 1))]) + "\n"


def _numbers(cost: Mapping[str, float]) -> list[str]:
    return [f"{cost['wall']:.2f}", f"{cost['cpu']:.2f}", f"{cost['memory']:.0f}"]
