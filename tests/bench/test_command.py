"""`turnout bench --quick` from end to end: the JSON's shape, the tables, and nothing left behind. No speeds."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from turnout import __version__

COMMAND = (sys.executable, "-m", "turnout", "bench", "--quick")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any], Path]:
    """What a run printed, what it wrote, and where its stores were."""
    directory = tmp_path_factory.mktemp("bench")
    output, stores = directory / "results" / "bench.json", directory / "stores"
    done = subprocess.run(
        [*COMMAND, "--directory", str(stores), "--output", str(output)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(output.read_bytes()), stores


def test_the_machine_and_the_command_are_recorded(run: tuple[str, dict[str, Any], Path]) -> None:
    _, written, _ = run
    assert written["complete"] is True
    assert written["machine"]["turnout"] == __version__
    assert written["machine"]["processors"] == os.cpu_count()
    assert written["machine"]["engine"].startswith("chdb-core ")
    assert "--quick" in written["command"]
    assert written["sizes"]["rounds"] == 1


def test_every_ratio_has_its_reference(run: tuple[str, dict[str, Any], Path]) -> None:
    _, written, _ = run
    found = [
        (one["group"], one["what"].split(" (")[0], one["reference_name"])
        for one in written["findings"]
        if one["ratio"] is not None
    ]
    assert found == [
        ("ingest", "10,000 events a request", "bare INSERT"),
        ("ingest", "10,000 events a request", "bare, streamed"),
        ("ingest", "10,000 events a request", "prototype"),
        ("ingest", "100 events a request", "prototype"),
        ("ingest", "10,000 events a batch, in the process", "prototype"),
        ("singles", "1 event a request", "nothing"),
        ("singles", "1 event a request", "prototype"),
        ("singles", "a followed link", "nothing"),
        ("singles", "a loaded pixel", "nothing"),
        ("cached", "a cached vendor answer", "nothing"),
        ("cached", "a cached answer of our own", "nothing"),
    ]
    for one in written["findings"]:
        if one["ratio"] is not None:
            quotient = one["measured"]["p50"] / one["reference"]["p50"]
            assert one["ratio"]["p50"] == pytest.approx(quotient)


def test_every_finding_has_a_spread_and_a_verdict_where_it_has_a_budget(
    run: tuple[str, dict[str, Any], Path],
) -> None:
    _, written, _ = run
    assert len(written["findings"]) > 25
    for one in written["findings"]:
        measured = one["measured"]
        assert 0 < measured["minimum"] <= measured["p50"] <= measured["p99"] <= measured["maximum"], one
        assert measured["samples"] >= 1
        assert bool(one["budgets"]) == (one["verdict"] in ("ok", "short")), one


def test_questions_are_asked_uncached_and_cached(run: tuple[str, dict[str, Any], Path]) -> None:
    _, written, _ = run
    uncached, cached = (
        [one["what"] for one in written["findings"] if one["group"] == f"questions, 10 k events, {kind}"]
        for kind in ("uncached", "cached")
    )
    assert uncached[:-1] == cached
    assert len(cached) == 9


def test_every_finding_is_printed(run: tuple[str, dict[str, Any], Path]) -> None:
    printed, written, _ = run
    for one in written["findings"]:
        assert one["what"] in printed
    assert "its figures mean nothing" in printed


def test_nothing_is_left_behind(run: tuple[str, dict[str, Any], Path]) -> None:
    assert list(run[2].iterdir()) == []


def test_sigterm_ends_what_was_started(tmp_path: Path) -> None:
    output = tmp_path / "bench.json"
    process = subprocess.Popen(
        [*COMMAND, "--only", "singles", "--directory", str(tmp_path / "stores"), "--output", str(output)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        server = _owner(tmp_path / "stores")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
    finally:
        process.kill()
        process.wait()
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)
    assert list((tmp_path / "stores").iterdir()) == []
    assert not output.exists()


def _owner(stores: Path) -> int:
    """The process id of the server that the run has started."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for note in stores.glob("turnout-bench-*/singles-*/owner.json"):
            return int(json.loads(note.read_bytes())["pid"])
        time.sleep(0.02)
    raise AssertionError("no server was started")


def test_the_second_store_must_be_larger(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "turnout", "bench", "--events", "5000", "--large", "5000"],
        capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--large" in done.stderr
    assert list(tmp_path.iterdir()) == []
