"""The whole of Turnout with its store behind a URL: the program, its HTTP API, a server's protocol."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading

import pytest

START = 1_791_200_000


def events(first: int, count: int, campaign: str = "spring") -> list[dict[str, object]]:
    return [
        {
            "type": ("sent", "opened", "clicked")[number % 3],
            "time": START + number * 61,
            "campaign": campaign,
            "id": f"e{number}",
            "recipient": f"r'{number // 3}\"\\é",
            "amount": "0.10",
        }
        for number in range(first, first + count)
    ]


@pytest.fixture
def server(turnout_process, standin, tmp_path):
    return turnout_process(tmp_path / "one", TURNOUT_STORE=standin.new_database())


def test_events_in_exact_statistics_out(server, turnout_process, standin):
    with server.client() as client:

        def post(batch: list[dict[str, object]]) -> tuple[int, int]:
            answer = client.post(
                "/v1/events", content=gzip.compress(json.dumps(batch).encode()), headers={"Content-Encoding": "gzip"}
            )
            assert answer.status_code == 200, answer.text
            body = answer.json()
            assert body["rejected"] == []
            return body["accepted"], body["duplicates"]

        def totals(**query: str) -> dict[str, int]:
            asked = {"metrics": "sent,opened,clicked,unique_sent", **query}
            answer = client.get("/v1/stats", params=asked)
            assert answer.status_code == 200, answer.text
            return answer.json()["totals"]

        # Duplicates: in a batch, of a batch, few and very many at once, and of another campaign's.
        assert post(events(0, 3)) == (3, 0)
        assert post(events(0, 3)) == (0, 3)
        assert post([*events(0, 6), *events(3, 3)]) == (3, 6)
        assert post(events(0, 30_000)) == (29_994, 6)
        assert post(events(0, 30_000)) == (0, 30_000)
        assert post(events(0, 150, campaign="other")) == (0, 150)

        # An answer is kept until the store says that there are more events.
        assert totals() == {"sent": 10_000, "opened": 10_000, "clicked": 10_000, "unique_sent": 10_000}
        assert post(events(30_000, 3)) == (3, 0)
        assert totals()["sent"] == 10_001
        assert totals(campaign="other")["sent"] == 0

        rows = client.get(
            "/v1/stats", params={"metrics": "sent", "dimensions": "day", "timezone": "Asia/Kolkata"}
        ).json()
        assert sum(row["sent"] for row in rows["rows"]) == 10_001
        assert len(rows["rows"]) > 20

        put = client.put("/v1/campaigns/autumn", json={"title": "Herbst'\"\\", "channels": ["email"]})
        assert put.status_code == 201, put.text
        names = {one["id"]: one["title"] for one in client.get("/v1/campaigns").json()["campaigns"]}
        assert names == {"spring": "spring", "autumn": "Herbst'\"\\"}

        who = client.get("/v1/campaigns/spring/recipients", params={"did": "sent", "did_not": "clicked"})
        assert who.text == ""
        exported = client.get("/v1/events").text.splitlines()
        assert len(exported) == 30_003
        assert client.get("/v1/events", params={"format": "parquet"}).content[:4] == b"PAR1"
        assert client.get("/v1/events", params={"format": "csv"}).text.count("\n") == 30_004

        checked = client.post("/v1/check", json={}).json()
        assert (checked["events"], checked["differences"]) == (30_003, [])
        assert client.post("/v1/rebuild", json={}).json()["differences"] == []
        assert client.get("/readyz").status_code == 200


def test_the_same_events_of_another_workspace_are_others(server):
    with server.client() as client:
        # In the order of the table, so that they come out as they went in.
        assert client.post("/v1/events", json=events(0, 30)[::3]).json()["accepted"] == 10
        exported = client.get("/v1/events").content
        local = {"Authorization": f"Bearer {json.loads((server.data / 'owner.json').read_text())['token']}"}
        made = client.post("/v1/workspaces", json={"id": "other"}, headers=local)
        mine = {"Authorization": f"Bearer {made.json()['api_key']}"}
        for accepted in (10, 0):
            assert client.post("/v1/events", content=exported, headers=mine).json()["accepted"] == accepted
            asked = client.get("/v1/stats", params={"metrics": "sent,unique_sent"}, headers=mine)
            assert asked.json()["totals"] == {"sent": 10, "unique_sent": 10}


def test_a_batch_whose_answer_was_lost_counts_once(server, standin):
    with server.client() as client:
        for when, first in (("after", 0), ("before", 30)):
            standin.break_next("INSERT INTO events", when)
            answer = client.post("/v1/events", json=events(first, 30)).json()
            assert (answer["accepted"], answer["duplicates"]) == (30, 0)
            answer = client.post("/v1/events", json=events(0, first + 30)).json()
            assert (answer["accepted"], answer["duplicates"]) == (0, first + 30)
            assert client.get("/v1/stats", params={"metrics": "events"}).json()["totals"] == {"events": first + 30}
        assert client.get("/v1/stats", params={"metrics": "sent,unique_sent"}).json()["totals"] == {
            "sent": 20,
            "unique_sent": 20,
        }
        assert client.post("/v1/check", json={}).json()["differences"] == []


def test_what_was_stored_is_there_for_the_next_process(turnout_process, standin, tmp_path):
    database = standin.new_database()
    first = turnout_process(tmp_path / "one", TURNOUT_STORE=database)
    with first.client() as client:
        assert client.post("/v1/events", json=events(0, 30)).json()["accepted"] == 30
        assert client.get("/v1/stats", params={"metrics": "sent"}).json()["totals"] == {"sent": 10}
    first.process.kill()
    first.process.wait()
    # On another machine: nothing but the store is the same.
    second = turnout_process(tmp_path / "two", TURNOUT_STORE=database)
    with second.client() as client:
        assert client.post("/v1/events", json=events(0, 33)).json()["duplicates"] == 30
        assert client.get("/v1/stats", params={"metrics": "sent"}).json()["totals"] == {"sent": 11}
        assert [one["id"] for one in client.get("/v1/campaigns").json()["campaigns"]] == ["spring"]


def test_the_same_events_from_many_senders_at_once_count_once(server):
    accepted = []

    def send() -> None:
        with server.client() as client:
            for first in range(0, 300, 50):
                accepted.append(client.post("/v1/events", json=events(first, 50)).json()["accepted"])

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(accepted) == 300
    with server.client() as client:
        assert client.get("/v1/stats", params={"metrics": "sent"}).json()["totals"] == {"sent": 100}


def test_an_unreachable_store_ends_the_start_with_what_to_do(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "turnout", "serve", "--data", str(tmp_path), "--port", "0"],
        env={**os.environ, "TURNOUT_STORE": "clickhouse://u:hunter2@127.0.0.1:1/default"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = " ".join((ended.stdout + ended.stderr).split())
    assert ended.returncode != 0
    assert "no ClickHouse server answers at 127.0.0.1:1" in said
    assert "TURNOUT_STORE" in said
    assert "hunter2" not in said
    assert "Traceback" not in said
