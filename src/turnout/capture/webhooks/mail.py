"""What the providers of e-mail have in common: how their JSON says recipients, times, campaigns and requests.

The parts of a body enter, and what a provider's own file makes of each leaves as `Parsed`. What is not essential and
of a wrong type says nothing; what an event can't do without raises `Unclear`, and the part is kept for a person.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from turnout.capture.webhooks.contract import Delivery, Parsed, Said, Unread, Unreadable

#: A provider's batch holds hundreds of events; this many parts are never meant.
PARTS_LIMIT = 100_000

#: How many recipients one notice may name: no provider sends to more with one message.
RECIPIENTS_LIMIT = 1_000

#: Characters kept of a word, of a diagnosis and of a user agent. `model.Event` refuses longer agents.
NAME_LIMIT = 256
DIAGNOSIS_LIMIT = 1_024
AGENT_LIMIT = 2_048

_MILLISECONDS_FROM = 1e11

#: What a sender may say of its event in the provider's own variables, tags or metadata; the first name wins.
_VARIABLES = {
    "campaign": ("campaign", "campaign_id"),
    "message": ("message", "message_step"),
    "variation": ("variation",),
    "profile": ("profile",),
}

Object = dict[str, Any]


class Unclear(Exception):
    """A part that is not understood; the message says why, for a person."""


class Uncounted(Exception):
    """A part that is understood, and has no statistic."""


def decoded(body: bytes) -> Any:
    """The JSON of a body. Raises Unreadable for anything else."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise Unreadable(f"the body is not JSON: {problem}") from problem
    except RecursionError as problem:
        raise Unreadable("the body is nested too deeply") from problem


def parts(body: bytes) -> list[Any]:
    """What an array holds, or the one object. Raises Unreadable for anything else."""
    value = decoded(body)
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        raise Unreadable("the body is neither an object nor an array")
    if len(value) > PARTS_LIMIT:
        raise Unreadable(f"the body holds more than {PARTS_LIMIT} events")
    return value


def read(each: Iterable[Any], events_of: Callable[[Object], Iterable[Object]]) -> Parsed:
    """Every part as the events that `events_of` makes of it, or as what could not be read.

    A part whose second event is unclear is unread as a whole: it is kept in one piece, and read again in one.
    """
    parsed = Parsed()
    for part in each:
        source = msgspec.json.encode(part)
        try:
            if not isinstance(part, dict):
                raise Unclear("an event is an object")
            made = list(events_of(part))
        except Uncounted:
            parsed.ignored += 1
        except Unclear as unclear:
            parsed.unread.append(Unread(source, str(unclear)))
        else:
            parsed.said += [Said(event, source) for event in made]
    return parsed


def text(value: object, limit: int = NAME_LIMIT) -> str:
    """A word or number as trimmed text, cut at `limit` characters; anything else is empty."""
    if isinstance(value, str):
        return value.strip()[:limit]
    if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**64:
        return str(value)
    return ""


def inner(value: object, *names: str) -> Object:
    """The object that lies at `names` inside another, or an empty one."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """An array, or an empty one."""
    return value if isinstance(value, list) else []


def needed(value: object, name: str) -> str:
    """Text that an event can't do without, whole: a cut recipient would be somebody else."""
    found = text(value, limit=8_192)
    if not found:
        raise Unclear(f"{name} is missing or no text")
    return found


def word(value: object, name: str) -> str:
    """The name of an event's kind."""
    return needed(value, name)[:NAME_LIMIT]


def moment(value: object, name: str) -> dt.datetime:
    """A time: ISO 8601 (UTC where it has no offset), or epoch seconds or milliseconds, as a number or as its digits."""
    if isinstance(value, str):
        value = _number(value.strip())
    try:
        if isinstance(value, str):
            time = dt.datetime.fromisoformat(value)
            return time.astimezone(dt.UTC) if time.tzinfo else time.replace(tzinfo=dt.UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return dt.datetime.fromtimestamp(value / 1000 if abs(value) >= _MILLISECONDS_FROM else value, dt.UTC)
    except (ValueError, OverflowError, OSError) as problem:
        raise Unclear(f"{name} is no time") from problem
    raise Unclear(f"{name} is missing or no time")


def _number(value: str) -> str | float:
    """Digits as the number they are; anything else as it is."""
    digits = value.replace(".", "", 1)
    return float(value) if digits.isascii() and digits.isdigit() and len(digits) <= 20 else value


def address(value: object) -> str:
    """The address of `Name <address>`, or of an address alone."""
    found = needed(value, "the recipient")
    if found.endswith(">") and "<" in found:
        found = found[found.rindex("<") + 1 : -1].strip()
    if not found:
        raise Unclear("the recipient is missing or no text")
    return found


def addresses(values: list[Any]) -> list[str]:
    """Each of many addresses, once. Raises Unclear where there is none, or there are too many."""
    found = list(dict.fromkeys(address(value) for value in values[: RECIPIENTS_LIMIT + 1]))
    if not found:
        raise Unclear("no recipient is named")
    if len(found) > RECIPIENTS_LIMIT:
        raise Unclear(f"more than {RECIPIENTS_LIMIT} recipients are named")
    return found


def web_address(value: object) -> str:
    """Where a link leads. One without a host, or too long to be kept, is still a click, but leads nowhere."""
    found = text(value, limit=8_193)
    try:
        return found if len(found) <= 8_192 and urlsplit(found).scheme else ""
    except ValueError:
        return ""


def request(ip: object = None, user_agent: object = None, country: object = None) -> Object:
    """What is known of the request behind an opening or a click, in an event's own fields."""
    place = text(country, 3)
    known = {
        "ip": text(ip, 65) if len(text(ip, 65)) <= 64 else "",
        "user_agent": text(user_agent, AGENT_LIMIT),
        "country": place if len(place) == 2 and place.isascii() and place.isalpha() and place.isupper() else "",
    }
    return {name: value for name, value in known.items() if value}


def variables(*sources: Mapping[str, Any]) -> Object:
    """Campaign, message, variation and profile, from the first of the sender's own variables that names each.

    A value may be text or an array of it. A campaign may be too long to be one, and is then refused by the receiver.
    """
    found: Object = {}
    for field, names in _VARIABLES.items():
        for source in sources:
            for name in names:
                value = source.get(name)
                value = text(value[0] if isinstance(value, list) and value else value, NAME_LIMIT + 1)
                if value and field not in found and (field == "campaign" or len(value) <= NAME_LIMIT):
                    found[field] = value
    return found


def headers(value: object) -> Object:
    """Of a message's headers (`[{"name": …, "value": …}]`), those that name what `variables` knows, e.g. X-Campaign."""
    found: Object = {}
    for header in items(value)[:RECIPIENTS_LIMIT]:
        name = text(inner(header).get("name")).lower() if isinstance(header, dict) else ""
        if name.startswith("x-") and name[2:].replace("-", "_") in _HEADERS:
            found.setdefault(name[2:].replace("-", "_"), header.get("value"))
    return found


_HEADERS = frozenset(name for names in _VARIABLES.values() for name in names)


def otherwise(delivery: Delivery, campaign: object) -> Object:
    """A campaign to fall back on: only where neither the hook nor its address names one."""
    if delivery.hook.campaign or delivery.query.get("campaign"):
        return {}
    name = text(campaign)
    return {"campaign": name} if name else {}


def properties(provider: str, event: str, **more: object) -> Object:
    """What is kept of an event beside its own fields: who told it, what they called it, and words that say more."""
    kept: Object = {"provider": provider, "provider_event": event}
    for name, value in more.items():
        if value is True:
            kept[name] = True
        elif said := text(value, DIAGNOSIS_LIMIT):
            kept[name] = said
    return kept
