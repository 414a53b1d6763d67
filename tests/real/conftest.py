"""The stores that these tests run on, each with two processes that were started at the same moment."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.processes import Command
from tests.real.field import API_KEY, Process, Store, begin, begun, on_miniature, on_servers, on_standin
from tests.standin import cluster

#: A URL as TURNOUT_STORE takes it, of whoever may make databases: clickhouse://user:password@h1:8123,h2:8123/?cluster=main
SERVERS = os.environ.get("TURNOUT_TEST_CLUSTER", "")

#: Two Turnout processes that run already on one store, and a key of theirs: http://one:8080,http://two:8080
PROCESSES = os.environ.get("TURNOUT_TEST_PROCESSES", "")

#: What the tests run on: the servers, or without any the stand-ins.
KINDS = ("servers",) if SERVERS else ("standin", "miniature")


@pytest.fixture(scope="session", params=KINDS)
def new_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Store]]:
    """Makes fresh databases."""
    if request.param == "servers":
        with on_servers(SERVERS) as make:
            yield make
    elif request.param == "standin":
        yield on_standin(request.getfixturevalue("standin"))
    else:
        running = cluster.start(tmp_path_factory.mktemp("miniature"))
        yield on_miniature(running)
        running.end()


@pytest.fixture(scope="session")
def store(new_database: Callable[[], Store]) -> Store:
    """The database that most tests share."""
    return new_database()


@dataclass
class Start:
    """Starts processes, each on a data directory of its own unless one is given, and ends them all."""

    store: Store
    directory: Callable[[], Path]
    ending: ExitStack

    def begin(self, data: Path | None = None, **settings: str) -> tuple[Command, Path]:
        """One that is not waited for."""
        data = data or self.directory()
        command = begin(data, self.store.url, **settings)
        self.ending.callback(command.close)
        return command, data

    def __call__(self, data: Path | None = None, **settings: str) -> Process:
        found = begun(*self.begin(data, **settings))
        self.ending.callback(found.client.close)
        return found


@pytest.fixture(scope="session")
def start(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts processes on the shared database: `start(TURNOUT_FLUSH_AGE_MS="600000")`."""
    with ExitStack() as ending:
        yield Start(store, lambda: tmp_path_factory.mktemp("data"), ending)


@pytest.fixture(scope="session")
def both(start: Start) -> Iterator[tuple[Process, Process]]:
    """Two processes that found an empty database at the same moment and made the schema; or those that run already."""
    if PROCESSES:
        key = os.environ.get("TURNOUT_API_KEY", API_KEY)
        one, two = (
            httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=120)
            for url in PROCESSES.split(",")
        )
        with one, two:
            yield Process(one), Process(two)
        return
    begun_both = [start.begin(), start.begin()]
    one_process, two_process = (begun(*one) for one in begun_both)
    with one_process.client, two_process.client:
        yield one_process, two_process


@pytest.fixture
def own_processes(both: tuple[Process, Process]) -> None:
    """For tests that look into the database of the processes, or start more of them."""
    if PROCESSES:
        pytest.skip("the processes of TURNOUT_TEST_PROCESSES have a store of their own")


@pytest.fixture
def once(store: Store) -> None:
    """For tests that start several processes: of the two stand-ins, one is enough."""
    if store.kind == "standin":
        pytest.skip("run on the other stand-in")
