"""Importers: artifacts from outside the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fluentml.spec import Component, PathText, absolute


class ImportedArtifact(Component):
    """Register a folder from outside as an artifact.

    Attributes:
        uri: The folder.
    """

    uri: PathText

    @property
    def verb(self) -> str:
        """Name a step that another one brings along by its id."""
        return super().verb if self.is_primary else self.id

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Importer."""
        from tfx.dsl.components.common import importer
        from tfx.types import standard_artifacts

        kind = getattr(standard_artifacts, self.OUTPUTS["result"])
        return importer.Importer(source_uri=absolute(self.uri), artifact_type=kind)


class ImportedHyperparameters(ImportedArtifact):
    """Hyperparameters found earlier: a folder with one `best_hyperparameters.txt`."""

    VERB: ClassVar[str] = "with_hyperparameters"
    OUTPUTS: ClassVar[Mapping[str, str]] = {"result": "HyperParameters"}


class ImportedModel(ImportedArtifact):
    """A model trained earlier, to start from: a Model artifact's folder."""

    VERB: ClassVar[str] = "with_base_model"
    OUTPUTS: ClassVar[Mapping[str, str]] = {"result": "Model"}


class ImportedStatistics(ImportedArtifact):
    """Statistics to compare with: an ExampleStatistics artifact's folder."""

    OUTPUTS: ClassVar[Mapping[str, str]] = {"result": "ExampleStatistics"}
