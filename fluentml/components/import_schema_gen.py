"""ImportSchemaGen: a curated schema from a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fluentml.spec import Component, PathText, absolute


class ImportSchemaGen(Component):
    """Read a curated schema; every step that reads a schema then reads this one.

    Attributes:
        schema_file: A `schema.pbtxt` file.
    """

    VERB: ClassVar[str] = "with_imported_schema"
    OUTPUTS: ClassVar[Mapping[str, str]] = {"schema": "Schema"}

    schema_file: PathText

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's ImportSchemaGen."""
        from tfx.components.schema_gen.import_schema_gen import component

        return component.ImportSchemaGen(schema_file=absolute(self.schema_file))
