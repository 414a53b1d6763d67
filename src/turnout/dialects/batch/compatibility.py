"""What this room does, and on whose word: the lines of COMPATIBILITY.md. The fields come from `wire`'s tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from turnout.dialects.batch.limits import LIMIT, WAIT_S
from turnout.dialects.batch.parse import DEFAULT_PAGE, LIMIT_MONTHS, LIMIT_PAGE
from turnout.dialects.batch.wire import CAMPAIGN, GROUP, ORCHESTRATION, TEST, Counter
from turnout.dialects.contract import Entry, Source

_STATS = "GET /1.{minor}/{key}/campaigns/stats/{token}"
_LIST = "GET /1.{minor}/{key}/campaigns/list"
_DETAILS = "GET /1.{minor}/{key}/campaigns/{token}"
_CREATE = "POST /1.{minor}/{key}/campaigns/create"
_UPDATE = "POST /1.{minor}/{key}/campaigns/update/{token}"
_DELETE = "POST /1.{minor}/{key}/campaigns/delete/{token}"
_GROUP = "GET /1.{minor}/{key}/transactional/stats/{group}"
_ORCHESTRATION = "GET /2.{minor}/orchestrations/stats"
_OLDER = "all of 1.x"
_ALL = "all routes"

_DAY = (
    "UTC (inferred); that of the send, for opens, re-engagements and errors too: the latest `sent` of the recipient "
    "and message before the event; without one, the event's own"
)

_WORDS: tuple[tuple[str, str, Source, str], ...] = (
    (_OLDER, "version in the path", "inferred", "any 1.N: clients use 1.0 and 1.1"),
    (_OLDER, "{key}", "documented", "the workspace's access key"),
    (_OLDER, "X-Authorization", "documented", "an API key of that workspace"),
    (_OLDER, "Content-Type of a GET", "documented", "not looked at: clients leave it out"),
    (_OLDER, "errors", "documented", '`{"code": …, "message": …}`; the texts are ours'),
    (_OLDER, "401, 10 AUTHENTICATION_INVALID", "documented", "no X-Authorization, or no key that is known"),
    (
        _OLDER, "403, 12 API_MISUSE", "inferred",
        "a key in the path that begins with `DEV`; and an API key without the permission (ours)",
    ),
    (
        _OLDER, "404, 20 ROUTE_NOT_FOUND", "inferred",
        "no such route or verb; no such token; a key in the path that is not this workspace's",
    ),
    (_OLDER, "400, 30 MISSING_PARAMETER; 31 MALFORMED_PARAMETER; 32 MALFORMED_JSON_BODY", "documented", "the same"),
    (
        _OLDER, "429, 60 TOO_MANY_REQUESTS", "documented",
        f"more than {LIMIT.requests} requests in {LIMIT.window_s} s of a workspace, 2.x included (the number is ours; "
        f"windows begin on the clock); `Retry-After` says when, at least {WAIT_S} s",
    ),
    (_OLDER, "500, 0 SERVER_ERROR", "documented", "something went wrong; it is in the server's log"),
    (_OLDER, "503, 2 MAINTENANCE_ERROR", "documented", "the store can't answer now"),
    (
        _ALL, "permission", "ours",
        "a scope of the API key: the path with dots (`campaigns.stats`, `transactional.stats`, `orchestrations.stats`; "
        "`campaigns.details` for one campaign), or read; for changes `campaigns.create` …, or admin",
    ),
    (_ALL, "unknown parameters", "ours", "not looked at"),
    (_STATS, "{token}", "documented", "the campaign's `token`, generated or set"),
    (_STATS, "detail", "inferred", "a row for each day with any counter, ascending; empty where nothing was sent"),
    (_STATS, "date", "ours", _DAY),
    (_STATS, "versions", "documented", "in tests only: campaigns with two variations or more beside a control group"),
    (
        _STATS, "versions, a and b", "inferred",
        "always both, zero-filled. A variation whose id or name is a letter that is needed has it, the others get what "
        "is left as they are declared; a third is `c`, and so on (ours)",
    ),
    (_STATS, "sent_optins of a test's day, errors of its versions", "documented", "not there"),
    (
        _STATS, "a test's day beside its versions", "ours",
        "distinct recipients of the day, and what names no variation too; so it is the sum of the versions where "
        "everything names one and nobody got two",
    ),
    (_LIST, "from, limit", "documented", f"from 0; {DEFAULT_PAGE} unless said, {LIMIT_PAGE} at most (more: 400, 31)"),
    (_LIST, "live", "documented", "neither draft nor archived; both without it"),
    (_LIST, "from_api", "documented", "made by campaigns/create"),
    (_LIST, "answer", "documented", "an array, the newest first; past the end it is empty"),
    (_LIST, "dev_only", "ours", "always false: there are no apps under development"),
    (_LIST, "created_date, push_time", "inferred", "UTC, to the second, without an offset"),
    (_LIST, "push_time", "inferred", "`scheduled_at`, else `started_at`; left out where neither is known"),
    (
        _DETAILS, "a campaign made here", "documented",
        "what was sent, after campaign_token, from_api, dev_only and created_date",
    ),
    (
        _DETAILS, "a campaign made elsewhere", "ours",
        "name, live, push_time, and the titles of its messages as far as they are known",
    ),
    (_DETAILS, "trigger", "documented", "an empty object where the campaign's type is trigger or automation"),
    (_CREATE, "name, live, messages, push_time or local_push_time", "inferred", "needed; `body` in each message, too"),
    (_CREATE, "push_time", "documented", "`now` or a time, UTC unless it has an offset"),
    (_CREATE, "other keys", "ours", "kept and shown as they are; nothing is sent from here"),
    (_CREATE, "answer", "documented", "201 and the token, which is the campaign's id in events too"),
    (_UPDATE, "body", "documented", "the keys to change; each replaces what it had"),
    (_UPDATE, "answer", "ours", "200 and the token"),
    (
        _DELETE, "effect", "ours",
        "the entry goes; its events stay, and a new one brings an entry back: under the same token if the campaign was "
        "made by campaigns/create, else with a new one",
    ),
    (_DELETE, "answer", "ours", "200 and the token"),
    (_GROUP, "{group}", "ours", "events whose campaign has this id, of whatever type"),
    (_GROUP, "an unknown group", "ours", "200 and no days: groups are not declared"),
    (
        _GROUP, "since, until", "documented",
        f"days, both included; since is needed, and lower; until is today (GMT) if left out; {LIMIT_MONTHS} months at "
        "most",
    ),
    (_GROUP, "date", "ours", _DAY),
    (_GROUP, "429", "documented", "never: its document has no such error"),
    (_ORCHESTRATION, "version in the path", "inferred", "any 2.N"),
    (_ORCHESTRATION, "Authorization: Bearer", "documented", "an API key of the workspace"),
    (
        _ORCHESTRATION, "X-Batch-Project", "documented",
        "needed (400 without it). The key says which workspace it is, so any value will do (ours), but not another "
        "workspace's access key, with or without `project_`: 401",
    ),
    (
        _ORCHESTRATION, "orchestration_id", "ours",
        "the campaign's id, its token, or `orchestration_` and its token; an unknown one is 400 (no 404 is documented)",
    ),
    (
        _ORCHESTRATION, "from, to", "documented",
        f"needed, both included (inferred); from is no more than {LIMIT_MONTHS} months ago",
    ),
    (_ORCHESTRATION, "date", "ours", _DAY),
    (_ORCHESTRATION, "details, versions", "documented", "as in campaigns/stats, but a list, each with all counters"),
    (
        _ORCHESTRATION, "errors", "inferred",
        '`{"error_code": "MALFORMED_PARAMETER", "error_message": …}`: the names of the older API; the texts are ours',
    ),
    (_ORCHESTRATION, "platform, and the shape of automations by step", "ours", "not there"),
)  # fmt: skip


def _fields() -> Iterator[Entry]:
    for route, counters in ((_STATS, CAMPAIGN.day), (_GROUP, GROUP.day), (_ORCHESTRATION, ORCHESTRATION.day)):
        yield from (_field(route, counter) for counter in counters)
    yield Entry(_STATS, "keys of a test's day", "documented", _keys(TEST.day))
    yield Entry(_STATS, "keys of a version", "documented", _keys(TEST.version))


_OF_TRAFFIC = {
    "all": "",
    "people": " (human and proxy)",
    "machines": " (prefetch)",
}


def _field(route: str, counter: Counter) -> Entry:
    made_of = " + ".join(f"`{name}`" for name in counter.metrics) + _OF_TRAFFIC[counter.traffic]
    return Entry(route, counter.key, counter.source, "; ".join(filter(None, (made_of, counter.note))))


def _keys(counters: Iterable[Counter]) -> str:
    return ", ".join(f"`{counter.key}`" for counter in counters)


COMPATIBILITY: tuple[Entry, ...] = (*(Entry(*words) for words in _WORDS), *_fields())
