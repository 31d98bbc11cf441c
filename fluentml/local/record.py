"""What is kept of a run beside its log, `_runs/<run>.run.json`: enough to tell of it at any time.

ML Metadata knows neither how the nodes were wired and why, nor the code at the time. The file is
written when a run begins, and once more at its end; of a run in between, or one that was killed, ML
Metadata tells what became of the nodes. Where an orchestrator runs each node in a process of its
own, the first of them writes the beginning, and the last the end.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import platform
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from fluentml.errors import BackendError, RunError, did_you_mean, listing
from fluentml.graph import Graph, Settings
from fluentml.local.keys import code_files, versions
from fluentml.results import RunResult
from fluentml.stores.files import RECORD, id_of_run, runs_folder

log = logging.getLogger("fluentml")
_OURS = re.compile(r"\d{8}-")
"""How the id of a run here begins: it is the time at which the run did."""


@dataclass(frozen=True)
class Record:
    """What is known of a run.

    Attributes:
        result: What came of it, or has so far.
        graph: The pipeline as it was wired.
        started: When it began, in seconds since 1970; 0 where that is not known.
        ended: When it ended; None while it runs, and where it was killed.
        error: Why it failed; empty where it did not.
        running: The ids of the nodes that are at work.
        code: The texts of the files with the user's code, by name.
        versions: Of Python and the libraries that did the work.
        apart: Whether each node ran in a process of its own, as an orchestrator starts them.
    """

    result: RunResult
    graph: Graph
    started: float = 0.0
    ended: float | None = None
    error: str = ""
    running: tuple[str, ...] = ()
    code: Mapping[str, str] | None = None
    versions: Mapping[str, str] | None = None
    apart: bool = False


class Recorder:
    """Keeps a record of a run.

    Args:
        graph: The pipeline.
        run_id: The run's id.
        log: Its log, beside which the record lies.
    """

    def __init__(self, graph: Graph, run_id: str, log: Path) -> None:
        self._file = log.with_name(f"{run_id}{RECORD}")
        self._record = _begun(graph, run_id, str(log))

    @contextlib.contextmanager
    def kept(self) -> Iterator[Recorder]:
        """Write down how the run begins and how it fails; `ends` tells of all else."""
        _write(self._record, self._file)
        try:
            yield self
        except RunError as failure:
            if isinstance(failure.result, RunResult):
                self.ends(failure.result, str(failure))
            raise

    def ends(self, result: RunResult, error: str = "") -> RunResult:
        """Write down what came of the run."""
        self._record = replace(self._record, result=result, ended=time.time(), error=error)
        _write(self._record, self._file)
        return result


@contextlib.contextmanager
def kept_apart(graph: Graph, run_id: str) -> Iterator[None]:
    """Keep the record of a run of which this process runs one node, and others run others.

    Each looks at its end whether it was the last: what it did is in ML Metadata by then, so that of
    two which end at the same time one sees both. A node that runs once more reopens the record.

    Args:
        graph: The whole pipeline.
        run_id: The run's id.
    """
    file = runs_folder(graph.settings) / f"{run_id}{RECORD}"
    with _not_minding():
        there = from_json(file.read_text(encoding="utf-8")) if file.is_file() else None
        if there is None or there.ended is not None:
            begun = _begun(graph, run_id, "the logs of its tasks", apart=True)
            _write(replace(begun, started=there.started) if there else begun, file)
    try:
        yield
    finally:
        with _not_minding():
            from fluentml.local.remembering import watched, with_outcomes

            seen = watched(from_json(file.read_text(encoding="utf-8")))
            if seen.ended is not None:
                _write(with_outcomes(seen), file)


@contextlib.contextmanager
def _not_minding() -> Iterator[None]:
    """Let no node fail for want of a record."""
    try:
        yield
    except Exception as error:
        log.warning("The record of the run cannot be kept: %s", error)


def _begun(graph: Graph, run_id: str, log: str, *, apart: bool = False) -> Record:
    return Record(
        result=RunResult(graph.settings.name, run_id, log, {}),
        graph=graph,
        started=time.time(),
        code=code_of(graph),
        versions={"Python": platform.python_version(), **versions()},
        apart=apart,
    )


def _write(record: Record, file: Path) -> None:
    # A full disk may be what the run failed by; it need not fail twice.
    with contextlib.suppress(OSError):
        unfinished = file.with_suffix(f".{os.getpid()}.tmp")
        unfinished.write_text(_to_json(record), encoding="utf-8")
        os.replace(unfinished, file)  # noqa: PTH105 (a file name, not a Path)


def code_of(graph: Graph) -> dict[str, str]:
    """Return the texts of all files with code that a pipeline's steps call, by name.

    Two files of one name get the ids of their steps behind it.
    """
    texts: dict[str, str] = {}
    for node in graph.nodes:
        for name, file in code_files(node.component).items():
            try:
                text = file.read_text(encoding="utf-8", errors="replace")
            except OSError:  # It vanished just now; whoever calls it will say so.
                continue
            is_other = texts.get(name, text) != text
            texts[f"{name} ({node.id})" if is_other else name] = text
    return texts


# -- reading --------------------------------------------------------------------------------------


def run_ids(settings: Settings) -> tuple[str, ...]:
    """Return the ids of the runs that have a record, the oldest first."""
    files = in_order(runs_folder(settings).glob(f"*{RECORD}"))
    return tuple(file.name.removesuffix(RECORD) for file in files)


def in_order(files: Iterable[Path]) -> list[Path]:
    """Return records, the oldest first; one of an orchestrator's run has the time of its file."""
    return sorted(files, key=lambda file: file.name if _OURS.match(file.name) else _written(file))


def _written(file: Path) -> str:
    """Return when a file was written, as a run here would be called that began then."""
    try:
        return id_of_run(datetime.fromtimestamp(file.stat().st_mtime))
    except FileNotFoundError:  # It was cleared away just now.
        return ""


def read_record(settings: Settings, run_id: str, graph: Graph | None = None) -> Record:
    """Return what is known of a run.

    Args:
        settings: The pipeline's.
        run_id: The run's id.
        graph: The pipeline as it is wired now; needed for a run that left no record, such as one by
            another runner of TFX.

    Raises:
        BackendError: There is no such run, or nothing is known of how its nodes were wired.
    """
    from fluentml.local.remembering import remembered

    file = runs_folder(settings) / f"{run_id}{RECORD}"
    if file.is_file():
        record = from_json(file.read_text(encoding="utf-8"))
        return record if record.ended else remembered(record)
    if graph is None:
        known = run_ids(settings)
        raise BackendError(
            f"There is no record of a run {run_id!r} in {str(runs_folder(settings))!r}.",
            f"Runs that have one: {listing(known, 'none')}.",
            hint=did_you_mean(run_id, known)
            or "for a run without one, name the file that builds the pipeline.",
        )
    log = runs_folder(settings) / f"{run_id}.log"
    return remembered(Record(RunResult(settings.name, run_id, str(log), {}), graph))


def record_of(result: RunResult) -> Record:
    """Return the record of a run that is at hand.

    Raises:
        BackendError: It left none, such as one of another backend.
    """
    file = Path(result.log).with_name(f"{result.run_id}{RECORD}")
    if not file.is_file():
        raise BackendError(
            f"The run {result.run_id} left no record beside its log {result.log!r}.",
            hint="only runs on this machine do, and `fluentml gc` removes those of old runs.",
        )
    return from_json(file.read_text(encoding="utf-8"))


def _to_json(record: Record) -> str:
    result = record.result
    plain = _results().dump_python(replace(result, comparisons=()), mode="json")
    plain["comparisons"] = [one.to_dict() for one in result.comparisons]
    return json.dumps(
        {
            "result": plain,
            "graph": json.loads(record.graph.to_json()),
            "started": record.started,
            "ended": record.ended,
            "error": record.error,
            "code": record.code,
            "versions": record.versions,
            "apart": record.apart,
        }
    )


def from_json(text: str) -> Record:
    """Return what was written down."""
    kept: dict[str, Any] = json.loads(text)
    plain = kept.pop("result")
    for one in plain["comparisons"]:
        # The keys of JSON are text, and these are pairs.
        one["confusion"] = {
            feature: {(pair["here"], pair["there"]): pair["count"] for pair in pairs}
            for feature, pairs in one["confusion"].items()
        }
    graph = Graph.from_json(json.dumps(kept.pop("graph")))
    return Record(result=_results().validate_python(plain), graph=graph, **kept)


@cache
def _results() -> TypeAdapter[RunResult]:
    return TypeAdapter(RunResult)
