"""What Vertex ML Metadata would hold: what earlier jobs of the pipeline made, in a file per job."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fluentml.errors import DataError

_TERM = re.compile(r'(schema_title|state|name|metadata\.([\w-]+)\.(\w+)_value)="?([^"]*)"?')
_FILE = "metadata.json"


def title(artifact: Mapping[str, Any]) -> str:
    """Return the title of an artifact's type: `"tfx.Model"`."""
    kind = artifact.get("type", {})
    schema = re.search(r"^title:\s*(\S+)", kind.get("instanceSchema", ""), re.M)
    return str(schema[1] if schema else kind.get("schemaTitle", "system.Artifact"))


class Metadata:
    """The artifacts and the executions of a pipeline's jobs.

    Args:
        folder: The folder of this job; those of earlier ones lie beside it.
        pipeline: The pipeline's name.
    """

    def __init__(self, folder: Path, pipeline: str) -> None:
        self._file = folder / _FILE
        self._mine: dict[str, Any] = {"pipeline": pipeline, "executions": []}
        earlier = (
            json.loads(file.read_text()) for file in sorted(folder.parent.glob(f"*/{_FILE}"))
        )
        self._executions = [
            execution
            for job in earlier
            if job["pipeline"] == pipeline
            for execution in job["executions"]
        ]

    def add(self, task: str, key: str, outputs: Mapping[str, Any]) -> None:
        """Keep what a task made.

        Args:
            task: Its id.
            key: What `cached` finds it by; empty where it must not.
            outputs: Its output `parameters` and `artifacts`.
        """
        execution = {"task": task, "key": key, **outputs}
        self._executions.append(execution)
        self._mine["executions"].append(execution)
        text = json.dumps(self._mine, indent=1)
        self._file.write_text(text)

    def cached(self, key: str) -> dict[str, Any] | None:
        """Return the newest outputs under this key whose files are all there still, or None."""
        for execution in reversed(self._executions):
            uris = [a["uri"] for found in execution["artifacts"].values() for a in found]
            if execution["key"] == key and all(Path(uri).exists() for uri in uris):
                return {part: execution[part] for part in ("parameters", "artifacts")}
        return None

    def imported(self, uri: str, kind: str) -> dict[str, Any] | None:
        """Return an artifact that is registered under that URI, or None."""
        return next((a for a in self._newest() if a["uri"] == uri and title(a) == kind), None)

    def found(self, query: str) -> list[dict[str, Any]]:
        """Return what a resolver's query finds: the newest artifact, if any.

        Raises:
            DataError: The query has a term that is not understood.
        """
        terms = [_TERM.fullmatch(term) for term in query.split(" AND ")]
        if not all(terms):
            raise DataError(f"its query {query!r} is not understood here.")
        wanted = [term.groups() for term in terms if term]
        return [a for a in self._newest() if all(_fits(a, *term) for term in wanted)][:1]

    def _newest(self) -> list[dict[str, Any]]:
        return [
            artifact
            for execution in reversed(self._executions)
            for artifacts in execution["artifacts"].values()
            for artifact in artifacts
        ]


def _fits(artifact: Mapping[str, Any], term: str, key: str, kind: str, value: str) -> bool:
    if term == "schema_title":
        return title(artifact) == value
    if term == "state":
        return value == "LIVE"
    if term == "name":
        return bool(artifact["name"] == value)
    found = artifact.get("metadata", {}).get(key)
    return found is not None and (
        float(found) == float(value) if kind == "number" else found == value
    )


def key_of(*parts: Any) -> str:
    """Return a name for these values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
