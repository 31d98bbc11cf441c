"""Beam in this process, without work that only a distant worker needs; read in Beam 2.66, 2.77."""

from __future__ import annotations

import argparse
import bz2
import contextlib
import functools
import gettext
import importlib
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from unittest import mock

from apache_beam.transforms import core, userstate

from fluentml.lowering import IN_PROCESS_RUNNER

PICKLERS = ("apache_beam.internal.cloudpickle_pickler", "apache_beam.internal.dill_pickler")
CLOUDPICKLE = "apache_beam.internal.cloudpickle.cloudpickle"


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


class Specs:
    """Beam's look at the states and timers of a function, once for each; it asks four times."""

    def __init__(self) -> None:
        self._look = userstate.get_dofn_specs
        self._known: dict[int, tuple[Any, Any]] = {}

    def __call__(self, function: Any) -> Any:
        """Return what states and timers the methods of a DoFn ask for."""
        if id(function) not in self._known:
            # Kept with it, for the id of what is gone may be another's.
            self._known[id(function)] = function, self._look(function)
        return self._known[id(function)][1]


class Remembered:
    """Beam's look at the arguments of a method, once for each; it asks a hundred thousand times."""

    def __init__(self) -> None:
        self._look = core.get_function_args_defaults
        self._known: dict[Callable[..., Any], tuple[list[str], list[Any]]] = {}

    def __call__(self, method: Callable[..., Any]) -> tuple[list[str], list[Any]]:
        """Return the names of the arguments, and the default values."""
        # What wraps a function looks at that one, which differs by instance.
        if not isinstance(method, types.MethodType) or hasattr(method, "__wrapped__"):
            arguments, defaults = self._look(method)
            return arguments, defaults
        function = method.__func__
        if function not in self._known:
            self._known[function] = self._look(method)
        arguments, defaults = self._known[function]
        return [*arguments], [*defaults]


def _no_submodules(code: Any, packages: Any) -> list[Any]:
    """Return what a worker has to import before it calls a function: here all is imported."""
    return []


@contextlib.contextmanager
def light(arguments: Iterable[str]) -> Iterator[None]:
    """Spare Beam's in-process runner what costs a step on little data a tenth of its time.

    Every transform builds some thirty parsers of options, each of which asks the file system for
    translations of its help; every function is compressed, to be unpacked at once; its
    methods are inspected again and again, and all modules there are for what it may call.

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
        stack.enter_context(mock.patch.object(userstate, "get_dofn_specs", Specs()))
        with contextlib.suppress(ImportError, AttributeError):
            cloudpickle = importlib.import_module(CLOUDPICKLE)
            find = mock.patch.object(cloudpickle, "_find_imported_submodules", _no_submodules)
            stack.enter_context(find)
        remembered = mock.patch.object(core, "get_function_args_defaults", Remembered())
        stack.enter_context(remembered)
        yield
