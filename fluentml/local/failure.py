"""Of a traceback of a hundred frames, the ones that the user wrote."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

# Beam and AutoGraph pass tracebacks on as text inside messages, so the frames are read from text.
FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>[^\n*]+?)[ *]*\n')
ERROR = re.compile(r"^\s*(?:[\w.]+\.)?(\w*(?:Error|Exception|Interrupt|Warning)): (.+)$", re.M)


class Frame(NamedTuple):
    """A place in the user's code."""

    file: str
    line: int
    function: str
    code: str

    def __str__(self) -> str:
        return f"  {self.file}:{self.line} in {self.function}\n    {self.code}"


def user_frames(error: BaseException, modules: Iterable[str]) -> list[Frame]:
    """Return the frames in the user's files, outermost first.

    TFX runs a copy of the module file and of the files beside it; the frames name the originals.

    Args:
        error: What was raised.
        modules: The user's module files.
    """
    originals = {
        path.name: path for module in modules for path in Path(module).resolve().parent.glob("*.py")
    }
    text = "".join(traceback.format_exception(error))
    frames = list(_frames(text, originals))
    return list(dict.fromkeys(frames))


def summary(error: BaseException) -> str:
    """Return the error in one line, without the tracebacks that its message may carry."""
    text = str(error).strip()
    if "\n" in text:
        found = ERROR.findall(text)
        if found:
            return ": ".join(found[-1])
    first = text.partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _frames(text: str, originals: dict[str, Path]) -> Iterator[Frame]:
    for match in FRAME.finditer(text):
        path = Path(match["file"])
        original = originals.get(path.name)
        if original is None or "site-packages" in path.parts:
            continue
        number = int(match["line"])
        lines = original.read_text(errors="replace").splitlines()
        code = lines[number - 1].strip() if number <= len(lines) else ""
        yield Frame(_short(original), number, match["function"], code)


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
