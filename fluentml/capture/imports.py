"""The files beside a module that it imports, and those that they import."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path

ALWAYS_THERE = {"fluentml"}


def files_imported(texts: Iterable[tuple[str, str]], folder: Path) -> dict[str, Path]:
    """Return the files under a folder that code imports, by their paths in it, sorted.

    Imports within functions count, and the files of packages. Where code imports by names that it
    puts together (`importlib.import_module(…)`), every module of the folder may be meant. What is
    installed is no part of it.

    Args:
        texts: Python sources, each beside the name of its package (empty: none).
        folder: Where the imports of the user's own modules begin.
    """
    found: dict[str, Path] = {}
    if {"site-packages", "dist-packages"} & {*folder.parts}:
        return found
    waiting = list(texts)
    while waiting:
        text, package = waiting.pop()
        for name in _imported(text, package, folder):
            for path in _files_of(name, folder):
                inside = path.relative_to(folder)
                if inside.as_posix() not in found:
                    found[inside.as_posix()] = path
                    waiting.append((path.read_text(errors="replace"), _package(inside)))
    return dict(sorted(found.items()))


def _imported(text: str, package: str, folder: Path) -> Iterator[str]:
    """Yield the absolute names that a source may import; one that does not parse, none."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = absolute_name(node, package)
            if origin:
                yield origin
                yield from (f"{origin}.{alias.name}" for alias in node.names)
        elif getattr(node, "attr", getattr(node, "id", "")) in ("import_module", "__import__"):
            yield from (path.stem for path in folder.glob("*.py"))


def absolute_name(node: ast.ImportFrom, package: str) -> str:
    """Return the module that a `from … import` reads, relative to a package or not."""
    if not node.level:
        return node.module or ""
    try:
        return importlib.util.resolve_name("." * node.level + (node.module or ""), package)
    except ImportError:
        return ""


def _files_of(name: str, folder: Path) -> Iterator[Path]:
    if name.partition(".")[0] in ALWAYS_THERE:
        return
    place = folder
    for part in name.split("."):
        place /= part
        package = place / "__init__.py"
        if package.is_file():
            yield package
        elif place.with_suffix(".py").is_file():
            yield place.with_suffix(".py")
            return
        elif not place.is_dir():
            return


def _package(inside: Path) -> str:
    return ".".join(inside.parent.parts)
