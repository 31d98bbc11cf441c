"""Conditions of tasks: the part of Google's Common Expression Language that compilers write."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(r"('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|&&|\|\||!(?!=))")
_PYTHON = {"&&": " and ", "||": " or ", "!": " not "}
_COMPARE: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_WORDS = {"true": True, "false": False, "null": None}


class ConditionError(Exception):
    """A condition cannot be evaluated, which fails its task."""


def holds(condition: str, inputs: Mapping[str, Any]) -> bool:
    """Return whether a condition holds.

    Args:
        condition: What stands in a task's `triggerPolicy`.
        inputs: The task's: `artifacts` and `parameter_values`.

    Raises:
        ConditionError: It names what is not there, compares unlike things, or isn't understood.
    """
    text = "".join(_PYTHON.get(part, part) for part in _TOKEN.split(condition)).strip()
    try:
        value = _value(ast.parse(text, mode="eval").body, {"inputs": inputs, **_WORDS})
    except SyntaxError as error:
        raise ConditionError(f"the condition {condition!r} is not understood here") from error
    except ConditionError as error:
        raise ConditionError(f"{error}, in the condition {condition!r}") from error
    if not isinstance(value, bool):
        raise ConditionError(f"the condition {condition!r} is {value!r}, neither true nor false")
    return value


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value):
            return value
        case ast.Name(name) if name in names:
            return names[name]
        case ast.Attribute(of, key):
            return _item(_value(of, names), key)
        case ast.Subscript(of, key):
            return _item(_value(of, names), _value(key, names))
        case ast.BoolOp(kind, parts):
            results = (_true(_value(part, names)) for part in parts)
            return all(results) if isinstance(kind, ast.And) else any(results)
        case ast.UnaryOp(ast.Not(), part):
            return not _true(_value(part, names))
        case ast.UnaryOp(ast.USub(), part):
            return -_value(part, names)
        case ast.BinOp(left, ast.Add(), right):
            both = _alike(_value(left, names), _value(right, names))
            return both[0] + both[1]
        case ast.Compare(left, [kind], [right]) if type(kind) in _COMPARE:
            compare = _COMPARE[type(kind)]
            return compare(*_alike(_value(left, names), _value(right, names)))
    raise ConditionError(f"{ast.unparse(node)!r} is not understood here")


def _item(value: Any, key: Any) -> Any:
    try:
        return value[key]
    except (KeyError, IndexError, TypeError) as error:
        raise ConditionError(f"there is no such key: {key!r}") from error


def _true(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConditionError(f"{value!r} is neither true nor false")
    return value


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    kinds = [float if type(one) is int else type(one) for one in (left, right)]
    if kinds[0] is not kinds[1]:
        raise ConditionError(f"{left!r} cannot be compared with {right!r}")
    return left, right
