"""Where the user's code stands: the statements of a file, or of the cells of a notebook."""

from __future__ import annotations

import ast
import linecache
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from types import CodeType
from typing import Any

from fluentml.capture import names
from fluentml.errors import shown


@dataclass(frozen=True)
class Statement:
    """A statement as it is written, and where.

    Attributes:
        node: Its syntax tree.
        text: Its lines, from the margin, with the comment right above it.
        place: The file, or `In [3]` for a cell.
        line: Where the text begins there, from 1.
    """

    node: ast.stmt
    text: str
    place: str
    line: int

    @cached_property
    def binds(self) -> frozenset[str]:
        """The names that it binds."""
        return names.bound_by(self.node)

    @cached_property
    def changes(self) -> frozenset[str]:
        """The names whose objects it changes."""
        return names.changed_by(self.node)

    @cached_property
    def uses(self) -> names.Uses:
        """The names that it refers to."""
        return names.used_by(self.node)

    @cached_property
    def defines(self) -> bool:
        """Whether it does nothing but give values to names."""
        return names.only_defines(self.node)

    @property
    def is_block(self) -> bool:
        """Whether it has a body."""
        return hasattr(self.node, "body")

    @property
    def end(self) -> int:
        """Its last line."""
        return self.line + self.text.count("\n")

    @property
    def is_star(self) -> bool:
        """Whether it imports whatever there is."""
        node = self.node
        return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"

    def used(self, name: str) -> str:
        """Return the line for a message where it first mentions a name."""
        return self._shown(names.line_of_use(self.node, name))

    def bound(self, name: str, *, inside: int = 0) -> str:
        """Return the line for a message that binds a name.

        Args:
            name: The name.
            inside: A line within functions of this statement, one of which binds it.
        """
        return self._shown(names.line_of_binding(self.node, name, inside))

    def _shown(self, line: int) -> str:
        code = self.text.split("\n")[line - self.line]
        return f"{place_of(self.place, line)}: {code.strip()}"


@dataclass(frozen=True)
class Source:
    """A file, or a notebook, as far as it has been run.

    Attributes:
        label: What messages call it.
        stem: What names made from it contain.
        folder: Where the imports of its own modules begin.
        package: The package that it belongs to; empty for a script.
        path: The file; empty for a notebook.
        namespace: Its global names and what they stand for now.
        statements: What it has at the top level, in order.
    """

    label: str
    stem: str
    folder: Path
    package: str
    path: str
    namespace: Mapping[str, Any]
    statements: tuple[Statement, ...]

    def futures(self) -> list[str]:
        """Return the `from __future__` lines."""
        found = (s.text for s in self.statements if _is_future(s.node))
        return list(dict.fromkeys(found))

    def bound_around(self, inner: Statement, name: str) -> str | None:
        """Return the line that binds a name which a function within another one sees."""
        for top in self.statements:
            if top.place == inner.place and top.line <= inner.line <= top.end:
                return f"bound at {top.bound(name, inside=inner.line)}"
        return None

    def function_at(self, code: CodeType) -> Statement | None:
        """Return the `def` of a function that is not at the top level, from the margin."""
        for top in self.statements:
            for node in ast.walk(top.node):
                if (
                    isinstance(node, names.FUNCTION)
                    and node.name == code.co_name
                    and names.first_line(node) == code.co_firstlineno
                    and top.place == _place(code.co_filename, self)
                ):
                    return _inner(node, top)
        return None


def source_of(code: CodeType, namespace: Mapping[str, Any]) -> Source | None:
    """Return the file or the notebook that a function was defined in, or None if it is gone."""
    path = Path(code.co_filename)
    if path.is_file():
        return _file(path.resolve(), namespace)
    cells = namespace.get("In")
    if namespace.get("__name__") == "__main__" and isinstance(cells, list):
        statements = tuple(_cells(cells, namespace))
        return Source("the notebook", "notebook", Path.cwd(), "", "", namespace, statements)
    return None


def place_of(place: str, line: int) -> str:
    """Return a place for a message: `model.py:7` or `In [3]:2`."""
    return f"{shown(Path(place)) if Path(place).is_absolute() else place}:{line}"


def _file(path: Path, namespace: Mapping[str, Any]) -> Source | None:
    linecache.checkcache(str(path))
    text = "".join(linecache.getlines(str(path)))
    try:
        statements = _statements(text, str(path))
    except SyntaxError:
        return None
    package = str(namespace.get("__package__") or "")
    folder = path.parent
    for _ in filter(None, package.split(".")):
        folder = folder.parent
    return Source(path.name, path.stem, folder, package, str(path), namespace, statements)


def _cells(cells: Sequence[str], namespace: Mapping[str, Any]) -> list[Statement]:
    """Return the statements of a notebook in the order of the page, as far as that can be known.

    A cell that is run again, edited or not, takes the place that it had. What a cell did not come
    to, because it failed before, does not count.
    """
    kept: list[Statement] = []
    for number, text in enumerate(cells):
        try:
            for statement in _statements(text, f"In [{number}]"):
                for inner in _under_magic(statement):
                    if not inner.binds or inner.binds & namespace.keys():
                        _put(kept, inner)
        except SyntaxError:
            continue
    return kept


def _under_magic(statement: Statement) -> Iterator[Statement]:
    """Yield the statements of a cell that begins with `%%time` or alike; else the statement."""
    call = getattr(statement.node, "value", None)
    if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "run_cell_magic":
        values = [getattr(argument, "value", "") for argument in call.args]
        magic, body = values[0], values[-1]
        if magic in ("capture", "prun", "time"):
            # The line of the magic is the cell's first.
            yield from _statements("\n" + body, statement.place)
    else:
        yield statement


def _put(kept: list[Statement], new: Statement) -> None:
    old = [index for index, one in enumerate(kept) if _replaces(new, one)]
    place = old[0] if old else len(kept)
    for index in reversed(old):
        del kept[index]
    # What it uses may have come later than what it replaces.
    used = names.used_at_once(new.node)
    if any(used & one.binds for one in kept[place:]):
        place = len(kept)
    kept.insert(place, new)


def _replaces(new: Statement, old: Statement) -> bool:
    if old.text == new.text:
        return True
    if not (new.defines and old.binds and old.binds <= new.binds):
        return False
    return not isinstance(new.node, ast.If | ast.Try) and not new.binds & _read(new)


def _read(statement: Statement) -> frozenset[str]:
    """Return the names that a statement reads before it binds them."""
    node = statement.node
    if isinstance(node, ast.AugAssign):
        return statement.binds
    # A function may well call itself; `import a.b` and `import a.c` are two.
    if isinstance(node, (*names.FUNCTION, ast.ClassDef)):
        return frozenset()
    if isinstance(node, ast.Import):
        dotted = any("." in alias.name and not alias.asname for alias in node.names)
        return statement.binds if dotted else frozenset()
    return statement.uses.needed


# A chain takes several functions of one file, and each asks again.
@lru_cache(maxsize=256)
def _statements(text: str, place: str) -> tuple[Statement, ...]:
    lines = text.split("\n")
    spans = [
        (node, names.first_line(node), node.end_lineno or node.lineno)
        for node in ast.parse(text).body
    ]
    on_line = Counter(line for _, first, end in spans for line in {first, end})
    found = []
    for node, first, end in spans:
        if on_line[first] == on_line[end] == 1:
            begin = _with_comment(lines, first)
            found.append(Statement(node, "\n".join(lines[begin - 1 : end]).rstrip(), place, begin))
        else:
            # It shares a line with others.
            segment = ast.get_source_segment(text, node) or ""
            found.append(Statement(node, segment, place, first))
    return tuple(found)


def _with_comment(lines: Sequence[str], first: int) -> int:
    while first > 1 and lines[first - 2].startswith("#") and not lines[first - 2].startswith("#!"):
        first -= 1
    return first


def _inner(node: ast.stmt, top: Statement) -> Statement:
    begin = names.first_line(node)
    lines = top.text.split("\n")[begin - top.line : (node.end_lineno or begin) - top.line + 1]
    if names.holds_long_text(node):
        # What is in a string keeps its margin.
        return Statement(node, "\n".join(["if True:", *lines]), top.place, begin - 1)
    return Statement(node, textwrap.dedent("\n".join(lines)), top.place, begin)


def _place(file: str, source: Source) -> str:
    if source.path:
        return source.path
    text = "".join(linecache.getlines(file)).strip()
    cells: Iterable[tuple[int, str]] = enumerate(source.namespace.get("In", []))
    return next((f"In [{n}]" for n, cell in reversed([*cells]) if cell.strip() == text), "")


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"
