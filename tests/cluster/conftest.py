"""A cluster in miniature for the whole run, and a house of Turnout's on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.processes import Command
from tests.standin.cluster import Cluster, start

from turnout.store.migrate import migrate
from turnout.store.server import ServerEngine

API_KEY = "test-api-key"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two shards, over empty stores."""
    running = start(tmp_path_factory.mktemp("cluster"))
    yield running
    running.end()


@pytest.fixture(scope="session")
def database(cluster: Cluster) -> str:
    """A database with the house's tables, laid out over both shards. Each module has workspaces of its own."""
    name = cluster.new_database()
    opened = ServerEngine(cluster.url(name))
    migrate(opened)
    opened.close()
    return name


@pytest.fixture(scope="session")
def engine(cluster: Cluster, database: str) -> Iterator[ServerEngine]:
    """The engine of the house, speaking to the first node."""
    opened = ServerEngine(cluster.url(database))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def node(cluster: Cluster, database: str) -> Callable[..., list[list[str]]]:
    """Asks one node: `node(1, "SELECT …")` is its rows, as text."""

    def ask(place: int, sql: str) -> list[list[str]]:
        return [line.split("\t") for line in cluster.ask(sql, node=place, database=database).splitlines()]

    return ask


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], httpx.Client]]:
    """Starts `turnout serve` on a store, with a data directory of its own: a client with a key."""
    running: list[Command] = []
    clients: list[httpx.Client] = []

    def begin(store: str) -> httpx.Client:
        data: Path = tmp_path_factory.mktemp("data")
        environment = {"TURNOUT_API_KEY": API_KEY, "TURNOUT_ACCESS_KEY": "test-access", "TURNOUT_STORE": store}
        process = Command(["serve", "--data", str(data), "--port", "0"], {**os.environ, **environment})
        running.append(process)
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "http://" in line:
                url = "http://" + line.split("http://", 1)[1].split()[0].rstrip("/.,")
                authorised = {"Authorization": f"Bearer {API_KEY}"}
                clients.append(httpx.Client(base_url=url, headers=authorised, timeout=60))
                return clients[-1]
        raise AssertionError(f"turnout serve ended: {''.join(lines)}")

    yield begin
    for client in clients:
        client.close()
    for process in running:
        process.close()
