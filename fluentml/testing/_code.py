"""The user's functions, loaded where no step of a pipeline does it."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fluentml.errors import DefinitionError, did_you_mean, listing, shown


class Code(NamedTuple):
    """A function, as a verb of the chain takes it.

    Attributes:
        source: The function, its module file, or its import path.
        wanted: What a module file has to call it.
        custom_config: What it gets as `custom_config`, if it has such a parameter.
    """

    source: Any
    wanted: str
    custom_config: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What messages call it."""
        if callable(self.source):
            return getattr(inspect.unwrap(self.source), "__name__", self.wanted)
        path = os.fspath(self.source)
        return self.wanted if path.endswith(".py") else path.rpartition(".")[2]

    @property
    def file(self) -> str:
        """The file that defines it; empty where there is none."""
        if not callable(self.source) and os.fspath(self.source).endswith(".py"):
            return str(os.fspath(self.source))
        with contextlib.suppress(TypeError, ImportError, DefinitionError):
            return inspect.getsourcefile(inspect.unwrap(self.load())) or ""
        return ""

    @contextlib.contextmanager
    def beside_its_files(self) -> Iterator[None]:
        """Let the files beside a module file be imported, as where a step runs it.

        They are forgotten afterwards: another module may have others of the same names.
        """
        if callable(self.source) or not self.file:
            yield
            return
        folder, before = str(Path(self.file).resolve().parent), {*sys.modules}
        sys.path.insert(0, folder)
        try:
            yield
        finally:
            sys.path.remove(folder)
            for name in sys.modules.keys() - before:
                if (getattr(sys.modules[name], "__file__", None) or "").startswith(folder):
                    del sys.modules[name]

    @property
    def place(self) -> list[str]:
        """Where a function begins, as a line of a message; nothing where that cannot be told."""
        code = getattr(inspect.unwrap(self.source), "__code__", None)
        if not code or not self.file:
            return []
        return [f"  {shown(Path(self.file).resolve())}:{code.co_firstlineno} in {self.name}"]

    def load(self) -> Callable[..., Any]:
        """Return the function.

        Raises:
            DefinitionError: There is none, or its module cannot be loaded.
        """
        if callable(self.source):
            return self.source  # type: ignore[no-any-return]
        path = os.fspath(self.source)
        if path.endswith(".py"):
            return self._of(_file(path, self.wanted), path, self.wanted)
        module, _, name = path.rpartition(".")
        try:
            return self._of(importlib.import_module(module), module, name)
        except (ModuleNotFoundError, ValueError) as error:
            raise DefinitionError(
                f"There is no function {path!r}: {error}.",
                hint="pass the function itself, its file, or its import path: 'package.module.fn'.",
            ) from error

    def _of(self, module: Any, place: str, name: str) -> Callable[..., Any]:
        function = getattr(module, name, None)
        if callable(function):
            return function  # type: ignore[no-any-return]
        functions = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        raise DefinitionError(
            f"{place!r} does not define {name}().",
            f"Its functions: {listing(functions, 'none')}.",
            hint=did_you_mean(name, functions) or f"name the function {name}, or pass it itself.",
        )

    def bound(self) -> Callable[[Any], Any]:
        """Return the function of one argument, as TFX calls it.

        Raises:
            DefinitionError: It does not take one.
        """
        function = self.load()
        parameters = inspect.signature(function).parameters
        extra = {"custom_config": dict(self.custom_config)} if "custom_config" in parameters else {}
        try:
            inspect.signature(function).bind(None, **extra)
        except TypeError as error:
            raise DefinitionError(
                f"TFX calls {self.name}(inputs), and it is "
                f"{self.name}{inspect.signature(function)}.",
                hint="further parameters need defaults; custom_config is the one that TFX fills.",
            ) from error
        return lambda inputs: function(inputs, **extra)


def _file(path: str, wanted: str) -> Any:
    file = Path(path).resolve()
    spec = importlib.util.spec_from_file_location(f"_tested_{file.stem}", file)
    assert spec is not None and spec.loader is not None  # noqa: PT018 (it ends in .py)
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    try:
        spec.loader.exec_module(module)
    except FileNotFoundError as error:
        raise DefinitionError(
            f"There is no file {path!r} to take {wanted}() from.",
            hint="paths are taken from the working directory.",
        ) from error
    return module
