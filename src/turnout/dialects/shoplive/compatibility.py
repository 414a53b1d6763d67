"""What this room does, and on whose word: the lines of COMPATIBILITY.md. The figures come from `wire`'s table."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.dialects.contract import Entry, Source
from turnout.dialects.shoplive.parse import COUNT_LIMIT, LIST_LIMIT
from turnout.dialects.shoplive.shows import NOW, QUIET
from turnout.dialects.shoplive.tokens import CLOCK_SKEW_S
from turnout.dialects.shoplive.wire import CAMPAIGNS_LIMIT, FIGURES, Figure

_STATS = "GET /v2/{accessKey}/campaign/stats"
_ONE = "GET /v2/{accessKey}/campaign/{campaignKey}/stats"
_SEARCH = "GET /v2/{accessKey}/campaign"
_GET = "GET /v2/{accessKey}/campaign/{campaignKey}"
_POST = "POST /v2/{accessKey}/campaign"
_PUT = "PUT /v2/{accessKey}/campaign/{campaignKey}"
_ALL = "all routes"

_WORDS: tuple[tuple[str, str, Source, str], ...] = (
    (_ALL, "Authorization", "documented", "`Bearer` and a JWT that the client signs; the bare JWT too (live)"),
    (_ALL, "JWT, algorithm", "documented", "HS256 and no other, whatever the token's header says"),
    (
        _ALL, "JWT, key", "documented",
        "the workspace's signing secret, decoded from base64 (either alphabet, with or without padding), or its text",
    ),
    (_ALL, "JWT, accessKey", "inferred", "must be the path's"),
    (
        _ALL, "JWT, exp, iat, nbf", "ours",
        f"each may be left out; exp is exact, iat and nbf may be {CLOCK_SKEW_S} s ahead of the server's clock",
    ),
    (_ALL, "accessKey", "documented", "the workspace's access key"),
    (_ALL, "errors", "documented", '`{"_s": code, "_e": message}`; the statuses are live or inferred'),
    (_ALL, "-102, 401", "inferred", "`Needs to login`: no token, one that the secret didn't sign, or not of now"),
    (_ALL, "-200, 401", "inferred", "`Please check the access key`: unknown, or not the token's"),
    (_ALL, "-510, 400", "inferred", "a parameter or body that can't be understood; the message names it"),
    (_ALL, "-510, 404 and 405", "ours", "a path or verb that is not there"),
    (_ALL, "-500, 500 and 503", "inferred", "something went wrong here"),
    (_ALL, "-1, 503", "ours", "not now; Retry-After says when"),
    (_ALL, "-201, -412", "ours", "not used: access keys don't expire, and a token that did is -102"),
    (_ALL, "unknown parameters and keys", "inferred", "not looked at"),
    (_ALL, "rate limits", "ours", "none: none are documented"),
    (_STATS, "from, to", "documented", "required, `YYYY-MM-DD'T'HH:mm:ss'Z'`"),
    (
        _STATS, "from, to, other forms", "inferred",
        "without seconds, with a fraction, with an offset, also where its plus sign arrives as a space; a date alone "
        "or a time without an offset is refused",
    ),
    (_STATS, "from, to, ends", "ours", "both are in the range: the instant `to` itself too"),
    (_STATS, "from, to, longest", "documented", "a week; exactly seven days are one (inferred)"),
    (_STATS, "from later than to", "ours", "400, -510"),
    (
        _STATS, "campaignKeys", "documented",
        f"comma-separated, at most {LIST_LIMIT:,} (ours); unknown ones are left out (inferred)",
    ),
    (
        _STATS, "which campaigns", "inferred",
        "those that a viewer watched, liked, chatted or clicked in within the range (a watched interval counts where "
        "it ends); of human and proxy traffic",
    ),
    (_STATS, "results, order", "inferred", "startedAt, the latest first; then campaignId"),
    (_STATS, "results, how many", "ours", f"at most {CAMPAIGNS_LIMIT:,}: more are refused, -510"),
    (_STATS, "campaignId, campaignKey", "documented", "the campaign's `number`, as text, and `key`"),
    (_STATS, "scheduledAt, endedAt", "inferred", "as they were said, or null; whole seconds and Z"),
    (_STATS, "startedAt", "ours", "as it was said, else the time of the first live event"),
    (_ONE, "body", "live", "one element of `results`, unwrapped; of the show's whole life (inferred)"),
    (_ONE, "404", "live", "until somebody watched, liked, chatted or clicked; its -710 is inferred"),
    (_ONE, "404, -710", "live", "`Campaign does not exist`: no campaign of the workspace has the key"),
    (
        _SEARCH, "which campaigns", "ours",
        "those with live events, of the type or a channel live, or created here, that are not archived; whichever are "
        "named by campaignKeys or campaignIds",
    ),
    (_SEARCH, "from, to", "documented", "of scheduledStartAt, either or both; any length, both ends in it (ours)"),
    (_SEARCH, "keyword", "documented", "in title or description, in any case (ours)"),
    (_SEARCH, "tags, tagSearchOperator", "documented", "comma-separated; AND or OR, which is the default (ours)"),
    (_SEARCH, "campaignStatus", "documented", "READY, REHEARSAL, ONAIR, ENDED in any case; several with commas (ours)"),
    (_SEARCH, "sellerId", "documented", "of the seller that the show was created with"),
    (_SEARCH, "campaignIds, campaignKeys", "documented", "comma-separated; unknown ones are left out (inferred)"),
    (_SEARCH, "sortAscending", "documented", "false unless said; by scheduledStartAt (ours)"),
    (_SEARCH, "page, count", "documented", f"from 1; 10 unless said, at most {COUNT_LIMIT}, more is refused (ours)"),
    (_SEARCH, "body", "documented", "`results` of campaign objects, and `totalCount` (live)"),
    (_GET, "includeAuctionDetail, resolutionLevel", "documented", "checked; there are no auctions and previews here"),
    (_GET, "campaignStatus", "documented", "READY, REHEARSAL, ONAIR, ENDED"),
    (
        _GET, "campaignStatus, when", "ours",
        "ONAIR from startedAt, REHEARSAL if the campaign is a draft, ENDED from endedAt; where nobody says when it "
        f"ends, when nothing has happened for {QUIET.seconds // 3600} hours",
    ),
    (
        _GET, "userCount", "documented",
        "null when READY, all viewers when ENDED; on air, those whose watched interval ended in the last "
        f"{NOW.seconds // 60} minutes (ours)",
    ),
    (_GET, "likeCount", "documented", "null when READY, else the quantities of likes"),
    (_GET, "scheduledStartAt", "documented", "never null: where nobody said it, startedAt, else createdAt (ours)"),
    (_GET, "tags", "inferred", "comma-separated text, as create takes them; null for none"),
    (_GET, "rehearsalPasscode, serveReplay, brand, scheduledEndAt, seller", "documented", "as they were set"),
    (_GET, "brand, seller", "ours", "the id that was set; the rest of their keys is null"),
    (
        _GET, "image and video addresses", "ours",
        "from `properties.campaignMeta` of the campaign, else empty or null as the document allows",
    ),
    (_GET, "stream", "ours", "its keys, null: nothing is streamed from here"),
    (_GET, "campaignProductList", "ours", "empty: products are not kept here"),
    (_GET, "shoplivePlayerUrl", "documented", "of the documented form, at Shoplive's address"),
    (_GET, "rerun", "ours", "false"),
    (_GET, "404, -710", "live", "`Campaign does not exist`"),
    (_POST, "campaignMeta.title", "documented", "required; blank: -837 (live), 400 (inferred)"),
    (_POST, "description, tags, rehearsalPasscode, serveReplay, brand, scheduledEndAt, seller", "documented", "kept"),
    (_POST, "tags", "documented", "comma-separated, at most ten"),
    (_POST, "scheduledStartAt", "documented", "kept; now, where it is left out (ours)"),
    (_POST, "campaignKey", "documented", "twelve alphanumerics; events name the campaign by it (ours)"),
    (_POST, "answer", "documented", "200 and the campaign object, READY"),
    (_PUT, "campaignMeta", "documented", "what it has is set; what is left out, or null (inferred), stays"),
    (_PUT, "seller", "inferred", "not looked at"),
    (_PUT, "answer", "documented", "200 and the campaign object"),
)  # fmt: skip


def _figures() -> Iterator[Entry]:
    yield from (_figure(figure) for figure in FIGURES)


def _figure(figure: Figure) -> Entry:
    made_of = " / ".join(f"`{name}`" for name in figure.metrics)
    return Entry(_STATS, figure.key, figure.source, "; ".join(filter(None, (made_of, figure.note))))


COMPATIBILITY: tuple[Entry, ...] = (*(Entry(*words) for words in _WORDS), *_figures())
