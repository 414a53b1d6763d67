"""On which days a series shows what a campaign is credited with: windows that cut between a touch and a deed."""

from __future__ import annotations

import datetime as dt
from typing import Any

#: The window is October 5 to 7; a goal of five days, so that much lies outside of it.
DAYS = ("2026-10-05", "2026-10-06", "2026-10-07")
GOALS = [{"event": "purchased", "window_s": 5 * 86_400}]


def at(day: int, hour: int = 12) -> str:
    """An hour of a day of October."""
    return f"2026-10-{day:02}T{hour:02}:00:00Z"


def sent(day: int, hour: int = 12, recipient: str = "r", **more: Any) -> dict[str, Any]:
    of = {"campaign": "c", "channel": "email", "variation": "a"}
    return {"type": "sent", "time": at(day, hour), "recipient": recipient, **of, **more}


def bought(day: int, hour: int = 12, recipient: str = "r", **more: Any) -> dict[str, Any]:
    return {"type": "purchased", "time": at(day, hour), "recipient": recipient, "amount": 2, **more}


def said(day: int, hour: int = 12, recipient: str = "r", **more: Any) -> dict[str, Any]:
    return {"type": "converted", "time": at(day, hour), "recipient": recipient, "campaign": "c", "amount": 3, **more}


#: Events, and by day: conversions, conversions by the day of the send, and revenue.
CASES: dict[str, tuple[list[dict[str, Any]], list[int], list[int], list[float]]] = {
    "within the window": ([sent(5), bought(6)], [0, 1, 0], [1, 0, 0], [0, 2, 0]),
    "sent before it": ([sent(4), bought(6)], [0, 1, 0], [0, 0, 0], [0, 2, 0]),
    "done behind it": ([sent(7), bought(8)], [0, 0, 0], [0, 0, 1], [0, 0, 0]),
    "done behind it, after another touch there": ([sent(7), sent(8), bought(9)], [0, 0, 0], [0, 0, 0], [0, 0, 0]),
    "too late": ([sent(5, 12), bought(10, 13)], [0, 0, 0], [0, 0, 0], [0, 0, 0]),
    "before the touch": ([bought(5, 11), sent(5, 12)], [0, 0, 0], [0, 0, 0], [0, 0, 0]),
    "the first deed was before the window": ([sent(3), bought(4), bought(6)], [0, 0, 0], [0, 0, 0], [0, 2, 0]),
    "once a touch": ([sent(5), bought(6), bought(7)], [0, 1, 0], [1, 0, 0], [0, 2, 2]),
    "again after another touch": ([sent(5), bought(6), sent(7), bought(7, 13)], [0, 1, 1], [1, 0, 1], [0, 2, 2]),
    "an order once": (
        [sent(5), bought(5, 13, order="o"), sent(6), bought(6, 13, order="o")], [1, 0, 0], [1, 0, 0], [2, 0, 0],
    ),
    "an order that is older": ([bought(4, order="o"), sent(5), bought(6, order="o")], [0] * 3, [0] * 3, [0] * 3),
    "by another recipient": ([sent(5), bought(6, recipient="s")], [0] * 3, [0] * 3, [0] * 3),
    "touched by a bot": ([sent(5, traffic="bot"), bought(6)], [0] * 3, [0] * 3, [0] * 3),
    "by a bot": ([sent(5), bought(6, traffic="bot")], [0] * 3, [0] * 3, [0] * 3),
    "said and done": ([sent(5), bought(6), said(7)], [0, 0, 1], [1, 0, 0], [0, 2, 3]),
    "said long after the touch": ([sent(1), said(7)], [0, 0, 1], [0, 0, 0], [0, 0, 3]),
    "said of somebody unknown": ([said(6, recipient="")], [0, 1, 0], [0, 1, 0], [0, 3, 0]),
    "said of another goal": ([sent(5), said(6, goal=3)], [0] * 3, [0] * 3, [0] * 3),
    "in another currency": ([sent(5), bought(6, currency="EUR")], [0, 1, 0], [1, 0, 0], [0, 0, 0]),
    "of a purchase that names the campaign": ([bought(6, campaign="c", recipient="s")], [0] * 3, [0] * 3, [0, 2, 0]),
}  # fmt: skip


def ask(tenant: Any, name: str = "c", ending_at: str = "2026-10-08") -> list[dict[str, Any]]:
    one = tenant.client.get(f"/v1/campaigns/{name}").json()["uuid"]
    query = {"campaign_id": one, "length": "3", "ending_at": ending_at}
    answer = tenant.client.get("/campaigns/data_series", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def put(tenant: Any, name: str = "c", **fields: Any) -> None:
    tenant.client.put(f"/v1/campaigns/{name}", json={"channels": ["email"], **fields}).raise_for_status()


def earlier(moment: str, fortnights: int) -> str:
    """A date, or a time, that much before."""
    before = dt.datetime.fromisoformat(moment) - dt.timedelta(weeks=2 * fortnights)
    return before.strftime("%Y-%m-%dT%H:%M:%SZ")[: len(moment)]


def of_its_own(event: dict[str, Any], number: int, campaign: str) -> dict[str, Any]:
    """The event in a fortnight, by a person and of an order that no other case has."""
    own = {key: f"{event[key]}{number}" for key in ("recipient", "order") if event.get(key)}
    named = {"campaign": campaign} if event.get("campaign") else {}
    return {**event, **own, **named, "time": earlier(event["time"], number)}


def test_days_of_a_campaign(tenant: Any) -> None:
    """Cases with the same kinds of events share a campaign: what a campaign has none of is not looked for."""
    kinds = [
        frozenset((event["type"], event.get("traffic"), "campaign" in event) for event in events)
        for events, *_ in CASES.values()
    ]
    campaigns = {kind: f"c{number}" for number, kind in enumerate(dict.fromkeys(kinds))}
    for name in campaigns.values():
        put(tenant, name, goals=GOALS)
    cases = [
        (number, campaigns[kind], *case) for number, (kind, case) in enumerate(zip(kinds, CASES.items(), strict=True))
    ]
    tenant.send(
        *(of_its_own(event, number, campaign) for number, campaign, _, (events, *_) in cases for event in events)
    )
    for number, campaign, name, (_, conversions, by_send_time, revenue) in cases:
        days = ask(tenant, campaign, earlier("2026-10-08", number))
        assert [day["time"] for day in days] == [earlier(day, number) for day in DAYS]
        assert [day["conversions"] for day in days] == conversions, name
        assert [day["conversions_by_send_time"] for day in days] == by_send_time, name
        assert [day["revenue"] for day in days] == revenue, name


def test_entries_and_the_control_group(tenant: Any) -> None:
    variations = [{"id": "a"}, {"id": "b"}, {"id": "z", "control": True}]
    put(tenant, goals=GOALS, variations=variations)
    tenant.send(
        sent(5), bought(6), sent(5, recipient="s", variation="b"), said(6, recipient="s"),
        {"type": "enrolled", "campaign": "c", "variation": "z", "recipient": "t", "time": at(5)}, bought(7, 12, "t"),
    )  # fmt: skip
    days = ask(tenant)

    def column(key: str) -> list[list[float]]:
        return [[entry[key] for entry in day["messages"]["email"]] for day in days]

    assert column("conversions") == [[0, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert column("conversions_by_send_time") == [[1, 1, 1], [0, 0, 0], [0, 0, 0]]
    assert column("revenue") == [[0, 0, 0], [2, 3, 0], [0, 0, 2]]
    # a day's totals leave the control group out
    assert [day["conversions"] for day in days] == [0, 2, 0]
    assert [day["revenue"] for day in days] == [0, 5, 0]


def test_without_goals_only_what_is_said_counts(tenant: Any) -> None:
    put(tenant)
    tenant.send(sent(5), bought(6), said(6, goal=2), said(7))
    days = ask(tenant)
    assert [(day["conversions"], day["conversions2"]) for day in days] == [(0, 0), (0, 1), (1, 0)]
    assert [(day["conversions_by_send_time"], day["conversions2_by_send_time"]) for day in days] == [
        (1, 1), (0, 0), (0, 0),
    ]  # fmt: skip
    assert [day["revenue"] for day in days] == [0, 0, 3]


def test_a_goal_that_is_set_later_counts_what_was_before(tenant: Any) -> None:
    put(tenant)
    tenant.send(sent(5), bought(6))
    assert [day["conversions"] for day in ask(tenant)] == [0, 0, 0]
    put(tenant, goals=GOALS)
    assert [day["conversions"] for day in ask(tenant)] == [0, 1, 0]


def test_another_workspace_credits_nothing(make_tenant: Any) -> None:
    mine, theirs = make_tenant(), make_tenant()
    for tenant, event in ((mine, sent(5)), (theirs, bought(6))):
        put(tenant, goals=GOALS)
        tenant.send(event)
    for tenant in (mine, theirs):
        assert [(day["conversions"], day["revenue"]) for day in ask(tenant)] == [(0, 0.0)] * 3
