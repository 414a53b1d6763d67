"""Raw events and recipients as streams: what went in comes out, in each format, and can go in again."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from turnout.model import Event
from turnout.stats import export
from turnout.stats.export import EVENT_COLUMNS, Streamed

AWKWARD = "a,b \"q\" 'x' \\ \n\t émoji 🎉 {p0:String}"
FULL: list[dict[str, object]] = [
    {"type": "sent", "opted_in": True, "send_id": AWKWARD, "profile": "p", "traffic": "proxy"},
    {"type": "sent", "opted_in": False, "anonymous": True, "ip": "192.0.2.1", "user_agent": "curl/8"},
    {"type": "bounced", "bounce": "hard", "properties": {"a": {"b": [1, None, "x\\"]}, "é": 1.5, "": ""}},
    {"type": "failed", "failure": "temporary"},
    {"type": "opened", "open": "influenced", "device": "phone", "browser": "Mail", "country": "DE"},
    {"type": "clicked", "target": "body", "url": "https://ex.org/?a=1,2", "link": AWKWARD, "link_title": "L",
     "position": 12, "params": {"utm": "x", "n": [1, 2]}},
    {"type": "replied", "keyword": "stop"},
    {"type": "purchased", "amount": "-0.000001", "currency": "EUR", "order": "o1", "campaign": ""},
    {"type": "purchased", "amount": "0", "currency": "USD", "quantity": 3},
    {"type": "performed", "name": AWKWARD, "campaign": ""},
    {"type": "converted", "goal": 3, "amount": "999999999999.999999", "currency": "JPY"},
    {"type": "watched", "duration_s": 0},
    {"type": "watched", "duration_s": 12.345},
    {"type": "liked", "quantity": 0, "product": "cup"},
    {"type": "clicked", "target": "link", "traffic": "scanner", "rule_version": 1,
     "reasons": ["bare_agent", "many_links_at_once"], "ip": "192.0.2.7", "user_agent": "Mozilla/5.0",
     "country": "FR", "city": "Lyon", "network": "ex", "device": "pc",
     "os": "Linux", "browser": "Firefox", "browser_version": "140.0"},
]  # fmt: skip


CONTEXT = {"country", "city", "network", "device", "os", "browser", "browser_version", "reasons", "rule_version"}


def said() -> list[dict[str, object]]:
    """Events that between them use every field."""
    return [
        {
            "id": f"e{number}",
            "time": f"2026-10-05T10:00:{number:02d}.250Z",
            "campaign": "spring",
            "message": "m1",
            "variation": "a",
            "channel": "email",
            "recipient": f"r{number}@ex.org",
            **event,
        }
        for number, event in enumerate(FULL)
    ]


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def exported(tenant: Any, **query: str) -> list[dict[str, Any]]:
    answer = tenant.client.get("/v1/events", params={name.removesuffix("_"): one for name, one in query.items()})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return lines(answer.text)


def test_an_export_has_a_column_for_every_field_of_an_event() -> None:
    assert list(EVENT_COLUMNS) == list(dict.fromkeys(EVENT_COLUMNS))
    assert set(EVENT_COLUMNS) == set(Event.__struct_fields__)
    assert {name for event in said() for name in event} == set(Event.__struct_fields__)


def test_ndjson_says_what_was_said_and_no_more(tenant: Any) -> None:
    tenant.send(*said())
    found = {event["time"]: event for event in exported(tenant)}
    for event in said():
        back = found[str(event["time"])]
        kept = {name: value for name, value in event.items() if value != ""}
        identity = back.pop("id")
        assert identity.startswith("turnout:")
        kept.pop("id")
        # What is found out from address and program is not what was said.
        found_out = {name for name in back.keys() - kept.keys() if event.get("user_agent")} & CONTEXT
        assert {name: value for name, value in back.items() if name not in found_out} == {"traffic": "human", **kept}


def test_an_export_that_comes_back_is_all_duplicates(tenant: Any) -> None:
    tenant.send(*said(), *({**event, "id": ""} for event in said()))
    body = tenant.client.get("/v1/events").content
    answer = tenant.client.post("/v1/events", content=body).json()
    assert answer == {"accepted": 0, "duplicates": 2 * len(FULL), "rejected": []}


def test_an_export_moves_to_another_workspace_and_comes_back(make_tenant: Callable[..., Any]) -> None:
    ours, theirs = make_tenant(), make_tenant()
    ours.send(*said())
    body = ours.client.get("/v1/events").content
    assert theirs.client.post("/v1/events", content=body).json()["accepted"] == len(FULL)
    assert theirs.client.get("/v1/events").content == body
    asked = "events,recipients,purchase_value,revenue,watched,viewing_time_s,sent_opted_in,replied_stop,bounced_hard"
    for name in ("campaign", "link", "name", "traffic", "country", "minute"):
        assert theirs.stats(asked, dimensions=name)["rows"] == ours.stats(asked, dimensions=name)["rows"]


def test_events_come_in_order_and_only_those_asked_for(tenant: Any) -> None:
    tenant.send(*reversed(said()))
    times = [(event.get("campaign", ""), event["type"], event["time"]) for event in exported(tenant)]
    assert times == sorted(times)
    assert {event["type"] for event in exported(tenant, type="sent,watched")} == {"sent", "watched"}
    assert [event["traffic"] for event in exported(tenant, traffic="proxy")] == ["proxy"]
    assert [event["type"] for event in exported(tenant, country="DE")] == ["opened"]
    assert len(exported(tenant, campaign="")) == 2
    inside = exported(tenant, from_="2026-10-05T10:00:02.250Z", to="2026-10-05T10:00:04.250Z")
    assert [event["type"] for event in inside] == ["bounced", "failed"]
    assert exported(tenant, day="2026-10-06", timezone="Asia/Tokyo") == []
    assert len(exported(tenant, day="2026-10-06", timezone="Pacific/Kiritimati")) == len(FULL)


def test_csv_and_parquet_have_the_same_rows(tenant: Any) -> None:
    tenant.send(*said())
    answer = tenant.client.get("/v1/events", params={"format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "events.csv" in answer.headers["content-disposition"]
    by_csv = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    answer = tenant.client.get("/v1/events", headers={"Accept": "application/vnd.apache.parquet"})
    assert "events.parquet" in answer.headers["content-disposition"]
    table = pq.read_table(pa.BufferReader(answer.content))
    assert list(by_csv[0]) == table.column_names == list(EVENT_COLUMNS)
    assert len(by_csv) == table.num_rows == len(FULL)
    for name in ("id", "type", "time", "link", "name", "recipient", "params", "order"):
        assert [row[name] for row in by_csv] == [value or "" for value in table.column(name).to_pylist()]
    assert {row["link"] for row in by_csv} == {"", AWKWARD}
    assert {row["amount"] for row in by_csv} == {"", "-0.000001", "0", "999999999999.999999"}


@pytest.mark.parametrize("path", ["/v1/events", "/v1/campaigns/none/recipients"])
def test_nothing_is_a_whole_file_too(tenant: Any, path: str) -> None:
    assert tenant.client.put("/v1/campaigns/none", json={}).status_code in (200, 201)
    assert tenant.client.get(path).content == b""
    header = tenant.client.get(path, params={"format": "csv"}).text
    assert "recipient" in header
    assert header.count("\n") == 1
    table = pq.read_table(pa.BufferReader(tenant.client.get(path, params={"format": "parquet"}).content))
    assert table.num_rows == 0
    assert "recipient" in table.column_names


# ---- who did, and who did not -----------------------------------------------------------------------

TOUCHES = [
    ("ann", "sent", "2026-10-01", "human"), ("ann", "opened", "2026-10-02", "human"),
    ("ann", "opened", "2026-10-03", "human"), ("ann", "clicked", "2026-10-04", "human"),
    ("bob", "sent", "2026-10-01", "human"), ("bob", "opened", "2026-10-02", "human"),
    ("bob", "clicked", "2026-10-02", "scanner"), ("eve", "sent", "2026-10-01", "human"),
    ("eve", "opened", "2026-10-05", "prefetch"), ("kim\n\\", "sent", "2026-10-01", "human"),
    ("kim\n\\", "unsubscribed", "2026-10-09", "bot"), ("", "opened", "2026-10-02", "human"),
]  # fmt: skip


@pytest.fixture
def touched(tenant: Any) -> Any:
    for campaign in ("spring", "autumn"):
        tenant.send(
            *(
                {"recipient": who, "type": kind, "time": day, "traffic": traffic, "campaign": campaign}
                for who, kind, day, traffic in (TOUCHES if campaign == "spring" else TOUCHES[:1])
            )
        )
    return tenant


@pytest.mark.parametrize(
    ("query", "who"),
    [
        ({}, ["ann", "bob", "eve", "kim\n\\"]),
        ({"did": "opened"}, ["ann", "bob"]),
        ({"did": "opened", "traffic": "all"}, ["ann", "bob", "eve"]),
        ({"did": "opened", "did_not": "clicked"}, ["bob"]),
        ({"did": "opened", "did_not": "clicked", "traffic": "all"}, ["eve"]),
        ({"did": "sent", "did_not": "opened"}, ["eve", "kim\n\\"]),
        ({"did": "opened,clicked_link"}, ["ann"]),
        ({"did": "unsubscribed"}, ["kim\n\\"]),
        ({"did_not": "opened,unsubscribed"}, ["eve"]),
        ({"did": "opened", "from": "2026-10-03"}, ["ann"]),
        ({"did": "opened", "to": "2026-10-02"}, []),
        ({"did": "opened", "day": "2026-10-02,2026-10-03"}, ["ann", "bob"]),
        ({"did": "sent", "did_not": "sent"}, []),
    ],
)
def test_who_did_and_did_not(touched: Any, query: dict[str, str], who: list[str]) -> None:
    answer = touched.client.get("/v1/campaigns/spring/recipients", params=query)
    assert answer.status_code == 200, answer.text
    assert [row["recipient"] for row in lines(answer.text)] == who


def test_when_and_how_often_they_did(touched: Any) -> None:
    answer = touched.client.get("/v1/campaigns/spring/recipients", params={"did": "opened", "did_not": "unsubscribed"})
    assert lines(answer.text) == [
        {
            "recipient": "ann",
            "first_at": "2026-10-02T00:00:00.000Z",
            "last_at": "2026-10-03T00:00:00.000Z",
            "events": 2,
        },
        {
            "recipient": "bob",
            "first_at": "2026-10-02T00:00:00.000Z",
            "last_at": "2026-10-02T00:00:00.000Z",
            "events": 1,
        },
    ]
    table = touched.client.get("/v1/campaigns/spring/recipients", params={"did": "sent,clicked", "format": "csv"}).text
    assert list(csv.reader(io.StringIO(table, newline=""))) == [
        ["recipient", "first_at", "last_at", "events"],
        ["ann", "2026-10-01T00:00:00.000Z", "2026-10-04T00:00:00.000Z", "2"],
    ]


# ---- streaming --------------------------------------------------------------------------------------


class Batches:
    """An engine of one endless answer."""

    def __init__(self, count: int) -> None:
        self.given = 0
        self._count = count

    def batches(self, sql: str, parameters: object) -> Iterator[pa.RecordBatch]:
        while self.given < self._count:
            self.given += 1
            yield pa.record_batch({"n": list(range(1000)), "text": [f"{self.given}-{n}" for n in range(1000)]})


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_batch_is_sent_before_the_next_is_asked_for(form: str) -> None:
    engine = Batches(50)
    whole = b""
    for number, chunk in enumerate(export.chunks(engine, Streamed("", "x", {}), form), start=1):  # type: ignore[arg-type]
        assert engine.given == min(number, 50)
        assert len(chunk) < 60_000
        whole += chunk
    if form == "csv":
        assert whole.count(b"\n") == 50_001
    else:
        table = pq.read_table(pa.BufferReader(whole))
        assert table.column("n").to_pylist() == list(range(1000)) * 50
        assert pq.ParquetFile(pa.BufferReader(whole)).num_row_groups == 50
