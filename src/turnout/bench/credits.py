"""What a campaign is credited with, over a large one: the first question after new events, and those after it.

One campaign with two goals reached `recipients` people, who then did ten things each that name no campaign:
half of them opened the app, the others bought or signed up. Every question goes over HTTP to a server that keeps no
answers, so that only what the credits keep is known to it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from urllib.parse import urlencode

import msgspec

from turnout.bench.findings import Budget, Finding, finding
from turnout.bench.load import drive, fetch, request
from turnout.bench.processes import API_KEY, Server, settle
from turnout.bench.rounds import END, LOAD_CONNECTIONS, LOAD_EVENTS, Ground, post

_CAMPAIGN = "credited"
_DAY_MS = 86_400_000
_END_MS = int(END.timestamp() * 1000)

_GOALS = [
    {"event": "purchased", "window_s": 3 * 86_400, "after": "sent"},
    {"event": "performed", "name": "signup", "window_s": 7 * 86_400, "after": "sent"},
]

#: Each asked first with new events in the store, then over other days.
_ASKED = {
    "conversions by day": {"metrics": "conversions", "dimensions": "day"},
    "conversions by day of the send and variation": {
        "metrics": "conversions", "dimensions": "day,variation", "by": "send",
    },
    "distinct converted recipients": {"metrics": "unique_conversions"},
    "revenue by day": {"metrics": "revenue", "dimensions": "day"},
    "influenced opens by day": {"metrics": "influenced_opens", "dimensions": "day"},
}  # fmt: skip

_FIRST, _NEXT = Budget("value", 2000.0), Budget("value", 20.0)


def measure(ground: Ground) -> Iterator[Finding]:
    """The findings, as they come."""
    data = ground.site.fresh("credits")
    group = f"credits, {ground.sizes.recipients:,} recipients, {10 * ground.sizes.recipients:,} behaviours"
    with ground.site.turnout(data, TURNOUT_CACHE_ENTRIES="10") as server:
        ground.note("loading a campaign and what its recipients did")
        drive(server.address, (post(body) for body in _bodies(ground.sizes.recipients)), LOAD_CONNECTIONS)
        goals = msgspec.json.encode({"goals": _GOALS})
        fetch(server.address, request("PUT", f"/v1/campaigns/{_CAMPAIGN}", key=API_KEY, body=goals))
        settle(data, ground.sizes.quiet_s)
        dice = random.Random(1)
        for name, query in _ASKED.items():
            ground.note(name)
            first, later = [], []
            for _ in range(ground.sizes.rounds):
                # Something new for everybody: what was credited is no longer known to be right.
                drive(server.address, [post(_sent(dice.randrange(10**9), dice))], 1)
                first += _latencies(server, query, 1, dice)
                later += _latencies(server, query, ground.sizes.asks // ground.sizes.rounds or 1, dice)
            yield finding(group, f"{name}, first", "ms", first, budgets=(_FIRST,))
            yield finding(group, f"{name}, over other days", "ms", later, budgets=(_NEXT,))


def _latencies(server: Server, query: dict[str, str], asks: int, dice: random.Random) -> list[float]:
    messages = []
    for _ in range(asks):
        start_ms = _END_MS - dice.randrange(20 * _DAY_MS, 30 * _DAY_MS)
        asked = {**query, "campaign": _CAMPAIGN, "from": str(start_ms)}
        messages.append(request("GET", f"/v1/stats?{urlencode(asked)}", key=API_KEY))
    return [1000 * seconds for seconds in drive(server.address, messages, 1).latencies_s]


def _bodies(recipients: int) -> Iterator[bytes]:
    dice = random.Random(2)
    lines = (
        line
        for number in range(recipients)
        for line in (_sent(number, dice), *(_done(number, dice) for _ in range(10)))
    )
    while body := b"\n".join(islice(lines, LOAD_EVENTS)):
        yield body


def _sent(number: int, dice: random.Random) -> bytes:
    moment = _END_MS - 30 * _DAY_MS + dice.randrange(2 * _DAY_MS)
    return (
        f'{{"type":"sent","time":{moment},"campaign":"{_CAMPAIGN}","channel":"ios_push","message":"m1",'
        f'"variation":"{"ab"[number % 2]}","recipient":"user-{number}@example.com"}}'
    ).encode()


def _done(number: int, dice: random.Random) -> bytes:
    moment, choice = _END_MS - dice.randrange(30 * _DAY_MS), dice.randrange(10)
    if choice < 5:
        what = '"type":"app_opened"'
    elif choice < 8:
        order = f',"order":"{moment}-{number}"' if choice == 5 else ""
        what = f'"type":"purchased","amount":"{dice.randrange(1, 20_000) / 100}"{order}'
    else:
        what = '"type":"performed","name":"signup"'
    return f'{{{what},"time":{moment},"recipient":"user-{number}@example.com"}}'.encode()
