"""Data frames in memory, kept as Parquet files that are named by their content."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from fluentml.errors import DefinitionError
from fluentml.spec import import_needed, is_remote


def keep(frame: Any, folder: str) -> str:
    """Write a frame to a folder, unless it is there already; return the name of its file.

    The file appears all at once, and the same content always gets the same name.

    Args:
        frame: A pandas DataFrame, without its index, or a pyarrow Table.
        folder: Where to write it; made if it is not there.

    Raises:
        DefinitionError: It is no such frame, is empty, holds what Parquet cannot, or the folder
            cannot be written.
    """
    table = to_table(frame, "from_dataframe()")
    if not table.num_rows or not table.num_columns:
        raise DefinitionError(
            f"from_dataframe() got a frame of {table.num_rows} rows and {table.num_columns} "
            "columns.",
            hint="pass one that holds data.",
        )
    if is_remote(folder):
        raise DefinitionError(
            f"from_dataframe() keeps the frame under the root, and cannot write to {folder!r}.",
            hint="write it there as a Parquet file yourself, and read that: from_parquet(…).",
        )
    try:
        return _write(table, Path(folder))
    except OSError as error:
        raise DefinitionError(
            f"from_dataframe() cannot keep the frame in {folder!r}: {error.strerror or error}.",
            hint="choose another root: PipelineDef(…, root=…).",
        ) from error


def to_table(frame: Any, verb: str) -> Any:
    """Return a frame as a pyarrow Table.

    Args:
        frame: A pandas DataFrame, without its index, or a pyarrow Table.
        verb: What got it, for messages: `from_dataframe()`.

    Raises:
        DefinitionError: It is no such frame, or holds what Arrow cannot.
    """
    arrow = import_needed("pyarrow")
    if isinstance(frame, arrow.Table):
        return frame
    # Whoever passes a DataFrame has imported pandas.
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(frame, pandas.DataFrame):
        raise DefinitionError(
            f"{verb} takes a pandas DataFrame or a pyarrow Table, "
            f"not a value of the type {type(frame).__name__}.",
            hint="for files there are from_csv(…), from_parquet(…) and others.",
        )
    try:
        return arrow.Table.from_pandas(frame, preserve_index=False)
    except (arrow.ArrowException, ValueError) as error:
        raise DefinitionError(
            f"{verb} cannot keep this frame: {'; '.join(map(str, error.args))}.",
            hint="give every column a name of its own and values of one type.",
        ) from error


def _write(table: Any, folder: Path) -> str:
    parquet = import_needed("pyarrow.parquet")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as unfinished:
        try:
            parquet.write_table(table, unfinished)
            unfinished.flush()
            content = hashlib.sha256(Path(unfinished.name).read_bytes()).hexdigest()
            target = folder / f"{content[:16]}.parquet"
            # A file that is kept keeps its time too, by which TFX's cache knows it.
            if not target.exists():
                os.replace(unfinished.name, target)  # noqa: PTH105 (a file name, not a Path)
        finally:
            Path(unfinished.name).unlink(missing_ok=True)
    return target.name
