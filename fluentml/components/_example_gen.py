"""What the components that make examples have in common: their splits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import field_validator

from fluentml.component import Component
from fluentml.spec import FrozenDict, Proto, proto_of

DEFAULT_SPLIT = FrozenDict({"train": 2, "eval": 1})


class ExampleGen(Component):
    """Make one Examples artifact out of outside data.

    Attributes:
        split: Either the hash buckets of each split, `{"train": 2, "eval": 1}` (the default: two
            thirds and one third), or what to read for each, `{"train": "2024-*.csv", …}`.
        partition_on: Feature by whose value the buckets are dealt, so that the examples of one
            user stay in one split; whole numbers or text. Default: by the whole example.
        output_config: TFX's `example_gen_pb2.Output`, instead of `split` by buckets.
    """

    ROLE: ClassVar[str] = "ExampleGen"
    OUTPUTS: ClassVar[Mapping[str, str]] = {"examples": "Examples"}
    TEXT_SPLITS: ClassVar[str] = "file pattern"
    """What `split` may name for each split, rather than hash buckets; empty: nothing."""

    split: FrozenDict[str, int] | FrozenDict[str, str] = DEFAULT_SPLIT
    partition_on: str | None = None
    output_config: Annotated[Proto | None, proto_of("tfx.components.example_gen.Output")] = None

    @field_validator("split", mode="before")
    @classmethod
    def _sensible_split(cls, value: Any) -> Any:
        if value is None:
            return DEFAULT_SPLIT
        if not isinstance(value, Mapping) or not value:
            raise ValueError(f'is {value!r}; name at least one split, for example {{"train": 1}}')
        if not cls.TEXT_SPLITS and any(isinstance(part, str) for part in value.values()):
            raise ValueError(f"is {value!r}; it takes hash buckets here: whole numbers, 1 or more")
        for name, part in value.items():
            if not part or not isinstance(part, int | str) or (isinstance(part, int) and part < 0):
                raise ValueError(
                    f"gives {name!r} the value {part!r}; it takes hash buckets (1 or more)"
                    + (f" or a {cls.TEXT_SPLITS}" if cls.TEXT_SPLITS else "")
                )
        if len({isinstance(part, str) for part in value.values()}) > 1:
            raise ValueError(
                f"is {value!r}; it takes hash buckets or a {cls.TEXT_SPLITS} for each, not both"
            )
        return value

    @property
    def split_names(self) -> tuple[str, ...] | None:
        """The splits that this component makes; None where a proto decides."""
        return None if self.output_config else tuple(self.split)

    def buckets(self) -> dict[str, Any]:
        """Return TFX's `output_config` of `split` by hash buckets, where it is not the default."""
        if self.split == DEFAULT_SPLIT and not self.partition_on:
            return {}
        from tfx.proto import example_gen_pb2

        buckets = [
            example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=count)
            for name, count in self.split.items()
        ]
        split_config = example_gen_pb2.SplitConfig(
            splits=buckets, partition_feature_name=self.partition_on
        )
        return {"output_config": example_gen_pb2.Output(split_config=split_config)}
