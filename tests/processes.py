"""Components that tell of their process, and some that end it."""

import ctypes
import multiprocessing
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
    if how == "kill":  # What it started lives on.
        multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,)).start()
    if how in ("kill", "server"):
        os.kill(os.getpid() if how == "kill" else os.getppid(), signal.SIGKILL)
        time.sleep(60)
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


@component
def Sleeps(seconds: Parameter[int]) -> OutputDict(slept=int):  # noqa: N802
    time.sleep(seconds)
    return {"slept": seconds}


@component
def Flaky(file: Parameter[str]) -> OutputDict(colour=str):  # noqa: N802
    """Die once, and then tell of a variable."""
    if not Path(file).exists():
        Path(file).touch()
        os._exit(9)
    return {"colour": os.environ["COLOUR"]}
