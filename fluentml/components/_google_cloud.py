"""Where a model can go on Google Cloud, in plain values, and what TFX's pushers make of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field

from fluentml.errors import DefinitionError, did_you_mean, listing
from fluentml.spec import FrozenDict, Spec

S = TypeVar("S", bound=Spec)


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


def keys_of(kind: type[S], parameter: str) -> BeforeValidator:
    """Return a validator that takes a dict with the keys of a target, and says which are wrong."""
    names = kind.model_fields
    required = [name for name, field in names.items() if field.is_required()]

    def check(value: Any) -> Any:
        if value is None or isinstance(value, kind):
            return value
        example = ", ".join(f'"{name}": "…"' for name in required)
        if not isinstance(value, Mapping):
            raise DefinitionError(
                f"push_to() takes {parameter}= as a dict, not {value!r}.",
                hint=f"write {parameter}={{{example}}}.",
            )
        for key in value:
            if key not in names:
                raise DefinitionError(
                    f"push_to() knows no key {key!r} in {parameter}=.",
                    f"It takes: {listing(names)}.",
                    hint=did_you_mean(str(key), names) or "take one of these.",
                )
        missing = [name for name in required if name not in value]
        if missing:
            raise DefinitionError(
                f"push_to() misses {listing(missing)} in {parameter}=.",
                hint=f"write {parameter}={{{example}}}.",
            )
        return value

    return BeforeValidator(check)
