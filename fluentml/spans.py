"""Spans and versions: where TFX reads a number or a date out of the names of files.

In a file pattern `{SPAN}` stands for a number, `{YYYY}`, `{MM}` and `{DD}` together for a date,
which is the span of that many days since 1970-01-01, and `{VERSION}` for a version of the span.
`{SPAN:3}` and `{VERSION:3}` mean three digits; numbers with zeros in front need that.
An ExampleGen reads one span, in its latest version.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

DATE = ("YYYY", "MM", "DD")
_PLACE = re.compile(r"\{([^{}:]*)(?::([^{}]*))?\}")
_ANYTHING = re.compile(r"(\{[^{}]*\}|\*|\?|\[[^\]]*\])")
_GLOB = {"*": "[^/]*", "?": "[^/]"}


def verify(patterns: Iterable[str]) -> bool:
    """Return whether file patterns have spans.

    Raises:
        ValueError: TFX would not take one of them, or they differ in what they have.
    """
    seen: set[frozenset[str]] = set()
    for pattern in patterns:
        problem = _problem(pattern)
        if problem:
            raise ValueError(f"cannot read the file pattern {pattern!r}: {problem}")
        seen.add(frozenset(name for name, _ in _PLACE.findall(pattern)))
    if len(seen) > 1:
        raise ValueError("needs the same of {SPAN}, {VERSION} and the date in every file pattern")
    return any(seen)


def _problem(pattern: str) -> str | None:
    names = [name for name, _ in _PLACE.findall(pattern)]
    for name, width in _PLACE.findall(pattern):
        if name not in ("SPAN", "VERSION", *DATE):
            return (
                f"it has {{{name}}}; it takes {{SPAN}}, or {{YYYY}}, {{MM}} and {{DD}}, "
                "and {VERSION}"
            )
        if names.count(name) > 1:
            return f"it has {{{name}}} more than once"
        if width and (name in DATE or not width.isdecimal() or not int(width)):
            return f"it has {{{name}:{width}}}; a number of digits goes with SPAN or VERSION only"
    dated = {*DATE} & {*names}
    if dated and "SPAN" in names:
        return "it has {SPAN} and a date; one of them is the span"
    if dated and dated != {*DATE}:
        return "a date needs {YYYY}, {MM} and {DD}"
    if "VERSION" in names and not dated and "SPAN" not in names:
        return "{VERSION} goes with {SPAN}, or with {YYYY}, {MM} and {DD}"
    return None


def days(date: datetime.date) -> int:
    """Return the span of a date."""
    return date.toordinal() - datetime.date(1970, 1, 1).toordinal()


class Found(NamedTuple):
    """What a file pattern finds.

    Attributes:
        files: The files to read: all, or those of the span in its latest version.
        span: The span and version; None where the pattern has no such place.
        spans: Every span that there is, in order.
        odd: Files that the pattern matches, and whose span or version is no number.
    """

    files: list[Path]
    span: tuple[int, int | None] | None
    spans: list[int]
    odd: list[Path]


def find(folder: str, pattern: str, span: int | None = None) -> Found:
    """Look for the files of a pattern as TFX does: of this span, or of the latest."""
    whole = Path(folder).absolute() / pattern
    root, relative = Path(whole.anchor), str(whole.relative_to(whole.anchor))
    files = sorted(root.glob(_PLACE.sub("*", relative)))
    if not _PLACE.search(relative):
        return Found(files, None, [], [])
    by_span: dict[int, dict[int | None, list[Path]]] = {}
    odd = []
    for file in files:
        place = _place(re.fullmatch(_regex(relative), str(file.relative_to(root))))
        if place:
            by_span.setdefault(place[0], {}).setdefault(place[1], []).append(file)
        else:
            odd.append(file)
    chosen = max(by_span, default=None) if span is None else span
    if chosen is None or chosen not in by_span:
        return Found([], None, sorted(by_span), odd)
    version = max(by_span[chosen], key=lambda version: version or 0)
    return Found(by_span[chosen][version], (chosen, version), sorted(by_span), odd)


def _place(match: re.Match[str] | None) -> tuple[int, int | None] | None:
    """Return the span and version that a file's name holds."""
    if not match:
        return None
    numbers = {name: int(text) for name, text in match.groupdict().items()}
    if "SPAN" not in numbers:
        try:
            numbers["SPAN"] = days(datetime.date(*(numbers[name] for name in DATE)))
        except ValueError:
            return None
    return numbers["SPAN"], numbers.get("VERSION")


def _regex(pattern: str) -> str:
    return "".join(_part(part) for part in _ANYTHING.split(pattern))


def _part(part: str) -> str:
    place = _PLACE.fullmatch(part)
    if place:
        name, width = place[1], len(place[1]) if place[1] in DATE else place[2]
        # TFX writes the number back without zeros in front, unless the width says how many.
        return rf"(?P<{name}>{rf'[0-9]{{{width}}}' if width else '0|[1-9][0-9]*'})"
    return part if part.startswith("[") else _GLOB.get(part, re.escape(part))
