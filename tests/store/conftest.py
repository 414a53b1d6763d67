"""Both engines: chDB in this process, and a ClickHouse server's stand-in over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.standin.process import StandIn

from turnout import app
from turnout.store.embedded import EmbeddedEngine
from turnout.store.engine import Engine, Parameters
from turnout.store.server import ServerEngine


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

    #: What it raises then, for tests that don't know this module.
    Died = Died

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
