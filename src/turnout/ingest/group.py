"""A group as the spool keeps it: the new events of one commit, by workspace, to bytes and back.

Large batches are Arrow already and stay so; the events of small ones are kept as they are, and become
columns together, when the store takes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

import msgspec
import pyarrow as pa

from turnout.ingest.columns import SCHEMA, Packed, pack
from turnout.ingest.steps import Batch
from turnout.model import Event
from turnout.store.events import Cells
from turnout.store.sightings import Sighting

#: Batches of this size are packed one by one, before they reach the writer; smaller ones together.
PACK_FROM_EVENTS = 500

_ID_BYTES = 16

T = TypeVar("T")


@dataclass
class Share:
    """What one workspace adds to a group. `digests` are of everything: first of `packed`, then of `events`."""

    packed: list[Packed] = field(default_factory=list)
    packed_digests: list[bytes] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    event_digests: list[bytes] = field(default_factory=list)
    received_us: list[int] = field(default_factory=list)

    @property
    def digests(self) -> list[bytes]:
        """Every identity."""
        return self.packed_digests + self.event_digests

    def add(self, batch: Batch, new: list[bool] | None) -> None:
        """Take a batch, or (where `new` is given) those of its events that are new."""
        digests = batch.digests if new is None else _only(batch.digests, new)
        if not digests:
            return
        if batch.packed is not None or len(batch.digests) >= PACK_FROM_EVENTS:
            packed = batch.pack()
            self.packed.append(packed if new is None else replace(packed, records=packed.only(new)))
            self.packed_digests += digests
        else:
            events = batch.events if new is None else _only(batch.events, new)
            self.events += events
            self.event_digests += digests
            self.received_us += [batch.received_us] * len(events)

    def extend(self, other: Share) -> None:
        """Take everything that another has."""
        self.packed += other.packed
        self.packed_digests += other.packed_digests
        self.events += other.events
        self.event_digests += other.event_digests
        self.received_us += other.received_us

    def without(self, known: set[bytes]) -> Share:
        """The same but for the events that are known, and each only once."""
        seen = set(known)
        wanted = []
        for digest in self.digests:
            wanted.append(digest not in seen)
            seen.add(digest)
        if all(wanted):
            return self
        count = len(self.packed_digests)
        of_events = wanted[count:]
        kept = Share(
            packed_digests=_only(self.packed_digests, wanted[:count]),
            events=_only(self.events, of_events),
            event_digests=_only(self.event_digests, of_events),
            received_us=_only(self.received_us, of_events),
        )
        at = 0
        for packed in self.packed:
            rows = sum(records.num_rows for records in packed.records)
            if any(wanted[at : at + rows]):
                kept.packed.append(replace(packed, records=packed.only(wanted[at : at + rows])))
            at += rows
        return kept

    def pack(self, workspace: str) -> list[Packed]:
        """Everything as columns; the events of small batches in one pack."""
        if not self.events:
            return self.packed
        return [*self.packed, pack(workspace, self.events, self.event_digests, self.received_us)]


class _Packed(msgspec.Struct, array_like=True):
    """Columns: an Arrow stream, and what is known of them."""

    records: memoryview
    cells: Cells
    sightings: list[Sighting]


class _Share(msgspec.Struct, array_like=True):
    workspace: str
    packed: list[_Packed]
    packed_digests: bytes
    events: list[Event]
    event_digests: bytes
    received_us: list[int]


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(list[_Share])


def encode(shares: dict[str, Share]) -> bytes:
    """A group as bytes."""
    return _encode(
        [
            _Share(
                workspace,
                [_Packed(_stream(one.records), one.cells, list(one.sightings)) for one in share.packed],
                b"".join(share.packed_digests),
                share.events,
                b"".join(share.event_digests),
                share.received_us,
            )
            for workspace, share in shares.items()
        ]
    )


def decode(payload: bytes) -> dict[str, Share]:
    """The group that was encoded. ValueError if it is none."""
    return {
        kept.workspace: Share(
            packed=[Packed(tuple(_records(one.records)), one.cells, frozenset(one.sightings)) for one in kept.packed],
            packed_digests=_ids(kept.packed_digests),
            events=kept.events,
            event_digests=_ids(kept.event_digests),
            received_us=kept.received_us,
        )
        for kept in _decoder.decode(payload)
    }


def _records(stream: memoryview) -> Iterator[pa.RecordBatch]:
    """The batches of a stream; one that an older version wrote says nothing in the columns that came later."""
    for batch in pa.ipc.open_stream(pa.py_buffer(stream)):
        if batch.schema.equals(SCHEMA):
            yield batch
        else:
            held = {name: batch.column(name) for name in batch.schema.names}
            arrays = [held.get(one.name, pa.nulls(batch.num_rows, one.type)) for one in SCHEMA]
            yield pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _stream(records: Iterable[pa.RecordBatch]) -> memoryview:
    records = list(records)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, records[0].schema) as writer:
        for batch in records:
            writer.write_batch(batch)
    return memoryview(sink.getvalue())


def _ids(joined: bytes) -> list[bytes]:
    return [joined[at : at + _ID_BYTES] for at in range(0, len(joined), _ID_BYTES)]


def _only(values: list[T], wanted: list[bool]) -> list[T]:
    return [value for value, is_wanted in zip(values, wanted, strict=True) if is_wanted]
