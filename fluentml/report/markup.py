"""HTML and SVG of plain values: every text is escaped, whoever wrote it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from typing import Any, TypeAlias

from markupsafe import Markup, escape

Content: TypeAlias = "str | int | float | Markup | Iterable[Content] | None"

_VOID = {"br", "hr", "input", "meta"}
_ids = itertools.count(1)


def element(name: str, /, *children: Content, **attributes: Any) -> Markup:
    """Return an element.

    Args:
        name: The tag.
        *children: Text, which is escaped; elements; None, which is nothing; or several of these.
        **attributes: `class_` is written as `class`, `stroke_width` as `stroke-width`; None leaves
            an attribute out, True gives one without a value. Floats get two decimals.
    """
    given = "".join(
        f" {_attribute(key)}" + ("" if value is True else f'="{escape(_plain(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{join(children)}</{name}>")


def join(contents: Content) -> Markup:
    """Return contents behind each other."""
    if contents is None:
        return Markup()
    if isinstance(contents, str):
        return escape(contents)  # Markup stays as it is.
    if isinstance(contents, int | float):
        return escape(_plain(contents))
    return Markup().join(map(join, contents))


def svg(
    *children: Content,
    width: float,
    height: float,
    title: str,
    desc: str = "",
    role: str = "img",
    **attributes: Any,
) -> Markup:
    """Return a picture of its natural size that a screen reader can name.

    Args:
        *children: What is drawn.
        width: In pixels; a picture is never scaled, for its text would be too.
        height: In pixels.
        title: What it shows, in a few words.
        desc: What one sees in it, in a sentence or two.
        role: "group" for one with links in it, which no image may have.
        **attributes: Of the element itself.
    """
    id = fresh_id("picture")
    named = [element("title", title, id=id)]
    if desc:
        named.append(element("desc", desc, id=f"{id}-desc"))
    return element(
        "svg",
        named,
        children,
        xmlns="http://www.w3.org/2000/svg",
        width=width,
        height=height,
        viewBox=f"0 0 {_plain(width)} {_plain(height)}",
        role=role,
        aria_labelledby=id,
        aria_describedby=f"{id}-desc" if desc else None,
        **attributes,
    )


def text(x: float, y: float, *content: Content, anchor: str | None = None, **more: Any) -> Markup:
    """Return a text in a picture."""
    return element("text", content, x=x, y=y, text_anchor=anchor, **more)


def path(points: Iterable[tuple[float, float]], *, closed: bool = False, **more: Any) -> Markup:
    """Return straight lines from point to point."""
    steps = "L".join(f"{_plain(float(x))} {_plain(float(y))}" for x, y in points)
    return element("path", d=f"M{steps}{'Z' if closed else ''}", **more)


def fresh_id(kind: str) -> str:
    """Return an id that no other element of a page has."""
    return f"fml-{kind}-{next(_ids)}"


def slug(name: str) -> str:
    """Return a name as an id may be written."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-").lower() or "x"


def _attribute(key: str) -> str:
    # SVG's own attributes in camel case come as they are.
    return key.rstrip("_").replace("_", "-")


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".") or "0"
    return str(value)
