"""A disk that runs full: nothing is taken that could not be kept, reads go on, and nobody has to do anything after."""

from __future__ import annotations

import pytest
from tests.faults.conftest import until

pytestmark = pytest.mark.embedded("it lies on the disk that runs full")

#: The engine wants a mebibyte free before it writes anything; the spool takes any room there is.
ROOM_FOR_THE_SPOOL_ONLY = 400_000


def events(first: int, count: int) -> list[dict[str, object]]:
    return [
        {"type": "sent", "id": str(number), "campaign": "c", "recipient": f"r{number}", "time": "2026-10-05T10:00:00Z"}
        for number in range(first, first + count)
    ]


def send(client, first, count):
    answer = client.post("/v1/events", json=events(first, count))
    assert answer.status_code == 200, answer.text
    return answer.json()["accepted"], answer.json()["duplicates"]


def refused(answer):
    """Not now, in the words of an answer that says when to come back."""
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) > 0
    return answer.json()["error"]["message"]


def ask(client):
    return client.get("/v1/stats", params={"metrics": "sent,unique_sent"})


def counted(client):
    answer = ask(client)
    assert answer.status_code == 200, answer.text
    totals = answer.json()["totals"]
    assert totals["sent"] == totals["unique_sent"]
    return totals["sent"]


def test_a_full_disk_costs_nothing_that_was_acknowledged(small_disk):
    disk = small_disk(64)
    server = disk.serve(TURNOUT_FREE_FLOOR_BYTES="0", TURNOUT_SETTLE_TIMEOUT_S="1")
    with server.client() as client:
        assert send(client, 0, 100) == (100, 0)
        assert counted(client) == 100
        disk.fill(but_bytes=ROOM_FOR_THE_SPOOL_ONLY)
        assert send(client, 100, 20) == (20, 0)
        assert "not counted yet" in refused(ask(client)), "an answer without them would be wrong"
        assert client.get("/readyz").json()["parts"]["writer"] == "the store takes no events: the store's disk is full"
        disk.fill()
        assert "disk" in refused(client.post("/v1/events", json=events(120, 5)))
    server.process.kill()
    server.process.wait()

    disk.fill()
    server = disk.serve(TURNOUT_SETTLE_TIMEOUT_S="1")
    with server.client() as client:
        assert "not counted yet" in refused(ask(client))
        assert client.get("/healthz").status_code == 200
        disk.free()
        until(lambda: ask(client).status_code == 200)
        assert counted(client) == 120
        until(lambda: client.get("/readyz").status_code == 200)
        assert send(client, 90, 35) == (5, 30)
        assert counted(client) == 125

        disk.fill()
        assert "disk" in refused(client.post("/v1/events", json=events(200, 5)))
        assert "disk" in refused(client.put("/v1/campaigns/new", json={"title": "new"}))
        assert counted(client) == 125, "what is stored can be asked for"
        assert client.get("/readyz").status_code == 503
        disk.free()
        assert send(client, 200, 5) == (5, 0)
        assert client.put("/v1/campaigns/new", json={"title": "new"}).status_code == 201
        assert counted(client) == 130
        assert client.post("/v1/check", json={}).json()["differences"] == []
    server.process.terminate()
    assert server.process.wait(30) == 0
