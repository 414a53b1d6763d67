"""Local time: the offset pieces against zoneinfo, and the ways to write a moment."""

from __future__ import annotations

import datetime as dt
import random
from zoneinfo import ZoneInfo

import pytest

from turnout.errors import InvalidInput, UnknownName
from turnout.stats import calendar
from turnout.stats.calendar import Offsets, parse_moment
from turnout.store.events import SLOT_MS

ZONES = [
    *("UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "Asia/Kathmandu"),
    *(
        "Pacific/Chatham",
        "America/Sao_Paulo",
        "America/St_Johns",
        "Pacific/Apia",
        "Africa/Casablanca",
        "Asia/Pyongyang",
    ),
    *("America/Caracas", "Antarctica/Troll", "Africa/Cairo", "Asia/Gaza", "Europe/Volgograd", "America/Port-au-Prince"),
]


def actual(zone: ZoneInfo, moment_s: int) -> int:
    offset = dt.datetime.fromtimestamp(moment_s, zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


@pytest.mark.parametrize("name", ZONES)
def test_offsets_are_those_of_zoneinfo(name: str) -> None:
    zone, offsets = ZoneInfo(name), calendar.offsets(name)
    for start, seconds in zip(offsets.starts[1:], offsets.seconds[1:], strict=True):
        assert actual(zone, start) == seconds
        assert actual(zone, start - 1) == offsets.at(start - 1) != seconds
    chance = random.Random(name)
    for _ in range(2000):
        moment = chance.randrange(946_684_800, 2_524_608_000)
        assert offsets.at(moment) == actual(zone, moment)


@pytest.mark.parametrize("name", ZONES)
def test_offsets_since_2000_are_whole_slots(name: str) -> None:
    assert all(seconds * 1000 % SLOT_MS == 0 for seconds in calendar.offsets(name).seconds)


def test_within_keeps_the_pieces_that_a_range_touches() -> None:
    offsets = Offsets((0, 100, 200), (1, 2, 3))
    assert offsets.within(None, None) == offsets
    assert offsets.within(100, 200) == Offsets((100,), (2,))
    assert offsets.within(99, 201) == offsets
    assert offsets.within(None, 100) == Offsets((0,), (1,))
    assert offsets.within(150, None) == Offsets((100, 200), (2, 3))
    assert offsets.within(150, 150) == Offsets((100,), (2,))
    assert offsets.within(-50, -20) == Offsets((0,), (1,))
    assert offsets.within(500, 600) == Offsets((200,), (3,))
    assert [offsets.at(moment) for moment in (-1, 0, 99, 100, 1000)] == [1, 1, 1, 2, 3]


def test_an_unknown_zone_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Europe/Berln") as raised:
        calendar.zone("Europe/Berln")
    assert raised.value.hint == "did you mean 'Europe/Berlin'?"
    assert raised.value.field == "timezone"
    for name in ("", "../../etc/passwd", "/etc/localtime"):
        with pytest.raises(UnknownName):
            calendar.zone(name)


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-10-05", "UTC", "2026-10-05T00:00:00+00:00"),
        ("2026-10-05", "Asia/Kathmandu", "2026-10-05T00:00:00+05:45"),
        ("20261005", "UTC", "2026-10-05T00:00:00+00:00"),
        ("2026-10-05T13:00", "Europe/Berlin", "2026-10-05T13:00:00+02:00"),
        ("2026-10-05 13:00", "Europe/Berlin", "2026-10-05T13:00:00+02:00"),
        ("2026-10-05 13:00:01.5", "UTC", "2026-10-05T13:00:01.500+00:00"),
        ("2026-10-05T13:00:00Z", "Europe/Berlin", "2026-10-05T13:00:00+00:00"),
        ("2026-10-05T13:00:00+05:30", "UTC", "2026-10-05T07:30:00+00:00"),
        ("2026-10-05T13:00:00 05:30", "UTC", "2026-10-05T07:30:00+00:00"),
        ("2026-10-05 13:00:00 0530", "UTC", "2026-10-05T07:30:00+00:00"),
        ("2026-10-05T13:00:00-05:30", "UTC", "2026-10-05T18:30:00+00:00"),
        (" 1791205200 ", "Europe/Berlin", "2026-10-05T13:00:00+00:00"),
        ("1791205200000", "Europe/Berlin", "2026-10-05T13:00:00+00:00"),
        ("1791205200.123", "UTC", "2026-10-05T13:00:00.123+00:00"),
        ("-100000000", "UTC", "1966-10-31T14:13:20+00:00"),
        # A bound between two milliseconds: the events of both are on one side of it.
        ("2026-10-05T13:00:00.0001Z", "UTC", "2026-10-05T13:00:00.001+00:00"),
        ("1791205200.0001", "UTC", "2026-10-05T13:00:00.001+00:00"),
        # Clocks go back at 3:00 and forward at 2:00.
        ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T02:30:00+02:00"),
        ("2026-03-29T02:30", "Europe/Berlin", "2026-03-29T03:30:00+02:00"),
        # Days that begin at 1:00.
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04T01:00:00-02:00"),
        # The day that Samoa left out.
        ("2011-12-30", "Pacific/Apia", "2011-12-31T00:00:00+14:00"),
    ],
)
def test_moments(text: str, zone: str, expected: str) -> None:
    assert parse_moment(text, zone, "from") == round(dt.datetime.fromisoformat(expected).timestamp() * 1000)


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"])
def test_always_can_be_shown_in_every_zone(text: str, zone: str) -> None:
    moment = dt.datetime.fromtimestamp(parse_moment(text, zone, "to") // 1000, ZoneInfo(zone))
    assert moment.year in (1, 9999)


@pytest.mark.parametrize(
    "text",
    [
        *("yesterday", "2026-13-01", "2026-10-05T25:00", "12345678", "9" * 30, "-" + "9" * 15, "1e12", "nan"),
        *("\u0662\u0660\u0662\u0666-10-05", "2026-10-05T13:00:00 05:30 06:00", "1791205200.", "x" * 5000),
    ],
)
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        parse_moment(text, "UTC", "from")
    assert raised.value.field == "from"
    assert len(raised.value.message) < 200
