"""ModelConverter: the model in other formats, which must predict the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from fluentml.components import _sources
from fluentml.spec import Component, Input

FORMATS = ("saved_model", "tflite", "tfjs", "hub")
"""What `push_to` takes; the first is always pushed."""


class ModelConverter(Component):
    """Convert the signature `serving_default` of a model that has every blessing the chain makes.

    What came of a format is asked the same raw examples as the model, and must answer the same.

    Attributes:
        formats: Of `tflite`, `tfjs` and `hub`.
    """

    LOWERED_TO: ClassVar[str] = "ours"
    INPUTS: ClassVar[Mapping[str, Input]] = {
        "model": Input(type="Model", sources=_sources.MODEL),
        "examples": Input(type="Examples", sources=_sources.RAW_EXAMPLES),
        "model_blessing": Input(
            type="ModelBlessing", sources=_sources.MODEL_BLESSING, optional=True, about="model"
        ),
        "infra_blessing": Input(
            type="InfraBlessing", sources=_sources.INFRA_BLESSING, optional=True, about="model"
        ),
    }
    OUTPUTS: ClassVar[Mapping[str, str]] = {"converted_model": "Model"}

    formats: tuple[str, ...]

    @property
    def verb(self) -> str:
        """Name it as the person does who asks for it."""
        return "push_to(formats=…)"

    @property
    def program(self) -> str | None:
        """The program that it calls, which no package of ours brings."""
        return "tensorflowjs_converter" if "tfjs" in self.formats else None

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return the component; TFX has none for this."""
        from fluentml.executors.model_converter import ModelConverter as Converter

        return Converter(**inputs, formats=json.dumps(self.formats))
