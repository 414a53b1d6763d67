"""The hours of the week are those that a clock in the zone showed when somebody opened or clicked."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from tests.panels.looking import look, made_up, shown, totals

from turnout.panels import hours
from turnout.panels.hours import WEEKDAYS


def counted(table, metric="opened"):
    """Each hour of the week that has any, and its number."""
    return {
        (day, row["hour_of_day"]): count
        for row in table.rows
        for day in WEEKDAYS
        if (count := row.get(f"{metric}_{day[:3].lower()}"))
    }


#: Around both changes of the clock in Europe, in the hours that are there twice or not at all.
TIMES = [
    "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z",
    "2026-10-26T05:45:00Z", "2026-11-02T05:45:00Z", "2026-11-02T18:29:59Z", "2026-11-02T18:30:00Z",
]  # fmt: skip


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns"])
def test_each_event_is_in_the_hour_that_the_clock_showed(house, tenant, zone):
    tenant.send(*({"type": "clicked", "time": time, "campaign": "c", "recipient": "a"} for time in TIMES))
    # The last 92 days are looked at: both changes are not in one of them.
    found = shown(house, tenant, hours.draw, "c", timezone=zone, from_="2026-10-01T00:00:00Z")
    early = shown(house, tenant, hours.draw, "c", timezone=zone, to="2026-04-01T00:00:00Z")
    local = [dt.datetime.fromisoformat(time).astimezone(ZoneInfo(zone)) for time in TIMES]
    expected = Counter((WEEKDAYS[moment.weekday()], f"{moment.hour:02d}") for moment in local)
    told = Counter()
    for part in (early, found):
        for (day, hour), count in counted(part.table, "clicked").items():
            told[day, hour[:2]] += count
    assert told == expected
    assert zone in " ".join(found.words)


@pytest.mark.parametrize("query", [{}, {"timezone": "Asia/Kolkata", "from_": "2026-11-07", "traffic": "all"}])
@pytest.mark.parametrize("campaign", ["spring-sale", "sms-flash"])
def test_all_of_them_are_the_api_s(house, sampled, campaign, query):
    table = shown(house, sampled, hours.draw, campaign, **query).table
    told = totals(sampled, "opened,clicked", campaign, **query)
    for name in ("opened", "clicked"):
        of_days = [column.name for column in table.columns if column.name.startswith(name)]
        assert len(of_days) == (7 if told[name] else 0)
        assert sum(counted(table, name).values()) == told[name] == sum(table.total[day] for day in of_days)


def test_the_hour_with_the_most_is_said(house, sampled):
    found = shown(house, sampled, hours.draw, "spring-sale")
    hours_ = counted(found.table)
    (day, hour), most = max(hours_.items(), key=lambda item: item[1])
    assert f"Most opens are on {day}, {hour}" in found.words[0]
    assert f": {most:,} of them" in found.words[0]


def test_of_a_long_range_the_last_days_are_looked_at_and_it_says_so(house, tenant):
    times = ["2026-01-05T10:00:00Z", "2026-08-20T09:00:00Z", "2026-08-21T09:00:00Z"]
    tenant.send(*({"type": "opened", "time": time, "campaign": "long", "recipient": "a"} for time in times))
    view = look(house, tenant, "long")
    found = hours.draw(view, house.services.statistics.ask)
    assert sum(counted(found.table).values()) == 2
    assert found.words[-1] == "Of this range, the last 92 days are looked at."
    short = shown(house, tenant, hours.draw, "long", from_="2026-08-01")
    assert "92" not in " ".join(short.words)


def test_the_deepest_colour_is_the_most_and_one_event_can_be_seen(house, sampled):
    found = shown(house, sampled, hours.draw, "spring-sale")
    opens = found.spec["vconcat"][0]
    empty, full = (layer["data"]["values"] for layer in opens["layer"])
    assert len(empty) + len(full) == 7 * 24
    assert max(value["depth"] for value in full) == 1
    assert min(value["depth"] for value in full) > 0.1
    svg = house.services.renderer.svg(found.spec)
    assert full[0]["says"] in svg
    assert len(svg) < 100_000


def test_where_nobody_opened_there_is_nothing_to_draw(house, sampled):
    assert shown(house, sampled, hours.draw, "stock-hook").empty


def test_opens_before_the_days_that_are_looked_at_are_not_denied(house, tenant):
    kinds = {"opened": "2026-01-02T10:00:00Z", "unsubscribed": "2026-11-02T10:00:00Z"}
    tenant.send(*({"type": kind, "campaign": "old", "recipient": "a", "time": time} for kind, time in kinds.items()))
    found = shown(house, tenant, hours.draw, "old")
    assert found.empty.startswith("Nobody opened or clicked in the last 92 days of this range")
    assert shown(house, tenant, hours.draw, "old", to="2026-02-01").table.rows


def test_hours_of_every_day_fit_into_what_is_asked_for(tenant):
    day_ms = 86_400_000
    view = made_up(tenant.workspace, first_ms=0, last_ms=hours.LIMIT_DAYS * day_ms - 1)
    assert hours._bounded(view) == (view, False)
    longer, is_cut = hours._bounded(made_up(tenant.workspace, first_ms=0, last_ms=hours.LIMIT_DAYS * day_ms))
    assert is_cut
    assert longer.from_ms == 1
    assert hours._LIMIT_HOURS >= hours.LIMIT_DAYS * 24 + 2
