"""What all verbs rest on, and what every one of them takes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from typing_extensions import Self, TypedDict

from fluentml.graph import Settings
from fluentml.spec import Channel, Component
from fluentml.words import make


class Step(TypedDict, total=False):
    """What every verb takes beside its own parameters.

    Attributes:
        id: Name of the node; needed for a second step of the kind. Default: the component's name,
            or the function's.
        inputs: Channels that beat the default wiring: `{"examples": "Node.output"}`.
    """

    id: str | None
    inputs: Mapping[str, str | Channel] | None


class Chain(ABC):
    """A pipeline that grows by steps; a verb returns a new one."""

    settings: Settings

    @abstractmethod
    def add(self, component: Component) -> Self:
        """Return the chain with this step added."""

    @abstractmethod
    def _with(self, verb: str, **changes: Any) -> Self:
        """Return the chain with these settings changed, which `verb` asked for."""

    def _add(self, kind: type[Component], **parameters: Any) -> Self:
        return self.add(make(kind, **parameters))
