"""Trials side by side: processes that ask one oracle, by keras-tuner's own protocol.

    python -m fluentml.executors.tuner_workers FOLDER

is one of them. The oracle is that of the process which started them; so what it knows is on disk
as in a search by one process, and either can go on where the other was interrupted.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from keras_tuner.src import protos
from keras_tuner.src.distribute import oracle_chief, oracle_client
from tfx.utils import json_utils

from fluentml.executors import tuner_search, user_wheels

LOOPBACK = "127.0.0.1"
IDLE_S = 0.2
"""Seconds to wait before the oracle is asked again: keras-tuner would ask without a pause."""


class WorkerError(RuntimeError):
    """A process that ran trials came to a bad end; the message holds its traceback, if any."""


@dataclass(frozen=True)
class Request:
    """What a worker needs in order to call `tuner_fn`."""

    input_dict: dict[str, list[Any]]
    exec_properties: dict[str, Any]
    working_dir: str

    def write(self, file: Path) -> None:
        """Write it down for another process."""
        text = json_utils.dumps(
            [self.input_dict, json.dumps(self.exec_properties), self.working_dir]
        )
        file.write_text(text)

    @classmethod
    def read(cls, file: Path) -> Request:
        """Read what `write` wrote."""
        input_dict, properties, working_dir = json_utils.loads(file.read_text())
        return cls(input_dict, json.loads(properties), working_dir)


def search(made: Any, request: Request, count: int) -> None:
    """Run the trials of a `TunerFnResult` in processes of their own.

    Args:
        made: What `tuner_fn` returned here: its oracle decides for all.
        request: The same in words.
        count: How many processes, each of which runs one trial at a time.

    Raises:
        WorkerError: One came to a bad end; the others are ended then.
    """
    oracle = made.tuner.oracle
    oracle.verbose = made.fit_kwargs.get("verbose", oracle.verbose)
    made.tuner.save()
    with tempfile.TemporaryDirectory() as name, _served(oracle) as port:
        folder = Path(name)
        request.write(folder / "request.json")
        with _workers(folder, port, count) as workers:
            _wait(workers, folder)
        for file in folder.glob("*.failed"):
            oracle.trials[file.stem].message = file.read_text()
    if oracle.ongoing_trials:
        ids = ", ".join(trial.trial_id for trial in oracle.ongoing_trials.values())
        raise WorkerError(f"A process ended in the middle of its trial ({ids}).")


@contextlib.contextmanager
def _served(oracle: Any) -> Iterator[int]:
    """Answer for the oracle on a free port of this machine; yield the port."""
    # One thread: keras-tuner's lock around the oracle is lost to others once a call fails.
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    servicer = oracle_chief.OracleServicer(oracle)
    protos.get_service_grpc().add_OracleServicer_to_server(servicer, server)
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(grace=None).wait()


@contextlib.contextmanager
def _workers(folder: Path, port: int, count: int) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Start the processes, and end those that still run when the block ends."""
    program = [sys.executable, "-m", __name__, str(folder)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "KERASTUNER_ORACLE_IP": LOOPBACK,
        "KERASTUNER_ORACLE_PORT": str(port),
        # A proxy of the company's does not know this machine's ports.
        "no_grpc_proxy": LOOPBACK,
    }
    workers: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for number in range(1, count + 1):
            id = f"worker-{number}"
            # stdin is how a worker knows that this process is still there.
            workers[id] = subprocess.Popen(
                program, env=environment | {"KERASTUNER_TUNER_ID": id}, stdin=subprocess.PIPE
            )
        yield workers
    finally:
        for worker in workers.values():
            worker.kill()
        for worker in workers.values():
            worker.communicate()


def _wait(workers: dict[str, subprocess.Popen[bytes]], folder: Path) -> None:
    running = dict(workers)
    while running:
        time.sleep(0.1)
        for id, worker in list(running.items()):
            code = worker.poll()
            if code:
                raise WorkerError(_end(id, code, folder))
            if code == 0:
                del running[id]


def _end(id: str, code: int, folder: Path) -> str:
    told = folder / f"{id}.error"
    if told.exists():
        return f"{id} failed.\n{told.read_text()}"
    if code < 0:
        return f"{id} was killed by {signal.Signals(-code).name} while it ran trials"
    return f"{id} ended with exit code {code} while it ran trials"


class Client(oracle_client.OracleClient):
    """keras-tuner's client, with patience, and with a memory for what failed."""

    def __init__(self, oracle: Any, folder: Path) -> None:
        super().__init__(oracle)
        self._folder = folder

    def create_trial(self, tuner_id: str) -> Any:
        """Return the next trial; one that is idle only after a pause."""
        trial = super().create_trial(tuner_id)
        if trial.status == "IDLE":
            time.sleep(IDLE_S)
        return trial

    def end_trial(self, trial: Any) -> None:
        """Tell the oracle of the end of a trial; what went wrong does not travel with it."""
        if trial.message:
            (self._folder / f"{trial.trial_id}.failed").write_text(trial.message)
        try:
            super().end_trial(trial)
        except grpc.RpcError as error:
            what = error.details().removeprefix("Exception calling application: ").strip()
            raise RuntimeError(f"{what}\n{trial.message or ''}") from None


def _work(folder: Path) -> None:
    """Run trials until the oracle has no more."""
    request = Request.read(folder / "request.json")
    with user_wheels.unpacked():
        made = tuner_search.make_tuner(
            request.input_dict, request.exec_properties, request.working_dir
        )
    made.tuner.oracle = Client(made.tuner.oracle._oracle, folder)
    with tuner_search.loaded_modules_left_alone():
        made.tuner.search(**made.fit_kwargs)


def _end_with_parent() -> None:
    # Not sys.stdin, whose lock Python wants back at its own end.
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    folder = Path(sys.argv[1])
    try:
        _work(folder)
    except BaseException:
        id = os.environ["KERASTUNER_TUNER_ID"]
        (folder / f"{id}.error").write_text(traceback.format_exc())
        raise
