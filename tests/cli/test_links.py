"""`turnout links`: links, from a terminal."""

from __future__ import annotations

import json
import uuid

import httpx
import pytest

ADDRESS = "https://x.org/a?b=1"


@pytest.fixture
def code() -> str:
    return f"c-{uuid.uuid4().hex[:12]}"


def test_a_link_from_its_beginning_to_its_end(command, code):
    made = command(
        "links", "add", ADDRESS, "--campaign", "spring", "--message", "m", "--title", "Shop", "--code", code,
        "--params", "u=1", "--profile", "p", "--hidden", "--expires", "2030-01-01T00:00:00Z", "--json",
    )  # fmt: skip
    assert made.code == 0, made.err
    link = json.loads(made.out)
    wanted = {
        "url": ADDRESS, "campaign": "spring", "message": "m", "title": "Shop", "code": code, "params": "u=1",
        "profile": "p", "hidden": True, "expires_at": "2030-01-01T00:00:00Z",
    }  # fmt: skip
    assert {name: link[name] for name in wanted} == wanted
    assert json.loads(command("links", "show", link["id"], "--json").out) == link
    assert ADDRESS in command("links", "show", code).out
    listed = command("links", "list", "--campaign", "spring").out
    assert code in listed
    assert "2030-01-01 00:00" in listed
    assert code not in command("links", "list", "--search", "nothing").out
    assert json.loads(command("links", "list", "--json").out)["links"] == [link]
    assert command("links", "delete", code).out == f"deleted {code}\n"
    gone = command("links", "show", code)
    assert gone.code == 2
    assert "no link" in gone.err


def test_addresses_are_signed(command, code):
    command("links", "add", ADDRESS, "--campaign", "spring", "--code", code)
    printed = command("links", "token", code, "ann", "bob", "--send-id", "s").out
    (address,) = (word for line in printed.splitlines() if "ann" in line for word in line.split() if "/r/" in word)
    assert httpx.get(address).headers["location"] == ADDRESS
    events = command.tenant.client.get("/v1/events", params={"format": "ndjson"}).text
    assert '"recipient":"ann"' in events
    assert '"send_id":"s"' in events
    found = json.loads(command("links", "token", code, "bob", "--json").out)["addresses"]
    assert [one["recipient"] for one in found] == ["bob"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", ADDRESS), "--campaign"),
        (("add", "x.org", "--campaign", "c"), "http://"),
        (("add", ADDRESS, "--campaign", "c", "--code", "x"), "a code has"),
        (("add", ADDRESS, "--campaign", "c", "--expires", "soon"), "expires_at"),
        (("token", "nothing", "ann"), "no link 'nothing'"),
    ],
)
def test_what_can_t_be_done_is_said(command, arguments, words):
    result = command("links", *arguments)
    assert result.code == 2
    assert words in result.err
