"""Braze's queries: every form of `ending_at`, the window it makes, and what is refused."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from turnout.dialects.braze import parse
from turnout.errors import InvalidInput

NOW = dt.datetime(2026, 10, 5, 20, 0, tzinfo=dt.UTC)

# (ending_at, zone, last day). live: seen of the service; documented: the vendor's examples; the rest is ours.
ENDINGS = [
    ("2022-12-09", "UTC", "2022-12-08"),  # live: Airbyte sends a date, and gets the days before it
    ("2022-12-15", "UTC", "2022-12-14"),  # live
    ("2025-06-22T00:00:00+00:00", "UTC", "2025-06-21"),  # live
    ("2020-06-28T23:59:59-5:00", "UTC", "2020-06-29"),  # documented: an offset of one digit
    ("2020-06-28T23:59:59-5:00", "America/Chicago", "2020-06-28"),
    ("2014-12-10T23:59:59-05:00", "America/New_York", "2014-12-10"),  # documented
    ("2025-06-22T00:00:00 00:00", "UTC", "2025-06-21"),  # a plus sign that arrived as a space
    ("2025-06-22T01:00:00 05:30", "Asia/Kolkata", "2025-06-22"),
    ("2025-06-22T00:00:00+05:30", "Asia/Kolkata", "2025-06-21"),
    ("2025-06-22T00:00:00Z", "Asia/Kolkata", "2025-06-22"),  # half past five there
    ("2025-06-21T18:30:00Z", "Asia/Kolkata", "2025-06-21"),  # midnight there
    ("2025-06-21T18:30:01Z", "Asia/Kolkata", "2025-06-22"),
    ("2025-06-22", "Asia/Kolkata", "2025-06-21"),  # a date is the zone's
    ("2025-06-22T23:59:59", "America/New_York", "2025-06-22"),  # so is a time without an offset
    ("2025-06-22T00:00:00", "America/New_York", "2025-06-21"),
    ("2025-06-22T04:00:00Z", "America/New_York", "2025-06-21"),  # midnight in summer
    ("2025-01-22T04:00:00Z", "America/New_York", "2025-01-21"),  # eleven in the evening in winter
    ("2025-06-22T00:00:00.001Z", "UTC", "2025-06-22"),
    ("2025-06-22T00:00", "UTC", "2025-06-21"),
    ("2025-06-22 12:00:00", "UTC", "2025-06-22"),
    ("2025-06-22t12:00:00z", "UTC", "2025-06-22"),
    ("2025-06-22T12:00:00-0500", "UTC", "2025-06-22"),
    ("2025-06-22T12:00:00+2", "UTC", "2025-06-22"),
    ("2018-11-04T00:00:00", "America/Sao_Paulo", "2018-11-03"),  # clocks skipped this midnight
    ("2018-11-04T03:00:00Z", "America/Sao_Paulo", "2018-11-03"),
    ("", "UTC", "2026-10-05"),  # now: today is the last day
    ("", "Asia/Kolkata", "2026-10-06"),
    ("", "America/New_York", "2026-10-05"),
]


@pytest.mark.parametrize(("ending_at", "zone", "last"), ENDINGS)
def test_the_window_ends_with_the_right_day(ending_at: str, zone: str, last: str) -> None:
    window = parse.window(3, ending_at, zone, NOW)
    assert window.days[-1] == last
    first = dt.date.fromisoformat(last)
    assert window.days == tuple((first - dt.timedelta(days=back)).isoformat() for back in (2, 1, 0))


def test_now_at_midnight_is_still_today() -> None:
    assert parse.window(1, "", "UTC", dt.datetime(2026, 10, 5, tzinfo=dt.UTC)).days == ("2026-10-05",)


def test_live_windows_follow_each_other_without_gap_or_overlap() -> None:
    """live: 99 days before 2022-12-09 and then 6 before 2022-12-15."""
    before, after = parse.window(99, "2022-12-09", "UTC", NOW), parse.window(6, "2022-12-15", "UTC", NOW)
    assert (before.days[0], before.days[-1], after.days[0]) == ("2022-09-01", "2022-12-08", "2022-12-09")
    assert before.edges_ms[-1] == after.edges_ms[0]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("Asia/Kolkata", "2026-03-08", 24),
        ("America/Sao_Paulo", "2018-11-04", 23),
    ],
)
def test_edges_are_the_instants_of_local_midnight(zone: str, day: str, hours: float) -> None:
    window = parse.window(1, f"{day}T12:00:00", zone, NOW)
    assert window.days == (day,)
    assert window.edges_ms[1] - window.edges_ms[0] == hours * 3_600_000
    assert dt.datetime.fromtimestamp(window.edges_ms[0] / 1000, ZoneInfo(zone)).date().isoformat() == day
    assert dt.datetime.fromtimestamp(window.edges_ms[0] / 1000 - 1, ZoneInfo(zone)).date().isoformat() < day


@pytest.mark.parametrize(
    "ending_at",
    [
        "yesterday", "2025-13-01", "2025-02-30", "2025-06-22T25:00:00", "2025-06-22T00:00:00+99:00", "22.06.2025",
        "20250622", "0001-01-01", "9999-12-31T23:59:59", "2025-06-22T", "٢٠٢٥-06-22", "2025-06-22\x00",
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused(ending_at: str) -> None:
    with pytest.raises(InvalidInput, match="ending_at must be an ISO 8601 datetime"):
        parse.window(2, ending_at, "UTC", NOW)


@pytest.mark.parametrize("far", ["1800-05-05", "2300-05-05"])
def test_a_window_without_possible_events_is_asked_about_nothing(far: str) -> None:
    window = parse.window(3, far, "UTC", NOW)
    assert window.from_ms >= window.to_ms
    assert len(window.days) == 3


@pytest.mark.parametrize(("text", "days"), [("1", 1), ("100", 100), (" 7 ", 7), ("007", 7)])
def test_lengths(text: str, days: int) -> None:
    assert parse.length(text) == days


@pytest.mark.parametrize("text", [None, "", "0", "101", "-1", "7.0", "seven", "1e1", "٣", "99999999999999999999"])
def test_lengths_outside_of_1_to_100_are_refused(text: str | None) -> None:
    with pytest.raises(InvalidInput, match="length must be between 1 and 100"):
        parse.length(text)
