"""Events as columns: one pass per column over a batch, one Arrow batch for the store.

A column in which no event says anything is left out; the table's defaults fill it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa

from turnout.model import DETAIL_FIELD, Event
from turnout.store.events import Cells

#: Events whose text needs no translation: (column, attribute), both as in the model.
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


def columns(
    workspaces: Sequence[str], events: Sequence[Event], digests: Sequence[bytes], received_us: Sequence[int]
) -> pa.RecordBatch:
    """One row an event, in the order given. All four sequences have the same length."""
    found: dict[str, pa.Array] = {
        "workspace": pa.array(workspaces, pa.string()),
        "time": pa.array([event.time // 1000 for event in events], pa.int64()).cast(_MOMENT),  # type: ignore[operator,union-attr]
        "received": pa.array([moment // 1000 for moment in received_us], pa.int64()).cast(_MOMENT),
        "id": pa.array(digests, pa.binary(16)),
    }
    for name in _TEXT:
        _add(found, name, [getattr(event, name) for event in events], pa.string())
    _add(found, "order_id", [event.order for event in events], pa.string())
    _add(found, "anonymous", [event.anonymous for event in events], pa.bool_())
    _add(found, "goal", [event.goal for event in events], pa.uint8())
    _add(found, "detail", [_detail(event) for event in events], pa.string())
    _add(found, "quantity", [event.quantity or 0 for event in events], pa.uint32())
    _add(
        found,
        "duration_ms",
        [round(event.duration_s * 1000) if event.duration_s else 0 for event in events],
        pa.uint32(),
    )
    _add(found, "params", [_json(event.params) for event in events], pa.string())
    _add(found, "properties", [_json(event.properties) for event in events], pa.string())
    amounts = [event.amount for event in events]
    if any(amount is not None for amount in amounts):
        found["amount"] = pa.array(amounts, pa.decimal128(18, 6)).fill_null(0)
    return pa.record_batch(found)


def touched(workspaces: Sequence[str], events: Sequence[Event]) -> list[Cells]:
    """The part of the rollup that these events are in, per workspace."""
    spans: dict[str, tuple[set[str], int, int]] = {}
    for workspace, event in zip(workspaces, events, strict=True):
        moment = event.time // 1000  # type: ignore[operator]
        campaigns, first, last = spans.get(workspace) or (set[str](), moment, moment)
        campaigns.add(event.campaign)
        spans[workspace] = (campaigns, min(first, moment), max(last, moment))  # type: ignore[type-var,assignment]
    return [
        Cells(workspace=workspace, campaigns=tuple(sorted(campaigns)), from_ms=first, to_ms=last + 1)
        for workspace, (campaigns, first, last) in spans.items()
    ]


_MOMENT = pa.timestamp("ms", "UTC")
_encode = msgspec.json.Encoder().encode


def _add(found: dict[str, pa.Array], name: str, values: list[Any], kind: pa.DataType) -> None:
    if any(values):
        found[name] = pa.array(values, kind)


def _json(mapping: dict[str, Any] | None) -> str:
    return _encode(mapping).decode() if mapping else ""


def _detail(event: Event) -> str:
    """The attribute that splits the count of this event's type."""
    attribute = DETAIL_FIELD.get(event.type)
    if attribute is not None:
        value: str = getattr(event, attribute)
        return value
    if event.type == "sent" and event.opted_in is not None:
        return "opted_in" if event.opted_in else "opted_out"
    return ""
