"""Rows of a database into tf.Examples."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import tensorflow as tf
from google.protobuf import struct_pb2
from tfx.components.example_gen.base_example_gen_executor import BaseExampleGenExecutor
from tfx.proto import example_gen_pb2
from tfx.types import standard_component_specs
from tfx.utils import proto_utils

from fluentml.errors import FluentmlError, MissingDependencyError
from fluentml.executors.environment import resolved
from fluentml.executors.kinds import Row, to_examples
from fluentml.executors.rows import plain

DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
"""The drivers that the extra `sql` brings, for URLs that name none."""
ROWS_AT_A_TIME = 10_000


def custom_config(url: str) -> Any:
    """Return TFX's `CustomConfig` that brings the URL to the executor, its `${…}` as they are."""
    config = example_gen_pb2.CustomConfig()
    values = struct_pb2.Struct()
    values.update({"url": url})
    config.custom_config.Pack(values)
    return config


def _engine(template: str) -> Any:
    try:
        import sqlalchemy as alchemy
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "from_sql() needs SQLAlchemy where the step runs: pip install 'fluentml[sql]'."
        ) from error
    url = resolved("from_sql()", template, os.environ)
    scheme, colon, rest = url.partition("://")
    # Another process may read the same file meanwhile, and none has it to itself.
    options = {"connect_args": {"read_only": True}} if _is_duckdb_file(url) else {}
    try:
        return alchemy.create_engine(f"{DRIVERS.get(scheme, scheme)}{colon}{rest}", **options)
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"from_sql() needs the driver {error.name!r} to read {template!r}: "
            "pip install 'fluentml[sql]'."
        ) from error
    except (alchemy.exc.ArgumentError, ValueError):
        # SQLAlchemy's message may hold the password.
        raise FluentmlError(f"from_sql() cannot read the URL {template!r}.") from None


def _is_duckdb_file(url: str) -> bool:
    return bool(re.match(r"duckdb(\+\w+)?:///(?!md:|:memory:|\?|$)", url))


class _Query(beam.DoFn):
    def __init__(self, url: str) -> None:
        self._url = url

    def process(self, query: str) -> Iterator[Row]:
        engine = _engine(self._url)
        try:
            options = {"stream_results": True, "yield_per": ROWS_AT_A_TIME, "no_parameters": True}
            with engine.connect().execution_options(**options) as connection:
                result = connection.exec_driver_sql(query)
                names = [*result.keys()]
                _refuse_duplicates(names)
                for row in result:
                    yield dict(zip(names, map(plain, row), strict=True))
        finally:
            engine.dispose()


def _refuse_duplicates(names: list[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise FluentmlError(
            f"from_sql(): the query returns the column {twice!r} more than once; name each by AS."
        )


@beam.ptransform_fn
@beam.typehints.with_input_types(beam.Pipeline)
@beam.typehints.with_output_types(tf.train.Example)
def _read(pipeline: Any, exec_properties: dict[str, Any], split_pattern: str) -> Any:
    config = example_gen_pb2.CustomConfig()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY], config)
    values = struct_pb2.Struct()
    config.custom_config.Unpack(values)
    rows = (
        pipeline
        | "Query" >> beam.Create([split_pattern])
        | "Read" >> beam.ParDo(_Query(values["url"])).with_output_types(Row)
        # The query runs once, and what follows runs in parallel.
        | "Spread" >> beam.Reshuffle()
    )
    return rows | "ToExamples" >> to_examples()


class Executor(BaseExampleGenExecutor):
    """Run a query through SQLAlchemy and make an example of every row."""

    def GetInputSourceToExamplePTransform(self) -> Any:  # noqa: N802 (TFX's name)
        """Return the transform that reads the rows."""
        return _read
