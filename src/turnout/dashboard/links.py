"""Tracked links: found and counted, a page at a time; and added, changed and ended by who may."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from starlette.responses import Response

from turnout.capture.links import public_base, tracked_url
from turnout.dashboard import choosing, link_forms, pages
from turnout.dashboard.choosing import Choice
from turnout.dialects.contract import Call
from turnout.errors import Conflict, InvalidInput, TooLarge, TurnoutError
from turnout.model import Link, Workspace
from turnout.panels import headline, view
from turnout.panels.contract import Cell, column
from turnout.panels.view import Range
from turnout.services import Services
from turnout.stats import answer, asking
from turnout.stats.question import LIMIT_ROWS, Filter, Question, Sort

PATH = "/dashboard/links"

#: Links of one page, campaigns that are proposed, and characters that are searched for.
PAGE_ROWS = 50
LIMIT_PROPOSED = 200
SEARCH_LIMIT_CHARS = 256

#: What the page's address may say, and its forms come back to.
NAMES = ("q", "campaign", "range", "from", "to", "timezone", "traffic", "sort")

SORTS = {"": "Newest first", "clicked": "Most clicked first", "title": "By title"}

METRICS = ("clicked", "unique_clicked")

#: What was done, in words. What an address says is looked up here, and never shown itself.
_DONE = {
    "added": "The link is there. Copy its address from the list.",
    "known": "That link was there already, with all of this.",
    "changed": "The link is changed.",
    "same": "Nothing of the link was other than before.",
    "ended": "The link has ended. Its clicks stay.",
}

_RANGES = (("all", "All time"), ("7d", "7 days"), ("30d", "30 days"), ("90d", "90 days"), ("365d", "A year"))


@dataclass(frozen=True)
class Wanted:
    """Which links are looked for, in which order, and which page of them."""

    search: str
    campaign: str
    sort: str
    page: int


@dataclass(frozen=True)
class Line:
    """A link as it is listed. `leads` is where it leads if a browser may go there, `ends` when, in the page's zone."""

    link: Link
    address: str
    leads: str
    ends: str
    has_ended: bool
    numbers: Mapping[str, Cell]


@dataclass(frozen=True)
class Seen:
    """The lines of a page, the place of the first among all that were found, how many those are, and what of their
    clicks did not count."""

    lines: tuple[Line, ...]
    first: int
    count: int
    page: int
    pages: int
    left_out: int
    campaigns: tuple[str, ...]
    has_any: bool


async def links(call: Call) -> Response:
    """The tracked links of the workspace."""
    given = call.request.query_params
    edited = given.get("edit", "")
    link = call.services.catalog.links.get(call.workspace.id, edited) if edited and _may_change(call) else None
    return await _page(call, _asked(given.multi_items()), link=link, done=_DONE.get(given.get("done", ""), ""))


async def change(call: Call) -> Response:
    """Add, change or end a link. What can't be is said above the form, with all that was typed in."""
    fields = {name: values[0] for name, values in (await pages.form(call)).items()}
    try:
        asked = _asked(parse_qsl(fields.get("back", ""), max_num_fields=20))
    except ValueError:
        raise InvalidInput("this form is not of a page of ours", field="back") from None
    registry, workspace = call.services.catalog.links, call.workspace.id
    action, link = fields.get("action", ""), None
    try:
        if action == "add":
            done, added = await _add(call, fields)
            # To where the link is seen: what was searched for before may not find it.
            asked = {
                name: value for name, value in asked.items() if name in ("range", "from", "to", "timezone", "traffic")
            }
            asked |= {"q": added.code or added.id} if done == "known" else {}
        elif action in ("change", "end"):
            link = registry.get(workspace, fields.get("id", ""))
            done = await (_change(call, link, fields) if action == "change" else _end(call, link))
        else:
            raise InvalidInput("this can't be done to a link", field="action")
    except (InvalidInput, Conflict, TooLarge) as error:
        return await _page(call, asked, link=link, wrong=error, typed=fields)
    return pages.go(PATH, **asked, done=done)


async def _add(call: Call, fields: Mapping[str, str]) -> tuple[str, Link]:
    workspace = call.workspace.id
    wanted = [link_forms.added(fields)]
    ((link, is_new),) = await call.services.run(call.services.catalog.links.ensure, workspace, wanted)
    if is_new:
        call.services.statistics.changed([workspace])
    return "added" if is_new else "known", link


async def _change(call: Call, link: Link, fields: Mapping[str, str]) -> str:
    workspace, changes = call.workspace.id, link_forms.changes(fields, link)
    if not changes:
        return "same"
    await call.services.run(lambda: call.services.catalog.links.change(workspace, link.id, **changes))
    call.services.statistics.changed([workspace])
    return "changed"


async def _end(call: Call, link: Link) -> str:
    workspace = call.workspace.id
    await call.services.run(call.services.catalog.links.delete, workspace, link.id)
    call.services.statistics.changed([workspace])
    return "ended"


# ---- the page -----------------------------------------------------------------------------------------

_STATUS: dict[type[TurnoutError], int] = {Conflict: 409, TooLarge: 413}


async def _page(
    call: Call,
    asked: dict[str, str],
    *,
    link: Link | None = None,
    done: str = "",
    wrong: TurnoutError | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    services, workspace = call.services, call.workspace
    wanted, where = _wanted(asked), view.range_of(asked, workspace, services.now())
    traffic, base = asking.traffic(asked.get("traffic", "")), public_base(call.request, services.settings)
    seen = await services.run(_look, services, workspace, wanted, where, traffic, base)
    return pages.page(
        call,
        "links.html",
        "Tracked links",
        _STATUS.get(type(wrong), 400) if wrong is not None else 200,
        seen=seen,
        asked=asked,
        where=where,
        columns=[column(name) for name in METRICS],
        ranges=_ranges(asked),
        sorts=[Choice(value, label, value == wanted.sort) for value, label in SORTS.items()],
        traffics=choosing.traffic_choices(asked.get("traffic", "")),
        zones=list(dict.fromkeys((where.timezone, workspace.timezone, "UTC"))),
        previous=_address(asked, page=seen.page - 1) if seen.page > 1 else "",
        following=_address(asked, page=seen.page + 1) if seen.page < seen.pages else "",
        left_out=headline.left_out(seen.left_out, traffic, "click"),
        with_everything=_address(asked, traffic="all"),
        here=_address(asked),
        back=urlencode(asked),
        narrows=bool(wanted.search or wanted.campaign),
        may_change=_may_change(call),
        chosen=link,
        typed=typed or (link_forms.typed(link, where.timezone) if link is not None else {"campaign": wanted.campaign}),
        done=done,
        wrong=wrong,
        edit=lambda one: _address(asked, edit=one.id) + "#form",
    )


def _look(
    services: Services, workspace: Workspace, wanted: Wanted, where: Range, traffic: tuple[str, ...], base: str
) -> Seen:
    """Blocks."""
    every = services.catalog.links.all(workspace.id)
    found = _ordered(services, workspace, [one for one in every if _matches(one, wanted)], wanted, where, traffic)
    count = len(found)
    of_pages = max(1, -(-count // PAGE_ROWS))
    number = min(wanted.page, of_pages)
    shown = found[(number - 1) * PAGE_ROWS : number * PAGE_ROWS]
    question = _question(workspace, where, traffic, shown)
    clicks = services.statistics.ask(question) if shown else answer.Answer(question, [], {}, 0)
    numbers = {str(row["link"]): row for row in clicks.rows}
    zero, now = answer.zero(question), services.now()
    campaigns = {one.campaign: None for one in reversed(every) if one.campaign}
    return Seen(
        tuple(_line(one, base, numbers.get(one.id, zero), where.timezone, now) for one in shown),
        (number - 1) * PAGE_ROWS + 1,
        count,
        number,
        of_pages,
        sum(clicks.excluded.values()),
        tuple(campaigns)[:LIMIT_PROPOSED],
        bool(every),
    )


def _question(workspace: Workspace, where: Range, traffic: tuple[str, ...], shown: Sequence[Link]) -> Question:
    return Question(
        workspace=workspace.id,
        metrics=METRICS,
        dimensions=("link",),
        filters=(Filter("link", tuple(one.id for one in shown)),),
        from_ms=where.from_ms,
        to_ms=where.to_ms,
        timezone=where.timezone,
        traffic=traffic,
    )


def _line(link: Link, base: str, numbers: Mapping[str, Cell], timezone: str, now: dt.datetime) -> Line:
    return Line(
        link,
        tracked_url(base, link.code or link.id),
        link.url if link.url.lower().startswith(("http://", "https://")) else "",
        link_forms.local(link.expires_at, timezone).replace("T", " "),
        link.expires_at is not None and link.expires_at <= now,
        numbers,
    )


def _matches(link: Link, wanted: Wanted) -> bool:
    """Every word that is searched for is somewhere in the title, the address or the code, or is what people are given:
    the whole id, or an address of ours as it is in a mail."""
    if wanted.campaign not in ("", link.campaign):
        return False
    if not wanted.search:
        return True
    said, own = "\n".join((link.title, link.url, link.code)).casefold(), (link.id, link.code.casefold())
    return all(
        word in said or word.rpartition("/r/")[2].partition(".")[0] in own for word in wanted.search.casefold().split()
    )


def _ordered(
    services: Services,
    workspace: Workspace,
    found: list[Link],
    wanted: Wanted,
    where: Range,
    traffic: tuple[str, ...],
) -> list[Link]:
    newest = found[::-1]
    if wanted.sort == "title":
        return sorted(newest, key=lambda one: (not one.title, (one.title or one.url).casefold()))
    if wanted.sort == "clicked":
        clicks = services.statistics.ask(
            Question(
                workspace=workspace.id, metrics=("clicked",), dimensions=("link",), from_ms=where.from_ms,
                to_ms=where.to_ms, timezone=where.timezone, traffic=traffic, sort=(Sort("clicked", descending=True),),
                limit=LIMIT_ROWS, rows_only=True,
            )
        )  # fmt: skip
        places = {str(row["link"]): place for place, row in enumerate(clicks.rows)}
        return sorted(newest, key=lambda one: places.get(one.id, LIMIT_ROWS))
    return newest


def _may_change(call: Call) -> bool:
    key = call.caller.key if call.caller is not None else None
    return key is not None and bool({"ingest", "admin"} & set(key.scopes))


def _asked(given: Sequence[tuple[str, str]]) -> dict[str, str]:
    """What the address says. A range that is chosen takes the place of the dates before it."""
    asked = {name: value for name, value in given if name in (*NAMES, "page") and value}
    if "range" in asked:
        asked = {name: value for name, value in asked.items() if name not in ("from", "to")}
    return asked


def _ranges(asked: Mapping[str, str]) -> list[Choice]:
    dated = "from" in asked or "to" in asked
    now = asked.get("range", "" if dated else "all")
    return [Choice(value, label, value == now) for value, label in ((("", "Own dates"),) if dated else ()) + _RANGES]


def _wanted(asked: Mapping[str, str]) -> Wanted:
    search, sort, page = asked.get("q", ""), asked.get("sort", ""), asked.get("page", "1")
    if len(search) > SEARCH_LIMIT_CHARS:
        raise InvalidInput(f"at most {SEARCH_LIMIT_CHARS} characters are searched for", field="q")
    if not (page.isascii() and page.isdigit() and len(page) < 8):
        raise InvalidInput("pages are counted from 1", field="page")
    return Wanted(search, asked.get("campaign", ""), sort if sort in SORTS else "", max(1, int(page)))


def _address(asked: Mapping[str, str], **changed: object) -> str:
    given = {name: asked.get(name) for name in NAMES} | changed
    return pages.link(PATH, **{f"{name}_" if name == "from" else name: value for name, value in given.items()})
