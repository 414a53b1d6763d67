"""The wall clock jumps, an hour back and a day ahead: what is counted, kept and revoked stays as it was said last."""

from __future__ import annotations

import os
import subprocess
import sys

#: A house on a clock of its own, which this sets; it lives in a process of its own, as the engine allows one directory.
HOUSE = """
import contextlib, datetime as dt, os, sys
from pathlib import Path
import httpx
from turnout import app
from turnout.cli.connection import background
from turnout.settings import Settings

AT_FIRST = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
now = AT_FIRST


@contextlib.contextmanager
def opened():
    store = os.environ.get("TURNOUT_STORE", "")
    house = app.open_house(Settings(data=Path(sys.argv[1]), store=store, port=0, api_key="k"), clock=lambda: now)
    with background(house) as url, httpx.Client(base_url=url, headers={"Authorization": "Bearer k"}) as client:
        yield client


def send(client, *names):
    events = [{"type": "sent", "time": "2026-11-01T09:00:00Z", "campaign": "c", "recipient": name} for name in names]
    answer = client.post("/v1/events", json=events).json()
    return answer["accepted"], answer["duplicates"]


def title(client, new):
    client.put("/v1/campaigns/c", json={"title": new}).raise_for_status()


def is_known(client, key):
    return client.get("/v1/campaigns", headers={"Authorization": f"Bearer {key}"}).status_code == 200


with opened() as client:
    title(client, "first")
    assert send(client, "a", "b") == (2, 0)
    key = client.post("/v1/keys", json={"name": "short-lived"}).json()
    assert is_known(client, key["secret"])

    now = AT_FIRST + dt.timedelta(days=1)
    title(client, "ahead")
    assert send(client, "a", "c") == (1, 1)

    now = AT_FIRST - dt.timedelta(hours=1)
    title(client, "back")
    client.delete("/v1/keys/" + key["id"]).raise_for_status()
    assert not is_known(client, key["secret"])
    assert send(client, "b", "c", "d") == (1, 2)
    assert client.get("/v1/campaigns/c").json()["title"] == "back"
    asked = client.get("/v1/stats", params={"metrics": "sent,unique_sent"}).json()
    assert asked["totals"] == {"sent": 4, "unique_sent": 4}

now = AT_FIRST - dt.timedelta(hours=2)
with opened() as client:
    assert client.get("/v1/campaigns/c").json()["title"] == "back", "what was said last, not what was dated last"
    assert not is_known(client, key["secret"])
    assert send(client, "a", "b", "c", "d", "e") == (1, 4)
    asked = client.get("/v1/stats", params={"metrics": "sent,unique_sent"}).json()
    assert asked["totals"] == {"sent": 5, "unique_sent": 5}
    assert len(client.get("/v1/events").text.splitlines()) == 5
print("as said")
"""


def test_a_clock_that_jumps_changes_nothing_that_was_said(tmp_path, store_of):
    ended = subprocess.run(
        [sys.executable, "-c", HOUSE, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "TURNOUT_URL": "", **store_of(tmp_path)},
    )
    assert ended.stdout == "as said\n", ended.stderr
