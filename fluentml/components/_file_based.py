"""What the components that read files have in common: where the files are, and their splits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import field_validator, model_validator
from typing_extensions import Self

from fluentml.spec import Component, FrozenDict, PathText, Proto, proto_of

DEFAULT_SPLIT = FrozenDict({"train": 2, "eval": 1})


class FileBasedExampleGen(Component):
    """Read a folder of files into one Examples artifact.

    Attributes:
        path: Folder that holds the files.
        split: Either the hash buckets of each split, `{"train": 2, "eval": 1}` (the default: two
            thirds and one third), or the files of each, `{"train": "2024-*.csv", …}`.
        input_config: TFX's `example_gen_pb2.Input`, instead of `split` by files.
        output_config: TFX's `example_gen_pb2.Output`, instead of `split` by buckets.
    """

    ROLE: ClassVar[str] = "ExampleGen"
    OUTPUTS: ClassVar[Mapping[str, str]] = {"examples": "Examples"}
    SUFFIXES: ClassVar[tuple[str, ...]] = ()
    """File name endings that `check` expects where no pattern names the files."""

    path: PathText
    split: FrozenDict[str, int] | FrozenDict[str, str] = DEFAULT_SPLIT
    input_config: Annotated[Proto | None, proto_of("tfx.components.example_gen.Input")] = None
    output_config: Annotated[Proto | None, proto_of("tfx.components.example_gen.Output")] = None

    @field_validator("split", mode="before")
    @classmethod
    def _sensible_split(cls, value: Any) -> Any:
        if value is None:
            return DEFAULT_SPLIT
        if not isinstance(value, Mapping) or not value:
            raise ValueError(f'is {value!r}; name at least one split, for example {{"train": 1}}')
        for name, part in value.items():
            if not part or not isinstance(part, int | str) or (isinstance(part, int) and part < 0):
                raise ValueError(
                    f"gives {name!r} the value {part!r}; it takes hash buckets (1 or more) "
                    "or a file pattern"
                )
        if len({isinstance(part, str) for part in value.values()}) > 1:
            raise ValueError(f"is {value!r}; it takes hash buckets or file patterns, not both")
        return value

    @model_validator(mode="after")
    def _one_way_to_split(self) -> Self:
        if self.split != DEFAULT_SPLIT and (self.input_config or self.output_config):
            raise ValueError("takes split= or the protos input_config=/output_config=, not both")
        return self

    @property
    def splits_are_files(self) -> bool:
        """Whether `split` names the files of each split rather than hash buckets."""
        return any(isinstance(part, str) for part in self.split.values())

    @property
    def split_names(self) -> tuple[str, ...] | None:
        """The splits that this component makes; None where a proto decides."""
        return None if self.input_config or self.output_config else tuple(self.split)

    def split_configs(self) -> dict[str, Any]:
        """Return TFX's `input_config` and `output_config`, where they are not its defaults."""
        from tfx.proto import example_gen_pb2

        if self.input_config or self.output_config:
            given = {"input_config": self.input_config, "output_config": self.output_config}
            return {key: proto.message() for key, proto in given.items() if proto}
        if self.splits_are_files:
            files = [
                example_gen_pb2.Input.Split(name=name, pattern=pattern)
                for name, pattern in self.split.items()
            ]
            return {"input_config": example_gen_pb2.Input(splits=files)}
        if self.split == DEFAULT_SPLIT:
            return {}
        buckets = [
            example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=count)
            for name, count in self.split.items()
        ]
        split_config = example_gen_pb2.SplitConfig(splits=buckets)
        return {"output_config": example_gen_pb2.Output(split_config=split_config)}
