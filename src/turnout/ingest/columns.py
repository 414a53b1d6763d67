"""Events as columns: a batch is transposed once, and leaves as one Arrow batch for the store.

A column in which no event says anything is left out; the table's defaults fill it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa

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

_FIELDS = Event.__struct_fields__
_DETAIL_AT = {kind: _FIELDS.index(name) for kind, name in DETAIL_FIELD.items()}
_MOMENT = pa.timestamp("ms", "UTC")
_encode = msgspec.json.Encoder().encode


class Table:
    """Some events of one workspace, row by row and column by column."""

    def __init__(self, workspace: str, events: Sequence[Event]) -> None:
        self.workspace = workspace
        self._rows = [msgspec.structs.astuple(event) for event in events]
        self._columns: dict[str, tuple[Any, ...]] = dict(zip(_FIELDS, zip(*self._rows, strict=True), strict=True))

    def cells(self) -> Cells:
        """The part of the rollup that these events are in."""
        times, campaigns = self._columns["time"], self._columns["campaign"]
        return Cells(self.workspace, tuple(sorted(set(campaigns))), min(times) // 1000, max(times) // 1000 + 1)

    def sightings(self) -> set[Sighting]:
        """What these events say of campaigns."""
        named = self._columns
        seen = set(zip(*(named[name] for name in ("campaign", "channel", "message", "variation", "type")), strict=True))
        return {
            Sighting(campaign, channel, message, variation, kind == "enrolled")
            for campaign, channel, message, variation, kind in seen
            if campaign
        }

    def arrow(self, digests: Sequence[bytes], received_us: Sequence[int]) -> pa.RecordBatch:
        """One row an event, in order, with its identity and the time it was received."""
        named = self._columns
        found: dict[str, pa.Array] = {
            "workspace": pa.array([self.workspace] * len(self._rows), pa.string()),
            "time": _moments(named["time"]),
            "received": _moments(received_us),
            "id": pa.array(digests, pa.binary(16)),
        }

        def add(column: str, values: Sequence[Any], kind: pa.DataType) -> None:
            if any(values):
                found[column] = pa.array(values, kind)

        for name in _TEXT:
            add(name, named[name], pa.string())
        add("order_id", named["order"], pa.string())
        add("detail", self._details(), pa.string())
        add("anonymous", named["anonymous"], pa.bool_())
        add("goal", named["goal"], pa.uint8())
        if any(named["quantity"]):
            add("quantity", [value or 0 for value in named["quantity"]], pa.uint32())
        if any(named["duration_s"]):
            add("duration_ms", [round((value or 0) * 1000) for value in named["duration_s"]], pa.uint32())
        if any(named["amount"]):
            found["amount"] = pa.array(named["amount"], pa.decimal128(18, 6)).fill_null(0)
        for name in ("params", "properties"):
            if any(named[name]):
                add(name, [_encode(value).decode() if value else "" for value in named[name]], pa.string())
        return pa.record_batch(found)

    def _details(self) -> list[str]:
        """The attribute that splits the count of each event's type."""
        details = [row[at] if (at := _DETAIL_AT.get(row[0])) else "" for row in self._rows]
        if any(value is not None for value in self._columns["opted_in"]):
            for index, (kind, opted_in) in enumerate(
                zip(self._columns["type"], self._columns["opted_in"], strict=True)
            ):
                if kind == "sent" and opted_in is not None:
                    details[index] = "opted_in" if opted_in else "opted_out"
        return details


def _moments(microseconds: Sequence[int]) -> pa.Array:
    return pa.array([moment // 1000 for moment in microseconds], pa.int64()).cast(_MOMENT)
