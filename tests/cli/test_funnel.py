"""Which lines a campaign's page has, and the values in them."""

from __future__ import annotations

from turnout.cli import funnel
from turnout.stats.metrics import METRICS
from turnout.stats.question import LIMIT_METRICS

EVERYTHING = dict.fromkeys(funnel.PROBES, 1)


def test_every_name_is_a_metric_and_all_of_them_fit_a_question():
    names = funnel.metrics(EVERYTHING)
    for name in (*names, *funnel.PROBES, *funnel.DAILY, *funnel.OVERVIEW):
        assert name in METRICS, name
    assert len(set(names)) == len(names) <= LIMIT_METRICS
    assert all(METRICS[name].additive for name in funnel.PROBES)


def test_a_rate_is_of_what_the_dictionary_says():
    for step in funnel.STEPS:
        if step.rate:
            metric = METRICS[step.rate]
            assert metric.denominator.removeprefix("unique_") == step.of
            assert metric.numerator.removeprefix("unique_") in (step.count, "converted")


def test_only_what_has_data_is_asked_for():
    assert funnel.metrics({"sent": 5, "delivered": 0, "opened": 2}) == [
        "sent",
        "unique_sent",
        "sent_opted_in",
        "opened",
        "unique_opened",
        "opened_direct",
        "opened_influenced",
    ]
    assert funnel.metrics({}) == ["events", "recipients"]
    assert set(funnel.LIVE) <= set(funnel.metrics({"watched": 1}))


def test_lines_are_what_there_is():
    totals = {
        "sent": 10, "unique_sent": 9, "delivered": 8, "unique_delivered": 8, "delivery_rate": 0.8,
        "bounced": 2, "unique_bounced": 2, "bounce_rate": 0.2, "bounced_hard": 2, "bounced_soft": 0,
        "opened": 6, "unique_opened": 4, "open_rate": 0.5, "opened_direct": 6,
        "clicked": 3, "unique_clicked": 2, "click_rate": 0.25, "click_to_open_rate": 0.5,
        "clicked_link": 2, "clicked_body": 1,
        "complained": 0, "complaint_rate": 0.0,
        "liked": 3, "unique_liked": 2, "liked_quantity": 12,
    }  # fmt: skip
    found = [(line.label, line.events, line.recipients, line.rate, line.of) for line in funnel.lines(totals)]
    assert found == [
        ("sent", 10, 9, None, ""),
        ("delivered", 8, 8, 0.8, "of sent"),
        ("bounced", 2, 2, 0.2, "of sent"),
        ("hard", 2, None, None, ""),
        ("opened", 6, 4, 0.5, "of delivered"),
        ("clicked", 3, 2, 0.25, "of delivered"),
        ("to open", None, None, 0.5, "of opened"),
        ("link", 2, None, None, ""),
        ("body", 1, None, None, ""),
        ("liked", 3, 2, None, "12 times"),
    ]


def test_days_without_events_are_zero_in_a_trend():
    rows = [
        {"day": "2026-02-28", "sent": 3},
        {"day": "2026-03-02", "sent": None, "revenue": {"EUR": "1.5", "USD": "2"}},
    ]
    assert funnel.every_day(rows, "sent") == [3, 0, 0]
    assert funnel.every_day(rows, "revenue") == [0, 0, 3.5]
    assert funnel.every_day([], "sent") == []
