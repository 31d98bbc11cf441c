"""The runs under a root as pages in a browser, on this machine only and read-only.

`runs` finds them, `stored` asks ML Metadata, `pages` and `artifacts` write what a person sees, and
`app` answers requests. `follow.js` looks after a run that goes on.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

from fluentml.errors import BackendError, MissingDependencyError

HOST = "127.0.0.1"
PORT = 7171
ROOT = "artifacts"


def serve(
    root: str | os.PathLike[str] = ROOT,
    port: int = PORT,
    *,
    started: Callable[[str], object] = print,
) -> None:
    """Serve the runs under a root until somebody interrupts it.

    Only this machine is answered, and only by a name of its own; whoever has an account on it can
    look. Nothing is written.

    Args:
        root: The folder with the pipelines, or that of one.
        port: Where to listen; 0 takes a free one.
        started: What is called with the address once it answers.

    Raises:
        BackendError: There is no such folder, or the port is taken.
        MissingDependencyError: Starlette or uvicorn is not installed.
    """
    folder = Path(root)
    if not folder.is_dir():
        raise BackendError(
            f"There is no folder {os.fspath(root)!r}.",
            hint="name the root of your pipelines, which is 'artifacts' where they ran unless they "
            "name another: fluentml ui FOLDER.",
        )
    try:
        import uvicorn

        from fluentml.ui.app import app_of
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn"):
            raise
        raise MissingDependencyError(
            f"The pages need {error.name!r}, which is not installed.",
            hint="pip install 'fluentml[ui]'",
        ) from error
    with contextlib.closing(_listening(port)) as listener:
        started(f"http://{HOST}:{listener.getsockname()[1]}/")
        config = uvicorn.Config(
            app_of(folder), log_level="warning", lifespan="off", timeout_graceful_shutdown=1
        )
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])


def _listening(port: int) -> socket.socket:
    """Return a socket that listens; a browser that is quicker than the server waits."""
    try:
        return socket.create_server((HOST, port), backlog=128)
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        raise BackendError(
            f"Port {port} of {HOST} cannot be listened on: {why}.",
            hint="another `fluentml ui` may be there; take another port with --port, or --port 0 "
            "for a free one.",
        ) from error
