"""When a scheduled pipeline runs: cron, time zone, from when to when, and how many at a time."""

from __future__ import annotations

import re
import zoneinfo
from datetime import datetime, timezone
from typing import Annotated

from pydantic import Field, field_validator, model_validator
from typing_extensions import Self

from fluentml.errors import DefinitionError, did_you_mean
from fluentml.spec import Spec

_FIELDS = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day of the month": (1, 31),
    "month": (1, 12),
    "day of the week": (0, 7),
}
_NAMES = {
    "month": ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    "day of the week": ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
}
_LONGEST = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
"""How many days the shorter months have at most."""


class Timing(Spec):
    """When a pipeline runs by itself.

    Attributes:
        cron: Five fields: minute, hour, day of the month, month, day of the week (0 is Sunday).
        timezone: The IANA name of the zone of `cron`, and of `start` and `end` that name none;
            None, UTC.
        catch_up: Whether runs that could not start in time start later; else they are left out.
        concurrency: How many runs there may be at a time.
        start: No run before this; text in ISO 8601. None, from now on.
        end: No run after this; None, for ever.
    """

    cron: str
    timezone: str | None = None
    catch_up: bool = False
    concurrency: Annotated[int, Field(ge=1)] = 1
    start: datetime | None = None
    end: datetime | None = None

    @field_validator("cron")
    @classmethod
    def _five_fields(cls, cron: str) -> str:
        texts = cron.split()
        if len(texts) != len(_FIELDS):
            raise DefinitionError(
                f"schedule() got cron={cron!r}, which has {len(texts)} fields.",
                f"It takes five: {', '.join(_FIELDS)}.",
                hint='"0 5 * * 1" is every Monday at five.',
            )
        days = {name: _values(cron, name, text) for name, text in zip(_FIELDS, texts, strict=True)}
        if texts[4] == "*" and not any(
            day <= _LONGEST.get(month, 31)
            for month in days["month"]
            for day in days["day of the month"]
        ):
            raise DefinitionError(
                f"schedule() got cron={cron!r}, which never comes: no such month has that day."
            )
        return " ".join(texts)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        if name is None:
            return None
        known = zoneinfo.available_timezones()
        if name not in known:
            raise DefinitionError(
                f"schedule() knows no time zone {name!r}.",
                hint=did_you_mean(name, known)
                or 'take a name of the IANA: "Europe/Berlin", "America/Los_Angeles", "UTC".',
            )
        return name

    @field_validator("start", "end", mode="before")
    @classmethod
    def _moment(cls, value: object, info: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            # Python 3.10 reads no "Z".
            return datetime.fromisoformat(re.sub("[zZ]$", "+00:00", value.strip()))
        except ValueError as error:
            name = getattr(info, "field_name", "")
            raise DefinitionError(
                f"schedule() cannot read {name}={value!r}.",
                hint='write "2027-01-31", "2027-01-31T05:00" or "2027-01-31T05:00+01:00".',
            ) from error

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        start, end = self.starts, self.ends
        if start and end and end <= start:
            raise DefinitionError(
                f"schedule() would end at {end.isoformat()}, and start at {start.isoformat()}.",
                hint="let it end after its start.",
            )
        if end and end <= datetime.now(timezone.utc):
            raise DefinitionError(
                f"schedule() would end at {end.isoformat()}, which is over.",
                hint="name an end to come, or none.",
            )
        return self

    @property
    def starts(self) -> datetime | None:
        """`start` with its zone."""
        return self._zoned(self.start)

    @property
    def ends(self) -> datetime | None:
        """`end` with its zone."""
        return self._zoned(self.end)

    def with_sunday_as_zero(self) -> str:
        """Return the cron without a 7, which is Sunday too, among the days of the week."""
        *others, days = self.cron.split()
        if "7" in days.replace("/7", ""):
            numbers = sorted({day % 7 for day in _values(self.cron, "day of the week", days)})
            days = ",".join(map(str, numbers))
        return " ".join([*others, days])

    def _zoned(self, moment: datetime | None) -> datetime | None:
        if moment is None or moment.tzinfo:
            return moment
        return moment.replace(tzinfo=zoneinfo.ZoneInfo(self.timezone or "UTC"))

    def __str__(self) -> str:
        limits = [
            f"in {self.timezone or 'UTC'}",
            f"from {self.starts.isoformat()}" if self.starts else "",
            f"until {self.ends.isoformat()}" if self.ends else "",
            f"at most {self.concurrency} at a time",
        ]
        return f"{self.cron!r} {', '.join(filter(None, limits))}"


def in_utc(moment: datetime) -> str:
    """Return a moment as services take it: RFC 3339, in UTC, to the second."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _values(cron: str, name: str, text: str) -> set[int]:
    """Return what a field of a cron stands for."""
    return {value for part in text.split(",") for value in _part(cron, name, part)}


def _part(cron: str, name: str, part: str) -> range:
    low, high = _FIELDS[name]
    names = _NAMES.get(name, [])
    base, slash, step = part.partition("/")
    ends = base.split("-")
    numbers = [str(names.index(end.upper()) + low) if end.upper() in names else end for end in ends]
    if base == "*":
        first, last = low, high
    elif len(ends) <= 2 and all(re.fullmatch(r"\d{1,2}", number) for number in numbers):
        first, last = int(numbers[0]), int(numbers[-1])
        last = high if slash and len(ends) == 1 else last
    else:
        first, last = high, low
    sound = low <= first <= last <= high and (not slash or re.fullmatch(r"[1-9]\d{0,2}", step))
    if not sound:
        raise DefinitionError(
            f"schedule() got cron={cron!r}, and {part!r} is no {name}.",
            f"It takes {low} to {high}{f', {names[0]} to {names[-1]}' if names else ''}, "
            "* for all, and ranges, lists and steps: 1-5, 1,3, */15.",
        )
    return range(first, last + 1, int(step or 1))
