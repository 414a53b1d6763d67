"""Liveness, readiness that names what is wrong, and the counters."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import httpx
import pytest

from turnout.dialects.native import health
from turnout.errors import Overloaded

FINE = {"server": "ok", "store": "ok", "writer": "ok", "disk": "ok"}


def test_a_server_that_works_is_ready(url):
    answer = httpx.get(f"{url}/readyz")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["parts"]) == ("ready", FINE)


def not_ready(url, **wrong):
    answer = httpx.get(f"{url}/readyz", timeout=30)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    body = answer.json()
    assert body["status"] == "not ready"
    assert body["parts"] == FINE | wrong
    # It lives all the same.
    assert httpx.get(f"{url}/healthz").json()["status"] == "ok"


def test_a_disk_that_is_nearly_full_is_said(served_with, house):
    url = served_with(free_floor_bytes=1 << 60)
    answer = httpx.get(f"{url}/readyz")
    assert answer.status_code == 503
    parts = answer.json()["parts"]
    assert parts["disk"].endswith(f"bytes are free, less than {1 << 60}")
    assert {name: state for name, state in parts.items() if name != "disk"} == {
        name: state for name, state in FINE.items() if name != "disk"
    }


def test_a_writer_that_takes_no_events_is_said_in_its_own_words(url, house, monkeypatch):
    monkeypatch.setattr(house.services.writer, "health", lambda: "the spool is full", raising=False)
    not_ready(url, writer="the spool is full")


def test_a_store_that_refuses_is_said(url, house, monkeypatch):
    def refuse():
        raise Overloaded("the store is too busy")

    monkeypatch.setattr(house.services.events, "count", refuse)
    not_ready(url, store="the store is too busy")


def test_a_store_that_hangs_is_said_in_time_and_asked_once(url, house, monkeypatch):
    asked, answer = [], threading.Event()

    def hang():
        asked.append(1)
        assert answer.wait(30)

    monkeypatch.setattr(health, "STORE_TIMEOUT_S", 0.2)
    monkeypatch.setattr(house.services.events, "count", hang)
    try:
        for _ in range(3):
            not_ready(url, store="no answer within 0.2 seconds")
    finally:
        answer.set()
    assert len(asked) == 1
    until = time.monotonic() + 10
    while httpx.get(f"{url}/readyz").status_code != 200:
        assert time.monotonic() < until


def test_a_server_that_stops_is_not_ready(house, monkeypatch):
    import asyncio

    from starlette.requests import Request

    from turnout.dialects.contract import Call

    services = replace(house.services, is_ready=lambda: False)
    request = Request({"type": "http", "method": "GET", "path": "/readyz", "headers": []})
    answer = asyncio.run(health.readyz(Call(request, services, None)))
    assert answer.status_code == 503
    assert b'"server":"starting or stopping"' in answer.body


# ---- counters -------------------------------------------------------------------------------------------


def scraped(url):
    """Every sample by its name and labels."""
    text = httpx.get(f"{url}/metrics").text
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line[0] != "#"}


def test_every_stage_is_counted(served_with, tenant):
    url = served_with()
    before = scraped(url)
    tenant.send({"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "spring", "recipient": "r"})
    for _ in range(2):
        tenant.stats("sent")
    tenant.stats("peak_concurrent_viewers")
    assert httpx.get(f"{url}/v1/keys", headers={"Authorization": "Bearer wrong"}).status_code == 401
    after = scraped(url)

    def grew(name):
        return after[name] - before.get(name, 0)

    assert grew("turnout_events_accepted_total") == 1
    assert grew('turnout_question_seconds_count{source="cache"}') == 1
    assert grew('turnout_question_seconds_count{source="rollup"}') == 1
    assert grew('turnout_question_seconds_count{source="raw"}') == 1
    assert grew('turnout_requests_unauthenticated_total{room="native"}') == 1
    assert grew('turnout_engine_seconds_count{kind="insert"}') >= 1
    assert grew('turnout_engine_seconds_count{kind="query"}') >= 1
    assert after["turnout_requests_in_flight"] == 1
    assert after["process_resident_memory_bytes"] > 1 << 20
    assert after["turnout_disk_free_bytes"] > 0
    assert after["turnout_filter_bytes"] > 0
    assert after["turnout_filter_ids"] > 0


def test_the_sizes_of_tables_are_measured_anew(url, house, tenant, monkeypatch):
    monkeypatch.setattr(health, "SIZES_FRESH_S", 0)
    tenant.send({"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "spring", "recipient": "r"})
    # Asking waits until what was sent is stored.
    tenant.stats("sent")
    found = scraped(url)
    for table in ("events", "counts"):
        for what in ("rows", "parts", "bytes"):
            assert found[f'turnout_table_{what}{{table="{table}"}}'] > 0
    assert found['turnout_table_rows{table="events"}'] >= 1


def test_a_scrape_does_not_wait_for_a_store_that_hangs(url, house, monkeypatch):
    answer = threading.Event()
    monkeypatch.setattr(health, "SIZES_FRESH_S", 0)
    monkeypatch.setattr(health, "SIZES_TIMEOUT_S", 0.1)
    monkeypatch.setattr(health.inventory, "tables", lambda engine: answer.wait(30) and [])
    try:
        for _ in range(3):
            started = time.monotonic()
            assert "turnout_requests_total" in httpx.get(f"{url}/metrics").text
            assert time.monotonic() - started < 5
    finally:
        answer.set()


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_none_of_it_needs_a_key(url, path):
    assert httpx.get(url + path).status_code == 200
