"""Pusher: the model goes where it is served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import field_validator, model_validator
from typing_extensions import Self

from fluentml.components import _sources
from fluentml.components.model_converter import FORMATS, ModelConverter
from fluentml.errors import DefinitionError, did_you_mean, listing
from fluentml.spec import (
    Component,
    FrozenDict,
    Input,
    JsonDict,
    PathText,
    Proto,
    absolute,
    proto_of,
    thaw,
)

CONVERTED = Input(type="Model")


class Pusher(Component):
    """Copy the model to the destination once every blessing of it that the chain produces is there.

    Attributes:
        destination: Folder that gets a sub-folder per version, named by the time in seconds.
        require_push: Whether the node fails where a blessing is missing; else it pushes nothing.
        formats: Formats beside the SavedModel, made by the node `{id}_formats`.
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
    formats: tuple[str, ...] = ()
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

    @field_validator("formats")
    @classmethod
    def _known_formats(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in FORMATS:
                raise DefinitionError(
                    f"push_to() knows no format {name!r}.",
                    f"It knows: {listing(FORMATS)}.",
                    hint=did_you_mean(name, FORMATS) or "take one of these.",
                )
        # The SavedModel is always pushed.
        return tuple(dict.fromkeys(name for name in value if name != FORMATS[0]))

    def reads(self) -> Mapping[str, Input]:
        """Return the model and its blessings, and the model in other formats where asked for."""
        return {**self.INPUTS, **({"converted_model": CONVERTED} if self.formats else {})}

    def companions(self) -> Mapping[str, Component]:
        """Return the step that makes the other formats of that model, behind the same gates."""
        if not self.formats:
            return {}
        same = FrozenDict({k: channel for k, channel in self.inputs.items() if k in self.INPUTS})
        converter = ModelConverter(id=f"{self.id}_formats", formats=self.formats, inputs=same)
        return {"converted_model": converter}

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Pusher; one of its kind with `require_push`, or with other formats."""
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
