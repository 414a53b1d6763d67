"""What campaigns are credited with, against the judge: worlds in which everything meets at few instants, and
questions that cut through them.

Chance is seeded, and even: hypothesis prefers few and small events, of which none is ever credited to another.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests import judge
from tests.judge import Asked, Judge
from tests.judge.hearing import Asker, hold

OpenWorkspace = Callable[..., Asker]

SECOND, HOUR, DAY = 1000, 3_600_000, 86_400_000
#: Zones with instants at which their clocks change, or a day begins.
CENTRES = [
    ("America/New_York", "2024-03-10T07:00:00Z"),
    ("Europe/Berlin", "2024-10-27T01:00:00Z"),
    ("Australia/Lord_Howe", "2024-04-06T15:00:00Z"),
    ("Asia/Kathmandu", "2024-02-29T18:15:00Z"),
    ("America/St_Johns", "2010-11-07T02:31:00Z"),
    ("UTC", "2024-01-01T00:00:00Z"),
]
#: The windows of goals, and steps from one instant to the next: some as long as a window, some a millisecond off.
GOAL_WINDOWS_S = [1, 10, 3600, 86_400, 3 * 86_400, 30 * 86_400]
STEPS_MS = [
    *(1, SECOND - 1, SECOND, 9 * SECOND, 10 * SECOND, 60 * SECOND, HOUR - SECOND, HOUR, 3 * HOUR, 3 * HOUR + 1),
    *(DAY - HOUR, DAY, DAY + 1, 3 * DAY, 14 * DAY - 1, 14 * DAY),
]
WINDOWS: list[dict[str, int]] = [{}, {}, {"influence_window_s": 86_400, "dormant_s": 10}, {"dormant_s": 3600}]
CAMPAIGNS = ["x", "x", "x", "y"]
PEOPLE = ["ann@ex.org"] * 12 + ["bob"] * 4 + [""]
TOUCHES = ("sent", "delivered", "enrolled", "opened", "clicked", "impression", "impression")
CREDITED = tuple(name for name, measure in judge.MEASURES.items() if measure.credits)
BESIDE = ["sent", "unique_sent", "opened", "unique_impression", "converted", "conversion_rate", "unsubscribed"]
DIMENSIONS = [
    *("campaign", "message", "variation", "channel", "send_id", "profile", "traffic"),
    *("country", "device", "recipient", "recipient_domain", "ip", "link", "product", "name"),
]

World = tuple[str, dict[str, list[dict[str, Any]]], list[dict[str, Any]]]


def a_world(chance: random.Random) -> World:
    """A zone, the goals of the campaigns, and what happened.

    Of several touches at one instant the product may take any, so there they are alike but for their type; and
    nobody opens the app, watches or makes one order twice at an instant.
    """
    zone, centre = chance.choice(CENTRES)
    moments = some_moments(chance, int(dt.datetime.fromisoformat(centre).timestamp() * 1000))
    goals = {name: [a_goal(chance) for _ in range(chance.choice([0, 1, 2, 3, 4]))] for name in ("x", "y")}
    places: dict[tuple[str, str, int], dict[str, Any]] = {}
    taken = set()
    events = []
    for number in range(chance.randrange(12, 52)):
        event = something(chance, moments, goals)
        if event["type"] in TOUCHES:
            place = event["campaign"], event["recipient"], event["time"]
            event |= places.setdefault(place, a_place(chance))
        once = event["type"] if event["type"] in ("app_opened", "watched") else event.get("order", "")
        which = once, "" if event.get("order") else event["recipient"], event["time"]
        if once and which in taken:
            continue
        taken.add(which)
        events.append({"id": str(number), **event})
    return zone, goals, events


def some_moments(chance: random.Random, centre_ms: int) -> list[int]:
    """A few, ascending; the clocks change, or a day begins, at one of them or just beside it."""
    found = [0]
    for _ in range(chance.randrange(3, 9)):
        found.append(found[-1] + chance.choice(STEPS_MS))
    middle = chance.choice(found) + chance.choice([0, 0, -1, 1, SECOND])
    return [centre_ms + one - middle for one in found]


def a_goal(chance: random.Random) -> dict[str, Any]:
    kinds = ["purchased", "purchased", "purchased", "performed", "app_opened", "opened", "clicked", "converted"]
    kind = chance.choice(kinds)
    return {
        "event": kind,
        "name": chance.choice(["", "n"]) if kind == "performed" else "",
        "window_s": chance.choice(GOAL_WINDOWS_S),
        "after": chance.choice(["sent", "sent", "delivered", "opened", "clicked", "impression", "enrolled"]),
    }


def a_place(chance: random.Random) -> dict[str, Any]:
    """What an event says of the message that it is about, and who caused it."""
    return {
        "message": chance.choice(["m", "m", "n", ""]),
        "channel": chance.choice(["push", "push", "sms", ""]),
        "variation": chance.choice(["a", "ctl", "", ""]),
        "send_id": chance.choice(["s", "t", "", ""]),
        "profile": chance.choice(["b", "", ""]),
        "traffic": chance.choice(["human"] * 9 + ["proxy", "prefetch", "bot"]),
    }


def something(chance: random.Random, moments: list[int], goals: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """An event; half of them are what some goal is about."""
    wanted = [word for aims in goals.values() for goal in aims for word in (goal["event"], goal["after"])]
    kind = chance.choice([*TOUCHES, *judge.BEHAVIOURS, "app_opened", "converted", "watched"])
    if wanted and chance.random() < 0.5:
        kind = chance.choice(wanted)
    event: dict[str, Any] = {
        "type": kind,
        "time": chance.choice(moments),
        "recipient": chance.choice(PEOPLE),
        "campaign": chance.choice(CAMPAIGNS),
        "country": chance.choice(["DE", "IN"]),
        "device": chance.choice(["phone", ""]),
    }
    if kind in TOUCHES:
        goal = {"goal": 1} if chance.random() < 0.05 else {}
        return event | goal | ({"open": chance.choice(["direct", "influenced"])} if kind == "opened" else {})
    event["traffic"] = chance.choice(["human"] * 8 + ["proxy", "bot"])
    if kind in judge.BEHAVIOURS and chance.random() < 0.7:
        del event["campaign"]
    if kind in ("purchased", "converted"):
        event |= {"amount": chance.randrange(1, 9), "currency": chance.choice(["USD", "USD", "EUR"])}
    if kind in ("purchased", "converted", "performed"):
        event |= {"order": chance.choice(["", "", "o", "p"])}
    if kind == "converted":
        # It may be worth nothing, and name an order all the same.
        event |= {"goal": chance.choice([0, 0, 1, 3]), "amount": chance.choice([event["amount"], None])}
    elif chance.random() < 0.1:
        # Any event may carry one; it means nothing there.
        event["goal"] = 2
    if kind == "performed":
        event["name"] = chance.choice(["n", "n", "k"])
    if kind == "watched":
        event |= {"duration_s": chance.choice([0, 60, 5000]), "anonymous": chance.random() < 0.5}
    return event | chance.choice(
        [{}, {}, {}, {"message": "m"}, {"message": "n", "variation": "a"}, {"channel": "push"}]
    )


def a_question(chance: random.Random, zone: str, known: list[dict[str, Any]]) -> Asked:
    """Of these events; the range begins and ends at some of them, or a millisecond beside."""
    ends: list[int | None] = sorted(chance.choice(known)["at_ms"] + chance.choice([-1, 0, 0, 1]) for _ in range(2))
    filters = {}
    for name in chance.sample(
        ["campaign", "message", "recipient", "day", "channel", "country"], chance.choice([0, 0, 1, 2])
    ):
        some = chance.choices(known, k=3)
        filters[name] = tuple(sorted({judge.value_of(name, event, event["at_ms"], zone) for event in some}))
    return Asked(
        (*chance.sample(CREDITED, chance.randrange(1, 5)), *chance.sample(BESIDE, chance.randrange(2))),
        (*chance.sample(DIMENSIONS, chance.choice([0, 1, 1, 2])), *chance.sample(judge.TIMES, chance.randrange(2))),
        tuple(filters.items()),
        from_ms=chance.choice([None, None, ends[0]]),
        to_ms=chance.choice([None, None, ends[1]]),
        timezone=zone,
        traffic=chance.choice([("human", "proxy")] * 4 + [judge.CLASSES, ("bot",), ("human", "prefetch")]),
        placed_by=chance.choice(["event", "send"]),
        limit=100_000,
    )


@pytest.mark.parametrize("seed", range(5))
def test_credits_are_what_the_judge_says(open_workspace: OpenWorkspace, seed: int) -> None:
    chance = random.Random(seed)
    zone, goals, events = a_world(chance)
    windows = chance.choice(WINDOWS)
    asker, court = open_workspace(zone, **windows), Judge(**windows)
    for campaign, aims in goals.items():
        asker.put(campaign, {"goals": aims})
        court.put(campaign, {"goals": aims})
    chance.shuffle(events)
    cut = chance.randrange(len(events) // 2, len(events))
    known = [judge.understood(event) for event in events]
    asked = [a_question(chance, zone, known) for _ in range(2)]
    # Asked again when more has come in: what was made for the first time may not be right any more.
    for batch in (events[:cut], events[cut:]):
        assert asker.post(batch) == court.post(batch)
        for question in asked:
            hold(asker.ask(question), court.ask(question))


# ---- what a change brings -----------------------------------------------------------------------------

BASE_MS = 1_728_086_400_000  # 2024-10-05


def _event(kind: str, hour: float, **more: Any) -> dict[str, Any]:
    fields = {"type": kind, "time": BASE_MS + round(hour * HOUR), "recipient": "ann"}
    return fields | ({} if kind in judge.BEHAVIOURS else {"campaign": "x"}) | more


PURCHASE = {"event": "purchased", "window_s": 86_400}
SALES = ("conversions", "conversion_value", "revenue")
APP = ("influenced_opens", "total_opens", "reengaged")

#: What is asked, and the steps of a story: events that come in, or goals that are set; each moves the numbers.
STORIES: dict[str, tuple[tuple[str, ...], list[Any]]] = {
    "the touch comes in after the purchase": (SALES, [
        [PURCHASE], _event("purchased", 2, amount=5), _event("sent", 1),
    ]),
    "a later touch comes in": (SALES, [
        [PURCHASE], _event("sent", 0, message="m"), _event("purchased", 3, amount=5), _event("sent", 1, message="n"),
    ]),
    "a purchase comes in at the last moment": (SALES, [
        [PURCHASE], _event("sent", 0), _event("purchased", 24, amount=5),
    ]),
    "an earlier purchase comes in": (SALES, [
        [PURCHASE], _event("sent", 0), _event("purchased", 30, amount=5), _event("purchased", 3, amount=7),
    ]),
    "an earlier one of the order comes in, of nobody who was touched": (SALES, [
        [PURCHASE], _event("sent", 0), _event("purchased", 3, amount=5, order="o"),
        _event("purchased", 1, amount=5, order="o", recipient="bob"),
    ]),
    "it was said after all": (SALES, [
        [PURCHASE], _event("sent", 0), _event("purchased", 3, amount=5), _event("converted", 40, amount=5),
    ]),
    "the campaign has the order itself": (SALES, [
        [PURCHASE], _event("sent", 0), _event("purchased", 3, amount=5, order="o"),
        _event("purchased", 9, amount=5, order="o", campaign="x"),
    ]),
    "goals are set late, exchanged, and dropped": (("conversions", "conversions_1", "revenue"), [
        _event("sent", 0), _event("purchased", 3, amount=5), _event("app_opened", 4), [PURCHASE],
        [{"event": "app_opened"}, PURCHASE], [],
    ]),
    "a direct open comes in": (APP, [_event("sent", 0), _event("app_opened", 1), _event("opened", 99)]),
    "an earlier opening comes in": (("influenced_opens", "reengaged", "new_users"), [
        _event("sent", 0), _event("app_opened", 1), _event("app_opened", 0.5), _event("app_opened", -24),
    ]),
    "the first message comes in last": (("conversions", "revenue"), [
        _event("converted", 50), _event("purchased", 50, amount=5, campaign="x"), _event("impression", 40, message="m"),
        _event("impression", 20, message="m"), _event("sent", 45, message="n"),
    ]),
    "a show before the first": (("new_login_viewers",), [
        _event("watched", 50, duration_s=60, message="n"), _event("watched", 20, duration_s=60, message="m"),
        _event("watched", 10, duration_s=60, message="o", anonymous=True),
    ]),
}  # fmt: skip


@pytest.mark.parametrize("name", STORIES)
def test_numbers_follow_what_comes_in(open_workspace: OpenWorkspace, name: str) -> None:
    metrics, steps = STORIES[name]
    asker, court = open_workspace("UTC"), Judge()
    for index, step in enumerate(steps):
        if isinstance(step, list):
            asker.put("x", {"goals": step})
            court.put("x", {"goals": step})
        else:
            assert asker.post([step]) == court.post([step]) == (1, 0)
        asked = Asked(metrics, ("campaign", "day", "message"), placed_by=("event", "send")[index % 2])
        hold(asker.ask(asked), court.ask(asked))
    hold(asker.ask(replace(asked, placed_by="send")), court.ask(replace(asked, placed_by="send")))
