"""What the components that read files have in common: where the files are."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import model_validator
from typing_extensions import Self

from fluentml.components._example_gen import DEFAULT_SPLIT, ExampleGen
from fluentml.spec import PathText, Proto, absolute, proto_of


class FileBasedExampleGen(ExampleGen):
    """Read a folder of files into one Examples artifact.

    Attributes:
        path: Folder that holds the files.
        input_config: TFX's `example_gen_pb2.Input`, instead of `split` by files.
    """

    SUFFIXES: ClassVar[tuple[str, ...]] = ()
    """File name endings that `check` expects where no pattern names the files."""

    path: PathText
    input_config: Annotated[Proto | None, proto_of("tfx.components.example_gen.Input")] = None

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

    def reading(self) -> dict[str, Any]:
        """Return what TFX's component takes: the folder, and what differs from its defaults."""
        return {"input_base": absolute(self.path), **self._configs()}

    def _configs(self) -> dict[str, Any]:
        from tfx.proto import example_gen_pb2

        if self.input_config or self.output_config:
            given = {"input_config": self.input_config, "output_config": self.output_config}
            return {key: proto.message() for key, proto in given.items() if proto}
        if self.splits_are_files:
            files = [
                example_gen_pb2.Input.Split(name=name, pattern=pattern)
                for name, pattern in self.split.items()
            ]
            # Without an output TFX would divide a lone split by its own default.
            return {
                "input_config": example_gen_pb2.Input(splits=files),
                "output_config": example_gen_pb2.Output(),
            }
        return {} if self.split == DEFAULT_SPLIT else {"output_config": self.buckets()}
