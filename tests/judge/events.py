"""Events as they are posted go in; events with what goes without saying said come out."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Any

Event = dict[str, Any]
Row = dict[str, Any]

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
CLASSES = ("human", "proxy", "prefetch", "preview", "scanner", "bot")
REACTIONS = ("liked", "chatted", "product_clicked", "banner_clicked")
BEHAVIOURS = ("app_opened", "purchased", "performed")

# What splits the count of a type: the field that says it, and the words that are counted.
ATTRIBUTES: dict[str, tuple[str, tuple[str, ...]]] = {
    "bounced": ("bounce", ("hard", "soft")),
    "rejected": ("failure", ("permanent", "temporary")),
    "failed": ("failure", ("permanent", "temporary")),
    "opened": ("open", ("direct", "influenced")),
    "clicked": ("target", ("link", "body", "button_1", "button_2")),
    "replied": ("keyword", ("help", "stop")),
}
TYPES = (
    *("enrolled", "skipped", "queued", "sent", "carrier_accepted", "deferred", "delivered", "bounced", "rejected"),
    *("failed", "impression", "dismissed", "opened", "clicked", "unsubscribed", "complained", "replied"),
    *(*BEHAVIOURS, "converted", "watched", *REACTIONS),
)


def understood(posted: Event) -> Event:
    """An event with what goes without saying said, its time as `at_us` and `at_ms`, and whether it said its class."""
    event = {name: value for name, value in posted.items() if value not in ("", None, {})}
    time = event.pop("time")
    if isinstance(time, str):
        moment = dt.datetime.fromisoformat(time)
        event["at_us"] = (moment - EPOCH) // dt.timedelta(microseconds=1)
    else:
        event["at_us"] = round(Fraction(time) * (1_000_000 if abs(time) < 10**11 else 1000))
    event["at_ms"] = event["at_us"] // 1000
    event["class_said"] = "traffic" in event
    event.setdefault("traffic", "human")
    if event["type"] == "opened":
        event.setdefault("open", "direct")
    if event["type"] == "clicked":
        event.setdefault("target", "link")
    if event["type"] in REACTIONS:
        event.setdefault("quantity", 1)
    if "duration_s" in event:
        event["duration_s"] = float(event["duration_s"])
    if "amount" in event:
        event["amount"] = Decimal(str(event["amount"])).normalize()
        event.setdefault("currency", "USD")
    return event


def identity(event: Event) -> object:
    """What makes an event the same one: its id, else everything that it says."""
    if "id" in event:
        return ("id", event["id"])
    unsaid = {"at_ms": event["at_ms"], "anonymous": False, "goal": 0, "position": 0}
    said = {name: value for name, value in event.items() if name not in unsaid or value != unsaid[name]}
    # Who leaves the class open says human.
    del said["class_said"]
    return ("meaning", repr(sorted(said.items())))


def watched_ms(event: Event) -> int:
    """The length of an interval."""
    return round(event["duration_s"] * 1000)
