"""What providers' bodies have in common: JSON in several wrappings, and fields that may be missing or too long.

Bytes enter; objects with the bytes that each was made of leave, or values that fit an event.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from turnout.capture.webhooks.contract import Unreadable

#: Characters of a value within `properties`: enough for a server's answer to a message.
VALUE_LIMIT = 1024

_raw_list = msgspec.json.Decoder(list[msgspec.Raw])
_anything = msgspec.json.Decoder()


def objects(body: bytes) -> list[tuple[dict[str, Any] | None, bytes]]:
    """The objects of a body that is one, an array of them, or one a line; each with its own bytes.

    What is no object comes as None. Unreadable if the body is not JSON at all, or empty.
    """
    body = body.removeprefix(b"\xef\xbb\xbf").strip()
    if not body:
        raise Unreadable("the body is empty")
    try:
        if body[:1] == b"[":
            parts = [bytes(raw) for raw in _raw_list.decode(body)]
        else:
            found = _anything.decode(body)
            return [(found if isinstance(found, dict) else None, body)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        parts = [line.strip() for line in body.split(b"\n") if line.strip()]
        if body[:1] != b"{" or len(parts) < 2 or _object(parts[0]) is None:
            raise Unreadable(f"the body is not JSON: {error}") from None
    return [(_object(part), part) for part in parts]


def document(body: bytes) -> dict[str, Any]:
    """The one object that a body is; Unreadable if it is anything else."""
    (found, _), *more = objects(body) or [(None, b"")]
    if found is None or more:
        raise Unreadable("the body is not one JSON object")
    return found


def _object(part: bytes) -> dict[str, Any] | None:
    try:
        found = _anything.decode(part)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def text(value: object, limit: int = VALUE_LIMIT) -> str:
    """A value as text of at most so many characters, trimmed; empty for what is neither text nor a number."""
    if isinstance(value, str):
        return value.strip()[:limit]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)[:limit]
    return ""


def said(**fields: Any) -> dict[str, Any]:
    """The fields that say something: what is None, or empty text, list or mapping, is left out."""
    return {name: value for name, value in fields.items() if value is not None and value not in ("", [], {}, ())}


def within(mapping: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object that a mapping has there; an empty one if it has none."""
    found = mapping.get(name)
    return found if isinstance(found, dict) else {}
