"""Where the examples come from."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from typing_extensions import Self, Unpack

from fluentml import components as kinds
from fluentml import frames
from fluentml.sources import PathLike, Span, Spans, Split
from fluentml.verbs._base import Chain, Step
from fluentml.words import in_words_of


class DataIn(Chain):
    """Verbs that bring data in."""

    def from_csv(
        self,
        path: PathLike,
        *,
        split: Split | None = None,
        pattern: str | None = None,
        span: Span = "latest",
        spans: Spans | None = None,
        partition_on: str | None = None,
        mixed: Sequence[str] = (),
        input_config: Any = None,
        output_config: Any = None,
        **step: Unpack[Step],
    ) -> Self:
        """Read CSV files that share one header.

        An empty cell is a missing value, and NaN a number. A column is of int64, else of float,
        else of bytes features, whichever takes all of its values.

        Args:
            path: Folder with the files.
            split: Hash buckets by split, default `{"train": 2, "eval": 1}` (two thirds, one
                third), or the files of each split: `{"train": "train*.csv", "eval": "eval*.csv"}`.
            pattern: The files to read, default every file. `{SPAN}`, or `{YYYY}`, `{MM}` and
                `{DD}`, in it, or in the patterns of `split`, tell the span of a file, and
                `{VERSION}` a version of it: `"{YYYY}-{MM}-{DD}/*.csv"`, `"span-{SPAN:2}/*"` (two
                digits).
            span: The span to read: `"latest"`, a number, or a date; always in its latest version.
            spans: Several spans for one Examples artifact: how many of the latest there are, `30`,
                or the first and the last, both included, `(date(2024, 5, 1), date(2024, 5, 31))`,
                of which those that exist are read. Each in its latest version; the artifact's span
                is the last. TFX reads one span, so this is a component of ours.
            partition_on: Column by whose value the hash buckets are dealt, so that the rows of one
                user stay in one split; whole numbers or text. Default: by the whole row.
            mixed: Columns that hold numbers and text on purpose, such as codes; in others, `check`
                takes a little text among numbers for a mistake.
            input_config: TFX's `example_gen_pb2.Input`, instead of `split`.
            output_config: TFX's `example_gen_pb2.Output`, instead of `split`.
            **step: See `Step`.
        """
        return self._add(
            kinds.CsvExampleGen,
            path=path,
            split=split,
            pattern=pattern,
            span=span,
            spans=spans,
            partition_on=partition_on,
            mixed=mixed,
            input_config=input_config,
            output_config=output_config,
            **step,
        )

    def from_tfrecord(
        self,
        path: PathLike,
        *,
        split: Split | None = None,
        pattern: str | None = None,
        span: Span = "latest",
        spans: Spans | None = None,
        partition_on: str | None = None,
        input_config: Any = None,
        output_config: Any = None,
        **step: Unpack[Step],
    ) -> Self:
        """Read TFRecord files of serialized tf.Examples, GZIP or not.

        Args:
            path: Folder with the files.
            split: As in `from_csv`; `pattern`, `span`, `spans` and `partition_on` too.
            pattern: The files to read.
            span: The span to read.
            spans: The spans to read into one artifact.
            partition_on: Feature by whose value the hash buckets are dealt.
            input_config: TFX's `example_gen_pb2.Input`, instead of `split`.
            output_config: TFX's `example_gen_pb2.Output`, instead of `split`.
            **step: See `Step`.
        """
        return self._add(
            kinds.ImportExampleGen,
            path=path,
            split=split,
            pattern=pattern,
            span=span,
            spans=spans,
            partition_on=partition_on,
            input_config=input_config,
            output_config=output_config,
            **step,
        )

    def from_parquet(
        self,
        path: PathLike,
        *,
        split: Split | None = None,
        pattern: str | None = None,
        span: Span = "latest",
        spans: Spans | None = None,
        partition_on: str | None = None,
        input_config: Any = None,
        output_config: Any = None,
        **step: Unpack[Step],
    ) -> Self:
        """Read Parquet files: a feature per column, of several values where it holds lists.

        Whole numbers and booleans become int64 features, floats and decimals float features, text,
        bytes, dates and times (as ISO 8601) bytes features.

        Args:
            path: Folder with the files.
            split: As in `from_csv`; `pattern`, `span`, `spans` and `partition_on` too.
            pattern: The files to read.
            span: The span to read.
            spans: The spans to read into one artifact.
            partition_on: Feature by whose value the hash buckets are dealt.
            input_config: TFX's `example_gen_pb2.Input`, instead of `split`.
            output_config: TFX's `example_gen_pb2.Output`, instead of `split`.
            **step: See `Step`.
        """
        return self._add(
            kinds.ParquetExampleGen,
            path=path,
            split=split,
            pattern=pattern,
            span=span,
            spans=spans,
            partition_on=partition_on,
            input_config=input_config,
            output_config=output_config,
            **step,
        )

    def from_avro(
        self,
        path: PathLike,
        *,
        split: Split | None = None,
        pattern: str | None = None,
        span: Span = "latest",
        spans: Spans | None = None,
        partition_on: str | None = None,
        input_config: Any = None,
        output_config: Any = None,
        **step: Unpack[Step],
    ) -> Self:
        """Read Avro files: a feature per field, typed as in `from_parquet`.

        Args:
            path: Folder with the files.
            split: As in `from_csv`; `pattern`, `span`, `spans` and `partition_on` too.
            pattern: The files to read.
            span: The span to read.
            spans: The spans to read into one artifact.
            partition_on: Feature by whose value the hash buckets are dealt.
            input_config: TFX's `example_gen_pb2.Input`, instead of `split`.
            output_config: TFX's `example_gen_pb2.Output`, instead of `split`.
            **step: See `Step`.
        """
        return self._add(
            kinds.AvroExampleGen,
            path=path,
            split=split,
            pattern=pattern,
            span=span,
            spans=spans,
            partition_on=partition_on,
            input_config=input_config,
            output_config=output_config,
            **step,
        )

    def from_dataframe(
        self,
        frame: Any,
        *,
        split: Mapping[str, int] | None = None,
        partition_on: str | None = None,
        **step: Unpack[Step],
    ) -> Self:
        """Read a data frame, such as one in a notebook.

        The call writes it as a Parquet file to `{root}/{name}/_frames`, named by its content: what
        happens to the frame afterwards changes nothing, and the same content is the same step.

        Args:
            frame: A pandas DataFrame or a pyarrow Table. Missing values stay missing; pandas' index
                is left out, and `reset_index()` makes columns of it.
            split: Hash buckets by split, default `{"train": 2, "eval": 1}`.
            partition_on: As in `from_csv`.
            **step: See `Step`.

        Raises:
            DefinitionError: The frame is empty, or holds what Parquet cannot.
        """
        folder = f"{self.settings.root.rstrip('/')}/{self.settings.name}/_frames"
        return self._add(
            kinds.DataFrameExampleGen,
            path=folder,
            pattern=frames.keep(frame, folder),
            split=split,
            partition_on=partition_on,
            **step,
        )

    def from_sql(
        self,
        url: str,
        query: str,
        *,
        split: Mapping[str, int] | None = None,
        partition_on: str | None = None,
        **step: Unpack[Step],
    ) -> Self:
        """Read the rows of a query to SQLite, DuckDB, PostgreSQL, MariaDB, Trino and others.

        SQLAlchemy knows the database by the URL, and the extra `sql` brings the drivers of these.
        Columns become features as in `from_parquet`; one that holds whole numbers and fractions is
        of floats, one that holds numbers and text of text. The query runs in
        every run, for nobody knows whether the tables have changed; `cache=True` takes its last
        rows over, but for a file of SQLite or DuckDB that has changed. Under other orchestrators,
        `cache()` does so too.

        Args:
            url: `"sqlite:///trips.db"`, `"postgresql://user:${DB_PASSWORD}@host/database"`,
                `"trino://user@host/catalog"`. `${NAME}` is an environment variable, read where the
                step runs and kept nowhere. `"duckdb:///trips.duckdb"` is opened to be read only:
                close your own connection to it first.
            query: A SELECT, in the database's own SQL.
            split: Hash buckets by split, default `{"train": 2, "eval": 1}`.
            partition_on: As in `from_csv`.
            **step: See `Step`.

        Raises:
            DefinitionError: The URL holds a password.
        """
        return self._add(
            kinds.SqlExampleGen,
            url=url,
            query=query,
            split=split,
            partition_on=partition_on,
            **step,
        )

    def from_bigquery(
        self,
        query: str | None = None,
        *,
        split: Split | None = None,
        partition_on: str | None = None,
        span: int | datetime.date | None = None,
        project: str | None = None,
        temp_location: str | None = None,
        input_config: Any = None,
        output_config: Any = None,
        **step: Unpack[Step],
    ) -> Self:
        """Read the rows of a query in Google BigQuery, by TFX's BigQueryExampleGen.

        It takes columns of the types INT64, BOOL, FLOAT64 and STRING, and arrays of these: cast
        others in the query. The query runs in every run, for nobody knows whether the tables have
        changed; `cache=True` takes its last rows over, and so does `cache()` under other
        orchestrators.

        Args:
            query: A SELECT in GoogleSQL.
            split: Hash buckets by split, default `{"train": 2, "eval": 1}`, or, instead of `query`,
                the query of each split: `{"train": "SELECT …", "eval": "SELECT …"}`.
            partition_on: As in `from_csv`.
            span: The day (UTC) that `@span_yyyymmdd_utc`, a text such as '20240501', and
                `@span_begin_timestamp` and `@span_end_timestamp`, in seconds since 1970, stand for
                in the query: a date, or its days since 1970-01-01.
            project: The Google Cloud project in which the query runs. Default: what `--project` of
                Beam's arguments says, or that of the credentials.
            temp_location: Folder in Cloud Storage by way of which the rows come:
                `"gs://bucket/tmp"`. Default: what `--temp_location` of Beam's arguments says.
            input_config: TFX's `example_gen_pb2.Input`, instead of queries.
            output_config: TFX's `example_gen_pb2.Output`, instead of `split`.
            **step: See `Step`.
        """
        return self._add(
            kinds.BigQueryExampleGen,
            query=query,
            split=split,
            partition_on=partition_on,
            span=span,
            project=project,
            temp_location=temp_location,
            input_config=input_config,
            output_config=output_config,
            **step,
        )

    def from_custom_example_gen(
        self,
        component: Any | Callable[..., Any],
        **step: Unpack[Step],
    ) -> Self:
        """Take the examples of any TFX component, which plays ExampleGen for the whole chain.

        Args:
            component: A TFX component with the output `examples`, or a function that returns one
                when the pipeline is lowered, as in `add_component`.
            **step: See `Step`.
        """
        with in_words_of("from_custom_example_gen", step):
            return self.add(kinds.CustomExampleGen.of(component, **step))
