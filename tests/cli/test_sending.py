"""Sending with patience, against a real socket that says no first."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from turnout.capture.files import Chunk, Refused
from turnout.cli import sending
from turnout.cli.connection import Connection, Unreachable
from turnout.cli.connection import Refused as Denied
from turnout.cli.sending import Sender


class Moody(ThreadingHTTPServer):
    """Answers each request with the next of `moods`: a status, or None to hang up; then 200."""

    def __init__(self, *moods: int | None) -> None:
        self.moods = list(moods)
        self.bodies: list[bytes] = []
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Moody

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            mood = self.server.moods.pop(0) if self.server.moods else 200
            if mood == 200:
                self.server.bodies.append(body)
        if mood is None:
            self.connection.close()
            return
        count = len(body.splitlines())
        answer = {"accepted": count, "duplicates": 0, "rejected": []}
        if mood != 200:
            answer = {"error": {"code": "no", "message": f"no: {mood}"}}
        raw = json.dumps(answer).encode()
        self.send_response(mood)
        self.send_header("Retry-After", "0")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def moody() -> Iterator:
    """Makes a moody server and a sender to it."""
    opened = []

    def make(*moods):
        server = Moody(*moods)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        client = httpx.Client(base_url=url, trust_env=False)
        opened.append((server, thread, client))
        return server, Sender(Connection(client, url, local=True))

    yield make
    for server, thread, client in opened:
        client.close()
        server.shutdown()
        thread.join()
        server.server_close()


def chunk(first, count):
    places = list(range(first, first + count))
    return Chunk("file", "line", [b'{"n":%d}' % place for place in places], places)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(sending, "_FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(sending, "_HIGHEST_WAIT_S", 0.02)


@pytest.mark.parametrize("moods", [(503, 429), (None, None), (502, None, 504)])
def test_it_tries_again_until_it_is_taken(moody, moods):
    server, sender = moody(*moods)
    tally = sender.send([chunk(1, 3), chunk(4, 2)])
    assert (tally.accepted, tally.retries) == (5, len(moods))
    assert sorted(b"\n".join(server.bodies).splitlines()) == [b'{"n":%d}' % n for n in (1, 2, 3, 4, 5)]


def test_what_no_patience_helps_is_raised_at_once(moody):
    _, sender = moody(200, 401)
    with pytest.raises(Denied, match="no: 401"):
        sender.send([chunk(1, 3)] + [chunk(9, 1)] * 5)
    assert sender.tally.retries == 0
    assert sender.tally.accepted >= 1


def test_patience_ends(moody, monkeypatch):
    monkeypatch.setattr(sending, "_PATIENCE_TRIES", 3)
    _, sender = moody(*[None] * 10)
    with pytest.raises(Unreachable, match="no answer from") as raised:
        sender.send([chunk(1, 1)])
    assert "counts nothing twice" in raised.value.hint
    assert sender.tally.events == 0


def test_a_chunk_that_is_too_large_goes_in_halves(moody):
    server, sender = moody(413, 413)
    tally = sender.send([chunk(1, 8)])
    assert tally.accepted == 8
    assert [len(body.splitlines()) for body in server.bodies] == [2, 2, 4]


def test_one_event_that_is_too_large_is_an_error(moody):
    _, sender = moody(413, 413)
    with pytest.raises(Denied, match="no: 413"):
        sender.send([chunk(1, 2)])


def test_lines_refused_before_sending_are_counted_once(moody):
    _, sender = moody(413)
    with_bad = chunk(1, 4)
    with_bad.refused.append(Refused(9, "", "no JSON"))
    only_bad = Chunk("file", "line", refused=[Refused(10, "", "no JSON")])
    tally = sender.send([with_bad, only_bad])
    assert (tally.accepted, tally.rejected) == (4, 2)
    assert [one.where for one in tally.first] == ["file:9", "file:10"]
