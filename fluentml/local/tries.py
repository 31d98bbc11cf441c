"""A node that runs more than once in the same run: after a failure, or because somebody says so."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any
from unittest import mock

from ml_metadata import proto as mlmd
from tfx.orchestration.portable.input_resolution import channel_resolver
from tfx.orchestration.portable.mlmd import execution_lib


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """Make TFX give every try an execution of its own, and read what the last one made.

    It takes up the execution that the node has in the run; what has succeeded it does not run, and
    of what was set aside, as canceled, it reads the artifacts still.
    """
    found = channel_resolver._get_executions_by_all_contexts

    def kept(store: Any, contexts: Sequence[Any]) -> list[Any]:
        executions = found(store, contexts)
        return [one for one in executions if one.last_known_state != mlmd.Execution.CANCELED]

    with (
        mock.patch.object(channel_resolver, "_get_executions_by_all_contexts", kept),
        mock.patch.object(
            execution_lib, "get_executions_associated_with_all_contexts", return_value=[]
        ),
    ):
        yield
