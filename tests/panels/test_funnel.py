"""The funnel says what the API says, and its shares are of what they say."""

from __future__ import annotations

import pytest
from tests.panels.looking import answering, look, made_up, shown, totals

from turnout.model import Goal
from turnout.panels import funnel
from turnout.stats.metrics import METRICS

VIEWS = (
    {},
    {"timezone": "Asia/Kolkata", "from_": "2026-11-06", "to": "2026-11-08", "traffic": "all"},
    {"timezone": "America/St_Johns", "from_": "2026-11-07", "traffic": "scanner,prefetch"},
)


@pytest.mark.parametrize(
    ("campaign", "query"),
    [*(("spring-sale", query) for query in VIEWS), ("app-push", {}), ("sms-flash", {}), ("live-show-12", {})],
)
def test_every_number_is_the_api_s(house, sampled, campaign, query):
    table = shown(house, sampled, funnel.draw, campaign, **query).table
    cells = {
        name: row[column.name]
        for row in table.rows
        for column in table.columns
        if (name := column.name_in(row)) in METRICS
    }
    if not query:
        assert len(cells) >= 3
    if cells:
        told = totals(sampled, ",".join(cells), campaign, **query)
        assert cells == {name: told[name] for name in cells}


STEPS = {
    "spring-sale": ["Sent", "Delivered", "Opened", "Clicked", "Converted"],
    "app-push": ["Sent", "of them opted in", "Opened", "Clicked", "Converted"],
    "sms-flash": ["Queued", "Sent", "Taken by the carrier", "Delivered", "Clicked", "Converted"],
    "cards": ["Sent", "Seen", "Clicked", "Converted"],
    "live-show-12": ["Watched", "of them logged in", "Clicked a product"],
    "stock-hook": ["Sent"],
}


@pytest.mark.parametrize(("campaign", "steps"), STEPS.items())
def test_a_campaign_shows_the_steps_that_it_has(house, sampled, campaign, steps):
    table = shown(house, sampled, funnel.draw, campaign).table
    assert [row["step"] for row in table.rows[: len(table.rows) - table.quiet_count]] == steps


def test_a_column_is_defined_as_what_it_is_not_as_the_metric_of_that_name():
    notes = {column.name: column.definition for column in funnel._COLUMNS}
    assert all(notes.values())
    assert METRICS["recipients"].definition not in notes.values()
    assert METRICS["events"].definition not in notes.values()


MAIL = {
    "sent": 110, "unique_sent": 100, "sent_opted_in": 81, "unique_sent_opted_in": 80, "opened": 70,
    "unique_opened": 40, "clicked": 12, "unique_clicked": 10, "conversions": 25, "unique_conversions": 20,
    "skipped": 6, "unique_skipped": 5, "bounced": 9, "unique_bounced": 8,
}  # fmt: skip


def rows_of(view, numbers):
    return {row["step"]: row for row in funnel.draw(view, answering(numbers)).table.rows}


def test_shares_are_of_the_first_step_and_of_the_one_before(tenant):
    rows = rows_of(made_up(tenant.workspace), MAIL)
    shares = {step: (row["of_first"], row["of_before"]) for step, row in rows.items()}
    assert shares == {
        "Sent": (None, None),
        "of them opted in": (0.8, 0.8),
        # A part of a step is not a step that everybody goes through.
        "Opened": (0.4, 0.4),
        "Clicked": (0.1, 0.25),
        # Nobody says what its conversions count from.
        "Converted": (0.2, None),
        # Who was skipped was never sent anything.
        "Skipped": (None, None),
        "Bounced": (0.08, None),
    }


@pytest.mark.parametrize(("touch", "share"), [("sent", 0.2), ("opened", 0.5), ("clicked", 2.0), ("impression", None)])
def test_who_converted_is_compared_with_whom_the_goal_counts_from(tenant, touch, share):
    view = made_up(tenant.workspace, campaign={"goals": (Goal(event="purchased", after=touch),)})
    assert rows_of(view, MAIL)["Converted"]["of_before"] == share


def test_events_without_recipients_are_counted_as_events(tenant):
    found = funnel.draw(made_up(tenant.workspace), answering({"sent": 8, "opened": 2}))
    assert [row["recipients"] for row in found.table.rows] == [0, 0]
    assert [value["count"] for value in found.spec["data"]["values"]] == [8, 2]
    assert "Sent: 8 events; Opened: 2 events" in found.alt
    assert "no recipients" in found.words[0]


def test_bars_say_what_they_are_of(house, sampled):
    found = shown(house, sampled, funnel.draw, "spring-sale")
    svg = house.services.renderer.svg(found.spec)
    assert "Delivered: 3,510 recipients, 97.5 % of sent" in svg
    assert "NaN" not in svg


def test_a_campaign_without_events_says_what_would_be_here(house, sampled):
    found = shown(house, sampled, funnel.draw, "summer-preview")
    assert found.empty
    assert found.spec is None
    assert not found.table.rows


def test_what_machines_did_is_said_though_nothing_of_it_counts(house, sampled):
    view = look(house, sampled, "spring-sale", traffic="bot")
    found = funnel.draw(view, house.services.statistics.ask)
    assert found.excluded["human"] > 3600
    assert {row["step"] for row in found.table.rows} <= {"Unsubscribed", "Complained of spam"}
