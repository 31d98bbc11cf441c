"""CsvExampleGen: CSV files into examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fluentml.components._file_based import FileBasedExampleGen


class CsvExampleGen(FileBasedExampleGen):
    """Read CSV files, each with the same header, into tf.Examples.

    Attributes:
        mixed: Columns that hold numbers and text on purpose. TFX makes text of such a column, and
            where nothing says that it is meant, `check` takes the text for a mistake.
    """

    VERB: ClassVar[str] = "from_csv"
    LOWERED_TO: ClassVar[str] = "CsvExampleGen; with `spans` ours"
    SUFFIXES: ClassVar[tuple[str, ...]] = (".csv",)

    mixed: tuple[str, ...] = ()

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's CsvExampleGen, or ours for a window of spans."""
        if self.spans is not None:
            from fluentml.executors.span_window import CsvWindowExecutor

            return self.windowed(CsvWindowExecutor)
        from tfx.components.example_gen.csv_example_gen import component

        return component.CsvExampleGen(**self.reading())
