"""A report's numbers are those of /v1/stats, and its words say which."""

from __future__ import annotations

import contextlib
import dataclasses
import threading

import pytest
from tests.conftest import SAMPLED_AT

from turnout.errors import Overloaded
from turnout.panels import view, wording
from turnout.panels.contract import View
from turnout.reports import document

QUERIES = [
    {},
    {"from": "2026-11-06", "to": "2026-11-08", "timezone": "America/New_York", "traffic": "all"},
]


def seen(house, tenant, campaign: str, **asked: str) -> View:
    services = dataclasses.replace(house.services, now=lambda: SAMPLED_AT)
    workspace = house.services.catalog.workspace(tenant.workspace.id)
    services.writer.settle(workspace.id)
    return view.read(services, workspace, services.catalog.campaign(workspace.id, campaign), asked)


@pytest.mark.parametrize("asked", QUERIES)
def test_its_numbers_are_those_of_the_api(house, sampled, asked):
    made = document.make(seen(house, sampled, "spring-sale", **asked), house.services.statistics.ask)
    named = [one.card.name for one in made.figures]
    assert {"sent", "delivered", "unique_opened", "unique_clicked", "revenue"} <= set(named)
    rates = [one.card.rate for one in made.figures if one.card.rate]
    totals = sampled.stats(",".join((*named, *rates)), campaign="spring-sale", **asked)["totals"]
    for one in made.figures:
        expected = totals[one.card.name]
        if one.card.kind == "money":
            assert {code: str(amount) for code, amount in one.card.value.items()} == expected
        else:
            assert one.card.value == expected
            assert one.text == f"{expected:,}"
        if one.card.rate:
            assert one.card.rate_value == totals[one.card.rate]
            assert wording.percent(totals[one.card.rate]) in one.rate_text


def test_a_show_s_report_has_what_a_show_has(house, sampled):
    made = document.make(seen(house, sampled, "live-show-12"), house.services.statistics.ask)
    figures = {one.card.name: one for one in made.figures}
    totals = sampled.stats("viewers,peak_concurrent_viewers,viewing_time_s", campaign="live-show-12")["totals"]
    assert {name: figures[name].card.value for name in totals} == totals
    assert "min" in figures["viewing_time_s"].text
    assert {"concurrency", "reactions"} <= {part.panel.name for part in made.parts}
    assert not {"funnel", "variations", "mailboxes"} & {part.panel.name for part in made.parts} - {"funnel"}


def test_what_has_nothing_to_show_is_left_out(house, sampled):
    made = document.make(seen(house, sampled, "summer-preview"), house.services.statistics.ask)
    assert made.is_empty
    assert made.parts == ()
    assert made.span == "no events yet (Europe/Berlin)"
    sold = document.make(seen(house, sampled, "spring-sale"), house.services.statistics.ask)
    assert not sold.is_empty
    assert "concurrency" not in {part.panel.name for part in sold.parts}


def test_every_metric_in_it_is_defined_once(house, sampled):
    made = document.make(seen(house, sampled, "spring-sale"), house.services.statistics.ask)
    names = [name for name, _ in made.definitions]
    assert len(names) == len(set(names))
    assert {"Sent", "Open rate", "Revenue"} <= set(names)
    assert all(definition for _, definition in made.definitions)
    # Of the hours of the week there is a chart alone: no column of it needs a definition.
    assert "hours" in {part.panel.name for part in made.parts}
    assert not {name for name in names if name.startswith("Opened mon")}


@pytest.mark.parametrize(
    ("asked", "span"),
    [
        ({"from": "2026-11-06", "to": "2026-11-09"}, "6 Nov 2026 – 8 Nov 2026 (Europe/Berlin)"),
        ({"from": "2026-11-06", "to": "2026-11-07"}, "6 Nov 2026 (Europe/Berlin)"),
        ({"from": "2026-11-06T12:00"}, "6 Nov 2026, 12:00 – 18 Nov 2026, 16:30 (Europe/Berlin)"),
        ({"range": "7d", "timezone": "UTC"}, "12 Nov 2026 – 18 Nov 2026, 15:30 (UTC)"),
        ({}, "6 Nov 2026 – 10 Nov 2026 (Europe/Berlin)"),
        ({"timezone": "Pacific/Auckland"}, "6 Nov 2026 – 11 Nov 2026 (Pacific/Auckland)"),
    ],
)
def test_its_days_are_said_as_they_were_asked_for(house, sampled, asked, span):
    where = seen(house, sampled, "spring-sale", **asked)
    if set(asked) <= {"timezone"}:
        where = dataclasses.replace(where, first_ms=1_793_955_600_000, last_ms=1_794_346_200_000)
    assert document.span(where) == span


def test_a_range_before_the_first_event_does_not_end_before_it_begins(house, sampled):
    assert document.span(seen(house, sampled, "spring-sale", to="2026-01-01")) == (
        "the beginning – 31 Dec 2025 (Europe/Berlin)"
    )


def test_hours_of_the_week_are_a_chart_and_say_where_their_numbers_are(house, sampled):
    made = document.make(seen(house, sampled, "spring-sale"), house.services.statistics.ask)
    (hours,) = [part for part in made.parts if part.panel.name == "hours"]
    assert (hours.shown.table.rows, hours.rest) == ((), "The numbers behind it are on the dashboard.")


def test_what_does_not_count_is_said():
    assert document.counted(("human", "proxy")) == (
        "Counts human and proxy traffic; prefetch, preview, scanner and bot are left out."
    )
    assert document.counted(("human", "proxy", "prefetch", "preview", "scanner")).endswith("; bot is left out.")
    everything = ("human", "proxy", "prefetch", "preview", "scanner", "bot")
    assert document.counted(everything) == "Counts all traffic, that of machines too."


def test_only_so_many_are_made_or_waited_for(monkeypatch):
    def refused(*, is_patient: bool = False) -> bool:
        try:
            with document.turn(is_patient=is_patient):
                return False
        except Overloaded:
            return True

    monkeypatch.setattr(document, "_WAIT_S", 0.01)
    with contextlib.ExitStack() as under_way:
        for _ in range(document.LIMIT_AT_ONCE):
            under_way.enter_context(document.turn())
        assert refused()
        assert refused(is_patient=True)
    # Where too many wait already nobody joins them, but who has a thread of their own.
    monkeypatch.setattr(document, "_waiting", threading.BoundedSemaphore(1))
    with document.turn():
        assert refused()
        assert not refused(is_patient=True)
    assert not refused()
