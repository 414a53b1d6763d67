"""Events as columns: a batch is transposed once, and leaves as Arrow for the store.

Every pack has the same columns, so packs follow one another in one insert. A column in which no event
says anything is all null, which the engine reads as the column's default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import msgspec
import pyarrow as pa

from turnout.model import DETAIL_FIELD, REASONS, Event
from turnout.store.events import Cells
from turnout.store.sightings import Sighting

#: Columns of text that are named and kept as in the model.
TEXT = (
    "campaign",
    "type",
    "recipient",
    "message",
    "variation",
    "channel",
    "send_id",
    "profile",
    "currency",
    "name",
    "product",
    "url",
    "link",
    "link_title",
    "ip",
    "user_agent",
    "country",
    "city",
    "network",
    "device",
    "os",
    "browser",
    "browser_version",
    "traffic",
)

MILLISECONDS = pa.timestamp("ms", "UTC")

#: Every column of a pack, in order.
SCHEMA = pa.schema(
    {
        "workspace": pa.string(),
        "time": MILLISECONDS,
        "received": MILLISECONDS,
        "id": pa.binary(16),
        **{name: pa.string() for name in TEXT},
        "order_id": pa.string(),
        "detail": pa.string(),
        "anonymous": pa.bool_(),
        "goal": pa.uint8(),
        "quantity": pa.uint32(),
        "duration_ms": pa.uint32(),
        "amount": pa.decimal128(18, 6),
        "position": pa.uint16(),
        "params": pa.string(),
        "properties": pa.string(),
        "reasons": pa.uint32(),
        "rule_version": pa.uint8(),
    }
)

#: Rows transposed at once: enough to spread the cost of a column, few enough to stay in the cache.
_CHUNK_ROWS = 8192

_KINDS = tuple(zip(SCHEMA.names, SCHEMA.types, strict=True))

#: A column in which nothing is said, to be cut to length.
_NOTHING = {kind: pa.nulls(_CHUNK_ROWS, kind) for kind in set(SCHEMA.types)}


@dataclass(frozen=True)
class Packed:
    """Events of one workspace, ready for the store: their rows in order, the part of the rollup that they
    are in, and what they say of campaigns."""

    records: tuple[pa.RecordBatch, ...]
    cells: Cells
    sightings: frozenset[Sighting]

    @property
    def is_classified(self) -> bool:
        """Whether the rules of traffic have looked at any of the events."""
        return any(records.column("rule_version").null_count < records.num_rows for records in self.records)

    def only(self, wanted: Sequence[bool]) -> tuple[pa.RecordBatch, ...]:
        """The rows that are wanted."""
        kept, at = [], 0
        for records in self.records:
            kept.append(records.filter(pa.array(wanted[at : at + records.num_rows])))
            at += records.num_rows
        return tuple(kept)


def pack(workspace: str, events: Sequence[Event], digests: Sequence[bytes], received_us: Sequence[int]) -> Packed:
    """Pack normalised events with the identity and the time of arrival of each; there is at least one."""
    records = []
    seen: set[tuple[str, ...]] = set()
    spans: list[int] = []
    for at in range(0, len(events), _CHUNK_ROWS):
        end = at + _CHUNK_ROWS
        chunk = events[at:end]
        times = list(map(attrgetter("time"), chunk))
        found = {
            "time": moments(times),
            "received": moments(received_us[at:end]),
            "id": identities(digests[at:end]),
            **said(chunk),
        }
        records.append(assemble(workspace, len(chunk), found))
        seen.update(map(_sighted, chunk))
        spans += (min(times), max(times))
    sightings = frozenset(
        Sighting(campaign, channel, message, variation, kind == "enrolled")
        for campaign, channel, message, variation, kind in seen
        if campaign
    )
    campaigns = sorted({campaign for campaign, *_ in seen})
    return Packed(tuple(records), cells_of(workspace, campaigns, min(spans), max(spans)), sightings)


def cells_of(workspace: str, campaigns: Sequence[str], first_us: int, last_us: int) -> Cells:
    """The part of the rollup that holds events of these (sorted) campaigns from the first to the last moment."""
    return Cells(workspace, tuple(campaigns), first_us // 1000, last_us // 1000 + 1)


def said(events: Sequence[Any], shared: Sequence[str] = ()) -> dict[str, pa.Array]:
    """The columns in which any of the events says something, but for its time and identity and the `shared` ones."""
    found = {}
    for kept, (read, convert) in _COLUMNS.items():
        if kept not in shared:
            values = list(map(read, events))
            if any(values):
                found[kept] = pa.array(convert(values) if convert else values, SCHEMA.field(kept).type)
    details = [get(event) if (get := _DETAIL_OF.get(event.type)) else "" for event in events]
    if any(details):
        found["detail"] = pa.array(details, pa.string())
    return found


def assemble(workspace: str, rows: int, found: Mapping[str, pa.Array]) -> pa.RecordBatch:
    """One record batch of every column: those that were found, and nothing in the others."""
    found = {"workspace": pa.repeat(pa.scalar(workspace, pa.string()), rows), **found}
    arrays = [found[name] if name in found else nothing(kind, rows) for name, kind in _KINDS]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def nothing(kind: pa.DataType, rows: int) -> pa.Array:
    """A column in which nothing is said."""
    return _NOTHING[kind].slice(0, rows) if rows <= _CHUNK_ROWS else pa.nulls(rows, kind)


def moments(microseconds: Sequence[int]) -> pa.Array:
    """Microseconds since the epoch as times of the store: whole milliseconds."""
    return pa.array([moment // 1000 for moment in microseconds], pa.int64()).view(MILLISECONDS)


def identities(digests: Sequence[bytes]) -> pa.Array:
    """Identities of 16 bytes each."""
    return pa.Array.from_buffers(pa.binary(16), len(digests), [None, pa.py_buffer(b"".join(digests))])


def _milliseconds(seconds: list[float | None]) -> list[int]:
    return [round(value * 1000) if value else 0 for value in seconds]


def _texts(mappings: list[dict[str, Any] | None]) -> list[str | None]:
    return [_encode(mapping).decode() if mapping else None for mapping in mappings]


def _bits(reasons: list[tuple[str, ...]]) -> list[int]:
    return [sum(map(_BIT_OF.__getitem__, set(names))) if names else 0 for names in reasons]


def _split_of(sent: Any) -> str:
    """What splits `sent`: whether the recipient had opted in to push."""
    return "" if sent.opted_in is None else "opted_in" if sent.opted_in else "opted_out"


#: What each reason is in the `reasons` of the store.
_BIT_OF = {name: 1 << position for position, name in enumerate(REASONS)}

_encode = msgspec.json.Encoder().encode
_sighted = attrgetter("campaign", "channel", "message", "variation", "type")
_DETAIL_OF: dict[str, Callable[[Any], str]] = {
    "sent": _split_of,
    **{kind: attrgetter(name) for kind, name in DETAIL_FIELD.items()},
}

#: Of each column that is a field of the event: how to read it, and what makes a list of them ready for Arrow.
_COLUMNS: dict[str, tuple[Callable[[Any], Any], Callable[[list[Any]], list[Any]] | None]] = {
    **{name: (attrgetter(name), None) for name in (*TEXT, "anonymous", "goal", "quantity", "amount", "rule_version")},
    "position": (attrgetter("position"), None),
    "order_id": (attrgetter("order"), None),
    "duration_ms": (attrgetter("duration_s"), _milliseconds),
    "params": (attrgetter("params"), _texts),
    "properties": (attrgetter("properties"), _texts),
    "reasons": (attrgetter("reasons"), _bits),
}
