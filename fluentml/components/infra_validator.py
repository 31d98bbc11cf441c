"""InfraValidator: can the model be served?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, TypeAlias

from pydantic import Field, model_validator
from typing_extensions import Self

from fluentml.component import Component
from fluentml.components import _here, _sources
from fluentml.errors import BackendError
from fluentml.spec import Input, Proto, proto_of

Budget: TypeAlias = Annotated[float, Field(gt=0)]


class InfraValidator(Component):
    """Load the model as a server does, send it raw examples, and hold it to budgets.

    Without `serving_spec` a fresh process with nothing but TensorFlow plays the server. It sends
    each signature one batch of all the examples and then single ones. Every answer must have one
    row for each example, and finite numbers.

    Attributes:
        signatures: Signatures that must answer; each takes one batch of serialized tf.Examples.
        examples: How many examples to take from the split, at least 1.
        split: The split that they come from.
        requests: Requests of one example whose latency is measured, for each signature, at least 1;
            they go round the examples.
        warmup_requests: Requests before them that are not measured.
        max_startup_s: Most seconds that loading the model may take, without Python's and
            TensorFlow's own start.
        max_latency_ms: Most milliseconds that an answer may take, at the percentile.
        percentile: Which of the latencies counts, 50 to 100: 95 lets the slowest 5 % of the
            requests take longer.
        max_memory_mb: Most MB that the process may take at its peak, TensorFlow's own (about 500)
            included.
        timeout_s: Seconds after which a process that is still busy is ended and the model refused.
        serving_spec: TFX's `infra_validator_pb2.ServingSpec`, instead of the plain values: load it
            into TensorFlow Serving in Docker or Kubernetes.
        request_spec: TFX's `infra_validator_pb2.RequestSpec`, with `serving_spec`. Default: 3
            examples of the split `eval`.
        validation_spec: TFX's `infra_validator_pb2.ValidationSpec`, with `serving_spec`.
    """

    VERB: ClassVar[str] = "infra_validate"
    LOWERED_TO: ClassVar[str] = "ours; with `serving_spec` InfraValidator"
    RUNS_HERE: ClassVar[str] = "yes; with `serving_spec` in Docker or Kubernetes"
    INPUTS: ClassVar[Mapping[str, Input]] = {
        "model": Input(type="Model", sources=_sources.MODEL),
        "examples": Input(type="Examples", sources=_sources.RAW_EXAMPLES, optional=True),
    }
    OUTPUTS: ClassVar[Mapping[str, str]] = {"blessing": "InfraBlessing"}

    signatures: Annotated[tuple[str, ...], Field(min_length=1)] = ("serving_default",)
    examples: Annotated[int, Field(ge=1)] = 10
    split: str = "eval"
    requests: Annotated[int, Field(ge=1)] = 50
    warmup_requests: Annotated[int, Field(ge=0)] = 3
    max_startup_s: Budget | None = None
    max_latency_ms: Budget | None = None
    percentile: Annotated[float, Field(ge=50, le=100)] = 95.0
    max_memory_mb: Budget | None = None
    timeout_s: Budget = 300.0
    serving_spec: Annotated[
        Proto | None, proto_of("tfx.components.infra_validator.ServingSpec")
    ] = None
    request_spec: Annotated[
        Proto | None, proto_of("tfx.components.infra_validator.RequestSpec")
    ] = None
    validation_spec: Annotated[
        Proto | None, proto_of("tfx.components.infra_validator.ValidationSpec")
    ] = None

    @model_validator(mode="after")
    def _plain_or_proto(self) -> Self:
        protos = {"serving_spec", "request_spec", "validation_spec"}
        given = {name for name, value in self if value != type(self).model_fields[name].default}
        plain = sorted(given - protos - Component.model_fields.keys())
        if self.serving_spec and plain:
            raise ValueError(f"takes {plain[0]}=, or TFX's serving_spec=, not both")
        if not self.serving_spec and given & protos:
            raise ValueError(
                f"takes {min(given & protos)}= only with serving_spec=, which says where "
                "TensorFlow Serving runs"
            )
        return self

    @property
    def needs_docker(self) -> bool:
        """Whether the step talks to the Docker engine of the machine that runs it."""
        docker = (
            json.loads(self.serving_spec.text).get("local_docker") if self.serving_spec else None
        )
        return docker is not None and "client_base_url" not in docker

    def missing_here(self) -> Iterator[BackendError]:
        """Yield that there is no Docker, where TensorFlow Serving runs in it."""
        if self.needs_docker and not _here.docker_answers():
            yield BackendError(
                "infra_validate(serving_spec=…) starts TensorFlow Serving in Docker, and no Docker "
                "engine is reachable here.",
                hint="start Docker, or leave serving_spec= out: a fresh process then plays the "
                "server.",
            )

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's InfraValidator with `serving_spec`, else the one that needs no server."""
        if self.serving_spec:
            return self._with_tensorflow_serving(inputs, self.serving_spec)
        from fluentml.executors.infra_validator import InfraValidator as WithoutServer

        return WithoutServer(
            **inputs,
            signatures=json.dumps(self.signatures),
            split=self.split,
            num_examples=self.examples,
            requests=self.requests,
            warmup_requests=self.warmup_requests,
            max_startup_s=self.max_startup_s,
            max_latency_ms=self.max_latency_ms,
            percentile=self.percentile,
            max_memory_mb=self.max_memory_mb,
            timeout_s=self.timeout_s,
        )

    def _with_tensorflow_serving(self, inputs: Mapping[str, Any], serving_spec: Proto) -> Any:
        from tfx.components.infra_validator import component
        from tfx.proto import infra_validator_pb2 as pb

        request_spec = pb.RequestSpec(
            tensorflow_serving=pb.TensorFlowServingRequestSpec(), num_examples=3, split_name="eval"
        )
        return component.InfraValidator(
            **inputs,
            serving_spec=serving_spec.message(),
            request_spec=self.request_spec.message() if self.request_spec else request_spec,
            validation_spec=self.validation_spec and self.validation_spec.message(),
        )
