"""Events as columns: a batch is transposed once, and leaves as Arrow for the store.

Every pack has the same columns, so packs follow one another in one insert. A column in which no event
says anything is all null, which the engine reads as the column's default.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from turnout.model import DETAIL_FIELD, Event
from turnout.store.catalog import Sighting
from turnout.store.events import Cells

#: Columns of text that are named and kept as in the model.
_TEXT = (
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
    "device",
    "browser",
    "traffic",
)

#: Rows transposed at once: enough to spread the cost of a column, few enough to stay in the cache.
_CHUNK_ROWS = 8192

#: What an event says of its campaign.
_SIGHTED = ("campaign", "channel", "message", "variation", "type")

_FIELDS = Event.__struct_fields__
_DETAIL_AT = {kind: _FIELDS.index(name) for kind, name in DETAIL_FIELD.items()}
_MOMENT = pa.timestamp("ms", "UTC")
_MONEY = pa.decimal128(18, 6)
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Packed:
    """Events of one workspace, ready for the store: their rows in order, the part of the rollup that they
    are in, and what they say of campaigns."""

    records: tuple[pa.RecordBatch, ...]
    cells: Cells
    sightings: frozenset[Sighting]

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
    campaigns: set[str] = set()
    seen: set[tuple[str, ...]] = set()
    first = last = int(events[0].time)  # type: ignore[arg-type]
    for at in range(0, len(events), _CHUNK_ROWS):
        end = at + _CHUNK_ROWS
        rows = [msgspec.structs.astuple(event) for event in events[at:end]]
        named = dict(zip(_FIELDS, zip(*rows, strict=True), strict=True))
        records.append(_records(workspace, rows, named, digests[at:end], received_us[at:end]))
        campaigns.update(named["campaign"])
        seen.update(zip(*(named[name] for name in _SIGHTED), strict=True))
        first, last = min(first, min(named["time"])), max(last, max(named["time"]))
    sightings = frozenset(
        Sighting(campaign, channel, message, variation, kind == "enrolled")
        for campaign, channel, message, variation, kind in seen
        if campaign
    )
    cells = Cells(workspace, tuple(sorted(campaigns)), first // 1000, last // 1000 + 1)
    return Packed(tuple(records), cells, sightings)


def _records(
    workspace: str,
    rows: list[tuple[Any, ...]],
    named: dict[str, tuple[Any, ...]],
    digests: Sequence[bytes],
    received_us: Sequence[int],
) -> pa.RecordBatch:
    """One chunk, transposed."""
    found = {
        "workspace": pa.repeat(workspace, len(rows)),
        "time": _moments(named["time"]),
        "received": _moments(received_us),
        "id": pa.array(digests, pa.binary(16)),
        **{name: _column(named[name], pa.string()) for name in _TEXT},
        "order_id": _column(named["order"], pa.string()),
        "detail": _column(_details(rows, named), pa.string()),
        "anonymous": _column(named["anonymous"], pa.bool_()),
        "goal": _column(named["goal"], pa.uint8()),
        "quantity": _column(named["quantity"], pa.uint32()),
        "duration_ms": _column(_milliseconds(named["duration_s"]), pa.uint32()),
        "amount": _column(named["amount"], _MONEY),
        **{name: _column(_texts(named[name]), pa.string()) for name in ("params", "properties")},
    }
    return pa.record_batch(found)


def _column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    return pa.array(values, kind) if any(values) else pa.nulls(len(values), kind)


def _moments(microseconds: Sequence[int]) -> pa.Array:
    return pc.divide(pa.array(microseconds, pa.int64()), 1000).cast(_MOMENT)


def _milliseconds(seconds: Sequence[float | None]) -> Sequence[int | None]:
    return [round(value * 1000) if value else 0 for value in seconds] if any(seconds) else (None,) * len(seconds)


def _texts(mappings: Sequence[dict[str, Any] | None]) -> Sequence[str | None]:
    if not any(mappings):
        return (None,) * len(mappings)
    return [_encode(mapping).decode() if mapping else None for mapping in mappings]


def _details(rows: list[tuple[Any, ...]], named: dict[str, tuple[Any, ...]]) -> list[str]:
    """The attribute that splits the count of each event's type."""
    details = [row[at] if (at := _DETAIL_AT.get(row[0])) else "" for row in rows]
    if any(value is not None for value in named["opted_in"]):
        for index, (kind, opted_in) in enumerate(zip(named["type"], named["opted_in"], strict=True)):
            if kind == "sent" and opted_in is not None:
                details[index] = "opted_in" if opted_in else "opted_out"
    return details
