"""Large bodies without a step per event: JSON to columns, a few thousand events at a time.

The bytes of a body enter; a packed `Batch` leaves, the same that decoding, `prepare` and `pack` make of it.
Or None: of a body with anything wrong or unusual in it, which those then take apart event by event.

Each block of lines is decoded into structs of its own, as strictly as `Event` is, and let go as soon as its
fields are columns. Most events say only what events of every type say; the fields that only some have are
transposed for those alone and spread over all rows.
"""

from __future__ import annotations

import datetime as dt
import functools
import operator
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from turnout.ingest import columns, steps
from turnout.ingest.columns import Packed
from turnout.ingest.deliveries import DELIVERING, RECENT_S, SAMPLED_OF_BATCH
from turnout.ingest.steps import UNSEEN, Batch, Look, Refused
from turnout.model import BEHAVIOURS, EVENT_TYPES, Event
from turnout.store.sightings import Sighting

#: Bytes of lines decoded at once: few enough that their events are still in the processor's cache when the columns
#: are made of them.
_BLOCK_BYTES = 131_072

#: Rows from which on a record batch is made, which bounds the memory that decoded events take beside the columns;
#: an array is decoded at once, and is one batch.
_CHUNK_ROWS = 16_384

#: Columns of text that events of any type say, beside `id` and `time`; the second ones only with some senders.
_SHARED = ("campaign", "message", "variation", "channel", "recipient")
_SOMETIMES_SHARED = ("send_id", "profile")
_SIGHTED = ("campaign", "channel", "message", "variation")

#: Types whose events hardly ever say anything else.
_PLAIN = frozenset({"enrolled", "skipped", "queued", "sent", "carrier_accepted", "deferred", "delivered"})

_HINTS = typing.get_type_hints(Event, include_extras=True)
_DEFAULTS = {known.name: known.default for known in msgspec.structs.fields(Event)}

#: Characters that a shared column may have; its struct leaves that to the check of the whole column.
_LIMITS = {name: _HINTS[name].__metadata__[0].max_length for name in (*_SHARED, *_SOMETIMES_SHARED)}


class _Form:
    """How to decode: a struct for each type is `Event`, and of `plain` types only `id`, `time` and `shared`.

    The type is the class's. The time stays as it was written; Arrow reads a column of them at once.
    """

    def __init__(self, plain: frozenset[str], shared: Sequence[str]) -> None:
        shapes = []
        for kind in EVENT_TYPES:
            names = ("id", *shared) if kind in plain else tuple(name for name in _DEFAULTS if name not in _APART)
            fields = [(name, str if name in _LIMITS else _HINTS[name], _DEFAULTS[name]) for name in names]
            shapes.append(
                msgspec.defstruct(
                    kind,
                    [("time", str | int | float), *fields],
                    namespace={"type": kind},
                    tag_field="type",
                    tag=kind,
                    kw_only=True,
                    forbid_unknown_fields=True,
                    gc=False,
                )
            )
        union: Any = functools.reduce(operator.or_, shapes)
        self.lines = msgspec.json.Decoder(union)
        self.array = msgspec.json.Decoder(list[union])
        #: Of each struct, the number of its type in EVENT_TYPES.
        self.numbers: dict[type, int] = {shape: number for number, shape in enumerate(shapes)}
        #: Of each type, whether its events say more than what is shared.
        self.is_rich = np.array([kind not in plain for kind in EVENT_TYPES])


_APART = ("type", "time")
_WIDE = _Form(frozenset(), ())


@functools.cache
def _narrow(shared: tuple[str, ...]) -> _Form:
    return _Form(_PLAIN, shared)


_TYPES = pa.array(EVENT_TYPES, pa.string())
_NEEDS_CAMPAIGN = np.array([kind not in BEHAVIOURS for kind in EVENT_TYPES])
_DELIVERS = np.array([kind in DELIVERING for kind in EVENT_TYPES])
_RECENT_US = RECENT_S * 1_000_000
_ENROLLED = EVENT_TYPES.index("enrolled")

_MICROSECONDS = pa.timestamp("us", "UTC")

#: What the columns of an event say that has none of their fields, where that isn't nothing.
_UNSAID = {"traffic": "human"}

_id, _time = attrgetter("id"), attrgetter("time")
_getters = {name: attrgetter(name) for name in _LIMITS}


class _Unusual(Exception):
    """Something that only the way event by event can judge."""


@dataclass
class _Chunk:
    """Decoded events in the order of the body, their shared fields as columns already."""

    shared: dict[str, list[pa.Array]]
    digests: list[bytes] = field(default_factory=list)
    numbers: list[npt.NDArray[np.uint8]] = field(default_factory=list)
    times: list[pa.Array] = field(default_factory=list)
    #: Events that say more than what is shared, and where they stand.
    rich: list[Any] = field(default_factory=list)
    rich_at: list[npt.NDArray[np.int64]] = field(default_factory=list)


def bulk(workspace: str, body: bytes, limit_events: int, now: dt.datetime, look: Look = UNSEEN) -> Batch | None:
    """The batch of a whole body, packed, or None if it must be judged event by event (or holds none)."""
    if b"\0" in body or (b"\\" in body and rb"\u0000" in body):
        return None
    try:
        return _batch(workspace, body, limit_events, steps.instant(now), look)
    except (_Unusual, Refused, msgspec.MsgspecError, UnicodeDecodeError, RecursionError, pa.ArrowException):
        return None


def _batch(workspace: str, body: bytes, limit_events: int, received_us: int, look: Look) -> Batch | None:
    batch = Batch(workspace, received_us)
    columned = _Columned(workspace, received_us, look)
    prefix = steps.id_prefix(workspace)
    head = body[:_BLOCK_BYTES]
    shared = (*_SHARED, *(name for name in _SOMETIMES_SHARED if b'"%b"' % name.encode() in head))
    chunk = _Chunk({name: [] for name in shared})
    for events, form in _blocks(body, _narrow(shared)):
        if events:
            _take(chunk, events, form, prefix)
        if len(batch.digests) + len(chunk.digests) > limit_events:
            return None
        if len(chunk.digests) >= _CHUNK_ROWS:
            batch.digests += chunk.digests
            columned.add(chunk)
            chunk = _Chunk({name: [] for name in shared})
    if chunk.digests:
        batch.digests += chunk.digests
        columned.add(chunk)
    if not batch.digests:
        return None
    batch.packed = columned.packed()
    return batch


def _blocks(body: bytes, narrow: _Form) -> Iterator[tuple[Sequence[Any], _Form]]:
    """The events of an array, or of NDJSON in blocks that end with a line, and the form that they had."""
    at = 3 if body.startswith(b"\xef\xbb\xbf") else 0
    is_array = body[at : at + 64].lstrip()[:1] == b"["
    while at < len(body):
        end = len(body) if is_array else body.find(b"\n", at + _BLOCK_BYTES) + 1 or len(body)
        block = body[at:end]
        for form in (narrow, _WIDE):
            try:
                yield form.array.decode(block) if is_array else form.lines.decode_lines(block), form
                break
            except msgspec.ValidationError:
                # Perhaps only a field that events of this type hardly ever have.
                if form is _WIDE:
                    raise
        at = end


def _take(chunk: _Chunk, events: Sequence[Any], form: _Form, prefix: bytes) -> None:
    """Make columns of a block's shared fields, identities of its ids, and keep only the rich events."""
    ids = list(map(_id, events))
    if not all(ids):
        raise _Unusual
    numbers = np.fromiter(map(form.numbers.__getitem__, map(type, events)), np.uint8, len(events))
    rich = np.flatnonzero(form.is_rich[numbers])
    chunk.rich_at.append(rich + len(chunk.digests))
    chunk.rich += map(events.__getitem__, rich.tolist())
    chunk.numbers.append(numbers)
    chunk.digests += steps.identities(ids, prefix)
    chunk.times.append(_microseconds(list(map(_time, events))))
    for name, parts in chunk.shared.items():
        values = list(map(_getters[name], events))
        parts.append(pa.array(values, pa.string()) if any(values) else columns.nothing(pa.string(), len(values)))


def _microseconds(times: list[str | int | float]) -> pa.Array:
    """The times of a block: all of them written out, with an offset, or all numbers."""
    if isinstance(times[0], str):
        # Arrow knows fewer spellings than `Event` does, and reads those the same.
        return pa.array(times, pa.string()).cast(_MICROSECONDS).cast(pa.int64())
    if any(isinstance(time, str) for time in times):
        raise _Unusual
    return pa.array([steps.instant(time) for time in times], pa.int64())  # type: ignore[arg-type]


class _Columned:
    """Chunks as record batches, and what they say of campaigns."""

    def __init__(self, workspace: str, received_us: int, look: Look) -> None:
        self._workspace = workspace
        self._look = look
        self._received_us = received_us
        self._received = columns.moments([received_us])[0]
        self._records: list[pa.RecordBatch] = []
        self._campaigns: set[str] = set()
        self._sightings: set[Sighting] = set()
        self._span: list[int] = []

    def packed(self) -> Packed:
        cells = columns.cells_of(self._workspace, sorted(self._campaigns), min(self._span), max(self._span))
        return Packed(tuple(self._records), cells, frozenset(self._sightings))

    def add(self, chunk: _Chunk) -> None:
        """Check a chunk and make it a record batch. Refused or _Unusual if anything is wrong with it."""
        rows = len(chunk.digests)
        numbers = np.concatenate(chunk.numbers)
        time = pa.concat_arrays(chunk.times)
        first, last = pc.min_max(time).as_py().values()
        steps.check_span(first, last, self._received_us)
        self._span += (first, last)
        found = {name: pa.concat_arrays(parts) for name, parts in chunk.shared.items()}
        for name, values in found.items():
            # Bytes are never fewer than characters, and counted at once.
            for length in (pc.binary_length, pc.utf8_length):
                if (pc.max(length(values)).as_py() or 0) <= _LIMITS[name]:
                    break
            else:
                raise _Unusual
        self._see(found, numbers)
        if last > self._received_us - _RECENT_US:
            self._note_deliveries(found, numbers, time.to_numpy())
        found |= {
            "type": _TYPES.take(pa.array(numbers)),
            "time": pc.divide(time, 1000).view(columns.MILLISECONDS),
            "received": pa.repeat(self._received, rows),
            "id": columns.identities(chunk.digests),
            **_rich_columns(chunk, rows, time.to_numpy(), self._look),
        }
        self._records.append(columns.assemble(self._workspace, rows, found))

    def _note_deliveries(
        self, found: dict[str, pa.Array], numbers: npt.NDArray[np.uint8], times: npt.NDArray[np.int64]
    ) -> None:
        """Tell `look` of messages that were delivered now, the last ones of many."""
        rows = np.flatnonzero(_DELIVERS[numbers] & (times > self._received_us - _RECENT_US))[-SAMPLED_OF_BATCH:]
        if rows.size:
            columns = [found[name].take(pa.array(rows)).to_pylist() for name in ("campaign", "message", "recipient")]
            self._look.delivered_in_bulk(zip(*columns, times[rows].tolist(), strict=True))

    def _see(self, found: dict[str, pa.Array], numbers: npt.NDArray[np.uint8]) -> None:
        """Note the campaigns, each with where and how it was seen; every event that needs one must name it."""
        seen = pa.table({**{name: found[name] for name in _SIGHTED}, "number": pa.array(numbers)})
        seen = seen.group_by(seen.column_names, use_threads=False).aggregate([])
        for number, *texts in zip(*(seen.column(name).to_pylist() for name in ("number", *_SIGHTED)), strict=True):
            campaign, channel, message, variation = (text or "" for text in texts)
            self._campaigns.add(campaign)
            if campaign:
                self._sightings.add(Sighting(campaign, channel, message, variation, number == _ENROLLED))
            elif _NEEDS_CAMPAIGN[number]:
                raise _Unusual


def _rich_columns(chunk: _Chunk, rows: int, times: npt.NDArray[np.int64], look: Look) -> dict[str, pa.Array]:
    """The fields that not every type has: made of the events that have them, spread over all rows."""
    places = np.concatenate(chunk.rich_at)
    for at, event in enumerate(chunk.rich):
        said = event.traffic is not None
        steps.complete(event)
        if said or event.user_agent or event.ip or event.reasons:
            event.time = int(times[places[at]])
            look(event, said)
    found = columns.said(chunk.rich, shared=("type", *chunk.shared))
    if len(chunk.rich) == rows:
        return found
    where = np.full(rows, len(chunk.rich), dtype=np.int64)
    where[places] = np.arange(len(chunk.rich))
    at = pa.array(where)
    found = {"traffic": columns.nothing(pa.string(), 0), **found}
    return {
        name: pa.concat_arrays([values, pa.array([_UNSAID.get(name)], values.type)]).take(at)
        for name, values in found.items()
    }
