"""Sources of examples that stand on their own: what `bulk_infer` reads."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from fluentml import components as kinds
from fluentml.spec import Component
from fluentml.words import make

PathLike: TypeAlias = str | os.PathLike[str]
Split: TypeAlias = Mapping[str, int] | Mapping[str, str]
Span: TypeAlias = int | datetime.date | Literal["latest"]


def from_csv(
    path: PathLike,
    *,
    split: Split | None = None,
    pattern: str | None = None,
    span: Span = "latest",
    partition_on: str | None = None,
    input_config: Any = None,
    output_config: Any = None,
) -> Component:
    """Return a source of examples for `bulk_infer`; the parameters of `PipelineDef.from_csv`."""
    return make(
        kinds.CsvExampleGen,
        path=path,
        split=split,
        pattern=pattern,
        span=span,
        partition_on=partition_on,
        input_config=input_config,
        output_config=output_config,
    )


def from_tfrecord(
    path: PathLike,
    *,
    split: Split | None = None,
    pattern: str | None = None,
    span: Span = "latest",
    partition_on: str | None = None,
    input_config: Any = None,
    output_config: Any = None,
) -> Component:
    """Return a source of examples for `bulk_infer`; as `PipelineDef.from_tfrecord`."""
    return make(
        kinds.ImportExampleGen,
        path=path,
        split=split,
        pattern=pattern,
        span=span,
        partition_on=partition_on,
        input_config=input_config,
        output_config=output_config,
    )


def from_parquet(
    path: PathLike,
    *,
    split: Split | None = None,
    pattern: str | None = None,
    span: Span = "latest",
    partition_on: str | None = None,
    input_config: Any = None,
    output_config: Any = None,
) -> Component:
    """Return a source of examples for `bulk_infer`; as `PipelineDef.from_parquet`."""
    return make(
        kinds.ParquetExampleGen,
        path=path,
        split=split,
        pattern=pattern,
        span=span,
        partition_on=partition_on,
        input_config=input_config,
        output_config=output_config,
    )


def from_avro(
    path: PathLike,
    *,
    split: Split | None = None,
    pattern: str | None = None,
    span: Span = "latest",
    partition_on: str | None = None,
    input_config: Any = None,
    output_config: Any = None,
) -> Component:
    """Return a source of examples for `bulk_infer`; as `PipelineDef.from_avro`."""
    return make(
        kinds.AvroExampleGen,
        path=path,
        split=split,
        pattern=pattern,
        span=span,
        partition_on=partition_on,
        input_config=input_config,
        output_config=output_config,
    )
