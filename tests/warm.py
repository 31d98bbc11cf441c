"""A Python that has TFX loaded before it starts: `python -m MODULE …` in a process that is a copy.

To load TFX takes seconds, and nothing of it differs from call to call. What stands for the Python
is a script: it hands its arguments, environment, folder and streams to a process with TFX, which
runs this file, and ends as the copy ends that does the work.
"""

import contextlib
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fluentml.emulation._warm import as_if_new

STANDS_FOR_PYTHON = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as warm:
    warm.connect({address!r})
    task = {{"arguments": sys.argv[1:], "environment": {{**os.environ}}, "folder": os.getcwd()}}
    socket.send_fds(warm, [json.dumps(task).encode()], [0, 1, 2])
    warm.shutdown(socket.SHUT_WR)
    ended = warm.recv(16)
sys.exit(int(ended) if ended else "The process that was to do it is gone.")
"""
MODULES = ("fluentml.cli", "fluentml.local.node", "fluentml.local.session", "fluentml.lowering")


@contextlib.contextmanager
def python() -> Iterator[Path]:
    """Start the process; give the path of what stands for a Python."""
    # The name of a socket is short.
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:
        address, script = Path(folder, "socket"), Path(folder, "python")
        script.write_text(STANDS_FOR_PYTHON.format(python=sys.executable, address=str(address)))
        script.chmod(0o755)
        with (
            socket.socket(socket.AF_UNIX) as server,
            Path(folder, "log").open("w") as log,
        ):
            server.bind(str(address))
            server.listen(16)
            with subprocess.Popen(
                [sys.executable, __file__, str(server.fileno())],
                pass_fds=[server.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            ) as process:
                yield script
                process.terminate()


def serve(server: socket.socket) -> None:
    """Answer every call by a copy of this process, until it is ended."""
    sys.path.pop(0)  # this file's folder
    for module in MODULES:
        __import__(module)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # The copies answer for themselves.
    while True:
        call, _ = server.accept()
        with call:
            if os.fork() == 0:
                server.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                task, streams = _asked(call)
                code = _run(task, streams)
                call.sendall(str(code).encode())
                os._exit(code)


def _asked(call: socket.socket) -> tuple[dict[str, Any], list[int]]:
    text, streams, _, _ = socket.recv_fds(call, 2**20, 3)
    while more := call.recv(2**20):
        text += more
    return json.loads(text), streams


def _run(task: dict[str, Any], streams: list[int]) -> int:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    flag, *asked = task["arguments"]
    assert flag == "-m"
    sys.path.insert(0, task["folder"])
    return as_if_new(task["folder"], task["environment"], *asked)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
