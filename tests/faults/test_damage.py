"""Parts of a store are flipped, cut or deleted: the rest is served, nothing is guessed, and what can be is mended."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.faults.conftest import flip, local_client, lose, part_with, parts_with, truncate, until

pytestmark = pytest.mark.embedded("its parts are damaged where they lie in the data directory")

#: More than one index mark stands for, so that some of them can be saved.
COUNT = 5000


def events(campaign: str) -> list[dict[str, object]]:
    return [
        {"type": "sent", "id": f"{campaign}-{number}", "campaign": campaign, "recipient": f"r{number}", "time": number}
        for number in range(1_790_000_000, 1_790_000_000 + COUNT)
    ]


def send(client, campaign):
    """Send a campaign's events, and wait until they are stored as a part of their own."""
    answer = client.post("/v1/events", json=events(campaign))
    if answer.status_code != 200:
        return answer
    until(lambda: totals(client, "sent", campaign=campaign)["sent"] == COUNT)
    return answer.json()["accepted"], answer.json()["duplicates"]


def totals(client, metrics="sent,unique_sent", **query):
    answer = client.get("/v1/stats", params={"metrics": metrics, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()["totals"]


def by_campaign(client):
    answer = client.get("/v1/stats", params={"metrics": "sent,unique_sent", "dimensions": "campaign"})
    assert answer.status_code == 200, answer.text
    return {row["campaign"]: (row["sent"], row["unique_sent"]) for row in answer.json()["rows"]}


def turnout(command: str, data: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "turnout", command, "--data", str(data)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "TURNOUT_URL": ""},
        check=False,
    )
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


def mended_while_it_runs(server, client):
    """A part is cut in half under a running server."""
    assert send(client, "cut") == (COUNT, 0)
    truncate(part_with(server.data, "events", "cut") / "data.bin")

    refused = client.get("/v1/stats", params={"metrics": "unique_sent", "campaign": "cut"})
    assert refused.status_code == 500
    assert refused.json()["error"]["code"] == "store_damaged"
    assert "turnout check" in refused.json()["error"]["hint"]
    assert str(server.data) not in refused.text
    assert totals(client, campaign="whole") == {"sent": COUNT, "unique_sent": COUNT}
    assert send(client, "later") == (COUNT, 0)
    repeated = send(client, "cut")
    assert repeated.status_code == 503, "whether they are known can't be told"
    assert int(repeated.headers["Retry-After"]) > 0

    with local_client(server) as local:
        found = local.post("/v1/check/store").json()
        (part,) = found["damaged"]
        assert (found["sound"], part["table"], part["rows"]) == (False, "events", COUNT)
        assert [(one["workspace"], one["campaign"]) for one in part["held"]] == [("default", "cut")]
        done = local.post("/v1/rebuild/store").json()
        assert done["saved"] > 0
        assert done["saved"] + done["unread"] == COUNT
        assert done["lost"] == [{"workspace": "default", "campaign": "cut", "events": done["unread"]}]
        assert local.post("/v1/check/store").json()["sound"]
    assert totals(client, campaign="cut") == {"sent": done["saved"], "unique_sent": done["saved"]}
    assert send(client, "cut") == (done["unread"], done["saved"])
    assert totals(client, campaign="cut") == {"sent": COUNT, "unique_sent": COUNT}


def test_damage_is_said_and_mended_and_costs_only_what_can_not_be_read(turnout_process, tmp_path):
    server = turnout_process(tmp_path)
    with server.client() as client:
        for campaign in ("whole", "turned", "broken", "vanished"):
            assert send(client, campaign) == (COUNT, 0)
        mended_while_it_runs(server, client)
        denied = client.post("/v1/rebuild/store")
        assert denied.status_code == 403, "of all workspaces, so not for a key of one"
    server.process.terminate()
    assert server.process.wait(30) == 0

    # Bits of the data itself would do too, but the engine takes a second of each try to find which ones they were.
    flip(part_with(tmp_path, "events", "turned") / "skp_idx.packed")
    lose(part_with(tmp_path, "events", "broken") / "count.txt")
    lose(part_with(tmp_path, "events", "vanished"))
    for part in parts_with(tmp_path, "counts", "whole"):
        lose(part / "columns.txt")
    server = turnout_process(tmp_path)
    with server.client() as client:
        # Raw answers alone: the rollup lacks `whole`, and counts events that are gone.
        assert totals(client, campaign="whole") == {"sent": COUNT, "unique_sent": COUNT}
        assert totals(client, campaign="broken,vanished") == {"sent": 0, "unique_sent": 0}
        assert send(client, "turned").status_code == 503

        code, said = turnout("check", tmp_path)
        assert code == 1
        assert f"of events can't be read through: {COUNT:,} rows, of default/turned (2026-09-21T" in said
        assert f"of events ({COUNT:,} rows) in {tmp_path}" in said
        code, said = turnout("rebuild", tmp_path)
        assert code == 0, said
        assert f"{COUNT:,} of their {COUNT:,} events saved, 0 can't be read\n" in said
        assert "rollups equal the raw events" in said

        whole = (COUNT, COUNT)
        there = ("whole", "turned", "cut", "later")
        assert by_campaign(client) == dict.fromkeys(there, whole)
        assert send(client, "turned") == (0, COUNT)
        for campaign in ("broken", "vanished"):
            assert send(client, campaign) == (COUNT, 0)
        assert by_campaign(client) == dict.fromkeys((*there, "broken", "vanished"), whole)
        with local_client(server) as local:
            found = local.post("/v1/check/store").json()
            assert (found["sound"], found["lost"]) == (True, [])
            assert {one["rows"] for one in found["aside"] if one["table"] == "events"} >= {COUNT}
            assert local.post("/v1/check", json={}).json()["differences"] == []
    server.process.terminate()
    assert server.process.wait(30) == 0

    # Without part of the catalog a revoked key might work again, so that is not for a server to shrug off.
    for part in parts_with(tmp_path, "catalog", "default"):
        lose(part / "count.txt")
    with pytest.raises(AssertionError, match=r"error: part of the catalog .* damaged"):
        turnout_process(tmp_path)
