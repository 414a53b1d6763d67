"""CloudEvents 1.0 over HTTP: anybody's events, in the envelope that event buses share.

The three modes enter: structured (`application/cloudevents+json`), batched (`application/cloudevents-batch+json`) and
binary (attributes in `ce-*` headers, the data as the body); also structured ones that call themselves plain JSON.
Events leave.

What it is, in this order: the hook's option for its type (`type.com.acme.mail.seen` = `opened`, or `ignored`); a
`type` within the data that is one of ours; the last word of its type that is one of ours or a usual name for it
(`com.acme.email.opened.v1`, `MessageBounced`, `…/click`). Where none says it, the hook's option `other` decides:
`performed` (of the type's name) or `ignored`; without that option it is kept as unread, so that nothing is lost.

Members of the data that are called like fields of an event are those fields; usual other names are known too
(`email`, `user_id`, `campaign_id`, `link_url` …: those of file imports). Everything else becomes a property, and so
do extension attributes. `subject` is what the hook's option `subject` says (recipient, campaign or message), else a
property.

Identity: (source, id), which the specification makes unique. The time is `time`, else the data's, else when it came.

Signature: the specification has none; `Authorization: Bearer`, or access_token in the query, carries the hook's
secret, as its HTTP webhook companion says. Its OPTIONS handshake is not spoken: it is a sender's choice to ask for it.

Source: github.com/cloudevents/spec, cloudevents/spec.md, bindings/http-protocol-binding.md, formats/json-format.md and
http-webhook.md.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from turnout.capture.shaping import GUESSES, TYPE_WORDS
from turnout.capture.webhooks import money, reading, signatures
from turnout.capture.webhooks.contract import Delivery, Parsed, Provider, Unread, Unreadable, identity
from turnout.capture.webhooks.reading import Part, Unclear, Uncounted, text
from turnout.model import EVENT_TYPES, Event

_VERSION = "1.0"
_FORMAT = "application/cloudevents"
_SUBJECTS = ("recipient", "campaign", "message")

#: Names of event types that files don't use, but buses do.
_WORDS = {
    **{name: name for name in EVENT_TYPES},
    **TYPE_WORDS,
    "read": "opened", "seen": "opened", "viewed": "impression", "shown": "impression", "undelivered": "bounced",
    "converted": "converted", "purchase": "purchased", "optedout": "unsubscribed", "dispatched": "sent",
}  # fmt: skip

#: What the data may not say: the envelope does, or nobody outside may.
_NOT_DATA = frozenset({"type", "time", "id", "reasons", "rule_version", "properties"})
_TIMES = ("time", *GUESSES["time"])

_TYPES = {field.name: field.type for field in msgspec.inspect.type_info(Event).fields}  # type: ignore[attr-defined]
_FIELDS = frozenset(_TYPES) - _NOT_DATA
#: Fields that are text, and how long it may be; ids that are numbers in the data are text here.
_TEXTS = {
    name: kind.max_length or 64 for name, kind in _TYPES.items() if isinstance(kind, msgspec.inspect.StrType)
}  # fmt: skip
_ATTRIBUTES = frozenset({"specversion", "type", "source", "id", "time", "subject", "datacontenttype", "dataschema"})
_DATA = frozenset({"data", "data_base64"})
_OF_BODY = frozenset({"datacontenttype", "data_base64"})
_MEMBERS = _ATTRIBUTES | _DATA

_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_QUOTED = re.compile(r"\\(.)", re.DOTALL)
_WORD_ENDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_VERSIONS = re.compile(r"v?[0-9]+")


def verify(delivery: Delivery) -> None:
    """Unauthenticated unless the secret comes along, in the header or the query."""
    if token := delivery.query.get("access_token", ""):
        signatures.require_same(token, delivery.hook.secret, "access_token")
    else:
        signatures.require_credential(delivery)


def parse(delivery: Delivery) -> Parsed:
    """One event of each that is counted. Raises Unreadable for what is in no mode that is spoken."""
    media = reading.media_type(delivery.headers.get("content-type", ""))
    if media.startswith(_FORMAT):
        if not media.endswith("+json"):
            raise Unreadable(f"the format '{media[:100]}' is not spoken; JSON is")
    elif "ce-specversion" in delivery.headers or "ce-type" in delivery.headers:
        return _binary(delivery, media)
    return reading.read(reading.parts(delivery.body), lambda part: [_event(part, delivery)])


def _binary(delivery: Delivery, media: str) -> Parsed:
    """The attributes are headers, the body is the data. What is kept of it is the same event, structured."""
    envelope: dict[str, Any] = {
        name[3:]: value for name, value in delivery.headers.items() if name.startswith("ce-") and name[3:] not in _DATA
    }
    if media:
        envelope["datacontenttype"] = media
    if delivery.body:
        envelope["data_base64"] = base64.b64encode(delivery.body).decode()
    try:
        envelope |= {name: _header(value) for name, value in envelope.items() if name not in _OF_BODY}
    except Unclear as unclear:
        return Parsed(unread=[Unread(msgspec.json.encode(envelope), str(unclear))])
    return reading.read([Part.of(envelope)], lambda part: [_event(part, delivery)])


def _header(value: str) -> str:
    """An attribute's value: quotes are undone, then percent-encoding once. Raises Unclear for what is not UTF-8."""
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = _QUOTED.sub(r"\1", value[1:-1])
    try:
        return unquote(_PERCENT.sub("%25", value), errors="strict")
    except UnicodeDecodeError:
        raise Unclear("an attribute is not percent-encoded UTF-8") from None


def _event(envelope: dict[str, Any], delivery: Delivery) -> dict[str, Any]:
    version = reading.needed(envelope.get("specversion"), "specversion")
    if version != _VERSION:
        raise Unclear(f"specversion is '{version[:20]}', not {_VERSION}")
    source = reading.needed(envelope.get("source"), "source")
    own = reading.needed(envelope.get("id"), "id")
    kind = reading.needed(envelope.get("type"), "type")
    data = _data(envelope)
    event, rest = _fields(data)
    options = delivery.hook.options
    subject = reading.person(envelope.get("subject"))
    if subject and options.get("subject") in _SUBJECTS:
        event.setdefault(options["subject"], subject)
        subject = ""
    extensions = {name: value for name, value in envelope.items() if name not in _MEMBERS and value is not None}
    about = reading.properties("cloudevents", kind[: reading.NAME_LIMIT], source=source, subject=subject, event_id=own)
    return {
        **event,
        **_type(kind, data, options),
        "id": identity("cloudevents", source, own),
        "time": _time(envelope, data, delivery),
        "properties": {**extensions, **rest, **about},
    }


def _data(envelope: dict[str, Any]) -> dict[str, Any]:
    """The data as an object: its own, or one with it as `data`."""
    data = envelope.get("data")
    encoded = envelope.get("data_base64")
    if encoded is not None:
        try:
            raw = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError, TypeError):
            raise Unclear("data_base64 is not base64") from None
        data = _decoded(raw, reading.media_type(text(envelope.get("datacontenttype"))))
    if isinstance(data, dict):
        return data
    return {} if data is None else {"data": data}


def _decoded(raw: bytes, media: str) -> Any:
    """Data that is JSON and says so; without a content type the specification forbids to take it for that."""
    if not media.endswith(("/json", "+json")):
        return None
    try:
        return reading.decoded(raw)
    except Unreadable as problem:
        raise Unclear(f"the data calls itself JSON and is not: {problem}") from None


def _fields(data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The members that are fields of an event, by their own or a usual name; and the others."""
    event = {name: _fitting(name, value) for name, value in data.items() if name in _FIELDS and value is not None}
    used = set(event)
    for field, aliases in GUESSES.items():
        name = next((each for each in aliases if each not in _FIELDS and _is_plain(data.get(each))), None)
        if field in _FIELDS and field not in event and name is not None:
            event[field] = _fitting(field, data[name])
            used.add(name)
    if "amount" in event:
        event["amount"] = money.amount(event["amount"]) or event["amount"]
    inner = reading.inner(data.get("properties"))
    left = {n: v for n, v in data.items() if n not in used and n not in ("properties", "type", *_TIMES)}
    return event, inner | left


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""


def _fitting(field: str, value: Any) -> Any:
    """A value as its field takes it: numbers as text, and text cut to what is kept. Anything else is refused later."""
    if field not in _TEXTS or not _is_plain(value):
        return value
    # A recipient or campaign that is cut would be somebody else's: one too long stays, and is refused.
    limit = reading.URL_LIMIT if field in ("recipient", "campaign") else _TEXTS[field]
    fitting = value.strip()[:limit] if isinstance(value, str) else str(value)
    return fitting.upper() if field in ("country", "currency") else fitting


def _type(kind: str, data: Mapping[str, Any], options: Mapping[str, str]) -> dict[str, Any]:
    """Our type of an event, as the docstring of this module says. Raises Uncounted or Unclear."""
    found = options.get(f"type.{kind}", "")
    if not found:
        said = data.get("type")
        found = said if isinstance(said, str) and said in EVENT_TYPES else _WORDS.get(_last_word(kind), "")
    if not found:
        found = options.get("other", "")
        if not found:
            raise Unclear(f"the type '{kind[:200]}' is not known; the hook's option 'type.{kind[:200]}' can say it")
    if found == "ignored":
        raise Uncounted
    if found not in EVENT_TYPES:
        raise Unclear(f"the hook's options map '{kind[:200]}' to '{found[:100]}', which is no type of events")
    if found != "performed":
        return {"type": found}
    return {"type": found, "name": text(data.get("name")) or kind[: reading.NAME_LIMIT]}


def _last_word(kind: str) -> str:
    """The last word of a type, or the last two where those are one of ours (`product.clicked`)."""
    parts = [part for part in re.split(r"[^A-Za-z0-9]+", kind[:512]) if part and not _VERSIONS.fullmatch(part)]
    words = [word.lower() for part in parts[-2:] for word in _WORD_ENDS.findall(part)]
    both = "_".join(words[-2:])
    return both if both in _WORDS else words[-1] if words else ""


def _time(envelope: Mapping[str, Any], data: Mapping[str, Any], delivery: Delivery) -> Any:
    if envelope.get("time") is not None:
        return reading.moment(envelope["time"], "time")
    for name in _TIMES:
        if data.get(name) is not None:
            return reading.moment(data[name], f"data.{name}")
    return delivery.now


PROVIDER = Provider(
    name="cloudevents",
    title="CloudEvents 1.0",
    parse=parse,
    verify=verify,
    options={
        "type.*": "what events of a type are, e.g. type.com.acme.mail.seen=opened; `ignored` leaves them out",
        "other": "what events of other types are: `performed` or `ignored`; without it they are kept as unread",
        "subject": "what the subject is: recipient, campaign or message",
    },
    setup=(
        "Send events in any of the three HTTP modes to this address, with the hook's secret as a bearer token. Say "
        "with the options what your types are."
    ),
    headers=("content-type",),
)
