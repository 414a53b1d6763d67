"""Where a scene of the sample plays: its clock, its random source, and the events it has made.

A scene calls `put` in any order it likes; `Stage.events` leaves as JSON-ready dicts that
`model.Event` accepts. Times are whole milliseconds since the epoch, UTC.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from turnout.demo.people import Person

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

T = TypeVar("T")


def iso(time_ms: int) -> str:
    """ISO 8601 with milliseconds and Z."""
    moment = dt.datetime.fromtimestamp(time_ms // SECOND_MS, dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % SECOND_MS:03d}Z"


def midnight_ms(now: dt.datetime) -> int:
    """The UTC midnight that begins the day of `now`: every time of the sample is told from here."""
    return int(now.timestamp()) * SECOND_MS // DAY_MS * DAY_MS


@dataclass(frozen=True)
class Link:
    """A link of a message: its id, its title, and where it leads without the parameters."""

    id: str
    title: str
    url: str


class Stage:
    """Collects what happened in the scene `name`, for a sample whose last day begins at `today_ms`."""

    def __init__(self, name: str, today_ms: int, seed: int) -> None:
        self.name = name
        self.today_ms = today_ms
        self.day = iso(today_ms)[:10].replace("-", "")
        self.seed = seed
        # A source of its own keeps a scene the same when another one changes.
        self.rng = random.Random(f"{seed}/{name}")
        self.events: list[tuple[int, dict[str, Any]]] = []

    def at(self, day: int, hour: int, minute: int = 0) -> int:
        """`hour`:`minute` UTC of the day that lies `day` days from the last one (so 0 or below)."""
        return self.today_ms + day * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS

    def put(self, type: str, time_ms: int, person: Person | str, **fields: Any) -> None:
        """Something happened in this scene's campaign; None leaves a field out."""
        self._add(type, time_ms, person, {"campaign": self.name, **fields})

    def behave(self, type: str, time_ms: int, person: Person, **fields: Any) -> None:
        """A recipient did something that belongs to no campaign."""
        self._add(type, time_ms, person, {"country": person.country, **fields})

    def buy(self, time_ms: int, person: Person, about: float) -> None:
        """An order of around `about` in the money of the buyer's country; every order has its own id."""
        amount = round(about * self.rng.lognormvariate(0, 0.55), 2)
        order = f"order-{self._serial()}"
        self.behave("purchased", time_ms, person, amount=amount, currency=person.currency, order=order)

    def _serial(self) -> str:
        """Unique in all scenes; with the day, as tomorrow's sample is another one and today's the same."""
        return f"{self.day}-{self.name}-{len(self.events)}"

    def _add(self, type: str, time_ms: int, person: Person | str, fields: dict[str, Any]) -> None:
        event = {
            "id": f"demo{self.seed}-{self._serial()}",
            "type": type,
            "time": iso(time_ms),
            "recipient": person if isinstance(person, str) else person.email,
        }
        event.update((name, value) for name, value in fields.items() if value is not None)
        self.events.append((time_ms, event))

    def lag_ms(self, mean_ms: float, *, least_ms: int = SECOND_MS, most_ms: int = 3 * DAY_MS) -> int:
        """A wait that is mostly short and sometimes long."""
        return min(least_ms + int(self.rng.expovariate(1 / mean_ms)), most_ms)

    def awake(self, time_ms: int, person: Person) -> int:
        """`time_ms`, or the next morning where `person` lives if it is night there."""
        local_ms = time_ms + person.utc_offset_h * HOUR_MS
        wakes_ms = local_ms // DAY_MS * DAY_MS + int(self.rng.triangular(6, 10, 7) * HOUR_MS)
        asleep = local_ms < wakes_ms and self.rng.random() < 0.93
        return wakes_ms - person.utc_offset_h * HOUR_MS if asleep else time_ms

    def reads_ms(self, delivered_ms: int, person: Person) -> int:
        """When a message is looked at: most within hours, some after days, few at night; under 5 days."""
        mean_ms = 2.5 * HOUR_MS if self.rng.random() < 0.7 else 26 * HOUR_MS
        return self.awake(delivered_ms + self.lag_ms(mean_ms, least_ms=20 * SECOND_MS), person)

    def deal(self, cards: Sequence[T], *counts: int) -> list[list[T]]:
        """Disjoint random groups of exactly `counts` members, so that the sample's totals are known."""
        shuffled = self.rng.sample(cards, sum(counts))
        groups, start = [], 0
        for count in counts:
            groups.append(shuffled[start : start + count])
            start += count
        return groups
