"""All that a function refers to, by name, and by the names that those refer to."""

from __future__ import annotations

import ast
import builtins
import logging
import re
import sys
from collections.abc import Callable
from types import CellType, FunctionType, ModuleType
from typing import Any

from fluentml.capture import names
from fluentml.capture.constants import literal
from fluentml.capture.imports import absolute_name
from fluentml.capture.sources import Source, Statement, place_of
from fluentml.errors import DefinitionError, did_you_mean

HINT = "build it in the function, pass plain values by custom_config=, or import it."
TWO_THINGS = "which stands for two things here"
GIVEN = {
    "__name__",
    "__doc__",
    "__spec__",
    "__package__",
    "__loader__",
    "__builtins__",
    "__class__",
}
"""Names that every module has."""


class Closure:
    """What one function needs of a source; `take_function` fills it."""

    def __init__(self, verb: str, source: Source) -> None:
        self._verb, self._source = verb, source
        self._function = ""
        self._taken: list[Statement] = []
        self._constants: dict[str, str] = {}
        self._done: set[str] = set()
        # What a function within another one sees of that one.
        self._cells: dict[str, Any] = {}
        self._inner: dict[str, ast.stmt] = {}

    # -- what was found ---------------------------------------------------------------------------

    def constants(self) -> list[str]:
        """Return the lines that give plain values to names whose own lines cannot be taken."""
        return sorted(
            self._constants.values(), key=lambda line: (" import " not in f" {line}", line)
        )

    def statements(self) -> list[Statement]:
        """Return the statements in the order of the original."""
        order = {id(statement): index for index, statement in enumerate(self._source.statements)}
        # A function from within another one has no place of its own: it comes last.
        return sorted(self._taken, key=lambda one: order.get(id(one), len(order)))

    def text(self, statement: Statement) -> str:
        """Return a statement's text, with its relative imports made absolute."""
        if not self._source.package:
            return statement.text
        lines = statement.text.split("\n")
        for node in ast.walk(ast.parse(statement.text)):
            if isinstance(node, ast.ImportFrom) and node.level:
                line = lines[node.lineno - 1].encode()
                head, tail = line[: node.col_offset].decode(), line[node.col_offset :].decode()
                name = absolute_name(node, self._source.package)
                lines[node.lineno - 1] = head + re.sub(
                    r"from\s*\.[.\s]*(?:(?!import\b)[\w.]+)?\s*", f"from {name} ", tail, count=1
                )
        return "\n".join(lines)

    # -- functions --------------------------------------------------------------------------------

    def take_function(self, function: Callable[..., Any], original: FunctionType) -> str:
        """Take a function, or a class, and what it needs; return its name in the module.

        Args:
            function: What to take.
            original: The function under its decorators, or one of the class.
        """
        of_class = isinstance(function, type)
        self._function = function.__name__ if of_class else original.__name__
        namespace = self._source.namespace
        candidates = [self._function, *namespace]
        name = next((key for key in candidates if namespace.get(key) is function), None)
        if name and any(name in one.binds for one in self._source.statements if one.defines):
            self._function = name
            self._need(name, None)
            return name
        if of_class:
            raise DefinitionError(
                f"{self._verb} cannot write {self._function!r} into a module: no class at the top "
                f"level of {self._source.label} is it.",
                hint="define it there, and not within a function.",
            )
        self._take_inner(original)
        return original.__name__

    def take_import(self, name: str, value: Any) -> bool:
        """Take what another module defines by the line that imports it; tell whether one can."""
        line = import_line(name, value)
        is_other = self._source.namespace.get(name, value) is not value
        if line is None or (name in self._done and is_other):
            return False
        if name not in self._done:
            self._done.add(name)
            self._constants[name] = line
        return True

    def _take_inner(self, function: FunctionType) -> None:
        """Take a function that is defined within another one, or under a `with` or `for`."""
        code = function.__code__
        statement = self._source.function_at(code)
        if statement is None:
            place = place_of(self._source.path or code.co_filename, code.co_firstlineno)
            raise DefinitionError(
                f"{self._verb} cannot write {function.__name__!r} into a module: no def of "
                f"{self._source.label} defines it.",
                f"  defined at {place}",
                hint="define it by def; a decorator keeps a function's name by functools.wraps.",
            )
        self._done.add(function.__name__)
        self._inner[function.__name__] = statement.node
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            self._take_cell(name, cell, statement)
        self._take(statement)

    def _take_cell(self, name: str, cell: CellType, user: Statement) -> None:
        try:
            value = cell.cell_contents
        except ValueError:  # It is not filled yet.
            return
        is_new = name not in self._cells
        is_taken = name in self._done and name not in self._inner
        if (is_new and is_taken) or self._cells.setdefault(name, value) is not value:
            raise self._error(name, TWO_THINGS, user)
        if name not in self._done:
            self._done.add(name)
            self._take_value(name, value, user, self._source.bound_around(user, name))

    # -- names ------------------------------------------------------------------------------------

    def _take(self, statement: Statement) -> None:
        if any(statement.node is one.node for one in self._taken):
            return
        self._taken.append(statement)
        for name in sorted(statement.uses.needed):
            self._need(name, statement)
        for name in sorted(statement.uses.welcome):
            if any(name in one.binds for one in self._source.statements if one.defines):
                self._need(name, statement)

    def _need(self, name: str, user: Statement | None) -> None:
        if user and name in self._cells and user.node not in self._inner.values():
            raise self._error(name, TWO_THINGS, user)
        if name in self._done or name in GIVEN:
            return
        self._done.add(name)
        giving = [one for one in self._source.statements if name in one.binds | one.changes]
        loose = self._loose(name, giving)
        if type(self._source.namespace.get(name)).__module__ == "fluentml.pipeline":
            raise self._error(name, "the pipeline itself", user)
        if not any(one.defines for one in giving) or self._is_beyond(name, loose):
            self._take_living(name, user, self._bound(name, loose))
            return
        for statement in giving:
            if statement.defines or statement in loose:
                self._take(statement)

    def _loose(self, name: str, giving: list[Statement]) -> list[Statement]:
        """Return the statements that give or change a value, and do more than that perhaps."""
        found = [one for one in giving if not one.defines]
        if any(name in one.binds for one in found):
            return found
        # `tf.random.set_seed(1)` changes no constant, and neither does a line to a log.
        definers = [one for one in giving if name in one.binds]
        is_variable = any(not isinstance(one.node, names.DEFINING) for one in definers)
        is_log = isinstance(self._source.namespace.get(name), logging.Logger)
        return found if is_variable and not is_log else []

    def _is_beyond(self, name: str, loose: list[Statement]) -> bool:
        """Return whether a value says more than the lines that a module may contain.

        It may contain `layer.adapt(data)`, and no loops or contexts, in which anything may happen.
        """
        plain = literal(self._source.namespace.get(name)) is not None
        return any(plain or not isinstance(one.node, ast.Expr) for one in loose)

    def _bound(self, name: str, loose: list[Statement]) -> str | None:
        """Return the line for a message by which a name has the value that it has."""
        if not loose:
            return None
        return f"{'bound' if name in loose[0].binds else 'changed'} at {loose[0].bound(name)}"

    # -- values -----------------------------------------------------------------------------------

    def _take_living(self, name: str, user: Statement | None, bound: str | None) -> None:
        """Take what no line gives that a module may contain, by its value."""
        namespace = self._source.namespace
        if name == "__file__" and self._source.path:
            self._constants[name] = f"{name} = {self._source.path!r}"
        elif name in namespace:
            self._take_value(name, namespace[name], user, bound)
        elif not hasattr(builtins, name):
            self._take_unknown(name, user)

    def _take_value(self, name: str, value: Any, user: Statement | None, bound: str | None) -> None:
        text = literal(value)
        stars = [one for one in self._source.statements if one.is_star and not bound]
        if text is not None:
            self._constants[name] = f"{name} = {text}"
        elif stars:
            for star in stars:
                self._take(star)
        elif self._is_own(value) and value.__name__ == name:
            self._take_inner(value)
        else:
            line = import_line(name, value)
            if line is None or self._is_own(value):
                raise self._error(name, f"{kind_of(value)} that only this process has", user, bound)
            self._constants[name] = line

    def _is_own(self, value: Any) -> bool:
        return isinstance(value, FunctionType) and value.__globals__ is self._source.namespace

    def _take_unknown(self, name: str, user: Statement | None) -> None:
        if any(name in names.declared_global(one.node) for one in self._source.statements):
            return
        known = {found for one in self._source.statements for found in one.binds}
        raise self._error(
            name,
            f"which nothing in {self._source.label} defines",
            user,
            hint=did_you_mean(name, known) or "define or import it.",
        )

    def _error(
        self,
        name: str,
        what: str,
        user: Statement | None,
        bound: str | None = None,
        hint: str = HINT,
    ) -> DefinitionError:
        where = [f"  {bound}"] if bound else []
        if user:
            where.append(f"  used at {user.used(name)}")
        return DefinitionError(
            f"{self._verb} cannot write {self._function!r} into a module: "
            f"it uses {name!r}, {what}.",
            *where,
            hint=hint,
        )


def import_line(name: str, value: Any) -> str | None:
    """Return the line that imports a module, function or class under a name, if one can."""
    if isinstance(value, ModuleType):
        return None if value.__name__ == "__main__" else f"import {value.__name__} as {name}"
    module, inside = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not callable(value) or module == "__main__":
        return None
    if getattr(sys.modules.get(module or ""), inside or "", None) is not value:
        return None
    return f"from {module} import {inside}" + ("" if inside == name else f" as {name}")


def kind_of(value: Any) -> str:
    """Return the class of a value with its article, for a message."""
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'AEIOUaeio' else 'a'} {kind}"
