"""Answers of the own API as JSON, CSV, NDJSON and Parquet. Pure: an answer goes in, bytes come out."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from turnout.dialects.native import wire
from turnout.errors import UnsupportedFormat
from turnout.model import Campaign, CampaignFields
from turnout.stats import cells
from turnout.stats.answer import Answer
from turnout.stats.metrics import DIMENSIONS, METRICS, Metric
from turnout.stats.question import Question
from turnout.store.events import Span

MEDIA_TYPES = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}


def encode(value: Any) -> bytes:
    """JSON. Decimals are strings."""
    return _encoder.encode(value)


_encoder = msgspec.json.Encoder(decimal_format="string")


def chosen_format(asked: str, accept: str, known: tuple[str, ...] = ("json", "csv", "ndjson", "parquet")) -> str:
    """The format that the query names, else the first that the Accept header names, else the first there is."""
    if asked:
        if asked not in known:
            raise UnsupportedFormat(f"no format '{asked[:50]}'", field="format", hint=f"there are {', '.join(known)}")
        return asked
    for part in accept.split(","):
        media = part.split(";")[0].strip().lower()
        for name in known:
            if media == MEDIA_TYPES[name].split(";")[0]:
                return name
    return known[0]


def stats(answer: Answer, form: str) -> bytes:
    """An answer in a format; only JSON has the totals and the meta."""
    if form == "csv":
        return _csv(answer)
    if form == "ndjson":
        return b"".join(encode(row) + b"\n" for row in answer.rows)
    if form == "parquet":
        return _parquet(answer)
    question = answer.question
    meta = wire.StatsMeta(
        from_=local_time(question.from_ms, question.timezone),
        to=local_time(question.to_ms, question.timezone),
        timezone=question.timezone,
        traffic=question.traffic,
        by=question.placed_by,
        excluded=answer.excluded,
        metrics=question.metrics,
        dimensions=question.dimensions,
        rows=answer.row_count,
        limit=question.limit,
        offset=question.offset,
    )
    return encode(wire.StatsAnswer(answer.rows, answer.totals, meta))


def counted(answer: Answer) -> dict[str, str]:
    """Which traffic counted and how many events of the others did not, for whoever gets no meta: as headers."""
    left_out = ",".join(f"{name}={count}" for name, count in answer.excluded.items())
    return {"X-Turnout-Traffic": ",".join(answer.question.traffic), "X-Turnout-Excluded": left_out}


def local_time(moment_ms: int | None, timezone: str) -> str | None:
    """ISO 8601 with the zone's offset."""
    if moment_ms is None:
        return None
    moment = dt.datetime.fromtimestamp(moment_ms // 1000, ZoneInfo(timezone))
    moment = moment.replace(microsecond=moment_ms % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds" if moment_ms % 1000 else "seconds")


def columns(question: Question) -> list[str]:
    """The names of an answer's columns, in order."""
    found = list(question.dimensions)
    for name in question.metrics:
        found.append(name)
        if METRICS[name].kind == "ratio":
            found += [f"{name}_numerator", f"{name}_denominator"]
    return found


def _csv(answer: Answer) -> bytes:
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\r\n")
    names = columns(answer.question)
    writer.writerow(names)
    for row in answer.rows:
        writer.writerow([cells.text(row[name]) for name in names])
    return sink.getvalue().encode()


def _parquet(answer: Answer) -> bytes:
    fields = [pa.field(name, _arrow_type(name)) for name in columns(answer.question)]
    table = pa.table(
        {field.name: pa.array([cells.arrow(row[field.name]) for row in answer.rows], field.type) for field in fields},
        schema=pa.schema(fields),
    )
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _arrow_type(name: str) -> pa.DataType:
    if name in DIMENSIONS and name not in METRICS:
        return pa.string()
    metric = METRICS.get(name)
    if metric is None:
        return pa.float64() if "viewing_time" in name else pa.int64()
    if metric.kind == "money":
        return cells.MONEY
    return pa.float64() if metric.kind == "ratio" or metric.scale != 1 else pa.int64()


def campaign(found: Campaign, span: Span | None) -> wire.CampaignAnswer:
    """A campaign as GET speaks it."""
    fields = {name: getattr(found, name) for name in CampaignFields.__struct_fields__}
    return wire.CampaignAnswer(
        **fields,
        created_at=found.created_at,
        updated_at=found.updated_at,
        first_event_at=_utc(span.first_ms) if span else None,
        last_event_at=_utc(span.last_ms) if span else None,
        events=span.events if span else 0,
    )


def _utc(moment_ms: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=moment_ms)


def dictionary() -> wire.MetricsAnswer:
    """Every metric and dimension with its definition."""
    return wire.MetricsAnswer(
        metrics=[_metric(metric) for metric in METRICS.values()],
        dimensions=[wire.DimensionEntry(one.name, one.definition) for one in DIMENSIONS.values()],
    )


def _metric(metric: Metric) -> wire.MetricEntry:
    if metric.any_traffic:
        counts = "all classes, whatever the question asks for"
    elif metric.kind == "ratio":
        counts = "as its numerator and denominator"
    else:
        counts = "the classes that the question asks for; human and proxy by default"
    return wire.MetricEntry(
        name=metric.name,
        unit=metric.unit,
        kind=metric.kind,
        definition=metric.definition,
        event_types=metric.types,
        numerator=metric.numerator or None,
        denominator=metric.denominator or None,
        unique_by="recipient" if metric.kind in ("unique", "first", "peak") else None,
        traffic=counts,
        placed_by=_placed_by(metric),
    )


def _placed_by(metric: Metric) -> str:
    if metric.kind == "peak":
        return "the instants within the interval"
    return "the event's own time" if metric.kind == "first" else "the event's own time; with by=send, the message's"
