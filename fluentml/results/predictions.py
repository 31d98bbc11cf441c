"""Reading a bulk inferrer's artifact as a table."""

from __future__ import annotations

import os
from typing import Any

from fluentml.errors import LoadError
from fluentml.executors.prediction_table import PredictionTable
from fluentml.results._shown import Shown
from fluentml.spec import import_needed


class Predictions(Shown):
    """The predictions of a bulk inferrer: a row per example, in the order of its files.

    The columns are the features that the model was asked with, by name, and then the outputs of
    the model; an output that is called like a feature is called `predicted_…`. What has at most one
    value in every row is a plain column, anything else a column of lists. A missing value is None.
    Nothing is kept in memory between two calls.

    Args:
        node: The bulk inferrer's id.
        uri: Its artifact's folder.
    """

    def __init__(self, node: str, uri: str) -> None:
        self.node, self.uri = node, uri
        self._table = PredictionTable(uri)

    @property
    def files(self) -> tuple[str, ...]:
        """The files that TFX wrote."""
        return tuple(self._table.files)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._table)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self._table.schema.names)

    def to_arrow(self) -> Any:
        """Return a `pyarrow.Table`."""
        import pyarrow as pa

        return pa.Table.from_batches(self._table.batches(), self._table.schema)

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame.

        A column of whole numbers of which some are missing is one of objects, so that numbers and
        None stay what they are; in a column of floats pandas writes NaN for what is missing.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        import_needed("pandas")
        return self.to_arrow().to_pandas(integer_object_nulls=True)

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write a Parquet file, which appears all at once."""
        self._table.write_parquet(os.fspath(path))

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a CSV file, which appears all at once.

        A missing value is an empty cell, a list is JSON, and bytes that are no text are Base64.
        """
        self._table.write_csv(os.fspath(path))

    def __repr__(self) -> str:
        return f"Predictions({self.node!r}: {len(self)} rows of {', '.join(self.columns)})"


def read_predictions(node: str, uri: str) -> Predictions:
    """Return what stands in an InferenceResult artifact, or in Examples with predictions.

    Raises:
        LoadError: There is nothing in it: the model lacked its blessing.
    """
    predictions = Predictions(node, uri)
    if not predictions.files:
        raise LoadError(
            f"{node!r} made no predictions: it waits for the blessing of the model.",
            hint="print(result.summary()) tells why the model has none.",
        )
    return predictions
