"""What the text of a function tells for certain: what it reads of a dict, and what it returns."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_HARMLESS = ("items", "keys", "values", "get", "copy")
_TAKERS = ("Model", "dict", "len", "list", "sorted")
"""What leaves a dict as it is that it is called with."""


def own_nodes(function: Function) -> Iterator[ast.AST]:
    """Yield the nodes of a function without those of the functions in it."""
    waiting: list[ast.AST] = [*function.body]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _SCOPES):
            waiting += ast.iter_child_nodes(node)


def returns_nothing(function: Function) -> bool:
    """Return whether a function that does something returns None, and a caller wants a value."""
    if function.decorator_list or isinstance(function, ast.AsyncFunctionDef):
        return False
    nodes = [*own_nodes(function)]
    if any(isinstance(node, ast.Return) and node.value for node in nodes):
        return False
    does = [node for node in function.body if not _is_stub(node)]
    return bool(does) and not any(
        isinstance(node, ast.Yield | ast.YieldFrom | ast.Raise) for node in nodes
    )


def _is_stub(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def parameter(function: Function, name: str, place: int) -> str | None:
    """Return how a function calls its parameter of a name, or else the one at a place."""
    names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
    return name if name in names else next(iter(names[place : place + 1]), None)


def keys_read(function: Function, name: str) -> list[tuple[str, int]]:
    """Return the keys that a function reads of the dict that it gets, each with its line.

    They are those that have to be there: where the dict is changed, handed on, or asked for what
    it holds, nothing is certain, and none are returned.

    Args:
        function: The function.
        name: Its parameter that is the dict.
    """
    found: list[tuple[str, int]] = []
    seen = 0
    for node in own_nodes(function):
        if isinstance(node, ast.Try | ast.AugAssign):
            return []
        if isinstance(node, ast.Subscript) and _is(node.value, name):
            key = _text(node.slice)
            if not isinstance(node.ctx, ast.Load):
                return []
            seen += 1
            found += [(key, node.lineno)] if key else []
        elif isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in _TAKERS:
                seen += sum(_is(argument, name) for argument in node.args)
            elif _is(getattr(node.func, "value", node), name):
                key = _popped(node, called)
                found += [(key, node.lineno)] if key else []
                seen += bool(key) or called in _HARMLESS
        elif isinstance(node, ast.For | ast.comprehension) and _is(node.iter, name):
            seen += 1
        elif isinstance(node, ast.Dict):
            seen += sum(_is(v, name) for k, v in zip(node.keys, node.values, strict=True) if not k)
    mentions = sum(_is(node, name) for body in function.body for node in ast.walk(body))
    return found if seen == mentions else []


def _popped(call: ast.Call, called: str) -> str | None:
    """Return the key of `inputs.pop("fare")`, which has to be there."""
    return _text(call.args[0]) if called == "pop" and len(call.args) == 1 else None


def keys_returned(function: Function) -> frozenset[str] | None:
    """Return the keys of the dict that a function returns; None where they are not certain."""
    if function.decorator_list:
        return None
    returned = [node.value for node in own_nodes(function) if isinstance(node, ast.Return)]
    found = [_keys(function, value) for value in returned]
    known = [keys for keys in found if keys is not None]
    return frozenset().union(*known) if known and len(known) == len(found) else None


def _keys(function: Function, value: ast.expr | None) -> frozenset[str] | None:
    if isinstance(value, ast.Dict):
        keys = [_text(key) for key in value.keys]
        return None if None in keys else frozenset(filter(None, keys))
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr):
        left, right = _keys(function, value.left), _keys(function, value.right)
        return None if left is None or right is None else left | right
    return _keys_of_variable(function, value.id) if isinstance(value, ast.Name) else None


def _keys_of_variable(function: Function, name: str) -> frozenset[str] | None:
    """Return the keys of a variable that starts as a dict and is only added to, by text."""
    found: set[str] = set()
    seen = 0
    for node in own_nodes(function):
        if isinstance(node, ast.Return) and node.value and _is(node.value, name):
            seen += 1
        elif isinstance(node, ast.Subscript) and _is(node.value, name):
            key = _text(node.slice)
            if not key or isinstance(node.ctx, ast.Del):
                return None
            found.update([key] if isinstance(node.ctx, ast.Store) else [])
            seen += 1
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(_is(target, name) for target in targets):
                keys = _keys(function, node.value) if isinstance(node.value, ast.Dict) else None
                if keys is None:
                    return None
                found |= keys
                seen += 1
    mentions = sum(_is(node, name) for body in function.body for node in ast.walk(body))
    return frozenset(found) if seen == mentions else None


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
