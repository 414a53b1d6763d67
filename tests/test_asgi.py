"""What holds for every room at the door: names of requests, limits, and a log without secrets. Over real sockets."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import json
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import pytest

from turnout import logs
from turnout.dialects.contract import Example, Shown
from turnout.dialects.registry import ROOMS
from turnout.model import CampaignFields

ROOM_NAMES = [room.name for room in ROOMS if any(route.scopes for route in room.routes)]
SENT = {"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "spring", "recipient": "r"}


@dataclass(frozen=True)
class Asked:
    """A request that each room would answer, of a tenant with one campaign."""

    room: str
    path: str
    headers: dict[str, str]


@pytest.fixture
def asked(house, tenant):
    """`asked("braze")`: how a client of that room asks."""
    fields = CampaignFields(channels=("push", "email", "live"), scheduled_at=dt.datetime(2026, 10, 5, tzinfo=dt.UTC))
    campaign = house.services.catalog.put_campaign(tenant.workspace.id, "spring", fields)
    shown = Shown(tenant.workspace, tenant.key, (campaign,), dt.datetime.now(dt.UTC))

    def make(name):
        (room,) = (room for room in ROOMS if room.name == name)
        own = Example("/v1/campaigns", {"Authorization": f"Bearer {tenant.key}"})
        example = room.example(shown) if room.example is not None else own
        return Asked(name, example.path, example.headers)

    return make


@pytest.fixture
def log():
    """Everything that is logged, from debug up, as JSON lines: `log()` reads it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonFormatter())
    # The clients of these tests log in the same process.
    handler.addFilter(lambda record: not record.name.startswith(("httpx", "httpcore")))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(before)


def raw(url, data, timeout_s=10):
    """Send bytes; what comes back until the other side closes."""
    where = urlsplit(url)
    with socket.create_connection((where.hostname, where.port), timeout=timeout_s) as connection:
        connection.sendall(data)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


# ---- names --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", ROOM_NAMES)
def test_every_answer_and_every_line_names_its_request(url, asked, log, room):
    mine = asked(room)
    given = {"X-Request-ID": f"mine-{room}"}
    good = httpx.get(url + mine.path, headers={**mine.headers, **given})
    assert good.status_code == 200, good.text
    bad = httpx.get(url + urlsplit(mine.path).path, headers={**given})
    assert bad.status_code == 401, bad.text
    gone = httpx.get(f"{url}{urlsplit(mine.path).path}/no/such/place", headers=given)
    assert gone.status_code in (400, 401, 404)
    for answer in (good, bad, gone):
        assert answer.headers.get_list("x-request-id") == [f"mine-{room}"]
    lines = [line for line in log() if line.get("request_id") == f"mine-{room}" and line["logger"] == "turnout.access"]
    assert [line["status"] for line in lines] == [200, 401, gone.status_code]
    assert lines[0]["route"].startswith("/")
    assert lines[0]["bytes"] == len(good.content)
    assert lines[0]["workspace"]
    assert "workspace" not in lines[1]


def test_requests_side_by_side_keep_their_names(url, log):
    """Also in what is logged by threads that work for them."""

    def ask(name):
        with httpx.Client(base_url=url, headers={"X-Request-ID": name}) as client:
            for _ in range(20):
                assert client.get("/readyz").headers["x-request-id"] == name

    threads = [threading.Thread(target=ask, args=(f"n{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    named = [line["request_id"] for line in log() if line.get("route") == "/readyz"]
    assert sorted(named) == sorted([f"n{number}" for number in range(4)] * 20)


def test_work_in_threads_is_named_too(house):
    async def work():
        logs.request_id.set("t-1")
        return await house.services.run(logs.request_id.get), await house.services.unpack(logs.request_id.get)

    assert asyncio.run(work()) == ("t-1", "t-1")


def test_what_fails_is_logged_with_its_name_and_told_without_its_words(url, tenant, log, monkeypatch, house):
    def broken(workspace):
        raise RuntimeError("the words of the failure")

    monkeypatch.setattr(house.services.catalog, "campaigns", broken)
    answer = tenant.client.get("/v1/campaigns", headers={"X-Request-ID": "f-1"})
    assert answer.status_code == 500
    assert "words" not in answer.text
    (line,) = [line for line in log() if line["level"] == "error"]
    assert line["request_id"] == answer.headers["x-request-id"] == "f-1"
    assert "the words of the failure" in line["exception"]


# ---- the log --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", ROOM_NAMES)
def test_no_secret_is_ever_logged(url, house, tenant, asked, log, room):
    mine = asked(room)
    token = mine.headers.get("Authorization", "").removeprefix("Bearer ")
    body = {"api_key": tenant.key, "access-token": tenant.key}
    with httpx.Client(base_url=url) as client:
        assert client.get(mine.path, headers=mine.headers).status_code == 200
        client.get(f"{mine.path}&broken=%ff" if "?" in mine.path else f"{mine.path}?broken=%ff", headers=mine.headers)
        client.get(mine.path + "/nowhere", headers=mine.headers)
        client.delete(mine.path, headers=mine.headers)
        client.request("GET", mine.path, json=body)
        client.get(mine.path, params=body, headers={"Cookie": tenant.key, "X-API-Key": tenant.key})
        client.post("/v1/events", params=body, content=json.dumps([SENT | body]), headers=mine.headers)
    text = "\n".join(json.dumps(line) for line in log())
    assert text.count("turnout.access") >= 7
    for secret in filter(None, (tenant.key, token, tenant.workspace.signing_secret)):
        assert secret not in text


def test_slow_requests_are_warned_of_and_the_rest_is_not(served_with, tenant, log):
    url = served_with(slow_request_ms=1)
    header = {"Authorization": f"Bearer {tenant.key}"}
    assert httpx.get(f"{url}/v1/stats", params={"metrics": "unique_sent"}, headers=header).status_code == 200
    (line,) = [line for line in log() if line["message"] == "slow request"]
    assert (line["level"], line["route"], line["key"] != tenant.key) == ("warning", "/v1/stats", True)
    assert line["duration_ms"] >= 1


def test_requests_may_be_logged_without_debugging(served_with, tenant, log):
    url = served_with(log_requests=1)
    assert httpx.get(f"{url}/healthz").status_code == 200
    (line,) = [line for line in log() if line.get("route") == "/healthz"]
    assert line["level"] == "info"


# ---- limits -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", ROOM_NAMES)
def test_too_many_requests_of_a_key_are_refused_in_the_room_s_own_shape(served_with, house, asked, room):
    url = served_with(key_limit_requests_per_s=1)
    mine = asked(room)
    with httpx.Client(base_url=url, headers=mine.headers) as client:
        answers = [client.get(mine.path) for _ in range(7)]
    assert {answer.status_code for answer in answers} == {200, 429}, answers[0].text
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["content-type"].startswith("application/json")
    bad = httpx.get(url + urlsplit(mine.path).path)
    assert bad.status_code == 401
    # The same shape that the room gives its other refusals.
    assert set(refused.json()) == set(bad.json())
    counted = house.services.telemetry.registry.get_sample_value(
        "turnout_requests_refused_total", {"room": room, "reason": "rate_limited"}
    )
    assert counted >= 1


def test_keys_are_limited_apart_and_what_needs_no_key_is_not(served_with, make_tenant):
    url = served_with(key_limit_requests_per_s=1)
    first, second = ({"Authorization": f"Bearer {make_tenant().key}"} for _ in range(2))
    with httpx.Client(base_url=url) as client:
        assert [client.get("/v1/keys", headers=first).status_code for _ in range(7)][-1] == 429
        assert client.get("/v1/keys", headers=second).status_code == 200
        assert [client.get("/healthz", headers=first).status_code for _ in range(7)] == [200] * 7


def test_too_many_events_are_refused_whole_before_any_is_taken(served_with, tenant):
    url = served_with(key_limit_events_per_s=2)
    batch = [SENT | {"id": str(number)} for number in range(10)]
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {tenant.key}"}) as client:
        assert client.post("/v1/events", json=batch[:6]).json()["accepted"] == 6
        refused = client.post("/v1/events", json=batch)
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "rate_limited"
        assert int(refused.headers["retry-after"]) in (2, 3)
    # The ordinary server, with no such limit: nothing of the refused ones is known.
    assert tenant.send(*batch) == {"accepted": 4, "duplicates": 6, "rejected": []}


def test_guessing_ends_and_nobody_is_locked_out_by_it(served_with, make_tenant):
    url = served_with(attempts_limit_per_minute=3, proxy_hops=1)
    known, other = make_tenant(), make_tenant()

    def ask(key, address):
        headers = {"Authorization": f"Bearer {key}", "X-Forwarded-For": f"198.51.100.1, {address}"}
        return client.get("/v1/keys", headers=headers)

    with httpx.Client(base_url=url) as client:
        assert ask(known.key, "203.0.113.7").status_code == 200
        assert [ask(f"guess{n}", "203.0.113.7").status_code for n in range(5)] == [401, 401, 401, 429, 429]
        guessed = ask(other.key, "203.0.113.7")
        assert guessed.status_code == 429
        assert 1 <= int(guessed.headers["retry-after"]) <= 60
        assert ask("guess", "203.0.113.7").json() == guessed.json()
        assert ask(known.key, "203.0.113.7").status_code == 200
        assert ask(other.key, "203.0.113.8").status_code == 200


# ---- bodies and connections -------------------------------------------------------------------------------


def head(tenant, length):
    return (
        f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {tenant.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def test_a_body_that_does_not_come_is_not_waited_for(served_with, tenant):
    url = served_with(body_timeout_s=1)
    answer = raw(url, head(tenant, 100) + b'[{"type"')
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"body_timeout" in answer


def test_bodies_over_the_bound_are_refused_before_they_are_read(served_with, tenant, house):
    url = served_with(inflight_limit_bytes=1000, body_timeout_s=2)
    where = urlsplit(url)
    in_flight = house.services.telemetry.body_bytes_in_flight
    with socket.create_connection((where.hostname, where.port)) as first:
        first.sendall(head(tenant, 900) + b"[")
        until = time.monotonic() + 5
        while in_flight.collect()[0].samples[0].value != 900 and time.monotonic() < until:
            time.sleep(0.01)
        answer = raw(url, head(tenant, 900))
        assert answer.startswith(b"HTTP/1.1 503 "), answer
        assert b"retry-after: 1" in answer
        # What is small enough is taken meanwhile.
        body = json.dumps([SENT]).encode()
        small = raw(url, head(tenant, len(body)).replace(b"Host", b"Connection: close\r\nHost") + body)
        assert small.startswith(b"HTTP/1.1 200 "), small
    header = {"Authorization": f"Bearer {tenant.key}"}
    while in_flight.collect()[0].samples[0].value and time.monotonic() < until:
        time.sleep(0.01)
    # Alone, a larger one is taken too, with its length or without.
    large = json.dumps([SENT | {"id": str(number)} for number in range(50)]).encode()
    assert httpx.post(f"{url}/v1/events", content=large, headers=header).status_code == 200
    assert httpx.post(f"{url}/v1/events", content=iter([large, b" "]), headers=header).status_code == 200
    assert in_flight.collect()[0].samples[0].value == 0


def test_too_many_requests_at_once_are_refused_and_health_is_not(served_with, tenant):
    url = served_with(inflight_limit_requests=0)
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {tenant.key}"}) as client:
        refused = client.get("/v1/keys")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert client.get("/healthz").status_code == 200


def test_idle_connections_and_endless_heads_are_closed(served_with):
    url = served_with(header_timeout_s=1, header_limit_bytes=8192)
    begun = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
    with ThreadPoolExecutor() as at_once:
        nothing, part, idle = at_once.map(lambda data: raw(url, data), (b"", begun, begun + b"\r\n"))
    assert (nothing, part) == (b"", b"")
    assert idle.startswith(b"HTTP/1.1 200 ")
    endless = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 300_000 + b"\r\n\r\n"
    try:
        answer = raw(url, endless)
    except OSError:
        # It was closed while it still came.
        answer = b""
    assert b" 200 " not in answer


def test_no_more_connections_are_served_than_there_may_be(served_with):
    url = served_with(connection_limit=128)
    where = urlsplit(url)
    held = [socket.create_connection((where.hostname, where.port), timeout=5) for _ in range(128)]
    try:
        # Each is being served: the first byte of an answer shows it.
        for connection in held:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(1)
        with socket.create_connection((where.hostname, where.port), timeout=0.3) as one_more:
            one_more.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            with pytest.raises(TimeoutError):
                one_more.recv(1)
            held.pop().close()
            one_more.settimeout(5)
            assert one_more.recv(1) == b"H"
    finally:
        for connection in held:
            connection.close()
