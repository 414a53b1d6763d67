"""Bulk is the way event by event, only faster: whatever it takes, it takes the same; the rest it leaves alone."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.capture.decode import decode
from turnout.demo import traffic
from turnout.ingest import bulk as module
from turnout.ingest.bulk import bulk
from turnout.ingest.steps import Batch, prepare
from turnout.model import EVENT_TYPES, TRAFFIC_CLASSES

NOW = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
SENT = {"type": "sent", "id": "1", "time": "2026-10-05T10:00:00Z", "campaign": "c", "recipient": "r"}
LIMIT = 1000


def one_by_one(body: bytes, workspace: str = "w") -> tuple[Batch, bool]:
    """The batch of the ordinary way, and whether nothing in the body was refused."""
    decoded = decode(body, LIMIT)
    batch = prepare(workspace, decoded.events, NOW)
    return batch, not (decoded.rejected or batch.rejected)


def rows(batch: Batch) -> list[dict[str, Any]]:
    """What the store reads of a pack: a null is the column's default."""
    table = pa.Table.from_batches(batch.pack().records)
    table.validate(full=True)
    return [{name: value or None for name, value in row.items()} for row in table.to_pylist()]


def assert_same(ours: Batch, theirs: Batch) -> None:
    assert ours.digests == theirs.digests
    assert ours.count == theirs.count == len(rows(ours))
    assert rows(ours) == rows(theirs)
    assert ours.pack().cells == theirs.pack().cells
    assert ours.pack().sightings == theirs.pack().sightings
    assert ours.received_us == theirs.received_us
    assert ours.pack().records[0].schema == theirs.pack().records[0].schema


def ndjson(*events: object) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def check(body: bytes) -> bool:
    """Hold both ways against each other; whether bulk took the body."""
    found = bulk("w", body, LIMIT, NOW)
    if found is None:
        return False
    theirs, is_clean = one_by_one(body)
    assert is_clean
    assert_same(found, theirs)
    return True


words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4) | st.sampled_from(
    [
        "",
        "ü" * 200,
        "x" * 256,
        "x" * 257,
        "é" * 512,
        "€" * 513,
        "\\",
        '"',
        "turnout:" + "0a" * 16,
        "turnout:x",
        "\ud800",
    ],
)
times = st.one_of(
    st.datetimes(dt.datetime(1999, 12, 1), dt.datetime(2027, 12, 1)).flatmap(
        lambda time: st.sampled_from(
            [
                time.isoformat() + "Z",
                time.isoformat(timespec="milliseconds") + "Z",
                time.isoformat(" ") + "+05:30",
                time.isoformat() + "-0800",
                time.isoformat(),
                time.date().isoformat(),
                time.isoformat() + "z",
                time.isoformat() + "+24:00",
                time.isoformat(timespec="microseconds") + "123Z",
                time.timestamp(),
                int(time.timestamp()),
                int(time.timestamp() * 1000),
            ]
        )
    ),
    st.sampled_from([0, -1, 1e300, 2**63, 2**80, None, True, "", "now", "2026-02-30T00:00:00Z", "1791194400", 1e14]),
)
numbers = st.sampled_from([0, 1, 3, 4, -1, 1.0, 2.5, 0.0005, 12.0004999, 1e6, 604_800, 2**31, 10**30, "1", True, None])
money = st.sampled_from([0, 1, 0.1, 19.99, -3, 1e-7, 1e12, "19.990", "1e3", "NaN", "", None, 10**30, 123456789012.3456])
mappings = st.sampled_from([{}, {"a": 1}, {"b": [1.0, None, {"ü": "€"}]}, None, [], {"x": "y" * 70_000}, "x"])
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("campaign", "id", "message", "variation", "channel", "recipient", "send_id", "profile"), words),
    **dict.fromkeys(("url", "link", "link_title", "keyword", "order", "name", "product"), words),
    **dict.fromkeys(("ip", "user_agent", "device", "browser"), words),
    "time": times,
    "type": st.sampled_from([*EVENT_TYPES, "opend", "", None, 7]),
    "anonymous": st.sampled_from([True, False, None, 1]),
    "opted_in": st.sampled_from([True, False, None, "yes"]),
    "bounce": st.sampled_from(["", "hard", "soft", "x", None]),
    "failure": st.sampled_from(["", "permanent", "temporary", "x"]),
    "open": st.sampled_from(["", "direct", "influenced", "x"]),
    "target": st.sampled_from(["", "link", "button_2", "x"]),
    "currency": st.sampled_from(["", "EUR", "eur", "EURO", "EUR\n", "\n"]),
    "country": st.sampled_from(["", "DE", "de", "DEU"]),
    "traffic": st.sampled_from([*TRAFFIC_CLASSES, None, "", "x"]),
    "amount": money,
    "position": st.sampled_from([0, 1, 10_000, 10_001, -1, 1.0, 1.5, "1", None]),
    "goal": numbers,
    "quantity": numbers,
    "duration_s": numbers,
    "params": mappings,
    "properties": mappings,
    "unknown": st.just(1),
}


#: What an event of a type must have.
OWN: dict[str, dict[str, object]] = {
    "watched": {"duration_s": 30.5},
    "performed": {"name": "n"},
    "purchased": {"amount": "1.5"},
}
OF_EVERY_TYPE = [
    {**SENT, "id": f"i{number}", "type": kind, **OWN.get(kind, {})} for number, kind in enumerate(EVENT_TYPES)
]


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A few good events of any type, up to three fields of them changed."""
    events = [dict(draw(st.sampled_from(OF_EVERY_TYPE)), id=f"{number}") for number in range(draw(st.integers(1, 4)))]
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(sorted(FIELDS)))
        draw(st.sampled_from(events))[name] = draw(FIELDS[name])
    return ndjson(*events)


@given(bodies())
@settings(max_examples=250, deadline=None, derandomize=True)
def test_both_ways_make_the_same_of_any_field(body):
    check(body)


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from("0123456789-+:.TZtz ")), min_size=1, max_size=2))
@settings(max_examples=120, deadline=None, derandomize=True)
def test_both_ways_read_the_same_moment_of_any_spelling(changes):
    for time in ("2026-10-05T10:00:00.123456Z", "2026-10-05 23:59:59+05:30"):
        for at, character in changes:
            time = time[:at] + character + time[at + 1 :]
        check(ndjson({**SENT, "time": time}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("time", "2026-10-05T10:00:00.5+05:30"),
        ("time", 1_790_000_000),
        ("time", 1_790_000_000_123.9),
        ("campaign", "ü" * 256),
        ("recipient", '\u2028 \\ "'),
        ("id", "turnout:" + "0a" * 16),
        ("opted_in", False),
        ("amount", "19.990"),
        ("amount", 0.1),
        ("currency", "EUR"),
        ("goal", 3),
        ("quantity", 0),
        ("position", 10_000),
        ("duration_s", 0.0005),
        ("traffic", "bot"),
        ("keyword", "stop"),
        ("bounce", "hard"),
        ("open", ""),
        ("target", "body"),
        ("anonymous", True),
        ("properties", {"a": [1, {"ü": None}]}),
        ("params", {}),
        ("country", "DE"),
        ("order", "o"),
        ("user_agent", "x" * 2048),
        ("url", "https://example.com"),
    ],
)
def test_any_good_field_of_any_type_is_taken_in_bulk(name, value):
    assert check(ndjson(*({**event, name: value} for event in OF_EVERY_TYPE)))


@pytest.mark.parametrize(
    "part",
    [
        b'"campaign":"\\ud800"',
        b'"campaign":"a\\u0000"',
        b'"campaign":"\xff"',
        b'"campaign":"\xed\xa0\x80"',
        b'"campaign":"a\tb"',
        b'"campaign":null',
        b'"campaign":7',
        b'"campaign":""',
        b'"id":""',
        b'"goal":01',
        b'"goal":1.5',
        b'"goal":-1',
        b'"goal":+1',
        b'"goal":1e400',
        b'"duration_s":NaN',
        b'"duration_s":.5',
        b'"duration_s":1.',
        b'"quantity":18446744073709551617',
        b'"type":"opened"',
        b'"unknown":1',
        b'"properties":{"a":1,}',
        b'"properties":{"a":NaN}',
        b'"properties":{"a":"\\ud800"}',
        b'"properties":' + b'{"a":' * 3000 + b"1" + b"}" * 3000,
        b"",
        b"'campaign':1",
        b'"amount":"much"',
        b'"time":"2026-10-05"',
        b'"time":"2026-10-05T10:00:00"',
        b'"time":0',
        b'"time":9e99',
    ],
)
def test_what_is_no_clean_event_is_left_to_the_other_way(part):
    line = ndjson(SENT).rstrip()[:-1] + b"," + part + b"}\n"
    assert bulk("w", ndjson(SENT) + line + ndjson(SENT), LIMIT, NOW) is None


@pytest.mark.parametrize(
    "extra",
    [b"[]", b"7", b"null", b'"x"', b"{}", b"{", b"}", b"\x00", b",", b'{"type":"sent"}', b"\xef\xbb\xbf", b"//"],
)
def test_what_is_no_event_is_left_to_the_other_way(extra):
    assert bulk("w", ndjson(SENT) + extra + b"\n" + ndjson(SENT), LIMIT, NOW) is None


@pytest.mark.parametrize(
    "body",
    [
        ndjson(SENT, SENT),
        ndjson(SENT).rstrip(),
        b"\xef\xbb\xbf" + ndjson(SENT),
        b" \n\n" + ndjson(SENT) + b"  \r\n\n" + ndjson(SENT).replace(b"\n", b"\r\n"),
        json.dumps([SENT, SENT]).encode(),
        b"\xef\xbb\xbf \n" + json.dumps([SENT] * 3, indent=2).encode() + b"\n ",
        ndjson(SENT).replace(b'"campaign"', b'"campai\\u0067n"'),
        ndjson(SENT).replace(b'"r"', b'"r","recipient":"again"'),
        ndjson(SENT, {**SENT, "type": "app_opened", "campaign": ""}),
        ndjson({**SENT, "time": 1_790_000_000}, {**SENT, "time": 1_790_000_000.25}),
    ],
)
def test_the_forms_that_are_taken_in_bulk(body):
    assert check(body)


@pytest.mark.parametrize("body", [b"", b" \n ", b"[]", b"7", b"\xef\xbb\xbf", b"[" * 100])
def test_a_body_without_events_is_left_to_the_other_way(body):
    assert bulk("w", body, LIMIT, NOW) is None


def test_more_events_than_a_request_may_hold_are_left_to_the_other_way():
    body = ndjson(*OF_EVERY_TYPE)
    assert bulk("w", body, len(EVENT_TYPES), NOW) is not None
    assert bulk("w", body, len(EVENT_TYPES) - 1, NOW) is None


@pytest.mark.parametrize(("block_bytes", "chunk_rows"), [(1, 1), (100, 7), (5_000, 100), (131_072, 50)])
def test_blocks_and_chunks_keep_the_order_of_the_body(monkeypatch, block_bytes, chunk_rows):
    monkeypatch.setattr(module, "_BLOCK_BYTES", block_bytes)
    monkeypatch.setattr(module, "_CHUNK_ROWS", chunk_rows)
    lines = next(traffic.bodies(5_000, 300, end=NOW, campaigns=5)).splitlines(keepends=True)
    assert check(b"".join(lines))
    assert check(b"".join(reversed(lines)))
    assert check(ndjson(*OF_EVERY_TYPE, *({**event, "id": f"x{event['id']}"} for event in OF_EVERY_TYPE)))
