"""The process that has TFX loaded and forks workers: `python -m fluentml.local.server N PARENT`.

N is the descriptor of a socket to the process that runs the pipeline. A message from there is a
wish for a worker, with its socket and its two streams; the answers are `+PID`, and `-PID STATUS`
once it has ended. When that process ends or closes the socket, the server and all that it forked
are gone.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import socket
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

TICK_S = 0.1
IDLE_S = 900.0
"""Seconds without a worker after which the server ends by itself."""
_PR_SET_PDEATHSIG = 1


def main(descriptor: int, parent: int) -> None:
    """Load TFX, say so, and fork workers until nobody is there to want one."""
    _end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=descriptor) as control:
        import fluentml.local.session  # noqa: F401  (loads TFX)

        control.send(b"ready")
        workers: set[int] = set()
        try:
            _serve(control, workers)
        except BrokenPipeError:
            pass
        finally:
            for pid in workers:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)


def _end_with(parent: int) -> None:
    """Have the system end this process once the thread that started it has ended."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # It was quicker.
        os._exit(1)


def _serve(control: socket.socket, workers: set[int]) -> None:
    last = time.monotonic()
    while workers or time.monotonic() - last < IDLE_S:
        if select.select([control], [], [], TICK_S)[0]:
            wish, streams, _, _ = socket.recv_fds(control, 16, 3)
            if not wish:
                return
            server = os.getpid()
            pid = os.fork()
            if not pid:
                control.close()
                _end_with(server)
                _work(*streams)
            for stream in streams:
                os.close(stream)
            workers.add(pid)
            control.send(f"+{pid}".encode())
        for pid, status in _ended(workers):
            last = time.monotonic()
            control.send(f"-{pid} {status}".encode())


def _ended(workers: set[int]) -> list[tuple[int, int]]:
    ended = [os.waitpid(pid, os.WNOHANG) for pid in workers]
    gone = [(pid, status) for pid, status in ended if pid]
    workers -= {pid for pid, _ in gone}
    return gone


def _work(requests: int, out: int, err: int) -> None:
    """Be a worker, and never return."""
    os.setsid()
    for number, stream in ((1, out), (2, err)):
        os.dup2(stream, number)
        os.close(stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = 1
    try:
        with Connection(requests) as connection:
            _answer(connection)
        code = 0
    except (EOFError, KeyboardInterrupt):
        code = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        for written in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                written.flush()
        # TensorFlow's and gRPC's threads need no farewell.
        os._exit(code)


def _answer(connection: Connection) -> None:
    from fluentml.local.capture import captured
    from fluentml.local.failure import plain
    from fluentml.local.launching import Desk

    place: dict[str, Any] = connection.recv()
    os.chdir(place["folder"])
    os.environ.clear()
    os.environ.update(place["environment"])
    sys.path[:] = place["path"]
    with contextlib.ExitStack() as stack:
        try:
            graph, run_id, log, echo, fast = connection.recv()
            stack.enter_context(captured(Path(log), echo=echo))
            desk = Desk(graph, run_id, fast=fast)
        except Exception as error:
            connection.send(plain(error))
            return
        connection.send(None)
        while True:
            connection.send(desk.perform(connection.recv()))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
