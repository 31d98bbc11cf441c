"""Resolvers: artifacts of earlier runs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Set
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, model_validator

from fluentml.component import Component
from fluentml.components._artifact_types import ArtifactType
from fluentml.errors import DefinitionError, did_you_mean, listing
from fluentml.live import Live, LiveObject
from fluentml.spec import FrozenDict, JsonDict, NodeId, PathText, absolute, thaw


class LookBack(Component):
    """Find artifacts that earlier runs made: anew in every run, whatever is cached."""

    LOWERED_TO: ClassVar[str] = "Resolver"

    def minds(self) -> Set[str]:
        """Return the types of artifacts of which one more in this very run could be the answer."""
        return frozenset()


class LatestBlessedModel(LookBack):
    """Find the latest model of this pipeline that an Evaluator blessed; none in a first run."""

    OUTPUTS: ClassVar[Mapping[str, str]] = {"model": "Model", "model_blessing": "ModelBlessing"}

    @classmethod
    def default_id(cls) -> str:
        """Return the id that TFX's own examples give this resolver."""
        return "latest_blessed_model_resolver"

    def minds(self) -> Set[str]:
        """Return what makes a model a blessed one."""
        return {"ModelBlessing"}

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


class LastRead(LookBack):
    """Find what a node read when it last succeeded; none before that.

    The output has the key of the input that is meant.

    Attributes:
        reader: Id of that node.
    """

    reader: NodeId

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Resolver with a strategy of ours."""
        from tfx.dsl.components.common import resolver
        from tfx.types import channel, standard_artifacts

        from fluentml.executors import earlier_runs

        ((key, kind),) = self.OUTPUTS.items()
        return resolver.Resolver(
            strategy_class=earlier_runs.LastRead,
            config={"node": self.reader},
            **{key: channel.Channel(type=getattr(standard_artifacts, kind))},
        )


class PreviousStatistics(LastRead):
    """Find the statistics that a node let pass last."""

    OUTPUTS: ClassVar[Mapping[str, str]] = {"statistics": "ExampleStatistics"}


class PreviousModel(LastRead):
    """Find the model that an Evaluator looked at last, blessed or not."""

    OUTPUTS: ClassVar[Mapping[str, str]] = {"model": "Model"}


class PreviousAnalyzerCache(LookBack):
    """Find what the analyzers of a Transform computed when it last succeeded; none before that.

    Attributes:
        writer: Id of the Transform.
        module: Its `module`: while nothing changes there, the Transform gets the cache that it got
            last, so that its execution can be taken over.
        custom_config: Its `custom_config`, for the same reason.
    """

    OUTPUTS: ClassVar[Mapping[str, str]] = {"analyzer_cache": "TransformCache"}

    writer: NodeId
    module: PathText
    custom_config: JsonDict | None = None

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Resolver with a strategy of ours."""
        from tfx.dsl.components.common import resolver
        from tfx.types import channel, standard_artifacts
        from tfx.utils import json_utils

        from fluentml.executors import earlier_runs

        return resolver.Resolver(
            strategy_class=earlier_runs.LastAnalyzerCache,
            config={
                "node": self.writer,
                "code": self._code(),
                "custom_config": json_utils.dumps(thaw(self.custom_config)),
            },
            analyzer_cache=channel.Channel(type=standard_artifacts.TransformCache),
        )

    def _code(self) -> str:
        """Return the hash by which TFX names the wheel of the module file."""
        from tfx.components.util import udf_utils

        folder = os.path.dirname(absolute(self.module))  # noqa: PTH120 (paths stay text)
        if not self.module.endswith(".py") or not os.path.isdir(folder):  # noqa: PTH112
            return ""
        files = [name for name in os.listdir(folder) if name.endswith(".py")]  # noqa: PTH208
        return str(udf_utils._get_version_hash(folder, files))


class LastModel(LookBack):
    """Find the model that a node made when it last succeeded; none before that.

    Attributes:
        maker: Id of that node.
    """

    OUTPUTS: ClassVar[Mapping[str, str]] = {"model": "Model"}

    maker: NodeId

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Resolver with a strategy of ours."""
        from tfx.dsl.components.common import resolver
        from tfx.types import channel, standard_artifacts

        from fluentml.executors import earlier_runs

        return resolver.Resolver(
            strategy_class=earlier_runs.LastMade,
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


class Resolver(LookBack):
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

    def minds(self) -> Set[str]:
        """Return all that it looks for."""
        return {*self.provides().values()}

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's Resolver."""
        from tfx.dsl.components.common import resolver
        from tfx.types import channel

        return resolver.Resolver(
            strategy_class=self.strategy.value(),
            config=thaw(self.config),
            **{key: channel.Channel(type=kind.value()) for key, kind in self.artifacts.items()},
        )
