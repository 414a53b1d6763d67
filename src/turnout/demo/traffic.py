"""The stream of events that the benchmark measures with.

A number of events and a seed enter; NDJSON lines leave, or bodies of many lines, nearly in the order of
time, as a sender's would. Nothing is kept but what is still to come, so any length works.

The shape is that of real senders. Campaigns are skewed: the k-th largest has a share of about 1/k. Each has
a few bursts in business hours; a burst sends within minutes, to one recipient once. Deliveries follow after
seconds, opens and clicks decay over days and belong to recipients who got the message. `SHARES` says how
many events of each type there are, exactly.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice, pairwise

import numpy as np
from numpy.typing import NDArray

from turnout.demo.wording import MESSAGES, ROW, TYPES, Ints, Rows, head_of, lines, tail_of

#: How many of 10,000 events are of each type; the rest are sent.
SHARES = {
    "delivered": 4000,
    "opened": 1000,
    "clicked": 300,
    "bounced": 120,
    "unsubscribed": 40,
    "converted": 15,
    "deferred": 15,
    "complained": 10,
}

#: The share of opens that Apple makes ahead of the reader.
_PREFETCH_SHARE = 0.18

#: How long after an open its consequences come, on average.
_AFTER_OPEN_MS = {"clicked": 90_000, "unsubscribed": 200_000, "converted": 3_600_000, "complained": 60_000}

_SENDS_A_CHUNK = 22_500  # with what follows from them, about 50,000 events: arrays that fit the cache
_SECOND_MS = 1_000
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS

#: The weight of each UTC hour as the beginning of a burst.
_HOUR_WEIGHTS = np.array([0, 0, 0, 0, 0, 1, 3, 7, 10, 11, 9, 7, 6, 6, 7, 8, 8, 7, 5, 3, 2, 1, 0, 0], dtype=float)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Bursts:
    """Who sends how much when: one entry a burst, in the order of time. Times in ms since the epoch."""

    campaign: Ints
    message: Ints
    size: Ints
    start: Ints
    length: Ints
    first: Ints
    stride: Ints
    end: Ints  # the position after the burst's last send in the sequence of all sends


def generate(
    count: int,
    *,
    campaigns: int = 200,
    recipients: int = 1_000_000,
    days: int = 90,
    end: dt.datetime,
    seed: int = 1,
) -> Iterator[bytes]:
    """Exactly `count` events, one a line (no newline), all within the `days` days that end at `end`."""
    return chain.from_iterable(
        _chunks(count, campaigns=campaigns, recipients=recipients, days=days, end=end, seed=seed)
    )


def bodies(
    count: int,
    batch: int,
    *,
    campaigns: int = 200,
    recipients: int = 1_000_000,
    days: int = 90,
    end: dt.datetime,
    seed: int = 1,
) -> Iterator[bytes]:
    """The events of `generate` as NDJSON bodies of `batch` events each; the last one holds the rest."""
    events = generate(count, campaigns=campaigns, recipients=recipients, days=days, end=end, seed=seed)
    while group := list(islice(events, batch)):
        yield b"\n".join(group) + b"\n"


def _chunks(
    count: int, *, campaigns: int, recipients: int, days: int, end: dt.datetime, seed: int
) -> Iterator[list[bytes]]:
    rng = np.random.default_rng(seed)
    end_ms = int(end.timestamp()) * _SECOND_MS
    totals = {name: count * share // 10_000 for name, share in SHARES.items()}
    sends = count - sum(totals.values())
    bursts = _plan(rng, sends, campaigns, recipients, days, end_ms)
    chunks = -(-sends // _SENDS_A_CHUNK)
    bounds = [sends * number // max(chunks, 1) for number in range(chunks + 1)]
    later = np.empty(0, dtype=ROW)
    for low, high in pairwise(bounds):
        quota = {name: total * high // sends - total * low // sends for name, total in totals.items()}
        sent = _sends(rng, bursts, low, high, recipients)
        rows = np.concatenate([later, sent, *_consequences(rng, sent, quota, end_ms)])
        # What happens after the next send waits for its turn; after the last send everything has come.
        front_ms = int(_placed(bursts, np.array([high]))[2][0]) if high < sends else end_ms
        ready = rows["time"] <= front_ms
        rows, later = rows[ready], rows[~ready]
        yield lines(rng, rows[np.argsort(rows["time"], kind="stable")], campaigns)


def _plan(rng: np.random.Generator, sends: int, campaigns: int, recipients: int, days: int, end_ms: int) -> _Bursts:
    """Deals the sends to campaigns by Zipf's law, and each campaign's to two to eight bursts."""
    counts = rng.integers(2, 9, campaigns)
    campaign = np.repeat(np.arange(campaigns), counts)
    # A gamma for each burst, so that one campaign's bursts differ as a newsletter and its reminder do.
    weight = (1 / (campaign + 1)) * rng.gamma(3, size=len(campaign)) / counts[campaign]
    size = np.diff(np.round(np.cumsum(weight) / weight.sum() * sends).astype(np.int64), prepend=0)
    hours = rng.choice(24, len(campaign), p=_HOUR_WEIGHTS / _HOUR_WEIGHTS.sum())
    midnight_ms = end_ms // _DAY_MS * _DAY_MS - rng.integers(0, days, len(campaign)) * _DAY_MS
    start = midnight_ms + hours * _HOUR_MS + rng.choice([0, 15, 30], len(campaign)) * 60 * _SECOND_MS
    # The last burst begins two hours before the end: it is all sent by then, and has had some opens.
    start = np.where(start > end_ms - 2 * _HOUR_MS, start - _DAY_MS, start)
    start = np.maximum(start, end_ms - days * _DAY_MS)
    length = rng.integers(5 * 60, 40 * 60, len(campaign)) * _SECOND_MS
    stride = rng.integers(1, max(recipients, 2), len(campaign))
    while (shared := np.gcd(stride, recipients) > 1).any():
        # Steps that share no factor with the number of recipients reach each of them once.
        stride = np.where(shared, stride % recipients + 1, stride)
    order = np.argsort(start, kind="stable")
    return _Bursts(
        campaign=campaign[order],
        message=rng.integers(0, MESSAGES, len(campaign)),
        size=size[order],
        start=start[order],
        length=length[order],
        first=rng.integers(0, recipients, len(campaign)),
        stride=stride,
        end=np.cumsum(size[order]),
    )


def _placed(bursts: _Bursts, position: Ints) -> tuple[Ints, Ints, Ints]:
    """Of each send: its burst, its number within that, and its time."""
    burst = np.searchsorted(bursts.end, position, side="right")
    ordinal = position - (bursts.end - bursts.size)[burst]
    return burst, ordinal, bursts.start[burst] + ordinal * bursts.length[burst] // bursts.size[burst]


def _sends(rng: np.random.Generator, bursts: _Bursts, low: int, high: int, recipients: int) -> Rows:
    """The sends `low` to `high` of all."""
    burst, ordinal, time_ms = _placed(bursts, np.arange(low, high))
    rows = np.zeros(high - low, dtype=ROW)
    rows["time"] = time_ms + rng.integers(0, 500, high - low)
    rows["recipient"] = (bursts.first[burst] + ordinal * bursts.stride[burst]) % recipients
    # Which arm of a test a recipient is in stays the same for all that follows.
    rows["head"] = head_of(bursts.campaign[burst], bursts.message[burst], ordinal % 2)
    return rows


def _consequences(rng: np.random.Generator, sent: Rows, quota: dict[str, int], end_ms: int) -> Iterator[Rows]:
    """What follows from these sends: exactly `quota` events of each type, none after `end_ms`."""
    shuffled = rng.permutation(sent)
    reached = shuffled[: quota["delivered"]]
    delivered = _follow(rng, "delivered", reached, rng.exponential(8_000, len(reached)), end_ms)
    yield delivered
    others = shuffled[quota["delivered"] :] if quota["delivered"] < len(shuffled) else shuffled
    for name in ("bounced", "deferred"):
        chosen = others[rng.integers(0, len(others), quota[name])]
        yield _follow(rng, name, chosen, rng.exponential(30_000, len(chosen)), end_ms)
    # A power of a uniform number prefers some recipients: the same few open again and again.
    keen = delivered[(rng.random(quota["opened"]) ** 1.6 * len(delivered)).astype(np.int64)]
    prefetched = int(len(keen) * _PREFETCH_SHARE)
    lag_ms = rng.exponential(np.where(rng.random(len(keen)) < 0.7, 2 * _HOUR_MS, 30 * _HOUR_MS))
    lag_ms[:prefetched] = rng.exponential(120_000, prefetched)
    opened = _follow(rng, "opened", keen, lag_ms, end_ms, prefetched)
    yield opened
    readers = opened[prefetched:]
    for name, mean_ms in _AFTER_OPEN_MS.items():
        chosen = readers[rng.integers(0, max(len(readers), 1), quota[name])]
        yield _follow(rng, name, chosen, rng.exponential(mean_ms, len(chosen)), end_ms)


def _follow(
    rng: np.random.Generator, name: str, before: Rows, lag_ms: Floats, end_ms: int, prefetched: int = 0
) -> Rows:
    """What happens to the same recipients `lag_ms` after `before`."""
    rows = before.copy()
    rows["type"] = TYPES.index(name)
    # Folding a lag that leads past the end keeps the count exact.
    rows["time"] += lag_ms.astype(np.int64) % np.maximum(end_ms - before["time"], 1)
    rows["tail"] = tail_of(rng, name, rows["recipient"], prefetched)
    return rows
