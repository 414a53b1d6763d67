"""What every provider's requests have in common: a body taken apart, and values that fit the fields of an event.

The bytes of a body enter. `Part`s leave, each with the bytes that it was made of; what a provider's own file makes of
each part leaves `read` as `Parsed`. What is not essential and of a wrong type says nothing; what an event can't do
without raises `Unclear`, and the part is kept for a person.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from turnout.capture.webhooks.contract import Parsed, Said, Unread, Unreadable

#: A provider's batch holds hundreds of events; this many parts are never meant.
PARTS_LIMIT = 100_000

#: A form has some twenty fields.
FORM_LIMIT_BYTES = 262_144
FORM_LIMIT_FIELDS = 500

#: Characters of a name, of an id, of a value within `properties` (enough for a server's answer to a message), of a
#: user agent or title, and of a link: what `model.Event` takes.
NAME_LIMIT = 256
ID_LIMIT = 512
VALUE_LIMIT = 1_024
TEXT_LIMIT = 2_048
URL_LIMIT = 8_192
IP_LIMIT = 64

_MILLISECONDS_FROM = 1e11

#: What a sender may say of its event in the provider's own variables, tags or metadata; the first name wins.
VARIABLES = {
    "campaign": ("campaign", "campaign_id"),
    "message": ("message", "message_step"),
    "variation": ("variation",),
    "profile": ("profile",),
}

Object = dict[str, Any]

_raw_list = msgspec.json.Decoder(list[msgspec.Raw])
_raw_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_anything = msgspec.json.Decoder()

#: JSON whose members are in order: the same content is the same bytes, however it came.
canonical = msgspec.json.Encoder(order="deterministic").encode


class Unclear(Exception):
    """A part that is not understood; the message says why, for a person."""


class Uncounted(Exception):
    """A part that is understood, and has no statistic."""


@dataclass(frozen=True)
class Part:
    """One object of a body, or None for what is no object; and the bytes of it, a body by itself."""

    told: Object | None
    source: bytes

    @classmethod
    def of(cls, told: Object) -> Part:
        """A part that came otherwise than as JSON, as the JSON that it is."""
        return cls(told, msgspec.json.encode(told))


def decoded(body: bytes) -> Any:
    """The JSON of a body, with or without a byte order mark. Raises Unreadable for anything else."""
    try:
        return _anything.decode(_trimmed(body))
    except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
        raise Unreadable(f"the body is not JSON: {problem}") from problem
    except RecursionError as problem:
        raise Unreadable("the body is nested too deeply") from problem


def parts(body: bytes) -> list[Part]:
    """The objects of a body that is one, an array of them, or one a line; each with its own bytes.

    Raises Unreadable for a body that is none of these, is empty, or has more than PARTS_LIMIT parts.
    """
    body = _trimmed(body)
    if not body:
        raise Unreadable("the body is empty")
    if body[:1] == b"[":
        try:
            sources = [bytes(raw) for raw in _raw_list.decode(body)]
        except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
            raise Unreadable(f"the body is not JSON: {problem}") from problem
        except RecursionError as problem:
            raise Unreadable("the body is nested too deeply") from problem
    else:
        try:
            found = decoded(body)
        except Unreadable:
            sources = [line.strip() for line in body.split(b"\n") if line.strip()]
            if len(sources) < 2 or _part(sources[0]).told is None:
                raise
        else:
            if not isinstance(found, dict):
                raise Unreadable("the body is neither an object nor an array")
            return [Part(found, body)]
    if len(sources) > PARTS_LIMIT:
        raise Unreadable(f"the body holds more than {PARTS_LIMIT} parts")
    return [_part(source) for source in sources]


def batch(body: bytes, name: str) -> list[Part]:
    """The parts of a body; where it is one object with an array called `name`, those of the array.

    Raises Unreadable as `parts` does, and for a member `name` that is no array.
    """
    found = parts(body)
    if len(found) != 1 or found[0].told is None or name not in found[0].told:
        return found
    if not isinstance(found[0].told[name], list):
        raise Unreadable(f"'{name}' is no array")
    return parts(bytes(_raw_members.decode(found[0].source)[name]))


def form(body: bytes) -> list[tuple[str, str]]:
    """The names and values of a form, in their order. Raises Unreadable for anything else, and for too long a one."""
    if len(body) > FORM_LIMIT_BYTES:
        raise Unreadable(f"the form is over {FORM_LIMIT_BYTES} bytes")
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FORM_LIMIT_FIELDS)
    except ValueError as problem:
        raise Unreadable(f"the body is no form: {problem}") from None


def media_type(content_type: str) -> str:
    """What a Content-Type names, in lower case and without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def _trimmed(body: bytes) -> bytes:
    return body.removeprefix(b"\xef\xbb\xbf").strip()


def _part(source: bytes) -> Part:
    try:
        found = _anything.decode(source)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Part(None, source)
    return Part(found if isinstance(found, dict) else None, source)


def read(each: Iterable[Part], events_of: Callable[[Object], Iterable[Object]]) -> Parsed:
    """Every part as the events that `events_of` makes of it, or as what could not be read."""
    parsed = Parsed()
    for part in each:
        tell(parsed, part.source, functools.partial(_events, part, events_of))
    return parsed


def tell(parsed: Parsed, source: bytes, make: Callable[[], Iterable[Object]]) -> None:
    """Add to `parsed` the events that `make` makes of a source; Uncounted and Unclear are told there, too.

    A source whose second event is unclear is unread as a whole: it is kept in one piece, and read again in one.
    """
    try:
        made = list(make())
    except Uncounted:
        parsed.ignored += 1
    except Unclear as unclear:
        parsed.unread.append(Unread(source, str(unclear)))
    else:
        parsed.said += [Said(event, source) for event in made]


def _events(part: Part, events_of: Callable[[Object], Iterable[Object]]) -> Iterable[Object]:
    if part.told is None:
        raise Unclear("this part is not a JSON object")
    return events_of(part.told)


def text(value: object, limit: int = NAME_LIMIT) -> str:
    """Text or a whole number as trimmed text of at most `limit` characters; anything else is empty.

    No name or id is a fraction, nor true.
    """
    if isinstance(value, str):
        return value.strip()[:limit]
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)[:limit]
    return ""


def first(*values: object, limit: int = NAME_LIMIT) -> str:
    """The first of several values that is text and not empty, as `text`."""
    return next(filter(None, (text(value, limit) for value in values)), "")


def person(*values: object) -> str:
    """The first of several ids of a recipient. A cut one would be somebody else: one too long is refused later."""
    return first(*values, limit=URL_LIMIT)


def campaign(*values: object) -> str:
    """The first of several names of a campaign. One too long stays too long to be one, and is refused later."""
    return first(*values, limit=NAME_LIMIT + 1)


def needed(value: object, name: str) -> str:
    """Text that an event can't do without, whole. Raises Unclear where there is none."""
    found = text(value, URL_LIMIT)
    if not found:
        raise Unclear(f"{name} is missing or no text")
    return found


def word(value: object, name: str) -> str:
    """The name of an event's kind. Raises Unclear where there is none."""
    return needed(value, name)[:NAME_LIMIT]


def inner(value: object, *names: str) -> Object:
    """The object that lies at `names` inside another, or an empty one."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """An array, or an empty one."""
    return value if isinstance(value, list) else []


def is_true(value: object) -> bool:
    """Whether a value is true, or the text that says so."""
    return value is True or text(value).lower() == "true"


def filled(fields: Mapping[str, Any]) -> Object:
    """The fields that say something: what is None, or empty text, list or mapping, is left out."""
    return {name: value for name, value in fields.items() if value is not None and value not in ("", [], {}, ())}


def moment(value: object, name: str) -> dt.datetime:
    """A time: ISO 8601 (UTC where it has no offset), or epoch seconds or milliseconds, as a number or as its digits.

    Raises Unclear for anything else; `name` says whose time it is.
    """
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


def web_address(value: object) -> str:
    """Where a link leads. One without a scheme, or too long to be kept, is still a click, but leads nowhere."""
    found = text(value, URL_LIMIT + 1)
    try:
        return found if len(found) <= URL_LIMIT and urlsplit(found).scheme else ""
    except ValueError:
        return ""


def request(ip: object = None, user_agent: object = None, country: object = None) -> Object:
    """What is known of the request behind an opening or a click, in an event's own fields.

    A country is two letters, in either case. What is too long for an address, or is no country, is left out.
    """
    origin, place = text(ip, IP_LIMIT + 1), text(country, 3)
    return filled(
        {
            "ip": origin if len(origin) <= IP_LIMIT else "",
            "user_agent": text(user_agent, TEXT_LIMIT),
            "country": place.upper() if len(place) == 2 and place.isascii() and place.isalpha() else "",
        }
    )


def keyword(value: object, known: Mapping[str, str]) -> str:
    """What a person's answer asks for (`stop`, `help` …) by the words that are known for it; empty if for nothing."""
    return known.get(text(value).strip(" .!").lower(), "")


def variables(*sources: Mapping[str, Any]) -> Object:
    """Campaign, message, variation and profile, from the first of the sender's own variables that names each.

    A value may be text or an array of it. A campaign may be too long to be one, and is then refused by the receiver.
    """
    found: Object = {}
    for field, names in VARIABLES.items():
        for source in sources:
            for name in names:
                value = source.get(name)
                value = campaign(value[0] if isinstance(value, list) and value else value)
                if value and field not in found and (field == "campaign" or len(value) <= NAME_LIMIT):
                    found[field] = value
    return found


def properties(provider: str, event: str, **more: object) -> Object:
    """What is kept of an event beside its own fields: who told it, what they called it, and words that say more."""
    kept: Object = {"provider": provider, "provider_event": event}
    for name, value in more.items():
        if value is True:
            kept[name] = True
        elif said := text(value, VALUE_LIMIT):
            kept[name] = said
    return kept
