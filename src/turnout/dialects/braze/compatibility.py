"""What this room does, and on whose word: the lines of COMPATIBILITY.md. The fields come from `wire`'s tables."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.dialects.braze.access import KEY_BODY_LIMIT_BYTES
from turnout.dialects.braze.kpi import UNINSTALLS
from turnout.dialects.braze.limits import SERIES_LIMIT, SHARED_LIMIT
from turnout.dialects.braze.wire import CHANNELS, ENROLLED, ENROLLED_RECIPIENTS, Counter
from turnout.dialects.contract import Entry, Source

_SERIES = "GET /campaigns/data_series"
_LIST = "GET /campaigns/list"
_ALL = "every route"
_DETAILS = "GET /campaigns/details"
_SENDS = "GET /sends/data_series"
_CANVASES = "GET /canvas/list"
_CANVAS = "GET /canvas/details"
_CANVAS_SERIES = "GET /canvas/data_series"
_SUMMARY = "GET /canvas/data_summary"

_WORDS: tuple[tuple[str, str, Source, str], ...] = (
    (_ALL, "Authorization: Bearer", "documented", "an API key of the workspace"),
    (_ALL, "api_key in the query", "documented", "the older way"),
    (
        _ALL, "api_key in a JSON body", "documented",
        f"the older way, also of a GET; read where there is no other key, up to {KEY_BODY_LIMIT_BYTES:,} bytes",
    ),
    (_ALL, "permission", "documented", "a scope of the key: the path with dots (`campaigns.list`), or read"),
    (_ALL, "401", "live", "`Invalid API key: ` and the key as sent; the rate headers are there and empty"),
    (_ALL, "403", "documented", "`You do not have permission to access this resource`"),
    (_ALL, "404", "inferred", "`Invalid URL`, also for another verb than GET"),
    (_ALL, "429", "inferred", "`Rate limit exceeded`; the document has the status and the headers only"),
    (_ALL, "503, 500", "ours", "the store can't answer now, or something went wrong; clients try again later"),
    (_ALL, "errors", "live", '`{"message": …}` with `Cache-Control: no-cache`'),
    (_ALL, "X-RateLimit-Limit, -Remaining, -Reset", "live", "on every response; windows begin on the clock"),
    (
        _ALL, "rate limits", "documented",
        f"per workspace: {SERIES_LIMIT.requests:,} in {SERIES_LIMIT.window_s} s for data_series, "
        f"{SHARED_LIMIT.requests:,} in {SHARED_LIMIT.window_s} s for the rest",
    ),
    (_ALL, "unknown parameters", "ours", "not looked at"),
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
        "goal, credited to the latest touch; a touch with a `converted` event is not credited again "
        "(docs/attribution.md). A campaign without goals has no window of three days, as Braze gives it: only what "
        "is said counts",
    ),
    (
        _SERIES, "conversions_by_send_time …", "documented",
        "the same on the day on which the message was sent, or first seen, or the recipient put in the control group; "
        "on their own day where none is known",
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
    (_LIST, "canvases", "ours", "campaigns of the type Canvas are not in the list"),
    (_DETAILS, "campaign_id", "documented", "as in data_series, with its errors"),
    (_DETAILS, "post_launch_draft_version", "documented", "not looked at: there are no such drafts"),
    (_DETAILS, "keys and their order", "documented", "`message` first"),
    (_DETAILS, "created_at, updated_at, first_sent, last_sent", "inferred", "seconds, +00:00, as last_edited is live"),
    (
        _DETAILS, "first_sent, last_sent", "documented",
        "the first and last `sent` or `impression`; null where there is none (ours); not only to the hour",
    ),
    (_DETAILS, "enabled", "ours", "neither archived nor a draft, and not ended"),
    (_DETAILS, "has_post_launch_draft", "ours", "false"),
    (
        _DETAILS, "schedule_type", "ours",
        "the campaign's property `schedule_type`; else api_triggered where its type is API, time_based otherwise",
    ),
    (_DETAILS, "teams", "ours", "the campaign's property `teams`, a list of names; else empty"),
    (
        _DETAILS, "channels, and channel of messages", "documented",
        "the keys of the series, but `in-app_message`; other channels as they are written",
    ),
    (
        _DETAILS, "messages", "documented",
        "by the `variation_api_id` of the series (an arm's second channel by one made from it); channel and name, of "
        "the control group channel and type. What a message says is not kept here, so it is not told",
    ),
    (
        _DETAILS, "conversion_behaviors", "documented",
        "the goals in their order: opened, clicked, purchased (with a name: the product), performed, app_opened; any "
        "other event is a custom event of its own name (ours). Upgrades App is never told: no event says it",
    ),
    (_SENDS, "campaign_id, length, ending_at, data", "documented", "as in /campaigns/data_series"),
    (
        _SENDS, "send_id", "documented",
        "only events of this `send_id`; what a recipient did belongs to the send of its touch. One that was never "
        "seen has zeros (ours); none: 400 `send_id must be a string of the send api identifier` (ours)",
    ),
    (_SENDS, "messages, entries", "documented", "every entry has its name, revenue and conversions"),
    (_SENDS, "variation_api_id", "inferred", "stands here too, after the name: clients insist on it elsewhere"),
    (
        _SENDS, "delivered, undelivered, delivery_failed", "inferred",
        "after `sent`, where the channel hasn't the counter itself: `delivered`; `bounced`; `failed` + `rejected`",
    ),
    (_SENDS, "14 days", "ours", "are no limit here"),
    (
        _CANVASES, "which campaigns", "ours",
        "those of the type Canvas (in any case), and those with two messages or more, which are in the list of "
        "campaigns too",
    ),
    (_CANVASES, "parameters, id, last_edited, name, tags", "documented", "as in /campaigns/list"),
    (
        _CANVAS, "canvas_id, unknown", "live",
        "400 `canvas_id must be a string of the Canvas api identifier`, also for a campaign that is no canvas (ours)",
    ),
    (_CANVAS, "keys and their order", "documented", "`message` last; times, enabled, teams … as of campaigns"),
    (_CANVAS, "first_entry, last_entry", "documented", "the first and last `sent`, `impression` or `enrolled`"),
    (
        _CANVAS, "variants", "ours",
        "the variations, with the control group; one called Variant 1 where there are none. `first_step_ids` is the "
        "first of the messages that its events were seen with, of all where none were",
    ),
    (_CANVAS, "steps", "ours", "the messages in their order, all of the type `message`"),
    (_CANVAS, "next_step_ids, next_paths", "ours", "the next message of each variant; paths have no names"),
    (_CANVAS_SERIES, "length", "documented", "1 to 14; the text of the 400 is ours"),
    (
        _CANVAS_SERIES, "starting_at", "documented",
        "or length is required; the day that it is on is the first; with both, the later start counts (ours); up to "
        "100 days before the end (ours)",
    ),
    (_CANVAS_SERIES, "ending_at", "documented", "as in /campaigns/data_series; left out, it is now"),
    (_CANVAS_SERIES, "include_variant_breakdown, include_step_breakdown", "documented", "false unless said"),
    (
        _CANVAS_SERIES, "include_deleted_step_data", "ours",
        "messages that events have and the campaign has no more; beside the step breakdown only",
    ),
    (_CANVAS_SERIES, "total_stats", "live", "the keys in the order that was seen; every day, zero-filled"),
    (
        _CANVAS_SERIES, "entries", "ours",
        "distinct recipients of `sent` or `impression` of the first step of their variant, or of `enrolled`, on a day; "
        "who comes again on another day enters again; of the whole: the sum of the variants, the control group with it",
    ),
    (_CANVAS_SERIES, "conversions, revenue", "documented", "of the first goal, as in /campaigns/data_series"),
    (
        _CANVAS_SERIES, "conversions_by_entry_time", "ours",
        "the same on the day of the step that they are credited to (the entry, where it is the first)",
    ),
    (
        _CANVAS_SERIES, "step_stats: messages", "documented",
        "an entry with the counters of /campaigns/data_series for each channel of the step",
    ),
    (_SUMMARY, "parameters", "documented", "as in /canvas/data_series"),
    (
        _SUMMARY, "numbers", "ours",
        "the sums of the days of the series; distinct recipients in the counters of steps are of the whole window",
    ),
    (_SUMMARY, "variant_stats", "documented", "without conversions_by_entry_time"),
    (_SUMMARY, "opens, influenced_opens of push", "documented", "direct_opens and total_opens under other names"),
)  # fmt: skip


_KPI_WORDS: dict[str, tuple[Source, str]] = {
    "dau": ("documented", "distinct recipients of `app_opened` on that day (human and proxy)"),
    "mau": ("documented", "distinct recipients of `app_opened` in the thirty days that end with that day"),
    "new_users": ("inferred", "recipients whose first `app_opened` ever is on that day"),
    "uninstalls": ("ours", f"`performed` events of the names {', '.join(f'`{name}`' for name in UNINSTALLS)}"),
}


def _kpis() -> Iterator[Entry]:
    for name, (source, made_of) in _KPI_WORDS.items():
        route = f"GET /kpi/{name}/data_series"
        yield Entry(route, "length, ending_at, time", "documented", "as in /campaigns/data_series")
        yield Entry(route, "app_id", "ours", "the `profile` of events; one that was never seen has zeros")
        yield Entry(route, name, source, made_of)


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


COMPATIBILITY: tuple[Entry, ...] = (*(Entry(*words) for words in _WORDS), *_kpis(), *_fields())
