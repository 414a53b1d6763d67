"""A spool that was damaged while no server ran: what is whole is counted, what is not is told."""

from __future__ import annotations

import os

import pytest
from tests.processes import Command

WAITING = {"TURNOUT_FLUSH_AGE_MS": "600000"}
COUNT = 40


def send(client, campaign):
    events = [
        {
            "type": "sent",
            "id": f"{campaign}-{at}",
            "recipient": f"r{at}",
            "campaign": campaign,
            "time": 1_790_000_000 + at,
        }
        for at in range(COUNT)
    ]
    receipt = client.post("/v1/events", json=events).json()
    return receipt["accepted"], receipt["duplicates"]


def by_campaign(client):
    answer = client.get("/v1/stats", params={"metrics": "sent", "dimensions": "campaign"}).json()
    return {row["campaign"]: row["sent"] for row in answer["rows"]}


def check(data, store):
    command = Command(["check", "--data", str(data)], {**os.environ, "TURNOUT_URL": "", "COLUMNS": "200", **store})
    said = command.stdout.read()
    code = command.wait(60)
    command.close()
    return code, said


@pytest.fixture
def left(turnout_process, tmp_path):
    """The only segment of a server that was killed with three acknowledged groups in its spool."""
    server = turnout_process(tmp_path, **WAITING)
    with server.client() as client:
        for campaign in ("first", "other", "third"):
            assert send(client, campaign) == (COUNT, 0)
    server.process.kill()
    server.process.wait()
    (segment,) = (tmp_path / "spool").glob("*.spool")
    return segment


def test_what_is_damaged_is_told_until_it_is_looked_at_and_the_rest_is_counted(
    left, turnout_process, store_of, tmp_path
):
    content = left.read_bytes()
    at = content.index(b"other-7")
    left.write_bytes(content[:at] + b"0ther-7" + content[at + 7 :])
    server = turnout_process(tmp_path, **WAITING)
    with server.client() as client:
        assert by_campaign(client) == {"first": COUNT, "third": COUNT}
        assert send(client, "first") == (0, COUNT)
        assert send(client, "other") == (COUNT, 0), "what is lost is not known, so it counts when it is sent again"
        assert by_campaign(client) == dict.fromkeys(("first", "other", "third"), COUNT)
        gauge = next(
            line for line in client.get("/metrics").text.splitlines() if line.startswith("turnout_spool_damaged_bytes")
        )
        assert float(gauge.split()[1]) > 1000
    code, said = check(tmp_path, store_of(tmp_path))
    assert code == 1
    assert f"bytes of the spool can't be read, and what was acknowledged in them is lost: {left.name} at byte" in said
    server.process.terminate()
    assert server.process.wait(30) == 0
    assert [path.name for path in (tmp_path / "spool").rglob("*.spool")] == [left.name]
    (tmp_path / "spool/damaged" / left.name).unlink()
    assert check(tmp_path, store_of(tmp_path))[0] == 0


def test_what_was_never_finished_is_cut_off_without_a_word(left, turnout_process, tmp_path):
    whole = left.read_bytes()
    left.write_bytes(whole + whole[:60])
    with turnout_process(tmp_path, **WAITING).client() as client:
        assert by_campaign(client) == dict.fromkeys(("first", "other", "third"), COUNT)
    assert not (tmp_path / "spool/damaged").exists()
