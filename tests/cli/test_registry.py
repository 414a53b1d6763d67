"""`turnout campaigns`, `keys`, `workspaces`, `metrics`: the registry, from a terminal."""

from __future__ import annotations

import json

import httpx
import pytest

from turnout.model import EVENT_TYPES


def test_a_campaign_is_set_field_by_field(command):
    made = command(
        "campaigns", "set", "spring", "title=Frühling = Spring", "channels=email, push", "draft=true", "number=7",
        'goals=[{"event": "purchased", "window_s": 60}]', "started_at=2026-10-05T10:00:00Z", "--json",
    )  # fmt: skip
    assert made.code == 0, made.err
    first = json.loads(made.out)
    assert (first["title"], first["channels"], first["draft"], first["number"]) == (
        "Frühling = Spring", ["email", "push"], True, 7,
    )  # fmt: skip
    second = json.loads(command("campaigns", "set", "spring", "draft=false", "tags=a", "--json").out)
    changed = {name for name in first if first[name] != second[name]}
    assert changed == {"draft", "tags", "updated_at"}
    shown = command("campaigns", "show", "spring").out
    assert "Frühling = Spring" in shown
    assert '"event": "purchased"' in shown


def test_a_campaign_is_set_from_json_and_given_to_another(command, tmp_path):
    command("campaigns", "set", "spring", "title=Spring", "tags=a,b", "draft=true")
    (tmp_path / "c.json").write_text(command("campaigns", "show", "spring", "--json").out)
    other = ("campaigns", "set", "autumn", "--from-json", tmp_path / "c.json", "title=Autumn")
    refused = command(*other)
    assert refused.code == 2
    assert "already" in refused.err
    body = json.loads((tmp_path / "c.json").read_text())
    for identifier in ("uuid", "token", "key", "number"):
        del body[identifier]
    (tmp_path / "c.json").write_text(json.dumps(body))
    found = json.loads(command(*other, "--json").out)
    assert (found["title"], found["tags"], found["draft"]) == ("Autumn", ["a", "b"], True)
    replaced = json.loads(command("campaigns", "set", "autumn", "title=New", "--replace", "--json").out)
    assert (replaced["title"], replaced["tags"], replaced["draft"]) == ("New", [], False)


def test_campaigns_are_listed_and_deleted(command):
    command.tenant.send({"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "spring"})
    command("campaigns", "set", "autumn", "title=Herbst", "tags=x")
    listed = command("campaigns", "list").out
    assert "spring" in listed
    assert "2026-10-05 10:00" in listed
    assert "autumn" in listed
    assert "spring" not in command("campaigns", "list", "--tag", "x").out
    assert [one["id"] for one in json.loads(command("campaigns", "list", "--json").out)["campaigns"]] == [
        "spring",
        "autumn",
    ]
    unasked = command("campaigns", "delete", "autumn")
    assert unasked.code == 2
    assert "--yes" in unasked.err
    assert command("campaigns", "delete", "autumn", "--yes").out == "deleted autumn\n"
    assert command("campaigns", "show", "autumn").code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("set", "spring", "title"), "'title' is not FIELD=VALUE"),
        (("set", "spring", "titel=x"), "did you mean 'title'?"),
        (("set", "spring", "number=many"), "number"),
        (("set", "spring", "--from-json", "nowhere.json"), "nowhere.json: no such file"),
        (("show", "nothing"), "no campaign 'nothing'"),
    ],
)
def test_what_can_t_be_set_is_said(command, arguments, words):
    result = command("campaigns", *arguments)
    assert result.code == 2
    assert words in result.err


def test_keys_come_and_go(command, url):
    made = command("keys", "add", "--name", "reader", "--scopes", "read")
    assert made.code == 0, made.err
    first, secret = made.out.splitlines()
    number = first.split()[1]

    def status():
        return httpx.get(f"{url}/v1/campaigns", headers={"Authorization": f"Bearer {secret}"}).status_code

    assert status() == 200
    listed = command("keys", "list").out
    assert "reader" in listed
    assert secret not in listed
    assert command("keys", "revoke", number).out == f"revoked {number} reader\n"
    assert status() == 401
    unknown = command("keys", "add", "--scopes", "write")
    assert unknown.code == 2
    assert "unknown scope 'write'" in unknown.err


def test_workspaces_are_made_and_changed(command, house, url):
    data = ("--data", str(house.services.settings.data))
    made = json.loads(command("workspaces", "add", "acme", "--timezone", "Asia/Kolkata", "--json", where=data).out)
    answer = httpx.get(f"{url}/v1/workspaces", headers={"Authorization": f"Bearer {made['api_key']}"})
    assert [one["id"] for one in answer.json()["workspaces"]] == ["acme"]
    assert (
        command("workspaces", "set", "acme", "--name", "Acme", where=data).out == "workspace acme: Acme, Asia/Kolkata\n"
    )
    assert "Acme" in command("workspaces", "list", where=data).out
    again = command("workspaces", "add", "acme", where=data)
    assert again.code == 2
    assert "there is a workspace 'acme' already" in again.err
    nothing = command("workspaces", "set", "acme", where=data)
    assert nothing.code == 2
    assert "nothing is to be changed" in nothing.err
    remote = command("workspaces", "list", "--json", where=("--url", url, "--key", made["api_key"]))
    assert [one["id"] for one in json.loads(remote.out)["workspaces"]] == ["acme"]


def test_the_dictionary_needs_no_server(command, url):
    shown = command("metrics", where=()).out
    for name in (*EVENT_TYPES, "open_rate", "peak_concurrent_viewers", "recipient_domain"):
        assert f"\n{name} " in shown
    assert json.loads(command("metrics", "--json", where=()).out) == httpx.get(f"{url}/v1/metrics").json()
    few = command("metrics", "unsubscribe", where=()).out
    assert "unsubscribe_rate" in few
    assert "open_rate" not in few
