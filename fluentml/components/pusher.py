"""Pusher: the model goes where it is served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import model_validator
from typing_extensions import Self

from fluentml.components import _sources
from fluentml.errors import DefinitionError
from fluentml.spec import Component, Input, JsonDict, PathText, Proto, absolute, proto_of, thaw


class Pusher(Component):
    """Copy the model to the destination once every blessing of it that the chain produces is there.

    Attributes:
        destination: Folder that gets a sub-folder per version, named by the time in seconds.
        require_push: Whether the node fails where a blessing is missing; else it pushes nothing.
        push_destination: TFX's `pusher_pb2.PushDestination`, instead of `destination`.
        custom_config: Plain values for an executor of one's own.
    """

    VERB: ClassVar[str] = "push_to"
    LOWERED_TO: ClassVar[str] = "Pusher; with `require_push` ours"
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
    push_destination: Annotated[Proto | None, proto_of("tfx.components.pusher.PushDestination")] = (
        None
    )
    custom_config: JsonDict | None = None

    @model_validator(mode="after")
    def _one_destination(self) -> Self:
        if not self.destination and not self.push_destination:
            raise DefinitionError(
                "push_to() has no destination.",
                hint='name the folder that the model server watches: push_to("serving/taxi").',
            )
        if self.destination and self.push_destination:
            raise ValueError("takes a folder or the proto push_destination=, not both")
        return self

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Pusher; only with `require_push` one of its kind that can fail."""
        from tfx.components.pusher import component
        from tfx.proto import pusher_pb2

        if self.push_destination:
            destination = self.push_destination.message()
        else:
            destination = pusher_pb2.PushDestination()
            destination.filesystem.base_directory = absolute(self.destination or "")
        config = thaw(self.custom_config)
        if not self.require_push:
            return component.Pusher(**inputs, push_destination=destination, custom_config=config)
        from fluentml.executors.pusher import Pusher as StrictPusher

        config = {**(config or {}), "require_push": True}
        return StrictPusher(**inputs, push_destination=destination, custom_config=config)
