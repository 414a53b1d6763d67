"""Both engines: chDB in this process, and a ClickHouse server's stand-in over HTTP."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from turnout import app
from turnout.store.embedded import EmbeddedEngine
from turnout.store.engine import Engine, Parameters
from turnout.store.server import ServerEngine

STANDIN = Path(__file__).parents[1] / "standin" / "server.py"


@dataclass(frozen=True)
class StandIn:
    """A running stand-in; `url` has the credentials, and takes a database's name at its end."""

    process: subprocess.Popen[str]
    url: str

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
        engine = ServerEngine(f"{self.url}/default")
        engine.execute(f"CREATE DATABASE {name}")
        engine.close()
        return f"{self.url}/{name}"


@pytest.fixture(scope="session")
def start_standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], StandIn]]:
    """Starts stand-ins, each over a store of its own."""
    running: list[subprocess.Popen[str]] = []

    def start() -> StandIn:
        directory = tmp_path_factory.mktemp("standin")
        process = subprocess.Popen([sys.executable, str(STANDIN), str(directory)], stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("clickhouse://"), url
        return StandIn(process, url)

    yield start
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="session")
def standin(start_standin: Callable[[], StandIn]) -> StandIn:
    """The one that most tests share."""
    return start_standin()


@pytest.fixture(scope="session", params=["embedded", "server"])
def make_engine(request: pytest.FixtureRequest, house: app.House) -> Iterator[Callable[..., Engine]]:
    """Opens an engine of one kind: `make_engine(readers=1, query_timeout_s=1)`."""
    opened: list[Engine] = []

    def make(**options: object) -> Engine:
        engine: Engine
        if request.param == "embedded":
            # The engine allows one directory per process, and any number of connections to it.
            engine = EmbeddedEngine(house.services.settings.data / "store", **options)  # type: ignore[arg-type]
        else:
            url = request.getfixturevalue("standin").url
            engine = ServerEngine(f"{url}/default", **options)  # type: ignore[arg-type]
        opened.append(engine)
        return engine

    yield make
    for engine in opened:
        engine.close()


@pytest.fixture(scope="session")
def engine(make_engine: Callable[..., Engine]) -> Engine:
    """An engine with the usual limits."""
    return make_engine()


@pytest.fixture
def fresh_engine(standin: StandIn) -> Iterator[Engine]:
    """A server with an empty database."""
    engine = ServerEngine(standin.new_database())
    yield engine
    engine.close()


@pytest.fixture
def connect(standin: StandIn) -> Iterator[Callable[[str], ServerEngine]]:
    """Opens a `ServerEngine` on a URL."""
    opened: list[ServerEngine] = []

    def make(url: str) -> ServerEngine:
        opened.append(ServerEngine(url))
        return opened[-1]

    yield make
    for engine in opened:
        engine.close()


class Died(Exception):
    """What `Dying` dies of."""


class Dying:
    """An engine whose process dies before its statement number `last` + 1."""

    def __init__(self, engine: Engine, last: int) -> None:
        self._engine = engine
        self._left = last

    def execute(self, sql: str, parameters: Parameters | None = None) -> None:
        """As the engine, until the end."""
        if self._left == 0:
            raise Died(sql)
        self._left -= 1
        self._engine.execute(sql, parameters)

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)


@pytest.fixture
def dying() -> type[Dying]:
    """Makes engines that die: `dying(engine, last=3)`."""
    return Dying
