"""`turnout erase` and `turnout retention run`, through the real API."""

from __future__ import annotations

import json


def sent(command, recipient):
    command.tenant.send(
        {"type": "sent", "time": 1759658400, "campaign": "c", "recipient": recipient, "ip": "192.0.2.1"}
    )


def test_a_person_is_erased(command):
    sent(command, "anna/ü@mail.example")
    assert command("erase", "anna/ü@mail.example", "--yes").out == (
        "erased from 1 event of their own and 0 of others that named them\n"
    )
    (row,) = command.tenant.stats("sent", dimensions="recipient")["rows"]
    assert row["recipient"].startswith("erased:")
    assert row["recipient"].endswith("@mail.example")
    assert command("erase", "anna/ü@mail.example", "--yes").out == "there is nobody of this id\n"
    shown = command("erase", row["recipient"], "--drop-domain", "--yes", "--json")
    assert json.loads(shown.out)["events"] == 1
    (row,) = command.tenant.stats("sent", dimensions="recipient")["rows"]
    assert "@" not in row["recipient"]


def test_retention_is_run_when_asked(command):
    sent(command, "anna")
    assert "nothing expires" in command("retention", "run").out
    command.tenant.client.patch("/v1/workspaces", json={"retention_days": 2}).raise_for_status()
    shown = command("retention", "run", "--dry-run").out
    assert "(2 days):\n  1 event would be cleared" in shown
    assert "1 person without an event since would be erased" in shown
    done = json.loads(command("retention", "run", "--json").out)
    assert (done["cleared"], done["recipients"], done["dry_run"]) == (1, 1, False)
    assert "  0 persons without an event since erased" in command("retention", "run").out
