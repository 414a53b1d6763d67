"""All campaigns of the workspace: found, filtered, sorted by any number, a page at a time.

One question brings the numbers of all campaigns, so that they can be sorted by them; it is asked once until new events
come in. The lines beside the campaigns are asked for only for those of the page.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from starlette.datastructures import QueryParams
from starlette.responses import Response

from turnout.capture.links import public_base
from turnout.dashboard import listing, pages, sparkline
from turnout.dashboard.listing import BEGAN, TITLE, Page, Wanted
from turnout.dashboard.sparkline import Sparkline
from turnout.dialects.contract import Call
from turnout.errors import InvalidInput
from turnout.model import DEFAULT_TRAFFIC, TRAFFIC_CLASSES, Campaign, Workspace
from turnout.panels import view
from turnout.panels.contract import Cell, Column, column
from turnout.panels.status import STATUSES, status
from turnout.panels.view import Range
from turnout.services import Services
from turnout.stats import answer, asking
from turnout.stats.metrics import METRICS
from turnout.stats.question import LIMIT_FILTER_VALUES, LIMIT_ROWS, Filter, Question

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


@dataclass(frozen=True)
class Numbers:
    """The numbers of each campaign by its id, of all that are looked for together, and what they leave out."""

    rows: Mapping[str, Mapping[str, Cell]]
    totals: Mapping[str, Cell]
    left_out: int
    currency: str


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
class Seen:
    """All that the page shows of the campaigns."""

    page: Page
    lines: tuple[Line, ...]
    columns: tuple[Column, ...]
    numbers: Numbers
    channels: tuple[list[str], int]
    tags: tuple[list[str], int]


async def overview(call: Call) -> Response:
    """A page of campaigns; where there are none yet, how to begin."""
    if not call.services.catalog.has_campaigns(call.workspace.id):
        return pages.page(call, "welcome.html", "Welcome to Turnout", base=_base(call), now=_now(call))
    asked = _asked(call.request.query_params)
    wanted, where = listing.wanted(asked), view.range_of(asked, call.workspace, call.services.now())
    traffic = asking.traffic(asked.get("traffic", ""))
    seen = await call.services.run(_look, call.services, call.workspace, wanted, where, traffic)
    return pages.page(
        call,
        "overview.html",
        "Campaigns",
        seen=seen,
        wanted=wanted,
        asked=dict.fromkeys(NAMES, "") | asked,
        where=where,
        days=_days(where),
        kept=[(name, asked[name]) for name in ("metrics", "sort") if asked.get(name)],
        headings=[_heading(one, wanted, asked) for one in (_TITLE, *seen.columns, _BEGAN)],
        previous=_address(asked, page=seen.page.number - 1) if seen.page.number > 1 else "",
        following=_address(asked, page=seen.page.number + 1) if seen.page.number < seen.page.count else "",
        everything=_address({name: asked[name] for name in ("metrics", "sort") if name in asked}),
        with_machines=_address(asked, traffic="all"),
        statuses=STATUSES,
        offered=[column(name) for name in dict.fromkeys((*OFFERED, *wanted.metrics))],
        limit_columns=listing.LIMIT_COLUMNS,
        traffics=_traffics(asked.get("traffic", "")),
        zones=list(dict.fromkeys((call.workspace.timezone, "UTC", where.timezone))),
    )


_TITLE, _BEGAN = Column(TITLE, "Campaign", "text"), Column(BEGAN, "Began", "time")


def _look(services: Services, workspace: Workspace, asked: Wanted, where: Range, traffic: tuple[str, ...]) -> Seen:
    """Blocks."""
    now = services.now()
    every = services.catalog.campaigns(workspace.id)
    found = listing.matching(every, asked, now)
    metrics = asked.metrics or (*COLUMNS, *WATCHED)
    sort = (asked.sort,) if asked.sort in METRICS and asked.sort not in metrics else ()
    question = Question(
        workspace=workspace.id,
        metrics=(*metrics, *sort),
        dimensions=("campaign",),
        from_ms=where.from_ms,
        to_ms=where.to_ms,
        timezone=where.timezone,
        traffic=traffic,
        limit=LIMIT_ROWS,
    )
    numbers = _numbers(services, question, found, asked)
    page = listing.page_of(listing.ordered(found, asked, numbers.rows, numbers.currency), asked.page)
    columns = tuple(column(name) for name in (*metrics, *sort) if asked.metrics or name in sort or _has(numbers, name))
    sparks = _sparks(services, question, page.campaigns, int(now.timestamp() * 1000))
    zone = ZoneInfo(where.timezone)
    zero = answer.zero(question)
    lines = tuple(
        Line(
            one,
            status(one, now),
            tuple(dict.fromkeys((*one.channels, *one.tags)))[:LIMIT_LABELS],
            listing.began(one).astimezone(zone).date().isoformat(),
            tuple((each, numbers.rows.get(one.id, zero)[each.name]) for each in columns),
            sparks.get(one.id),
        )
        for one in page.campaigns
    )
    return Seen(
        page,
        lines,
        columns,
        numbers,
        listing.commonest((one.channels for one in every), LIMIT_CHOICES),
        listing.commonest((one.tags for one in every), LIMIT_CHOICES),
    )


def _numbers(services: Services, question: Question, found: Sequence[Campaign], asked: Wanted) -> Numbers:
    """The rows of all campaigns; the totals are true uniques, of those that are looked for."""
    whole = services.statistics.ask(question)
    rows = whole.rows if whole.row_count <= LIMIT_ROWS else services.statistics.rows(question)
    by_campaign = {str(row["campaign"]): row for row in rows}
    totals, excluded = whole.totals, whole.excluded
    if asked.narrows and len(found) <= LIMIT_FILTER_VALUES:
        # In an order of its own, so that the same campaigns are the same question.
        of = Filter("campaign", tuple(sorted(one.id for one in found)))
        narrowed = services.statistics.ask(replace(question, dimensions=(), filters=(of,), limit=1))
        totals, excluded = narrowed.totals, narrowed.excluded
    money = asked.sort if asked.sort in METRICS and METRICS[asked.sort].kind == "money" else ""
    currency = listing.commonest_currency(by_campaign.values(), money) if money else ""
    return Numbers(by_campaign, totals, sum(excluded.values()), currency)


def _has(numbers: Numbers, name: str) -> bool:
    """Whether a column that nobody asked for has anything to show."""
    return name not in WATCHED or bool(numbers.totals.get(name))


def _sparks(services: Services, question: Question, campaigns: Sequence[Campaign], now_ms: int) -> dict[str, Sparkline]:
    """The lines of the campaigns of a page. Their days are bounded: of an open range the last ones are seen."""
    if not campaigns:
        return {}
    ends_ms = min(now_ms, question.to_ms) if question.to_ms is not None else now_ms
    # Whole days, so that it stays the same question all day.
    since_ms = (ends_ms // _DAY_MS - sparkline.LIMIT_DAYS + 2) * _DAY_MS
    asked = replace(
        question,
        metrics=sparkline.METRICS,
        dimensions=("campaign", "day"),
        filters=(Filter("campaign", tuple(one.id for one in campaigns)),),
        from_ms=since_ms if question.from_ms is None else max(since_ms, question.from_ms),
        limit=LIMIT_ROWS,
        rows_only=True,
    )
    if asked.to_ms is not None and asked.from_ms is not None and asked.to_ms <= asked.from_ms:
        return {}
    rows = services.statistics.ask(asked).rows
    if question.from_ms is None:
        return sparkline.sparklines(rows, question.timezone, None, question.to_ms)
    return sparkline.sparklines(rows, question.timezone, asked.from_ms, ends_ms)


def _asked(given: QueryParams) -> dict[str, str]:
    """What the address says: of a name that comes again and again, all of it. Dates win over a range's name."""
    asked = {name: ",".join(filter(None, given.getlist(name))) for name in (*NAMES, "page") if name in given}
    if asked.get("from") or asked.get("to"):
        asked.pop("range", None)
    return {name: value for name, value in asked.items() if value}


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
