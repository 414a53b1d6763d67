"""Campaigns counted from their sends: the points of a curve, held against a count by hand."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace

import pytest
from msgspec import structs

from turnout.model import Campaign, Variation
from turnout.panels import comparison
from turnout.panels.comparison import POINTS_H, Comparison, Send
from turnout.stats.answer import Answer

HOUR_MS = 3_600_000
SENT = dt.datetime(2026, 10, 5, 8, 37, 21, tzinfo=dt.UTC)
ZERO = dt.datetime(2026, 10, 5, 8, 30, tzinfo=dt.UTC)


def milliseconds(moment: dt.datetime) -> int:
    return round(moment.timestamp() * 1000)


def made(tenant, metric="unique_clicked", *, hours=100, length="hours", until_h=200) -> Comparison:
    campaign = Campaign(id="autumn", title="Autumn", created_at=SENT, updated_at=SENT)
    send = Send(campaign, "Autumn", milliseconds(SENT), milliseconds(ZERO) + until_h * HOUR_MS)
    return Comparison(
        tenant.workspace, (send,), metric, length, "UTC", ("human", "proxy"), milliseconds(ZERO) + hours * HOUR_MS
    )


def test_hours_count_from_the_quarter_of_the_send(tenant):
    (send,) = made(tenant).sends
    assert send.zero_ms == milliseconds(ZERO)


def test_every_point_counts_each_person_once(house, tenant):
    rng = random.Random(6)
    clicks = [(rng.expovariate(1 / 9), f"r{rng.randrange(40)}") for _ in range(150)]
    clicks += [(2.0, "on the hour"), (-0.2, "before its time"), (71.99, "late")]
    tenant.client.put("/v1/campaigns/autumn", json={"started_at": SENT.isoformat()})
    tenant.send(
        *(
            {
                "type": "clicked",
                "time": (ZERO + dt.timedelta(hours=hour)).isoformat(),
                "campaign": "autumn",
                "recipient": who,
                "id": f"c{place}",
            }
            for place, (hour, who) in enumerate(clicks)
        )
    )
    assert tenant.stats("clicked")["totals"] == {"clicked": len(clicks)}
    asked = made(tenant)
    answers = {hour: house.services.statistics.ask(one) for hour, one in asked.questions(asked.sends[0])}
    found = comparison.curve(asked, asked.sends[0], answers)
    assert dict(found) == {hour: len({who for at_h, who in clicks if at_h < hour}) for hour in POINTS_H["hours"]}
    # Hours' own distinct people would be more: some come back.
    assert sum(len({who for at, who in clicks if hour <= at < hour + 1}) for hour in range(72)) > found[72]


def test_nothing_is_asked_that_is_not_over_or_cannot_have_changed(tenant):
    hours = lambda one: [hour for hour, _ in one.questions(one.sends[0])]  # noqa: E731
    assert hours(made(tenant, hours=4)) == [1, 2, 3, 4]
    assert hours(made(tenant, hours=0)) == []
    # The first point after the last event is as far as it comes.
    assert hours(made(tenant, until_h=7)) == [1, 2, 3, 4, 6, 8]
    # But a purchase may be credited to it later.
    assert hours(made(tenant, "conversion_rate", until_h=7)) == list(POINTS_H["hours"])
    assert len(hours(made(tenant, hours=9999, until_h=9999, length="days"))) == len(POINTS_H["days"])


def answers(asked: Comparison, values: dict[int, object]) -> dict[int, Answer]:
    questions = dict(asked.questions(asked.sends[0]))
    return {hour: Answer(questions[hour], [{asked.metric: value}], {}, 1) for hour, value in values.items()}


def test_a_curve_stays_where_it_was_after_the_last_event(tenant):
    asked = made(tenant, hours=13, until_h=2)
    found = comparison.curve(asked, asked.sends[0], answers(asked, {1: 5, 2: 9}))
    assert found == {1: 5, 2: 9, 3: 9, 4: 9, 6: 9, 8: 9, 12: 9}
    shown = comparison.progress(asked, [found])
    assert [(row["after"], row["send_0"]) for row in shown.table.rows][:2] == [("1 h", 5), ("2 h", 9)]
    assert {column.name_in(shown.table.rows[0]) for column in shown.table.columns} == {"after", "unique_clicked"}
    assert shown.spec is not None
    assert shown.spec["data"]["values"][2]["words"] == "Autumn · after 2 h · Unique clicked 9"


def test_the_pace_is_what_came_new_in_each_stretch(tenant):
    asked = made(tenant, hours=8, until_h=9)
    found = comparison.curve(asked, asked.sends[0], answers(asked, {1: 5, 2: 9, 3: 9, 4: 9, 6: 9, 8: 13}))
    spec = comparison.pace(asked, [found]).spec
    assert spec is not None
    drawn = [(one["hours"], one["value"]) for one in spec["data"]["values"]]
    assert drawn == [(0, 5), (1, 4), (2, 0), (3, 0), (4, 0), (6, 2), (8, 2)]
    assert comparison.pace(made(tenant, "open_rate"), [{1: 0.5}]).spec is None


def test_a_rate_begins_where_somebody_can_have_done_it(tenant):
    asked = made(tenant, "open_rate", hours=2, until_h=9)
    found = comparison.curve(asked, asked.sends[0], answers(asked, {1: None, 2: 0.25}))
    shown = comparison.progress(asked, [found])
    assert shown.spec is not None
    assert [one["value"] for one in shown.spec["data"]["values"]] == [0.25]


def test_who_was_just_sent_has_no_curve_yet(tenant):
    shown = comparison.progress(made(tenant, hours=0), [{}])
    assert shown.spec is None
    assert shown.empty


@pytest.mark.parametrize(
    ("people", "of", "expected"),
    # Method 3 of R. G. Newcombe, Statist. Med. 17 (1998) 857, table I.
    [
        (81, 263, "25.5 % to 36.6 %"),
        (15, 148, "6.24 % to 16.0 %"),
        (0, 20, "0.00 % to 16.1 %"),
        (1, 29, "0.61 % to 17.2 %"),
        (3, 2, None),
        (0, 0, None),
    ],
)
def test_intervals_in_words(people, of, expected):
    row = {"open_rate": None, "open_rate_numerator": people, "open_rate_denominator": of}
    assert comparison.interval(row, "open_rate") == expected
    assert comparison.interval({}, "open_rate") is None


def test_campaigns_of_one_name_are_told_apart():
    def called(name: str, title: str) -> Campaign:
        return Campaign(id=name, title=title, created_at=SENT, updated_at=SENT)

    titles = comparison.named([called("a", "Sale"), called("b", "Sale"), called("c", ""), called("d", "x" * 80)])
    assert titles == ("Sale (a, 1)", "Sale (b, 2)", "c", "x" * 31 + "…")
    same = comparison.named([called("l" * 40 + "1", "T"), called("l" * 40 + "2", "T")])
    assert len(set(same)) == 2


def test_hours_in_words():
    assert [comparison.after(hour) for hour in (1, 24, 36, 48, 720)] == ["1 h", "1 day", "36 h", "2 days", "30 days"]


def test_conversions_of_control_groups_are_told(tenant):
    asked = made(tenant)
    assert comparison.rates(asked, Answer(asked.totals_question(), [], {}, 0)).words == ()
    held = structs.replace(asked.sends[0].campaign, variations=(Variation(id="k", control=True),))
    asked = replace(asked, sends=(replace(asked.sends[0], campaign=held),))
    (said,) = comparison.rates(asked, Answer(asked.totals_question(), [], {}, 0)).words
    assert "control groups" in said
