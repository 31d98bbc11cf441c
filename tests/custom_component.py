"""A custom component as TFX users write them: a decorated function."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputDict
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples


@component
def CountExamples(examples: InputArtifact[Examples]) -> OutputDict(splits=str):  # noqa: N802
    return {"splits": examples.split_names}
