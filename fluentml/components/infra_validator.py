"""InfraValidator: can the model be served?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from fluentml.components import _sources
from fluentml.spec import Component, Input, Proto, proto_of


class InfraValidator(Component):
    """Load the model into TensorFlow Serving and send it a few raw examples.

    Attributes:
        serving_spec: TFX's `infra_validator_pb2.ServingSpec`. Default: the `tensorflow/serving`
            image, tag `latest`, in the Docker engine of the machine that runs the step.
        request_spec: TFX's `infra_validator_pb2.RequestSpec`. Default: 3 examples of the split
            `eval`.
        validation_spec: TFX's `infra_validator_pb2.ValidationSpec`.
    """

    VERB: ClassVar[str] = "infra_validate"
    INPUTS: ClassVar[Mapping[str, Input]] = {
        "model": Input(type="Model", sources=_sources.MODEL),
        "examples": Input(type="Examples", sources=_sources.RAW_EXAMPLES, optional=True),
    }
    OUTPUTS: ClassVar[Mapping[str, str]] = {"blessing": "InfraBlessing"}

    serving_spec: Annotated[
        Proto | None, proto_of("tfx.components.infra_validator.ServingSpec")
    ] = None
    request_spec: Annotated[
        Proto | None, proto_of("tfx.components.infra_validator.RequestSpec")
    ] = None
    validation_spec: Annotated[
        Proto | None, proto_of("tfx.components.infra_validator.ValidationSpec")
    ] = None

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's InfraValidator."""
        from tfx.components.infra_validator import component
        from tfx.proto import infra_validator_pb2 as pb

        serving_spec = pb.ServingSpec(
            tensorflow_serving=pb.TensorFlowServing(tags=["latest"]),
            local_docker=pb.LocalDockerConfig(),
        )
        request_spec = pb.RequestSpec(
            tensorflow_serving=pb.TensorFlowServingRequestSpec(), num_examples=3, split_name="eval"
        )
        return component.InfraValidator(
            **inputs,
            serving_spec=self.serving_spec.message() if self.serving_spec else serving_spec,
            request_spec=self.request_spec.message() if self.request_spec else request_spec,
            validation_spec=self.validation_spec and self.validation_spec.message(),
        )
