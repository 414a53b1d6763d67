"""The words of the benchmark's stream: tables of finished JSON fragments, and the lines made of them.

Rows of numbers enter (see `ROW`); NDJSON lines leave. A line is a few looked-up fragments put between an id
and a time: to make and encode an object for each event takes longer than all the rest together.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

#: One event: its time in ms since the epoch, and where its words stand in the tables.
ROW = np.dtype([("time", "i8"), ("type", "u1"), ("head", "i4"), ("recipient", "i8"), ("tail", "i4")])
Rows = NDArray[np.void]

#: A row's type is an index of this.
TYPES = (
    "sent",
    "delivered",
    "opened",
    "clicked",
    "bounced",
    "unsubscribed",
    "converted",
    "deferred",
    "complained",
)

MESSAGES = 3
_ARMS = 2
_DAY_S = 86_400

_NAMES = "anna.weber lena.vogel emma.moreau lucia.garcia olga.novak jonas.berg felix.keller leon.petit".split()
_DOMAINS = "gmail.com yahoo.com outlook.com icloud.com example.com post.example mail.example web.example".split()
_MAILBOXES = tuple(f"{name}@{domain}" for name, domain in product(_NAMES, _DOMAINS))

_COUNTRIES = "DE FR US GB ES IT NL AT CH PL SE BR JP KR CA AU".split()
_CLIENTS = (
    ("iPhone", "Mobile Safari"),
    ("iPhone", "Mail"),
    ("Pixel 9", "Chrome Mobile"),
    ("Galaxy S25", "Samsung Internet"),
    ("Mac", "Safari"),
    ("Windows PC", "Chrome"),
    ("Windows PC", "Edge"),
    ("Linux PC", "Firefox"),
)
_READERS = tuple(
    f',"country":"{country}","device":"{device}","browser":"{browser}"'
    for country, (device, browser) in product(_COUNTRIES, _CLIENTS)
)
_LINKS = tuple(
    f',"target":"link","link":"l{number}","link_title":"Offer {number}","url":"https://shop.example.com/p/{number}"'
    for number in range(24)
)

_PLAIN = ("",)
_BOUNCES = (',"bounce":"hard"', ',"bounce":"soft"')
_AMOUNTS = tuple(
    f',"amount":{19 + 5 * step}.9,"currency":"{currency}"' for step, currency in product(range(20), ("EUR", "USD"))
)
_MACHINES = (',"traffic":"prefetch"', ',"traffic":"proxy"')
_CLICKS = tuple(reader + link for reader, link in product(_READERS, _LINKS))
_SCANS = tuple(link + ',"traffic":"scanner"' for link in _LINKS)

#: What ends a line; a row's tail is an index of this.
_TAILS = _PLAIN + _BOUNCES + _AMOUNTS + _MACHINES + _READERS + _CLICKS + _SCANS
_AT_BOUNCES = len(_PLAIN)
_AT_AMOUNTS = _AT_BOUNCES + len(_BOUNCES)
_AT_MACHINES = _AT_AMOUNTS + len(_AMOUNTS)
_AT_READERS = _AT_MACHINES + len(_MACHINES)
_AT_CLICKS = _AT_READERS + len(_READERS)
_AT_SCANS = _AT_CLICKS + len(_CLICKS)


def head_of(campaign: Ints, message: Ints, arm: Ints) -> Ints:
    """A row's `head`: which campaign, message and arm of its test it belongs to."""
    return (campaign * MESSAGES + message) * _ARMS + arm


def tail_of(rng: np.random.Generator, type: str, recipient: Ints, prefetched: int = 0) -> Ints:
    """A row's `tail`: what only events of `type` say; the first `prefetched` opens are Apple's.

    A recipient has one country and one client. Of the other opens 15 % come through a proxy, of the clicks
    4 % from a scanner; a message's first links are clicked most.
    """
    count = len(recipient)
    reader = _scattered(recipient, len(_READERS))
    if type == "bounced":
        return _AT_BOUNCES + rng.integers(0, len(_BOUNCES), count)
    if type == "converted":
        return _AT_AMOUNTS + rng.integers(0, len(_AMOUNTS), count)
    if type == "opened":
        tails = np.where(rng.random(count) < 0.15, _AT_MACHINES + 1, _AT_READERS + reader)
        tails[:prefetched] = _AT_MACHINES
        return tails
    if type == "clicked":
        link = (rng.random(count) ** 2 * len(_LINKS)).astype(np.int64)
        human = _AT_CLICKS + reader * len(_LINKS) + link
        return np.where(rng.random(count) < 0.04, _AT_SCANS + link, human)
    return np.zeros(count, dtype=np.int64)


def _scattered(recipient: Ints, size: int) -> Ints:
    """A number below `size` that is always the same for a recipient and alike for no two neighbours."""
    return (recipient * 2_654_435_761 >> 12) % size


@cache
def heads(campaigns: int) -> tuple[str, ...]:
    """The fragment of every `head_of`. Every fourth campaign is tested, every fifth is a push."""
    channels = [
        "email",
        "email",
        "email",
        "email",
        "ios_push",
        "email",
        "email",
        "email",
        "email",
        "android_push",
    ]
    made = []
    for campaign, message, arm in product(range(campaigns), range(MESSAGES), "ab"):
        variation = f'"variation":"{arm}",' if campaign % 4 == 0 else ""
        name = f'"campaign":"bench-{campaign:04d}","message":"m{message + 1}"'
        made.append(f'{name},{variation}"channel":"{channels[campaign % 10]}"')
    return tuple(made)


@cache
def _clock() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Every second of a day and every millisecond of a second, written out."""
    seconds = (f"T{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(_DAY_S))
    return tuple(seconds), tuple(f".{ms:03d}Z" for ms in range(1000))


def lines(rng: np.random.Generator, rows: Rows, campaigns: int) -> list[bytes]:
    """The events of `rows` as JSON, each with a fresh random id of 32 hexadecimal digits."""
    if not len(rows):
        return []
    seconds, millis = _clock()
    heads_, tails, mailboxes = heads(campaigns), _TAILS, _MAILBOXES
    kinds = [f'","type":"{name}","time":"' for name in TYPES]
    second, milli = np.divmod(rows["time"], 1000)
    day, second = np.divmod(second, _DAY_S)
    dates = {d: str(dt.date(1970, 1, 1) + dt.timedelta(days=d)) for d in np.unique(day).tolist()}
    ids = rng.bytes(16 * len(rows)).hex()
    columns: tuple[Any, ...] = (
        range(0, 32 * len(rows), 32),
        rows["type"].tolist(),
        day.tolist(),
        second.tolist(),
        milli.tolist(),
        rows["head"].tolist(),
        rows["recipient"].tolist(),
        _scattered(rows["recipient"], len(mailboxes)).tolist(),
        rows["tail"].tolist(),
    )
    return [
        (
            f'{{"id":"{ids[i : i + 32]}{kinds[kind]}{dates[d]}{seconds[s]}{millis[ms]}",{heads_[head]}'
            f',"recipient":"{number}.{mailboxes[mailbox]}"{tails[tail]}}}'
        ).encode()
        for i, kind, d, s, ms, head, number, mailbox, tail in zip(*columns, strict=True)
    ]
