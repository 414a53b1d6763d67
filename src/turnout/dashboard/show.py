"""A live show while it goes on: who watches now, what they do, and its curve.

Numbers are asked for every few seconds and charts drawn less often, both once for everybody who looks at the show
(`shared`): a thousand people who watch the watchers cost what one does.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import Response

from turnout.dashboard import pages
from turnout.dashboard.campaign import Drawn
from turnout.dashboard.campaign import draw as draw_panel
from turnout.dashboard.shared import Shared, Shelf
from turnout.dialects.contract import Call
from turnout.dialects.kept import PerHouse
from turnout.model import Campaign
from turnout.panels import live, view
from turnout.panels.contract import Ask, Cell, Kind, View
from turnout.panels.live_charts import PEAK, REACTIONS
from turnout.panels.presence import WATCHES_WITHIN_S, Presence, presence
from turnout.stats import asking
from turnout.stats.answer import Answer
from turnout.stats.metrics import METRICS
from turnout.stats.question import Question

#: How old numbers and charts may be.
NUMBERS_AGE_S = 3
CHARTS_AGE_S = 15

#: When the page asks again: while somebody watches, and while nobody does.
LIVE_POLL_S = 4
IDLE_POLL_S = 20

#: Shows, as somebody looks at them, that are remembered.
LIMIT_SHOWS = 200

#: Until then after its last event a show is still this one: its curve is drawn, not that of the fullest before it.
_JUST_NOW_MS = 30 * 60_000

_AUDIENCE = {
    PEAK: "Most at once",
    "viewers": "Viewers in all",
    "login_viewers": "Logged in",
    "average_viewing_time_s": "Average viewing time",
}


@dataclass(frozen=True)
class Card:
    """A number with its label, what it means, and a line below it."""

    name: str
    label: str
    kind: Kind
    value: Cell
    beside: str = ""

    @property
    def definition(self) -> str:
        """What the metric counts."""
        return METRICS[self.name].definition


@dataclass(frozen=True)
class Charts:
    """What is drawn, the time of the last event, and a name that changes with them."""

    audience: Mapping[str, Cell]
    panels: tuple[Drawn, ...]
    last_ms: int | None
    version: str


@dataclass(frozen=True)
class _Looked:
    """What everybody shares who looks at one show in the same way."""

    numbers: Shared[Presence] = field(default_factory=lambda: Shared(NUMBERS_AGE_S))
    charts: Shared[Charts] = field(default_factory=lambda: Shared(CHARTS_AGE_S))
    #: The part of the page as it was last rendered, with its charts and without.
    parts: dict[bool, tuple[Hashable, bytes]] = field(default_factory=dict)


_shelves: PerHouse[Shelf[_Looked]] = PerHouse(lambda: Shelf(LIMIT_SHOWS, _Looked))


async def show(call: Call) -> Response:
    """Viewers now, the curve of the show, what they do."""
    look = await _look(call)
    return pages.page(call, "show.html", look.campaign.title or look.campaign.id, has_charts=False, **look.shown())


async def now(call: Call) -> Response:
    """The part of the page that changes; its charts only for who has others (`have`).

    Nothing in it is of the person who asks, so it is rendered once for all.
    """
    look = await _look(call)
    has_charts = call.request.query_params.get("have", "") == look.charts.version
    name = (look.present.at_ms, look.charts.version)
    known, body = look.looked.parts.get(has_charts, (None, b""))
    if known != name:
        body = bytes(pages.part(call, "show_now.html", has_charts=has_charts, **look.shown()).body)
        look.looked.parts[has_charts] = name, body
    return Response(body, 200, pages.HEADERS, "text/html; charset=utf-8")


@dataclass(frozen=True)
class _Look:
    """A show as somebody looks at it: what was asked for, and what there is to see."""

    campaign: Campaign
    asked: Mapping[str, str]
    timezone: str
    looked: _Looked
    present: Presence
    charts: Charts

    def shown(self) -> dict[str, Any]:
        """What the templates show."""
        present, last_ms = self.present, self.charts.last_ms
        return {
            "campaign": self.campaign,
            "asked": {f"{name}_" if name == "from" else name: value for name, value in self.asked.items()},
            "timezone": self.timezone,
            "present": present,
            "at": f"{_local(present.at_ms, self.timezone):%H:%M:%S}",
            "last": "" if last_ms is None else f"{_local(last_ms, self.timezone):%Y-%m-%d %H:%M}",
            "cards": _cards(present, self.charts.audience),
            "panels": self.charts.panels,
            "drawn_version": self.charts.version,
            "poll_s": LIVE_POLL_S if present.is_live else IDLE_POLL_S,
            "within_s": WATCHES_WITHIN_S,
        }


async def _look(call: Call) -> _Look:
    query = call.request.query_params
    found = call.services.catalog.campaign(call.workspace.id, query.get("id", ""))
    given = view.given(query.multi_items())
    asked = {name: given[name] for name in view.NAMES if name in given}
    looked = _shelves.of(call.services).of((call.workspace.id, found.id, *asked.items()))
    present = await looked.numbers.get(lambda: _numbers(call, found, asked))
    charts = await looked.charts.get(lambda: _charts(call, found, asked))
    timezone = asked.get("timezone") or call.workspace.timezone
    return _Look(found, asked, timezone, looked, present, charts)


async def _numbers(call: Call, found: Campaign, asked: Mapping[str, str]) -> Presence:
    services, workspace, now = call.services, call.workspace, call.services.now()
    where = view.range_of(asked, workspace, now)
    seen = View(
        workspace=workspace,
        campaign=found,
        timezone=where.timezone,
        traffic=asking.traffic(asked.get("traffic", "")),
        now_ms=int(now.timestamp() * 1000),
        from_ms=where.from_ms,
        to_ms=where.to_ms,
    )
    # Once for all who look, not for each of them: it has the writer hurry.
    await services.writer.settled(workspace.id)
    return await services.run(presence, seen, services.statistics.ask)


async def _charts(call: Call, found: Campaign, asked: Mapping[str, str]) -> Charts:
    services, workspace = call.services, call.workspace

    def draw() -> Charts:
        seen = view.read(services, workspace, found, asked)
        latest = seen.last_ms is not None and seen.now_ms - seen.last_ms < _JUST_NOW_MS
        chosen = (
            replace(live.CONCURRENCY, draw=partial(live.draw_concurrency, latest=latest)),
            replace(live.REACTED, draw=partial(live.draw_reactions, latest=latest)),
            live.PRODUCTS,
        )
        ask = _remembering(services.statistics.ask)
        panels = tuple(draw_panel(services, ask, seen, one, asked) for one in chosen)
        totals = ask(seen.question(live.AUDIENCE)).totals
        said = repr([totals, seen.last_ms, *((one.shown, one.svg) for one in panels)]).encode()
        return Charts(totals, panels, seen.last_ms, hashlib.blake2b(said, digest_size=8).hexdigest())

    return await services.draw(draw)


def _remembering(ask: Ask) -> Ask:
    """Asks each question once: the charts of one moment agree, and none is paid for twice."""
    known: dict[Question, Answer] = {}

    def once(question: Question) -> Answer:
        if question not in known:
            known[question] = ask(question)
        return known[question]

    return once


def _cards(present: Presence, audience: Mapping[str, Cell]) -> tuple[Card, ...]:
    who = [
        Card(name, label, "seconds" if name.endswith("_s") else "count", audience.get(name, 0))
        for name, label in _AUDIENCE.items()
    ]

    def recent(name: str) -> str:
        return f"{present.recent[name]:,} in the last minute" if present.is_live else ""

    did = [Card(name, label, "count", present.so_far[name], recent(name)) for name, label in REACTIONS.items()]
    return (*who, *did)


def _local(moment_ms: int, timezone: str) -> dt.datetime:
    return dt.datetime.fromtimestamp(moment_ms / 1000, ZoneInfo(timezone))
