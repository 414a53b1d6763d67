"""One campaign: who it is, its main numbers, and its panels, a section of them at a time."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup
from starlette.responses import Response

from turnout.dashboard import choosing, files, pages
from turnout.dashboard.beside import beside
from turnout.dashboard.choosing import Choice, clock_time
from turnout.dialects.contract import Call
from turnout.errors import InvalidInput, UnknownName
from turnout.model import TRAFFIC_CLASSES, Campaign
from turnout.panels import view
from turnout.panels.contract import Ask, Panel, Shown, View
from turnout.panels.headline import Headline, headline, left_out
from turnout.panels.picture import caption
from turnout.panels.registry import PANELS
from turnout.panels.status import status
from turnout.services import Services
from turnout.stats.question import Filter, Question
from turnout.stats.recent import Looking

#: The sections in order. A live show has a page of its own.
SECTIONS = {
    "summary": "Summary",
    "variations": "Variations",
    "links": "Links",
    "audience": "Audience",
    "traffic": "Traffic",
    "live": "Live",
}

_WATCHED = ("watched", "liked", "chatted", "product_clicked", "banner_clicked")


@dataclass(frozen=True)
class Drawn:
    """A panel with what it shows, and its chart as SVG; none where there is nothing to draw, or it could not be.

    `files` are labels and addresses of the same as files.
    """

    panel: Panel
    shown: Shown
    svg: Markup | None
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Has:
    """What a campaign has ever had, of any traffic: so its page has the same sections whatever range is seen."""

    links: bool
    live: bool


async def campaign(call: Call) -> Response:
    """A section of a campaign. What can't be shown so is said on the page, where it can be chosen anew."""
    found = call.services.catalog.campaign(call.workspace.id, call.request.query_params.get("id", ""))
    section = call.request.query_params.get("section", "") or "summary"
    asked = view.given(call.request.query_params.multi_items())
    if section == "live":
        return pages.go("/dashboard/show", id=found.id)
    try:
        if section not in SECTIONS:
            raise UnknownName("section", section, SECTIONS, field="section")
        seen = await call.services.run(view.read, call.services, call.workspace, found, asked)
        return await _page(call, seen, section, asked)
    except InvalidInput as error:
        return _refused(call, found, section if section in SECTIONS else "summary", asked, error)


async def _page(call: Call, seen: View, section: str, asked: Mapping[str, str]) -> Response:
    services = call.services
    ask = Looking(services.recent, services.statistics, seen.events)
    panels = [panel for panel in PANELS.values() if panel.section == section]
    # Side by side: each waits for the engine, and for its chart, most of the time.
    (has, numbers), drawn = await asyncio.gather(
        services.run(_known, ask, seen),
        beside(services, [partial(draw, services, ask, seen, panel, asked) for panel in panels]),
    )
    return pages.page(
        call,
        "campaign.html",
        seen.campaign.title or seen.campaign.id,
        **_head(seen.campaign, section, asked, seen.timezone, services.now()),
        tabs=_tabs(seen.campaign, section, asked, has),
        bar=choosing.bar(seen.campaign.id, section, asked, seen.timezone, seen.metrics),
        headline=numbers,
        left_out=left_out(numbers.left_out, seen.traffic),
        traffic_address=choosing.address(seen.campaign.id, "traffic", asked),
        caption=caption(seen),
        panels=drawn,
        as_of=clock_time(ask.as_of, seen.timezone),
        wrong=None,
    )


def _refused(call: Call, found: Campaign, section: str, asked: Mapping[str, str], error: InvalidInput) -> Response:
    """The page without numbers: what is wrong, and the bar to put it right."""
    timezone = call.workspace.timezone
    metrics = tuple(name.strip() for name in asked.get("metrics", "").split(","))
    return pages.page(
        call,
        "campaign.html",
        found.title or found.id,
        400,
        **_head(found, section, asked, timezone, call.services.now()),
        tabs=(),
        bar=choosing.bar(found.id, section, asked, asked.get("timezone") or timezone, metrics),
        headline=Headline(()),
        left_out="",
        traffic_address="",
        caption="",
        panels=(),
        as_of="",
        wrong=error,
    )


def draw(services: Services, ask: Ask, seen: View, panel: Panel, asked: Mapping[str, str]) -> Drawn:
    """A panel, with its chart drawn; without it where that fails, since the table says the same. Blocks.

    With what was `asked` for, it says where it is to be had as files.
    """
    shown = panel.draw(seen, ask)
    return Drawn(panel, shown, pages.drawing(services, shown), files.addresses(seen.campaign.id, panel, shown, asked))


def _has(ask: Ask, seen: View) -> Has:
    """Asked of all time and traffic: the counts that the rollup knows."""
    totals = ask(
        Question(
            seen.workspace.id,
            ("clicked", *_WATCHED),
            filters=(Filter("campaign", (seen.campaign.id,)),),
            traffic=TRAFFIC_CLASSES,
        )
    ).totals
    is_live = "live" in seen.campaign.channels or seen.campaign.type.lower() == "live"
    live = is_live or any(totals[name] for name in _WATCHED)
    return Has(links=bool(totals["clicked"]) or not live, live=live)


def _known(ask: Ask, seen: View) -> tuple[Has, Headline]:
    has = _has(ask, seen)
    return has, headline(seen, ask, is_show=has.live)


def _tabs(found: Campaign, section: str, asked: Mapping[str, str], has: Has) -> tuple[Choice, ...]:
    there = {
        "variations": len(found.variations) > 1,
        "links": has.links,
        "live": has.live,
    }
    return tuple(
        Choice(
            pages.link("/dashboard/show", id=found.id) if name == "live" else choosing.address(found.id, name, asked),
            label,
            name == section,
        )
        for name, label in SECTIONS.items()
        if there.get(name, True) or name == section
    )


def _head(found: Campaign, section: str, asked: Mapping[str, str], timezone: str, now: dt.datetime) -> dict[str, Any]:
    """Who the campaign is."""
    times = [("Scheduled", found.scheduled_at), ("Started", found.started_at), ("Ended", found.ended_at)]
    return {
        "campaign": found,
        "section": section,
        "standing": status(found, now),
        "times": tuple((label, moment(time, timezone)) for label, time in times if time is not None),
        "made_of": " and ".join(
            _several(len(those), word)
            for those, word in ((found.messages, "message"), (found.variations, "variation"))
            if those
        ),
        "timezone": timezone,
        "compare_address": pages.link("/dashboard/compare", id=found.id),
        "report_address": pages.link(
            "/dashboard/report", id=found.id, **{"from_" if name == "from" else name: asked[name] for name in asked}
        ),
    }


def _several(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def moment(time: dt.datetime, timezone: str) -> str:
    """A time of day in a zone: 10 Nov 2026, 09:30."""
    local = time.astimezone(ZoneInfo(timezone))
    return f"{local.day} {local:%b %Y, %H:%M}"
