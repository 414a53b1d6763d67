"""How long a page of the dashboard takes over a large store of many campaigns, once it is warm.

Pages are asked for as a browser does, with a session's cookie, one after another on one connection. `warm` is a page
that was asked for before, with nothing new since; `after an event`, one before which an event came in: every answer of
the workspace is stale then.
"""

from __future__ import annotations

import http.client
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from turnout.bench.cached import busiest
from turnout.bench.findings import Budget, Finding, finding
from turnout.bench.load import Address, LoadFailed, drive, request
from turnout.bench.processes import API_KEY, Server, rest
from turnout.bench.questions import words
from turnout.bench.rounds import Ground, post

GROUP = "dashboard"

_LIMIT_MS = 150.0

#: Sections of a campaign's page that are measured, each over the busiest campaigns in turn.
_SECTIONS = ("summary", "links", "audience", "traffic")
_CAMPAIGNS_SHOWN = 5

_EVENT = b'{"type":"opened","time":"2025-10-20T10:00:00Z","campaign":"%s","recipient":"late%d@example.com"}'


@dataclass(frozen=True)
class Page:
    """A page by its name, and the addresses it is asked for at, in turn."""

    name: str
    addresses: tuple[str, ...]


def measure(ground: Ground) -> Iterator[Finding]:
    """The findings of one store, the largest of `scales`, of `page_campaigns` campaigns."""
    size, data = ground.sizes.scales[-1], ground.site.fresh("dashboard")
    with ground.site.turnout(data) as server:
        ground.note(f"loading {words(size)} events of {ground.sizes.page_campaigns:,} campaigns")
        ground.load(server, size, seed=size, campaigns=ground.sizes.page_campaigns)
        rest(server, ground.sizes.quiet_s)
    # As after a start: nothing is remembered but what is kept on disk.
    with ground.site.turnout(data) as server:
        rest(server, ground.sizes.quiet_s)
        yield from pages(ground, server, size)


def pages(ground: Ground, server: Server, size: int) -> Iterator[Finding]:
    """Every page: the first time, warm, and with something new each time."""
    cookie, late_comers = _sign_in(server.address), itertools.count()
    campaigns = busiest(server, _CAMPAIGNS_SHOWN)
    group = f"{GROUP}, {words(size)} events, {ground.sizes.page_campaigns:,} campaigns"
    for page in _pages(campaigns):
        ground.note(f"{page.name} over {words(size)}")
        asked = [request("GET", where, cookie=cookie) for where in page.addresses]
        first = drive(server.address, asked, 1)
        yield finding(group, f"{page.name}, first", "ms", _ms(first.latencies_s))
        rounds = itertools.islice(itertools.cycle(asked), ground.sizes.asks)
        warm = drive(server.address, rounds, 1, ground.sizes.asks_limit_s)
        yield finding(group, f"{page.name}, warm", "ms", _ms(warm.latencies_s), budgets=(Budget("value", _LIMIT_MS),))
        late = list(_with_news(server, asked, campaigns[0], late_comers, min(ground.sizes.asks, 10)))
        yield finding(group, f"{page.name}, after an event", "ms", late)


def _with_news(
    server: Server, asked: Sequence[bytes], campaign: str, late_comers: Iterator[int], count: int
) -> Iterator[float]:
    """The time of a page of which something is new each time; the event's own is not in it."""
    for number in range(count):
        drive(server.address, [post(_EVENT % (campaign.encode(), next(late_comers)))], 1)
        yield from _ms(drive(server.address, [asked[number % len(asked)]], 1).latencies_s)


def _pages(campaigns: Sequence[str]) -> Iterator[Page]:
    yield Page("all campaigns", ("/",))
    yield Page("all campaigns, by unique clicks", ("/?sort=-unique_clicked",))
    yield Page("all campaigns, searched", (f"/?{urlencode({'q': campaigns[0][:8]})}",))
    for section in _SECTIONS:
        queries = [urlencode({"id": name, "section": section}) for name in campaigns]
        yield Page(f"a campaign, {section}", tuple(f"/dashboard/campaign?{query}" for query in queries))
    compared = urlencode({"id": campaigns[:3]}, doseq=True)
    yield Page("three campaigns compared", (f"/dashboard/compare?{compared}",))


def _sign_in(address: Address) -> str:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=60)
    try:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/sign-in", urlencode({"key": API_KEY}), form)
        answer = connection.getresponse()
        cookie = answer.getheader("set-cookie", "").partition(";")[0]
    finally:
        connection.close()
    if not cookie:
        raise LoadFailed(f"signing in was answered with {answer.status}")
    return cookie


def _ms(seconds: Sequence[float]) -> list[float]:
    return [1000 * one for one in seconds]
