from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading

import pytest

from turnout.errors import StoreOwned
from turnout.store.ownership import Owner, Ownership, owner

HOLD = """
import sys
from pathlib import Path
from turnout.store.ownership import Ownership
held = Ownership.take(Path(sys.argv[1]))
held.announce(url=sys.argv[2], token="t0ken") if sys.argv[2] else None
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def hold(tmp_path):
    """Starts a process that owns `tmp_path`."""
    running = []

    def start(url: str = "") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path), url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_a_second_process_is_told_who_the_first_is_and_where(tmp_path, hold):
    first = hold("http://127.0.0.1:4711")
    with pytest.raises(StoreOwned) as caught:
        Ownership.take(tmp_path)
    assert str(first.pid) in caught.value.message
    assert "http://127.0.0.1:4711" in caught.value.message
    assert str(tmp_path) in caught.value.message
    assert "t0ken" not in f"{caught.value.message} {caught.value.hint}"
    assert "--data" in caught.value.hint
    assert owner(tmp_path) == Owner(pid=first.pid, url="http://127.0.0.1:4711", token="t0ken")


def test_an_owner_that_does_not_serve_is_named_too(tmp_path, hold):
    first = hold()
    with pytest.raises(StoreOwned, match=f"process {first.pid} owns") as caught:
        Ownership.take(tmp_path)
    assert "serving" not in caught.value.message
    assert owner(tmp_path) == Owner(pid=first.pid)


def test_an_owner_whose_note_is_lost_still_owns(tmp_path, hold):
    hold()
    (tmp_path / "owner.json").write_bytes(b"{half a no")
    with pytest.raises(StoreOwned, match="another process owns"):
        Ownership.take(tmp_path)
    assert owner(tmp_path) == Owner(pid=0)


def test_a_killed_owner_blocks_nobody(tmp_path, hold):
    first = hold("http://127.0.0.1:4711")
    first.kill()
    first.wait()
    assert owner(tmp_path) is None
    held = Ownership.take(tmp_path)
    assert owner(tmp_path) == Owner(pid=os.getpid())
    held.release()


def test_who_lets_go_owns_no_more(tmp_path):
    held = Ownership.take(tmp_path / "new" / "place")
    held.release()
    held.release()
    assert owner(tmp_path / "new" / "place") is None
    assert not (tmp_path / "new" / "place" / "owner.json").exists()
    Ownership.take(tmp_path / "new" / "place").release()


def test_nobody_owns_what_is_not_there(tmp_path):
    assert owner(tmp_path / "missing") is None
    assert owner(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_only_the_user_may_read_the_note(tmp_path):
    held = Ownership.take(tmp_path)
    held.announce(url="http://127.0.0.1:1", token="t0ken")
    assert stat.S_IMODE((tmp_path / "owner.json").stat().st_mode) == 0o600
    held.release()


def test_looking_does_not_keep_anyone_from_owning(tmp_path):
    Ownership.take(tmp_path).release()
    stopping = threading.Event()

    def look():
        while not stopping.is_set():
            owner(tmp_path)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(200):
            Ownership.take(tmp_path).release()
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
