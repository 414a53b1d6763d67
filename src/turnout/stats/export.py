"""Long results that are streamed, not held: raw events, and the recipients who did or did not.

Filters and metrics go in; chunks of NDJSON, CSV or Parquet come out, each of whole rows.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

from turnout.errors import InvalidInput, UnknownName
from turnout.stats import calendar
from turnout.stats import compile as compiler
from turnout.stats.metrics import METRICS
from turnout.stats.plan import Plan
from turnout.stats.question import Filter, Question
from turnout.store.engine import Engine, Value

#: An event's columns as the ingest speaks them, so that an export can be imported again.
EVENT_COLUMNS: dict[str, str] = {
    "id": "concat('turnout:', lower(hex(reverse(reinterpretAsFixedString(id)))))",
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
    "opted_in": "multiIf(type != 'sent' OR detail = '', NULL, detail = 'opted_in')",
    "bounce": "if(type = 'bounced', toString(detail), '')",
    "failure": "if(type IN ('rejected', 'failed'), toString(detail), '')",
    "open": "if(type = 'opened', toString(detail), '')",
    "target": "if(type = 'clicked', toString(detail), '')",
    "keyword": "if(type = 'replied', toString(detail), '')",
    "url": "url",
    "link": "toString(link)",
    "link_title": "toString(link_title)",
    "amount": "if(currency != '', toString(amount), NULL)",
    "currency": "toString(currency)",
    "order": "order_id",
    "name": "toString(name)",
    "goal": "goal",
    "duration_s": "if(type = 'watched', duration_ms / 1000, NULL)",
    "product": "toString(product)",
    "quantity": "if(type IN ('liked', 'chatted', 'product_clicked', 'banner_clicked'), quantity, NULL)",
    "params": "params",
    "properties": "properties",
    "ip": "ip",
    "user_agent": "toString(user_agent)",
    "country": "toString(country)",
    "device": "toString(device)",
    "browser": "toString(browser)",
    "traffic": "toString(traffic)",
}


@dataclass
class Streamed:
    """A statement to be streamed, and what to call its file."""

    sql: str
    name: str
    parameters: dict[str, Value] = field(default_factory=dict)


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
    """Raw events of a range."""
    asked = Question(
        workspace,
        ("events",),
        filters=filters,
        from_ms=from_ms,
        to_ms=to_ms,
        timezone=timezone,
        traffic=traffic,
    )
    scope = compiler.Scope(asked, Plan((), calendar.offsets(timezone)), (METRICS["events"],), {})
    where = compiler.conditions(scope)
    if types:
        where.append(f"type IN {scope.bind(types, 'Array(String)')}")
    columns = ", ".join(f"{expression} AS `{name}`" for name, expression in EVENT_COLUMNS.items())
    # The inner names keep the table's own columns in reach of the WHERE.
    sql = f"SELECT {columns}\nFROM events AS e\nWHERE {' AND '.join(where)}\nORDER BY e.workspace, e.campaign, e.type, e.time"
    return Streamed(sql, "events", scope.parameters)


def recipients(asked: Question, campaign: str, did: tuple[str, ...], did_not: tuple[str, ...]) -> Streamed:
    """Recipients of a campaign that have every metric of `did` and none of `did_not`, with when and how often.

    `asked.metrics` are ignored; its range, traffic and filters hold for every event that is looked at.
    """
    for name in (*did, *did_not):
        if name not in METRICS:
            raise UnknownName("metric", name, (n for n, m in METRICS.items() if m.kind == "count"), field="did")
        if METRICS[name].kind != "count":
            raise InvalidInput(
                f"'{name}' is not a count of events", field="did", hint="e.g. did=opened&did_not=clicked"
            )
    wanted = [METRICS[name] for name in did or ("events",)]
    unwanted = [METRICS[name] for name in did_not]
    scope = compiler.Scope(asked, Plan((), calendar.offsets(asked.timezone)), tuple(wanted), {})
    where = [
        *compiler.conditions(scope, traffic=False),
        f"campaign = {scope.bind(campaign, 'String')}",
        "recipient != ''",
    ]
    if all(metric.types for metric in (*wanted, *unwanted)):
        types = tuple(sorted({name for metric in (*wanted, *unwanted) for name in metric.types}))
        where.append(f"type IN {scope.bind(types, 'Array(String)')}")
    yes = [f"countIf({compiler.condition(scope, metric)})" for metric in wanted]
    no = [f"countIf({compiler.condition(scope, metric)})" for metric in unwanted]
    anyone = " OR ".join(f"({compiler.condition(scope, metric)})" for metric in wanted)
    having = " AND ".join([*(f"{count} > 0" for count in yes), *(f"{count} = 0" for count in no)])
    sql = (
        "SELECT e.recipient AS `recipient`, "
        f"concat(replaceOne(toString(minIf(e.time, {anyone})), ' ', 'T'), 'Z') AS `first_at`, "
        f"concat(replaceOne(toString(maxIf(e.time, {anyone})), ' ', 'T'), 'Z') AS `last_at`, "
        f"countIf({anyone}) AS `events`\n"
        f"FROM events AS e\nWHERE {' AND '.join(where)}\nGROUP BY e.recipient\nHAVING {having}\nORDER BY e.recipient"
    )
    return Streamed(sql, "recipients", scope.parameters)


def chunks(engine: Engine, statement: Streamed, form: str) -> Iterator[bytes]:
    """The rows in a format, chunk by chunk. Parquet is written in row groups as they come."""
    if form == "ndjson":
        yield from engine.stream(statement.sql, statement.parameters, "JSONEachRow")
    else:
        batches = _batches(engine.stream(statement.sql, statement.parameters, "ArrowStream"))
        yield from _csv(batches) if form == "csv" else _parquet(batches)


def _batches(chunks: Iterator[bytes]) -> Iterator[pa.Table]:
    for chunk in chunks:
        if chunk:
            yield pa.ipc.open_stream(chunk).read_all()


def _csv(tables: Iterator[pa.Table]) -> Iterator[bytes]:
    from pyarrow import csv

    header = True
    for table in tables:
        sink = io.BytesIO()
        csv.write_csv(table, sink, csv.WriteOptions(include_header=header))
        header = False
        yield sink.getvalue()


def _parquet(tables: Iterator[pa.Table]) -> Iterator[bytes]:
    sink = io.BytesIO()
    writer = None
    for table in tables:
        writer = writer or pq.ParquetWriter(sink, table.schema, compression="zstd")
        writer.write_table(table)
        yield sink.getvalue()
        sink.seek(0)
        sink.truncate()
    if writer is not None:
        writer.close()
        yield sink.getvalue()
