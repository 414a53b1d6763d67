"""`turnout serve`: credentials once, one owner, clean ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from turnout.store import ownership


def start(tmp_path, environment, *arguments):
    process = subprocess.Popen(
        [sys.executable, "-m", "turnout", "serve", "--data", str(tmp_path / "data"), "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if "http://" in line:
            return process, lines, "http://" + line.split("http://")[1].split()[0]
    raise AssertionError(process.communicate())


def finish(process, by=signal.SIGTERM):
    process.send_signal(by)
    _, err = process.communicate(timeout=30)
    return process.returncode, err


@pytest.fixture
def environment(tmp_path, store_of):
    import os

    kept = {name: value for name, value in os.environ.items() if not name.startswith("TURNOUT_")}
    return {**kept, **store_of(tmp_path / "data")}


def test_generated_credentials_work_and_are_shown_once(tmp_path, environment):
    process, lines, url = start(tmp_path, environment)
    shown = dict(line.strip().rsplit(maxsplit=1) for line in lines if line.startswith("  "))
    assert set(shown) == {"API key", "access key", "signing secret"}
    answer = httpx.get(f"{url}/v1/workspaces", headers={"Authorization": f"Bearer {shown['API key']}"})
    assert answer.json()["workspaces"][0]["access_key"] == shown["access key"]
    assert finish(process) == (0, "")

    json_log = {"TURNOUT_LOG_FORMAT": "json", "TURNOUT_LOG_LEVEL": "debug"}
    process, lines, url = start(tmp_path, environment | json_log)
    answer = httpx.get(f"{url}/rest/campaign/statistics", params={"access-token": shown["API key"]})
    assert answer.headers["x-request-id"]
    code, err = finish(process, signal.SIGINT)
    assert code == 0
    assert len(lines) == 1, lines
    assert lines[0].startswith("serving on http://127.0.0.1:")
    (request,) = [one for one in map(json.loads, err.splitlines()) if one["logger"] == "turnout.access"]
    assert request["request_id"] == answer.headers["x-request-id"]
    assert request["route"] == "/rest/campaign/statistics"
    assert shown["API key"] not in err


def test_a_second_server_is_told_of_the_first(tmp_path, turnout, turnout_process):
    first = turnout_process(tmp_path / "data")
    second = turnout("serve", "--data", tmp_path / "data", "--port", 0)
    assert second.code == 2
    assert second.out == ""
    assert f"error: process {first.process.pid} owns" in second.err
    assert f"serving at {first.url}" in second.err
    assert "give another --data directory" in second.err


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_an_ipv6_address_is_one_that_can_be_opened(tmp_path, environment, turnout):
    process, _, url = start(tmp_path, {**environment, "TURNOUT_API_KEY": "k"}, "--host", "::1")
    assert url.startswith("http://[::1]:")
    assert httpx.get(f"{url}/healthz").status_code == 200
    assert turnout("keys", "list", "--data", tmp_path / "data").code == 0
    assert finish(process) == (0, "")


@pytest.mark.parametrize("name", ["serve", "demo"])
def test_a_taken_port_is_said(tmp_path, turnout, name):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = turnout(name, "--data", tmp_path / "data", "--port", taken.getsockname()[1])
    assert result.code == 2
    assert "error: " in result.err
    assert "can't listen on 127.0.0.1:" in result.err
    assert "give another --port" in result.err
    assert ownership.owner(tmp_path / "data") is None


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (("--log-level", "loud"), {}, "unknown log level 'loud'"),
        (("--log-format", "xml"), {}, "unknown log format 'xml'"),
        ((), {"TURNOUT_LOG_FORMAT": "jsn"}, "did you mean 'json'?"),
        (("--port", "70000"), {}, "invalid value for '--port'"),
        ((), {"TURNOUT_PORT": "http"}, "invalid value for '--port' (env var: 'TURNOUT_PORT')"),
        ((), {"TURNOUT_READERS": "many"}, "TURNOUT_READERS must be a whole number, not 'many'"),
        (("--store", "sqlite://x"), {}, "'sqlite://x' is no store"),
        # It may hold a password, which nobody expects in a log.
        (("--store", "clickhose://u:hunter2@h/d"), {}, "TURNOUT_STORE: its URL is no store's"),
    ],
)
def test_what_can_t_be_served_is_said_in_a_line(tmp_path, command, monkeypatch, arguments, environment, words):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = command("serve", *arguments, where=("--data", str(tmp_path / "data")))
    assert result.code == 2
    assert words in result.err
    assert "hunter2" not in result.err


def test_an_unknown_zone_is_said_before_anything_is_kept(tmp_path, turnout):
    wrong = turnout("serve", "--data", "data", TURNOUT_TIMEZONE="Europe/Berlim")
    assert wrong.code == 2
    assert "did you mean 'Europe/Berlin'?" in wrong.err
    assert "Traceback" not in wrong.err
