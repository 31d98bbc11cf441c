"""A search by keras-tuner that goes on where an earlier one was interrupted."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import gc
import hashlib
import importlib.util
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras_tuner
from keras_tuner import oracles
from tfx.components.trainer import fn_args_utils
from tfx.components.util import udf_utils

log = logging.getLogger(__name__)

COMPLETED, INVALID = "COMPLETED", "INVALID"


class NoTrialSucceededError(RuntimeError):
    """Every trial failed, so that there are no best hyperparameters."""


def key_of(input_dict: Mapping[str, list[Any]], exec_properties: Mapping[str, Any]) -> str:
    """Return a name for all that decides a search: its inputs, its parameters and the user's code.

    How many trials run at a time is no part of it: one may go on with fewer.
    """
    inputs = {
        key: [[artifact.id, artifact.uri] for artifact in artifacts]
        for key, artifacts in input_dict.items()
    }
    parameters = {key: value for key, value in exec_properties.items() if key != "tune_args"}
    text = json.dumps([inputs, parameters, _code(exec_properties)], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _code(exec_properties: Mapping[str, Any]) -> list[str]:
    """Return the digests of the Python files beside the one that the function comes from."""
    source = exec_properties.get("module_file")
    module = (exec_properties.get("tuner_fn") or "").rpartition(".")[0]
    if module and not source:
        spec = importlib.util.find_spec(module)
        source = spec.origin if spec else None
    # TFX makes a wheel of most module files, whose name tells its content.
    files = sorted(Path(source).parent.glob("*.py")) if source else []
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]


@contextlib.contextmanager
def kept_folder(base: Path, key: str, otherwise: str) -> Iterator[str]:
    """Yield a folder that stays where an error or a kill ends the block, and goes at its good end.

    What earlier searches left beside it goes with it.

    Args:
        base: Where the folder stands.
        key: Its name.
        otherwise: The folder to yield where another process is at work on that one.
    """
    folder = base / key
    with contextlib.ExitStack() as held:
        if not _hold(folder, held):
            yield otherwise
            return
        clear_if_broken(folder)
        yield str(folder)
        for other in base.iterdir():
            if other == folder or _hold(other, held):
                shutil.rmtree(other, ignore_errors=True)


def _hold(folder: Path, held: contextlib.ExitStack) -> bool:
    """Lock a folder until `held` closes or the process ends; return whether it was free."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    held.callback(os.close, descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def clear_if_broken(folder: Path) -> None:
    """Empty a folder in which a kill left half a file."""
    try:
        for file in folder.rglob("*.json"):
            json.loads(file.read_bytes())
    except ValueError:
        log.warning("%s is incomplete; the search starts anew.", file)
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


@contextlib.contextmanager
def loaded_modules_left_alone() -> Iterator[None]:
    """Keep what is there out of garbage collections.

    keras-tuner collects for each model that it builds, and to walk all the objects of TFX and
    TensorFlow takes half a second each time.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def make_tuner(
    input_dict: Mapping[str, list[Any]], exec_properties: Mapping[str, Any], working_dir: str
) -> Any:
    """Return the `TunerFnResult` of the user's `tuner_fn`, called as TFX calls it."""
    tuner_fn = udf_utils.get_fn(exec_properties, "tuner_fn")
    return tuner_fn(fn_args_utils.get_common_fn_args(input_dict, exec_properties, working_dir))


def take_up(oracle: Any) -> None:
    """Prepare an oracle that keras-tuner read from files for going on.

    The trials that did not come to a good end run again, from their first epoch. keras-tuner by
    itself would stumble over the missing start time of the trial that was running, leave failed
    ones out, and never run one of which the oracle had no time to take note; and its grid search
    forgets where it was.
    """
    for id in oracle.trials.keys() - set(oracle.start_order):
        del oracle.trials[id]
    completed = [id for id in oracle.start_order if oracle.trials[id].status == COMPLETED]
    unfinished = [id for id in oracle.start_order if id not in completed]
    for id in unfinished:
        oracle.trials[id].status, oracle.trials[id].message = INVALID, None
        oracle._run_times.pop(id, None)
    oracle.ongoing_trials.clear()
    oracle._retry_queue = unfinished[::-1]  # taken from its end
    ended = [id for id in oracle.end_order if id in completed]
    oracle.end_order = [*ended, *(id for id in completed if id not in ended)]
    if isinstance(oracle, oracles.GridSearchOracle):
        _find_place_in_grid(oracle)
    log.info("Going on with %d of %d trials done.", len(completed), len(oracle.trials))


def _find_place_in_grid(oracle: Any) -> None:
    values = {id: trial.hyperparameters.values for id, trial in oracle.trials.items()}
    by_values = functools.cmp_to_key(lambda one, other: oracle._compare(values[one], values[other]))
    for id in sorted(oracle.trials, key=by_values):
        oracle._ordered_ids.insert(id)
    oracle._populate_next = [*oracle.end_order]


def best_of(tuner: keras_tuner.Tuner) -> keras_tuner.Tuner:
    """Return a tuner whose search ended, ready for TFX to write its results.

    Raises:
        NoTrialSucceededError: No trial did. TFX would write the values of one that failed.
    """
    trials = tuner.oracle.trials
    failed = [trial for trial in trials.values() if trial.status != COMPLETED]
    for trial in failed:
        log.warning("Trial %s failed.\n%s", trial.trial_id, trial.message)
    if len(failed) == len(trials):
        messages = [trial.message for trial in failed if trial.message]
        raise NoTrialSucceededError("\n".join(["No trial succeeded.", *messages[-1:]]))
    # TFX asks for that many trials, and Hyperband and an unbounded grid search have no number.
    tuner.oracle.max_trials = tuner.oracle.max_trials or len(trials)
    return tuner
