"""What the components that read files have in common: where the files are."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, ClassVar

from pydantic import field_validator, model_validator
from typing_extensions import Self

from fluentml import spans
from fluentml.components._example_gen import DEFAULT_SPLIT, ExampleGen
from fluentml.spec import PathText, Proto, absolute, proto_of


class FileBasedExampleGen(ExampleGen):
    """Read a folder of files into one Examples artifact.

    Attributes:
        path: Folder that holds the files.
        pattern: The files to read, from `path`; default: every file. It may have spans, as the
            patterns of `split` may: see `fluentml.spans`.
        span: The span to read, a number, or a date; None, the latest.
        input_config: TFX's `example_gen_pb2.Input`, instead of `split` by files.
    """

    SUFFIXES: ClassVar[tuple[str, ...]] = ()
    """File name endings that `check` expects where no pattern names the files."""

    path: PathText
    pattern: str | None = None
    span: int | None = None
    input_config: Annotated[Proto | None, proto_of("tfx.components.example_gen.Input")] = None

    @field_validator("span", mode="before")
    @classmethod
    def _one_span(cls, value: Any) -> Any:
        if value is None or value == "latest":
            return None
        if isinstance(value, datetime.datetime):
            value = value.date()
        number = spans.days(value) if isinstance(value, datetime.date) else value
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise ValueError(
                f'is {value!r}; TFX reads one span in a run: "latest", a number, or a date'
            )
        return number

    @model_validator(mode="after")
    def _one_way_to_split(self) -> Self:
        parameters = {"split": DEFAULT_SPLIT, "pattern": None, "partition_on": None}
        plain = [f"{name}=" for name, unset in parameters.items() if getattr(self, name) != unset]
        if plain and (self.input_config or self.output_config):
            raise ValueError(
                f"takes {' and '.join(plain)} or the protos input_config=/output_config=, not both"
            )
        if self.splits_are_files and len(plain) > 1:
            raise ValueError(f"takes {plain[1]} with hash buckets, and split= names files")
        if not self.input_config and not spans.verify(self.patterns) and self.span is not None:
            raise ValueError("takes span= with {SPAN}, or {YYYY}, {MM} and {DD}, in a file pattern")
        return self

    @property
    def splits_are_files(self) -> bool:
        """Whether `split` names the files of each split rather than hash buckets."""
        return any(isinstance(part, str) for part in self.split.values())

    @property
    def files_are_named(self) -> bool:
        """Whether a pattern names the files, rather than all of the folder being read."""
        return self.splits_are_files or self.pattern is not None

    @property
    def patterns(self) -> tuple[str, ...]:
        """The file patterns, from `path`: one, or one for each split."""
        if self.splits_are_files:
            return tuple(str(pattern) for pattern in self.split.values())
        return (self.pattern or "*",)

    @property
    def split_names(self) -> tuple[str, ...] | None:
        """The splits that this component makes; None where a proto decides."""
        return None if self.input_config or self.output_config else tuple(self.split)

    def reading(self) -> dict[str, Any]:
        """Return what TFX's component takes: the folder, and what differs from its defaults."""
        return {"input_base": absolute(self.path), **self._configs(), **self._range()}

    def _configs(self) -> dict[str, Any]:
        from tfx.proto import example_gen_pb2

        if self.input_config or self.output_config:
            given = {"input_config": self.input_config, "output_config": self.output_config}
            return {key: proto.message() for key, proto in given.items() if proto}
        if not self.files_are_named:
            return self.buckets()
        names = self.split if self.splits_are_files else ("single_split",)
        files = [
            example_gen_pb2.Input.Split(name=name, pattern=pattern)
            for name, pattern in zip(names, self.patterns, strict=True)
        ]
        input_config = example_gen_pb2.Input(splits=files)
        # Without an output TFX would divide a lone split by its own default.
        output = {"output_config": example_gen_pb2.Output()}
        return {
            "input_config": input_config,
            **(output if self.splits_are_files else self.buckets()),
        }

    def _range(self) -> dict[str, Any]:
        if self.span is None:
            return {}
        from tfx.proto import range_config_pb2

        only = range_config_pb2.StaticRange(start_span_number=self.span, end_span_number=self.span)
        return {"range_config": range_config_pb2.RangeConfig(static_range=only)}
