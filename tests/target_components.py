"""Components in which TFX's Kubeflow compiler shows its defects."""

from tfx.dsl.component.experimental.annotations import (
    InputArtifact,
    OutputArtifact,
    OutputDict,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Model


@component
def MakeNumber(model: OutputArtifact[Model]) -> OutputDict(number=int):  # noqa: N802
    return {"number": 30}


@component
def TakeNumber(model: InputArtifact[Model], number: Parameter[int], text: Parameter[str]): ...  # noqa: N802
