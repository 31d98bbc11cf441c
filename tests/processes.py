"""Components that tell of their process, and some that end it."""

import ctypes
import os
import signal
import time
from pathlib import Path

from tfx.dsl.component.experimental.annotations import OutputDict, Parameter
from tfx.dsl.component.experimental.decorators import component


@component
def Dies(how: Parameter[str]) -> OutputDict(never=str):  # noqa: N802
    if how == "exit":
        os._exit(9)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return {"never": str(ctypes.string_at(0))}


@component
def Meets(own: Parameter[str], others: Parameter[str]) -> OutputDict(pid=int):  # noqa: N802
    """Come to an end only if another one runs at the same time."""
    Path(own).write_text(f"{os.getpid()} {os.getppid()}")
    until = time.monotonic() + 60
    while not Path(others).exists():
        if time.monotonic() > until:
            raise TimeoutError("nobody came")
        time.sleep(0.05)
    return {"pid": os.getpid()}


@component
def Tells(number: int) -> OutputDict(pid=int):  # noqa: N802
    print("seen", number)
    return {"pid": os.getpid()}
