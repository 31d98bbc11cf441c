"""What a person finds behind runs: what they made, and what they should not have left."""

from __future__ import annotations

import gzip
import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

from fluentml.graph import Settings

OVER = 3, 5
"""The states in ML Metadata of executions that came to a good end: complete, cached."""
COMPLETE, ONGOING = 3, (1, 2)


def executions(folder: Path) -> dict[int, Any]:
    from fluentml.stores.connection import opened

    store = opened(Settings(name="p", root=str(folder / "artifacts")))
    return {one.id: one for one in store.get_executions()}


def ran(folder: Path) -> Counter[str]:
    """How often each node did its work to the end; not the exit step, which tells of every run."""
    from fluentml.stores.connection import opened
    from fluentml.stores.healing import node_of

    store = opened(Settings(name="p", root=str(folder / "artifacts")))
    complete = [one for one in store.get_executions() if one.last_known_state == COMPLETE]
    nodes = (node_of(store, one.id) for one in complete)
    return Counter(node for node in nodes if node != "Tell")


def made(folder: Path) -> dict[str, str]:
    """What the last run made or took over: digests of contents, by node and output key."""
    from fluentml.local.store import Store
    from fluentml.stores.healing import node_of

    store = Store(Settings(name="p", root=str(folder / "artifacts")))
    runs = sorted((folder / "artifacts/p/_runs").glob("*.jsonl"))
    run = store.context("pipeline_run", runs[-1].stem)
    return {
        f"{node_of(store.mlmd, one.id)}.{key}": digest(Path(artifact.uri))
        for one in store.mlmd.get_executions_by_context(run.id)
        if one.last_known_state in OVER
        for key, artifacts in store.outputs(one.id).items()
        for artifact in artifacts
    }


def served(folder: Path) -> list[str]:
    """What is in the versions that a model server sees, and the names of what is no version."""
    entries = [*(folder / "serving").iterdir()] if (folder / "serving").exists() else []
    return [digest(entry) if entry.name.isdecimal() else entry.name for entry in entries]


def digest(path: Path) -> str:
    """Return what a file or a folder holds, as a short text."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    found = hashlib.sha256()
    for file in filter(Path.is_file, files):
        content = file.read_bytes()
        content = gzip.decompress(content) if file.suffix == ".gz" else content
        found.update(f"{file.relative_to(path)} {len(content)}\n".encode() + content)
    return f"{len(files)} {found.hexdigest()[:12]}"


def has_succeeded(lock: Path) -> bool:
    """Return whether a run was killed when all was done: the lock goes with the next one."""
    journal = lock.with_suffix(".jsonl")
    return journal.exists() and '"succeeded"' in journal.read_text()


def blemishes(folder: Path) -> list[str]:
    """Return all that is half, or goes on for ever."""
    root, known = folder / "artifacts/p", executions(folder)
    over = {str(id) for id, one in known.items() if one.last_known_state in OVER}
    made_by = [*root.glob("*/[!.]*/*"), *root.glob("*/.system/executor_execution/*")]
    half = [path for path in made_by if path.name.isdecimal() and path.name not in over]
    # TFX does not say whose an empty one is, so that it is left to `gc`.
    half += [path for path in root.glob("*/.system/stateful_working_dir/*") if any(path.iterdir())]
    # `gc` sweeps up what lies beside logs and wheels, where nobody takes it for something.
    half += root.glob("[!_]*/**/*.tmp*")
    half += [path for path in root.glob("_runs/2*.lock") if not has_succeeded(path)]
    half += folder.glob("serving/.*")
    ongoing = [id for id, one in known.items() if one.last_known_state in ONGOING]
    return [*(str(path.relative_to(folder)) for path in half), *(f"runs: {id}" for id in ongoing)]
