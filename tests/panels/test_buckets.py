"""Buckets are those that a clock on the wall would show, minute by minute."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs
from tests.panels.looking import made_up

from turnout.model import Goal
from turnout.panels.buckets import LIMIT_BUCKETS, Buckets, between, of_view, ticks

DAY_S = 86_400


def clock(timezone: str, grain: str, start_s: int, end_s: int) -> list[str]:
    """The labels of every minute, each once."""
    found = []
    for moment_s in range(start_s, end_s, 60):
        local = dt.datetime.fromtimestamp(moment_s, ZoneInfo(timezone))
        if grain == "hour":
            # The offset that is in force now, though half an hour ago it may have been another.
            label = f"{local:%Y-%m-%dT%H}:00:00{local.isoformat()[-6:]}"
        elif grain == "week":
            label = (local.date() - dt.timedelta(days=local.weekday())).isoformat()
        else:
            label = local.date().isoformat()[: 10 if grain == "day" else 7]
        if label not in found[-1:]:
            found.append(label)
    return found


def seconds(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ("timezone", "start", "days"),
    [
        ("UTC", "2026-02-26T22:10:00+00:00", 4),
        ("Europe/Berlin", "2026-10-23T10:00:00+00:00", 4),  # 25 hours
        ("Europe/Berlin", "2026-03-27T10:00:00+00:00", 4),  # 23 hours
        ("Asia/Kathmandu", "2026-12-30T18:14:00+00:00", 3),  # + 5:45
        ("Australia/Lord_Howe", "2026-04-04T10:00:00+00:00", 2),  # half an hour
        ("America/St_Johns", "2026-11-01T01:00:00+00:00", 2),
        ("Pacific/Apia", "2011-12-28T00:00:00+00:00", 5),  # no 30 December
    ],
)
@pytest.mark.parametrize("grain", ["hour", "day", "week", "month"])
def test_every_bucket_of_a_range_is_there_once(timezone, start, days, grain):
    start_s = seconds(start)
    end_s = start_s + days * DAY_S - 600
    # An hour that is cut in two by half an hour's change keeps its label in each half.
    expected = tuple(clock(timezone, grain, start_s, end_s))
    assert between(timezone, grain, start_s, end_s) == expected


def test_a_range_ends_before_its_end():
    midnight = seconds("2026-10-06T00:00:00+00:00")
    assert between("UTC", "day", midnight - DAY_S, midnight) == ("2026-10-05",)
    assert between("UTC", "day", midnight - 1, midnight + 1) == ("2026-10-05", "2026-10-06")


def view_of(tenant, days, **more):
    first_ms = seconds("2026-01-01T00:00:00+00:00") * 1000
    last_ms = first_ms + days * DAY_S * 1000 - 1
    return made_up(tenant.workspace, first_ms=first_ms, last_ms=last_ms, **{"now_ms": last_ms, **more})


@pytest.mark.parametrize(
    ("days", "grain", "shown", "count"),
    [
        (33, "hour", "hour", 33 * 24),
        (34, "hour", "day", 34),
        (800, "day", "day", 800),
        (801, "day", "week", 115),
        (5_700, "week", "month", 188),
    ],
)
def test_too_many_buckets_are_shown_in_a_coarser_grain(tenant, days, grain, shown, count):
    found = of_view(view_of(tenant, days, grain=grain))
    assert (found.grain, len(found.labels)) == (shown, count)
    assert count <= LIMIT_BUCKETS


def test_what_is_credited_after_the_last_event_has_room_but_no_more_than_it_needs(tenant):
    view = view_of(tenant, 2, now_ms=seconds("2026-02-01T00:00:00+00:00") * 1000)
    goal = Goal(event="purchased", window_s=5 * DAY_S)
    found = of_view(replace(view, campaign=structs.replace(view.campaign, goals=(goal,))))
    assert len(found.labels) == 7
    assert [row["day"][-2:] for row in found.fill([], {"sent": 0})] == ["01", "02"]
    filled = found.fill([{"day": "2026-01-04", "sent": 3}], {"sent": 0})
    assert [row["sent"] for row in filled] == [0, 0, 0, 3]
    # Neither beyond the range that is looked at, nor into the future.
    assert len(of_view(view_of(tenant, 2)).labels) == 2
    assert len(of_view(view_of(tenant, 2, now_ms=view.now_ms, to_ms=view.last_ms + 1)).labels) == 2


def test_a_range_after_the_last_event_has_room_for_what_is_credited_then(tenant):
    """Who got it on the second may buy on the fourth, and that day alone may be looked at."""
    now_ms, from_ms = (seconds(f"2026-{day}T00:00:00+00:00") * 1000 for day in ("02-01", "01-04"))
    view = view_of(tenant, 2, now_ms=now_ms, from_ms=from_ms)
    assert of_view(view).labels == ("2026-01-04", "2026-01-05")
    assert of_view(view).fill([], {"sent": 0}) == []
    assert of_view(view, credited=False).labels == ()
    assert of_view(replace(view, to_ms=from_ms)).labels == ()


def test_what_is_not_credited_needs_no_room_and_stays_in_its_grain(tenant):
    view = view_of(tenant, 2, grain="hour", now_ms=seconds("2027-01-01T00:00:00+00:00") * 1000)
    year = replace(
        view, campaign=structs.replace(view.campaign, goals=(Goal(event="purchased", window_s=365 * DAY_S),))
    )
    assert of_view(year).grain == "day"
    found = of_view(year, credited=False)
    assert (found.grain, len(found.labels)) == ("hour", 48)


def test_a_campaign_without_events_has_no_buckets(tenant):
    assert of_view(made_up(tenant.workspace)) == Buckets("day", (), 0)


@pytest.mark.parametrize(
    ("start", "days", "grain", "texts"),
    [
        ("2026-12-29T00:00:00+00:00", 5, "day", ["29 Dec", "30 Dec", "31 Dec", "1 Jan 2027", "2 Jan"]),
        ("2026-12-29T17:30:00+00:00", 0.8, "hour", ["29 Dec 18:00", "21:00", "30 Dec 00:00", "03:00", "06:00", "09:00",
                                                    "12:00"]),
        ("2026-11-15T00:00:00+00:00", 90, "month", ["Nov 2026", "Dec", "Jan 2027", "Feb"]),
    ],
)  # fmt: skip
def test_ticks_say_no_more_than_what_changes(start, days, grain, texts):
    start_s = seconds(start)
    labels = between("UTC", grain, start_s, start_s + int(days * DAY_S))
    assert [text for _, text in ticks(labels, grain)] == texts


@pytest.mark.parametrize("grain", ["hour", "day", "week", "month"])
@pytest.mark.parametrize("count", [1, 9, 50, 300, 800])
def test_an_axis_is_never_crowded(grain, count):
    start_s = seconds("2000-01-03T00:00:00+00:00")
    size_s = {"hour": 3600, "day": DAY_S, "week": 7 * DAY_S, "month": 31 * DAY_S}[grain]
    labels = between("Europe/Berlin", grain, start_s, start_s + count * size_s)
    assert 1 <= len(ticks(labels, grain)) <= 12
