"""docs/attribution.md in lists and loops: events and what the campaigns want go in, what is credited comes out.

A credited event is an event like any other, with its touch beside it as `touch`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.judge.events import BEHAVIOURS, Event

Goal = dict[str, Any]

# What says which message an event is about.
OF_MESSAGE = ("channel", "message", "variation", "send_id", "profile")
# What a credited event has from its touch, and what it keeps of its own.
OF_TOUCH = (*OF_MESSAGE, "traffic")
OWN = ("type", "at_ms", "recipient", "amount", "currency")

REENGAGED_WITHIN_MS = 3 * 86_400_000


def belongs_to(event: Event, campaign: str) -> bool:
    return event.get("campaign") == campaign


def touches(events: Iterable[Event], campaign: str, kinds: tuple[str, ...]) -> list[Event]:
    """The events of these types of a campaign, one of each recipient at one instant; of impressions the first ones."""
    found: dict[tuple[str, int], Event] = {}
    events = list(events)
    for event in events:
        if not (belongs_to(event, campaign) and event.get("recipient") and event["type"] in kinds):
            continue
        if event["type"] == "impression" and not _is_first_impression(event, events, ("message", "send_id")):
            continue
        # Which of several at one instant, nobody says.
        found.setdefault((event["recipient"], event["at_ms"]), event)
    return list(found.values())


def _is_first_impression(event: Event, events: list[Event], of: tuple[str, ...]) -> bool:
    for other in events:
        same = all(other.get(name) == event.get(name) for name in ("type", "campaign", "recipient", *of))
        if same and other["at_ms"] < event["at_ms"]:
            return False
    return True


def touch_of(event: Event, touched: Iterable[Event]) -> Event | None:
    """The latest touch of its recipient that is not after it."""
    latest = None
    for touch in touched:
        is_before = touch["recipient"] == event.get("recipient") and touch["at_ms"] <= event["at_ms"]
        if is_before and (latest is None or touch["at_ms"] > latest["at_ms"]):
            latest = touch
    return latest


def firsts_of_orders(events: list[Event]) -> list[Event]:
    """Without the repeats of an order. Which of several at one instant is the first, nobody says."""
    found = []
    for event in events:
        order = event.get("order")
        same = [other for other in events if order and other.get("order") == order]
        if not order or event is min(same, key=lambda other: other["at_ms"]):
            found.append(event)
    return found


def credited(event: Event, touch: Event, campaign: str) -> Event:
    """An event as the campaign is credited with it."""
    found = {name: event[name] for name in OWN if name in event}
    found |= {name: touch[name] for name in OF_TOUCH if name in touch}
    return {**found, "campaign": campaign, "touch": touch}


def received(event: Event, everything: list[Event], *, of_any: bool) -> Event | None:
    """The latest message that its recipient had received from the campaign, whoever caused it; the event's own
    message, or if it names none, or `of_any` is true, any one."""
    latest = None
    for other in everything:
        same = all(other.get(name) == event.get(name) for name in ("campaign", "recipient"))
        if not (same and event.get("campaign") and event.get("recipient") and other["at_ms"] <= event["at_ms"]):
            continue
        if not of_any and event.get("message") and other.get("message") != event["message"]:
            continue
        receives = other["type"] in ("sent", "enrolled") or (
            other["type"] == "impression" and _is_first_impression(other, everything, ("message",))
        )
        if receives and (latest is None or other["at_ms"] > latest["at_ms"]):
            latest = other
    return latest


def of_its_message(event: Event, everything: list[Event]) -> Event:
    """An event that says what it is worth by itself; where it says nothing of a message, it is of the latest one."""
    if any(event.get(name) for name in OF_MESSAGE):
        return event
    message = received(event, everything, of_any=True) or {}
    return {**event, **{name: message[name] for name in OF_MESSAGE if name in message}}


@dataclass(frozen=True)
class World:
    """The events of the classes that a question counts among all there are, the goals of the campaigns, and the
    workspace's windows."""

    everything: list[Event]
    events: list[Event]
    goals: dict[str, list[Goal]]
    influence_window_ms: int
    dormant_ms: int

    def campaigns(self) -> list[str]:
        return sorted({event["campaign"] for event in self.events if event.get("campaign")})

    # ---- conversions ----

    def goal(self, campaign: str, index: int) -> Goal | None:
        goals = self.goals.get(campaign, [])
        return goals[index] if index < len(goals) else None

    def touches(self, campaign: str, index: int) -> list[Event]:
        """What opens the window of a goal: nothing, if there is no such goal."""
        goal = self.goal(campaign, index)
        return touches(self.events, campaign, (goal["after"], "enrolled")) if goal else []

    def candidates(self, campaign: str, index: int) -> list[Event]:
        goal = self.goal(campaign, index)
        if goal is None or goal["event"] == "converted":
            return []
        found = []
        for event in self.events:
            is_such = event["type"] == goal["event"] and goal["name"] in ("", event.get("name"))
            names_none = event["type"] in BEHAVIOURS and not event.get("campaign")
            if is_such and event.get("recipient") and (belongs_to(event, campaign) or names_none):
                found.append(event)
        return firsts_of_orders(found)

    def belonging(self, campaign: str, index: int) -> list[tuple[Event, Event]]:
        """The candidates that belong to a touch, each with it."""
        goal, touched = self.goal(campaign, index), self.touches(campaign, index)
        found = []
        for event in self.candidates(campaign, index):
            touch = touch_of(event, touched)
            assert goal is not None
            if touch is not None and event["at_ms"] - touch["at_ms"] <= goal["window_s"] * 1000:
                found.append((event, touch))
        return found

    def said_conversions(self, campaign: str, index: int) -> list[Event]:
        """'converted' events of the goal."""
        return [
            event
            for event in self.events
            if belongs_to(event, campaign) and event["type"] == "converted" and event.get("goal", 0) == index
        ]

    def as_said(self, campaign: str, index: int) -> list[Event]:
        return [of_its_message(event, self.everything) for event in self.said_conversions(campaign, index)]

    def conversions(self, index: int) -> list[Event]:
        found = []
        for campaign in self.campaigns():
            found += self.as_said(campaign, index)
            touched, belonging = self.touches(campaign, index), self.belonging(campaign, index)
            taken = [touch_of(event, touched) for event in self.said_conversions(campaign, index)]
            for touch in touched:
                mine = [event for event, its in belonging if _is_same(its, touch)]
                if mine and not any(_is_same(one, touch) for one in taken):
                    found.append(credited(_first(mine), touch, campaign))
        return found

    def conversion_events(self) -> list[Event]:
        found = []
        for campaign in self.campaigns():
            found += self.as_said(campaign, 0)
            found += [credited(event, touch, campaign) for event, touch in self.belonging(campaign, 0)]
        return found

    def revenue(self) -> list[Event]:
        found = []
        for campaign in self.campaigns():
            converted = self.as_said(campaign, 0)
            purchases = [event for event in self.events if event["type"] == "purchased"]
            named = [event for event in purchases if belongs_to(event, campaign)]
            found += [*converted, *(of_its_message(event, self.everything) for event in firsts_of_orders(named))]
            orders = {event["order"] for event in (*converted, *named) if "amount" in event and event.get("order")}
            goal, touched = self.goal(campaign, 0), self.touches(campaign, 0)
            unnamed = [event for event in purchases if not event.get("campaign") and event.get("recipient")]
            for event in firsts_of_orders(unnamed) if goal is not None else ():
                touch = touch_of(event, touched)
                if touch is None or event.get("order") in orders:
                    continue
                if event["at_ms"] - touch["at_ms"] <= goal["window_s"] * 1000:
                    found.append(credited(event, touch, campaign))
        return found

    # ---- opens that a message led to ----

    def app_opens(self, campaign: str) -> list[Event]:
        """Openings of the app that name this campaign or none."""
        return [
            event
            for event in self.events
            if event["type"] == "app_opened"
            and event.get("recipient")
            and (belongs_to(event, campaign) or not event.get("campaign"))
        ]

    def influenced_opens(self) -> list[Event]:
        found = [event for event in self.events if event["type"] == "opened" and event["open"] == "influenced"]
        for campaign in self.campaigns():
            sent = touches(self.events, campaign, ("sent",))
            opened = [event for event in self.events if event["type"] == "opened" and belongs_to(event, campaign)]
            for touch in sent:
                if any(_is_same(touch_of(event, sent), touch) for event in opened):
                    continue
                mine = [
                    event
                    for event in self.app_opens(campaign)
                    if _is_same(touch_of(event, sent), touch)
                    and event["at_ms"] - touch["at_ms"] <= self.influence_window_ms
                ]
                if mine:
                    found.append(credited(_first(mine), touch, campaign))
        return found

    def total_opens(self) -> list[Event]:
        other = [event for event in self.events if event["type"] == "opened" and event["open"] != "influenced"]
        return other + self.influenced_opens()

    def reengaged(self) -> list[Event]:
        found = []
        for campaign in self.campaigns():
            sent, opens = touches(self.events, campaign, ("sent",)), self.app_opens(campaign)
            for touch in sent:
                ages_ms = [
                    touch["at_ms"] - event["at_ms"] for event in opens if event["recipient"] == touch["recipient"]
                ]
                if any(0 < age_ms <= self.dormant_ms for age_ms in ages_ms):
                    continue
                mine = [
                    event
                    for event in opens
                    if _is_same(touch_of(event, sent), touch) and event["at_ms"] - touch["at_ms"] <= REENGAGED_WITHIN_MS
                ]
                if mine:
                    found.append(credited(_first(mine), touch, campaign))
        return found

    # ---- first times ----

    def first_app_opens(self) -> list[Event]:
        return _first_of_each([event for event in self.events if event["type"] == "app_opened"])

    def first_shows(self) -> list[Event]:
        return _first_of_each(
            [event for event in self.events if event["type"] == "watched" and not event.get("anonymous")]
        )


def _is_same(one: Event | None, other: Event) -> bool:
    """Two events may say the same and be two."""
    return one is other


def _first(events: list[Event]) -> Event:
    """Which of several at one instant, nobody says."""
    return min(events, key=lambda event: event["at_ms"])


def _first_of_each(events: list[Event]) -> list[Event]:
    recipients = {event["recipient"] for event in events if event.get("recipient")}
    return [_first([event for event in events if event.get("recipient") == one]) for one in sorted(recipients)]


# ---- the day of the send ----


def sent_ms(event: Event, everything: list[Event]) -> int:
    """When the message that an event belongs to was received; the event's own time where there is none.

    A credited event is where its touch is.
    """
    touch = event.get("touch")
    message = received(touch or event, everything, of_any=False)
    found: int = (message or touch or event)["at_ms"]
    return found
