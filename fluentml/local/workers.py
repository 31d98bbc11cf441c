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
from typing import Any, ClassVar

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
    return max(1, min(len(os.sched_getaffinity(0)), _memory() // (GB_PER_WORKER * GB)))


def _memory() -> int:
    """Return the bytes that this machine has, or that its container may take."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in ("memory.max", "memory/memory.limit_in_bytes"):  # cgroups 2 and 1
        with contextlib.suppress(OSError, ValueError):  # "max" is no limit
            limits.append(int(Path("/sys/fs/cgroup", name).read_text()))
    return min(limits)


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

    def has_ended(self, pid: int) -> bool:
        """Return whether a worker has ended, after all that was told so far."""
        while wait([self.control], 0):
            try:
                self._read()
            except BackendError:  # It ended, and they with it.
                return True
        return pid in self._statuses

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
    if _own.server is not None and not _own.server.is_alive:
        _own.server.stop()
        _own.server = None
    if _own.server is None:
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
    is_ended: bool = False

    @property
    def is_there(self) -> bool:
        """Whether it is alive, as far as can be told of one that runs no node."""
        return not self.is_ended and not self.connection.poll()


class Workers:
    """The workers of a run.

    Args:
        graph: The pipeline.
        payload: What `packed` made of it, with what a worker needs beside.
        size: The most of them.
    """

    CAN_END: ClassVar[bool] = True

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
        idle = self._idle()
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

    def wait(self, seconds: float | None) -> tuple[str, Reply] | None:
        """Return a node that has ended, and what came of it; None where none did in that time."""
        busy = [one for one in self._workers if one.node]
        # What a node started may live on, and hold the other end of its worker's connection.
        ready = wait([self._server.control, *(one.connection for one in busy)], seconds)
        answered = [one for one in busy if one.connection in ready]
        ended = answered or [one for one in busy if self._server.has_ended(one.pid)]
        if not ended:
            return None
        worker = ended[0]
        id, worker.node = worker.node, ""
        if not worker.connection.poll():
            return self._died(id, worker)
        try:
            reply: Reply = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            return self._died(id, worker)
        worker.did.add(id)
        return id, reply

    def end(self, id: str) -> None:
        """Kill the worker that runs a node; `wait` tells of it."""
        for worker in self._workers:
            if worker.node == id:
                worker.is_ended = True
                _signal([worker], signal.SIGKILL)

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

    def _idle(self) -> list[Worker]:
        """Return those that wait for a node; the others may have been killed meanwhile."""
        for one in [one for one in self._workers if not one.node and not one.is_there]:
            one.connection.close()
            self._workers.remove(one)
        return [one for one in self._workers if not one.node]

    def _fork(self) -> Worker:
        self.load()
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

    def _died(self, id: str, worker: Worker) -> tuple[str, Reply]:
        self._workers.remove(worker)
        error = self._death(worker)
        _signal([worker], signal.SIGKILL)  # what it started
        return id, Reply("failed", {}, failure=failure_of(id, error, self._graph))

    def _death(self, worker: Worker) -> BackendError:
        worker.connection.close()
        try:
            status = self._server.status(worker.pid)
        except BackendError as error:
            return error
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
