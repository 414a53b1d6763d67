"""InTarget's query to what it asks for. Pure: nothing is looked up, no clock is read."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass

from turnout.errors import InvalidInput

#: Rows of one page: unless said, and at most. Who asks for more gets these, and is told so in a header.
DEFAULT_PER_PAGE = 10
LIMIT_PER_PAGE = 10_000

#: Campaigns named in one request.
LIMIT_IDS = 1000

#: The highest number of a campaign that there can be.
_LAST_ID = 9_007_199_254_740_991
_LAST_PAGE = 1_000_000_000

_MOMENT = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?:[T ](?P<minute>\d{2}:\d{2})(?P<second>:\d{2})?(?:[.,](?P<fraction>\d{1,9}))?"
    r"(?P<offset>Z| ?[+ -]\d{2}(?::?\d{2})?)?)?",
    re.ASCII | re.IGNORECASE,
)
_INTEGER = re.compile(r"\s*[+-]?\d{1,18}\s*", re.ASCII)
_IDS = re.compile(r"campaignIds(\[[^\[\]]*\])?")
_CURRENCY = re.compile(r"[A-Z]{3}")

_DAY_MS, _MINUTE_MS, _SECOND_MS = 86_400_000, 60_000, 1000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class InvalidQuery(InvalidInput):
    """Parameters that can't be understood: all of them, as (name, what is wrong)."""

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        field, message = self.problems[0]
        super().__init__(message, field=field)


@dataclass(frozen=True)
class Range:
    """Epoch milliseconds, [from_ms, to_ms); None leaves that end open."""

    from_ms: int | None = None
    to_ms: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether everything is in it."""
        return self.from_ms is None and self.to_ms is None

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be in it."""
        return self.from_ms is not None and self.to_ms is not None and self.to_ms <= self.from_ms

    def holds(self, moment_ms: int) -> bool:
        """Whether this instant is in it."""
        return self.overlaps(moment_ms, moment_ms)

    def overlaps(self, first_ms: int, last_ms: int) -> bool:
        """Whether anything from `first_ms` to `last_ms`, both included, may be in it."""
        return (self.from_ms is None or last_ms >= self.from_ms) and (self.to_ms is None or first_ms < self.to_ms)


@dataclass(frozen=True)
class Query:
    """A page of campaigns by when they started, which they are and when their messages were sent.

    `numbers` is None where no campaign is named; `currency` is empty where none is.
    """

    starts: Range
    sends: Range
    numbers: tuple[int, ...] | None
    page: int
    per_page: int
    currency: str


def query(pairs: Iterable[tuple[str, str]]) -> Query:
    """The decoded parameters of a request; InvalidQuery names every one that is at fault.

    Of a parameter that comes twice the last counts; one that is empty is as good as left out.
    """
    pairs = list(pairs)
    given = {name: value for name, value in pairs if value.strip()}
    problems: dict[str, str] = {}
    moments = {name: _bound(name, given, problems) for name in ("startFrom", "startTo", "sendFrom", "sendTo")}
    numbers = _numbers([value for name, value in pairs if _IDS.fullmatch(name) and value.strip()], problems)
    page = _count("page", "Page", given, 1, problems)
    per_page = _count("perPage", "Per Page", given, DEFAULT_PER_PAGE, problems)
    currency = given.get("currency", "").strip().upper()
    if currency and not _CURRENCY.fullmatch(currency):
        problems["currency"] = "Currency is invalid."
    if problems:
        raise InvalidQuery(problems.items())
    return Query(
        Range(moments["startFrom"], moments["startTo"]),
        Range(moments["sendFrom"], moments["sendTo"]),
        numbers,
        min(page, _LAST_PAGE),
        min(per_page, LIMIT_PER_PAGE),
        currency,
    )


def _bound(name: str, given: dict[str, str], problems: dict[str, str]) -> int | None:
    """One end of a range. Both ends are included, so an end lasts as long as what it names: a second, a day."""
    if name not in given:
        return None
    try:
        start_ms, length_ms = moment(given[name])
    except (ValueError, OverflowError):
        problems[name] = f"The format of {_label(name)} is invalid."
        return None
    return start_ms + length_ms if name.endswith("To") else start_ms


def moment(text: str) -> tuple[int, int]:
    """A time as (epoch ms, how many ms it names): UTC unless it brings an offset. ValueError, OverflowError.

    `YYYY-MM-DD HH:MM:SS` as documented; also with a `T`, without the seconds or the time, with a fraction, and
    with an offset, as the answers have it (whose plus sign may have arrived as a space).
    """
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        raise ValueError("not a moment")
    second = found["second"] or (":00" if found["minute"] else "")
    local = dt.datetime.fromisoformat(f"{found['date']}T{found['minute'] or '00:00'}{second}")
    fraction_ms = int((found["fraction"] or "")[:3].ljust(3, "0"))
    start_ms = milliseconds(local.replace(tzinfo=_zone(found["offset"]))) + fraction_ms
    if found["fraction"]:
        return start_ms, 1
    return start_ms, _SECOND_MS if found["second"] else _MINUTE_MS if found["minute"] else _DAY_MS


def milliseconds(moment: dt.datetime) -> int:
    """Whole milliseconds since the epoch."""
    return (moment - _EPOCH) // dt.timedelta(milliseconds=1)


def _zone(offset: str | None) -> dt.timezone:
    if not offset or offset in "Zz":
        return dt.UTC
    digits = re.sub(r"\D", "", offset)
    away = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return dt.timezone(-away if "-" in offset else away)


def _numbers(values: list[str], problems: dict[str, str]) -> tuple[int, ...] | None:
    """The campaigns that are named, each once; a number that no campaign can have names none."""
    if not values:
        return None
    if len(values) > LIMIT_IDS:
        problems["campaignIds"] = f"Campaign Ids should contain at most {LIMIT_IDS} items."
    elif not all(_INTEGER.fullmatch(value) for value in values):
        problems["campaignIds"] = "Campaign Ids must be an integer."
    else:
        return tuple(sorted({number for value in values if 0 <= (number := int(value)) <= _LAST_ID}))
    return None


def _count(name: str, label: str, given: dict[str, str], default: int, problems: dict[str, str]) -> int:
    text = given.get(name)
    if text is None:
        return default
    if not _INTEGER.fullmatch(text):
        problems[name] = f"{label} must be an integer."
    elif int(text) < 1:
        problems[name] = f"{label} must be no less than 1."
    else:
        return int(text)
    return default


def _label(name: str) -> str:
    """`startFrom` is Start From."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).title()
