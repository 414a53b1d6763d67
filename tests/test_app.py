"""The whole server as a process: first start, restart, draining, and a second one on the same directory."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time

import httpx
import pytest

EVENT = {"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "spring"}


def stop(server, how=signal.SIGTERM):
    server.process.send_signal(how)
    return server.process.wait(30)


def test_what_was_acknowledged_is_there_after_a_restart(turnout_process, tmp_path):
    server = turnout_process(tmp_path)
    with server.client() as client:
        client.post("/v1/events", json=[{**EVENT, "recipient": f"r{number}"} for number in range(100)])
    assert stop(server) == 0
    server = turnout_process(tmp_path)
    with server.client() as client:
        assert client.get("/readyz").json()["status"] == "ready"
        again = client.post("/v1/events", json=[{**EVENT, "recipient": f"r{number}"} for number in range(110)])
        assert again.json() == {"accepted": 10, "duplicates": 100, "rejected": []}
        totals = client.get("/v1/stats", params={"metrics": "sent,unique_sent"}).json()["totals"]
        assert totals == {"sent": 110, "unique_sent": 110}


def test_a_store_that_another_is_half_moved_into_is_not_served(tmp_path):
    script = (
        "import sys; from pathlib import Path; from turnout import app; from turnout.settings import Settings\n"
        "from turnout.store.moving_progress import Progress\n"
        "settings = Settings(data=Path(sys.argv[1]))\n"
        "engine = app.open_engine(settings)\n"
        "notes = Progress(engine); notes.open(); notes.begin(); engine.close()\n"
        "app.open_house(settings)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "not all of it is here yet" in ended.stderr


def test_a_stop_that_hangs_on_a_shared_store_ends_all_the_same():
    script = (
        "import time; from types import SimpleNamespace as N; from turnout import serving\n"
        "def house(is_shared): return N(services=N(settings=N(shutdown_timeout_s=0.1), fleet=N(is_shared=is_shared)))\n"
        "serving._end_without_the_store(house(False)).start(); time.sleep(0.6)\n"
        "print('alone it takes its time', flush=True)\n"
        "serving._end_without_the_store(house(True)).start(); time.sleep(30)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=25)
    assert (ended.returncode, ended.stdout) == (1, "alone it takes its time\n")
    assert "its next start stores what waits" in ended.stderr


def test_stopping_finishes_what_is_under_way(turnout_process, tmp_path):
    server = turnout_process(tmp_path)
    acknowledged, failed = [], []

    def write(writer: int) -> None:
        with server.client() as client:
            for number in range(10_000):
                event = {**EVENT, "recipient": f"{writer}-{number}"}
                try:
                    answer = client.post("/v1/events", json=event)
                except httpx.TransportError:
                    return
                (acknowledged if answer.status_code == 200 else failed).append(event)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    while len(acknowledged) < 50:
        time.sleep(0.01)
    assert stop(server) == 0
    for writer in writers:
        writer.join()
    server = turnout_process(tmp_path)
    with server.client() as client:
        again = client.post("/v1/events", content="\n".join(map(json.dumps, acknowledged)))
        assert again.json() == {"accepted": 0, "duplicates": len(acknowledged), "rejected": []}


@pytest.mark.parametrize(
    ("variable", "value"),
    [("TURNOUT_PORT", "many"), ("TURNOUT_TIMEZONE", "Mars/Olympus"), ("TURNOUT_STORE", "mysql://x")],
)
def test_a_bad_setting_is_one_clear_line(tmp_path, monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    result = subprocess.run(
        [sys.executable, "-m", "turnout", "serve", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode != 0
    assert value in result.stderr or variable in result.stderr
    assert "Traceback" not in result.stderr


#: In a process of its own, since the engine takes one data directory a process.
_FAILING_STARTS = """
import threading
from pathlib import Path

from turnout import app, privacy
from turnout.errors import InvalidInput
from turnout.settings import Settings

def refuse(services):
    raise InvalidInput("not today")

def fails(settings, words):
    try:
        app.open_house(settings)
    except InvalidInput as error:
        assert words in error.message, error.message
    else:
        raise AssertionError("it started")

before, finish, privacy.finish = {*threading.enumerate()}, privacy.finish, refuse
fails(Settings(data=Path("data")), "not today")
privacy.finish = finish
fails(Settings(data=Path("data"), mmdb="places.mmdb"), "places.mmdb")
assert {*threading.enumerate()} <= before, threading.enumerate()
app.open_house(Settings(data=Path("data"))).close()
assert {*threading.enumerate()} <= before, threading.enumerate()
"""


def test_a_start_that_fails_leaves_nothing_open(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _FAILING_STARTS], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_metrics_count_what_happened(tenant, url):
    def value(name: str) -> float:
        lines = httpx.get(f"{url}/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    accepted, duplicate = value("turnout_events_accepted_total"), value("turnout_events_duplicate_total")
    rejected = value('turnout_events_rejected_total{reason="unknown_type"}')
    tenant.client.post("/v1/events", json=[EVENT, EVENT, {**EVENT, "type": "sentt"}])
    assert value("turnout_events_accepted_total") == accepted + 1
    assert value("turnout_events_duplicate_total") == duplicate + 1
    assert value('turnout_events_rejected_total{reason="unknown_type"}') == rejected + 1
    assert value("turnout_requests_total") > 0
