"""Every metric: which events say it, which count for it, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.judge.credits import World
from tests.judge.events import ATTRIBUTES, REACTIONS, TYPES, Event

RATES = {
    "delivery_rate": ("delivered", "sent"),
    "bounce_rate": ("bounced", "sent"),
    "open_rate": ("unique_opened", "unique_delivered"),
    "click_rate": ("unique_clicked", "unique_delivered"),
    "click_to_open_rate": ("unique_clicked", "unique_opened"),
    "complaint_rate": ("unique_complained", "unique_delivered"),
    "unsubscribe_rate": ("unique_unsubscribed", "unique_delivered"),
    "conversion_rate": ("unique_conversions", "unique_delivered"),
    "average_viewing_time_s": ("viewing_time_s", "viewers"),
}

Test = Callable[[Event], bool]
Credits = Callable[[World], list[Event]]


@dataclass(frozen=True)
class Measure:
    """How a number is had.

    The events that it `looks_at` count, or where there is more to it, those that `credits` finds; then
    `looks_at` is what says it in so many words, which is what an answer can leave out. `of_own_time` measures
    know nothing of the time of a message.
    """

    kind: str
    looks_at: Test
    any_traffic: bool = False
    credits: Credits | None = None
    of_own_time: bool = False


def _plain() -> dict[str, Measure]:
    found = {
        "events": Measure("count", lambda event: True),
        "recipients": Measure("unique", lambda event: True),
        "unique_reached": Measure("unique", lambda event: event["type"] in ("sent", "impression")),
        "purchase_value": Measure("money", _is("purchased")),
    }
    for kind in TYPES:
        found |= _both(kind, _is(kind), any_traffic=kind in ("unsubscribed", "complained"))
    for kind, (name, words) in ATTRIBUTES.items():
        for word in words:
            found |= _both(f"{kind}_{word}", _is(kind, name, word))
    found |= _both("sent_opted_in", _is("sent", "opted_in", True))
    for goal in (1, 2, 3):
        found[f"revenue_{goal}"] = Measure("money", _is_converted(goal))
    return found


def _live() -> dict[str, Measure]:
    found = {
        "viewers": Measure("unique", _is("watched")),
        "login_viewers": Measure("unique", _is_login_view),
        "viewing_time_s": Measure("milliseconds", _is("watched")),
        "peak_concurrent_viewers": Measure("peak", _is("watched")),
    }
    for kind in REACTIONS:
        found[f"{kind}_quantity"] = Measure("quantity", _is(kind))
    return found


def _attributed() -> dict[str, Measure]:
    found: dict[str, Measure] = {}
    for goal in range(4):
        name = f"conversions_{goal}" if goal else "conversions"
        found |= _both(name, _is_converted(goal), lambda world, goal=goal: world.conversions(goal))
    found |= _both("conversion_events", _is_converted(0), World.conversion_events)
    found["conversion_value"] = Measure("money", _is_converted(0), credits=World.conversion_events)
    found["revenue"] = Measure("money", _is_of_revenue, credits=World.revenue)
    found |= _both("influenced_opens", _is("opened", "open", "influenced"), World.influenced_opens)
    found["total_opens"] = Measure("count", _is("opened"), credits=World.total_opens)
    found |= _both("reengaged", lambda event: False, World.reengaged)
    found["new_users"] = Measure("unique", _is("app_opened"), credits=World.first_app_opens, of_own_time=True)
    found["new_login_viewers"] = Measure("unique", _is_login_view, credits=World.first_shows, of_own_time=True)
    return found


def _both(name: str, test: Test, credits: Credits | None = None, any_traffic: bool = False) -> dict[str, Measure]:
    return {
        name: Measure("count", test, any_traffic, credits),
        f"unique_{name}": Measure("unique", test, any_traffic, credits),
    }


def _is(kind: str, name: str = "type", value: object = None) -> Test:
    return lambda event: event["type"] == kind and event.get(name) == (kind if value is None else value)


def _is_converted(goal: int) -> Test:
    return lambda event: event["type"] == "converted" and event.get("goal", 0) == goal


def _is_of_revenue(event: Event) -> bool:
    return _is_converted(0)(event) or (event["type"] == "purchased" and bool(event.get("campaign")))


def _is_login_view(event: Event) -> bool:
    return event["type"] == "watched" and not event.get("anonymous")


MEASURES = _plain() | _live() | _attributed()
NAMES = (*MEASURES, *RATES)
