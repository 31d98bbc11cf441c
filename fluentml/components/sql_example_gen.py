"""SqlExampleGen: the rows of a query into examples."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import ConfigDict, field_validator

from fluentml.components._example_gen import ExampleGen
from fluentml.errors import DefinitionError
from fluentml.spec import absolute
from fluentml.urls import is_from_environment, refuse_passwords

_IN_A_FILE = re.compile(r"(?:sqlite|duckdb)(?:\+\w+)?:///(?P<path>[^?]*)")


class SqlExampleGen(ExampleGen):
    """Run a query against a database that SQLAlchemy knows; every row becomes a tf.Example.

    Attributes:
        url: SQLAlchemy's URL of the database. `${NAME}` in it stands for an environment variable,
            which is read where the step runs; a password is given in no other way.
        query: The SELECT, in the database's own SQL.
    """

    # What pydantic says of a wrong URL would show the password.
    model_config = ConfigDict(hide_input_in_errors=True)

    VERB: ClassVar[str] = "from_sql"
    LOWERED_TO: ClassVar[str] = "QueryBasedExampleGen, our executor"
    RUNS_HERE: ClassVar[str] = "yes, with the extra `sql`"
    TEXT_SPLITS: ClassVar[str] = ""

    url: str
    query: str

    @field_validator("url")
    @classmethod
    def _without_secrets(cls, url: str) -> str:
        if not (is_from_environment(url) or re.match(r"[\w+.]+://", url)):
            raise DefinitionError(
                "from_sql() got a url= that is no database URL.",
                hint='write "sqlite:///trips.db", '
                '"postgresql://user:${DB_PASSWORD}@host/database" or "${DATABASE_URL}".',
            )
        refuse_passwords("from_sql() got a url=", url)
        return url

    @field_validator("query")
    @classmethod
    def _some_query(cls, query: str) -> str:
        if not query.strip():
            raise ValueError("is empty; write a SELECT")
        return query

    @property
    def database_file(self) -> str | None:
        """The file of an SQLite or DuckDB database; None for another one, or one in memory."""
        match = _IN_A_FILE.match(self.url)
        path = match["path"] if match else ""
        is_file = path not in ("", ":memory:") and not path.startswith(("file:", "md:"))
        return path if is_file and "${" not in path else None

    def reads_outside(self) -> tuple[str, ...] | None:
        """Return the database's file, and what SQLite has yet to write into it."""
        file = self.database_file
        return (absolute(file), absolute(f"{file}-wal")) if file else None

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's QueryBasedExampleGen with our executor."""
        from tfx.components.example_gen import utils
        from tfx.components.example_gen.component import QueryBasedExampleGen
        from tfx.dsl.components.base.executor_spec import BeamExecutorSpec

        from fluentml.executors.sql_example_gen import Executor, custom_config

        url, file = self.url, self.database_file
        if file:
            url = url.replace(file, os.path.abspath(file), 1)  # noqa: PTH100 (paths stay text)
        return QueryBasedExampleGen(
            input_config=utils.make_default_input_config(self.query),
            custom_config=custom_config(url),
            custom_executor_spec=BeamExecutorSpec(Executor),
            **self.buckets(),
        )
