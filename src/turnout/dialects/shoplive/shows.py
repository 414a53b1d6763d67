"""Which campaigns are live shows, what state each is in, and its numbers.

Campaigns of the catalog and counts of live events go in, `Show`s and rows of numbers come out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from turnout.dialects.shoplive.parse import Range, Search
from turnout.dialects.shoplive.wire import CAMPAIGNS_LIMIT, LIVE, METRICS, Kept
from turnout.errors import TooLarge
from turnout.model import Campaign
from turnout.services import Services
from turnout.stats.question import Filter, Question
from turnout.stats.run import Statistics
from turnout.store.events import Span

#: A campaign of one of these types or channels is a show before anything has happened in it.
SHOW_WORDS = frozenset({"live", "live_show", "liveshow", "live_commerce", "live_stream", "livestream"})

#: A show that nobody said has ended is taken to have ended when nothing has happened in it for so long.
QUIET = dt.timedelta(hours=6)

#: Who watches a show now: whose watched interval ended within this time.
NOW = dt.timedelta(minutes=2)

#: Campaigns that a look-up of first and last events names; for more of them it looks up all there are.
_NAMES_LIMIT = 1000

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Show:
    """A campaign as a show, with its first and last live event if it has any."""

    campaign: Campaign
    first: dt.datetime | None = None
    last: dt.datetime | None = None

    @property
    def started(self) -> dt.datetime | None:
        """When it started, as it was said, else when the first live event of it happened."""
        return self.campaign.started_at or self.first

    @property
    def scheduled(self) -> dt.datetime:
        """When it was to start; where nobody said so, when it did; else when it was created. Whole seconds."""
        return (self.campaign.scheduled_at or self.started or self.campaign.created_at).replace(microsecond=0)

    def status(self, now: dt.datetime) -> str:
        """READY until it starts, then ONAIR (a draft: REHEARSAL) until it ends."""
        ended, started = self.campaign.ended_at, self.started
        if ended is not None and ended <= now:
            return "ENDED"
        if started is None or started > now:
            return "READY"
        if ended is None and now - max(started, self.last or started) > QUIET:
            return "ENDED"
        return "REHEARSAL" if self.campaign.draft else "ONAIR"


@dataclass(frozen=True)
class Described:
    """A show at one moment: its status, and its viewers and likes, None before it."""

    show: Show
    status: str
    viewers: int | None = None
    likes: int | None = None


# ---- which campaigns --------------------------------------------------------------------------------


def kept(campaign: Campaign) -> Kept:
    """What this room keeps in the campaign's properties; what isn't of its form there is as if it were not."""
    try:
        return msgspec.convert(campaign.properties, Kept)
    except msgspec.ValidationError:
        return Kept()


def is_show(campaign: Campaign, with_events: Container[str]) -> bool:
    """Whether it has live events, or says that it is a show: by its type, a channel, or having been created here."""
    words = {word.strip().lower().replace("-", "_").replace(" ", "_") for word in (campaign.type, *campaign.channels)}
    return campaign.id in with_events or bool(words & SHOW_WORDS) or "campaignMeta" in campaign.properties


def shows(services: Services, workspace: str, campaigns: Sequence[Campaign]) -> list[Show]:
    """These campaigns as shows, with their first and last live event."""
    names = [one.id for one in campaigns] if len(campaigns) <= _NAMES_LIMIT else ()
    spans = services.events.spans(workspace, names, LIVE) if campaigns else {}
    return [_show(one, spans.get(one.id)) for one in campaigns]


def _show(campaign: Campaign, span: Span | None) -> Show:
    if span is None:
        return Show(campaign)
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    first, last = (epoch + dt.timedelta(milliseconds=ms) for ms in (span.first_ms, span.last_ms))
    return Show(campaign, first, last)


def find(services: Services, workspace: str, asked: Search, now: dt.datetime) -> list[Show]:
    """The shows that are looked for, in order. Campaigns that the search names are found, whatever they are."""
    spans = services.events.spans(workspace, types=LIVE)
    is_named = asked.keys is not None or asked.numbers is not None
    candidates = [
        _show(one, spans.get(one.id))
        for one in services.catalog.campaigns(workspace)
        if (is_named or (is_show(one, spans) and not one.archived)) and _matches(one, asked)
    ]
    found = [
        one
        for one in candidates
        if (asked.from_ is None or asked.from_ <= one.scheduled)
        and (asked.to is None or one.scheduled <= asked.to)
        and (not asked.statuses or one.status(now) in asked.statuses)
    ]
    return sorted(found, key=lambda one: (one.scheduled, one.campaign.number), reverse=not asked.ascending)


def _matches(campaign: Campaign, asked: Search) -> bool:
    """Whether it is what is looked for, as far as the catalog knows."""
    if asked.keys is not None and campaign.key not in asked.keys:
        return False
    if asked.numbers is not None and campaign.number not in asked.numbers:
        return False
    if asked.keyword and not any(asked.keyword in text.casefold() for text in (campaign.title, campaign.description)):
        return False
    if asked.tags and not (asked.tags <= set(campaign.tags) if asked.all_tags else asked.tags & set(campaign.tags)):
        return False
    seller = kept(campaign).seller if asked.seller is not None else None
    return asked.seller is None or (seller is not None and seller.seller_id == asked.seller)


# ---- numbers ----------------------------------------------------------------------------------------


def figures(
    statistics: Statistics, workspace: str, range_: Range | None, campaigns: Iterable[str] | None
) -> dict[str, Row]:
    """The numbers of each campaign that has live events in the range (None: ever).

    TooLarge if that is more than one answer holds.
    """
    filters = () if campaigns is None else (Filter("campaign", tuple(sorted(campaigns))),)
    if filters and not filters[0].values:
        return {}
    question = Question(
        workspace, METRICS, ("campaign",), filters,
        from_ms=range_.from_ms if range_ else None, to_ms=range_.to_ms if range_ else None,
        limit=CAMPAIGNS_LIMIT, rows_only=True,
    )  # fmt: skip
    answer = statistics.ask(question)
    if answer.row_count > CAMPAIGNS_LIMIT:
        raise TooLarge(f"more than {CAMPAIGNS_LIMIT} campaigns; name some in campaignKeys", field="campaignKeys")
    # A watched interval that only reaches into the range is in the peak of a show, but it is no event of the range.
    return {str(row["campaign"]): row for row in answer.rows if any(row[name] for name in LIVE)}


def described(statistics: Statistics, workspace: str, page: Iterable[Show], now: dt.datetime) -> list[Described]:
    """Shows with their viewers and likes: the viewers of now while one is on air, all of them afterwards."""
    found = [Described(one, one.status(now)) for one in page]
    begun = [one.show.campaign.id for one in found if one.status != "READY"]
    on_air = [one.show.campaign.id for one in found if one.status not in ("READY", "ENDED")]
    # In steps of ten seconds, so that clients that ask at the same time get the same answer.
    at_ms = int(now.timestamp()) // 10 * 10_000
    lately = Range(at_ms - NOW // dt.timedelta(milliseconds=1), at_ms + 10_000)
    total = _rows(statistics, workspace, ("viewers", "liked_quantity"), begun, None)
    watching = _rows(statistics, workspace, ("viewers",), on_air, lately)
    nothing: Row = {}
    return [
        one
        if one.status == "READY"
        else replace(
            one,
            viewers=(total if one.status == "ENDED" else watching).get(one.show.campaign.id, nothing).get("viewers", 0),
            likes=total.get(one.show.campaign.id, nothing).get("liked_quantity", 0),
        )
        for one in found
    ]


def _rows(
    statistics: Statistics, workspace: str, metrics: tuple[str, ...], campaigns: Iterable[str], range_: Range | None
) -> dict[str, Row]:
    names = tuple(sorted(campaigns))
    if not names:
        return {}
    question = Question(
        workspace, metrics, ("campaign",), (Filter("campaign", names),),
        from_ms=range_.from_ms if range_ else None, to_ms=range_.to_ms if range_ else None,
        limit=len(names), rows_only=True,
    )  # fmt: skip
    return {str(row["campaign"]): row for row in statistics.ask(question).rows}
