"""ImportExampleGen: TFRecord files of tf.Examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fluentml.components._file_based import FileBasedExampleGen


class ImportExampleGen(FileBasedExampleGen):
    """Read TFRecord files of serialized tf.Examples, compressed with GZIP or not."""

    VERB: ClassVar[str] = "from_tfrecord"
    LOWERED_TO: ClassVar[str] = "ImportExampleGen; with `spans` ours"
    SUFFIXES: ClassVar[tuple[str, ...]] = (".tfrecord", ".tfrecords", ".gz")

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's ImportExampleGen, or ours for a window of spans."""
        if self.spans is not None:
            from fluentml.executors.span_window import TFRecordWindowExecutor

            return self.windowed(TFRecordWindowExecutor)
        from tfx.components.example_gen.import_example_gen import component

        return component.ImportExampleGen(**self.reading())
