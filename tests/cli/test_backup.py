"""`turnout backup` and `turnout restore`: of a server that is being written to, back to the last event."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from turnout.cli import exits
from turnout.cli.root import application

pytestmark = pytest.mark.embedded("a server writes its backup to a disk of its own (tests/store/test_backup.py)")

WRITERS = 3
KEY = {"Authorization": "Bearer test-api-key"}


def run(*arguments: object) -> int:
    return exits.run(lambda: application([*map(str, arguments)], prog_name="turnout", standalone_mode=False))


def events(writer: str, first: int, count: int) -> list[dict[str, object]]:
    return [
        {"type": "sent", "id": f"{writer}-{at}", "recipient": f"{writer}-{at}", "campaign": f"c{at % 3}",
         "time": f"2026-10-0{1 + at % 9}T10:{at % 60:02d}:00Z"}
        for at in range(first, first + count)
    ]  # fmt: skip


@dataclass
class Writers:
    """Threads that post batches of many sizes until they are stopped; what was acknowledged, and what was tried."""

    url: str
    stopping: threading.Event = field(default_factory=threading.Event)
    acknowledged: set[str] = field(default_factory=set)
    surprises: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        self.threads = [threading.Thread(target=self.write, args=(f"w{number}",)) for number in range(WRITERS)]
        for thread in self.threads:
            thread.start()

    def write(self, name: str) -> None:
        at = 0
        with httpx.Client(headers=KEY, timeout=30) as client:
            while not self.stopping.is_set():
                batch = events(name, at, (1, 5, 30)[at % 3])
                answer = client.post(f"{self.url}/v1/events", json=batch)
                if answer.status_code != 200 or answer.json()["accepted"] != len(batch):
                    self.surprises.append(answer.text)
                    return
                with self.lock:
                    self.acknowledged |= {str(event["id"]) for event in batch}
                at += len(batch)
                time.sleep(0.002)

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)


def stored(client: httpx.Client) -> list[str]:
    return [json.loads(line)["recipient"] for line in client.get("/v1/events").text.splitlines()]


def totals(client: httpx.Client) -> dict[str, int]:
    return client.get("/v1/stats", params={"metrics": "sent,unique_sent"}).json()["totals"]


def test_a_server_that_is_written_to_comes_back_as_it_was(turnout_process, turnout, tmp_path, capsys):
    data, whole, increment = tmp_path / "data", tmp_path / "whole", tmp_path / "increment"
    # What was acknowledged stays in the spool until somebody asks for it.
    server = turnout_process(data, TURNOUT_FLUSH_AGE_MS="60000")
    with server.client() as client:
        client.patch("/v1/workspaces", json={"signing_secret": "a secret of old"}).raise_for_status()
    assert run("workspaces", "add", "other", "--json", "--data", data) == 0
    other = {"Authorization": f"Bearer {json.loads(capsys.readouterr().out)['api_key']}"}
    httpx.post(f"{server.url}/v1/events", headers=other, json=events("other", 0, 50)).raise_for_status()
    writers = Writers(server.url)
    writers.start()
    until = time.monotonic() + 30
    while len(writers.acknowledged) < 300 and time.monotonic() < until:
        time.sleep(0.01)
    with writers.lock:
        before = set(writers.acknowledged)
    assert run("backup", whole, "--data", data) == 0, capsys.readouterr().err
    writers.stop()
    assert writers.surprises == []
    assert len(before) >= 300
    assert "backed up" in capsys.readouterr().out
    with server.client() as client:
        client.post("/v1/events", json=events("late", 0, 50)).raise_for_status()
        assert totals(client)["sent"] > 50
    # Of a workspace that nobody asks about, so only the backup itself sees to it that they are stored.
    httpx.post(f"{server.url}/v1/events", headers=other, json=events("other", 50, 5)).raise_for_status()
    assert run("backup", increment, "--base", whole, "--data", data) == 0, capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "increment", "whole"]
    server.process.kill()
    server.process.wait()
    shutil.rmtree(data)

    restored = turnout("restore", whole, "--data", data)
    assert restored.code == 0, restored.err
    assert "restored" in restored.out
    assert "anew" not in restored.out, "the rollup is not of the same instant as the events"
    server = turnout_process(data)
    with server.client() as client:
        assert len(client.get("/v1/events", headers=other).text.splitlines()) == 50
        kept = stored(client)
        assert len(kept) == len(set(kept))
        assert before <= set(kept) <= writers.acknowledged
        assert totals(client) == {"sent": len(kept), "unique_sent": len(kept)}
        assert client.get("/v1/workspaces").json()["workspaces"][0]["signing_secret"] == "a secret of old"
        # Whoever sends all of it again counts what is missing, and nothing twice.
        again = client.post("/v1/events", json=sent_again(writers.acknowledged)).json()
        assert (again["accepted"], again["duplicates"]) == (len(writers.acknowledged) - len(kept), len(kept))
        assert totals(client)["unique_sent"] == totals(client)["sent"] == len(writers.acknowledged)
        assert client.post("/v1/check", json={}).json()["differences"] == []
    assert run("restore", increment, "--data", data, "--force") == 2
    assert "owns" in capsys.readouterr().err
    server.process.terminate()
    server.process.wait()

    # Both were moved together, as to another machine; and what is there is kept.
    (tmp_path / "elsewhere").mkdir()
    for backup in (whole, increment):
        backup.rename(tmp_path / "elsewhere" / backup.name)
    increment = tmp_path / "elsewhere" / "increment"
    assert run("restore", increment, "--data", data) == 2
    assert "not empty" in capsys.readouterr().err
    forced = turnout("restore", increment, "--data", data, "--force")
    assert forced.code == 0, forced.err
    assert f"restored {len(writers.acknowledged) + 105:,} events" in forced.out
    (aside,) = data.glob("replaced-*")
    assert (aside / "store").is_dir()


def sent_again(names: set[str]) -> list[dict[str, object]]:
    found = []
    for name in sorted(names):
        writer, at = name.split("-")
        found += events(writer, int(at), 1)
    return found


# ---- what is refused ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(house, url, tmp_path_factory) -> Path:
    """A backup of the running server that all tests share."""
    directory = tmp_path_factory.mktemp("backups") / "made"
    assert run("backup", directory, "--data", house.services.settings.data) == 0
    return directory


def flip(path: Path, at: int = -1) -> None:
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)


def largest(directory: Path) -> Path:
    found = [path for path in (directory / "store" / "data").rglob("*") if path.is_file()]
    return max(found, key=lambda path: path.stat().st_size)


DAMAGES = {
    "a byte of the data": (lambda found: flip(largest(found), 20), "is not what was written"),
    "a byte of the engine's list": (lambda found: flip(found / "store" / ".backup", 40), "is not what was written"),
    "a digit in the manifest": (
        lambda found: (found / "manifest.json").write_text(
            (found / "manifest.json").read_text().replace('"data_bytes": ', '"data_bytes": 1')
        ),
        "manifest.json is not what was written",
    ),
    "half of the manifest": (
        lambda found: (found / "manifest.json").write_bytes((found / "manifest.json").read_bytes()[:90]),
        "damaged: manifest.json",
    ),
    "a file cut short": (lambda found: os.truncate(largest(found), 10), "is not what was written"),
    "a file gone": (lambda found: largest(found).unlink(), "is missing"),
    "a file too many": (lambda found: (found / "store" / "more").write_text("x"), "is not listed"),
    "a checksum": (lambda found: flip(found / "SHA256SUMS", 3), "is not what was written"),
    "half of the checksums": (
        lambda found: (found / "SHA256SUMS").write_bytes((found / "SHA256SUMS").read_bytes()[:400]), "damaged"
    ),
    "no checksums": (lambda found: (found / "SHA256SUMS").unlink(), "SHA256SUMS is missing"),
    "no manifest": (lambda found: (found / "manifest.json").unlink(), "there is no backup"),
    "a newer schema": (
        lambda found: (found / "manifest.json").write_text(
            (found / "manifest.json").read_text().replace('"schema": ', '"schema": 9')
        ),
        "does not know",
    ),
    "a newer format": (lambda found: (found / "manifest.json").write_text('{"format": 2}'), "does not know"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_backup_is_refused_before_anything_is_touched(made, tmp_path, capsys, damage):
    spoil, words = DAMAGES[damage]
    found = shutil.copytree(made, tmp_path / "found")
    spoil(found)
    assert run("restore", found, "--data", tmp_path / "data") == 2
    assert words in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["lock"]


def test_nothing_is_overwritten_and_paths_lead_somewhere(made, house, tmp_path, capsys):
    data = house.services.settings.data
    assert run("backup", made, "--data", data) == 2
    assert "is there already" in capsys.readouterr().err
    assert run("backup", tmp_path / "no" / "such", "--data", data) == 2
    assert "there is no directory" in capsys.readouterr().err
    assert run("backup", tmp_path / "one", "--base", tmp_path, "--data", data) == 2
    assert "there is no backup in" in capsys.readouterr().err
    assert run("backup", tmp_path / "one", "--disk", "backups", "--data", data) == 2
    assert "in this process" in capsys.readouterr().err
    assert run("backup", tmp_path / "one", "--data", tmp_path / "nothing") == 2
    assert "there is no data" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_increment_adds_to_a_whole_backup_only(made, house, tmp_path, capsys):
    data = house.services.settings.data
    assert run("backup", tmp_path / "one", "--base", made, "--data", data, "--json") == 0
    assert json.loads(capsys.readouterr().out)["base"]["path"] == str(made)
    assert "<use_base>" in (tmp_path / "one" / "store" / ".backup").read_text(), "nothing was left to the base"
    assert run("backup", tmp_path / "two", "--base", tmp_path / "one", "--data", data) == 2
    said = capsys.readouterr().err
    assert "is an increment itself" in said
    assert f"--base {made}" in said
    # A base that was lost, or is another backup, is found out before anything is restored.
    assert run("restore", tmp_path / "one", "--base", tmp_path, "--data", tmp_path / "data") == 2
    assert "--base DIR" in capsys.readouterr().err
    assert run("restore", made, "--base", made, "--data", tmp_path / "data") == 2
    assert "it has no base" in capsys.readouterr().err


def test_only_a_command_on_this_machine_may_name_a_path(tenant, tmp_path):
    answer = tenant.client.post("/v1/backups", json={"path": str(tmp_path / "one")})
    assert answer.status_code == 403
    assert not (tmp_path / "one").exists()
