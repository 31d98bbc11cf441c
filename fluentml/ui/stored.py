"""What ML Metadata tells, to one reader at a time: opening it borrows this process's stderr."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from fluentml.errors import LoadError
from fluentml.spec import import_needed
from fluentml.stores.files import metadata_file

if TYPE_CHECKING:
    from fluentml.graph import Settings
    from fluentml.local.record import Record
    from fluentml.stores.lineage import Lineage
    from fluentml.ui.runs import Run

_one_reader = threading.Lock()


def seen(run: Run) -> Record:
    """Return a record with what has become of the nodes so far; quick, for it reads no outputs."""
    if run.record.ended is not None or not _is_there(run.record.graph.settings):
        return run.record
    from fluentml.local.remembering import watched

    with _one_reader:
        return _as_it_is(run, watched(run.record))


def told(run: Run) -> Record:
    """Return a record with all that is known of the run, outputs of finished nodes included."""
    if run.record.ended is not None or not _is_there(run.record.graph.settings):
        return run.record
    from fluentml.local.remembering import remembered

    with _one_reader:
        return _as_it_is(run, remembered(run.record))


def lineage_of(settings: Settings) -> Lineage:
    """Return the lineage of a pipeline.

    Raises:
        LoadError: Its ML Metadata is gone.
        MissingDependencyError: ML Metadata is not installed.
    """
    if not _is_there(settings):
        raise LoadError(
            f"There is no ML Metadata of {settings.name!r}: {str(metadata_file(settings))!r}.",
            hint="it lies beside the artifacts unless with_metadata() names another place.",
        )
    import_needed("ml_metadata")
    from fluentml.stores.connection import opened
    from fluentml.stores.lineage import Lineage

    with _one_reader:
        return Lineage(opened(settings, only_reads=True), settings.name)


def _is_there(settings: Settings) -> bool:
    # Opening a file that is not there would make it.
    file = metadata_file(settings)
    return file is None or file.is_file()


def _as_it_is(run: Run, record: Record) -> Record:
    """Return the record of a killed run as that of one that failed."""
    if run.state != "killed":
        return record
    nodes = {
        id: replace(node, state="failed", note="killed") if id in record.running else node
        for id, node in record.result.nodes.items()
    }
    at_work = f" while {', '.join(record.running)} worked" if record.running else ""
    return replace(
        record,
        result=replace(record.result, nodes=nodes),
        running=(),
        error=f"The run was killed{at_work}.\nHint: `fluentml resume FILE` goes on with it.",
    )
