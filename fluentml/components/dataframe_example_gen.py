"""DataFrameExampleGen: a data frame that was kept as a Parquet file, into examples."""

from __future__ import annotations

from typing import ClassVar

from fluentml.components.parquet_example_gen import ParquetExampleGen


class DataFrameExampleGen(ParquetExampleGen):
    """Read the Parquet file that `fluentml.frames` wrote: `pattern` is its name."""

    VERB: ClassVar[str] = "from_dataframe"
    LOWERED_TO: ClassVar[str] = "FileBasedExampleGen, our executor"
    TEXT_SPLITS: ClassVar[str] = ""
