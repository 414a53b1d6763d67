"""The judge: every number by brute force, from the words of the product and none of its code.

Events as they are posted go in; what /v1/stats must answer comes out. Lists, loops, sets, zoneinfo and
Decimal; nothing is clever and nothing is fast.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

Event = dict[str, Any]
Row = dict[str, Any]

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
CLASSES = ("human", "proxy", "prefetch", "preview", "scanner", "bot")
REACTIONS = ("liked", "chatted", "product_clicked", "banner_clicked")

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
    *("app_opened", "purchased", "performed", "converted", "watched", *REACTIONS),
)
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
TIMES = ("minute", "hour", "day", "week", "month")


@dataclass(frozen=True)
class Measure:
    """How a number is had: which events it looks at, and what it makes of them."""

    kind: str
    looks_at: Callable[[Event], bool]
    any_traffic: bool = False
    value: str = ""


def _measures() -> dict[str, Measure]:
    found = {
        "events": Measure("count", lambda event: True),
        "recipients": Measure("unique", lambda event: True),
        "unique_reached": Measure("unique", lambda event: event["type"] in ("sent", "impression")),
    }

    def both(name: str, test: Callable[[Event], bool], any_traffic: bool = False) -> None:
        found[name] = Measure("count", test, any_traffic)
        found[f"unique_{name}"] = Measure("unique", test, any_traffic)

    for kind in TYPES:
        both(kind, lambda event, kind=kind: event["type"] == kind, kind in ("unsubscribed", "complained"))
    for kind, (name, words) in ATTRIBUTES.items():
        for word in words:
            both(
                f"{kind}_{word}",
                lambda event, kind=kind, name=name, word=word: event["type"] == kind and event.get(name) == word,
            )
    both("sent_opted_in", lambda event: event["type"] == "sent" and event.get("opted_in") is True)
    for goal in range(4):
        name = f"conversions_{goal}" if goal else "conversions"
        both(name, lambda event, goal=goal: event["type"] == "converted" and event.get("goal", 0) == goal)
        if goal:
            found[f"revenue_{goal}"] = Measure("money", found[name].looks_at)

    def of_revenue(event: Event) -> bool:
        is_primary = event["type"] == "converted" and event.get("goal", 0) == 0
        return is_primary or (event["type"] == "purchased" and bool(event.get("campaign")))

    found["revenue"] = Measure("money", of_revenue)
    found["purchase_value"] = Measure("money", lambda event: event["type"] == "purchased")

    def is_watched(event: Event) -> bool:
        return event["type"] == "watched"

    found["viewers"] = Measure("unique", is_watched)
    found["login_viewers"] = Measure("unique", lambda event: is_watched(event) and not event.get("anonymous"))
    found["viewing_time_s"] = Measure("milliseconds", is_watched)
    found["peak_concurrent_viewers"] = Measure("peak", is_watched)
    for kind in REACTIONS:
        found[f"{kind}_quantity"] = Measure("quantity", lambda event, kind=kind: event["type"] == kind)
    return found


MEASURES = _measures()
NAMES = (*MEASURES, *RATES)


@dataclass(frozen=True)
class Asked:
    """A question. Moments are epoch milliseconds; the range is half-open; `sort` is of (name, descending)."""

    metrics: tuple[str, ...]
    dimensions: tuple[str, ...] = ()
    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    from_ms: int | None = None
    to_ms: int | None = None
    timezone: str = "UTC"
    traffic: tuple[str, ...] = ("human", "proxy")
    sort: tuple[tuple[str, bool], ...] = ()
    limit: int = 1000
    offset: int = 0

    def in_range(self, moment_ms: int) -> bool:
        after = self.from_ms is None or moment_ms >= self.from_ms
        return after and (self.to_ms is None or moment_ms < self.to_ms)


@dataclass
class Verdict:
    """What must be answered: the page's rows, the totals, the rows of all pages, the events left out per class."""

    rows: list[Row]
    totals: Row
    row_count: int
    excluded: dict[str, int]


@dataclass
class Judge:
    """Takes events as the server does, and answers."""

    events: list[Event] = field(default_factory=list)
    _known: set[object] = field(default_factory=set)

    def post(self, events: Iterable[Event]) -> tuple[int, int]:
        """Take events in; how many were new, and how many were known."""
        accepted = duplicates = 0
        for posted in events:
            event = understood(posted)
            if identity(event) in self._known:
                duplicates += 1
            else:
                accepted += 1
                self._known.add(identity(event))
                self.events.append(event)
        return accepted, duplicates

    def ask(self, asked: Asked) -> Verdict:
        """The answer to a question."""
        bases: list[str] = []
        for name in asked.metrics:
            bases += [part for part in RATES.get(name, (name,)) if part not in bases]
        groups: dict[tuple[str, ...], Row] = {}
        whole: Row = {}
        for name in bases:
            for key, number in self._groups(asked, name, asked.dimensions).items():
                groups.setdefault(key, {})[name] = number
            whole[name] = self._groups(asked, name, ()).get((), _nothing(name))
        rows = []
        for key, numbers in groups.items():
            if any(numbers.values()):
                complete = {name: numbers.get(name, _nothing(name)) for name in bases}
                rows.append(dict(zip(asked.dimensions, key, strict=True)) | _named(asked.metrics, complete))
        rows.sort(key=lambda row: tuple(_by_label(name, row[name]) for name in asked.dimensions))
        for name, descending in reversed(asked.sort):
            _sort(rows, name, descending)
        totals = _named(asked.metrics, whole)
        if not asked.dimensions:
            rows = [totals]
        page = rows[asked.offset : asked.offset + asked.limit]
        return Verdict(page, totals, len(rows), self._excluded(asked, bases))

    def _groups(self, asked: Asked, name: str, dimensions: Sequence[str]) -> dict[tuple[str, ...], Any]:
        """A base metric's number in each group that has any of its events."""
        measure = MEASURES[name]
        mine = [
            event
            for event in self.events
            if measure.looks_at(event) and (measure.any_traffic or event["traffic"] in asked.traffic)
        ]
        if measure.kind == "peak":
            return _peaks(asked, mine, dimensions)
        members: dict[tuple[str, ...], list[Event]] = {}
        for event in mine:
            moment = event["at_ms"]
            if asked.in_range(moment) and _passes(asked, event, moment):
                members.setdefault(_key(asked, dimensions, event, moment), []).append(event)
        return {key: _number(measure.kind, events) for key, events in members.items()}

    def _excluded(self, asked: Asked, bases: list[str]) -> dict[str, int]:
        """Per class that is not asked for, the events that a metric would have counted had it been."""
        left_out = {name: 0 for name in CLASSES if name not in asked.traffic}
        for event in self.events:
            if event["traffic"] in left_out and any(_would_count(asked, MEASURES[name], event) for name in bases):
                left_out[event["traffic"]] += 1
        return left_out


def understood(posted: Event) -> Event:
    """An event with what goes without saying said, and its time as `at_us` and `at_ms`."""
    event = {name: value for name, value in posted.items() if value not in ("", None)}
    time = event.pop("time")
    if isinstance(time, str):
        moment = dt.datetime.fromisoformat(time)
        event["at_us"] = (moment - EPOCH) // dt.timedelta(microseconds=1)
    else:
        event["at_us"] = round(Fraction(time) * (1_000_000 if abs(time) < 10**11 else 1000))
    event["at_ms"] = event["at_us"] // 1000
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
    unsaid = {"at_ms": event["at_ms"], "anonymous": False, "goal": 0}
    said = {name: value for name, value in event.items() if name not in unsaid or value != unsaid[name]}
    return ("meaning", repr(sorted(said.items())))


def label(name: str, moment_ms: int, timezone: str) -> str:
    """Which local minute, hour, day, week or month an instant is in."""
    local = dt.datetime.fromtimestamp(moment_ms // 1000, ZoneInfo(timezone))
    if name in ("minute", "hour"):
        offset = local.utcoffset()
        assert offset is not None
        begun = local.replace(second=0, minute=local.minute if name == "minute" else 0, fold=0)
        return begun.replace(tzinfo=dt.timezone(offset)).isoformat()
    day = local.date()
    if name == "month":
        return f"{day:%Y-%m}"
    return (day - dt.timedelta(days=day.weekday()) if name == "week" else day).isoformat()


def value_of(name: str, event: Event, moment_ms: int, timezone: str) -> str:
    """An event's value of a dimension, were it at that moment."""
    if name in TIMES:
        return label(name, moment_ms, timezone)
    if name == "link":
        return event.get("link") or event.get("url", "")
    if name == "recipient_domain":
        _, at, domain = event.get("recipient", "").rpartition("@")
        return domain.lower() if at else ""
    found: str = event.get(name, "")
    return found


def _key(asked: Asked, dimensions: Sequence[str], event: Event, moment_ms: int) -> tuple[str, ...]:
    return tuple(value_of(name, event, moment_ms, asked.timezone) for name in dimensions)


def _passes(asked: Asked, event: Event, moment_ms: int) -> bool:
    return all(value_of(name, event, moment_ms, asked.timezone) in values for name, values in asked.filters)


def _number(kind: str, events: list[Event]) -> Any:
    if kind == "count":
        return len(events)
    if kind == "unique":
        return len({event["recipient"] for event in events if event.get("recipient")})
    if kind == "quantity":
        return sum(event["quantity"] for event in events)
    if kind == "milliseconds":
        return sum(watched_ms(event) for event in events)
    money: dict[str, Decimal] = {}
    for event in events:
        if "amount" in event:
            money[event["currency"]] = money.get(event["currency"], Decimal(0)) + event["amount"]
    return money


def watched_ms(event: Event) -> int:
    """The length of an interval."""
    return round(event["duration_s"] * 1000)


def _instants(asked: Asked, events: list[Event]) -> list[int]:
    """Where a peak can be: an interval's beginning, the range's, and every minute, since local hours begin at one."""
    found = set()
    for event in events:
        begin = event["at_ms"] - watched_ms(event)
        found.add(begin)
        if asked.from_ms is not None:
            found.add(asked.from_ms)
        found.update(range(-(-begin // 60_000) * 60_000, event["at_ms"], 60_000))
    return [moment for moment in found if asked.in_range(moment)]


def _watches(event: Event, moment_ms: int) -> bool:
    return bool(event.get("recipient")) and event["at_ms"] - watched_ms(event) <= moment_ms < event["at_ms"]


def _peaks(asked: Asked, events: list[Event], dimensions: Sequence[str]) -> dict[tuple[str, ...], int]:
    peaks: dict[tuple[str, ...], int] = {}
    for moment in _instants(asked, events):
        viewers: dict[tuple[str, ...], set[str]] = {}
        for event in events:
            if _watches(event, moment) and _passes(asked, event, moment):
                viewers.setdefault(_key(asked, dimensions, event, moment), set()).add(event["recipient"])
        for key, there in viewers.items():
            peaks[key] = max(peaks.get(key, 0), len(there))
    return peaks


def _would_count(asked: Asked, measure: Measure, event: Event) -> bool:
    if measure.any_traffic or not measure.looks_at(event):
        return False
    if measure.kind == "peak":
        moments = [moment for moment in _instants(asked, [event]) if _watches(event, moment)]
        return any(_passes(asked, event, moment) for moment in moments)
    if measure.kind == "unique" and not event.get("recipient"):
        return False
    if measure.kind == "money" and "amount" not in event:
        return False
    return asked.in_range(event["at_ms"]) and _passes(asked, event, event["at_ms"])


def _nothing(name: str) -> Any:
    return {} if MEASURES[name].kind == "money" else 0


def _in_its_unit(name: str, number: Any) -> Any:
    if MEASURES[name].kind != "milliseconds":
        return number
    return number // 1000 if number % 1000 == 0 else number / 1000


def _named(metrics: Iterable[str], numbers: Row) -> Row:
    row: Row = {}
    for name in metrics:
        if name in RATES:
            above, below = (_in_its_unit(part, numbers[part]) for part in RATES[name])
            row[name] = above / below if below else None
            row[f"{name}_numerator"], row[f"{name}_denominator"] = above, below
        else:
            row[name] = _in_its_unit(name, numbers[name])
    return row


def _by_label(name: str, value: str) -> Any:
    if name not in ("minute", "hour"):
        return value
    moment = dt.datetime.fromisoformat(value)
    return (moment.timestamp(), moment.utcoffset())


def _sort(rows: list[Row], name: str, descending: bool) -> None:
    """Stable; where there is no number, it is last whichever way."""
    some = [row for row in rows if row[name] is not None]
    none = [row for row in rows if row[name] is None]
    some.sort(key=lambda row: row[name] if name in NAMES else _by_label(name, row[name]), reverse=descending)
    rows[:] = some + none
