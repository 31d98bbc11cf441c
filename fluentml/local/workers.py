"""Nodes in processes of their own: one server per session with TFX loaded, and what it forks."""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from fluentml.errors import BackendError
from fluentml.graph import Graph
from fluentml.live import LiveObject
from fluentml.local.failure import failure_of
from fluentml.local.launching import Reply, Request

GB = 1024**3
GB_PER_WORKER = 3
PATIENCE_S = 5.0
"""Seconds that an interrupted worker has to end by itself."""


def workers_here() -> int:
    """Return how many nodes run at a time unless the person says so: by cores and memory."""
    if sys.platform != "linux":  # Elsewhere, no process is told of the end of another.
        return 0
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(len(os.sched_getaffinity(0)), memory // (GB_PER_WORKER * GB)))


def packed(graph: Graph, *others: Any) -> bytes | None:
    """Return a graph as bytes for another process; None where something in it cannot travel.

    That is what lives in the running script or in a notebook's cells: TFX imports it by name.
    """
    if any(str(live).startswith("__main__:") for live in _live(graph)):
        return None
    try:
        pickler = importlib.import_module("cloudpickle")  # It knows lambdas too.
    except ModuleNotFoundError:
        pickler = pickle
    try:
        return bytes(pickler.dumps((graph, *others)))
    except Exception:
        return None


def _live(graph: Graph) -> Iterator[LiveObject]:
    for node in graph.nodes:
        yield from (one for one in node.component.calls() if isinstance(one, LiveObject))


# -- the server -----------------------------------------------------------------------------------


class Server:
    """The process that forks workers; it starts at once, and is ready when it has loaded TFX."""

    def __init__(self) -> None:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        arguments = (str(its.fileno()), str(os.getpid()))
        command = [sys.executable, "-m", "fluentml.local.server", *arguments]
        with its:
            self.process = subprocess.Popen(
                command,
                pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                start_new_session=True,
            )
        self.control = ours
        self.is_ready = False
        self._statuses: dict[int, int] = {}

    @property
    def is_alive(self) -> bool:
        """Whether the process is there."""
        return self.process.poll() is None

    def load(self) -> None:
        """Wait until TFX is loaded.

        Raises:
            BackendError: The process ended instead.
        """
        while not self.is_ready:
            self._read()

    def fork(self) -> tuple[int, Connection]:
        """Return the number of a new worker, and the way to it."""
        ours, its = socket.socketpair()
        pid = None
        try:
            with its:
                socket.send_fds(self.control, [b"+"], [its.fileno(), 1, 2])
            while pid is None:
                pid = self._read()
        except BaseException:  # Nobody would know whose answer comes next.
            ours.close()
            self.stop()
            raise
        return pid, Connection(ours.detach())

    def status(self, pid: int, patience: float = PATIENCE_S) -> int | None:
        """Return how a worker ended; None where it did not within some seconds."""
        self.control.settimeout(patience)
        try:
            while pid not in self._statuses:
                self._read()
        except TimeoutError:
            return None
        finally:
            self.control.settimeout(None)
        return self._statuses.pop(pid)

    def stop(self) -> None:
        """End it, and all workers with it."""
        self.process.kill()
        self.process.wait()
        self.control.close()

    def _read(self) -> int | None:
        """Take a message; return the number of a new worker, if it is that."""
        message = self.control.recv(64).decode()
        if message == "ready":
            self.is_ready = True
        elif message.startswith("-"):
            pid, status = map(int, message[1:].split())
            self._statuses[pid] = status
        elif message:
            return int(message)
        else:
            raise BackendError(
                "The process that loads TFX ended before its time.",
                hint="the log tells why; run(workers=0) runs the nodes in this process.",
            )
        return None


class _Own(threading.local):
    """Each thread has a server of its own: the system ends a process with the thread behind it."""

    server: Server | None = None


_own = _Own()


def server() -> Server:
    """Return the session's server; one is started where there is none."""
    if _own.server is None or not _own.server.is_alive:
        _own.server = Server()
    return _own.server


def has_server() -> bool:
    """Return whether there is one."""
    return _own.server is not None


# -- the workers ----------------------------------------------------------------------------------


@dataclass
class Worker:
    """A process that runs a node at a time, and keeps warm what it loaded for it."""

    pid: int
    connection: Connection
    node: str = ""
    did: set[str] = field(default_factory=set)


class Workers:
    """The workers of a run.

    Args:
        graph: The pipeline.
        payload: What `packed` made of it, with what a worker needs beside.
        size: The most of them.
    """

    def __init__(self, graph: Graph, payload: bytes, size: int) -> None:
        self._graph, self._payload, self._size = graph, payload, size
        self._workers: list[Worker] = []
        self._server: Server

    def warm_up(self) -> None:
        """Begin to load TFX, where it is not loaded."""
        self._server = server()

    def load(self) -> None:
        """Wait until TFX is loaded."""
        self._server = server()
        self._server.load()

    def has_room(self) -> bool:
        """Return whether a worker is idle, or one more may be forked."""
        return len(self._workers) < self._size or any(not one.node for one in self._workers)

    def start(self, request: Request, after: tuple[str, ...]) -> None:
        """Run a node, best in the worker that ran one which it reads from.

        Raises:
            PipelineError: TFX cannot be told of this pipeline.
        """
        idle = [one for one in self._workers if not one.node]
        warm = [one for one in idle if one.did & {*after}]
        if warm:
            worker = warm[0]
        elif len(self._workers) < self._size:
            worker = self._fork()
        else:
            worker = idle[0]
        worker.node = request.node
        with contextlib.suppress(BrokenPipeError):  # It is dead, and will be found so.
            worker.connection.send(request)

    def wait(self) -> tuple[str, Reply]:
        """Return a node that has ended, and what came of it."""
        busy = {one.connection: one for one in self._workers if one.node}
        worker = busy[wait([*busy])[0]]  # type: ignore[index]
        id, worker.node = worker.node, ""
        try:
            reply: Reply = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            self._workers.remove(worker)
            return id, Reply("failed", {}, failure=failure_of(id, self._death(worker), self._graph))
        worker.did.add(id)
        return id, reply

    def close(self) -> None:
        """End them: those that run a node are interrupted first, and killed if that is no use."""
        busy = [one for one in self._workers if one.node]
        try:
            _signal(busy, signal.SIGINT)
            deadline = time.monotonic() + PATIENCE_S
            for one in busy:
                self._server.status(one.pid, max(0.01, deadline - time.monotonic()))
        finally:
            _signal(self._workers, signal.SIGKILL)
            for one in self._workers:
                one.connection.close()
            self._workers.clear()

    def _fork(self) -> Worker:
        worker = Worker(*self._server.fork())
        here = {"folder": str(Path.cwd()), "environment": dict(os.environ), "path": [*sys.path]}
        worker.connection.send(here)
        worker.connection.send_bytes(self._payload)
        self._workers.append(worker)
        try:
            problem = worker.connection.recv()
        except EOFError:
            problem = BackendError(
                "A process for the nodes could not be started.",
                hint="the log tells why; run(workers=0) runs the nodes in this process.",
            )
        if problem is not None:
            raise problem
        return worker

    def _death(self, worker: Worker) -> BackendError:
        worker.connection.close()
        status = self._server.status(worker.pid)
        if status is not None and os.WIFSIGNALED(status):
            name = signal.Signals(os.WTERMSIG(status)).name
            if name == "SIGKILL":
                return BackendError(
                    "its process was killed (SIGKILL).",
                    hint="the system does so where memory runs out: see dmesg; take less data, or "
                    "run(workers=1).",
                )
            return BackendError(
                f"its process crashed ({name}).",
                hint="that comes from native code; the end of the log tells where it was.",
            )
        code = "" if status is None else f" with the exit code {os.WEXITSTATUS(status)}"
        return BackendError(
            f"its process ended{code}.",
            hint="some code in it ends the process, as os._exit() and sys.exit() do.",
        )


def _signal(workers: Iterable[Worker], number: signal.Signals) -> None:
    for one in workers:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(one.pid, number)
