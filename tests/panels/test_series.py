"""Metrics over time are what the API says, with nothing left out between."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.panels.looking import look, made_up, shown

from turnout.panels import picture, revenue, series
from turnout.panels.contract import words
from turnout.stats.answer import Answer
from turnout.stats.metrics import METRICS

CHOSEN = "unique_opened,clicked,open_rate,revenue,conversions"

VIEWS = (
    {"grain": "day"},
    {"grain": "hour", "timezone": "Asia/Kolkata", "from_": "2026-11-06T12:00", "to": "2026-11-08", "traffic": "all"},
    {"grain": "week", "timezone": "America/St_Johns"},
    {"grain": "month", "from_": "2026-11-07", "traffic": "scanner"},
)


@pytest.mark.parametrize("query", VIEWS)
def test_every_bucket_is_the_api_s_and_the_rest_is_nothing(house, sampled, query):
    table = shown(house, sampled, series.draw, "spring-sale", metrics=CHOSEN, **query).table
    grain = query["grain"]
    asked = {name: value for name, value in query.items() if name != "grain"}
    told = sampled.stats(CHOSEN, dimensions=grain, campaign="spring-sale", **asked)
    by_label = {row[grain]: row for row in told["rows"]}
    names = CHOSEN.split(",")
    assert {row[grain] for row in table.rows} >= set(by_label)
    for row in table.rows:
        answered = by_label.get(row[grain])
        for name in names:
            nothing = {"ratio": None, "money": {}}.get(METRICS[name].kind, 0)
            assert plain(row[name]) == (answered[name] if answered else nothing), (row[grain], name)
    assert {name: plain(table.total[name]) for name in names} == {name: told["totals"][name] for name in names}


def plain(value):
    """A value as JSON has it."""
    return {code: str(amount) for code, amount in value.items()} if isinstance(value, dict) else value


def test_hours_without_events_are_there_too(house, tenant):
    times = ["2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T05:00:00Z"]
    tenant.send(*({"type": "sent", "time": time, "campaign": "night", "recipient": "a"} for time in times))
    found = shown(house, tenant, series.draw, "night", timezone="Europe/Berlin", metrics="sent", grain="hour")
    assert [(row["hour"][11:13] + row["hour"][19:], row["sent"]) for row in found.table.rows] == [
        ("01+02:00", 1), ("02+02:00", 1), ("02+01:00", 1), ("03+01:00", 0), ("04+01:00", 0), ("05+01:00", 0),
        ("06+01:00", 1),
    ]  # fmt: skip
    assert "Europe/Berlin" in found.words[0]


@pytest.mark.parametrize(
    ("campaign", "names"),
    [
        ("spring-sale", ["unique_opened", "unique_clicked", "conversions", "unsubscribed"]),
        ("cards", ["unique_impression", "unique_clicked", "conversions"]),
        ("sms-flash", ["unique_clicked", "conversions", "unique_replied", "unsubscribed"]),
        ("live-show-12", ["viewers", "unique_product_clicked"]),
        ("stock-hook", ["sent", "failed"]),
    ],
)
def test_what_suits_a_campaign_is_shown_where_nothing_is_chosen(house, sampled, campaign, names):
    table = shown(house, sampled, series.draw, campaign).table
    assert [column.name for column in table.columns[1:]] == names


def test_no_two_units_share_an_axis(house, sampled):
    names = ["unique_opened", "open_rate", "revenue", "viewing_time_s", "clicked"]
    found = shown(house, sampled, series.draw, "spring-sale", metrics=",".join(names))
    plots, _ = series.plots_of(names, found.table.rows)
    labels = [[line.label for line in plot.lines] for plot in plots]
    assert labels == [
        ["Unique opened", "Clicked"], ["Open rate"], ["Revenue, USD"], ["Revenue, EUR"], ["Viewing time"],
    ]  # fmt: skip
    colours = {line.label.partition(",")[0]: line.colour for plot in plots for line in plot.lines}
    assert colours == {words(name): place for place, name in enumerate(names)}
    assert len(found.spec["vconcat"]) == 5


def test_words_say_that_recipients_of_days_do_not_add_up_only_where_there_are_any(house, sampled):
    distinct = shown(house, sampled, series.draw, "spring-sale", metrics="unique_opened")
    assert any("don't add up" in sentence for sentence in distinct.words)
    counts = shown(house, sampled, series.draw, "spring-sale", metrics="opened")
    assert not any("don't add up" in sentence for sentence in counts.words)
    rates = shown(house, sampled, series.draw, "spring-sale", metrics="open_rate")
    assert any("more than 100 %" in sentence for sentence in rates.words)
    averages = shown(house, sampled, series.draw, "live-show-12", metrics="average_viewing_time_s", grain="hour")
    assert not any("more than 100 %" in sentence for sentence in averages.words)


def test_a_range_that_is_too_long_for_its_grain_says_so(tenant):
    day_ms = 86_400_000
    view = made_up(tenant.workspace, first_ms=0, last_ms=60 * day_ms, grain="hour", metrics=("sent",))
    asked = []

    def ask(question):
        asked.append(question.dimensions)
        return Answer(question, [], {"sent": 0}, 0)

    found = series.draw(view, ask)
    assert asked == [("day",)]
    assert len(found.table.rows) == 61
    assert "By the hour there may be more than 800 points." in found.words[0]


def test_currencies_that_are_not_drawn_are_named(tenant):
    codes = ["AAA", "BBB", "CCC", "DDD", "EEE", "FFF"]
    view = replace(made_up(tenant.workspace, first_ms=0, last_ms=1), metrics=("revenue",))
    money = {code: Decimal("1.10") for code in codes}

    def ask(question):
        return Answer(question, [{"day": "1970-01-01", "revenue": money}], {"revenue": money}, 1)

    found = series.draw(view, ask)
    assert len(found.spec["vconcat"]) == 4
    assert found.words[-1].endswith("more currencies than are drawn: EEE and FFF.")
    assert found.table.rows[0]["revenue"] == money


def test_a_rate_of_nothing_is_a_gap_and_a_lonely_one_is_a_point(house, sampled):
    found = shown(house, sampled, series.draw, "spring-sale", metrics="open_rate", grain="day")
    values = [row["value"] for row in found.spec["data"]["values"]]
    assert None in values
    points = found.spec["layer"][1]["data"]["values"]
    assert [point["value"] for point in points] == [value for value in values if value is not None]


def test_a_bucket_says_all_that_is_in_it(house, sampled):
    found = shown(house, sampled, series.draw, "spring-sale", metrics="unique_opened,revenue", timezone="UTC")
    svg = house.services.renderer.svg(found.spec)
    (row, *_) = found.table.rows
    assert f"{row['day']} · Unique opened {row['unique_opened']:,}" in svg
    assert re.search(rf"{row['day']} · Revenue, EUR EUR [\d,]+\.\d\d", svg)
    assert "NaN" not in svg


def test_what_is_credited_after_the_campaign_s_own_last_event_is_seen(house, tenant):
    tenant.client.put("/v1/campaigns/slow", json={"goals": [{"event": "purchased", "window_s": 864_000}]})
    bought = {"type": "purchased", "recipient": "a", "amount": 5, "currency": "EUR", "time": "2026-11-05T10:00:00Z"}
    tenant.send({"type": "sent", "campaign": "slow", "recipient": "a", "time": "2026-11-02T10:00:00Z"}, bought)
    query = {"from_": "2026-11-04", "to": "2026-11-07"}
    for draw in (series.draw, revenue.draw):
        found = shown(house, tenant, draw, "slow", **query, grain="day")
        rows = [(row["day"], row["conversions"]) for row in found.table.rows]
        assert rows == [("2026-11-04", 0), ("2026-11-05", 1)]
        assert found.table.total["conversions"] == 1
    assert picture.caption(look(house, tenant, "slow", **query)) == "4 Nov 2026 – 6 Nov 2026 (UTC), human and proxy"
    # Nothing is there before the send, nor where it could be but isn't.
    assert shown(house, tenant, series.draw, "slow", to="2026-11-01", metrics="conversions").empty
    assert shown(house, tenant, series.draw, "slow", from_="2026-11-06", metrics="conversions").empty


def test_a_campaign_without_events_says_so(house, sampled):
    assert shown(house, sampled, series.draw, "summer-preview").empty
