"""The steps that every event goes through, in order, whatever door it came in by.

Decoded events enter; a `Batch` of normalised events with their identities leaves, beside a rejection
for each event that a step refused. A step raises `Refused` or changes the event in place.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec
import xxhash

from turnout.ingest.columns import Packed, pack
from turnout.model import BEHAVIOURS, DEFAULT_CURRENCY, REACTIONS, Event, Rejection

#: No campaign statistics are older; and a clock may run ahead by a year before an event is refused.
EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
MAX_AHEAD_S = 366 * 86_400

#: Epoch numbers from here on are milliseconds (in seconds this would be the year 5138).
_MILLISECONDS_FROM = 1e11

_AMOUNT_LIMIT = Decimal(10) ** 12
_AMOUNT_STEP = Decimal("0.000001")

#: The one field that an event of this type is nothing without.
_NEEDED = {"watched": "duration_s", "performed": "name", "purchased": "amount"}

#: Encoded size of `params` or `properties` of one event.
MAPPING_LIMIT_BYTES = 65_536


class Refused(Exception):
    """A step's verdict on one event: which field, why for a person, why for a counter."""

    def __init__(self, field: str, error: str, reason: str) -> None:
        super().__init__(error)
        self.field = field
        self.error = error
        self.reason = reason


@dataclass
class Batch:
    """Events of one workspace that passed every step, with the identity of each, and those that did not."""

    workspace: str
    received_us: int
    events: list[Event] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    packed: Packed | None = None

    def pack(self) -> Packed:
        """The events as columns. Worth doing early for a large batch, off the writer's thread."""
        if self.packed is None:
            self.packed = pack(self.workspace, self.events, self.digests, [self.received_us] * len(self.events))
        return self.packed


def prepare(workspace: str, events: Iterable[tuple[int, Event]], now: dt.datetime) -> Batch:
    """Send each `(index, event)` through the steps."""
    batch = Batch(workspace, received_us=_microseconds(now))
    latest_us = batch.received_us + MAX_AHEAD_S * 1_000_000
    prefix = workspace.encode() + b"\0"
    for index, event in events:
        try:
            place_in_time(event, latest_us)
            for step in STEPS:
                step(event)
        except Refused as refused:
            batch.rejected.append(
                Rejection(index=index, field=refused.field, error=refused.error, reason=refused.reason)
            )
        else:
            batch.events.append(event)
            batch.digests.append(identify(event, prefix))
    return batch


def place_in_time(event: Event, latest_us: int) -> None:
    """Turn `time` into whole microseconds since the epoch; a time without an offset is UTC."""
    time = event.time
    if isinstance(time, dt.datetime):
        moment = _microseconds(time if time.tzinfo is not None else time.replace(tzinfo=dt.UTC))
    elif not math.isfinite(time):
        raise Refused("time", "the time is not a finite number", "bad_time")
    elif abs(time) < _MILLISECONDS_FROM:
        moment = round(time * 1_000_000)
    elif abs(time) < _MILLISECONDS_FROM * 1000:
        moment = round(time * 1000)
    else:
        raise Refused("time", "the number is too large for epoch seconds or milliseconds", "bad_time")
    if moment < _EARLIEST_US:
        raise Refused("time", f"the time is before {EARLIEST:%Y-%m-%d}", "bad_time")
    if moment > latest_us:
        raise Refused("time", "the time is more than a year ahead of this server's clock", "bad_time")
    event.time = moment


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
    elif kind in REACTIONS and event.quantity is None:
        event.quantity = 1
    if event.traffic is None:
        event.traffic = "human"
    event.params = event.params or None
    event.properties = event.properties or None


def settle_money(event: Event) -> None:
    """Amounts are exact decimals below 10^12 with at most six places; the default currency is USD."""
    amount = event.amount
    if amount is None:
        event.currency = ""
        return
    if not amount.is_finite() or abs(amount) >= _AMOUNT_LIMIT:
        raise Refused("amount", "the amount must be a number below 10^12", "bad_amount")
    settled = amount.quantize(_AMOUNT_STEP)
    if settled != amount:
        raise Refused("amount", "the amount has more than six decimal places", "bad_amount")
    event.amount = settled
    event.currency = event.currency or DEFAULT_CURRENCY


def bound_mappings(event: Event) -> None:
    """`params` and `properties` are kept as they are, up to a size."""
    if event.params is None and event.properties is None:
        return
    for name, value in (("params", event.params), ("properties", event.properties)):
        if value and len(msgspec.json.encode(value)) > MAPPING_LIMIT_BYTES:
            raise Refused(name, f"more than {MAPPING_LIMIT_BYTES} bytes", "too_large")


#: After `place_in_time`, in this order; `identify` comes last, over the normalised event.
STEPS: tuple[Callable[[Event], None], ...] = (require, normalise, settle_money, bound_mappings)


def identify(event: Event, prefix: bytes) -> bytes:
    """The 128-bit identity: of the sender's id if there is one, else of everything the event says.

    `prefix` is the workspace, so that one tenant's ids never meet another's. An id that an export wrote
    is the identity itself, so an exported event that comes back is a duplicate.
    """
    if event.id:
        if event.id.startswith("turnout:") and (exported := _EXPORTED.fullmatch(event.id)):
            return bytes.fromhex(exported[1])
        return xxhash.xxh3_128_digest(prefix + b"id\0" + event.id.encode())
    return xxhash.xxh3_128_digest(prefix + b"meaning\0" + _canonical(event))


_EXPORTED = re.compile(r"turnout:([0-9a-f]{32})")
_canonical = msgspec.msgpack.Encoder(order="deterministic").encode


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def _microseconds(moment: dt.datetime) -> int:
    # By its parts: exact, and twice as fast as dividing by a microsecond.
    since = moment - _EPOCH
    return since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds


_EARLIEST_US = _microseconds(EARLIEST)
