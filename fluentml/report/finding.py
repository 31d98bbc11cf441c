"""From what a person names (a run, a file, a folder) to the record of a run."""

from __future__ import annotations

import os
from pathlib import Path

from fluentml.errors import BackendError, did_you_mean, listing
from fluentml.graph import Graph, Settings
from fluentml.loading import load
from fluentml.local.record import Record, from_json, in_order, read_record, run_ids
from fluentml.pipeline import PipelineDef
from fluentml.spec import absolute, import_needed
from fluentml.stores.files import METADATA, RECORD, RUNS

ROOT = "artifacts"
"""The root that a pipeline has unless it names another."""


def find(target: PipelineDef | str | os.PathLike[str] = ROOT, run: str | None = None) -> Record:
    """Return the record of a run.

    Args:
        target: A pipeline, the file that builds it, its folder such as `artifacts/taxi`, the folder
            around it, or a run's id, of which the beginning will do, in `artifacts` here.
        run: The run's id; default: the last run.

    Raises:
        BackendError: There is no such folder or run.
        LoadError: There is no such file.
        MissingDependencyError: TFX is not installed, and ML Metadata has to be read.
    """
    if isinstance(target, PipelineDef):
        return _newest(target.settings, target.graph, run)
    text = os.fspath(target)
    if text.endswith(RECORD) and Path(text).is_file():
        return from_json(Path(text).read_text(encoding="utf-8"))
    if Path(text).is_dir():
        return _newest(_settings_in(Path(absolute(text))), None, run)
    if text.partition(":")[0].endswith(".py") or ":" in text:
        return find(load(text), run)
    return _by_id(text)


def _newest(settings: Settings, graph: Graph | None, run: str | None) -> Record:
    """Return a run, or the last one, by its record or by ML Metadata."""
    recorded = run_ids(settings)
    if run is not None:
        matching = [id for id in recorded if id.startswith(run)]
        return read_record(settings, matching[-1] if matching else run, graph)
    if recorded:
        return read_record(settings, recorded[-1], graph)
    if graph is None:
        raise BackendError(
            f"No run in {settings.pipeline_root!r} left a record.",
            hint="name the file that builds the pipeline; ML Metadata then tells of its last run.",
        )
    return read_record(settings, _last_in_store(settings), graph)


def _last_in_store(settings: Settings) -> str:
    import_needed("ml_metadata")
    from fluentml.stores.connection import opened
    from fluentml.stores.files import metadata_file
    from fluentml.stores.lineage import Lineage

    file = metadata_file(settings)
    if file is None or file.is_file():
        lineage = Lineage(opened(settings), settings.name, Path(settings.pipeline_root))
        if runs := [*lineage.runs()]:
            return runs[-1]
    raise BackendError(
        f"{settings.name!r} has never run in {settings.pipeline_root!r}.",
        hint="run it first: pipeline.run(), or `fluentml run FILE`; a relative root is taken from "
        "the working directory.",
    )


def _settings_in(folder: Path) -> Settings:
    """Return what is known of the pipeline of a folder, or of the one in it that ran last."""
    if (folder / METADATA).is_file() or (folder / RUNS).is_dir():
        return Settings(name=folder.name, root=str(folder.parent))
    ran = in_order(folder.glob(f"*/{RUNS}/*{RECORD}"))
    if ran:
        return _settings_in(ran[-1].parents[1])
    raise BackendError(
        f"There is no run in {str(folder)!r}.",
        hint="name the folder of a pipeline, {root}/{name}, or the file that builds it.",
    )


def _by_id(run: str) -> Record:
    files = in_order(Path(ROOT).glob(f"*/{RUNS}/*{RECORD}"))
    matching = [file for file in files if file.name.startswith(run)]
    if matching:
        file = matching[-1]
        settings = _settings_in(file.absolute().parents[1])
        return read_record(settings, file.name.removesuffix(RECORD))
    ids = [file.name.removesuffix(RECORD) for file in files]
    raise BackendError(
        f"There is no run, file or folder {run!r}.",
        f"Runs in {ROOT!r} here: {listing(ids, 'none')}.",
        hint=did_you_mean(run, ids)
        or "name a run's id, the file that builds the pipeline, or its folder.",
    )
