"""Several campaigns beside one another, aligned at their sends.

id=      two to eight campaigns, each said by its own id=
metric=, length=hours | days, timezone=, traffic=
find=    what is looked for, to add another
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import get_args

from starlette.responses import Response

from turnout.dashboard import pages
from turnout.dashboard.beside import beside
from turnout.dashboard.campaign import Drawn
from turnout.dashboard.choosing import Choice, clock_time, traffic_choices, zone_names
from turnout.dialects.contract import Call
from turnout.errors import InvalidInput, UnknownName
from turnout.model import Campaign
from turnout.panels import comparison, headline
from turnout.panels.comparison import CHOICES, LIMIT_CAMPAIGNS, Comparison, Curve, Length, Send
from turnout.panels.contract import Ask, Panel, Shown, words
from turnout.panels.status import status
from turnout.services import Services
from turnout.stats import asking
from turnout.stats.recent import Looking

PAGE = "/dashboard/compare"

#: Campaigns that are proposed, or found.
_PROPOSED_LIMIT = 10

#: Characters of what is looked for.
_FIND_LIMIT_CHARS = 200

_LENGTHS: dict[Length, str] = {"hours": "72 hours", "days": "30 days"}


@dataclass(frozen=True)
class Asked:
    """What the address says, as it says it."""

    ids: tuple[str, ...]
    metric: str
    length: str
    timezone: str
    traffic: str
    find: str

    def address(self, ids: Sequence[str]) -> str:
        """The same comparison of other campaigns."""
        chosen = {"metric": self.metric, "length": self.length, "timezone": self.timezone, "traffic": self.traffic}
        return pages.link(PAGE, id=list(ids) or None, **chosen)


async def compare(call: Call) -> Response:
    """The comparison, or what is missing for one."""
    asked = _asked(call)
    catalog = call.services.catalog
    campaigns = tuple(catalog.campaign(call.workspace.id, one) for one in asked.ids[: LIMIT_CAMPAIGNS + 1])
    wrong: InvalidInput | None = None
    drawn: tuple[Drawn, ...] = ()
    unsent: tuple[Campaign, ...] = ()
    as_of = ""
    try:
        if len(asked.ids) > LIMIT_CAMPAIGNS:
            raise InvalidInput(f"at most {LIMIT_CAMPAIGNS} campaigns can be compared at once", field="id")
        asking.zone_of(asked.timezone, call.workspace)
        if len(campaigns) > 1:
            made = await call.services.run(_comparison, call, asked, campaigns)
            unsent = tuple(one for one in campaigns if one.id not in {send.campaign.id for send in made.sends})
            ask = Looking(call.services.recent, call.services.statistics, made.events)
            drawn = await _drawn(call.services, ask, made) if made.sends else ()
            as_of = clock_time(ask.as_of, made.timezone)
    except InvalidInput as error:
        wrong = error
    shown = campaigns[:LIMIT_CAMPAIGNS]
    return pages.page(
        call,
        "compare.html",
        "Compare campaigns",
        200 if wrong is None else 400,
        asked=asked,
        timezone=asked.timezone or call.workspace.timezone,
        zones=zone_names(),
        metrics=tuple(Choice(name, words(name), name == asked.metric) for name in CHOICES),
        lengths=tuple(Choice(name, label, name == asked.length) for name, label in _LENGTHS.items()),
        traffic=traffic_choices(asked.traffic),
        chosen=tuple((one, asked.address([other.id for other in shown if other.id != one.id])) for one in shown),
        proposed=_proposed(call, asked, shown),
        is_full=len(shown) >= LIMIT_CAMPAIGNS,
        unsent=unsent,
        panels=drawn,
        as_of=as_of,
        left_out=headline.left_out(
            sum(count for one in drawn for count in one.shown.excluded.values()),
            asking.traffic(asked.traffic) if drawn else (),
        ),
        wrong=wrong,
    )


def _asked(call: Call) -> Asked:
    query = call.request.query_params
    ids = tuple(dict.fromkeys(one for one in query.getlist("id") if one))
    return Asked(
        ids=ids,
        metric=query.get("metric") or "unique_opened",
        length=query.get("length") or "hours",
        timezone=query.get("timezone", "").strip(),
        traffic=query.get("traffic", ""),
        find=query.get("find", "").strip()[:_FIND_LIMIT_CHARS],
    )


def _comparison(call: Call, asked: Asked, campaigns: tuple[Campaign, ...]) -> Comparison:
    """What is asked for, checked, of those that were sent. Blocks: it looks when their events were."""
    if asked.metric not in CHOICES:
        raise UnknownName("metric to compare", asked.metric, CHOICES, field="metric")
    length = next((name for name in get_args(Length) if name == asked.length), None)
    if length is None:
        raise UnknownName("length", asked.length, _LENGTHS, field="length")
    workspace, events = call.workspace, call.services.events
    ids = [one.id for one in campaigns]
    spans = events.spans(workspace.id, ids)
    sent = events.spans(workspace.id, [one.id for one in campaigns if one.started_at is None], ("sent",))
    now_ms = int(call.services.now().timestamp() * 1000)
    sends = []
    for one, name in zip(campaigns, comparison.named(campaigns), strict=True):
        at_ms = int(one.started_at.timestamp() * 1000) if one.started_at is not None else None
        if at_ms is None and one.id in sent:
            at_ms = sent[one.id].first_ms
        if at_ms is not None and one.id in spans:
            sends.append(Send(one, name, at_ms, spans[one.id].last_ms + 1))
    return Comparison(
        workspace=workspace,
        sends=tuple(sends),
        metric=asked.metric,
        length=length,
        timezone=asking.zone_of(asked.timezone, workspace),
        traffic=asking.traffic(asked.traffic),
        now_ms=now_ms,
        events=sum(span.events for span in spans.values()),
    )


async def _drawn(services: Services, ask: Ask, made: Comparison) -> tuple[Drawn, ...]:
    """The panels; the campaigns are asked about side by side, each hour by hour."""

    def follow(send: Send) -> Curve:
        return comparison.curve(made, send, {hour: ask(question) for hour, question in made.questions(send)})

    whole, curves = await asyncio.gather(
        services.run(ask, made.totals_question()),
        beside(services, [partial(follow, send) for send in made.sends]),
    )
    metric = words(made.metric)
    shown = (
        ("totals", "Totals", "All that each campaign ever had.", comparison.totals(made, whole)),
        ("rates", "Rates", "What part of the people did what, and how sure that is.", comparison.rates(made, whole)),
        ("progress", f"{metric} since the send", _ABOUT_PROGRESS, comparison.progress(made, curves)),
        (
            "pace",
            "How fast",
            "How many came new between two points, as so many an hour.",
            comparison.pace(made, curves),
        ),
    )
    works = [partial(_draw, services, _panel(*one[:3], one[3]), one[3]) for one in shown if _has_something(one[3])]
    return tuple(await beside(services, works))


_ABOUT_PROGRESS = (
    "How far each had come by so many hours after its own send. Each point is of everything up to it, distinct "
    "recipients once; hours count from the quarter of an hour of the send. The first hours are drawn wider."
)


def _has_something(shown: Shown) -> bool:
    return bool(shown.table.rows or shown.spec or shown.empty)


def _draw(services: Services, panel: Panel, shown: Shown) -> Drawn:
    return Drawn(panel, shown, pages.drawing(services, shown))


def _panel(name: str, title: str, about: str, shown: Shown) -> Panel:
    return Panel(name, title, about, lambda view, ask: shown)


def _proposed(call: Call, asked: Asked, chosen: Sequence[Campaign]) -> tuple[tuple[Campaign, str, str], ...]:
    """Campaigns to add, each with its status and the address that adds it: what is looked for, else the latest."""
    now = call.services.now()
    ids = [one.id for one in chosen]
    wanted = asked.find.casefold()
    found = [
        one
        for one in call.services.catalog.campaigns(call.workspace.id)
        if one.id not in ids
        and (wanted in one.title.casefold() or wanted in one.id.casefold() if wanted else one.started_at is not None)
    ]
    found.sort(key=lambda one: (one.started_at or one.scheduled_at or one.created_at, one.id), reverse=True)
    return tuple((one, status(one, now), asked.address([*ids, one.id])) for one in found[:_PROPOSED_LIMIT])
