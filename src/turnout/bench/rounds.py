"""Rounds: every contender handles the same bodies, in a turning order, so that what slows the machine slows all.

Contenders and a supply of bodies enter; the rates of each, one a round, leave.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from turnout.bench.load import drive, request
from turnout.bench.processes import API_KEY, Server, Site, Worker
from turnout.demo.traffic import bodies

#: The last moment of every stream; fixed, so that every run has the same events, and past on any clock.
END = dt.datetime(2025, 10, 26, 14, 0, tzinfo=dt.UTC)

#: How stores are filled.
LOAD_EVENTS, LOAD_CONNECTIONS = 10_000, 3

#: Handles bodies and returns how many a second.
Contender = Callable[[Sequence[bytes]], float]


@dataclass(frozen=True)
class Sizes:
    """How much is measured. `events` is also the size of the first store that questions are asked of,
    `recipients` that of the campaign whose credits are asked for, `scales` those of the stores of `scale`, the
    smallest first, the last of which `dashboard` is shown over with `page_campaigns` campaigns, and `minutes` the
    time of `soak`.
    """

    events: int = 1_000_000
    large_events: int = 10_000_000
    recipients: int = 1_000_000
    scales: tuple[int, ...] = (1_000_000, 10_000_000, 100_000_000)
    minutes: float = 10.0
    rounds: int = 5
    campaigns: int = 200
    page_campaigns: int = 10_000
    limit_s: float = 3.0
    asks: int = 200
    asks_limit_s: float = 5.0
    pause_s: float = 0.5
    quiet_s: float = 3.0

    @property
    def events_a_round(self) -> int:
        """Of the cases that handle a fixed number of events."""
        return max(self.events // self.rounds, 1)


QUICK = Sizes(
    events=10_000,
    large_events=0,
    recipients=200,
    scales=(500,),
    minutes=0.02,
    rounds=1,
    campaigns=5,
    page_campaigns=20,
    limit_s=0.1,
    asks=1,
    asks_limit_s=0.5,
    pause_s=0.0,
    quiet_s=0.0,
)


@dataclass(frozen=True)
class Ground:
    """What every group of cases stands on: a place for processes, sizes, and where to say what is going on."""

    site: Site
    sizes: Sizes
    note: Callable[[str], None]

    def traffic(self, count: int, batch: int, seed: int, campaigns: int = 0) -> Iterator[bytes]:
        """Bodies of `batch` events; another seed gives other events of the same campaigns."""
        return bodies(count, batch, campaigns=campaigns or self.sizes.campaigns, end=END, seed=seed)

    def load(self, server: Server, count: int, seed: int, campaigns: int = 0) -> float:
        """Send `count` events to a server, and return how many a second it took (their making included)."""
        supply = self.traffic(count, LOAD_EVENTS, seed, campaigns)
        started = time.perf_counter()
        drive(server.address, (post(body) for body in supply), LOAD_CONNECTIONS)
        return count / (time.perf_counter() - started)


def post(body: bytes) -> bytes:
    """The request that sends a body of events."""
    return request("POST", "/v1/events", key=API_KEY, body=body, media_type="application/x-ndjson")


def poster(server: Server, batch: int, connections: int, limit_s: float = float("inf")) -> Contender:
    """Posts bodies of `batch` events; the rate is in events."""

    def handle(bodies: Sequence[bytes]) -> float:
        requests = [post(body) for body in bodies]
        return drive(server.address, requests, connections, limit_s).rate * batch

    return handle


def working(worker: Worker, batch: int) -> Contender:
    """Has a worker handle bodies of `batch` events; the rate is in events."""

    def handle(bodies: Sequence[bytes]) -> float:
        return len(bodies) * batch / worker.handle(bodies).seconds

    return handle


def warm_up_of(per_round: int) -> int:
    """How many bodies are handled before the first round, uncounted."""
    return max(per_round // 10, 1)


def take_turns(ground: Ground, contenders: dict[str, Contender], batch: int, per_round: int) -> dict[str, list[float]]:
    """Let each contender handle the same `per_round` bodies of `batch` events in each round, after a warm-up."""
    rounds = ground.sizes.rounds
    supply = ground.traffic((per_round * rounds + warm_up_of(per_round)) * batch, batch, seed=batch)
    warm_up = list(islice(supply, warm_up_of(per_round)))
    for handle in contenders.values():
        handle(warm_up)
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(rounds):
        bodies = list(islice(supply, per_round))
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            ground.note(f"{batch:,} a body, round {number + 1} of {rounds}: {name}")
            # What the one before has left to do in the background is not to be paid by the next.
            time.sleep(ground.sizes.pause_s)
            rates[name].append(contenders[name](bodies))
    return rates
