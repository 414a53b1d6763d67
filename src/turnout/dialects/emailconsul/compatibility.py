"""What this room does, and on whose word: the lines of COMPATIBILITY.md. The groups come from `wire`'s tables."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.dialects.contract import Entry, Source
from turnout.dialects.emailconsul.wire import DEFAULT_LIMIT, LINK, PIXEL, Log
from turnout.stats.question import LIMIT_ROWS

#: Where every route is a second time: the base that the vendor's own pages link to.
PREFIX = "/api/v1.0"

_ALL = "every route"
_LINKS = "GET /tracking/link/stats/aggregated"
_LINK_DAYS = "GET /tracking/link/stats/timeseries"
_PIXELS = "GET /tracking/pixel/stats/aggregated"
_PIXEL_DAYS = "GET /tracking/pixel/stats/timeseries"
_ADD = "POST /tracking/link/custom"
_CHANGE = "PATCH /tracking/link/custom/{id}"
_LIST = "GET /tracking/link/custom"
_GET = "GET /tracking/link/custom/{id}"
_DELETE = "DELETE /tracking/link/custom/{id}"
_ROUTES = (_LINKS, _LINK_DAYS, _PIXELS, _PIXEL_DAYS, _ADD, _CHANGE, _LIST, _GET, _DELETE)

_WORDS: tuple[tuple[str, str, Source, str], ...] = (
    (_ALL, "path", "inferred", f"at the root and under `{PREFIX}`, where the vendor's own pages have it"),
    (_ALL, "X-API-Key", "inferred", "a key of the workspace; the vendor's published ingest client sends it so"),
    (_ALL, "Authorization", "ours", "`Bearer` and the key, or the key alone; X-API-Key goes before it"),
    (
        _ALL, "permission", "ours",
        "a scope of the key: the path with dots (`tracking.link.stats.aggregated`, `tracking.link.custom`); or read "
        "for GET and admin for the rest",
    ),
    (
        _ALL, "400, 401, 403, 500", "documented",
        "`Bad Request`, `Unauthorized`, `Forbidden`, `Internal server error`; no other status than these and 404",
    ),
    (_ALL, "404", "documented", "`Not Found`, for a link; also for an unknown path or verb (ours)"),
    (_ALL, "errors, body", "ours", '`{"message": …, "details": …}`: the documented words, then what was wrong'),
    (_ALL, "500", "ours", "also where the store can't answer now; clients try again later"),
    (_ALL, "unknown parameters and fields", "ours", "not looked at; a parameter that is empty is not there"),
    (_ALL, "user_id, the account", "ours", "the workspace"),
    (_LINKS, "period_from, period_to", "documented", "required; another form than ISO 8601 is a 400"),
    (_LINKS, "period_from, period_to, bounds", "inferred", "both are in the period, to the millisecond; UTC"),
    (
        _LINKS, "period_from, period_to, forms", "inferred",
        "up to nine fraction digits; with an offset, also one whose plus sign arrived as a space; without one UTC",
    ),
    (_LINKS, "period_to, a date alone", "ours", "its whole day is in the period"),
    (_LINKS, "period_to before period_from", "inferred", "400"),
    (_LINKS, "group", "documented", "one of those below; another is a 400 (inferred)"),
    (_LINKS, "no group", "inferred", 'one row, `{"count": N}`; also where N is 0 (ours)'),
    (_LINKS, "a field that the click has no value for", "ours", "an empty string: the counts add up to the clicks"),
    (
        _LINKS, "count", "inferred",
        "`clicked` events, human and proxy: scanners, link previews and bots are left out (ours)",
    ),
    (_LINKS, "offset, limit", "documented", "whole numbers; past the end `data` is empty"),
    (_LINKS, "limit, default and highest", "ours", f"{DEFAULT_LIMIT} and {LIMIT_ROWS:,}; more than that is that"),
    (_LINKS, "sort", "documented", "`-count`, `count`; and a field of the group, either way (inferred); others: 400"),
    (_LINKS, "sort, default", "inferred", "`-count`; equal counts by the group's fields, so pages never overlap"),
    (_LINKS, "campaign_id", "documented", "the campaign's id; other characters than letters, digits, `-`, `_`: 400"),
    (_LINKS, "campaign_id, unknown", "ours", "nothing is counted"),
    (
        _LINKS, "subscriber_id", "documented",
        "the event's recipient; the same characters, dots, or an e-mail address (a space in it is a plus sign: ours)",
    ),
    (_LINKS, "profile_id", "documented", "the event's `profile`"),
    (_LINKS, "meta.count", "inferred", "the number of groups, whatever offset and limit are"),
    (_LINKS, "meta.offset, meta.limit", "documented", "as used, integers"),
    (_LINK_DAYS, "period, group, filters", "documented", "as in aggregated, in values and in what is refused"),
    (_LINK_DAYS, "date", "documented", "YYYY-MM-DD, first in the row; days of UTC (inferred)"),
    (_LINK_DAYS, "order", "inferred", "by date, then by the group's fields"),
    (_LINK_DAYS, "days without clicks", "ours", "have no row"),
    (_LINK_DAYS, "offset, limit, sort, meta", "documented", "there are none"),
    (_LINK_DAYS, "length", "ours", f"past {LIMIT_ROWS:,} rows 400: nothing is cut off without a word"),
    (_PIXEL_DAYS, "count", "documented", "`opened` events, human and proxy (ours): Apple's prefetching is left out"),
    (_PIXEL_DAYS, "profile_id", "documented", "there is none: not looked at"),
    (_PIXEL_DAYS, "the rest", "documented", "as for links"),
    (_PIXELS, "the route", "inferred", "by symmetry: as for links, with the groups and filters of the pixel's days"),
    (_ADD, "title, redirection_url", "documented", "required; the title is not blank (ours)"),
    (
        _ADD, "redirection_url", "documented",
        "query parameters are removed; http and https only (ours), and a fragment stays (ours)",
    ),
    (_ADD, "params_suffix", "documented", "a URL-encoded query, a `?` before it is dropped (ours); else 400 (ours)"),
    (_ADD, "profile_id", "documented", "any text: there is no list of profiles here"),
    (_ADD, "status", "inferred", "201"),
    (_ADD, "data", "documented", "id, user_id, profile_id, title, redirection_url, params_suffix: strings"),
    (_ADD, "data, what isn't set", "inferred", "null"),
    (_CHANGE, "fields", "documented", "those of POST, all optional; null clears profile_id and params_suffix"),
    (_CHANGE, "title", "ours", "also counts under its new name what was clicked before"),
    (_CHANGE, "404", "documented", "no such link in this workspace, or no longer"),
    (_LIST, "the route", "inferred", "offset, limit, title and profile_id (exact), `data` and `meta`; oldest first"),
    (_GET, "the route", "inferred", "the link, or 404"),
    (_DELETE, "the route", "inferred", "204; what was clicked through the link keeps its title (ours)"),
)  # fmt: skip


def _groups(log: Log, route: str, source: Source) -> Iterator[Entry]:
    for group in log.groups.values():
        fields = ", ".join(group.fields)
        yield Entry(route, f"group={group.name}: {fields}", source, group.note)


def _again() -> Iterator[Entry]:
    for route in _ROUTES:
        method, _, path = route.partition(" ")
        yield Entry(f"{method} {PREFIX}{path}", "the route", "inferred", f"as `{route}`")


COMPATIBILITY: tuple[Entry, ...] = (
    *(Entry(*words) for words in _WORDS),
    *_groups(LINK, _LINKS, "documented"),
    *_groups(PIXEL, _PIXEL_DAYS, "documented"),
    *_groups(PIXEL, _PIXELS, "inferred"),
    *_again(),
)
