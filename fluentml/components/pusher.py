"""Pusher: the model goes where it is served."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import field_validator, model_validator
from typing_extensions import Self

from fluentml.component import WHEN, Component
from fluentml.components import _sources
from fluentml.components._google_cloud import BigQueryModel, VertexTarget, with_known_keys
from fluentml.components._here import without_credentials
from fluentml.components.model_converter import Formats, ModelConverter
from fluentml.errors import BackendError, DefinitionError
from fluentml.spec import FrozenDict, Input, JsonDict, PathText, Proto, absolute, proto_of, thaw

CONVERTED = Input(type="Model")


class Pusher(Component):
    """Copy the model to the destination once every blessing of it that the chain produces is there.

    Attributes:
        destination: Folder that gets a sub-folder per version, named by the time in seconds.
        require_push: Whether the node fails where a blessing is missing; else it pushes nothing.
        formats: Formats beside the SavedModel and the signature that each is made of; the node
            `{id}_formats` makes them.
        push_destination: TFX's `pusher_pb2.PushDestination`, instead of `destination`.
        custom_config: Plain values for an executor of one's own.
        vertex: An endpoint of Vertex AI, instead of `destination`.
        bigquery_ml: A model of BigQuery ML, instead of `destination`.
    """

    VERB: ClassVar[str] = "push_to"
    LOWERED_TO: ClassVar[str] = "Pusher; ours with `require_push` or `formats`"
    RUNS_HERE: ClassVar[str] = "yes; with `vertex` or `bigquery_ml` given Google Cloud credentials"
    INPUTS: ClassVar[Mapping[str, Input]] = {
        "model": Input(type="Model", sources=_sources.MODEL),
        "model_blessing": Input(
            type="ModelBlessing", sources=_sources.MODEL_BLESSING, optional=True, about="model"
        ),
        "infra_blessing": Input(
            type="InfraBlessing", sources=_sources.INFRA_BLESSING, optional=True, about="model"
        ),
    }
    OUTPUTS: ClassVar[Mapping[str, str]] = {"pushed_model": "PushedModel"}

    destination: PathText | None = None
    require_push: bool = False
    formats: Formats = FrozenDict()
    push_destination: Annotated[Proto | None, proto_of("tfx.components.pusher.PushDestination")] = (
        None
    )
    custom_config: JsonDict | None = None
    vertex: VertexTarget | None = None
    bigquery_ml: BigQueryModel | None = None

    @field_validator("vertex", mode="before")
    @classmethod
    def _keys_of_vertex(cls, value: Any) -> Any:
        return with_known_keys(VertexTarget, cls.VERB, "vertex", value)

    @field_validator("bigquery_ml", mode="before")
    @classmethod
    def _keys_of_bigquery_ml(cls, value: Any) -> Any:
        return with_known_keys(BigQueryModel, cls.VERB, "bigquery_ml", value)

    @model_validator(mode="after")
    def _one_destination(self) -> Self:
        targets = {
            "a folder": self.destination,
            "the proto push_destination=": self.push_destination,
            "vertex=": self.vertex,
            "bigquery_ml=": self.bigquery_ml,
        }
        given = [name for name, target in targets.items() if target]
        if not given:
            raise DefinitionError(
                "push_to() has no destination.",
                hint='name the folder that the model server watches: push_to("serving/taxi").',
            )
        if len(given) > 1:
            raise ValueError(f"takes {' or '.join(given)}, not both")
        for parameter in ("formats", "require_push", "custom_config"):
            if self.needs_google_cloud and getattr(self, parameter):
                raise ValueError(f"takes {parameter}= only with a folder, not with {given[0]}")
        return self

    @property
    def needs_google_cloud(self) -> str | None:
        """The service of Google Cloud that the step calls, if it calls one."""
        return "Vertex AI" if self.vertex else "BigQuery ML" if self.bigquery_ml else None

    def missing_here(self) -> Iterator[BackendError]:
        """Yield that Google's libraries find no account, where one is needed."""
        if self.needs_google_cloud:
            yield from without_credentials(self.verb)

    def reads(self) -> Mapping[str, Input]:
        """Return the model and its blessings, and the model in other formats where asked for."""
        return {**self.INPUTS, **({"converted_model": CONVERTED} if self.formats else {})}

    def companions(self) -> Mapping[str, Component]:
        """Return the step that makes the other formats of that model, behind the same gates."""
        if not self.formats:
            return {}
        same = {k: c for k, c in self.inputs.items() if k in self.INPUTS or k.startswith(WHEN)}
        converter = ModelConverter(
            id=f"{self.id}_formats", formats=self.formats, when=self.when, inputs=FrozenDict(same)
        )
        return {"converted_model": converter}

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Pusher for the destination.

        With `require_push`, or with other formats, it is one of ours.
        """
        if self.vertex:
            from tfx.extensions.google_cloud_ai_platform.pusher import component as vertex

            return vertex.Pusher(**inputs, custom_config=self.vertex.custom_config())
        if self.bigquery_ml:
            from tfx.extensions.google_cloud_big_query.pusher import component as bigquery

            return bigquery.Pusher(**inputs, custom_config=self.bigquery_ml.custom_config())
        return self._into_folder(inputs)

    def _into_folder(self, inputs: Mapping[str, Any]) -> Any:
        from tfx.components.pusher import component
        from tfx.proto import pusher_pb2

        if self.push_destination:
            destination = self.push_destination.message()
        else:
            destination = pusher_pb2.PushDestination()
            destination.filesystem.base_directory = absolute(self.destination or "")
        config = thaw(self.custom_config)
        if not self.require_push and not self.formats:
            return component.Pusher(**inputs, push_destination=destination, custom_config=config)
        from fluentml.executors.pusher import Pusher as OurPusher

        if self.require_push:
            config = {**(config or {}), "require_push": True}
        return OurPusher(**inputs, push_destination=destination, custom_config=config)
