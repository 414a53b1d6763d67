"""One data directory, several processes: one owns it, however the others come to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

EVENT = {"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "c"}

RACER = """
import sys
from pathlib import Path
from turnout.errors import StoreOwned
from turnout.store.ownership import Ownership
print("ready", flush=True)
sys.stdin.readline()
try:
    held = Ownership.take(Path(sys.argv[1]))
except StoreOwned:
    print("refused", flush=True)
else:
    print("owns", flush=True)
sys.stdin.read()
"""


def run(*arguments, **more):
    return subprocess.run(
        [sys.executable, "-m", "turnout", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "TURNOUT_URL": ""},
        **more,
    )


@pytest.fixture
def racers(tmp_path):
    """Five processes on their marks."""
    (tmp_path / "data").mkdir()
    (tmp_path / "other name").symlink_to(tmp_path / "data")
    places = [tmp_path / name for name in ("data", "other name", "data", "other name/../data", "data")]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for place in places
    ]
    yield started
    for process in started:
        process.kill()
        process.communicate()


def test_of_five_that_start_at_once_one_owns(racers):
    for process in racers:
        assert process.stdout.readline() == "ready\n"
    for process in racers:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert sorted(process.stdout.readline() for process in racers) == ["owns\n"] + ["refused\n"] * 4


def test_who_owns_stays_the_owner_until_it_ends(turnout_process, tmp_path):
    data, other_name = tmp_path / "data", tmp_path / "other name"
    server = turnout_process(data)
    other_name.symlink_to(data)

    # Asleep it answers nobody, and owns all the same.
    server.process.send_signal(signal.SIGSTOP)
    second = run("serve", "--data", other_name, "--port", "0")
    assert second.returncode == 2
    assert f"process {server.process.pid} owns {other_name}" in second.stderr
    server.process.send_signal(signal.SIGCONT)

    imported = run("import", "-", "--data", other_name, input="\n".join(json.dumps({**EVENT, "id": n}) for n in "abc"))
    assert imported.returncode == 0, imported.stderr
    with server.client() as client:
        assert client.get("/v1/stats", params={"metrics": "sent"}).json()["totals"] == {"sent": 3}
