"""How a view is asked for."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from turnout.errors import InvalidInput, UnknownName
from turnout.model import DEFAULT_TRAFFIC, TRAFFIC_CLASSES, Workspace
from turnout.panels import view

NOW = dt.datetime(2026, 10, 26, 0, 30, tzinfo=dt.UTC)


def workspace(timezone: str = "Europe/Berlin") -> Workspace:
    return Workspace(id="w", timezone=timezone, access_key="a", signing_secret="s", created_at=NOW)


def local(moment_ms: int | None, timezone: str) -> str:
    assert moment_ms is not None
    return dt.datetime.fromtimestamp(moment_ms / 1000, ZoneInfo(timezone)).isoformat()


def test_a_form_gathers_its_boxes_and_leaves_out_what_is_empty():
    sent = [
        ("id", "a"),
        ("from", ""),
        ("metrics", "opened"),
        ("metrics", "clicked,sent"),
        ("timezone", " Asia/Kolkata "),
    ]
    assert view.given(sent) == {"metrics": "opened,clicked,sent", "timezone": "Asia/Kolkata"}


def test_dates_that_somebody_wrote_go_before_the_range_that_was_seen():
    assert view.given([("range", "7d"), ("from", "2026-10-01")]) == {"from": "2026-10-01"}
    assert view.given([("range", "7d"), ("from", " ")]) == {"range": "7d"}


def test_a_named_range_is_whole_days_of_the_zone_and_today_is_the_last():
    # In Berlin it is the 26th already, and the clocks went back within the range.
    found = view.range_of({"range": "7d"}, workspace(), NOW)
    assert local(found.from_ms, "Europe/Berlin") == "2026-10-20T00:00:00+02:00"
    assert found.to_ms is None
    found = view.range_of({"range": "7d", "timezone": "America/New_York"}, workspace(), NOW)
    assert local(found.from_ms, "America/New_York") == "2026-10-19T00:00:00-04:00"
    assert view.range_of({"range": "all"}, workspace(), NOW) == view.range_of({}, workspace(), NOW)


def test_dates_are_midnights_of_the_zone_that_is_asked_for():
    found = view.range_of({"from": "2026-10-05", "to": "2026-10-06", "timezone": "Asia/Kolkata"}, workspace(), NOW)
    assert local(found.from_ms, "UTC") == "2026-10-04T18:30:00+00:00"
    assert found.to_ms is not None
    assert found.from_ms is not None
    assert found.to_ms - found.from_ms == 86_400_000


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"range": "8d"}, "range"),
        ({"range": "7d", "from": "2026-10-05"}, "range"),
        ({"from": "2026-10-06", "to": "2026-10-05"}, "to"),
        ({"from": "soon"}, "from"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
    ],
)
def test_a_range_that_cannot_be_is_refused_by_its_field(asked, field):
    with pytest.raises(InvalidInput) as caught:
        view.range_of(asked, workspace(), NOW)
    assert caught.value.field == field


def read(house, tenant, campaign, **asked):
    found = house.services.catalog.campaign(tenant.workspace.id, campaign)
    return view.read(house.services, tenant.workspace, found, asked)


def test_a_view_knows_when_its_campaign_was(house, sampled):
    span = sampled.client.get("/v1/campaigns/spring-sale").json()
    found = read(house, sampled, "spring-sale")
    first, last = (dt.datetime.fromisoformat(span[name]).timestamp() for name in ("first_event_at", "last_event_at"))
    assert (found.first_ms, found.last_ms) == (round(first * 1000), round(last * 1000))
    assert (found.timezone, found.traffic, found.grain) == ("Europe/Berlin", DEFAULT_TRAFFIC, "day")
    assert found.starts_ms == found.first_ms
    assert found.ends_ms == round(last * 1000) + 1


def test_the_grain_suits_the_length_unless_one_is_asked_for(house, sampled):
    assert read(house, sampled, "live-show-11", **{"from": "2026-11-08", "to": "2026-11-09"}).grain == "hour"
    assert read(house, sampled, "spring-sale", grain="month").grain == "month"
    with pytest.raises(UnknownName, match="grain"):
        read(house, sampled, "spring-sale", grain="minute")


def test_a_grain_is_refused_where_it_would_have_too_many_steps(house, tenant):
    for day in ("2025-01-01", "2026-01-01"):
        tenant.send({"type": "opened", "time": f"{day}T12:00:00Z", "campaign": "long", "recipient": "a"})
    assert tenant.stats("opened")["totals"] == {"opened": 2}
    assert read(house, tenant, "long").grain == "week"
    with pytest.raises(InvalidInput, match="too long to be shown by the hour"):
        read(house, tenant, "long", grain="hour")
    assert read(house, tenant, "long", grain="hour", **{"from": "2025-12-31"}).grain == "hour"


def test_names_of_metrics_and_classes_are_checked(house, sampled):
    assert read(house, sampled, "cards", metrics="opened,opened,clicked").metrics == ("opened", "clicked")
    assert read(house, sampled, "cards", traffic="all").traffic == TRAFFIC_CLASSES
    with pytest.raises(UnknownName, match="opend"):
        read(house, sampled, "cards", metrics="opend")
    with pytest.raises(UnknownName, match="robots"):
        read(house, sampled, "cards", traffic="robots")
    nine = "sent,delivered,opened,clicked,bounced,failed,skipped,queued,replied"
    with pytest.raises(InvalidInput, match="at most 8"):
        read(house, sampled, "cards", metrics=nine)


def test_a_question_of_a_view_says_all_of_it(house, sampled):
    found = read(house, sampled, "cards", timezone="Asia/Kolkata", traffic="human", **{"from": "2026-11-10"})
    asked = found.question(("opened",), ("day",), rows_only=True)
    assert (asked.workspace, asked.timezone, asked.traffic) == (sampled.workspace.id, "Asia/Kolkata", ("human",))
    assert (asked.from_ms, asked.to_ms, asked.rows_only) == (found.from_ms, None, True)
    assert [(one.dimension, one.values) for one in asked.filters] == [("campaign", ("cards",))]
