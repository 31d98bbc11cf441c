"""AvroExampleGen: Avro files into examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fluentml.components._file_based import FileBasedExampleGen


class AvroExampleGen(FileBasedExampleGen):
    """Read Avro files into tf.Examples: a feature per column, typed as the column is."""

    VERB: ClassVar[str] = "from_avro"
    LOWERED_TO: ClassVar[str] = "FileBasedExampleGen, our executor; with `spans` ours"
    SUFFIXES: ClassVar[tuple[str, ...]] = (".avro",)

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's FileBasedExampleGen with our executor, which keeps 0, False and ""."""
        if self.spans is not None:
            from fluentml.executors.span_window import AvroWindowExecutor

            return self.windowed(AvroWindowExecutor)
        from tfx.components.example_gen.component import FileBasedExampleGen
        from tfx.dsl.components.base.executor_spec import BeamExecutorSpec

        from fluentml.executors.row_files import AvroExecutor

        return FileBasedExampleGen(
            **self.reading(), custom_executor_spec=BeamExecutorSpec(AvroExecutor)
        )
