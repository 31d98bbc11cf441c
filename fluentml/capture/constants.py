"""Plain values as source text."""

from __future__ import annotations

import math
from typing import Any

SCALARS = (type(None), bool, int, str, bytes)


def literal(value: Any) -> str | None:
    """Return the source text of a plain value, always the same for the same; None of any other."""
    kind = type(value)
    if kind in SCALARS or (kind is float and math.isfinite(value)):
        return repr(value)
    if kind is dict:
        pairs = [(literal(key), literal(item)) for key, item in value.items()]
        if any(None in pair for pair in pairs):
            return None
        return "{" + ", ".join(f"{key}: {item}" for key, item in pairs) + "}"
    if kind in (list, tuple, set):
        items = [literal(item) for item in value]
        found = [item for item in items if item is not None]
        return _sequence(kind, found) if len(found) == len(items) else None
    return None


def _sequence(kind: type, items: list[str]) -> str:
    if kind is list:
        return f"[{', '.join(items)}]"
    if kind is tuple:
        return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
    return f"{{{', '.join(sorted(items))}}}" if items else "set()"
