"""ModelConverter: the model in other formats, which must predict the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator

from fluentml.component import Component
from fluentml.components import _sources
from fluentml.errors import BackendError, DefinitionError, did_you_mean, listing
from fluentml.spec import FrozenDict, Input

FORMATS = ("saved_model", "tflite", "tfjs", "hub")
"""What `push_to` takes; the first is always pushed."""


def _by_format(value: Any) -> Any:
    """Return the signature by format; the SavedModel has them all, and is always pushed."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise DefinitionError(
            f"push_to() takes formats= as a list, not {value!r}.",
            hint='write formats=("tflite",), or name a signature: '
            'formats={"tflite": "serving_columns"}.',
        )
    given = value if isinstance(value, Mapping) else dict.fromkeys(value, "serving_default")
    for name in given:
        if name not in FORMATS:
            raise DefinitionError(
                f"push_to() knows no format {name!r}.",
                f"It knows: {listing(FORMATS)}.",
                hint=did_you_mean(str(name), FORMATS) or "take one of these.",
            )
    return {name: signature for name, signature in given.items() if name != FORMATS[0]}


Formats = Annotated[FrozenDict[str, str], BeforeValidator(_by_format)]
"""The signature that each format beside the SavedModel is made of."""


class ModelConverter(Component):
    """Convert a signature of a model that has every blessing the chain makes.

    What came of a format is asked the same raw examples as the model, and must answer the same.

    Attributes:
        formats: By format, the signature that it is made of.
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

    formats: Formats

    @property
    def verb(self) -> str:
        """Name it as the person does who asks for it."""
        return "push_to(formats=…)"

    @property
    def program(self) -> str | None:
        """The program that it calls, which no package of ours brings."""
        return "tensorflowjs_converter" if "tfjs" in self.formats else None

    def missing_here(self) -> Iterator[BackendError]:
        """Yield that the program is not there."""
        if self.program and not shutil.which(self.program):
            yield BackendError(
                f"{self.verb} calls {self.program}, which is not on the PATH.",
                hint="pip install tensorflowjs into an environment of its own, and put the bin/ of "
                "that on the PATH.",
            )

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return the component; TFX has none for this."""
        from fluentml.executors.model_converter import ModelConverter as Converter

        return Converter(**inputs, formats=json.dumps(dict(self.formats)))
