"""A stand-in for a ClickHouse server as a running process: started, asked to fail, asked why it ended.

A directory goes in; out comes `StandIn`, with a URL for TURNOUT_STORE. Nothing here waits without a bound.
"""

from __future__ import annotations

import select
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import pytest

SERVER = Path(__file__).parent / "server.py"

START_TIMEOUT_S = 60

#: Longer than the engine takes to make or drop all tables of a database, also where four tests run at once.
ANSWER_TIMEOUT_S = 60


@dataclass(frozen=True)
class StandIn:
    """A running stand-in; `url` has the credentials, and takes a database's name at its end."""

    process: subprocess.Popen[str]
    url: str
    said: Path

    @property
    def address(self) -> str:
        """Host and port."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    def break_next(self, sql: str, when: str) -> None:
        """Break the next connection that asks something with `sql` in it: before, after,
        midway (in a stream), or meanwhile (the statement goes on for a second without its client)."""
        httpx.post(f"http://{self.address}/break", params={"sql": sql, "when": when}).raise_for_status()

    def new_database(self) -> str:
        """The URL of a fresh database."""
        name = f"d{uuid.uuid4().hex[:12]}"
        self._execute(f"CREATE DATABASE {name}")
        return f"{self.url}/{name}"

    def drop_database(self, url: str) -> None:
        """Drop a database that `new_database` has made."""
        self._execute(f"DROP DATABASE IF EXISTS {urlsplit(url).path.strip('/')} SYNC")

    def must_run(self) -> None:
        """Fail the test where the stand-in has ended by itself, with its last words."""
        if self.process.poll() is not None:
            words = self.said.read_text(errors="replace")[-2000:]
            pytest.fail(f"the ClickHouse server's stand-in ended with {self.process.returncode}: {words}", False)

    def end(self) -> None:
        """Kill it, and let go of it."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _execute(self, sql: str) -> None:
        self.must_run()
        where = urlsplit(self.url)
        answer = httpx.post(
            f"http://{self.address}/",
            params={"wait_end_of_query": "1"},
            content=sql,
            auth=(where.username or "", unquote(where.password or "")),
            timeout=ANSWER_TIMEOUT_S,
        )
        assert answer.status_code == 200, answer.text


def start(directory: Path) -> StandIn:
    """A stand-in over the store in a directory, once it listens."""
    said = directory.with_name(f"{directory.name}.said")
    with said.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, str(SERVER), str(directory)], stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_TIMEOUT_S)
    url = process.stdout.readline().strip() if ready else ""
    found = StandIn(process, url, said)
    if not url.startswith("clickhouse://"):
        found.end()
        pytest.fail(
            f"the ClickHouse server's stand-in did not start: {said.read_text(errors='replace')[-2000:]}", False
        )
    return found
