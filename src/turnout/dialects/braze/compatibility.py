"""What this room does, and on whose word: the lines of COMPATIBILITY.md. The fields come from `wire`'s tables."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.dialects.braze.limits import SERIES_LIMIT, SHARED_LIMIT
from turnout.dialects.braze.wire import CHANNELS, ENROLLED, ENROLLED_RECIPIENTS, Counter
from turnout.dialects.contract import Entry, Source

_SERIES = "GET /campaigns/data_series"
_LIST = "GET /campaigns/list"
_BOTH = "both routes"

_WORDS: tuple[tuple[str, str, Source, str], ...] = (
    (_BOTH, "Authorization: Bearer", "documented", "an API key of the workspace"),
    (_BOTH, "api_key in the query", "documented", "the older way; in a JSON body it is not read"),
    (_BOTH, "permission", "documented", "a scope of the key: the path with dots (`campaigns.list`), or read"),
    (_BOTH, "401", "live", "`Invalid API key: ` and the key as sent; the rate headers are there and empty"),
    (_BOTH, "403", "documented", "`You do not have permission to access this resource`"),
    (_BOTH, "404", "inferred", "`Invalid URL`, also for another verb than GET"),
    (_BOTH, "429", "inferred", "`Rate limit exceeded`; the document has the status and the headers only"),
    (_BOTH, "503, 500", "ours", "the store can't answer now, or something went wrong; clients try again later"),
    (_BOTH, "errors", "live", '`{"message": …}` with `Cache-Control: no-cache`'),
    (_BOTH, "X-RateLimit-Limit, -Remaining, -Reset", "live", "on every response; windows begin on the clock"),
    (
        _BOTH, "rate limits", "documented",
        f"per workspace: {SERIES_LIMIT.requests:,} in {SERIES_LIMIT.window_s} s for data_series, "
        f"{SHARED_LIMIT.requests:,} in {SHARED_LIMIT.window_s} s for the rest",
    ),
    (_BOTH, "unknown parameters", "ours", "not looked at"),
    (_SERIES, "campaign_id", "documented", "the campaign's `uuid`, generated or set"),
    (
        _SERIES, "campaign_id, unknown", "documented",
        "400 `Campaign does not exist`; what is no UUID: 400 `campaign_id must be a string of the campaign api "
        "identifier`",
    ),
    (_SERIES, "length", "documented", "1 to 100; the text of the 400 is ours"),
    (
        _SERIES, "ending_at, forms", "live",
        "a date; a time with or without an offset, also `-5:00`, `Z`, and a plus sign that arrived as a space",
    ),
    (_SERIES, "ending_at without an offset", "inferred", "local to the workspace's time zone"),
    (_SERIES, "ending_at at midnight", "live", "excludes the day that begins there; any other time includes its day"),
    (_SERIES, "ending_at left out", "inferred", "today is the last day"),
    (_SERIES, "time", "live", "every day of the window, ascending, zero-filled; days of the workspace's zone"),
    (_SERIES, "messages", "live", "the campaign's channels, also with an empty list; each day has the same entries"),
    (
        _SERIES, "messages, channel", "ours",
        "the event's; if it says none, its message's, else the campaign's only one. Other channels (line, rcs, live) "
        "have no key, and are in the numbers of the day only",
    ),
    (
        _SERIES, "messages, entries", "ours",
        "an entry per variation where there are any, else one per message of the channel; a variation that was only "
        "used in other channels has none",
    ),
    (_SERIES, "variation_api_id", "ours", "the variation's or message's id if it is a UUID, else one made from it"),
    (_SERIES, "variation_name", "live", "in tests only: two variations or more in a channel, or a control group"),
    (
        _SERIES, "conversions … conversions3", "documented",
        "`converted` events by their goal, and what recipients did within the campaign's goals: once per touch and "
        "goal, credited to the latest touch; a touch with a `converted` event is not credited again",
    ),
    (
        _SERIES, "conversions_by_send_time …", "documented",
        "the same on the day of the touch (the sending; the goal's `after`; being put in the control group); on their "
        "own day where none is known",
    ),
    (
        _SERIES, "revenue", "documented",
        "US dollars, a float: purchases that name the campaign, `converted` events of the first goal, and other "
        "purchases within its window; an order counts once",
    ),
    (_SERIES, "unique_recipients of a day", "documented", "distinct people of that day, not the sum of the entries'"),
    (
        _SERIES, "unique_recipients of a day, channels that are viewed beside others", "ours",
        "distinct people of `sent` and `impression` together",
    ),
    (_SERIES, "the control group in a day's totals", "inferred", "left out"),
    (_SERIES, "trigger_in_app_message", "documented", "has the conversion block also without a test"),
    (_SERIES, "carousel_slide_…, notif_button_… of push", "ours", "left out: optional, and not told by events"),
    (_LIST, "page", "documented", "from 0, a hundred each; past the end 200 and an empty list (live)"),
    (_LIST, "include_archived", "documented", "false unless said"),
    (_LIST, "sort_direction", "documented", "asc (the default) or desc, by creation"),
    (_LIST, "last_edit.time[gt]", "documented", "later than this; a date will do (live); no offset: UTC (ours)"),
    (_LIST, "id", "documented", "the campaign's `uuid`"),
    (_LIST, "last_edited", "live", "when the entry was last set, or an event added to it; seconds, +00:00"),
    (_LIST, "is_api_campaign", "ours", "true where the campaign's type is API"),
    (_LIST, "drafts", "ours", "are in the list"),
)  # fmt: skip


def _fields() -> Iterator[Entry]:
    for channel in CHANNELS.values():
        words = ", ".join(f"`{word}`" for word in (channel.key, *channel.aliases))
        yield Entry(_SERIES, f"messages.{channel.key}", "documented", f"events of the channels {words}")
        for counter in (*channel.counters, channel.recipient):
            yield _field(channel.key, counter)
    for counter in (ENROLLED, ENROLLED_RECIPIENTS):
        yield _field("a control group", counter)


def _field(where: str, counter: Counter) -> Entry:
    made_of = " + ".join(f"`{name}`" for name in counter.plus)
    made_of += "".join(f" − `{name}`" for name in counter.minus)
    if counter.traffic != "all" and made_of:
        made_of += " (human and proxy)" if counter.traffic == "default" else f" ({counter.traffic})"
    return Entry(_SERIES, f"{where}: {counter.key}", counter.source, "; ".join(filter(None, (made_of, counter.note))))


COMPATIBILITY: tuple[Entry, ...] = (*(Entry(*words) for words in _WORDS), *_fields())
