"""Spans and versions: where TFX reads a number or a date out of the names of files.

In a file pattern `{SPAN}` stands for a number, `{YYYY}`, `{MM}` and `{DD}` together for a date,
which is the span of that many days since 1970-01-01, and `{VERSION}` for a version of the span.
`{SPAN:3}` and `{VERSION:3}` mean three digits; numbers with zeros in front need that.
TFX's ExampleGen reads one span, in its latest version; ours a window of them, each in its own.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

DATE = ("YYYY", "MM", "DD")
_PLACE = re.compile(r"\{([^{}:]*)(?::([^{}]*))?\}")
_ANYTHING = re.compile(r"(\{[^{}]*\}|\*|\?|\[[^\]]*\])")
_GLOB = {"*": "[^/]*", "?": "[^/]"}

Window: TypeAlias = int | tuple[int, int]
"""The latest spans, as many as this, or every one from the first to the last, both included."""
Place: TypeAlias = tuple[int, int | None]
"""A span and its version; None where the pattern has no versions."""


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


def number(span: Any) -> int | None:
    """Return the number of a span that a number or a date names; None where it names none."""
    if isinstance(span, datetime.datetime):
        span = span.date()
    if isinstance(span, datetime.date):
        span = days(span)
    return span if type(span) is int and span >= 0 else None


class Found(NamedTuple):
    """What a file pattern finds.

    Attributes:
        files: The files to read: all, or those of the spans in their latest versions.
        places: The spans that are read, in order; empty where the pattern has no such place.
        spans: Every span that there is, in order.
        odd: Files that the pattern matches, and whose span or version is no number.
    """

    files: list[Path]
    places: list[Place]
    spans: list[int]
    odd: list[Path]


def find(folder: str, pattern: str, window: Window = 1) -> Found:
    """Look for the files of a pattern: as TFX does where the window is one span."""
    whole = Path(folder).absolute() / pattern
    root, relative = Path(whole.anchor), str(whole.relative_to(whole.anchor))
    files = sorted(root.glob(any_span(relative)))
    if not _PLACE.search(relative):
        return Found(files, [], [], [])
    by_place, odd = by_places(str(whole), map(str, files))
    places = chosen(by_place, window)
    read = [Path(file) for place in places for file in by_place[place]]
    every = sorted({span for span, _ in by_place})
    return Found(read, places, every, [Path(file) for file in odd])


def any_span(pattern: str) -> str:
    """Return the pattern with a `*` for the span and the version."""
    return _PLACE.sub("*", pattern)


def by_places(pattern: str, files: Iterable[str]) -> tuple[dict[Place, list[str]], list[str]]:
    """Return the files by span and version, and those whose names tell none."""
    regex, by_place, odd = re.compile(_regex(pattern)), dict[Place, list[str]](), list[str]()
    for file in files:
        place = _place(regex.fullmatch(file))
        if place:
            by_place.setdefault(place, []).append(file)
        else:
            odd.append(file)
    return by_place, odd


def chosen(places: Iterable[Place], window: Window) -> list[Place]:
    """Return the spans of a window that there are, in order, each with its latest version."""
    latest: dict[int, int | None] = {}
    for span, version in sorted(places, key=lambda place: (place[0], place[1] or 0)):
        latest[span] = version
    if isinstance(window, int):
        return [*latest.items()][-window:]
    first, last = window
    return [place for place in latest.items() if first <= place[0] <= last]


def called(window: Window) -> str:
    """Return a window in words."""
    if isinstance(window, int):
        return "a span" if window == 1 else f"the latest {window} spans"
    first, last = window
    return f"span {first}" if first == last else f"the spans {first} to {last}"


def listed(places: Iterable[Place]) -> str:
    """Return the last few of many spans, each with its version where it has one."""
    names = [
        f"{span}" + ("" if version is None else f" (version {version})") for span, version in places
    ]
    return ("…, " if len(names) > 8 else "") + ", ".join(names[-8:])


def _place(match: re.Match[str] | None) -> Place | None:
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
