"""The steps that every event goes through, in order, whatever door it came in by.

Decoded events enter; a `Batch` of normalised events with their identities leaves, beside a rejection
for each event that a step refused. A step raises `Refused` or changes the event in place.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

import msgspec
import xxhash

from turnout.ingest.columns import Packed, pack
from turnout.ingest.deliveries import DELIVERING
from turnout.model import BEHAVIOURS, DEFAULT_CURRENCY, REACTIONS, Event, Rejection

#: No campaign statistics are older; and a clock may run ahead by a year before an event is refused.
EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
MAX_AHEAD_US = 366 * 86_400 * 1_000_000

#: Epoch numbers from here on are milliseconds (in seconds this would be the year 5138).
_MILLISECONDS_FROM = 1e11

_AMOUNT_LIMIT = Decimal(10) ** 12
_AMOUNT_STEP = Decimal("0.000001")

#: The one field that an event of this type is nothing without.
_NEEDED = {"watched": "duration_s", "performed": "name", "purchased": "amount"}

#: Types of which something goes without saying.
_NORMALISED = frozenset({"opened", "clicked"}) | REACTIONS

#: Encoded size of `params` or `properties` of one event.
MAPPING_LIMIT_BYTES = 65_536

#: How deep their values may be nested.
MAPPING_LIMIT_DEPTH = 64


class Look(Protocol):
    """What looks at the requests behind events: see `ingest.context`."""

    def __call__(self, event: Any, said: bool) -> None:
        """Add to an event (or what has its fields) what can be known of its request. `said`: its class of traffic is
        the sender's word."""

    def delivered(self, event: Any, received_us: int) -> None:
        """Learn of one message that reached its recipient."""

    def delivered_in_bulk(self, of: Iterable[tuple[str | None, str | None, str | None, int]]) -> None:
        """Learn of many: campaign, message, recipient and time of each."""


class _Blind:
    """Sees nothing."""

    def __call__(self, event: Any, said: bool) -> None:
        """Leave the event as it is."""

    def delivered(self, event: Any, received_us: int) -> None:
        """Learn nothing."""

    def delivered_in_bulk(self, of: Iterable[tuple[str | None, str | None, str | None, int]]) -> None:
        """Learn nothing."""


UNSEEN: Look = _Blind()


class Refused(Exception):
    """A step's verdict on one event: which field, why for a person, why for a counter."""

    def __init__(self, field: str, error: str, reason: str) -> None:
        super().__init__(error)
        self.field = field
        self.error = error
        self.reason = reason


@dataclass
class Batch:
    """Events of one workspace that passed every step, with the identity of each, and those that did not.

    A batch that came in bulk is `packed` and has no `events`; `digests` it always has, one an event, in order.
    """

    workspace: str
    received_us: int
    events: list[Event] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    packed: Packed | None = None

    @property
    def count(self) -> int:
        """How many events there are."""
        return len(self.digests)

    def pack(self) -> Packed:
        """The events as columns. Worth doing early for a large batch, off the writer's thread."""
        if self.packed is None:
            self.packed = pack(self.workspace, self.events, self.digests, [self.received_us] * len(self.events))
        return self.packed


def prepare(workspace: str, events: Iterable[tuple[int, Event]], now: dt.datetime, look: Look = UNSEEN) -> Batch:
    """Send each `(index, event)` through the steps; `look` is the last of them, where there is anything to see."""
    batch = Batch(workspace, received_us=instant(now))
    latest_us = batch.received_us + MAX_AHEAD_US
    prefix = id_prefix(workspace)
    keep, remember = batch.events.append, batch.digests.append
    for index, event in events:
        try:
            event.time = moment = instant(event.time)
            if not _EARLIEST_US <= moment <= latest_us:
                check_span(moment, moment, batch.received_us)
            said = event.traffic is not None
            complete(event)
        except Refused as refused:
            batch.rejected.append(
                Rejection(index=index, field=refused.field, error=refused.error, reason=refused.reason)
            )
        else:
            keep(event)
            sender_id = event.id
            if not sender_id:
                remember(_meaning_of(event, workspace))
            elif sender_id[0] == _EXPORTED_FIRST:
                remember(identity_of(sender_id, prefix))
            else:
                remember(_hash(prefix + sender_id.encode()))
            # After the identity, which must not change with what the rules or the user's data find.
            if said or event.user_agent or event.ip or event.reasons:
                look(event, said)
            if event.type in DELIVERING:
                look.delivered(event, batch.received_us)
    return batch


def instant(time: dt.datetime | int | float) -> int:
    """A time as whole microseconds since the epoch; without an offset it is UTC. Refused if it is none."""
    if isinstance(time, dt.datetime):
        # By its parts: exact, and twice as fast as dividing by a microsecond.
        since = (time if time.tzinfo is not None else time.replace(tzinfo=dt.UTC)) - _EPOCH
        return since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds
    if not math.isfinite(time):
        raise Refused("time", "the time is not a finite number", "bad_time")
    if abs(time) < _MILLISECONDS_FROM:
        return round(time * 1_000_000)
    if abs(time) < _MILLISECONDS_FROM * 1000:
        return round(time * 1000)
    raise Refused("time", "the number is too large for epoch seconds or milliseconds", "bad_time")


def check_span(first_us: int, last_us: int, received_us: int) -> None:
    """Refuse moments so early or so far ahead that they can't be meant."""
    if first_us < _EARLIEST_US:
        raise Refused("time", f"the time is before {EARLIEST:%Y-%m-%d}", "bad_time")
    if last_us > received_us + MAX_AHEAD_US:
        raise Refused("time", "the time is more than a year ahead of this server's clock", "bad_time")


def complete(event: Event) -> None:
    """All that is done to an event beside its time and identity: each step, where it has anything to do."""
    kind = event.type
    if not event.campaign or kind in _NEEDED:
        require(event)
    if kind in _NORMALISED:
        normalise(event)
    if event.traffic is None:
        event.traffic = "human"
    if event.amount is not None:
        settle_money(event)
    elif event.currency:
        event.currency = ""
    if event.params is not None or event.properties is not None:
        bound_mappings(event)


def require(event: Event) -> None:
    """What each type can't do without."""
    kind = event.type
    if not event.campaign and kind not in BEHAVIOURS:
        raise Refused("campaign", f"'{kind}' needs a campaign", "missing_field")
    needed = _NEEDED.get(kind)
    if needed is not None and getattr(event, needed) in (None, ""):
        raise Refused(needed, f"'{kind}' needs {needed}", "missing_field")


def normalise(event: Event) -> None:
    """Say what an event leaves to be understood, so that one meaning has one form."""
    kind = event.type
    if kind == "opened":
        event.open = event.open or "direct"
    elif kind == "clicked":
        event.target = event.target or "link"
    elif event.quantity is None:
        event.quantity = 1


def settle_money(event: Event) -> None:
    """Amounts are exact decimals below 10^12 with at most six places; the default currency is USD."""
    amount = event.amount
    assert amount is not None
    if not amount.is_finite() or abs(amount) >= _AMOUNT_LIMIT:
        raise Refused("amount", "the amount must be a number below 10^12", "bad_amount")
    settled = amount.quantize(_AMOUNT_STEP)
    if settled != amount:
        raise Refused("amount", "the amount has more than six decimal places", "bad_amount")
    event.amount = settled
    event.currency = event.currency or DEFAULT_CURRENCY


def bound_mappings(event: Event) -> None:
    """`params` and `properties` are kept as they are, up to a size; empty ones say nothing."""
    event.params = event.params or None
    event.properties = event.properties or None
    for name, value in (("params", event.params), ("properties", event.properties)):
        if value:
            _bound_values(name, value)
            if len(msgspec.json.encode(value)) > MAPPING_LIMIT_BYTES:
                raise Refused(name, f"more than {MAPPING_LIMIT_BYTES} bytes", "too_large")


def _bound_values(name: str, mapping: object) -> None:
    """Refuse what could not be read back from the spool: what is nested too deeply, and integers past 64 bits."""
    level = [mapping]
    for _ in range(MAPPING_LIMIT_DEPTH):
        inner: list[object] = []
        for value in level:
            if isinstance(value, dict):
                inner += value.values()
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, int) and not -(2**63) <= value < 2**64:
                raise Refused(name, "an integer of more than 64 bits", "too_large")
        if not inner:
            return
        level = inner
    raise Refused(name, f"nested more than {MAPPING_LIMIT_DEPTH} deep", "too_large")


def id_prefix(workspace: str) -> bytes:
    """What the ids of a workspace are hashed with, so that one tenant's never meet another's."""
    return workspace.encode() + b"\0id\0"


def identity_of(sender_id: str, prefix: bytes) -> bytes:
    """The 128-bit identity of an event that has an id of its sender's.

    An id that an export wrote is the identity itself, so an exported event that comes back is a duplicate.
    """
    if sender_id[0] == _EXPORTED_FIRST and (exported := _EXPORTED.fullmatch(sender_id)):
        return bytes.fromhex(exported[1])
    return _hash(prefix + sender_id.encode())


def identities(sender_ids: list[str], prefix: bytes) -> list[bytes]:
    """The identities of many ids, none of them empty."""
    return [
        _hash(prefix + sender_id.encode()) if sender_id[0] != _EXPORTED_FIRST else identity_of(sender_id, prefix)
        for sender_id in sender_ids
    ]


def _meaning_of(event: Event, workspace: str) -> bytes:
    """The 128-bit identity of an event without an id: of everything that it says, normalised."""
    return _hash(workspace.encode() + b"\0meaning\0" + _canonical(event))


_EXPORTED = re.compile(r"turnout:([0-9a-f]{32})")

#: Few ids begin like an exported one; the others need no look at the rest of them.
_EXPORTED_FIRST = "t"
_hash = xxhash.xxh3_128_digest
_canonical = msgspec.msgpack.Encoder(order="deterministic").encode


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EARLIEST_US = instant(EARLIEST)
