"""When a pipeline runs by itself: what is a cron, a zone and a time, and what is none."""

from __future__ import annotations

from typing import Any

import pytest

import fluentml as fml
from fluentml.backends._timing import Timing, in_utc
from tests.messages import message_of

MONDAYS = {"cron": "0 5 * * 1", "timezone": "America/Los_Angeles"}
P = fml.PipelineDef("trips", root="gs://bucket/root").from_csv("gs://bucket/data")


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ({"cron": "0 5 * *"}, "has 4 fields"),
        ({"cron": "60 5 * * *"}, "'60' is no minute"),
        ({"cron": "0 5 * * MOON"}, "'MOON' is no day of the week"),
        ({"cron": "0 5 0 * *"}, "'0' is no day of the month"),
        ({"cron": "0 9-5 * * *"}, "'9-5' is no hour"),
        ({"cron": "*/0 5 * * *"}, "'*/0' is no minute"),
        ({"cron": "0 5 31 2 *"}, "which never comes"),
        ({"timezone": "America/Los_Angles"}, "did you mean 'America/Los_Angeles'"),
        ({"timezone": "PST8"}, "knows no time zone 'PST8'"),
        ({"start": "Monday"}, "cannot read start='Monday'"),
        ({"start": "2031-01-01", "end": "2030-01-01"}, "let it end after its start"),
        ({"end": "2020-01-01"}, "which is over"),
        ({"concurrency": 0}, "schedule() cannot use concurrency=0.\nHint: it takes 1 or more."),
    ],
)
def test_what_is_no_schedule(when: dict[str, Any], said: str):
    text = message_of(fml.DefinitionError, P.schedule, "vertex", **{**MONDAYS, **when})
    assert said in text


@pytest.mark.parametrize(
    "cron", ["* * * * *", "*/15 8-18 1,15 JAN-MAR mon-fri", "5/10 0 29 2 *", "0 0 * * 7"]
)
def test_what_is_a_cron(cron: str):
    assert Timing(cron=f" {cron}").cron == cron


def test_moments_have_the_zone_of_the_schedule_unless_they_name_one():
    timing = Timing(
        cron="0 5 * * 1",
        timezone="Europe/Berlin",
        start="2030-07-01T05:00",  # type: ignore[arg-type]
        end="2030-12-01T05:00Z",  # type: ignore[arg-type]
    )
    assert timing.starts
    assert timing.ends
    assert in_utc(timing.starts) == "2030-07-01T03:00:00Z"
    assert in_utc(timing.ends) == "2030-12-01T05:00:00Z"


@pytest.mark.parametrize(
    ("cron", "plain"),
    [("0 5 * * 7", "0 5 * * 0"), ("0 5 * * 5-7", "0 5 * * 0,5,6"), ("0 5 * * 1-5", "0 5 * * 1-5")],
)
def test_sunday_as_zero(cron: str, plain: str):
    assert Timing(cron=cron).with_sunday_as_zero() == plain
