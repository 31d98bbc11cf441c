"""ImportSchemaGen: a curated schema from a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

from fluentml.component import Component
from fluentml.spec import PathText, absolute, is_remote

SCHEMA_FILE = "schema.pbtxt"
"""The file's name in TFX's Schema artifacts."""


class ImportSchemaGen(Component):
    """Read a curated schema; every step that reads a schema then reads this one.

    Attributes:
        schema_file: A `schema.pbtxt` file, or a local folder with one: a Schema artifact's.
    """

    VERB: ClassVar[str] = "with_imported_schema"
    OUTPUTS: ClassVar[Mapping[str, str]] = {"schema": "Schema"}

    schema_file: PathText

    @property
    def file(self) -> str:
        """The file itself, also where its folder was named; found out where the file lies."""
        if not is_remote(self.schema_file) and os.path.isdir(self.schema_file):  # noqa: PTH112 (paths stay text)
            return os.path.join(self.schema_file, SCHEMA_FILE)  # noqa: PTH118
        return self.schema_file

    def reads_outside(self) -> tuple[str, ...] | None:
        """Return the file."""
        return None if is_remote(self.file) else (absolute(self.file),)

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's ImportSchemaGen."""
        from tfx.components.schema_gen.import_schema_gen import component

        return component.ImportSchemaGen(schema_file=absolute(self.file))
