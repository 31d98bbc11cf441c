"""Resolvers: artifacts of earlier runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fluentml.spec import Component, NodeId


class LatestBlessedModel(Component):
    """Find the latest model of this pipeline that an Evaluator blessed; none in a first run."""

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
