"""What this room does, and on whose word: the lines of COMPATIBILITY.md. The counters come from `wire`'s table."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.dialects.contract import Entry, Source
from turnout.dialects.intarget.paging import LINK_LIMIT_BYTES
from turnout.dialects.intarget.parse import DEFAULT_PER_PAGE, LIMIT_IDS, LIMIT_PER_PAGE
from turnout.dialects.intarget.wire import CHANNELS, COUNTERS

_STATISTICS = "GET /rest/campaign/statistics"
_CONVERSIONS = "GET /rest/campaign/statistic-conversions"
_BOTH = "both routes"

_WORDS: tuple[tuple[str, str, Source, str], ...] = (
    (_BOTH, "access-token", "documented", "an API key of the workspace; in the query only, wherever it stands there"),
    (
        _BOTH, "permission", "ours",
        "a scope of the key: the path with dots (`rest.campaign.statistics`), or read; without it 403",
    ),
    (_BOTH, "startFrom, startTo", "inferred", "when the campaign started; both ends are included"),
    (
        _BOTH, "sendFrom, sendTo", "inferred",
        "when the message was sent, both ends included: the counters hold what became of what was sent then, "
        "whenever it did; what has no known sending counts at its own time. Rows without any of it are left out",
    ),
    (
        _BOTH, "datetimes", "documented",
        "`YYYY-MM-DD HH:MM:SS`, the space as `%20` or `+`; UTC (inferred). Also (ours) `T`, no seconds, no time, a "
        "fraction and an offset; an end lasts as long as what it names: `sendTo=2025-03-19` is that whole day",
    ),
    (
        _BOTH, "campaignIds[]", "documented",
        "repeated, brackets encoded or not; also `campaignIds[0]` and, once, `campaignIds` (inferred); at most "
        f"{LIMIT_IDS:,} (ours). The campaign's `number`, generated or set",
    ),
    (_BOTH, "campaignIds[], unknown", "inferred", "has no rows: 200 and `[]`"),
    (_BOTH, "several filters", "inferred", "all of them hold"),
    (_BOTH, "no filter", "documented", "discouraged, not refused"),
    (
        _BOTH, "perPage", "documented",
        f"rows of one page, {DEFAULT_PER_PAGE} unless said, at most {LIMIT_PER_PAGE:,} (ours); more is lowered, "
        "as X-Pagination-Per-Page says",
    ),
    (_BOTH, "page", "inferred", "from 1; past the end 200 and `[]` (the framework would repeat the last page)"),
    (_BOTH, "currency", "ours", "of the amounts (`EUR`); only conversions look at it"),
    (_BOTH, "unknown parameters", "ours", "not looked at, but kept in the links"),
    (_BOTH, "body", "inferred", "a bare array of rows; the document shows one of them"),
    (
        _BOTH, "rows", "inferred",
        "one per campaign that has started and message: those that are declared, also with zeros, those that only "
        "events name, and one for what names no message",
    ),
    (_BOTH, "order", "ours", "campaign_start_at descending, campaign_id descending, then messages as declared"),
    (
        _BOTH, "X-Pagination-Total-Count, -Page-Count, -Current-Page, -Per-Page, Link", "inferred",
        "the framework's. The links (self, first, prev, next, last) hold the query with its token, so that they can be "
        f"followed as they are; where they were longer than {LINK_LIMIT_BYTES:,} bytes, only next is there",
    ),
    (_BOTH, "401", "inferred", "`Your request was made with invalid credentials.`"),
    (_BOTH, "404, 405", "inferred", "`Page not found.`; the verbs that are allowed"),
    (_BOTH, "422", "inferred", 'bad parameters, each as `{"field": …, "message": …}` in a list'),
    (_BOTH, "errors", "inferred", '`{"name": …, "message": …, "code": 0, "status": …}`'),
    (_BOTH, "503, 500", "ours", "the store can't answer now, or something went wrong; clients try again later"),
    (_BOTH, "rate limits", "ours", "none"),
    (_BOTH, "campaign_id", "documented", "the campaign's `number`, an integer"),
    (
        _BOTH, "message_title", "documented",
        "the message's title; untitled, its id where the campaign has several, else the campaign's title (ours)",
    ),
    (
        _BOTH, "type", "documented",
        "the message's channel, else the campaign's; its type where that has none or several",
    ),
    (
        _BOTH, "campaign_start_at", "documented",
        "`YYYY-MM-DD HH:MM:SS+00`; started_at, else the first event's time (ours)",
    ),
    (_CONVERSIONS, "campaigns without a first goal", "inferred", "are left out, as steps not marked as conversion are"),
    (_CONVERSIONS, "campaign_stop_at", "documented", "ended_at, null where there is none"),
    (_CONVERSIONS, "campaign_name", "documented", "the campaign's title"),
    (
        _CONVERSIONS, "conversion_event", "documented",
        "the first goal's `after`: Opened, Clicked, and Delivered for every other (ours); Deposit Refcode where the "
        "goal's event is `converted`: the deposit itself says which campaign led to it (ours)",
    ),
    (_CONVERSIONS, "conversion_period", "documented", "the first goal's window: `1 day`, `12 hours`, `90 minutes`"),
    (
        _CONVERSIONS, "deposits_count", "documented",
        "a string: `conversion_events`, every event of the first goal within the window after the latest touch",
    ),
    (
        _CONVERSIONS, "deposits_amount", "documented",
        "a string with two decimals: `conversion_value` in one currency: the one asked for, else the campaign's only "
        "one, else US dollars, else that of the highest sum (ours)",
    ),
    (_CONVERSIONS, "converted_users", "documented", "a string: `unique_conversion_events`"),
    (_CONVERSIONS, "before the period is over", "ours", "what there is so far"),
)  # fmt: skip


def _fields() -> Iterator[Entry]:
    for name, words in CHANNELS.items():
        said = ", ".join(f"`{word}`" for word in words)
        source: Source = "documented" if name in ("Email", "SMS", "Push") else "ours"
        yield Entry(_BOTH, f"type: {name}", source, f"the channels {said}")
    yield Entry(_BOTH, "type: others", "ours", "the channel's words with capitals: `content_card` is Content Card")
    for counter in COUNTERS:
        made_of = f"`{counter.plus}`" + (f" − `{counter.minus}`" if counter.minus else "")
        made_of += " (human and proxy)" if counter.traffic == "default" else ""
        note = "; ".join(filter(None, (made_of, counter.note)))
        yield Entry(_STATISTICS, counter.key, counter.source, note)


COMPATIBILITY: tuple[Entry, ...] = (*(Entry(*words) for words in _WORDS), *_fields())
