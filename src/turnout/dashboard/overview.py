"""All campaigns of the workspace: found, filtered, sorted by any number, a page at a time.

Numbers are asked for the campaigns of the page, and for all that were found together; of all campaigns only the one
that they are sorted by. What is credited to campaigns is asked apart from what events say themselves: the one would
keep the other from its short way to the answer.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from starlette.datastructures import QueryParams
from starlette.responses import Response

from turnout.capture.links import public_base
from turnout.dashboard import listing, pages, sparkline
from turnout.dashboard.choosing import clock_time
from turnout.dashboard.listing import BEGAN, TITLE, Page, Wanted
from turnout.dashboard.orders import ranking
from turnout.dashboard.sparkline import Sparkline
from turnout.dialects.contract import Call
from turnout.errors import InvalidInput
from turnout.model import DEFAULT_TRAFFIC, TRAFFIC_CLASSES, Campaign, Workspace
from turnout.panels import view
from turnout.panels.contract import Ask, Cell, Column, column
from turnout.panels.status import STATUSES, status
from turnout.panels.view import Range
from turnout.services import Services
from turnout.stats import answer
from turnout.stats import asking as question_parts
from turnout.stats.metrics import METRICS, base_metrics
from turnout.stats.question import LIMIT_FILTER_VALUES, LIMIT_ROWS, Filter, Question
from turnout.stats.recent import Looking

#: The columns, where none are asked for: what most campaigns have, and then those of what the workspace really has.
COLUMNS = ("sent", "unique_opened", "open_rate", "unique_clicked", "click_rate", "conversions", "revenue")
WATCHED = ("viewers",)

#: Columns that can be ticked; any other metric can be named in the address.
OFFERED = (
    *COLUMNS, *WATCHED, "delivered", "delivery_rate", "bounce_rate", "opened", "click_to_open_rate", "clicked",
    "unique_conversions", "conversion_rate", "unique_unsubscribed", "unsubscribe_rate", "complained", "impression",
    "viewing_time_s", "events",
)  # fmt: skip

#: Channels and tags that can be chosen from a list; one may be named in the address all the same.
LIMIT_CHOICES = 200

#: Channels and tags that are written beside a campaign.
LIMIT_LABELS = 6

#: What the page's address may say, and links to its neighbours carry on.
NAMES = ("q", "channel", "tag", "status", "range", "from", "to", "timezone", "traffic", "metrics", "sort")

_DAY_MS = 86_400_000


Row = Mapping[str, Cell]


@dataclass(frozen=True)
class Asking:
    """What all questions of a page share: how they are asked, and in `question` its range, zone and traffic."""

    services: Services
    ask: Ask
    question: Question

    def row(self, metrics: Sequence[str], campaigns: Sequence[str] | None) -> Row:
        """The numbers of these campaigns together, distinct recipients once; of all if None. Blocks."""
        return self._ask(metrics, (), campaigns).get("") or answer.zero(replace(self.question, metrics=tuple(metrics)))

    def rows(self, metrics: Sequence[str], campaigns: Sequence[str]) -> Mapping[str, Row]:
        """The numbers of each of these campaigns that has any. Blocks."""
        return self._ask(metrics, ("campaign",), campaigns)

    def left_out(self, campaigns: Sequence[str] | None) -> int:
        """Events of the classes of traffic that don't count. Blocks."""
        others = tuple(name for name in TRAFFIC_CLASSES if name not in self.question.traffic)
        if not others:
            return 0
        found = self._ask(("events",), (), campaigns, traffic=others).get("", {}).get("events")
        return found if isinstance(found, int) else 0

    def sparklines(self, campaigns: Sequence[Campaign], now_ms: int) -> dict[str, Sparkline]:
        """The lines of these campaigns. Their days are bounded: of an open range the last ones are seen. Blocks."""
        of = self.question
        ends_ms = min(now_ms, of.to_ms) if of.to_ms is not None else now_ms
        # Whole days, so that it stays the same question all day.
        since_ms = (ends_ms // _DAY_MS - sparkline.LIMIT_DAYS + 2) * _DAY_MS
        from_ms = since_ms if of.from_ms is None else max(since_ms, of.from_ms)
        if not campaigns or from_ms >= ends_ms:
            return {}
        asked = self._about([one.id for one in campaigns], replace(of, dimensions=("campaign", "day")))
        asked = replace(asked, metrics=sparkline.METRICS, from_ms=from_ms)
        rows = self.ask(asked).rows
        if of.from_ms is None:
            return sparkline.sparklines(rows, of.timezone, None, of.to_ms)
        return sparkline.sparklines(rows, of.timezone, from_ms, ends_ms)

    def _ask(
        self,
        metrics: Sequence[str],
        dimensions: tuple[str, ...],
        campaigns: Sequence[str] | None,
        traffic: tuple[str, ...] = (),
    ) -> dict[str, Row]:
        of = replace(
            self.question, metrics=tuple(metrics), dimensions=dimensions, traffic=traffic or self.question.traffic
        )
        found = self.ask(self._about(campaigns, of))
        return {str(row.get("campaign", "")): row for row in found.rows}

    @staticmethod
    def _about(campaigns: Sequence[str] | None, question: Question) -> Question:
        if campaigns is None:
            return question
        # In an order of its own, so that the same campaigns are the same question.
        return replace(question, filters=(Filter("campaign", tuple(sorted(campaigns))),))


@dataclass(frozen=True)
class Line:
    """A campaign as it is listed; `labels` are its channels and tags, as far as there is room."""

    campaign: Campaign
    status: str
    labels: tuple[str, ...]
    began: str
    cells: tuple[tuple[Column, Cell], ...]
    spark: Sparkline | None


@dataclass(frozen=True)
class Heading:
    """A column that campaigns can be sorted by: where a click leads, and how it is sorted now ("" if it is not)."""

    column: Column
    address: str
    sorted: str


@dataclass(frozen=True)
class Found:
    """The campaigns of the page, and of all that were found their ids; None if that is all there are. Those of the page
    alone if they `are_too_many` to be counted together."""

    page: Page
    everybody: tuple[str, ...] | None
    are_too_many: bool
    currency: str
    channels: tuple[list[str], int]
    tags: tuple[list[str], int]


@dataclass(frozen=True)
class Seen:
    """All that the page shows of the campaigns. `currency` is the one that amounts are sorted in, if they are. `totals`
    and `left_out` are of all that were found, or of those shown if they `are_too_many`."""

    page: Page
    lines: tuple[Line, ...]
    columns: tuple[Column, ...]
    totals: Row
    left_out: int
    are_too_many: bool
    currency: str
    channels: tuple[list[str], int]
    tags: tuple[list[str], int]


async def overview(call: Call) -> Response:
    """A page of campaigns; where there are none yet, how to begin."""
    if not call.services.catalog.has_campaigns(call.workspace.id):
        return pages.page(call, "welcome.html", "Welcome to Turnout", base=_base(call), now=_now(call))
    asked = _asked(call.request.query_params)
    wanted, where = listing.wanted(asked), view.range_of(asked, call.workspace, call.services.now())
    traffic = question_parts.traffic(asked.get("traffic", ""))
    question = Question(
        workspace=call.workspace.id,
        metrics=("events",),
        from_ms=where.from_ms,
        to_ms=where.to_ms,
        timezone=where.timezone,
        traffic=traffic,
        limit=LIMIT_ROWS,
        rows_only=True,
    )
    ask = Looking(call.services.recent, call.services.statistics, await call.services.run(_events, call))
    seen = await _look(Asking(call.services, ask, question), call.workspace, wanted)
    return pages.page(
        call,
        "overview.html",
        "Campaigns",
        seen=seen,
        as_of=clock_time(ask.as_of, where.timezone),
        wanted=wanted,
        asked=dict.fromkeys(NAMES, "") | asked,
        where=where,
        days=_days(where),
        kept=[(name, asked[name]) for name in ("metrics", "sort") if asked.get(name)],
        headings=[_heading(one, wanted, asked) for one in (_TITLE, *seen.columns, _BEGAN)],
        previous=_address(asked, page=seen.page.number - 1) if seen.page.number > 1 else "",
        following=_address(asked, page=seen.page.number + 1) if seen.page.number < seen.page.count else "",
        everything=_address({name: asked[name] for name in ("metrics", "sort") if name in asked}),
        with_everything=_address(asked, traffic="all"),
        statuses=STATUSES,
        offered=[column(name) for name in dict.fromkeys((*OFFERED, *wanted.metrics))],
        limit_columns=listing.LIMIT_COLUMNS,
        traffics=_traffics(asked.get("traffic", "")),
        zones=list(dict.fromkeys((call.workspace.timezone, "UTC", where.timezone))),
    )


def _events(call: Call) -> int:
    """How many events the workspace has. Blocks."""
    asked = Question(call.workspace.id, ("events",), traffic=TRAFFIC_CLASSES, rows_only=True)
    found = next((row["events"] for row in call.services.statistics.ask(asked).rows), 0)
    return found if isinstance(found, int) else 0


_TITLE, _BEGAN = Column(TITLE, "Campaign", "text"), Column(BEGAN, "Began", "time")


async def _look(asking: Asking, workspace: Workspace, asked: Wanted) -> Seen:
    """What is independent of one another is asked side by side: each question waits for the engine most of its time."""
    run, now = asking.services.run, asking.services.now()
    found = await run(_find, asking, workspace, asked, now)
    metrics = asked.metrics or (*COLUMNS, *WATCHED)
    if asked.sort in METRICS and asked.sort not in metrics:
        metrics = (*metrics, asked.sort)
    parts = [part for part in _parts(metrics) if part]
    shown = [one.id for one in found.page.campaigns]
    sparks, left_out, together, apart = await asyncio.gather(
        run(asking.sparklines, found.page.campaigns, int(now.timestamp() * 1000)),
        run(asking.left_out, found.everybody),
        asyncio.gather(*(run(asking.row, part, found.everybody) for part in parts)),
        asyncio.gather(*(run(asking.rows, part, shown) for part in parts)),
    )
    totals = {name: value for row in together for name, value in row.items()}
    zero = answer.zero(replace(asking.question, metrics=metrics))
    numbers: dict[str, Row] = {
        name: {**zero, **{key: value for rows in apart for key, value in rows.get(name, {}).items()}} for name in shown
    }
    columns = tuple(column(name) for name in metrics if name not in WATCHED or name in asked.metrics or totals[name])
    zone = ZoneInfo(asking.question.timezone)
    # The order may be some seconds old; the numbers aren't, and on one page they are in order.
    campaigns = listing.ordered(found.page.campaigns, asked, numbers, found.currency)
    lines = tuple(
        Line(
            one,
            status(one, now),
            tuple(dict.fromkeys((*one.channels, *one.tags)))[:LIMIT_LABELS],
            listing.began(one).astimezone(zone).date().isoformat(),
            tuple((each, numbers[one.id][each.name]) for each in columns),
            sparks.get(one.id),
        )
        for one in campaigns
    )
    return Seen(
        found.page, lines, columns, totals, left_out, found.are_too_many, found.currency, found.channels, found.tags
    )


def _find(asking: Asking, workspace: Workspace, asked: Wanted, now: dt.datetime) -> Found:
    """Blocks."""
    every = asking.services.catalog.campaigns(workspace.id)
    found = listing.matching(every, asked, now)
    numbers: Mapping[str, Row] = {}
    currency = ""
    if asked.sort in METRICS:
        numbers = ranking(asking.services, replace(asking.question, metrics=(asked.sort,), dimensions=("campaign",)))
        if METRICS[asked.sort].kind == "money":
            currency = listing.commonest_currency(numbers.values(), asked.sort)
    page = listing.page_of(listing.ordered(found, asked, numbers, currency), asked.page)
    are_too_many = asked.narrows and len(found) > LIMIT_FILTER_VALUES
    counted = page.campaigns if are_too_many else found
    return Found(
        page,
        tuple(one.id for one in counted) if asked.narrows else None,
        are_too_many,
        currency,
        listing.commonest((one.channels for one in every), LIMIT_CHOICES),
        listing.commonest((one.tags for one in every), LIMIT_CHOICES),
    )


def _parts(metrics: Sequence[str]) -> tuple[list[str], list[str]]:
    """What events say themselves, and what is credited to campaigns."""
    credited = [name for name in metrics if any(one.credit for one in base_metrics((name,)))]
    return [name for name in metrics if name not in credited], credited


def _asked(given: QueryParams) -> dict[str, str]:
    """What the address says: of a name that comes again and again, all of it. A range's name wins over dates."""
    asked = {name: ",".join(filter(None, given.getlist(name))) for name in (*NAMES, "page") if name in given}
    dropped = ("from", "to") if asked.get("range") else ()
    return {name: value for name, value in asked.items() if value and name not in dropped}


def _address(asked: Mapping[str, str], **changed: object) -> str:
    given = {name: asked.get(name) for name in NAMES} | changed
    return pages.link("/", **{f"{name}_" if name == "from" else name: value for name, value in given.items()})


def _heading(one: Column, asked: Wanted, address: Mapping[str, str]) -> Heading:
    """A first click shows the most, or begins with A; a second one turns it round."""
    is_sorted = one.name == asked.sort
    descending = not asked.descending if is_sorted else one.name != TITLE
    now = ("descending" if asked.descending else "ascending") if is_sorted else ""
    return Heading(one, _address(address, sort=f"-{one.name}" if descending else one.name), now)


def _traffics(asked: str) -> list[tuple[str, str, bool]]:
    """Value, words and whether it is chosen, of each choice of what counts."""
    known = [("", "People (human, proxy)"), ("all", "People and machines")]
    known += [(name, f"Only {name}") for name in TRAFFIC_CLASSES]
    if asked in (",".join(DEFAULT_TRAFFIC), ""):
        asked = ""
    elif asked not in dict(known):
        known.append((asked, asked.replace(",", ", ")))
    return [(value, label, value == asked) for value, label in known]


def _days(where: Range) -> tuple[str, str]:
    """The first and the last day of the range; empty where it is open."""
    zone = ZoneInfo(where.timezone)
    ends_ms = (where.from_ms, None if where.to_ms is None else where.to_ms - 1)
    first, last = (
        "" if moment is None else dt.datetime.fromtimestamp(moment / 1000, zone).date().isoformat()
        for moment in ends_ms
    )
    return first, last


def _base(call: Call) -> str:
    try:
        return public_base(call.request, call.services.settings)
    except InvalidInput:
        return "http://127.0.0.1:8080"


def _now(call: Call) -> str:
    return call.services.now().astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
