"""What a beacon says: events as at /v1/events, or the short form of our own script.

A body goes in, with who sends it; `Deed`s come out, each an event that may still have to be placed in time, and a
rejection for each that can't be one. Nothing here is counted yet.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from turnout.capture.decode import decode
from turnout.capture.viewer_token import TOKEN_LIMIT_CHARACTERS, viewer_of
from turnout.errors import InvalidInput, TooLarge, Unauthenticated
from turnout.model import REACTIONS, Event, Id, Name, Rejection, Workspace

#: What a beacon may tell of.
LIVE_TYPES = frozenset({"watched", *REACTIONS})

#: Longest slot of the script: its heartbeat is at most a minute, and there is some slack.
SLOT_LIMIT_MS = 65_000

#: Most slots, and most reactions, of one beacon of the script.
SCRIPT_LIMIT_DEEDS = 400

#: Most reactions that one event of a page may stand for.
QUANTITY_LIMIT = 1_000

#: Viewers that one beacon of a page may speak for: a guest who logs in is two.
PAGE_LIMIT_VIEWERS = 10

#: How old what a page tells may be: it was offline, or its server was away.
LATE_LIMIT_MS = 6 * 3_600_000

#: A page's clock that is ahead by no more is taken for one that is wrong.
AHEAD_LIMIT_MS = 300_000

#: Ids of guests begin like this where other viewers have to prove who they are, so that none can pose as one of them.
GUEST_PREFIX = "guest-"

#: All that a page may say of an event; the rest is for those who have an API key.
_PUBLIC = ("type", "time", "campaign", "id", "recipient", "anonymous", "duration_s", "product", "quantity")

_UNSAID = Event(type="liked", time=0)
_PRIVATE = tuple(name for name in Event.__struct_fields__ if name not in _PUBLIC)

Lap = Annotated[int, Meta(ge=0, le=2**31)]
ClockMs = Annotated[int, Meta(ge=0, le=10**11)]
#: Lap, number in the lap, when it ended, how long it was.
Slot = tuple[Lap, Lap, ClockMs, Annotated[int, Meta(ge=1, le=SLOT_LIMIT_MS)]]
Reaction = Literal["liked", "chatted", "product_clicked", "banner_clicked"]
#: Its number, what it was, when, how often, of which product.
Act = tuple[Lap, Reaction, ClockMs, Annotated[int, Meta(ge=1, le=QUANTITY_LIMIT)], Name]


class Beacon(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body. What `events` hold is still undecoded; everything else is the script's.

    Times are milliseconds on the page's own clock, which stands at `clock_ms` when it sends. A viewer who has no
    `token` is who the page says, `guest` or not.
    """

    key: Annotated[str, Meta(max_length=256)] = ""
    token: Annotated[str, Meta(max_length=TOKEN_LIMIT_CHARACTERS)] = ""
    viewer: Id = ""
    guest: bool = False
    session: Annotated[str, Meta(pattern="^([A-Za-z0-9_-]{8,64})?$")] = ""
    clock_ms: ClockMs = 0
    slots: Annotated[list[Slot], Meta(max_length=SCRIPT_LIMIT_DEEDS)] = []
    acts: Annotated[list[Act], Meta(max_length=SCRIPT_LIMIT_DEEDS)] = []
    events: list[msgspec.Raw] = []


@dataclass(frozen=True)
class Sender:
    """Whose show it is and who speaks: a page, or (`by_key`) a server that has an API key. `ip` and `user_agent` are
    the page's; a server says those of its viewers."""

    workspace: Workspace
    campaign: str
    by_key: bool = False
    ip: str = ""
    user_agent: str = ""


@dataclass(frozen=True)
class Deed:
    """One thing that a viewer did. `clock_ms` is when, by the page's clock; of one that has none the event says it."""

    index: int
    event: Event
    clock_ms: int = -1

    @property
    def on_clock(self) -> bool:
        """Whether its time is still to be found."""
        return self.clock_ms >= 0


class _Refused(Exception):
    def __init__(self, field: str, error: str, reason: str = "bad_value") -> None:
        self.field, self.error, self.reason = field, error, reason


_beacon = msgspec.json.Decoder(Beacon)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_array = msgspec.json.Decoder(list[msgspec.Raw])
_canonical = msgspec.msgpack.Encoder(order="deterministic").encode


def read(body: bytes, limit_events: int) -> Beacon:
    """A body of either form. InvalidInput if it is neither, TooLarge past `limit_events`."""
    body = body.removeprefix(b"\xef\xbb\xbf").strip()
    if not body:
        raise InvalidInput("the body is empty", field="body", hint="send an event, an array of events, or NDJSON")
    try:
        if body.startswith(b"["):
            found = Beacon(events=_array.decode(body))
        elif (whole := _fields(body)) is not None:
            found = Beacon(events=[msgspec.Raw(body)]) if "type" in whole else _beacon.decode(body)
        else:
            found = Beacon(events=[msgspec.Raw(line) for line in body.split(b"\n") if line.strip()])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"the body is not understood: {str(error)[:300]}", field="body") from None
    if len(found.events) > limit_events:
        raise TooLarge(f"more than {limit_events} events in one beacon", field="body", hint="send several")
    return found


def _fields(body: bytes) -> dict[str, msgspec.Raw] | None:
    """The fields of a body that is one object."""
    try:
        return _object.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def deeds(beacon: Beacon, sender: Sender, now: datetime) -> tuple[list[Deed], list[Rejection]]:
    """What was done, by whom; slots first, then reactions, then events, and refusals by their place in that order.

    Unauthenticated if the viewer's token is wrong, or is missing where the workspace wants one.
    """
    signed = viewer_of(beacon.token, sender.workspace.signing_secret, now) if beacon.token else ""
    found = _of_script(beacon, sender, signed) if beacon.slots or beacon.acts else []
    rejected: list[Rejection] = []
    for index, part in enumerate(beacon.events, len(found)):
        try:
            event = _decoded(bytes(part), now)
            _check(event, sender, signed)
            if not sender.by_key:
                event.id = _own_id(sender.campaign, event.recipient, event.id) if event.id else _meaning(event)
        except _Refused as refused:
            rejected.append(Rejection(index=index, field=refused.field, error=refused.error, reason=refused.reason))
            continue
        found.append(Deed(index, event))
    if not sender.by_key and len({deed.event.recipient for deed in found}) > PAGE_LIMIT_VIEWERS:
        raise TooLarge(
            f"a page speaks for at most {PAGE_LIMIT_VIEWERS} viewers at once", field="recipient", hint="use an API key"
        )
    for deed in found:
        deed.event.campaign = sender.campaign
        if not sender.by_key:
            deed.event.ip, deed.event.user_agent = sender.ip[:64], sender.user_agent[:2048].replace("\0", "")
    return found, rejected


def _of_script(beacon: Beacon, sender: Sender, signed: str) -> list[Deed]:
    if not beacon.session:
        raise InvalidInput("slots and acts need a session", field="session")
    viewer, anonymous = _viewer(beacon, sender, signed)
    latest_ms = beacon.clock_ms
    found = []
    for lap, number, ended_ms, length_ms in beacon.slots:
        if not length_ms <= ended_ms <= latest_ms:
            raise InvalidInput("a slot is not within the page's clock", field="slots")
        event = Event(type="watched", time=0, duration_s=length_ms / 1000)
        event.id = _own_id(sender.campaign, viewer, f"{beacon.session}:{lap}:{number}")
        found.append((event, ended_ms))
    for number, kind, at_ms, quantity, product in beacon.acts:
        if at_ms > latest_ms or "\0" in product:
            raise InvalidInput("an act is not within the page's clock, or of no product", field="acts")
        event = Event(type=kind, time=0, quantity=quantity, product=product)
        event.id = _own_id(sender.campaign, viewer, f"{beacon.session}:act:{number}")
        found.append((event, at_ms))
    for event, _ in found:
        event.recipient, event.anonymous = viewer, anonymous
    return [Deed(index, event, clock_ms) for index, (event, clock_ms) in enumerate(found)]


def _viewer(beacon: Beacon, sender: Sender, signed: str) -> tuple[str, bool]:
    """Who the script speaks for, and whether that is a guest."""
    if signed:
        return signed, False
    try:
        _may_be(beacon.viewer, beacon.guest, sender)
    except _Refused as refused:
        if refused.field == "token":
            raise Unauthenticated(refused.error, field="token") from None
        raise InvalidInput(refused.error, field="viewer") from None
    return beacon.viewer, beacon.guest


def _may_be(viewer: str, guest: bool, sender: Sender) -> None:
    """Refuse a viewer who is nobody, or who isn't proved to be who he says where that is wanted."""
    if not viewer or "\0" in viewer:
        raise _Refused("recipient", "who watched is missing", "missing_field")
    if sender.by_key or sender.workspace.live_tokens == "optional":
        return
    if not guest:
        raise _Refused("token", "a viewer who is no guest needs a token here", "no_token")
    if not viewer.startswith(GUEST_PREFIX):
        raise _Refused("recipient", f"the id of a guest begins with '{GUEST_PREFIX}' here", "no_token")


def _decoded(part: bytes, now: datetime) -> Event:
    """An event, as strict as at any other door; it is of now unless it says a time."""
    fields = _fields(part)
    if fields is not None and "time" not in fields:
        fields["time"] = msgspec.Raw(str(round(now.timestamp() * 1000)).encode())
        part = msgspec.json.encode(fields)
    decoded = decode(part, 1)
    for rejection in decoded.rejected:
        raise _Refused(rejection.field, rejection.error, rejection.reason)
    return decoded.events[0][1]


def _check(event: Event, sender: Sender, signed: str) -> None:
    """Refuse what can't be told here, or not by this sender."""
    if event.type not in LIVE_TYPES:
        raise _Refused("type", f"'{event.type}' is not taken here; only {', '.join(sorted(LIVE_TYPES))}", "bad_type")
    if signed:
        if event.recipient not in ("", signed):
            raise _Refused("recipient", "the token is another viewer's", "no_token")
        event.recipient, event.anonymous = signed, False
    if sender.by_key:
        if event.type == "watched" and not event.recipient:
            raise _Refused("recipient", "who watched is missing", "missing_field")
        return
    _may_be(event.recipient, event.anonymous, sender) if not signed else None
    for name in _PRIVATE:
        if getattr(event, name) != getattr(_UNSAID, name):
            raise _Refused(name, f"'{name}' is only taken from a sender with an API key", "not_allowed")
    if event.quantity is not None and event.quantity > QUANTITY_LIMIT:
        raise _Refused("quantity", f"more than {QUANTITY_LIMIT} at once", "too_large")


def _own_id(campaign: str, viewer: str, name: str) -> str:
    """An id that no other viewer's event has, and no event that came in by another door: anybody may write here."""
    return "live:" + hashlib.blake2b(_canonical((campaign, viewer, name)), digest_size=16).hexdigest()


def _meaning(event: Event) -> str:
    """The id of an event without one: of all that it says, and not of where it was sent from."""
    try:
        said = _canonical(event)
    except OverflowError:
        # With its offset taken off, a time of the first or the last day of all is in no year.
        raise _Refused("time", "the time is out of range", "bad_time") from None
    return "live:" + hashlib.blake2b(said, digest_size=16).hexdigest()
