"""Making room: what no kept run, no chosen model and no cache needs any more."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fluentml.errors import BackendError, DefinitionError, listing
from fluentml.graph import Settings
from fluentml.loading import load
from fluentml.pipeline import PipelineDef
from fluentml.spec import absolute, import_needed, is_remote
from fluentml.stores.files import METADATA

if TYPE_CHECKING:
    from fluentml.stores.garbage import Garbage


@dataclass(frozen=True)
class Freed:
    """What was removed, or would be.

    Attributes:
        pipeline: The pipeline's name.
        bytes: By node, and for what belongs to none.
        artifacts: How many artifacts lost their files; ML Metadata still knows them.
        kept_runs: The runs that kept theirs, the oldest first.
        dry_run: Whether nothing was removed.
    """

    pipeline: str
    bytes: Mapping[str, int]
    artifacts: int
    kept_runs: tuple[str, ...]
    dry_run: bool = False

    @property
    def total(self) -> int:
        """All bytes together."""
        return sum(self.bytes.values())

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {**asdict(self), "bytes": dict(self.bytes), "total": self.total}

    def __str__(self) -> str:
        width = max(map(len, (*self.bytes, "total")))
        figures = {**self.bytes, "total": self.total}
        lines = [f"  {name:<{width}}  {count / 1e6:10.1f} MB" for name, count in figures.items()]
        runs, would = _counted(len(self.kept_runs), "run"), "would go" if self.dry_run else "gone"
        artifacts = _counted(self.artifacts, "artifact")
        head = f"{self.pipeline}: {runs} kept; the files of {artifacts} {would}"
        return "\n".join([head, *lines])


def gc(
    target: PipelineDef | str | os.PathLike[str], *, keep: int = 5, dry_run: bool = False
) -> Freed:
    """Remove the files of artifacts that nobody needs; ML Metadata keeps their lineage.

    Kept are: what the last `keep` runs without a failure, and all runs since the first of them,
    read and wrote; what each node made when it last succeeded, for its cache; every model that was
    ever blessed or pushed, with its evaluation, transform graph, schema and statistics, but without
    the examples that it learned from; and what the chain imports. Logs and code of older runs go
    too, and whatever killed runs left. Nothing outside of the pipeline's folder is touched, such as
    what `push_to` wrote.

    Args:
        target: A pipeline, the file that builds it, or its folder, `{root}/{name}`.
        keep: How many runs to keep, at least 1.
        dry_run: Only tell.

    Raises:
        BackendError: A run is going on, there is no such folder, it is a remote one, or something
            cannot be removed.
        DefinitionError: `keep` is less than 1.
    """
    if keep < 1:
        raise DefinitionError(f"gc() got keep={keep}.", hint="keep at least one run.")
    pipeline = _pipeline(target)
    settings = pipeline.settings if pipeline else _settings_of(os.fspath(target))  # type: ignore[arg-type]
    import_needed("ml_metadata")
    from fluentml.stores.connection import opened
    from fluentml.stores.garbage import Garbage
    from fluentml.stores.ownership import alone, heal_killed

    _refuse(settings)
    pins = _pins(pipeline)
    if dry_run:
        return _freed(Garbage(settings, opened(settings), keep, pins), settings.name, dry_run)
    with alone(settings):
        store = opened(settings)
        heal_killed(settings, store)
        garbage = Garbage(settings, store, keep, pins)
        garbage.refuse_running()
        garbage.collect()
    return _freed(garbage, settings.name, dry_run)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _freed(garbage: Garbage, pipeline: str, dry_run: bool) -> Freed:
    by_node: dict[str, int] = {}
    for piece in garbage.pieces:
        # TFX leaves an empty folder for every execution.
        if piece.bytes or piece.artifacts:
            by_node[piece.node] = by_node.get(piece.node, 0) + piece.bytes
    count = sum(len(piece.artifacts) for piece in garbage.pieces)
    return Freed(pipeline, by_node, count, garbage.kept_runs, dry_run)


def _pipeline(target: PipelineDef | str | os.PathLike[str]) -> PipelineDef | None:
    """Return the pipeline that a target is or builds; None for a folder."""
    if isinstance(target, PipelineDef):
        return target
    return None if Path(target).is_dir() else load(os.fspath(target))


def _settings_of(folder: str) -> Settings:
    place = Path(absolute(folder))
    if not (place / METADATA).is_file():
        inside = [path.parent.name for path in place.glob(f"*/{METADATA}")]
        raise BackendError(
            f"gc() finds no {METADATA!r} in {folder!r}.",
            f"Pipelines in it: {listing(sorted(inside), 'none')}.",
            hint="name the folder of a pipeline, {root}/{name}, or the file that builds it.",
        )
    return Settings(name=place.name, root=str(place.parent))


def _refuse(settings: Settings) -> None:
    """Raise where there is nothing that could be cleared up from here."""
    from fluentml.stores.files import metadata_file

    if settings.is_remote:
        raise BackendError(
            f"gc() removes local folders, and {settings.pipeline_root!r} is none.",
            hint="let rules of that store remove what is old.",
        )
    file = metadata_file(settings)
    if not Path(settings.pipeline_root).is_dir() or (file and not file.is_file()):
        raise BackendError(
            f"gc() finds no run of {settings.name!r} in {settings.pipeline_root!r}.",
            hint="start it from where the pipeline runs: a relative root is taken from there.",
        )


def _pins(pipeline: PipelineDef | None) -> Any:
    from fluentml.stores.garbage import Pins

    if pipeline is None:
        return Pins()
    graph = pipeline.graph
    root = Path(graph.settings.pipeline_root)
    texts = _texts([json.loads(node.component.model_dump_json()) for node in graph.nodes])
    paths = {Path(absolute(text)) for text in texts if text and not is_remote(text)}
    return Pins(
        frozenset(node.id for node in graph.nodes),
        tuple(path for path in paths if path != root and path.is_relative_to(root)),
    )


def _texts(value: Any) -> Iterator[str]:
    """Yield all texts in a JSON value; some are paths."""
    if isinstance(value, dict):
        value = [*value.values()]
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value
