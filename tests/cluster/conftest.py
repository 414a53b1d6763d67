"""A cluster in miniature for the whole run, and a house of Turnout's on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.processes import Command
from tests.standin.cluster import Cluster, start

API_KEY = "test-api-key"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two shards, over empty stores."""
    running = start(tmp_path_factory.mktemp("cluster"))
    yield running
    running.end()


@pytest.fixture(scope="module")
def database(cluster: Cluster) -> str:
    """A database of the module's own."""
    return cluster.new_database()


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
