"""Beam in this process, without work that only a distant worker needs; read in Beam 2.66."""

from __future__ import annotations

import argparse
import bz2
import contextlib
import functools
import gettext
import importlib
from collections.abc import Iterable, Iterator
from unittest import mock

from fluentml.lowering import IN_PROCESS_RUNNER

PICKLERS = ("apache_beam.internal.cloudpickle_pickler", "apache_beam.internal.dill_pickler")


class RawPickles:
    """In the place of `bz2` in Beam's picklers, which pack functions for a way over the net."""

    MARK = b"raw:"

    @classmethod
    def compress(cls, data: bytes, compresslevel: int = 9) -> bytes:
        """Return the data behind a mark."""
        return cls.MARK + data

    @classmethod
    def decompress(cls, data: bytes) -> bytes:
        """Return the data, also of a real bz2 file."""
        return data[len(cls.MARK) :] if data.startswith(cls.MARK) else bz2.decompress(data)


@contextlib.contextmanager
def light(arguments: Iterable[str]) -> Iterator[None]:
    """Spare Beam's in-process runner what costs a step on little data a tenth of its time.

    Every transform builds some thirty parsers of options, each of which asks the file system for
    translations of its help; and every function is compressed, to be unpacked at once.

    Args:
        arguments: Beam's; other runners, and workers in processes of their own, are left alone.
    """
    given = list(arguments)
    if IN_PROCESS_RUNNER not in given or any("multi_processing" in one for one in given):
        yield
        return
    with contextlib.ExitStack() as stack:
        for name in PICKLERS:
            with contextlib.suppress(ImportError):  # dill is optional in newer versions
                pickler = importlib.import_module(name)
                stack.enter_context(mock.patch.object(pickler, "bz2", RawPickles))
        translate = functools.lru_cache(maxsize=None)(gettext.gettext)
        stack.enter_context(mock.patch.object(argparse, "_", translate))
        yield
