"""Large bodies without a step per event: JSON to columns, a few thousand events at a time.

The bytes of a body enter; a packed `Batch` leaves, the same that decoding, `prepare` and `pack` make of it.
Or None: of a body with anything wrong or unusual in it, which those then take apart event by event.

Each block of lines is decoded by types of its own, as strictly as `Event` is, and given up again as soon as
its fields are columns. What most events are has only the fields that they all share. The few fields that
only some events have are transposed for those events alone and scattered over the rest.
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
from turnout.ingest.steps import Batch, Refused
from turnout.model import BEHAVIOURS, EVENT_TYPES, Event
from turnout.store.catalog import Sighting

#: Bytes of lines decoded at once: few enough that their events are still in the processor's cache when the columns
#: are made of them.
_BLOCK_BYTES = 131_072

#: Rows of one record batch, and with them the memory that decoded events take beside the columns.
_CHUNK_ROWS = 16_384

#: What events of every type say, as columns of text, beside `id` and `time`.
_SHARED = ("campaign", "message", "variation", "channel", "recipient", "send_id", "profile")
_SIGHTED = ("campaign", "channel", "message", "variation")

#: Types whose events hardly ever say anything else.
_PLAIN = frozenset({"enrolled", "skipped", "queued", "sent", "carrier_accepted", "deferred", "delivered"})


def _shapes(plain: frozenset[str]) -> tuple[Any, ...]:
    """A struct for each event type: `Event`, and of the `plain` ones only what every type says.

    The type is the class's. The time stays as it was written; Arrow reads a column of them at once.
    """
    hints = typing.get_type_hints(Event, include_extras=True)
    shared = {"id", *_SHARED}
    shapes = []
    for kind in EVENT_TYPES:
        fields: list[Any] = [("time", str | int | float)]
        for known in msgspec.structs.fields(Event):
            if known.name not in ("type", "time") and (kind not in plain or known.name in shared):
                fields.append((known.name, hints[known.name], known.default))
        shapes.append(
            msgspec.defstruct(
                kind,
                fields,
                namespace={"type": kind},
                tag_field="type",
                tag=kind,
                kw_only=True,
                forbid_unknown_fields=True,
                gc=False,
            )
        )
    return tuple(shapes)


_NARROW, _WIDE = _shapes(_PLAIN), _shapes(frozenset())

#: Of lines and of an array; narrow and wide.
_DECODERS: tuple[tuple[msgspec.json.Decoder[Any], msgspec.json.Decoder[Any]], ...] = tuple(
    (msgspec.json.Decoder(union), msgspec.json.Decoder(list[union]))  # type: ignore[valid-type]
    for union in (functools.reduce(operator.or_, _NARROW), functools.reduce(operator.or_, _WIDE))
)

#: Of each struct, the number of its type in EVENT_TYPES, and whether it has fields beside the shared ones.
_NUMBER = {shape: number for shapes in (_NARROW, _WIDE) for number, shape in enumerate(shapes)}
_IS_RICH = {shape: "properties" in shape.__struct_fields__ for shape in _NUMBER}

_TYPES = pa.array(EVENT_TYPES, pa.string())
_NEEDS_CAMPAIGN = np.array([kind not in BEHAVIOURS for kind in EVENT_TYPES])
_ENROLLED = EVENT_TYPES.index("enrolled")

_MICROSECONDS = pa.timestamp("us", "UTC")

#: What the columns of an event say that has none of their fields, where that isn't nothing.
_UNSAID = {"traffic": "human"}

_id, _time = attrgetter("id"), attrgetter("time")
_getters = {name: attrgetter(name) for name in _SHARED}


class _Unusual(Exception):
    """Something that only the way event by event can judge."""


@dataclass
class _Chunk:
    """Decoded events in the order of the body, their shared fields as columns already."""

    digests: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    times: list[pa.Array] = field(default_factory=list)
    shared: dict[str, list[pa.Array]] = field(default_factory=lambda: {name: [] for name in _SHARED})
    #: Events that have other fields, and where they stand.
    rich: list[Any] = field(default_factory=list)
    rich_at: list[npt.NDArray[np.int64]] = field(default_factory=list)


def bulk(workspace: str, body: bytes, limit_events: int, now: dt.datetime) -> Batch | None:
    """The batch of a whole body, packed, or None if it must be judged event by event (or holds none)."""
    if b"\0" in body or (b"\\" in body and rb"\u0000" in body):
        return None
    for lines, array in _DECODERS:
        try:
            return _batch(workspace, _blocks(body, lines, array), limit_events, now)
        except msgspec.ValidationError:
            # Perhaps only a field that events of this type hardly ever have.
            continue
        except (_Unusual, Refused, msgspec.MsgspecError, UnicodeDecodeError, RecursionError, pa.ArrowException):
            return None
    return None


def _blocks(body: bytes, lines: msgspec.json.Decoder[Any], array: msgspec.json.Decoder[Any]) -> Iterator[Sequence[Any]]:
    """The events of an array, or of NDJSON in blocks that end with a line."""
    at = 3 if body.startswith(b"\xef\xbb\xbf") else 0
    if body[at : at + 64].lstrip()[:1] == b"[":
        yield array.decode(body[at:])
        return
    while at < len(body):
        end = body.find(b"\n", at + _BLOCK_BYTES) + 1 or len(body)
        yield lines.decode_lines(body[at:end])
        at = end


def _batch(workspace: str, blocks: Iterator[Sequence[Any]], limit_events: int, now: dt.datetime) -> Batch | None:
    batch = Batch(workspace, received_us=steps.microseconds(now))
    columned = _Columned(workspace, batch.received_us)
    prefix = steps.id_prefix(workspace)
    chunk = _Chunk()
    for events in blocks:
        if not events:
            continue
        _take(chunk, events, prefix)
        if len(batch.digests) + len(chunk.digests) > limit_events:
            return None
        if len(chunk.digests) >= _CHUNK_ROWS:
            batch.digests += chunk.digests
            columned.add(chunk)
            chunk = _Chunk()
    if chunk.digests:
        batch.digests += chunk.digests
        columned.add(chunk)
    if not batch.digests:
        return None
    batch.packed = columned.packed()
    return batch


def _take(chunk: _Chunk, events: Sequence[Any], prefix: bytes) -> None:
    """Make columns of a block's shared fields, identities of its ids, and keep only the rich events."""
    ids = list(map(_id, events))
    if not all(ids):
        raise _Unusual
    kinds = list(map(type, events))
    rich = np.flatnonzero(np.fromiter(map(_IS_RICH.__getitem__, kinds), np.bool_, len(kinds)))
    chunk.rich_at.append(rich + len(chunk.digests))
    chunk.rich += map(events.__getitem__, rich.tolist())
    chunk.digests += steps.identities(ids, prefix)
    chunk.numbers += map(_NUMBER.__getitem__, kinds)
    chunk.times.append(_microseconds(list(map(_time, events))))
    for name, get in _getters.items():
        values = list(map(get, events))
        chunk.shared[name].append(
            pa.array(values, pa.string()) if any(values) else columns.nothing(pa.string(), len(values))
        )


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

    def __init__(self, workspace: str, received_us: int) -> None:
        self._workspace = workspace
        self._received_us = received_us
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
        numbers = np.array(chunk.numbers, dtype=np.uint8)
        time = pa.concat_arrays(chunk.times)
        first, last = pc.min_max(time).as_py().values()
        steps.check_span(first, last, self._received_us)
        self._span += (first, last)
        found = {name: pa.concat_arrays(parts) for name, parts in chunk.shared.items()}
        self._see(found, numbers)
        found |= {
            "type": _TYPES.take(pa.array(numbers)),
            "time": columns.moments(time),
            "received": columns.moments(pa.repeat(pa.scalar(self._received_us, pa.int64()), rows)),
            "id": columns.identities(chunk.digests),
            **_rich_columns(chunk, rows),
        }
        self._records.append(columns.assemble(self._workspace, rows, found))

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


def _rich_columns(chunk: _Chunk, rows: int) -> dict[str, pa.Array]:
    """The fields that not every type has: made of the events that have them, spread over all rows."""
    for event in chunk.rich:
        steps.complete(event)
    found = columns.said(chunk.rich, shared=("type", *_SHARED))
    if len(chunk.rich) == rows:
        return found
    where = np.full(rows, len(chunk.rich), dtype=np.int64)
    where[np.concatenate(chunk.rich_at)] = np.arange(len(chunk.rich))
    at = pa.array(where)
    found = {"traffic": columns.nothing(pa.string(), 0), **found}
    return {
        name: pa.concat_arrays([values, pa.array([_UNSAID.get(name)], values.type)]).take(at)
        for name, values in found.items()
    }
