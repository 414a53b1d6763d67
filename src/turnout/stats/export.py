"""Long results that are streamed, not held: raw events, and the recipients who did or did not.

Filters and metrics go in; chunks of NDJSON, CSV or Parquet come out, each of whole rows.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from turnout.errors import InvalidInput, UnknownName
from turnout.model import REACTIONS, REASONS
from turnout.stats import calendar
from turnout.stats.metrics import METRICS, Metric
from turnout.stats.question import Filter, Question
from turnout.stats.scope import Scope, type_condition, where
from turnout.store.engine import SHARDS_ADD_UP, Engine, Value

#: An event's columns as the ingest speaks them, so that an export can be imported again.
EVENT_COLUMNS: dict[str, str] = {
    "id": "concat('turnout:', lower(hex(reinterpretAsFixedString(id))))",
    "type": "toString(type)",
    "time": "concat(replaceOne(toString(time), ' ', 'T'), 'Z')",
    "campaign": "toString(campaign)",
    "message": "toString(message)",
    "variation": "toString(variation)",
    "channel": "toString(channel)",
    "recipient": "recipient",
    "anonymous": "anonymous",
    "send_id": "toString(send_id)",
    "profile": "toString(profile)",
    "opted_in": "if(type = 'sent' AND detail != '', toBool(detail = 'opted_in'), NULL)",
    "bounce": "if(type = 'bounced', toString(detail), '')",
    "failure": "if(type IN ('rejected', 'failed'), toString(detail), '')",
    "open": "if(type = 'opened', toString(detail), '')",
    "target": "if(type = 'clicked', toString(detail), '')",
    "keyword": "if(type = 'replied', toString(detail), '')",
    "url": "url",
    "link": "toString(link)",
    "link_title": "toString(link_title)",
    "position": "position",
    "amount": "if(currency != '', toString(amount), NULL)",
    "currency": "toString(currency)",
    "order": "order_id",
    "name": "toString(name)",
    "goal": "goal",
    "duration_s": "if(type = 'watched' OR duration_ms != 0, duration_ms / 1000, NULL)",
    "product": "toString(product)",
    "quantity": f"if(type IN {tuple(sorted(REACTIONS))} OR quantity != 0, quantity, NULL)",
    "params": "params",
    "properties": "properties",
    "ip": "ip",
    "user_agent": "toString(user_agent)",
    "country": "toString(country)",
    "city": "toString(city)",
    "network": "toString(network)",
    "device": "toString(device)",
    "os": "toString(os)",
    "browser": "toString(browser)",
    "browser_version": "toString(browser_version)",
    "traffic": "toString(traffic)",
    "reasons": (
        "if(bitAnd(reasons, 4294967294) = 0, '', toJSONString("
        f"arrayMap(bit -> {list(REASONS)}[bit + 1], bitPositionsToArray(bitAnd(reasons, 4294967294)))))"
    ),
    # A class without a version is the sender's word, which needs no reason beside it; one that rules made has theirs.
    "rule_version": (
        "if(bitTest(reasons, 0) OR (user_agent = '' AND ip = '' AND reasons = 0), 0, greatest(rule_version, 1))"
    ),
}


#: What NDJSON says as objects and lists, and not as their text.
_OBJECTS = ("params", "properties", "reasons")

#: What an event need not say, besides empty strings and nulls.
_BLANK: dict[str, object] = {"anonymous": False, "goal": 0, "position": 0, "rule_version": 0}


@dataclass(frozen=True)
class Streamed:
    """A statement to be streamed, and what to call its file. `of_events`: its rows are `EVENT_COLUMNS`."""

    sql: str
    name: str
    parameters: dict[str, Value]
    of_events: bool = False


def events(
    workspace: str,
    *,
    types: tuple[str, ...],
    filters: tuple[Filter, ...],
    from_ms: int | None,
    to_ms: int | None,
    timezone: str,
    traffic: tuple[str, ...],
) -> Streamed:
    """Raw events of a range, oldest first within each campaign and type."""
    asked = Question(
        workspace,
        ("events",),
        filters=filters,
        from_ms=from_ms,
        to_ms=to_ms,
        timezone=timezone,
        traffic=traffic,
    )
    scope = Scope(asked, calendar.offsets(timezone))
    typed = [f"type IN {scope.bind(types, 'Array(String)')}"] if types else []
    conditions = where(*scope.events(), *scope.traffic(), *typed)
    columns = ", ".join(f"{expression} AS `{name}`" for name, expression in EVENT_COLUMNS.items())
    # The setting: WHERE and ORDER BY mean the table's columns, not their text of the same name.
    sql = (
        f"SELECT {columns}\nFROM events\n{conditions}\nORDER BY workspace, campaign, type, time"
        "\nSETTINGS prefer_column_name_to_alias = 1"
    )
    return Streamed(sql, "events", scope.parameters, of_events=True)


def recipients(asked: Question, campaign: str, did: tuple[str, ...], did_not: tuple[str, ...]) -> Streamed:
    """Recipients of a campaign that have every metric of `did` and none of `did_not`, with when and how often.

    `asked.metrics` are ignored; its range, traffic and filters hold for every event that is looked at.
    UnknownName or InvalidInput for what is not the name of a count.
    """
    wanted = [_count(name, "did") for name in did or ("events",)]
    unwanted = [_count(name, "did_not") for name in did_not]
    scope = Scope(asked, calendar.offsets(asked.timezone))
    conditions = where(
        *scope.events(),
        f"campaign = {scope.bind(campaign, 'String')}",
        "recipient != ''",
        *type_condition(scope, [*wanted, *unwanted]),
    )
    yes = [f"countIf({scope.counted(metric)}) > 0" for metric in wanted]
    no = [f"countIf({scope.counted(metric)}) = 0" for metric in unwanted]
    anyone = " OR ".join(f"({scope.counted(metric)})" for metric in wanted)
    sql = (
        "SELECT recipient, "
        f"concat(replaceOne(toString(minIf(time, {anyone})), ' ', 'T'), 'Z') AS first_at, "
        f"concat(replaceOne(toString(maxIf(time, {anyone})), ' ', 'T'), 'Z') AS last_at, "
        f"countIf({anyone}) AS `events`\n"
        f"FROM events\n{conditions}\nGROUP BY recipient\nHAVING {' AND '.join([*yes, *no])}\n{SHARDS_ADD_UP}"
    )
    return Streamed(f"SELECT *\nFROM (\n{sql}\n)\nORDER BY recipient", "recipients", scope.parameters)


def _count(name: str, field: str) -> Metric:
    metric = METRICS.get(name)
    if metric is None:
        raise UnknownName("metric", name, (one.name for one in METRICS.values() if one.kind == "count"), field=field)
    if metric.kind != "count":
        raise InvalidInput(f"'{name}' is not a count of events", field=field, hint="e.g. did=opened&did_not=clicked")
    return metric


def chunks(engine: Engine, statement: Streamed, form: str) -> Iterator[bytes]:
    """The rows as `ndjson`, `csv` or `parquet`, chunk by chunk. Parquet is written in row groups as they come."""
    if form == "ndjson":
        found = engine.stream(statement.sql, statement.parameters)
        yield from map(_as_said, found) if statement.of_events else found
    else:
        batches = engine.batches(statement.sql, statement.parameters)
        yield from _csv(batches) if form == "csv" else _parquet(batches)


def _as_said(lines: bytes) -> bytes:
    """Events as a sender would say them: without blanks, and mappings as objects."""
    return _encode_lines([_said(row) for row in _decode_lines(lines)])


def _said(row: dict[str, Any]) -> dict[str, Any]:
    said = {name: value for name, value in row.items() if value is not None and value != _BLANK.get(name, "")}
    for name in _OBJECTS:
        if name in said:
            said[name] = msgspec.Raw(said[name].encode())
    return said


_decode_lines = msgspec.json.Decoder(dict[str, Any]).decode_lines
_encode_lines = msgspec.json.Encoder().encode_lines


def _csv(batches: Iterator[pa.RecordBatch]) -> Iterator[bytes]:
    header = True
    for batch in batches:
        sink = io.BytesIO()
        csv.write_csv(batch, sink, csv.WriteOptions(include_header=header))
        header = False
        yield sink.getvalue()


def _parquet(batches: Iterator[pa.RecordBatch]) -> Iterator[bytes]:
    outbox = _Outbox()
    writer = None
    for batch in batches:
        writer = writer or pq.ParquetWriter(outbox, batch.schema, compression="zstd")
        writer.write_batch(batch)
        yield outbox.take()
    if writer is not None:
        writer.close()
        yield outbox.take()


class _Outbox(io.RawIOBase):
    """A file that is sent while it is written: it knows how far it is, and holds only what was not taken yet."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._length = 0

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        self._length += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        return self._length

    def take(self) -> bytes:
        """What was written since it was last asked."""
        found, self._parts = b"".join(self._parts), []
        return found
