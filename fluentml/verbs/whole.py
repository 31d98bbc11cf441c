"""What holds for the whole pipeline."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from typing_extensions import Self

from fluentml.errors import DefinitionError
from fluentml.sources import PathLike
from fluentml.verbs._base import Chain


class Whole(Chain):
    """Verbs that set it."""

    def cache(self, enabled: bool = True) -> Self:
        """Say whether a node of which nothing has changed takes over what it made before.

        Runs here do so unless this says no; other orchestrators do so if this says yes.

        Args:
            enabled: False runs every node every time.
        """
        return self._with("cache", cache=enabled)

    def with_beam_pipeline_args(self, arguments: Sequence[str]) -> Self:
        """Pass arguments to Apache Beam, in which the data steps run.

        Args:
            arguments: Such as `["--runner=DataflowRunner", "--project=…"]`. Without `--runner` it
                is Beam's in-process runner.
        """
        if isinstance(arguments, str):
            raise DefinitionError(
                f"with_beam_pipeline_args() takes a list, not the text {arguments!r}.",
                hint=f"write [{arguments!r}].",
            )
        return self._with("with_beam_pipeline_args", beam_pipeline_args=arguments)

    def with_metadata(self, connection: PathLike | Any = None) -> Self:
        """Keep the metadata somewhere else than in `metadata.db` under the pipeline root.

        Args:
            connection: An SQLite file; the URL of an existing database on a server,
                `"postgresql://user:${DB_PASSWORD}@host/db"`, `mysql://…` or `mariadb://…`; or ML
                Metadata's `ConnectionConfig`. `${NAME}` stands for an environment variable, which
                is read when a run connects; a password is given in no other way. None:
                `metadata.db` again.

        Raises:
            DefinitionError: A password stands in it, or ML Metadata knows no such database.
        """
        is_path = isinstance(connection, str | os.PathLike)
        return self._with(
            "with_metadata", metadata=os.fspath(connection) if is_path else connection
        )
