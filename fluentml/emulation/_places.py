"""Folders of this machine in the place of storage that a job names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fluentml.errors import DefinitionError
from fluentml.sources import PathLike

URI = re.compile(r"\b(?:gs|s3|minio|hdfs)://[^\s\"'{}\\,;]+")


class Places:
    """Which folder stands for which bucket, or part of one.

    Args:
        given: Folders by URI; the longest that fits counts.

    Raises:
        DefinitionError: A key is no URI of a storage.
    """

    def __init__(self, given: Mapping[str, PathLike]) -> None:
        for uri in given:
            if not URI.fullmatch(uri):
                raise DefinitionError(
                    f"A folder is given in the place of {uri!r}, which is no URI of a storage.",
                    hint='write it as the job does: {"gs://bucket": "folder"}.',
                )
        self._folders = {
            uri.rstrip("/"): str(Path(given[uri]).resolve())
            for uri in sorted(given, key=len, reverse=True)
        }

    def here(self, value: Any) -> Any:
        """Return nested values of a job with folders in place of the URIs in their texts."""
        if isinstance(value, Mapping):
            return {key: self.here(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.here(item) for item in value]
        return URI.sub(lambda match: self._folder(match[0]), value) if _is_text(value) else value

    def _folder(self, uri: str) -> str:
        for prefix, folder in self._folders.items():
            if uri == prefix or uri.startswith(f"{prefix}/"):
                return f"{folder}{uri.removeprefix(prefix)}"
        return uri


def uris(value: Any) -> Iterator[str]:
    """Yield the URIs of storage within the texts of nested values."""
    if isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from uris(item)
    elif _is_text(value):
        yield from URI.findall(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and "://" in value
