"""Shoplive's queries and bodies to what they ask for. Pure: nothing is looked up, no clock is read."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from turnout.dialects.shoplive.wire import STATUSES, TAGS_LIMIT, CampaignBody
from turnout.errors import InvalidInput

#: The longest range of the statistics; the range may be exactly as long.
LIMIT_RANGE = dt.timedelta(days=7)

#: Values of one comma-separated list.
LIST_LIMIT = 1000

#: Campaigns of one page of the search.
COUNT_LIMIT = 20

_INT32 = 2**31 - 1
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FORM = "YYYY-MM-DD'T'HH:mm:ss'Z', e.g. 2024-09-07T00:00:00Z"

#: The documented form, and what else ISO 8601 lets a client write; a space before an offset is a plus sign
#: that a URL swallowed.
_MOMENT = re.compile(
    r"(?P<local>\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(?::\d{2})?)(?:[.,](?P<fraction>\d{1,9}))?"
    r"(?:[Zz]|(?P<sign>[ +-])(?P<hours>\d{2})(?::?(?P<minutes>\d{2}))?)",
    re.ASCII,
)

#: The query, repeated parameters included.
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Range:
    """The statistics' range, half-open in epoch milliseconds: the instant `to` itself is in it."""

    from_ms: int
    to_ms: int


@dataclass(frozen=True)
class Search:
    """What shows are looked for. None and empty: any. The range is of the scheduled start, both ends in it."""

    from_: dt.datetime | None = None
    to: dt.datetime | None = None
    keyword: str = ""
    tags: frozenset[str] = frozenset()
    all_tags: bool = False
    statuses: frozenset[str] = frozenset()
    seller: int | None = None
    numbers: frozenset[int] | None = None
    keys: frozenset[str] | None = None
    ascending: bool = False
    page: int = 1
    count: int = 10


def moment(text: str, field: str) -> dt.datetime:
    """A time with its offset, in UTC; InvalidInput names the parameter."""
    found = _MOMENT.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError
        local = dt.datetime.fromisoformat(found["local"].upper()).replace(tzinfo=dt.UTC)
        local = local.replace(microsecond=int((found["fraction"] or "0")[:6].ljust(6, "0")))
        offset = dt.timedelta(hours=int(found["hours"] or 0), minutes=int(found["minutes"] or 0))
        if offset > dt.timedelta(hours=18):
            raise ValueError
        return local + offset if found["sign"] == "-" else local - offset
    except (ValueError, OverflowError):
        raise InvalidInput(f"{field} must be of the form {_FORM}", field=field) from None


def window(query: Mapping[str, str]) -> Range:
    """`from` and `to`, both required, at most a week apart."""
    ends = {}
    for name in ("from", "to"):
        if not query.get(name, "").strip():
            raise InvalidInput(f"{name} is required", field=name)
        ends[name] = moment(query[name], name)
    if ends["from"] > ends["to"]:
        raise InvalidInput("from must not be later than to", field="from")
    if ends["to"] - ends["from"] > LIMIT_RANGE:
        raise InvalidInput("The maximum period is one week", field="to")
    millisecond = dt.timedelta(milliseconds=1)
    return Range(-((_EPOCH - ends["from"]) // millisecond), (ends["to"] - _EPOCH) // millisecond + 1)


def listed(pairs: Pairs, name: str) -> frozenset[str] | None:
    """A comma-separated list, also over several parameters of the name; None if it names nothing."""
    values = frozenset(
        part for key, value in pairs if key == name for text in value.split(",") if (part := text.strip())
    )
    if len(values) > LIST_LIMIT:
        raise InvalidInput(f"{name} has more than {LIST_LIMIT} values", field=name)
    return values or None


def search(pairs: Pairs) -> Search:
    """The query of the search; InvalidInput names the parameter at fault."""
    query = {name: value.strip() for name, value in pairs}
    statuses = frozenset(word.upper() for word in listed(pairs, "campaignStatus") or ())
    if not statuses <= set(STATUSES):
        raise InvalidInput(f"campaignStatus must be one of {', '.join(STATUSES)}", field="campaignStatus")
    operator = query.get("tagSearchOperator", "").upper() or "OR"
    if operator not in ("AND", "OR"):
        raise InvalidInput("tagSearchOperator must be AND or OR", field="tagSearchOperator")
    numbers = listed(pairs, "campaignIds")
    return Search(
        from_=moment(query["from"], "from") if query.get("from") else None,
        to=moment(query["to"], "to") if query.get("to") else None,
        keyword=query.get("keyword", "").casefold(),
        tags=listed(pairs, "tags") or frozenset(),
        all_tags=operator == "AND",
        statuses=statuses,
        seller=whole(query, "sellerId", -_INT32 - 1, _INT32, 0) if query.get("sellerId") else None,
        numbers=None if numbers is None else frozenset(int(one) for one in numbers if re.fullmatch("[0-9]{1,16}", one)),
        keys=listed(pairs, "campaignKeys"),
        ascending=flag(query, "sortAscending"),
        page=whole(query, "page", 1, _INT32, 1),
        count=whole(query, "count", 1, COUNT_LIMIT, 10),
    )


def flag(query: Mapping[str, str], name: str) -> bool:
    """A boolean, false unless said."""
    text = query.get(name, "").strip().lower() or "false"
    if text not in ("true", "false", "1", "0"):
        raise InvalidInput(f"{name} must be true or false", field=name)
    return text in ("true", "1")


def whole(query: Mapping[str, str], name: str, lowest: int, highest: int, default: int) -> int:
    """A whole number between two others."""
    text = query.get(name, "").strip() or str(default)
    if not re.fullmatch(r"-?[0-9]{1,10}", text) or not lowest <= int(text) <= highest:
        raise InvalidInput(f"{name} must be a whole number between {lowest} and {highest}", field=name)
    return int(text)


def body(raw: bytes) -> CampaignBody:
    """The body of create and update. Whatever it has besides is not looked at."""
    if b"\0" in raw or rb"\u0000" in raw:
        raise InvalidInput("a NUL character can't be kept", field="body")
    try:
        return msgspec.json.decode(raw, type=CampaignBody, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        text, _, path = str(error).partition(" - at ")
        field = path.strip("`").removeprefix("$.") or "body"
        raise InvalidInput(f"{field}: {text[:300]}", field="body") from None


def title(text: str | None) -> str:
    """A show's title, which may not be blank."""
    if text is None or not text.strip():
        raise InvalidInput("The title of the campaign must not be blank", field="title")
    return text


def tags(text: str) -> tuple[str, ...]:
    """Comma-separated tags, each once, at most ten."""
    found = tuple(dict.fromkeys(part for one in text.split(",") if (part := one.strip())))
    if len(found) > TAGS_LIMIT or any(len(one) > 256 for one in found):
        raise InvalidInput(f"at most {TAGS_LIMIT} tags of 256 characters can be set", field="tags")
    return found
