"""`turnout migrate-store`: from a data directory to a server and back, killed again and again on the way."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import clean_environment

from turnout.cli import exits, moving
from turnout.cli.root import application
from turnout.errors import InvalidInput
from turnout.ingest.spool import Spool
from turnout.store.engine import rows
from turnout.store.server import ServerEngine

EVENTS = 2400

#: The command, with locks that run out after a second, so that nobody waits long for a run that was killed.
QUICK = """
from turnout.store import fleet
class Quick(fleet.Shared):
    def __init__(self, engine, process):
        super().__init__(engine, process, lease_s=1.0)
fleet.Shared = Quick
from turnout.cli.root import main
main()
"""


MOVING = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'moves'"


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", QUICK, "migrate-store", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(),
        text=True,
    )


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def run(*arguments: object) -> int:
    line = ["migrate-store", *map(str, arguments)]
    return exits.run(lambda: application(line, prog_name="turnout", standalone_mode=False))


@pytest.fixture
def connect() -> Iterator[Callable[[str], ServerEngine]]:
    """Opens a store on a server."""
    opened: list[ServerEngine] = []

    def make(url: str) -> ServerEngine:
        opened.append(ServerEngine(url))
        return opened[-1]

    yield make
    for engine in opened:
        engine.close()


@pytest.fixture
def filled(turnout_process, tmp_path) -> Path:
    """A data directory with events of some campaigns, whose server has stopped."""
    server = turnout_process(tmp_path / "data")
    with server.client() as client:
        client.put("/v1/campaigns/c0", json={"title": "Nought"}).raise_for_status()
        batch = [
            {
                "type": ("sent", "opened")[at % 2],
                "time": f"2026-10-{1 + at % 28:02d}T10:{at % 60:02d}:00Z",
                "campaign": f"c{at % 5}",
                "id": f"e{at}",
                "recipient": f"r{at % 70}@x.org",
                "amount": "0.10",
            }
            for at in range(EVENTS)
        ]
        assert client.post("/v1/events", json=batch).json()["accepted"] == EVENTS
    server.process.terminate()
    server.process.wait(30)
    return server.data


def served(turnout_process, data: Path, **environment: str) -> dict[str, object]:
    """What a server on a store says of it."""
    server = turnout_process(data, **environment)
    with server.client() as client:
        asked = {"metrics": "sent,opened,unique_sent", "dimensions": "campaign"}
        said = {
            "stats": client.get("/v1/stats", params=asked).json()["rows"],
            "campaigns": sorted((one["id"], one["title"]) for one in client.get("/v1/campaigns").json()["campaigns"]),
            "check": client.post("/v1/check", json={}).json()["differences"],
        }
        exported = client.get("/v1/events").text.splitlines()
        said["events"] = sorted(exported)
    server.process.terminate()
    server.process.wait(30)
    return said


def test_a_store_moves_to_a_server_through_kills_and_back(filled, standin, connect, turnout_process, tmp_path):
    url = standin.new_database()
    there = connect(url)
    # Small slices, so that there is much to be interrupted in.
    move = ("--from", f"chdb://{filled}", "--to", url, "--slice-events", 80, "--json")
    killed = 0
    for part in (1, 2, 3):
        process = start(*move)
        until = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < until:
            if rows(there, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'moves'")[
                0
            ][0]:
                ((events,),) = rows(there, "SELECT count() FROM events")
                if events > EVENTS * part // 5:
                    process.send_signal(signal.SIGKILL)
                    killed += 1
                    break
            time.sleep(0.01)
        end(process)
    assert killed == 3
    code, out, err = end(start(*move))
    assert code == exits.GOOD, err
    report = json.loads(out)
    assert (report["equal"], report["events"], report["differing"]) == (True, EVENTS, [])
    assert report["skipped"] > 0
    assert report["written"] < EVENTS
    assert "s3cret" not in out + err

    # Both say the same; and the store goes back into another directory, and says it there.
    back = tmp_path / "back"
    code, out, err = end(start("--from", url, "--to", f"chdb://{back}"))
    assert code == exits.GOOD, err
    assert f"moved {EVENTS:,} events from clickhouse://turnout@" in out
    assert "rollups equal the raw events on both sides" in out
    first = served(turnout_process, filled)
    assert first["check"] == []
    assert len(first["events"]) == EVENTS
    assert served(turnout_process, tmp_path / "other", TURNOUT_STORE=url) == first
    assert served(turnout_process, back) == first


def test_what_is_not_stored_yet_is_not_left_behind(filled, standin, turnout_process, tmp_path, capsys):
    url = standin.new_database()
    copy = tmp_path / "copy"
    shutil.copytree(filled, copy)
    # A frame as a server leaves it that was killed before its events were stored.
    Spool(copy / "spool").append(b"events")
    code, _, err = end(start("--from", f"chdb://{copy}", "--to", url))
    assert code == exits.CANNOT
    assert "holds events that are not stored" in err
    assert "start `turnout serve` on it once and stop it" in err

    server = turnout_process(filled)
    code, _, err = end(start("--from", f"chdb://{filled}", "--to", url, "--dry-run"))
    assert code == exits.CANNOT
    assert f"process {server.process.pid} owns" in err


def test_a_dry_run_says_what_there_is_and_makes_nothing(filled, standin, connect, tmp_path):
    url = standin.new_database()
    code, out, err = end(start("--from", f"chdb://{filled / 'store'}", "--to", url, "--dry-run"))
    assert code == exits.GOOD, err
    assert f"would move {EVENTS:,} events of 5 campaigns in 1 slice" in out
    assert "the target holds no events; nothing was changed" in out
    assert rows(connect(url), "SELECT count() FROM system.tables WHERE database = currentDatabase()") == [[0]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "chdb:///a", "--to", "chdb:///b"), "both stores are embedded"),
        (("--from", "postgres://u:hunter2@h", "--to", "chdb:///b"), "--from: that is no store"),
        (("--from", "chdb:///nowhere/at/all", "--to", "clickhouse://h/d"), "there is no store in"),
        (("--from", "clickhouse://u:hunter2@127.0.0.1:1/d", "--to", "chdb:///b"), "no ClickHouse server answers"),
    ],
)
def test_what_can_not_be_moved_is_said(arguments, words, capsys):
    assert run(*arguments) == exits.CANNOT
    said = capsys.readouterr().err
    assert words in said
    assert "hunter2" not in said


def test_urls_with_passwords_may_come_from_where_nobody_else_reads_them(monkeypatch, capsys):
    # Of a command everybody on the machine sees the arguments.
    monkeypatch.setenv("TURNOUT_FROM", "chdb:///nowhere/at/all")
    monkeypatch.setenv("TURNOUT_TO", "clickhouse://u:hunter2@h/d")
    assert run() == exits.CANNOT
    said = capsys.readouterr().err
    assert "there is no store in /nowhere/at/all" in said
    assert "hunter2" not in said


def test_a_data_directory_is_found_from_either_path(tmp_path):
    data = tmp_path / "data"
    (data / "store" / "metadata").mkdir(parents=True)
    wanted = moving.Place(data, data / "store")
    assert moving.place(f"chdb://{data}", None, "--from") == wanted
    assert moving.place(f"chdb://{data}/store", None, "--from") == wanted
    assert moving.place(f"chdb://{tmp_path}/new", None, "--to") == moving.Place(
        tmp_path / "new", tmp_path / "new/store"
    )
    # A store that lies alone does not say where its spool is.
    (tmp_path / "alone" / "metadata").mkdir(parents=True)
    with pytest.raises(InvalidInput, match="outside of its data directory"):
        moving.place(f"chdb://{tmp_path}/alone", None, "--from")
    alone = moving.place(f"chdb://{tmp_path}/alone", data, "--from")
    assert alone == moving.Place(data, tmp_path / "alone")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("clickhouse://u:p%40x@h1:8123,h2:8123/d?cluster=c", "clickhouse://u@h1:8123,h2:8123/d?cluster=c"),
        ("clickhouse://h/d", "clickhouse://h/d"),
        ("chdb:///a/b", "chdb:///a/b"),
    ],
)
def test_a_password_is_not_shown(url, shown):
    assert moving.shown(url) == shown
