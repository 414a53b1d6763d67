"""How often a caller may ask: fixed windows that begin on the clock, as vendors count, and the rates of a key.

Who asks, the limit and the time go in; what is left, or how long to wait, goes out. Memory is a number or two per
caller and limit.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from turnout.errors import RateLimited

#: So many seconds' worth may come at once; over a longer time it is the rate.
BURST_S = 5

#: Callers that a rate, and addresses that a limit, remembers.
REMEMBERED_LIMIT = 10_000

_MINUTE_S = 60


@dataclass(frozen=True)
class Limit:
    """So many requests in each window of `window_s` seconds; what has the same `name` shares it."""

    name: str
    requests: int
    window_s: int


@dataclass(frozen=True)
class Rate:
    """Where a caller stands: `reset_s` is the epoch second at which the next window begins."""

    limit: int
    remaining: int
    reset_s: int
    exceeded: bool


class Limiter:
    """Counts the requests of the current window. For one thread (the event loop's)."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], tuple[int, int]] = {}

    def count(self, caller: str, limit: Limit, now: datetime) -> Rate:
        """Count one request; refused ones count no further."""
        window = int(now.timestamp()) // limit.window_s
        before, used = self._counts.get((caller, limit.name), (window, 0))
        if before != window:
            used = 0
        exceeded = used >= limit.requests
        used = min(used + 1, limit.requests)
        self._counts[caller, limit.name] = (window, used)
        return Rate(limit.requests, limit.requests - used, (window + 1) * limit.window_s, exceeded)


class Rates:
    """A token bucket for each caller: `rate_per_s` on average and `BURST_S` seconds of it at once; 0 lets all pass.

    For one thread. Past `REMEMBERED_LIMIT` callers the one that asked longest ago begins anew.
    """

    def __init__(self, rate_per_s: int, clock_s: Callable[[], float] = time.monotonic) -> None:
        self.rate_per_s = rate_per_s
        self._most = float(rate_per_s * BURST_S)
        self._clock_s = clock_s
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, amount: int = 1) -> int:
        """Take `amount`, and return 0; or take nothing, and return the seconds until it could be taken.

        More than a full bucket holds is given from a full one, which then owes the rest: a large request waits its
        turn, and the average stays what it is.
        """
        now_s = self._clock_s()
        left, at_s = self._buckets.pop(caller, (self._most, now_s))
        left = min(self._most, left + (now_s - at_s) * self.rate_per_s)
        lacking = min(amount, self._most) - left
        if lacking <= 0:
            left -= amount
        self._buckets[caller] = left, now_s
        if len(self._buckets) > REMEMBERED_LIMIT:
            self._buckets.popitem(last=False)
        return 0 if lacking <= 0 else max(1, math.ceil(lacking / self.rate_per_s))


class KeyRates:
    """What a key may do in a second, in every room: requests, and events."""

    def __init__(self, requests_per_s: int, events_per_s: int, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._requests = Rates(requests_per_s, clock_s)
        self._events = Rates(events_per_s, clock_s)

    def request(self, key: str) -> None:
        """Count a request of this key; RateLimited if it is one too many."""
        if self._requests.rate_per_s and (wait_s := self._requests.take(key)):
            raise RateLimited(f"this key may ask {self._requests.rate_per_s} times a second", retry_after_s=wait_s)

    def events(self, key: str, count: int) -> None:
        """Count events that this key is about to hand in; RateLimited, before any is taken, if they are too many."""
        if self._events.rate_per_s and (wait_s := self._events.take(key, count)):
            raise RateLimited(f"this key may send {self._events.rate_per_s} events a second", retry_after_s=wait_s)


class Attempts:
    """Failed attempts to say who one is, counted for each address by the minute.

    An address that had `limit_per_minute` of them (0: any number) is let in only with credentials that were good from
    there before, until the minute is over: guesses end, and whoever shares the address goes on. Addresses of this
    machine aren't counted: behind a proxy that says nothing of its clients, one address is everybody. An IPv6 address
    stands for its network (/64), which one client has to itself. For one thread.
    """

    def __init__(self, limit_per_minute: int, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit_per_minute
        self._clock_s = clock_s
        self._failures: dict[str, int] = {}
        self._minute_ends_s = 0.0
        self._known: dict[tuple[str, str], None] = {}

    def failed(self, address: str) -> None:
        """Count a failure."""
        if not self._limit or not (counted := network(address)):
            return
        now_s = self._clock_s()
        if now_s >= self._minute_ends_s:
            self._failures = {}
            self._minute_ends_s = now_s + _MINUTE_S
        if counted in self._failures or len(self._failures) < REMEMBERED_LIMIT:
            self._failures[counted] = self._failures.get(counted, 0) + 1

    def wait_s(self, address: str) -> int:
        """Seconds for which this address is let in with known credentials only; 0 if any may be tried."""
        if not self._failures or self._failures.get(network(address), 0) < self._limit:
            return 0
        return max(0, math.ceil(self._minute_ends_s - self._clock_s()))

    def succeeded(self, address: str, caller: str) -> None:
        """These credentials are good, from this address."""
        pair = address, caller
        if pair not in self._known:
            self._known[pair] = None
            if len(self._known) > REMEMBERED_LIMIT:
                del self._known[next(iter(self._known))]

    def knows(self, address: str, caller: str) -> bool:
        """Whether these credentials were good from this address before."""
        return (address, caller) in self._known


def network(address: str) -> str:
    """What an address is counted as; empty for one that isn't counted."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return network(str(found.ipv4_mapped))
        return "" if found.is_loopback else str(ipaddress.ip_network((found, 64), strict=False))
    return "" if found.is_loopback else address
