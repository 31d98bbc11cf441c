"""Resolvers: artifacts of earlier runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, model_validator

from fluentml.components._artifact_types import ArtifactType
from fluentml.errors import DefinitionError, did_you_mean, listing
from fluentml.live import Live, LiveObject
from fluentml.spec import Component, FrozenDict, JsonDict, NodeId, thaw


class LatestBlessedModel(Component):
    """Find the latest model of this pipeline that an Evaluator blessed; none in a first run."""

    LOWERED_TO: ClassVar[str] = "Resolver"
    OUTPUTS: ClassVar[Mapping[str, str]] = {"model": "Model", "model_blessing": "ModelBlessing"}

    @classmethod
    def default_id(cls) -> str:
        """Return the id that TFX's own examples give this resolver."""
        return "latest_blessed_model_resolver"

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Resolver with its LatestBlessedModelStrategy."""
        from tfx.dsl.components.common import resolver
        from tfx.dsl.input_resolution.strategies import latest_blessed_model_strategy
        from tfx.types import channel, standard_artifacts

        return resolver.Resolver(
            strategy_class=latest_blessed_model_strategy.LatestBlessedModelStrategy,
            model=channel.Channel(type=standard_artifacts.Model),
            model_blessing=channel.Channel(type=standard_artifacts.ModelBlessing),
        )


class PreviousStatistics(Component):
    """Find the statistics that a node read when it last succeeded; none before that.

    Attributes:
        reader: Id of that node.
    """

    LOWERED_TO: ClassVar[str] = "Resolver"
    OUTPUTS: ClassVar[Mapping[str, str]] = {"statistics": "ExampleStatistics"}

    reader: NodeId

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Resolver with a strategy of ours."""
        from tfx.dsl.components.common import resolver
        from tfx.types import channel, standard_artifacts

        from fluentml.executors import previous_statistics

        return resolver.Resolver(
            strategy_class=previous_statistics.LastRead,
            config={"node": self.reader},
            statistics=channel.Channel(type=standard_artifacts.ExampleStatistics),
        )


class LastModel(Component):
    """Find the model that a node made when it last succeeded; none before that.

    Attributes:
        maker: Id of that node.
    """

    LOWERED_TO: ClassVar[str] = "Resolver"
    OUTPUTS: ClassVar[Mapping[str, str]] = {"model": "Model"}

    maker: NodeId

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Resolver with a strategy of ours."""
        from tfx.dsl.components.common import resolver
        from tfx.types import channel, standard_artifacts

        from fluentml.executors import last_made

        return resolver.Resolver(
            strategy_class=last_made.LastMade,
            config={"node": self.maker},
            model=channel.Channel(type=standard_artifacts.Model),
        )


_STRATEGIES = "tfx.dsl.input_resolution.strategies"
STRATEGIES = {
    "latest": f"{_STRATEGIES}.latest_artifact_strategy:LatestArtifactStrategy",
    "latest_blessed": f"{_STRATEGIES}.latest_blessed_model_strategy:LatestBlessedModelStrategy",
}
BLESSED_MODEL = {"model": "Model", "model_blessing": "ModelBlessing"}


def _strategy(value: Any) -> Any:
    if isinstance(value, LiveObject):
        return value
    if isinstance(value, type) and callable(getattr(value, "resolve_artifacts", None)):
        return LiveObject.of(value)
    if isinstance(value, str) and (value in STRATEGIES or ":" in value):
        return LiveObject(STRATEGIES.get(value, value))
    near = did_you_mean(value, STRATEGIES) if isinstance(value, str) else None
    raise DefinitionError(
        f"resolve() knows no strategy {value!r}.",
        f"It knows: {listing(STRATEGIES)}.",
        hint=near or "name one of these, or pass a subclass of TFX's ResolverStrategy.",
    )


class Resolver(Component):
    """Find artifacts that earlier runs of this pipeline made.

    Attributes:
        strategy: `"latest"`, `"latest_blessed"`, or a subclass of TFX's `ResolverStrategy`.
        artifacts: Output key to the type of the artifacts: a name of TFX's, or an artifact class.
        config: Plain values for the strategy.
    """

    VERB: ClassVar[str] = "resolve"

    strategy: Annotated[Live, BeforeValidator(_strategy)]
    artifacts: FrozenDict[str, ArtifactType]
    config: JsonDict | None = None

    @model_validator(mode="before")
    @classmethod
    def _blessed_needs_no_words(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and not data.get("artifacts"):
            if data.get("strategy") != "latest_blessed":
                raise ValueError(
                    'needs artifacts=, what to look for, for example artifacts={"model": "Model"}'
                )
            return {**data, "artifacts": BLESSED_MODEL}
        return data

    @property
    def verb(self) -> str:
        """Name one of several by its id."""
        return super().verb if self.is_primary else f"{self.VERB}({self.id})"

    def provides(self) -> Mapping[str, str]:
        """Return the artifacts that are looked for."""
        return {key: kind.name for key, kind in self.artifacts.items()}

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Resolver."""
        from tfx.dsl.components.common import resolver
        from tfx.types import channel

        return resolver.Resolver(
            strategy_class=self.strategy.value(),
            config=thaw(self.config),
            **{key: channel.Channel(type=kind.value()) for key, kind in self.artifacts.items()},
        )
