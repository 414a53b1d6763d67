"""Whom a command talks to: the owner of the data, a server elsewhere, or one of its own."""

from __future__ import annotations

import gzip
import json

import pytest

from turnout.cli import connection
from turnout.cli.connection import Target, connect
from turnout.errors import NotFound, StoreOwned
from turnout.store.ownership import Ownership

EVENT = b'{"type":"sent","time":"2026-10-05T10:00:00Z","campaign":"spring","recipient":"a"}\n'


def test_without_a_server_the_directory_is_served_for_the_command(tmp_path, turnout):
    first = turnout("import", "-", "--data", "data", stdin=gzip.compress(EVENT))
    assert first.code == 0, first.err
    assert "API key" in first.err
    assert "API key" not in first.out
    again = turnout("import", "-", "--data", "data", "--json", stdin=EVENT + b'{"type":"sent"}\n')
    assert again.code == 1
    report = json.loads(again.out)
    assert (report["accepted"], report["duplicates"], report["rejected"]) == (0, 1, 1)
    assert again.err == ""
    assert not (tmp_path / "data" / "owner.json").exists()


def test_a_running_server_is_used(tmp_path, turnout, turnout_process):
    server = turnout_process(tmp_path / "data")
    assert turnout("import", "-", "--data", "data", stdin=EVENT).code == 0
    with server.client() as client:
        assert client.get("/v1/stats", params={"metrics": "sent"}).json()["totals"] == {"sent": 1}
    by_environment = turnout("stats", "spring", "--metrics", "sent", "--json", TURNOUT_DATA="data")
    assert json.loads(by_environment.out)["totals"] == {"sent": 1}


def test_a_server_elsewhere_wants_a_key(command, url, monkeypatch):
    tenant = command.tenant
    tenant.send({"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "spring"})
    asked = ("stats", "--metrics", "sent", "--json")
    refused = command(*asked, where=("--url", url))
    assert refused.code == 2
    assert "--key KEY or TURNOUT_API_KEY" in refused.err
    by_options = command(*asked, where=("--url", url, "--key", tenant.key))
    assert json.loads(by_options.out)["totals"] == {"sent": 1}
    monkeypatch.setenv("TURNOUT_URL", url)
    monkeypatch.setenv("TURNOUT_API_KEY", tenant.key)
    assert json.loads(command(*asked, where=()).out)["totals"] == {"sent": 1}


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (("--url", "http://127.0.0.1:9"), "no answer from http://127.0.0.1:9"),
        (("--url", "example.com"), "'example.com' is no address"),
        (("--url", "http://127.0.0.1:9", "--data", "x"), "two different servers"),
        (("--url", "http://127.0.0.1:9", "--workspace", "x"), "--workspace is of --data"),
        (("--data", "nothing-here"), "there is no data in nothing-here"),
    ],
)
def test_where_nothing_answers(command, where, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = command("stats", where=where)
    assert result.code == 2
    assert words in result.err
    assert not (tmp_path / "nothing-here").exists()


def test_an_owner_that_serves_nothing_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "_STARTING_WAIT_S", 0.2)
    held = Ownership.take(tmp_path)
    try:
        with pytest.raises(StoreOwned, match=r"process \d+ owns .* and serves nothing"), connect(Target(data=tmp_path)):
            pass
    finally:
        held.release()


def test_an_unknown_workspace_is_said(command, house):
    result = command("stats", where=("--data", str(house.services.settings.data), "--workspace", "nobody"))
    assert result.code == 2
    assert "no workspace 'nobody'" in result.err


def test_a_server_that_is_not_ours_is_said(url):
    """An error without our shape is still a clear one."""
    import httpx

    answer = httpx.Response(502, content=b"<html>", request=httpx.Request("GET", "http://proxy.example/"))
    error = connection.refusal(answer)
    assert error.status == 502
    assert "answered 502" in error.message


def test_no_data_is_not_made_by_asking(tmp_path, monkeypatch):
    monkeypatch.delenv("TURNOUT_URL", raising=False)
    with pytest.raises(NotFound), connect(Target(data=tmp_path / "none")):
        pass
    assert not (tmp_path / "none").exists()


def test_ids_of_any_kind_stay_one_part_of_a_path():
    assert connection.path("campaigns", "a/b ?ü", "recipients") == "/v1/campaigns/a%2Fb%20%3F%C3%BC/recipients"
