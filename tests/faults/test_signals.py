"""Told to stop, a server ends what is under way, whatever else it is told; nothing that it acknowledged is lost."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import httpx

from turnout.store.ownership import owner

EVENT = {"type": "sent", "id": "slow", "time": "2026-10-05T10:00:00Z", "campaign": "c"}
BODY = json.dumps([EVENT]).encode()
HEAD = (
    b"POST /v1/events HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer test-api-key\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
)


def half_a_request(url):
    place = urlsplit(url)
    connection = socket.create_connection((place.hostname, place.port))
    connection.settimeout(20)
    connection.sendall(HEAD + BODY[:10])
    return connection


def refuses(url):
    """Whether it takes no more connections."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            if httpx.get(f"{url}/healthz", timeout=5).status_code == 503:
                return True
        except httpx.TransportError:
            return True
        time.sleep(0.02)
    return False


def stop_as_it_starts(data):
    starting = subprocess.Popen(
        [sys.executable, "-m", "turnout", "serve", "--data", str(data), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 30
    while owner(data) is None:
        assert starting.poll() is None
        assert time.monotonic() < end
        time.sleep(0.005)
    starting.terminate()
    _, said = starting.communicate(timeout=30)
    assert starting.returncode in (0, -signal.SIGTERM)
    assert "Traceback" not in said


def test_what_is_under_way_is_finished_and_nothing_new_begun(turnout_process, tmp_path):
    server = turnout_process(tmp_path)
    with half_a_request(server.url) as slow:
        # Its beginning has been read by the time that another one is answered.
        assert httpx.get(f"{server.url}/healthz").status_code == 200
        server.process.send_signal(signal.SIGHUP)
        assert refuses(server.url)
        for more in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            server.process.send_signal(more)
        slow.sendall(BODY[10:])
        answer = slow.recv(4096)
        assert b"200 OK" in answer
        assert b'"accepted":1' in answer
    assert server.process.wait(30) == 0

    stop_as_it_starts(tmp_path)
    server = turnout_process(tmp_path)
    with server.client() as client:
        again = client.post("/v1/events", json=[EVENT])
        assert again.json() == {"accepted": 0, "duplicates": 1, "rejected": []}
