"""The little lines: their days, their heights, what they say. Pure."""

from __future__ import annotations

import datetime as dt

from turnout.dashboard import sparkline
from turnout.dashboard.sparkline import HEIGHT, METRICS, WIDTH

NONE = dict.fromkeys(METRICS, 0)


def row(day: str, campaign: str = "c", **counts: int) -> dict[str, object]:
    return {"campaign": campaign, "day": day, **NONE, **counts}


def points(line: str) -> list[tuple[float, float]]:
    return [tuple(map(float, point.split(","))) for point in line.split()]  # type: ignore[misc]


def test_a_line_goes_over_the_days_of_the_campaign():
    rows = [row("2026-10-01", opened=4), row("2026-10-03", opened=8), row("2026-10-10", opened=2, sent=100)]
    found = sparkline.sparklines(rows, "UTC", None, None)["c"]
    drawn = points(found.line)
    assert len(drawn) == 10
    assert (drawn[0][0], drawn[-1][0]) == (0, WIDTH)
    most, least = min(y for _, y in drawn), max(y for _, y in drawn)
    assert drawn[2][1] == most == 1
    assert drawn[1][1] == least == HEIGHT - 1
    # Half as high is half way.
    assert drawn[0][1] == (most + least) / 2
    assert found.label == "Opened a day, 2026-10-01 to 2026-10-10: at most 8"


def test_it_is_of_the_first_thing_that_happened_at_all():
    rows = [row("2026-10-01", "sent", sent=3), row("2026-10-01", "show", watched=2, clicked=9), row("2026-10-01", "no")]
    found = sparkline.sparklines(rows, "UTC", None, None)
    assert {name: one.label.split()[0] for name, one in found.items()} == {"sent": "Sent", "show": "Watched"}
    # One day alone is a line too.
    assert len(points(found["sent"].line)) == 7


def test_it_goes_over_the_whole_range_in_the_zone_that_is_looked_at():
    midnight = dt.datetime(2026, 10, 1, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30)))
    from_ms = int(midnight.timestamp() * 1000)
    ends_ms = from_ms + 30 * 86_400_000
    found = sparkline.sparklines([row("2026-10-30", sent=1)], "Asia/Kolkata", from_ms, ends_ms)["c"]
    drawn = points(found.line)
    assert len(drawn) == 30
    assert [place for place, (_, y) in enumerate(drawn) if y == 1] == [29]


def test_many_days_become_few_points_and_nothing_is_lost():
    first = dt.date(2026, 1, 1)
    rows = [row((first + dt.timedelta(days=day)).isoformat(), sent=1) for day in range(365)]
    found = sparkline.sparklines(rows, "UTC", None, None)["c"]
    drawn = points(found.line)
    assert len(drawn) == 53
    assert {y for _, y in drawn[:-1]} == {1.0}
    assert found.label.startswith("Sent in 7 days, 2026-01-01 to 2026-12-31: at most 7")
