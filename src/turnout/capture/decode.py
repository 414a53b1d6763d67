"""Bytes to events: one JSON object, an array, or NDJSON; each event good or refused on its own.

The whole body is decoded at once; only where something in it is wrong is it taken apart, event by
event, to say which one, which field and why.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from dataclasses import dataclass, field

import msgspec

from turnout.errors import InvalidInput, TooLarge
from turnout.model import EVENT_TYPES, Event, Rejection

_event = msgspec.json.Decoder(Event)
_events = msgspec.json.Decoder(list[Event])
_raw_events = msgspec.json.Decoder(list[msgspec.Raw])
_anything = msgspec.json.Decoder()

_PATH = re.compile(r" - at `\$(?:\.([^`.\[]+))?[^`]*`$")
_ENUM = re.compile(r"Invalid enum value '(.{0,100}?)'?$", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.{0,200}?)`?$", re.DOTALL)


@dataclass
class Decoded:
    """Events with their index in the request, and the refusals."""

    events: list[tuple[int, Event]] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)


def decode(body: bytes, limit_events: int) -> Decoded:
    """Decode a body. InvalidInput if it isn't any of the three forms, TooLarge past `limit_events`."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    start = body.lstrip()[:1]
    if not start:
        raise InvalidInput("the body is empty", field="body", hint="send an event, an array of events, or NDJSON")
    # A backslash is looked for first, since that takes a fiftieth of looking for an escape.
    if b"\0" in body or (b"\\" in body and rb"\u0000" in body):
        return _one_by_one(_parts(body, start, limit_events))
    try:
        found = _events.decode(body) if start == b"[" else _event.decode_lines(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _one_by_one(_parts(body, start, limit_events))
    _bound(len(found), limit_events)
    return Decoded(list(enumerate(found)))


def _parts(body: bytes, start: bytes, limit_events: int) -> list[bytes]:
    """The events of a body that has something wrong in it, still undecoded."""
    if start == b"[":
        try:
            parts = [bytes(raw) for raw in _raw_events.decode(body)]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidInput(f"the body is not JSON: {error}", field="body") from None
    else:
        # An object may be spread over lines: then it is the only one.
        parts = [body] if _is_json(body) else [line for line in body.split(b"\n") if line.strip()]
    _bound(len(parts), limit_events)
    return parts


def _is_json(body: bytes) -> bool:
    try:
        _anything.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _one_by_one(parts: list[bytes]) -> Decoded:
    decoded = Decoded()
    for index, part in enumerate(parts):
        try:
            decoded.events.append((index, decode_one(part)))
        except _Refused as refused:
            decoded.rejected.append(
                Rejection(index=index, field=refused.field, error=refused.error, reason=refused.reason)
            )
    return decoded


class _Refused(Exception):
    def __init__(self, field: str, error: str, reason: str) -> None:
        self.field, self.error, self.reason = field, error[:500], reason


def decode_one(part: bytes) -> Event:
    """One event, decoded strictly, except that any ISO 8601 time will do."""
    if b"\0" in part or rb"\u0000" in part:
        _refuse_nul(part)
    try:
        return _event.decode(part)
    except msgspec.ValidationError as error:
        lenient = _with_iso_time(part) if "`$.time`" in str(error) else None
        if lenient is not None:
            return lenient
        raise _explained(error) from None
    except UnicodeDecodeError as error:
        raise _Refused("", f"the event is not valid UTF-8: {error.reason}", "bad_utf8") from None
    except RecursionError:
        raise _Refused("", "the event is nested too deeply", "bad_json") from None
    except msgspec.DecodeError as error:
        raise _Refused("", f"the event is not valid JSON: {error}", "bad_json") from None


def _refuse_nul(part: bytes) -> None:
    try:
        found = _anything.decode(part)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _Refused("", f"the event is not valid JSON: {error}", "bad_json") from None
    for name, value in found.items() if isinstance(found, dict) else ():
        if "\0" in name or "\0" in str(value) or "\\x00" in repr(value):
            raise _Refused(name.replace("\0", ""), "a NUL character can't be kept", "nul_character")


def _with_iso_time(part: bytes) -> Event | None:
    """The event, if its time is ISO 8601 that is not RFC 3339 (a date, no seconds, a basic form)."""
    try:
        found = _anything.decode(part)
        found["time"] = dt.datetime.fromisoformat(found["time"])
        return msgspec.convert(found, Event)
    except (ValueError, TypeError, KeyError, msgspec.MsgspecError):
        return None


def _explained(error: msgspec.ValidationError) -> _Refused:
    """msgspec's words, with the field they are about taken out of them."""
    text = str(error)
    unknown = _UNKNOWN.match(text)
    if unknown:
        name = unknown[1].split("`")[0]
        return _Refused(name, f"unknown field '{name}' (own data belongs in properties)", "unknown_field")
    missing = re.match(r"Object missing required field `(\w+)`", text)
    if missing:
        return _Refused(missing[1], f"the field '{missing[1]}' is missing", "missing_field")
    path = _PATH.search(text)
    name = (path[1] or "") if path else ""
    words = _PATH.sub("", text)
    if name == "time":
        words = "the time is neither ISO 8601 nor epoch seconds or milliseconds"
    given = _ENUM.match(words)
    if name == "type" and given:
        near = difflib.get_close_matches(given[1], EVENT_TYPES, n=1)
        hint = f" (did you mean '{near[0]}'?)" if near else ""
        return _Refused(name, f"unknown event type '{given[1]}'{hint}", "unknown_type")
    return _Refused(name, words, "bad_value")


def _bound(count: int, limit_events: int) -> None:
    if count > limit_events:
        raise TooLarge(f"more than {limit_events} events in one request", field="body", hint="send several requests")
