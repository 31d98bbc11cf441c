"""BigQueryExampleGen: the rows of a BigQuery query into examples."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import field_validator, model_validator
from typing_extensions import Self

from fluentml import spans
from fluentml.components._example_gen import DEFAULT_SPLIT, ExampleGen
from fluentml.components._here import without_credentials
from fluentml.errors import BackendError
from fluentml.spec import Proto, proto_of

_SPAN = re.compile(r"@span_(begin_timestamp|end_timestamp|yyyymmdd_utc)\b")


class BigQueryExampleGen(ExampleGen):
    """Run a query, or one for each split, in BigQuery.

    Attributes:
        query: The SELECT, in GoogleSQL; None where `split` has them.
        span: The day that TFX puts in for `@span_yyyymmdd_utc`, `@span_begin_timestamp` and
            `@span_end_timestamp` in a query, in days since 1970-01-01.
        project: The Google Cloud project that pays; None, that of the credentials.
        temp_location: Folder in Cloud Storage by way of which the rows come; None, what
            `--temp_location` of Beam's arguments says.
        input_config: TFX's `example_gen_pb2.Input`, instead of queries.
    """

    VERB: ClassVar[str] = "from_bigquery"
    RUNS_HERE: ClassVar[str] = "with Google's credentials; tested against a fake"
    TEXT_SPLITS: ClassVar[str] = "query"

    query: str | None = None
    span: int | None = None
    project: str | None = None
    temp_location: str | None = None
    input_config: Annotated[Proto | None, proto_of("tfx.components.example_gen.Input")] = None

    @field_validator("span", mode="before")
    @classmethod
    def _one_day(cls, value: Any) -> Any:
        number = spans.number(value)
        if value is not None and number is None:
            raise ValueError(f"is {value!r}; it takes a date, or its days since 1970-01-01")
        return number

    @field_validator("temp_location")
    @classmethod
    def _in_cloud_storage(cls, value: str | None) -> str | None:
        if value is not None and not re.match("gs://[^/]", value):
            raise ValueError(f'is {value!r}; it takes a folder in Cloud Storage: "gs://bucket/tmp"')
        return value

    @model_validator(mode="after")
    def _sound(self) -> Self:
        plain = self.split != DEFAULT_SPLIT or self.partition_on
        if self.input_config and (plain or self.query is not None):
            raise ValueError("takes a query, split= and partition_on=, or input_config=, not both")
        if self.output_config and plain:
            raise ValueError(
                "takes split= and partition_on=, or the proto output_config=, not both"
            )
        if not self.input_config:
            self._sound_queries()
        return self

    def _sound_queries(self) -> None:
        if not all(query.strip() for query in self.queries):
            raise ValueError(
                "needs a query: write a SELECT, or one for each split, split={'train': 'SELECT …'}"
            )
        if self.splits_are_queries and (self.query is not None or self.partition_on):
            other = "partition_on=" if self.query is None else "one query"
            raise ValueError(f"takes {other} with hash buckets, and split= has queries")
        dated = any(_SPAN.search(query) for query in self.queries)
        if dated and self.span is None:
            raise ValueError("needs the day that @span_… in its query stands for: span=date(…)")
        if self.span is not None and not dated:
            raise ValueError("takes span= with @span_yyyymmdd_utc or another @span_… in a query")

    @property
    def splits_are_queries(self) -> bool:
        """Whether `split` has a query for each split rather than hash buckets."""
        return any(isinstance(part, str) for part in self.split.values())

    @property
    def queries(self) -> tuple[str, ...]:
        """The queries: one, or one for each split."""
        if self.splits_are_queries and self.query is None:
            return tuple(str(query) for query in self.split.values())
        return (self.query or "",)

    @property
    def split_names(self) -> tuple[str, ...] | None:
        """The splits that this component makes; None where a proto decides."""
        return None if self.input_config else super().split_names

    def reads_outside(self) -> tuple[str, ...] | None:
        """Return that nobody knows whether the tables have changed."""
        return None

    def missing_here(self) -> Iterator[BackendError]:
        """Yield that Google's libraries find no account."""
        yield from without_credentials(self.verb)

    def to_tfx(self, inputs: Mapping[str, Any]) -> Any:
        """Return TFX's BigQueryExampleGen."""
        from tfx.extensions.google_cloud_big_query.example_gen import component

        made = component.BigQueryExampleGen(**self._configs(), **self._range())
        where = {"project": self.project, "temp_location": self.temp_location}
        arguments = [f"--{name}={value}" for name, value in where.items() if value]
        return made.with_beam_pipeline_args(arguments) if arguments else made

    def _configs(self) -> dict[str, Any]:
        if self.input_config or self.output_config:
            given = {"input_config": self.input_config, "output_config": self.output_config}
            protos = {key: proto.message() for key, proto in given.items() if proto}
            return protos if self.input_config else {"query": self.query, **protos}
        if not self.splits_are_queries:
            return {"query": self.query, **self.buckets()}
        from tfx.proto import example_gen_pb2

        splits = [
            example_gen_pb2.Input.Split(name=name, pattern=query)
            for name, query in self.split.items()
        ]
        # Without an output TFX would divide a lone split by its own default.
        return {
            "input_config": example_gen_pb2.Input(splits=splits),
            "output_config": example_gen_pb2.Output(),
        }

    def _range(self) -> dict[str, Any]:
        if self.span is None:
            return {}
        from tfx.proto import range_config_pb2

        only = range_config_pb2.StaticRange(start_span_number=self.span, end_span_number=self.span)
        return {"range_config": range_config_pb2.RangeConfig(static_range=only)}
