"""Sources of examples that stand on their own, beside the chain's.

`bulk_infer` predicts for one, `evaluate_model` and `generate_statistics` take one as `examples`,
and `compare_examples` and `compare_statistics` compare with one: each brings it along as a node.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from fluentml import components as kinds
from fluentml import frames
from fluentml.component import Component
from fluentml.words import in_words_of, make

PathLike: TypeAlias = str | os.PathLike[str]
Split: TypeAlias = Mapping[str, int] | Mapping[str, str]
Span: TypeAlias = int | datetime.date | Literal["latest"]
Spans: TypeAlias = int | tuple[int | datetime.date, int | datetime.date]


def from_csv(
    path: PathLike,
    *,
    split: Split | None = None,
    pattern: str | None = None,
    span: Span = "latest",
    spans: Spans | None = None,
    partition_on: str | None = None,
    mixed: Sequence[str] = (),
    input_config: Any = None,
    output_config: Any = None,
    id: str | None = None,
) -> Component:
    """Return a source of examples; it takes the parameters of `PipelineDef.from_csv`."""
    return make(
        kinds.CsvExampleGen,
        path=path,
        split=split,
        pattern=pattern,
        span=span,
        spans=spans,
        partition_on=partition_on,
        mixed=mixed,
        input_config=input_config,
        output_config=output_config,
        id=id,
    )


def from_tfrecord(
    path: PathLike,
    *,
    split: Split | None = None,
    pattern: str | None = None,
    span: Span = "latest",
    spans: Spans | None = None,
    partition_on: str | None = None,
    input_config: Any = None,
    output_config: Any = None,
    id: str | None = None,
) -> Component:
    """Return a source of examples; as `PipelineDef.from_tfrecord`."""
    return make(
        kinds.ImportExampleGen,
        path=path,
        split=split,
        pattern=pattern,
        span=span,
        spans=spans,
        partition_on=partition_on,
        input_config=input_config,
        output_config=output_config,
        id=id,
    )


def from_parquet(
    path: PathLike,
    *,
    split: Split | None = None,
    pattern: str | None = None,
    span: Span = "latest",
    spans: Spans | None = None,
    partition_on: str | None = None,
    input_config: Any = None,
    output_config: Any = None,
    id: str | None = None,
) -> Component:
    """Return a source of examples; as `PipelineDef.from_parquet`."""
    return make(
        kinds.ParquetExampleGen,
        path=path,
        split=split,
        pattern=pattern,
        span=span,
        spans=spans,
        partition_on=partition_on,
        input_config=input_config,
        output_config=output_config,
        id=id,
    )


def from_avro(
    path: PathLike,
    *,
    split: Split | None = None,
    pattern: str | None = None,
    span: Span = "latest",
    spans: Spans | None = None,
    partition_on: str | None = None,
    input_config: Any = None,
    output_config: Any = None,
    id: str | None = None,
) -> Component:
    """Return a source of examples; as `PipelineDef.from_avro`."""
    return make(
        kinds.AvroExampleGen,
        path=path,
        split=split,
        pattern=pattern,
        span=span,
        spans=spans,
        partition_on=partition_on,
        input_config=input_config,
        output_config=output_config,
        id=id,
    )


def from_dataframe(
    frame: Any,
    *,
    folder: PathLike = "artifacts/_frames",
    split: Mapping[str, int] | None = None,
    partition_on: str | None = None,
    id: str | None = None,
) -> Component:
    """Return a source of examples; as `PipelineDef.from_dataframe`.

    Args:
        frame: A pandas DataFrame or a pyarrow Table.
        folder: Where the frame is kept as a Parquet file.
        split: Hash buckets by split.
        partition_on: Feature by whose value the hash buckets are dealt.
        id: Name of the node; default: that of its reader with `_examples` behind it.
    """
    return make(
        kinds.DataFrameExampleGen,
        path=folder,
        pattern=frames.keep(frame, os.fspath(folder)),
        split=split,
        partition_on=partition_on,
        id=id,
    )


def from_sql(
    url: str,
    query: str,
    *,
    split: Mapping[str, int] | None = None,
    partition_on: str | None = None,
    id: str | None = None,
) -> Component:
    """Return a source of examples; as `PipelineDef.from_sql`."""
    return make(
        kinds.SqlExampleGen,
        url=url,
        query=query,
        split=split,
        partition_on=partition_on,
        id=id,
    )


def from_bigquery(
    query: str | None = None,
    *,
    split: Split | None = None,
    partition_on: str | None = None,
    span: int | datetime.date | None = None,
    project: str | None = None,
    temp_location: str | None = None,
    input_config: Any = None,
    output_config: Any = None,
    id: str | None = None,
) -> Component:
    """Return a source of examples; as `PipelineDef.from_bigquery`."""
    return make(
        kinds.BigQueryExampleGen,
        query=query,
        split=split,
        partition_on=partition_on,
        span=span,
        project=project,
        temp_location=temp_location,
        input_config=input_config,
        output_config=output_config,
        id=id,
    )


def from_custom_example_gen(
    component: Any | Callable[..., Any], *, id: str | None = None
) -> Component:
    """Return a source of examples; as `PipelineDef.from_custom_example_gen`."""
    with in_words_of("from_custom_example_gen", {"id": id}):
        return kinds.CustomExampleGen.of(component, id=id)
