"""What a run left that was killed or failed: executions that run for ever, half-written outputs."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from ml_metadata import proto as mlmd

from fluentml.executors.history import SUCCEEDED
from fluentml.graph import Settings
from fluentml.stores.files import SYSTEM, is_within, outputs_of, remove

log = logging.getLogger("fluentml")
FAILED, CANCELED = mlmd.Execution.FAILED, mlmd.Execution.CANCELED
UNFINISHED = (mlmd.Execution.NEW, mlmd.Execution.RUNNING)
_RESULT = "__execution_result__"
_STATEFUL = "__stateful_working_dir_index__"


def heal(
    settings: Settings,
    store: Any,
    run_id: str,
    why: str,
    state: int = FAILED,
    *,
    only: str | None = None,
) -> tuple[str, ...] | None:
    """End the executions of a run that nobody runs any more, and remove what they half wrote.

    Outputs are registered all at once when an execution has ended well, so nothing refers to these,
    nor to what TFX leaves of one that failed. The files go first: whoever is killed in between is
    repeated.

    Args:
        settings: The pipeline's.
        store: Its open metadata store.
        run_id: The run; no living process owns it.
        why: What TFX shall tell of the executions.
        state: What becomes of them.
        only: The id of the one node that nobody runs, where the run goes on; None: all of them.

    Returns:
        The ids of the nodes that were ended; None where the store knows no such run.
    """
    run = store.get_context_by_type_and_name("pipeline_run", run_id)
    if run is None:
        return None
    ended: dict[str, Any] = {}
    for execution in store.get_executions_by_context(run.id):
        node = node_of(store, execution.id)
        if execution.last_known_state in SUCCEEDED or only not in (None, node):
            continue
        if not settings.is_remote:
            _remove_outputs(Path(settings.pipeline_root), node, execution)
        if execution.last_known_state in UNFINISHED:
            execution.last_known_state = state
            result = json.dumps({"code": 1, "resultMessage": why})
            execution.custom_properties[_RESULT].string_value = result
            ended[node] = execution
    if ended:
        store.put_executions([*ended.values()])
    return tuple(ended)


def node_of(store: Any, execution_id: int) -> str:
    """Return the id of the node that an execution belongs to; empty where it has none."""
    # TFX names the context of a node "pipeline.node"; a pipeline's name has no dot.
    contexts = store.get_contexts_by_execution(execution_id)
    names = [context.name for context in contexts if context.type == "node"]
    return names[0].partition(".")[2] if names else ""


def _remove_outputs(root: Path, node: str, execution: Any) -> None:
    if not node:
        return
    folders = outputs_of(root, node, execution.id)
    if _STATEFUL in execution.custom_properties:
        index = execution.custom_properties[_STATEFUL].string_value
        folder = root / node / SYSTEM / "stateful_working_dir" / index
        folders += [folder] if folder.is_dir() and is_within(root, folder) else []
    for folder in folders:
        try:
            remove(root, folder)
        except OSError as error:
            # Nothing refers to it, and `fluentml gc` tries again.
            log.warning("%s cannot be removed: %s.", folder, error.strerror)
