"""Revenue and conversions are the API's, exact, and no currency is added to another."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.panels.looking import answering, made_up, shown, totals

from turnout.model import Goal, Variation
from turnout.panels import revenue

NAMES = {
    "spring-sale": ["revenue", "revenue_1", "conversions", "conversions_1"],
    "app-push": ["conversions"],
}


def plain(value):
    """A value as JSON has it."""
    return {code: str(amount) for code, amount in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize(
    ("campaign", "query"),
    [
        ("spring-sale", {}),
        ("spring-sale", {"timezone": "Asia/Kolkata", "from_": "2026-11-07", "traffic": "human"}),
        ("app-push", {}),
    ],
)
def test_every_bucket_is_the_api_s(house, sampled, campaign, query):
    names = NAMES[campaign]
    table = shown(house, sampled, revenue.draw, campaign, grain="day", **query).table
    told = sampled.stats(",".join(names), dimensions="day", campaign=campaign, **query)
    if not query:
        assert [column.name for column in table.columns] == ["day", *names]
    by_day = {row["day"]: row for row in told["rows"]}
    assert {row["day"] for row in table.rows} >= {
        row["day"] for row in told["rows"] if any(row[name] for name in names)
    }
    for row in table.rows:
        for column in table.columns[1:]:
            nothing = {} if column.kind == "money" else 0
            assert plain(row[column.name]) == by_day.get(row["day"], {}).get(column.name, nothing)
    for column in table.columns[1:]:
        assert plain(table.total[column.name]) == told["totals"][column.name]


def test_who_got_it_before_the_range_is_no_part_of_who_got_it_there(tenant):
    numbers = {"conversions": 3, "unique_conversions": 3, "unique_delivered": 2}
    view = made_up(tenant.workspace, first_ms=0, last_ms=1)
    found = revenue.draw(view, lambda question: replace(answering(numbers)(question), rows=_rows(question, numbers)))
    assert found.words[0] == "3 conversions by 3 recipients."


def _rows(question, numbers):
    row = {name: numbers.get(name, 0) for name in question.metrics}
    return [{**row, **dict.fromkeys(question.dimensions, "1970-01-01")}]


def test_words_have_the_sums_and_what_they_are_of(house, sampled):
    found = shown(house, sampled, revenue.draw, "spring-sale")
    told = totals(sampled, "unique_conversions,conversions,unique_delivered,revenue,conversion_rate", "spring-sale")
    delivered = told["unique_delivered"]
    words = " ".join(found.words)
    assert f"{told['conversions']:,} conversions by {told['unique_conversions']:,} recipients" in words
    assert f"{told['conversion_rate'] * 100:.2f} % of the {delivered:,} who got it" in words
    for code, amount in told["revenue"].items():
        assert f"{code} {Decimal(amount):,.2f}" in words
        assert f"{code} {Decimal(amount) / delivered:.4f}".rstrip("0") in words
    assert "control group" in words


def test_goals_are_named_as_the_campaign_names_them(house, sampled):
    found = shown(house, sampled, revenue.draw, "onboarding")
    assert [column.label for column in found.table.columns[1:]] == [
        "Revenue", "Conversions: performed profile_completed", "Conversions of goal 1: purchased",
    ]  # fmt: skip
    assert found.words[0].endswith("Counted is 'performed profile_completed' within 7 days after 'clicked'.")
    assert found.words[1].endswith("Counted is 'purchased' within 7 days after 'delivered'.")


def test_an_average_is_exact_to_the_fourth_digit():
    amounts = {"EUR": Decimal("100.00"), "JPY": Decimal(7)}
    assert revenue.per_recipient(amounts, 3) == {"EUR": Decimal("33.3333"), "JPY": Decimal("2.3333")}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(259_200, "3 days"), (86_400, "1 day"), (10_800, "3 hours"), (5400, "90 minutes"), (61, "61 seconds")],
)
def test_windows_are_said_in_the_largest_unit_that_fits(tenant, seconds, text):
    campaign = {"goals": (Goal(event="purchased", window_s=seconds, after="opened"),)}
    view = made_up(tenant.workspace, campaign=campaign, first_ms=0, last_ms=1)
    found = revenue.draw(view, answering({"conversions": 1, "unique_conversions": 1}))
    assert f"Counted is 'purchased' within {text} after 'opened'." in found.words[0]


def test_a_hostile_name_of_a_goal_stays_text_and_short(house, tenant):
    name = '<script>alert(1)</script>"]; datum.x; ["' + "x" * 200
    campaign = {"goals": (Goal(event="performed", name=name),), "variations": (Variation(id="a"),)}
    view = made_up(tenant.workspace, campaign=campaign, first_ms=0, last_ms=1)
    found = revenue.draw(view, answering({"conversions": 5, "unique_conversions": 4, "sent": 9, "unique_sent": 8}))
    (column,) = found.table.columns[1:]
    assert len(column.label) < 60
    svg = house.services.renderer.svg(found.spec)
    assert "<script" not in svg
    assert "alert(1)" in svg


def test_a_currency_that_only_one_goal_has_is_no_line_along_zero_for_the_other(house, sampled):
    found = shown(house, sampled, revenue.draw, "spring-sale")
    domains = [plot["encoding"]["color"]["scale"]["domain"] for plot in found.spec["vconcat"]]
    assert sorted(map(len, domains)) == [1, 2, 2]
    assert ["Revenue, USD"] in domains
    svg = house.services.renderer.svg(found.spec)
    assert "Revenue of goal 1, EUR EUR " in svg
    assert "NaN" not in svg


def test_a_campaign_that_led_to_nothing_says_what_would_count(house, sampled):
    found = shown(house, sampled, revenue.draw, "stock-hook")
    assert "goals" in found.empty
    assert found.spec is None
