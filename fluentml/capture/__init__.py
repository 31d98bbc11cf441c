"""A function or class of the user's, written as a module file of its own.

`captured(run_fn, folder=…)` takes the function and whatever it refers to in its file, or in the
cells of its notebook: other functions, classes, constants, imports. It copies source and pickles
nothing; what is no source, such as a model that is open in this process, is refused by name.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FunctionType, MappingProxyType
from typing import Any

from fluentml.capture.closure import Closure, import_line
from fluentml.capture.imports import files_imported
from fluentml.capture.origin import SUFFIX, Block, Origin
from fluentml.capture.sources import Source, Statement, source_of
from fluentml.errors import DefinitionError

__all__ = ["WRITTEN", "Origin", "captured", "captured_together", "files_imported", "put", "written"]

WRITTEN = "_modules"
"""The folder of written modules; each lies in a folder of its own there."""


def captured(
    function: Callable[..., Any],
    *,
    folder: str,
    verb: str,
    called: str = "",
    beside: Mapping[str, Callable[..., Any]] = MappingProxyType({}),
    also: str = "",
) -> str:
    """Write a module file that defines a function, unless it is there; return its path.

    The file is named by its content: the same code has the same path. The files beside the original
    that the code imports lie beside it.

    Args:
        function: A function or class of a file, of the running script or of a notebook's cell.
        folder: A local folder to write to; made if it is not there.
        verb: The method of the chain that got the function, for messages: `train()`.
        called: The name that the module must have for it; default: the function's own.
        beside: Further functions or classes, by the names to have for them: of the same file or
            notebook, or of a module that can be imported.
        also: Source text to append; it may call the function by its own name.

    Raises:
        DefinitionError: It is no function, its source is not available, it refers to something
            that source cannot bring back, or the folder cannot be written.
    """
    original = _original(function, verb)
    source = _source(original, verb)
    closure = Closure(verb, source)
    name = closure.take_function(function, original)
    aliases = [f"{called} = {name}"] if called not in ("", name) else []
    for wanted, other in beside.items():
        inner = _original(other, verb)
        if inner.__globals__ is not original.__globals__:
            if closure.take_import(wanted, other):
                continue
            raise DefinitionError(
                f"{verb} takes {name_of(function)!r} and {name_of(other)!r} from two files.",
                hint="define both in one, or name a module file that imports both.",
            )
        own = closure.take_function(other, inner)
        aliases += [f"{wanted} = {own}"] if wanted != own else []
    tail = "\n\n\n".join(filter(None, ["\n".join(aliases), also]))
    return _write(source, closure, name, tail, Path(folder), verb)


def captured_together(things: Mapping[str, Any], *, folder: str, verb: str, also: str) -> str:
    """Write a module file that defines several functions and classes; return its path.

    What is installed is imported; all else is written out, or goes along as a file that is.

    Args:
        things: Them, by the names that the module must have for them.
        folder: As for `captured`.
        verb: As for `captured`.
        also: As for `captured`.

    Raises:
        DefinitionError: As for `captured`.
    """
    lines = {n: import_line(n, one) for n, one in things.items() if _is_installed(one)}
    also = "\n".join([*filter(None, lines.values()), "", also]) if lines else also
    own = {name: one for name, one in things.items() if not lines.get(name)}
    if not own:
        return written(f"{also}\n", f"{next(iter(things))}_installed", folder=folder, verb=verb)

    def knows(name: str) -> int:
        known = {id(value) for value in _original(own[name], verb).__globals__.values()}
        return sum(id(one) in known for one in own.values())

    # The script that imports the others rather than a file that it imports.
    first = max(own, key=knows)
    one = own.pop(first)
    return captured(one, folder=folder, verb=verb, called=first, beside=own, also=also)


def _is_installed(thing: Any) -> bool:
    file = getattr(sys.modules.get(thing.__module__), "__file__", None) or ""
    return not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)


def written(text: str, name: str, *, folder: str, verb: str) -> str:
    """Write the text of a module file, unless it is there; return its path, as `captured` does.

    Args:
        text: Python source that needs no file beside it.
        name: What the module is called.
        folder: As for `captured`.
        verb: As for `captured`.

    Raises:
        DefinitionError: The folder cannot be written.
    """
    target = Path(folder) / _digest(text, {}) / f"{name}.py"
    with _writing(name, Path(folder), verb):
        put(target, text.encode())
    return str(target)


def _original(function: Callable[..., Any], verb: str) -> FunctionType:
    """Return the function under its decorators; of a class, one that it defines."""
    own = [one for one in vars(function).values() if _is_of(one, function)]
    original = own[0] if isinstance(function, type) and own else inspect.unwrap(function)
    if isinstance(original, FunctionType):
        return original
    raise DefinitionError(
        f"{verb} takes a Python file, an import path or a function, not {function!r}.",
        hint="define a function; what it should know besides goes into custom_config=.",
    )


def _is_of(value: Any, owner: Any) -> bool:
    return isinstance(value, FunctionType) and value.__module__ == owner.__module__


def name_of(thing: Any) -> str:
    """Return the name by which a function, or a class, was defined."""
    return str(inspect.unwrap(thing).__name__)


def _source(function: FunctionType, verb: str) -> Source:
    source = source_of(function.__code__, function.__globals__)
    if source is not None:
        return source
    raise DefinitionError(
        f"{verb} cannot write {function.__name__!r} into a module: its source is not available, "
        f"{function.__code__.co_filename!r} cannot be read.",
        hint="define it in a file or in a cell of its own.",
    )


def _write(source: Source, closure: Closure, name: str, also: str, folder: Path, verb: str) -> str:
    text, blocks = _module(source, closure, also)
    files = files_imported([(text, "")], source.folder)
    contents = {inside: path.read_bytes() for inside, path in files.items()}
    module = f"{name}_of_{source.stem}"
    target = folder / _digest(text, contents)
    origin = Origin(
        source.label,
        tuple(blocks),
        {inside: str(path) for inside, path in files.items()},
    )
    with _writing(name, folder, verb):
        for inside, content in contents.items():
            put(target / inside, content)
        put(target / f"{module}{SUFFIX}", origin.to_json().encode())
        put(target / f"{module}.py", text.encode())
    return str(target / f"{module}.py")


@contextlib.contextmanager
def _writing(name: str, folder: Path, verb: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DefinitionError(
            f"{verb} cannot write {name!r} as a module to {str(folder)!r}: "
            f"{error.strerror or error}.",
            hint="choose another root: PipelineDef(…, root=…).",
        ) from error


def _module(source: Source, closure: Closure, also: str) -> tuple[str, list[Block]]:
    """Return the text of the module, and where its lines came from."""
    lines = [f"# Taken by fluentml from {source.label}: edit it there.", *source.futures()]
    lines += ["", *closure.constants()] if closure.constants() else []
    blocks = []
    before: Statement | None = None
    for statement in closure.statements():
        lines += [""] * _gap(before, statement)
        text = closure.text(statement).split("\n")
        blocks.append(Block(len(lines) + 1, len(text), statement.place, statement.line))
        lines += text
        before = statement
    if also:
        lines += ["", "", *also.strip("\n").split("\n")]
    return "\n".join(lines) + "\n", blocks


def _gap(before: Statement | None, after: Statement) -> int:
    if after.is_block or (before and before.is_block):
        return 2
    if before is None:
        return 1
    return 0 if before.place == after.place and after.line == before.end + 1 else 1


def _digest(text: str, contents: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for inside, content in [("", text.encode()), *contents.items()]:
        digest.update(f"{inside}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def put(path: Path, content: bytes) -> None:
    """Write a file all at once, unless it is there; one that is keeps its time."""
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as unfinished:
        try:
            unfinished.write(content)
            unfinished.flush()
            os.replace(unfinished.name, path)  # noqa: PTH105 (a file name, not a Path)
        finally:
            Path(unfinished.name).unlink(missing_ok=True)
