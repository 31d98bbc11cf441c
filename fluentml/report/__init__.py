"""Pictures and pages of pipelines and runs: inline SVG and HTML that load nothing from anywhere.

`find` finds what is known of a run, `write_report` tells of it on one page, and `compare` puts two
side by side. The pictures by themselves are in `drawing` (the graph), `data_views` and
`model_views`; `theme` puts them into a notebook's cell or a page.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fluentml.local.record import Record
    from fluentml.report.card import ModelCard
    from fluentml.report.comparing import RunComparison
    from fluentml.results import RunResult


def write_report(
    record: Record,
    path: str | os.PathLike[str],
    card: ModelCard | Mapping[str, Any] | str | os.PathLike[str] | None = None,
) -> Path:
    """Write the report of a run: one HTML file that needs nothing else; return its path.

    Args:
        record: What is known of the run: `find("artifacts/taxi")`.
        path: The file to write.
        card: What its people say of the model: a `ModelCard`, its fields, or a YAML file of them.

    Raises:
        DefinitionError: The model card has no such field, or there is no such file.
    """
    from fluentml.report.card import model_card
    from fluentml.report.run import report_page

    return _written(path, report_page(record, None if card is None else model_card(card)))


def report_result(result: RunResult, path: str | os.PathLike[str], card: Any = None) -> Path:
    """Write the report of a run that is at hand, as `write_report` does."""
    from fluentml.local.record import record_of

    return write_report(record_of(result), path, card)


def compare(first: Record, second: Record) -> RunComparison:
    """Return what two runs have in common, and what not."""
    from fluentml.report.comparing import RunComparison

    return RunComparison(first, second)


def compare_results(then: RunResult, now: RunResult) -> RunComparison:
    """Return what two runs that are at hand have in common, and what not."""
    from fluentml.local.record import record_of

    return compare(record_of(then), record_of(now))


def _written(path: str | os.PathLike[str], text: str) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file
