"""Sources of examples that stand on their own: what `bulk_infer` reads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, TypeAlias

from fluentml import components as kinds
from fluentml.spec import Component
from fluentml.words import make

PathLike: TypeAlias = str | os.PathLike[str]
Split: TypeAlias = Mapping[str, int] | Mapping[str, str]


def from_csv(
    path: PathLike,
    *,
    split: Split | None = None,
    input_config: Any = None,
    output_config: Any = None,
) -> Component:
    """Return a source of examples for `bulk_infer`; the parameters of `PipelineDef.from_csv`."""
    return make(
        kinds.CsvExampleGen,
        path=path,
        split=split,
        input_config=input_config,
        output_config=output_config,
    )


def from_tfrecord(
    path: PathLike,
    *,
    split: Split | None = None,
    input_config: Any = None,
    output_config: Any = None,
) -> Component:
    """Return a source of examples for `bulk_infer`; as `PipelineDef.from_tfrecord`."""
    return make(
        kinds.ImportExampleGen,
        path=path,
        split=split,
        input_config=input_config,
        output_config=output_config,
    )


def from_parquet(
    path: PathLike,
    *,
    split: Split | None = None,
    input_config: Any = None,
    output_config: Any = None,
) -> Component:
    """Return a source of examples for `bulk_infer`; as `PipelineDef.from_parquet`."""
    return make(
        kinds.ParquetExampleGen,
        path=path,
        split=split,
        input_config=input_config,
        output_config=output_config,
    )


def from_avro(
    path: PathLike,
    *,
    split: Split | None = None,
    input_config: Any = None,
    output_config: Any = None,
) -> Component:
    """Return a source of examples for `bulk_infer`; as `PipelineDef.from_avro`."""
    return make(
        kinds.AvroExampleGen,
        path=path,
        split=split,
        input_config=input_config,
        output_config=output_config,
    )
