"""The balancer's configuration in the real program, in front of two processes that only say what they were asked."""

from __future__ import annotations

import http.server
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.deploy.documents import DEPLOY

HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")

if HAPROXY is None and os.environ.get("CI"):
    raise RuntimeError("haproxy is not installed, and .ci/run installs it")

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="haproxy is not installed (Debian: apt-get install haproxy)")

WELL = '{"status":"ready","version":"0","parts":{"server":"ok","store":"ok","writer":"ok","disk":"ok"}}'
NO_STORE = WELL.replace('"ready"', '"not ready"').replace('"store":"ok"', '"store":"the store can\'t be reached"')
NO_ROOM = WELL.replace('"ready"', '"not ready"').replace('"disk":"ok"', '"disk":"7 bytes are free"')


class Process(http.server.ThreadingHTTPServer):
    """Stands in for one Turnout: what it says of itself, what it was asked, and whether it breaks off."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = WELL
        self.asked: list[tuple[str, str, list[str]]] = []
        self.breaks = False
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, *arguments: object) -> None:
        """Quiet."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Process

    def log_message(self, *arguments: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        if self.path == "/readyz":
            self._answer(200 if '"ready"' in self.server.state else 503, self.server.state)
        else:
            self._asked()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._asked()

    def _asked(self) -> None:
        self.server.asked.append((self.command, self.path, self.headers.get_all("X-Forwarded-For", [])))
        if self.server.breaks:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        else:
            self._answer(200, "{}")

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@pytest.fixture
def processes() -> Iterator[tuple[Process, Process]]:
    both = Process(), Process()
    yield both
    for one in both:
        one.shutdown()
        one.server_close()


@pytest.fixture
def balancer(processes, tmp_path: Path) -> Iterator[httpx.Client]:
    """The configuration as it is, but for addresses and how often processes are looked at."""
    text, public = (DEPLOY / "balancer/haproxy.cfg").read_text(), free_port()
    text = text.replace("bind :8080", f"bind 127.0.0.1:{public}").replace("bind :8405", f"bind 127.0.0.1:{free_port()}")
    for number, one in enumerate(processes, start=1):
        text = text.replace(f" turnout-{number}:8080", f" 127.0.0.1:{one.server_address[1]}")
    text = re.sub("inter 2s fastinter 500ms downinter 1s", "inter 50ms fastinter 50ms downinter 50ms", text)
    (tmp_path / "haproxy.cfg").write_text(text)
    assert HAPROXY
    with subprocess.Popen(
        [HAPROXY, "-db", "-q", "-f", str(tmp_path / "haproxy.cfg")], stdout=subprocess.DEVNULL
    ) as run:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{public}", timeout=20) as client:
                until(lambda: listens(public))
                yield client
        finally:
            run.kill()


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def until(found) -> None:
    """Wait for it."""
    deadline = time.monotonic() + 10
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def asked(processes) -> list[tuple[str, str, list[str]]]:
    return [one for process in processes for one in process.asked]


def test_the_program_finds_nothing_wrong_with_it():
    checked = subprocess.run(
        [str(HAPROXY), "-c", "-f", str(DEPLOY / "balancer/haproxy.cfg")], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    # The names are those of compose's network.
    warned = [line for line in checked.stderr.splitlines() if "WARNING" in line and "could not resolve" not in line]
    assert warned == []


def test_what_it_looks_for_is_what_turnout_says(url):
    (wanted,) = set(re.findall(r"expect rstring '(.*)'", (DEPLOY / "balancer/haproxy.cfg").read_text()))
    assert re.search(wanted, httpx.get(f"{url}/readyz").text)
    assert re.search(wanted, NO_STORE)
    assert not re.search(wanted, NO_ROOM)


def test_an_address_that_the_client_invents_stands_left_of_its_own(balancer, processes):
    answer = balancer.get("/v1/stats", headers={"X-Forwarded-For": "203.0.113.9"})
    assert answer.status_code == 200
    ((_, _, named),) = asked(processes)
    assert ",".join(named).replace(" ", "") == "203.0.113.9,127.0.0.1"


def test_counters_of_a_process_are_not_shown(balancer, processes):
    assert balancer.get("/metrics").status_code == 404
    assert asked(processes) == []


def test_events_that_may_have_arrived_are_not_sent_to_another_process(balancer, processes):
    for process in processes:
        process.breaks = True
    assert balancer.post("/v1/events", json={"type": "sent"}).status_code == 502
    assert [path for _, path, _ in asked(processes)] == ["/v1/events"]


def test_a_process_that_is_gone_costs_nobody_a_request(balancer, processes):
    processes[0].shutdown()
    processes[0].server_close()
    for number in range(20):
        assert balancer.post("/v1/events", json={"id": number}).status_code == 200
        assert balancer.get("/v1/stats").status_code == 200
    assert len(processes[1].asked) == 40


def test_without_a_store_events_are_taken_and_questions_are_not(balancer, processes):
    for process in processes:
        process.state = NO_STORE
    until(lambda: balancer.get("/v1/stats").status_code == 503)
    for path in ("/v1/events", "/r/abc", "/o/abc.gif", "/v1/live/show", "/hooks/ses/token"):
        assert balancer.post(path, content=b"{}").status_code == 200
    processes[0].state = WELL
    until(lambda: balancer.get("/v1/stats").status_code == 200)


def test_a_process_without_room_is_sent_nothing(balancer, processes):
    processes[0].state = NO_ROOM

    def left_alone() -> bool:
        before = len(processes[0].asked)
        for _ in range(4):
            balancer.post("/v1/events", content=b"{}")
        return len(processes[0].asked) == before

    until(left_alone)
    assert balancer.post("/v1/events", content=b"{}").status_code == 200


def test_who_asks_stays_with_one_process(balancer, processes):
    for _ in range(10):
        balancer.get("/v1/stats")
    assert sorted(len(process.asked) for process in processes) == [0, 10]


def test_all_beacons_of_a_show_go_to_one_process(balancer, processes):
    for number in range(8):
        for _ in range(3):
            # A page asks with its viewer's token, and each viewer with another.
            balancer.post(f"/v1/live/show{number}?token={_}", content=b"{}")
    shows = [{path.partition("?")[0] for _, path, _ in process.asked} for process in processes]
    assert all(shows)
    assert not shows[0] & shows[1]
    assert len(asked(processes)) == 24
