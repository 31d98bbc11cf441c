"""Custom components as fluent-tfx's usage guide has them: they tell where their artifacts are."""

from tfx.dsl.component.experimental.annotations import InputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import HyperParameters, Model, Schema


@component
def TellUris(  # noqa: N802
    model: InputArtifact[Model], hyperparameters: InputArtifact[HyperParameters]
) -> None:
    print(model.uri, hyperparameters.uri)


@component
def CompareSchemas(  # noqa: N802
    schema_generated: InputArtifact[Schema], schema_provided: InputArtifact[Schema]
) -> None:
    print(schema_generated.uri, schema_provided.uri)
