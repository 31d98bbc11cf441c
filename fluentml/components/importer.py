"""Importers: artifacts from outside the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fluentml.component import Component
from fluentml.components._artifact_types import ArtifactType
from fluentml.spec import FrozenDict, JsonDict, PathText, absolute, is_remote, thaw


class ImportedArtifact(Component):
    """Register a folder from outside as an artifact.

    Attributes:
        uri: The folder.
    """

    LOWERED_TO: ClassVar[str] = "Importer"

    uri: PathText

    @property
    def verb(self) -> str:
        """Name a step that another one brings along by its id."""
        return super().verb if self.is_primary else self.id

    def reads_outside(self) -> tuple[str, ...] | None:
        """Return the folder; a remote one counts as what it was, as it does for TFX."""
        return () if is_remote(self.uri) else (absolute(self.uri),)

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Importer."""
        from tfx.dsl.components.common import importer
        from tfx.types import standard_artifacts

        kind = getattr(standard_artifacts, self.OUTPUTS["result"])
        return importer.Importer(source_uri=absolute(self.uri), artifact_type=kind)


class Importer(ImportedArtifact):
    """Register any folder or file from outside as an artifact; read where `inputs=` names it.

    Attributes:
        type: The artifact's type: a name of TFX's, or an artifact class.
        properties: Values of properties that the type has.
        custom_properties: Values of further ones.
        reimport: Whether to register it anew although it is registered with the same properties.
    """

    VERB: ClassVar[str] = "import_artifact"

    type: ArtifactType
    properties: JsonDict = FrozenDict()
    custom_properties: JsonDict = FrozenDict()
    reimport: bool = False

    @property
    def verb(self) -> str:
        """Name one of several by its id."""
        return f"{self.VERB}()" if self.is_primary else f"{self.VERB}({self.id})"

    def provides(self) -> Mapping[str, str]:
        """Return the artifact."""
        return {"result": self.type.name}

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Importer."""
        from tfx.dsl.components.common import importer

        return importer.Importer(
            source_uri=absolute(self.uri),
            artifact_type=self.type.value(),
            properties=thaw(self.properties),
            custom_properties=thaw(self.custom_properties),
            reimport=self.reimport,
        )


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
