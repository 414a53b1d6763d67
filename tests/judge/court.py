"""The judge takes events and campaigns as the server does, and answers questions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.judge.asking import Asked, groups
from tests.judge.credits import World, sent_ms
from tests.judge.events import CLASSES, Event, Row, identity, understood, watched_ms
from tests.judge.measures import MEASURES, NAMES, RATES, Measure

GOAL = {"name": "", "window_s": 259_200, "after": "sent"}


@dataclass
class Verdict:
    """What must be answered: the page's rows, the totals, the rows of all pages, the events left out per class."""

    rows: list[Row]
    totals: Row
    row_count: int
    excluded: dict[str, int]


@dataclass
class Judge:
    """One workspace: its events, the goals of its campaigns, and its windows of opening."""

    influence_window_s: int = 3 * 3600
    dormant_s: int = 14 * 86_400
    events: list[Event] = field(default_factory=list)
    goals: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _known: set[object] = field(default_factory=set)
    # Both only remember: neither the credits nor the messages of events depend on how they are grouped.
    _counted: dict[tuple[str, tuple[str, ...]], list[Event]] = field(default_factory=dict)
    _sent_ms: dict[int, int] = field(default_factory=dict)

    def post(self, events: Iterable[Event]) -> tuple[int, int]:
        """Take events in; how many were new, and how many were known."""
        self._forget()
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

    def put(self, campaign: str, fields: dict[str, Any]) -> None:
        """Set a campaign, as PUT /v1/campaigns/{id} does."""
        self._forget()
        self.goals[campaign] = [GOAL | goal for goal in fields.get("goals", ())]

    def _forget(self) -> None:
        self._counted.clear()
        self._sent_ms.clear()

    def ask(self, asked: Asked) -> Verdict:
        """The answer to a question."""
        bases: list[str] = []
        for name in asked.metrics:
            bases += [part for part in RATES.get(name, (name,)) if part not in bases]
        found: dict[tuple[str, ...], Row] = {}
        whole: Row = {}
        for name in bases:
            for key, number in self._groups(asked, name, asked.dimensions).items():
                found.setdefault(key, {})[name] = number
            whole[name] = self._groups(asked, name, ()).get((), _nothing(name))
        rows = []
        for key, numbers in found.items():
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

    def counted(self, name: str, traffic: tuple[str, ...]) -> list[Event]:
        """The events, as they were said or as they are credited, that a metric counts anywhere and at any time.

        A question of some traffic is answered as if there were no other; a person's wish counts, whoever carried it.
        """
        if (name, traffic) not in self._counted:
            measure = MEASURES[name]
            seen = [event for event in self.events if measure.any_traffic or event["traffic"] in traffic]
            if measure.credits is None:
                mine = [event for event in seen if measure.looks_at(event)]
            else:
                windows_ms = self.influence_window_s * 1000, self.dormant_s * 1000
                mine = measure.credits(World(self.events, seen, self.goals, *windows_ms))
            self._counted[name, traffic] = mine
        return self._counted[name, traffic]

    def _moment(self, asked: Asked, measure: Measure, event: Event) -> int:
        """The time at which a question sees an event."""
        if asked.placed_by == "send" and not measure.of_own_time:
            if id(event) not in self._sent_ms:
                self._sent_ms[id(event)] = sent_ms(event, self.events)
            return self._sent_ms[id(event)]
        moment: int = event["at_ms"]
        return moment

    def _groups(self, asked: Asked, name: str, dimensions: Sequence[str]) -> dict[tuple[str, ...], Any]:
        """A base metric's number in each group that has any of its events."""
        mine = self.counted(name, asked.traffic)
        if MEASURES[name].kind == "peak":
            return _peaks(asked, mine, dimensions)
        members: dict[tuple[str, ...], list[Event]] = {}
        for event in mine:
            moment = self._moment(asked, MEASURES[name], event)
            if asked.in_range(moment):
                for key in groups(asked, dimensions, event, moment):
                    members.setdefault(key, []).append(event)
        return {key: _number(MEASURES[name].kind, events) for key, events in members.items()}

    def _excluded(self, asked: Asked, bases: list[str]) -> dict[str, int]:
        """Per class that is not asked for, the events that say what a metric would have counted had it been."""
        left_out = {name: 0 for name in CLASSES if name not in asked.traffic}
        for event in self.events:
            if event["traffic"] in left_out and any(self._would_count(asked, MEASURES[name], event) for name in bases):
                left_out[event["traffic"]] += 1
        return left_out

    def _would_count(self, asked: Asked, measure: Measure, event: Event) -> bool:
        if measure.any_traffic or not measure.looks_at(event):
            return False
        if measure.kind == "peak":
            return bool(_peaks(asked, [event], ()))
        if measure.kind == "unique" and not event.get("recipient"):
            return False
        if measure.kind == "money" and "amount" not in event:
            return False
        moment = self._moment(asked, measure, event)
        return asked.in_range(moment) and bool(groups(asked, (), event, moment))


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
            if _watches(event, moment):
                for key in groups(asked, dimensions, event, moment):
                    viewers.setdefault(key, set()).add(event["recipient"])
        for key, there in viewers.items():
            peaks[key] = max(peaks.get(key, 0), len(there))
    return peaks


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
