"""`turnout hooks` and `turnout deadletters`, from a terminal."""

from __future__ import annotations

import io
import json

import httpx

BOUNCE = {
    "RecordType": "Bounce", "ID": 7, "Type": "HardBounce", "MessageID": "m", "Email": "ada@example.com",
    "BouncedAt": "2026-03-17T10:00:00Z",
}  # fmt: skip


def test_a_hook_is_made_listed_and_removed(command, monkeypatch, tmp_path):
    (tmp_path / "secret").write_text("hooks:correct horse\n")
    made = command(
        "hooks", "add", "postmark", "--secret-file", tmp_path / "secret", "--campaign", "spring", "--name", "news"
    )
    assert made.code == 0, made.err
    first, address, _, setup = made.out.splitlines()
    number = first.split()[1]
    assert "its requests are checked" in first
    assert "add a webhook" in setup
    assert httpx.post(address, json=BOUNCE).status_code == 401
    assert httpx.post(address, json=BOUNCE, auth=("hooks", "correct horse")).json()["accepted"] == 1
    assert command.tenant.stats("bounced_hard", campaign="spring")["totals"] == {"bounced_hard": 1}
    listed = command("hooks", "list")
    assert "news" in listed.out
    for shown in (listed.out, command("hooks", "list", "--json").out):
        assert "correct horse" not in shown
        assert address.rpartition("/")[2] not in shown
    assert command("hooks", "revoke", number).out == f"revoked {number} of postmark news\n"
    assert httpx.post(address, json=BOUNCE, auth=("hooks", "correct horse")).status_code == 404
    monkeypatch.setattr("sys.stdin", io.StringIO("u:p\n"))
    assert json.loads(command("hooks", "add", "postmark", "--secret-file", "-", "--json").out)["checked"]


def test_what_makes_no_hook_is_said(command):
    for arguments, words in (
        (("postmerk",), "did you mean 'postmark'?"),
        (("postmark", "--option", "header"), "'header' is not NAME=VALUE"),
        (("postmark", "--option", "heder=x"), "did you mean 'header'?"),
        (("postmark", "--secret", "a", "--secret-file", "b"), "give one of them"),
        (("postmark", "--secret-file", "nowhere"), "nowhere: no such file"),
    ):
        result = command("hooks", "add", *arguments)
        assert result.code == 2, arguments
        assert words in result.err


def test_dead_letters_are_listed_shown_replayed_and_dropped(command):
    address = json.loads(command("hooks", "add", "postmark", "--json").out)["url"]
    for body in (b'{"RecordType": "Teleport", "esc": "\\u001b[31m"}', b"\xff\x00garbage"):
        assert httpx.post(address, content=body).json()["quarantined"] == 1
    found = json.loads(command("deadletters", "list", "--json").out)["letters"]
    named = {one["reason"]: one["id"] for one in found}
    strange = named["unknown RecordType 'Teleport'"]
    shown = command("deadletters", "show", strange).out
    assert "reason    unknown RecordType 'Teleport'" in shown
    assert shown.endswith('\n\n{"RecordType": "Teleport", "esc": "\\u001b[31m"}\n')
    (other,) = set(named.values()) - {strange}
    assert command("deadletters", "show", other).out.endswith("\n\n\\xff\\x00garbage\n")
    listed = command("deadletters", "list", "--limit", "1")
    assert len(listed.out.splitlines()) == 3
    assert "--limit shows more than 1" in listed.err
    assert "2 still not understood" in command("deadletters", "replay", "--all").out
    unasked = command("deadletters", "replay")
    assert unasked.code == 2
    assert "which letters?" in unasked.err
    assert command("deadletters", "delete", strange).out == "deleted 1\n"
    assert command("deadletters", "delete", "--reason", "NOT JSON").out == "deleted 1\n"
    assert json.loads(command("deadletters", "list", "--all", "--json").out)["letters"] == []


def test_what_came_to_a_hook_lately(command):
    made = json.loads(command("hooks", "add", "postmark", "--secret", "u:p", "--json").out)
    empty = command("hooks", "deliveries", made["id"])
    assert empty.out == "0 requests in all, 0 refused; events: 0 accepted, 0 duplicates, 0 ignored, 0 quarantined\n"
    for auth in (("u", "p"), ("u", "p"), ("u", "wrong")):
        httpx.post(made["url"], json=BOUNCE, auth=auth)
    shown = command("hooks", "deliveries", made["id"]).out.splitlines()
    assert [line.split()[2:7] for line in shown[2:5]] == [
        ["401", "0", "0", "0", "0"],
        ["200", "0", "1", "0", "0"],
        ["200", "1", "0", "0", "0"],
    ]
    assert shown[-1].startswith("3 requests in all, 1 refused; events: 1 accepted, 1 duplicates")
    assert json.loads(command("hooks", "deliveries", made["id"], "--json").out)["requests"] == 3
    (listed,) = [line for line in command("hooks", "list").out.splitlines() if made["id"] in line]
    assert listed.split()[-2:] == ["1", "1"]
    nobody = command("hooks", "deliveries", "nobody")
    assert nobody.code != 0
    assert "turnout hooks list" in nobody.err
