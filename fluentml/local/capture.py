"""Keeping TensorFlow's, absl's and Beam's words away from the person: all of it into one file."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from absl import logging as absl_logging


@contextlib.contextmanager
def captured(log: Path, *, echo: bool = False) -> Iterator[TextIO]:
    """Send all that this process prints and logs to a file, C++ libraries included.

    Args:
        log: The file; its folder exists, and it is appended to.
        echo: Let everything through to the terminal as well, and only Python's logging to the file.

    Yields:
        A stream that still reaches the person.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_at_info())
        if echo:
            stack.enter_context(_log_file(log))
            yield sys.stdout
            return
        file = log.open("a", encoding="utf-8", errors="replace", buffering=1)
        stack.callback(_close, file)
        person = _own_stream(stack)
        _silence({sys.stdout, sys.stderr})
        for number, stream in ((1, sys.stdout), (2, sys.stderr)):
            stream.flush()
            stack.enter_context(_descriptor(number, file))
        stack.enter_context(_streams(file))
        if "IPython" in sys.modules:
            # Beam greets a notebook with a script of its own.
            from IPython.utils.capture import capture_output

            stack.enter_context(capture_output(stdout=False, stderr=False, display=True))
        yield person


def _silence(screens: set[TextIO]) -> None:
    """Take the handlers away that print; `_at_info` brings them back.

    Python adds one of itself where somebody logs before logging is set up.
    """
    root = logging.getLogger()
    root.handlers[:] = [
        one
        for one in root.handlers
        if not (type(one) is logging.StreamHandler and one.stream in screens)
    ]


def _close(file: TextIO) -> None:
    with contextlib.suppress(OSError):  # on a full disk, of which the run's own error tells
        file.close()


def _own_stream(stack: contextlib.ExitStack) -> TextIO:
    """Return stdout; a copy of it where it is the descriptor that is about to be redirected."""
    if not _is_descriptor(sys.stdout, 1):
        return sys.stdout
    encoding = sys.stdout.encoding or "utf-8"
    return stack.enter_context(os.fdopen(os.dup(1), "w", encoding=encoding, errors="replace"))


def _is_descriptor(stream: TextIO, number: int) -> bool:
    try:
        return stream.fileno() == number
    except (AttributeError, OSError, io.UnsupportedOperation):
        return False


@contextlib.contextmanager
def _descriptor(number: int, file: TextIO) -> Iterator[None]:
    saved = os.dup(number)
    os.dup2(file.fileno(), number)
    try:
        yield
    finally:
        os.dup2(saved, number)
        os.close(saved)


@contextlib.contextmanager
def _streams(file: TextIO) -> Iterator[None]:
    """Redirect Python's own streams where they are not the descriptors (notebooks, tests)."""
    handler = absl_logging.get_absl_handler().python_handler
    before = handler.stream
    with contextlib.ExitStack() as stack:
        if not _is_descriptor(sys.stdout, 1):
            stack.enter_context(contextlib.redirect_stdout(file))
        if not _is_descriptor(sys.stderr, 2):
            stack.enter_context(contextlib.redirect_stderr(file))
        handler.stream = file
        try:
            yield
        finally:
            handler.stream = before


@contextlib.contextmanager
def _at_info() -> Iterator[None]:
    root = logging.getLogger()
    level, verbosity, handlers = root.level, absl_logging.get_verbosity(), root.handlers[:]
    absl_logging.use_absl_handler()
    absl_logging.set_verbosity(absl_logging.INFO)
    try:
        yield
    finally:
        absl_logging.set_verbosity(verbosity)
        root.setLevel(level)
        root.handlers[:] = handlers


@contextlib.contextmanager
def _log_file(log: Path) -> Iterator[None]:
    handler = logging.FileHandler(log, encoding="utf-8")
    handler.setFormatter(absl_logging.PythonFormatter())
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()
