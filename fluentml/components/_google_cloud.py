"""Google Cloud in plain values, and what TFX's components for it make of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, model_validator
from typing_extensions import Self

from fluentml.errors import DefinitionError, did_you_mean, listing
from fluentml.placement import Duration, Variables, seconds_of
from fluentml.spec import FrozenDict, Spec

STOCK_IMAGES = ("gcr.io/tfx-oss-public/", "tensorflow/tfx", "docker.io/tensorflow/tfx")
"""How the names of TFX's own images begin, which have neither fluentml nor a user's code."""


class VertexTarget(Spec):
    """An endpoint of Vertex AI; it is created where there is none of that name.

    Attributes:
        project: The Google Cloud project.
        region: Its region: `us-central1`.
        endpoint: The display name of the endpoint.
        image: The container image that serves the model.
        machine_type: The machine under each replica, `n1-standard-4`.
        min_replica_count: The least number of replicas, at least 1.
        max_replica_count: The greatest.
        accelerator_type: An accelerator for each replica, `NVIDIA_TESLA_T4`.
        accelerator_count: How many of them.
        traffic_percentage: The share of the endpoint's traffic that the new model gets; 100 unless
            given.
        service_account: The account that the model runs as.
        labels: Labels of an endpoint that is created.
    """

    project: str
    region: str
    endpoint: str
    image: str
    machine_type: str | None = None
    min_replica_count: Annotated[int, Field(ge=1)] | None = None
    max_replica_count: Annotated[int, Field(ge=1)] | None = None
    accelerator_type: str | None = None
    accelerator_count: Annotated[int, Field(ge=1)] | None = None
    traffic_percentage: Annotated[int, Field(ge=0, le=100)] | None = None
    service_account: str | None = None
    labels: FrozenDict[str, str] | None = None

    def custom_config(self) -> dict[str, Any]:
        """Return what TFX's Pusher for Vertex AI takes."""
        from tfx.extensions.google_cloud_ai_platform import constants

        deploy = self.model_dump(
            mode="json", exclude_none=True, exclude={"project", "region", "endpoint", "image"}
        )
        return {
            constants.ENABLE_VERTEX_KEY: True,
            constants.VERTEX_REGION_KEY: self.region,
            constants.VERTEX_CONTAINER_IMAGE_URI_KEY: self.image,
            constants.SERVING_ARGS_KEY: {
                "project_id": self.project,
                "endpoint_name": self.endpoint,
                **deploy,
            },
        }


class VertexJob(Spec):
    """A custom job of Vertex AI, in which a step trains or searches.

    Attributes:
        project: The Google Cloud project.
        region: Its region: `us-central1`.
        image: The container image that the job runs, with TFX and with what the function imports:
            that of `fluentml image`.
        machine_type: The machine, or each of them.
        accelerator_type: An accelerator of each machine, `NVIDIA_TESLA_T4`.
        accelerator_count: How many of them; 1 unless given.
        service_account: The account that the job runs as; None, the project's default one.
        timeout: After how long the job is ended, with a unit: `"90s"`, `"30m"`, `"6h"`, `"2d"`;
            None, after the 7 days of Vertex AI.
        env: Environment variables of the job.
        labels: Labels of the job.
        display_name: What the job is called; None, by `tfx` and the time.
    """

    project: str
    region: str
    image: str
    machine_type: str = "n1-standard-4"
    accelerator_type: str | None = None
    accelerator_count: Annotated[int, Field(ge=1)] | None = None
    service_account: str | None = None
    timeout: Duration | None = None
    env: Variables = FrozenDict()
    labels: FrozenDict[str, str] = FrozenDict()
    display_name: str | None = None

    @model_validator(mode="after")
    def _accelerators_of_a_kind(self) -> Self:
        if self.accelerator_count and not self.accelerator_type:
            raise ValueError("has accelerator_count without accelerator_type")
        return self

    def custom_config(self, key: str, machines: int = 1) -> dict[str, Any]:
        """Return what TFX's Trainer and Tuner for Vertex AI take.

        Args:
            key: By which of its keys TFX takes the job.
            machines: How many machines the job has: the first, and workers beside it.
        """
        from tfx.extensions.google_cloud_ai_platform import constants

        pools = [self._pool(1), *([self._pool(machines - 1)] if machines > 1 else [])]
        spec: dict[str, Any] = {"worker_pool_specs": pools}
        if self.service_account:
            spec["service_account"] = self.service_account
        if self.timeout:
            spec["scheduling"] = {"timeout": f"{seconds_of(self.timeout)}s"}
        job = {"project": self.project, "labels": dict(self.labels), "job_spec": spec}
        if self.display_name:
            job["display_name"] = self.display_name
        return {
            constants.ENABLE_VERTEX_KEY: True,
            constants.VERTEX_REGION_KEY: self.region,
            key: job,
        }

    def _pool(self, machines: int) -> dict[str, Any]:
        machine: dict[str, Any] = {"machine_type": self.machine_type}
        if self.accelerator_type:
            machine["accelerator_type"] = self.accelerator_type
            machine["accelerator_count"] = self.accelerator_count or 1
        env = [{"name": name, "value": self.env[name]} for name in sorted(self.env)]
        container = {"image_uri": self.image, **({"env": env} if env else {})}
        return {"machine_spec": machine, "replica_count": machines, "container_spec": container}


class BigQueryModel(Spec):
    """A model of BigQuery ML, which a push creates or replaces.

    Attributes:
        project: The Google Cloud project that holds it.
        dataset: The data set in it.
        model: Its name.
        compute_project: The project that runs the query, where it is another one.
    """

    project: str
    dataset: str
    model: str
    compute_project: str | None = None

    def custom_config(self) -> dict[str, Any]:
        """Return what TFX's Pusher for BigQuery ML takes."""
        serving_args = {
            "project_id": self.project,
            "bq_dataset_id": self.dataset,
            "model_name": self.model,
        }
        if self.compute_project:
            serving_args["compute_project_id"] = self.compute_project
        return {"bigquery_serving_args": serving_args}


def with_known_keys(kind: type[Spec], verb: str, parameter: str, value: Any) -> Any:
    """Return the value of a parameter that is a dict, or say which of its keys are wrong.

    Args:
        kind: The spec that the dict is to become.
        verb: The method of the chain.
        parameter: The parameter's name.
        value: What it got.

    Raises:
        DefinitionError: It is no dict, has an unknown key, or misses one.
    """
    names = kind.model_fields
    required = [name for name, field in names.items() if field.is_required()]
    example = ", ".join(f'"{name}": "…"' for name in required)
    if value is None or isinstance(value, kind):
        return value
    if not isinstance(value, Mapping):
        raise DefinitionError(
            f"{verb}() takes {parameter}= as a dict, not {value!r}.",
            hint=f"write {parameter}={{{example}}}.",
        )
    for key in value:
        if key not in names:
            raise DefinitionError(
                f"{verb}() knows no key {key!r} in {parameter}=.",
                f"It takes: {listing(names)}.",
                hint=did_you_mean(str(key), names) or "take one of these.",
            )
    missing = [name for name in required if name not in value]
    if missing:
        raise DefinitionError(
            f"{verb}() misses {listing(missing)} in {parameter}=.",
            hint=f"write {parameter}={{{example}}}.",
        )
    return value
