"""Which campaigns a page lists, and in which order. Campaigns and what is asked for enter, a page of them leaves.

Pure: it holds the catalog against the numbers that were asked for once, for all campaigns.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from typing import TypeVar

from turnout.errors import InvalidInput, UnknownName
from turnout.model import Campaign
from turnout.panels.contract import Cell
from turnout.panels.status import STATUSES, status
from turnout.stats import asking
from turnout.stats.metrics import METRICS

#: Campaigns of one page, columns of numbers, and letters that are searched for.
PAGE_ROWS = 50
LIMIT_COLUMNS = 10
SEARCH_LIMIT_CHARS = 256

#: What campaigns are put in order by, beside their metrics.
TITLE, BEGAN = "title", "began"

Row = Mapping[str, Cell]
T = TypeVar("T")


@dataclass(frozen=True)
class Wanted:
    """What is looked for: empty texts look for anything. `metrics` are the columns; none leaves the choice open."""

    search: str = ""
    channel: str = ""
    tag: str = ""
    status: str = ""
    metrics: tuple[str, ...] = ()
    sort: str = BEGAN
    descending: bool = True
    page: int = 1

    @property
    def narrows(self) -> bool:
        """Whether it leaves any campaign out."""
        return bool(self.search or self.channel or self.tag or self.status)


@dataclass(frozen=True)
class Page:
    """The campaigns of a page, which of how many pages it is, and how many campaigns there are on all of them."""

    campaigns: tuple[Campaign, ...]
    number: int
    count: int
    campaign_count: int

    @property
    def first(self) -> int:
        """The place of its first campaign among all, from 1."""
        return (self.number - 1) * PAGE_ROWS + 1


def wanted(asked: Mapping[str, str]) -> Wanted:
    """Read a query: q, channel, tag, status, metrics, sort (a name, - before it for descending), page.

    UnknownName or InvalidInput for what can't be.
    """
    search = " ".join(asked.get("q", "").split())
    if len(search) > SEARCH_LIMIT_CHARS:
        raise InvalidInput(f"at most {SEARCH_LIMIT_CHARS} letters are searched for", field="q")
    standing = asked.get("status", "")
    if standing and standing not in STATUSES:
        raise UnknownName("status", standing, STATUSES, field="status")
    metrics = tuple(dict.fromkeys(asking.names(asked.get("metrics", ""))))
    for name in metrics:
        _known(name, "metrics")
    if len(metrics) > LIMIT_COLUMNS:
        raise InvalidInput(f"at most {LIMIT_COLUMNS} metrics are shown together", field="metrics")
    sort = asked.get("sort", "") or f"-{BEGAN}"
    name = sort.removeprefix("-")
    if name not in (TITLE, BEGAN):
        _known(name, "sort")
    page = asked.get("page", "") or "1"
    if not (page.isascii() and page.isdigit() and len(page) < 8):
        raise InvalidInput("pages are counted from 1", field="page")
    return Wanted(
        search,
        asked.get("channel", ""),
        asked.get("tag", ""),
        standing,
        metrics,
        name,
        sort.startswith("-"),
        max(1, int(page)),
    )


def matching(campaigns: Iterable[Campaign], asked: Wanted, now: dt.datetime) -> list[Campaign]:
    """Those that are looked for. Every word searched for is somewhere in the title, the id or a tag."""
    found = list(campaigns)
    if asked.channel:
        found = [one for one in found if asked.channel in one.channels]
    if asked.tag:
        found = [one for one in found if asked.tag in one.tags]
    if asked.status:
        found = [one for one in found if status(one, now) == asked.status]
    if asked.search:
        words = asked.search.casefold().split()
        found = [one for one in found if _says(one, words)]
    return found


def ordered(
    campaigns: Sequence[Campaign], asked: Wanted, numbers: Mapping[str, Row], currency: str = ""
) -> list[Campaign]:
    """In the order that is asked for; equal ones newest first. Campaigns without a number come last, both ways.

    Money is compared in one currency.
    """
    newest = sorted(campaigns, key=lambda one: (began(one), one.number), reverse=True)
    if asked.sort == BEGAN:
        return newest if asked.descending else newest[::-1]
    if asked.sort == TITLE:
        return sorted(newest, key=lambda one: (one.title.casefold(), one.id), reverse=asked.descending)
    # Of what a campaign has no row of it has none; only a rate of nothing is not known.
    without = None if METRICS[asked.sort].kind == "ratio" else 0
    known: list[tuple[int | float | Decimal, Campaign]] = []
    unknown = []
    for one in newest:
        value = _comparable(numbers.get(one.id, {}).get(asked.sort, without), currency)
        if value is None:
            unknown.append(one)
        else:
            known.append((value, one))
    known.sort(key=lambda pair: pair[0], reverse=asked.descending)
    return [one for _, one in known] + unknown


def page_of(campaigns: Sequence[Campaign], number: int) -> Page:
    """A page of them; the last one where there are fewer."""
    count = max(1, -(-len(campaigns) // PAGE_ROWS))
    number = min(number, count)
    shown = campaigns[(number - 1) * PAGE_ROWS : number * PAGE_ROWS]
    return Page(tuple(shown), number, count, len(campaigns))


def began(campaign: Campaign) -> dt.datetime:
    """When it was started or is to start; where that isn't known, when it was first heard of."""
    return campaign.started_at or campaign.scheduled_at or campaign.created_at


def commonest_currency(rows: Iterable[Row], metric: str) -> str:
    """The currency that most campaigns have an amount in; empty if none has any."""
    counted = Counter(code for row in rows if isinstance(money := row.get(metric), dict) for code in money)
    return min(counted, key=lambda code: (-counted[code], code)) if counted else ""


def commonest(values: Iterable[Sequence[T]], limit: int) -> tuple[list[T], int]:
    """The values that most campaigns have, the commonest first, and how many more there are."""
    counted = Counter(chain.from_iterable(values))
    return [value for value, _ in counted.most_common(limit)], max(0, len(counted) - limit)


def _says(campaign: Campaign, words: Sequence[str]) -> bool:
    text = "\0".join((campaign.title, campaign.id, *campaign.tags)).casefold()
    return all(word in text for word in words)


def _comparable(value: Cell, currency: str) -> int | float | Decimal | None:
    if isinstance(value, dict):
        return value.get(currency, Decimal(0))
    return None if isinstance(value, str) else value


def _known(name: str, field: str) -> None:
    if name not in METRICS:
        raise UnknownName("metric", name, METRICS, field=field)
