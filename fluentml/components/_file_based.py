"""What the components that read files have in common: where the files are."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import field_validator, model_validator
from typing_extensions import Self

from fluentml.components._example_gen import DEFAULT_SPLIT, ExampleGen
from fluentml.spans import Window, find, number, verify
from fluentml.spec import PathText, Proto, absolute, is_remote, proto_of


class FileBasedExampleGen(ExampleGen):
    """Read a folder of files into one Examples artifact.

    Attributes:
        path: Folder that holds the files.
        pattern: The files to read, from `path`; default: every file. It may have spans, as the
            patterns of `split` may: see `fluentml.spans`.
        span: The span to read, a number, or a date; None, the latest.
        spans: Several spans for one artifact: the latest ones, as many as this, or the first and
            the last of a window, both included. Reading them is ours: TFX reads one.
        input_config: TFX's `example_gen_pb2.Input`, instead of `split` by files.
    """

    SUFFIXES: ClassVar[tuple[str, ...]] = ()
    """File name endings that `check` expects where no pattern names the files."""

    path: PathText
    pattern: str | None = None
    span: int | None = None
    spans: Window | None = None
    input_config: Annotated[Proto | None, proto_of("tfx.components.example_gen.Input")] = None

    @field_validator("span", mode="before")
    @classmethod
    def _one_span(cls, value: Any) -> Any:
        if value is None or value == "latest":
            return None
        found = number(value)
        if found is None:
            raise ValueError(
                f'is {value!r}; it names one span: "latest", a number, or a date; spans= takes more'
            )
        return found

    @field_validator("spans", mode="before")
    @classmethod
    def _several_spans(cls, value: Any) -> Any:
        if value is None or (type(value) is int and value > 0):
            return value
        ends = [number(end) for end in value] if isinstance(value, list | tuple) else []
        if len(ends) != 2 or None in ends:
            raise ValueError(
                f"is {value!r}; it takes how many of the latest spans to read, or the first and "
                "the last, numbers or dates: (1, 30)"
            )
        if ends[0] > ends[1]:  # type: ignore[operator]
            raise ValueError(f"is {value!r}, and its first span comes after its last")
        return tuple(ends)

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
        asked = [name for name in ("span", "spans") if getattr(self, name) is not None]
        if len(asked) > 1:
            raise ValueError("takes span= or spans=, not both")
        if not self.input_config and not verify(self.patterns) and asked:
            places = "{SPAN}, or {YYYY}, {MM} and {DD}"
            raise ValueError(f"takes {asked[0]}= with {places}, in a file pattern")
        return self

    @property
    def window(self) -> Window:
        """The spans to read."""
        if self.spans is not None:
            return self.spans
        return 1 if self.span is None else (self.span, self.span)

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

    def reads_outside(self) -> tuple[str, ...] | None:
        """Return the files, those of the spans that are read; all of the folder with a proto."""
        if is_remote(self.path):
            return None
        if self.input_config:
            return (absolute(self.path),)
        found = (find(absolute(self.path), pattern, self.window) for pattern in self.patterns)
        return tuple(str(file) for one in found for file in one.files)

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

    def windowed(self, executor: Any) -> Any:
        """Return our FileBasedExampleGen, whose driver finds the spans that the executor reads."""
        from tfx.dsl.components.base.executor_spec import BeamExecutorSpec

        from fluentml.executors.span_window import SpanWindowExampleGen

        return SpanWindowExampleGen(
            **self.reading(), custom_executor_spec=BeamExecutorSpec(executor)
        )

    def _range(self) -> dict[str, Any]:
        if self.spans is None and self.span is None:
            return {}
        from tfx.proto.range_config_pb2 import RangeConfig, RollingRange, StaticRange

        if isinstance(self.window, int):
            config = RangeConfig(rolling_range=RollingRange(num_spans=self.window))
        else:
            first, last = self.window
            only = StaticRange(start_span_number=first, end_span_number=last)
            config = RangeConfig(static_range=only)
        return {"range_config": config}
