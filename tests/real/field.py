"""A store that several processes share, and processes on it: what the tests of this folder are run on.

Three kinds, the same tests. `servers` are those that TURNOUT_TEST_CLUSTER names (`make test-cluster`), a cluster or one
server. Without it, two stand-ins: `standin`, one server's HTTP protocol in front of the engine, and `miniature`, two
shards that know each other. What only real servers have (replicas, Keeper, quorums) only they can be tested for.
"""

from __future__ import annotations

import os
import select
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
from tests.processes import Command
from tests.standin.cluster import Cluster
from tests.standin.process import StandIn

from turnout.store.address import Address, parse_url

API_KEY = "test-api-key"

#: Another process sees what one has acknowledged within a second and an insert, and a change of the registry as soon.
#: This is longer, for machines that are busy.
SEEN_WITHIN_S = 20.0

START_TIMEOUT_S = 120
ANSWER_TIMEOUT_S = 120


@dataclass(frozen=True)
class Store:
    """A fresh database. `url` is what TURNOUT_STORE is set to; `kind` is servers, standin or miniature."""

    kind: str
    url: str

    @property
    def address(self) -> Address:
        """What the URL says."""
        return parse_url(self.url)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The HTTP addresses of the nodes that it names."""
        scheme = "https" if self.address.secure else "http"
        return tuple(f"{scheme}://{host}/" for host in self.address.hosts)

    def ask(self, sql: str, node: int = 0, database: str = "", **settings: str | int) -> list[list[str]]:
        """What a node answers, as rows of text."""
        address = self.address
        answer = httpx.post(
            self.nodes[node],
            params={"database": database or address.database, "wait_end_of_query": 1, **settings},
            content=sql,
            auth=(address.user, address.password),
            timeout=ANSWER_TIMEOUT_S,
            verify=address.verify,
        )
        assert answer.status_code == 200, answer.text
        return [line.split("\t") for line in answer.text.splitlines()]

    def tables(self, node: int = 0) -> set[str]:
        """Tables and views of the database on a node."""
        sql = "SELECT name FROM system.tables WHERE database = currentDatabase() AND NOT startsWith(name, '.')"
        return {name for (name,) in self.ask(sql, node)}


@contextmanager
def on_servers(url: str) -> Iterator[Callable[[], Store]]:
    """Makes databases on the servers of a URL, on all nodes of a cluster, and drops them at the end."""
    address = parse_url(url)
    everywhere = f" ON CLUSTER '{address.cluster}'" if address.cluster else ""
    with ExitStack() as ending:

        def make() -> Store:
            name = f"turnout_test_{uuid.uuid4().hex[:12]}"
            before, _, options = url.partition("?")
            scheme, _, rest = before.partition("://")
            where = f"{scheme}://{rest.partition('/')[0]}/{name}"
            made = Store("servers", f"{where}?{options}" if options else where)
            made.ask(f"CREATE DATABASE {name}{everywhere}", database="default")
            ending.callback(lambda: made.ask(f"DROP DATABASE IF EXISTS {name}{everywhere} SYNC", database="default"))
            return made

        yield make


def on_standin(running: StandIn) -> Callable[[], Store]:
    """Makes databases on one server's stand-in."""
    return lambda: Store("standin", running.new_database())


def on_miniature(running: Cluster) -> Callable[[], Store]:
    """Makes databases on two shards' stand-ins; both nodes are named."""

    def make() -> Store:
        url = running.url(running.new_database())
        return Store("miniature", url.replace(running.addresses[0], ",".join(running.addresses)))

    return make


@dataclass(frozen=True)
class Process:
    """A Turnout on a store; `client` is authorised, `data` its directory. Of one that ran before there is no more."""

    client: httpx.Client
    data: Path | None = None
    command: Command | None = None

    def sent(self, **query: str) -> dict[str, int]:
        """Totals of /v1/stats."""
        answer = self.client.get("/v1/stats", params={"metrics": "sent,unique_sent,events", **query})
        assert answer.status_code == 200, answer.text + self.words()
        totals: dict[str, int] = answer.json()["totals"]
        return totals

    def words(self) -> str:
        """The last that it has logged, for the message of a test that fails."""
        said = b""
        while self.command is not None and select.select([self.command.stdout], [], [], 0)[0]:
            piece = os.read(self.command.stdout.fileno(), 65536)
            if not piece:
                break
            said += piece
        return said.decode(errors="replace")[-3000:]

    def send(self, events: list[dict[str, object]]) -> tuple[int, int]:
        """Post events: how many were new, and how many known."""
        answer = self.client.post("/v1/events", json=events)
        assert answer.status_code == 200, answer.text + self.words()
        found = answer.json()
        assert found["rejected"] == []
        return found["accepted"], found["duplicates"]


def begin(data: Path, store: str, **settings: str) -> Command:
    """Start `turnout serve` on a store, and don't wait for it."""
    own = {"TURNOUT_API_KEY": API_KEY, "TURNOUT_ACCESS_KEY": "test-access", "TURNOUT_STORE": store, **settings}
    return Command(["serve", "--data", str(data), "--port", "0"], {**os.environ, **own})


def begun(command: Command, data: Path) -> Process:
    """Wait until it serves."""
    said, deadline = "", time.monotonic() + START_TIMEOUT_S
    while "serving on http://" not in said:
        ready, _, _ = select.select([command.stdout], [], [], max(0.0, deadline - time.monotonic()))
        line = os.read(command.stdout.fileno(), 65536).decode(errors="replace") if ready else ""
        assert line, f"turnout serve did not start: {said}"
        said += line
    url = said.split("serving on ", 1)[1].split()[0]
    headers = {"Authorization": f"Bearer {API_KEY}"}
    return Process(httpx.Client(base_url=url, headers=headers, timeout=ANSWER_TIMEOUT_S), data, command)


def until(found: Callable[[], bool], within_s: float = SEEN_WITHIN_S) -> float:
    """Wait for it; the seconds that it took."""
    began = time.monotonic()
    while not found():
        assert time.monotonic() - began < within_s, f"not within {within_s} seconds"
        time.sleep(0.2)
    return time.monotonic() - began


def events(first: int, count: int, campaign: str) -> list[dict[str, object]]:
    """Events with ids; two of each person."""
    return [
        {
            "type": "sent",
            "time": 1_791_200_000 + number * 61,
            "campaign": campaign,
            "id": f"{campaign}-{number}",
            "recipient": f"r{number // 2}@example.com",
        }
        for number in range(first, first + count)
    ]


def campaign_url(name: str) -> str:
    """The path of a campaign."""
    return f"/v1/campaigns/{quote(name)}"
