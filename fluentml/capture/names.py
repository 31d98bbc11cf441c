"""Which names a statement binds, changes and uses, by Python's own symbol tables."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator
from copy import copy
from typing import NamedTuple

FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINING = (*FUNCTION, ast.ClassDef, ast.Import, ast.ImportFrom)
ASSIGNING = (ast.Assign, ast.AnnAssign, ast.AugAssign)


class Uses(NamedTuple):
    """The global names that a statement refers to, once it runs and whenever what it defines does.

    Attributes:
        needed: Without them it fails.
        welcome: Annotations, and names that a class may define itself.
    """

    needed: frozenset[str]
    welcome: frozenset[str]


def bound_by(node: ast.stmt) -> frozenset[str]:
    """Return the names that a statement at the top level binds."""
    table = symtable.symtable(ast.unparse(node), "<statement>", "exec")
    return frozenset(
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
    )


def changed_by(node: ast.stmt) -> frozenset[str]:
    """Return the names whose objects a statement at the top level changes: `X[0] = 1`, `X.add(1)`.

    What the functions in it may change once they are called does not count.
    """
    if isinstance(node, DEFINING):
        return frozenset()
    return frozenset(filter(None, map(_changed, [node, *_own_parts(node)])))


def used_by(node: ast.stmt) -> Uses:
    """Return the global names that a statement refers to, nested functions and classes included."""
    annotations: list[ast.expr] = []
    # A copy of it: the visitor changes what it visits.
    bare = _Bare(annotations).visit(ast.parse(ast.unparse(node)))
    needed: set[str] = set()
    welcome = {name for annotation in annotations for name in _names(annotation)}
    top = symtable.symtable(ast.unparse(bare), "<statement>", "exec")
    tables = [top]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            if not symbol.is_referenced():
                continue
            if table is top or symbol.is_global():
                needed.add(symbol.get_name())
            elif table.get_type() == "class":
                # `size = size` in a class reads the global one.
                welcome.add(symbol.get_name())
    return Uses(frozenset(needed), frozenset(welcome - needed))


def used_at_once(node: ast.stmt) -> frozenset[str]:
    """Return the names that a statement needs in order to run; the body of a function waits."""
    if isinstance(node, FUNCTION):
        node = copy(node)
        node.body = [ast.Pass()]
    return used_by(node).needed


def declared_global(node: ast.stmt) -> frozenset[str]:
    """Return the names that functions in a statement bind by `global`."""
    parts = (part for part in ast.walk(node) if isinstance(part, ast.Global))
    return frozenset(name for part in parts for name in part.names)


def only_defines(node: ast.stmt) -> bool:
    """Return whether a statement at the top level does nothing but give values to names."""
    if isinstance(node, ast.If) and "__name__" not in set(_names(node.test)):
        return all(map(only_defines, [*node.body, *node.orelse]))
    if isinstance(node, ast.Try):
        handled = [item for handler in node.handlers for item in handler.body]
        return all(map(only_defines, [*node.body, *handled, *node.orelse, *node.finalbody]))
    return isinstance(node, (*DEFINING, *ASSIGNING, ast.Pass, ast.Raise))


def holds_long_text(node: ast.stmt) -> bool:
    """Return whether a string in a statement goes over several lines."""
    texts = (part for part in ast.walk(node) if isinstance(part, ast.Constant | ast.JoinedStr))
    return any(part.lineno != part.end_lineno for part in texts)


def first_line(node: ast.stmt) -> int:
    """Return the line where a statement begins, its decorators included."""
    decorators = getattr(node, "decorator_list", [])
    return min([int(node.lineno), *(int(decorator.lineno) for decorator in decorators)])


def line_of_use(node: ast.stmt, name: str) -> int:
    """Return the line of a statement that first mentions a name."""
    lines = [p.lineno for p in ast.walk(node) if isinstance(p, ast.Name) and p.id == name]
    return min(lines, default=node.lineno)


def line_of_binding(node: ast.stmt, name: str, inside: int) -> int:
    """Return the line of a statement that binds a name, at its top or around the line `inside`."""
    functions = [
        part
        for part in ast.walk(node)
        if isinstance(part, FUNCTION) and part.lineno <= inside <= (part.end_lineno or 0)
    ]
    # From the innermost outwards.
    for scope in (*reversed(functions), node):
        if isinstance(scope, FUNCTION) and name in _parameters(scope):
            return scope.lineno
        for part in _own_parts(scope):
            if isinstance(part, ast.Name) and part.id == name and isinstance(part.ctx, ast.Store):
                return part.lineno
    return node.lineno


class _Bare(ast.NodeTransformer):
    """Takes the annotations out."""

    def __init__(self, annotations: list[ast.expr]) -> None:
        self._annotations = annotations

    def visit_arg(self, node: ast.arg) -> ast.arg:
        self._take(node.annotation)
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self._take(node.returns)
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        self._take(node.returns)
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self._take(node.annotation)
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def _take(self, annotation: ast.expr | None) -> None:
        if annotation is not None:
            self._annotations.append(annotation)


def _names(expression: ast.AST) -> Iterator[str]:
    for part in ast.walk(expression):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            try:
                yield from _names(ast.parse(part.value, mode="eval"))
            except SyntaxError:
                continue


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    return {part.arg for part in ast.walk(function.args) if isinstance(part, ast.arg)}


def _own_parts(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what a node consists of, without the insides of functions and classes in it."""
    for part in ast.iter_child_nodes(node):
        if not isinstance(part, (*FUNCTION, ast.Lambda, ast.ClassDef)):
            yield part
            yield from _own_parts(part)


def _changed(part: ast.AST) -> str | None:
    if isinstance(part, ast.Expr) and isinstance(part.value, ast.Call):
        return _root(part.value.func) if isinstance(part.value.func, ast.Attribute) else None
    if isinstance(part, ast.Subscript | ast.Attribute) and not isinstance(part.ctx, ast.Load):
        return _root(part)
    return None


def _root(expression: ast.expr) -> str | None:
    while isinstance(expression, ast.Attribute | ast.Subscript | ast.Call):
        inner = expression.func if isinstance(expression, ast.Call) else expression.value
        expression = inner
    return expression.id if isinstance(expression, ast.Name) else None
