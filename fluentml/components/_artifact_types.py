"""Types of artifacts, by TFX's names or by their classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import model_serializer, model_validator

from fluentml.errors import DefinitionError, did_you_mean, listing
from fluentml.live import Live, LiveObject
from fluentml.spec import Spec

STANDARD = (
    *("Boolean", "Bytes", "Config", "DataView", "ExampleAnomalies", "ExampleStatistics"),
    *("ExampleValidationMetrics", "Examples", "ExamplesDiff", "ExternalArtifact", "Float"),
    *("HyperParameters", "InferenceResult", "InfraBlessing", "Integer", "JsonValue", "Model"),
    *("ModelBlessing", "ModelEvaluation", "ModelRun", "PushedModel", "Schema", "String"),
    *("TransformCache", "TransformGraph", "TunerResults"),
)
"""The types of `tfx.types.standard_artifacts`."""


class ArtifactType(Spec):
    """The type of an artifact.

    Attributes:
        name: TFX's name of it.
        kind: The class, where it is none of TFX's own.
    """

    name: str
    kind: Live | None = None

    @model_validator(mode="before")
    @classmethod
    def _of(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            return value
        name = getattr(value, "TYPE_NAME", None)
        if isinstance(value, type) and isinstance(name, str):
            own = value.__module__ == "tfx.types.standard_artifacts"
            return {"name": name} if own else {"name": name, "kind": LiveObject.of(value)}
        if isinstance(value, str) and value in STANDARD:
            return {"name": value}
        near = did_you_mean(value, STANDARD) if isinstance(value, str) else None
        raise DefinitionError(
            f"There is no artifact type {value!r}.",
            f"TFX's own: {listing(STANDARD)}.",
            hint=near or "name one of these, or pass an artifact class.",
        )

    @model_serializer
    def _as_plain(self) -> Any:
        return {"name": self.name, "kind": repr(self.kind)} if self.kind else self.name

    def value(self) -> Any:
        """Return the class."""
        from tfx.types import standard_artifacts

        return self.kind.value() if self.kind else getattr(standard_artifacts, self.name)
