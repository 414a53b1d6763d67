"""When reports are due, in any zone, on any day; and what of a campaign they show."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.errors import InvalidInput
from turnout.reports import schedule
from turnout.store.schedules import Attempt, Schedule, ScheduleFields

CREATED = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def dues(fields: ScheduleFields, after: str, count: int) -> list[str]:
    """The next due times, each found from the one before."""
    found, now = [], utc(after)
    for _ in range(count):
        now = schedule.upcoming(fields, "UTC", now)
        found.append(now.isoformat(" ", "minutes")[:16])
    return found


@pytest.mark.parametrize(
    ("fields", "after", "expected"),
    [
        # Clocks go from 02:00 to 03:00 on 2026-03-29 in Berlin: 02:30 is not there, 03:00 comes next.
        (
            {"every": "day", "at": "02:30", "timezone": "Europe/Berlin"},
            "2026-03-27 12:00",
            ["2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"],
        ),
        # They go back from 03:00 to 02:00 on 2026-10-25: 02:30 comes twice, and is due once.
        (
            {"every": "day", "at": "02:30", "timezone": "Europe/Berlin"},
            "2026-10-24 12:00",
            ["2026-10-25 00:30", "2026-10-26 01:30"],
        ),
        # Half an hour of Lord Howe's is skipped on 2026-10-04.
        (
            {"every": "day", "at": "02:10", "timezone": "Australia/Lord_Howe"},
            "2026-10-02 16:00",
            ["2026-10-03 15:30", "2026-10-04 15:10"],
        ),
        # There was no 30 December 2011 in Apia.
        (
            {"every": "day", "at": "08:00", "timezone": "Pacific/Apia"},
            "2011-12-29 00:00",
            ["2011-12-29 18:00", "2011-12-30 10:00", "2011-12-30 18:00"],
        ),
        (
            {"every": "week", "weekday": "sunday", "at": "23:30", "timezone": "Asia/Kathmandu"},
            "2026-11-22 17:45",
            ["2026-11-29 17:45", "2026-12-06 17:45"],
        ),
        (
            {"every": "month", "day": 31, "at": "00:00"},
            "2026-01-31 00:00",
            ["2026-02-28 00:00", "2026-03-31 00:00", "2026-04-30 00:00"],
        ),
        ({"every": "month", "day": 30, "at": "12:00"}, "2028-02-01 00:00", ["2028-02-29 12:00", "2028-03-30 12:00"]),
    ],
)
def test_due_times_are_those_of_the_clocks_there(fields, after, expected):
    assert dues(ScheduleFields(**fields), after, len(expected)) == expected


@given(
    st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2029, 1, 1)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe"]),
    st.sampled_from(["day", "week", "month"]),
    st.times(),
    st.integers(1, 31),
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_the_last_due_time_and_the_next_have_none_between_them(now, zone, every, at, day):
    now = now.replace(tzinfo=dt.UTC)
    fields = ScheduleFields(every=every, at=f"{at:%H:%M}", timezone=zone, day=day, weekday="wednesday")
    last, following = schedule.latest(fields, "UTC", now), schedule.upcoming(fields, "UTC", now)
    assert last <= now < following
    assert schedule.upcoming(fields, "UTC", last) == following
    assert schedule.latest(fields, "UTC", following - dt.timedelta(microseconds=1)) == last
    assert following - last <= {"day": dt.timedelta(hours=26), "week": dt.timedelta(days=7, hours=2)}.get(
        every, dt.timedelta(days=32)
    )


@pytest.mark.parametrize(
    ("name", "zone", "first", "last"),
    [
        ("1d", "UTC", "2026-10-25 00:00", "2026-10-26 00:00"),
        # A day of 25 hours.
        ("1d", "Europe/Berlin", "2026-10-24 22:00", "2026-10-25 23:00"),
        ("7d", "Europe/Berlin", "2026-10-18 22:00", "2026-10-25 23:00"),
        ("month", "Asia/Kathmandu", "2026-08-31 18:15", "2026-09-30 18:15"),
        ("30d", "UTC", "2026-09-26 00:00", "2026-10-26 00:00"),
        ("90d", "UTC", "2026-07-28 00:00", "2026-10-26 00:00"),
    ],
)
def test_a_range_is_of_whole_days_that_are_over(name, zone, first, last):
    found = schedule.bounds(name, utc("2026-10-26 08:00"), zone)
    assert found == tuple(int(utc(text).timestamp() * 1000) for text in (first, last))


def test_everything_has_no_bounds():
    assert schedule.bounds("all", CREATED, "UTC") == (None, None)


def made(**more: object) -> Schedule:
    fields = {"id": "a", "workspace": "w", "created_at": CREATED, "settled_at": CREATED, "folder": True, "every": "day"}
    return Schedule(**{**fields, **more})  # type: ignore[arg-type]


def test_of_what_was_missed_only_the_last_is_made():
    now = utc("2026-01-05 12:00")
    assert schedule.moment_due(made(), "UTC", now) == utc("2026-01-05 08:00")
    assert schedule.moment_due(made(settled_at=utc("2026-01-05 08:00")), "UTC", now) is None
    assert schedule.moment_due(made(settled_at=utc("2026-01-04 08:00")), "UTC", now) == utc("2026-01-05 08:00")


def test_what_was_due_before_it_was_made_is_not_due():
    assert schedule.moment_due(made(), "UTC", utc("2026-01-01 07:59")) is None
    assert schedule.moment_due(made(settled_at=utc("2026-01-01 09:00")), "UTC", utc("2026-01-01 09:01")) is None


def test_what_failed_waits_until_it_is_time_or_something_newer_is_due():
    moment = utc("2026-01-02 08:00")
    attempt = Attempt(moment=moment, count=1, next_at=utc("2026-01-02 08:01"), words="")
    failed = made(attempt=attempt)
    assert schedule.moment_due(failed, "UTC", utc("2026-01-02 08:00")) is None
    assert schedule.moment_due(failed, "UTC", utc("2026-01-02 08:01")) == moment
    later = made(attempt=Attempt(moment=moment, count=5, next_at=utc("2026-01-09 08:00"), words=""))
    assert schedule.moment_due(later, "UTC", utc("2026-01-03 08:00")) == utc("2026-01-03 08:00")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "to"),
        ({"to": ("nobody",)}, "to"),
        ({"to": ("a@example.com\nBcc: b@example.com",)}, "to"),
        ({"to": ("a@example.com,b@example.com",)}, "to"),
        ({"to": ("Ada <a@example.com>",)}, "to"),
        ({"to": ("a@example.com\n",)}, "to"),
        ({"to": (".a@example.com",)}, "to"),
        ({"to": ("a.@example.com",)}, "to"),
        ({"to": ("a..b@example.com",)}, "to"),
        ({"to": ("a" * 65 + "@example.com",)}, "to"),
        ({"to": ("änne@example.com",)}, "to"),
        ({"to": ("a@example.com", "a@example.com")}, "to"),
        ({"folder": True, "subject": "a\r\nBcc: b@example.com"}, "subject"),
        ({"folder": True, "subject": "a\u2028b"}, "subject"),
        ({"folder": True, "at": "08:00\n"}, "at"),
        ({"folder": True, "timezone": "Mars/Olympus"}, "timezone"),
        ({"folder": True, "campaigns": ("a",), "tag": "b"}, "tag"),
        ({"folder": True, "campaigns": ("a", "a")}, "campaigns"),
    ],
)
def test_what_could_never_work_is_refused(fields, field):
    with pytest.raises(InvalidInput) as error:
        schedule.check(ScheduleFields(**fields), can_mail=True)
    assert error.value.field == field


def test_without_a_mail_server_nothing_is_sent():
    with pytest.raises(InvalidInput, match="no mail server"):
        schedule.check(ScheduleFields(to=("ada@example.com",)), can_mail=False)
    schedule.check(ScheduleFields(folder=True), can_mail=False)
    schedule.check(ScheduleFields(to=("ada.o'neil+news@mail.example.co.uk",)), can_mail=True)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"every": "day", "at": "07:15"}, "every day at 07:15 (Europe/Berlin)"),
        ({"weekday": "friday", "timezone": "UTC"}, "every Friday at 08:00 (UTC)"),
        ({"every": "month", "day": 3}, "on day 3 of every month at 08:00 (Europe/Berlin)"),
        ({"every": "month", "day": 31}, "on the last day of every month at 08:00 (Europe/Berlin)"),
    ],
)
def test_it_is_said_in_words(fields, words):
    assert schedule.when(ScheduleFields(**fields), "Europe/Berlin") == words
