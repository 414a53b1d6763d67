"""One real server for the whole run: a real engine, a real socket. Each test gets a workspace of its own.

The engine allows one data directory per process, so tests that need another one start a process
(`turnout_process`).

With TURNOUT_TEST_STORE=server (`make test-server`) the same tests run with their store behind a URL: on a stand-in for
a ClickHouse server, a database for each data directory.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime as dt
import functools
import os
import secrets
import ssl
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.processes import Command
from tests.standin.process import StandIn, start

from turnout import app, serving
from turnout.demo.load import chunks
from turnout.demo.sample import sample
from turnout.model import SCOPES, ApiKey, Workspace
from turnout.settings import Settings
from turnout.store.catalog import digest_of
from turnout.store.migrate import migrate
from turnout.store.records import Records

API_KEY = "test-api-key"

#: The sample of the tests ends then.
SAMPLED_AT = dt.datetime(2026, 11, 18, 15, 30, tzinfo=dt.UTC)

TESTS = Path(__file__).parent

STORE = os.environ.get("TURNOUT_TEST_STORE") or "embedded"
ON_SERVER = STORE == "server"

SESSION_SECRET = "what-all-processes-of-a-store-know"

#: What takes longest, longest first: begun early, it has company to its end.
SLOWEST = (
    "faults/test_kills.py",
    "bench/test_command.py",
    "cli/test_upkeep.py",
    "stats/test_judge.py",
    "faults/test_damage.py",
    "stats/test_finished.py",
    "cli/test_demo.py",
)


def pytest_configure(config: pytest.Config) -> None:
    """The store must be one that there is."""
    if STORE not in ("embedded", "server"):
        raise pytest.UsageError(f"TURNOUT_TEST_STORE is embedded or server, not '{STORE}'")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Say what is left out, where the whole is not run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if ON_SERVER and reporter is not None and not hasattr(session.config, "workerinput"):
        reporter.write_line("The store is behind a ClickHouse server's stand-in.")
        reporter.write_line("Left out: tests that open no store, or one of their own in every run.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the files that take longest first; within a file the order stays. Leave out what has nothing new to say."""
    if ON_SERVER:
        marks = {item: item.get_closest_marker("embedded") for item in items}
        config.hook.pytest_deselected(items=[item for item in items if not (marks[item] or _asks_the_store(item))])
        items[:] = [item for item in items if marks[item] or _asks_the_store(item)]
        for item in items:
            if mark := marks[item]:
                item.add_marker(pytest.mark.skip(reason=f"of the embedded store: {mark.args[0]}"))
    places = {str(TESTS / name): place for place, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: places.get(str(item.path), len(places)))


def _asks_the_store(item: pytest.Item) -> bool:
    """Whether a test opens the store that the run is about. Who asks for servers or shards by name has them always."""
    fixtures = set(getattr(item, "fixturenames", ()))
    has_its_own = fixtures & {"standin", "start_standin", "make_engine", "cluster", "new_database"}
    return "new_store" in fixtures and not has_its_own


@pytest.fixture(scope="session")
def start_standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], StandIn]]:
    """Starts stand-ins for ClickHouse servers, each over a store of its own."""
    with contextlib.ExitStack() as running:

        def begin() -> StandIn:
            found = start(tmp_path_factory.mktemp("standin"))
            running.callback(found.end)
            return found

        yield begin


@pytest.fixture(scope="session")
def standin(start_standin: Callable[[], StandIn]) -> StandIn:
    """The one that most tests share."""
    return start_standin()


@pytest.fixture(scope="session")
def new_store(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Makes a store, for a data directory that has none yet: its URL, empty where it is in that directory."""
    if not ON_SERVER:
        return lambda: ""
    running: StandIn = request.getfixturevalue("standin")
    return running.new_database


@pytest.fixture
def store_of(
    request: pytest.FixtureRequest, new_store: Callable[[], str]
) -> Iterator[Callable[[Path], Mapping[str, str]]]:
    """What a process on a data directory must find in its environment, so that it finds that directory's store."""
    made: dict[Path, str] = {}

    def of(data: Path) -> Mapping[str, str]:
        if not ON_SERVER:
            return {}
        where = data.resolve()
        if where not in made:
            made[where] = new_store()
        # Where several processes may share a store, a start without a secret that all of them know is warned of.
        return {"TURNOUT_STORE": made[where], "TURNOUT_SESSION_SECRET": SESSION_SECRET}

    yield of
    for url in made.values():
        request.getfixturevalue("standin").drop_database(url)


@pytest.fixture(autouse=True)
def _standin_runs(request: pytest.FixtureRequest) -> Iterator[None]:
    """A stand-in that has ended fails the test that it ended in, and all later ones at once, with its last words."""
    if not ON_SERVER:
        yield
        return
    running: StandIn = request.getfixturevalue("standin")
    running.must_run()
    yield
    running.must_run()


@pytest.fixture(scope="session", autouse=True)
def _certificates_read_once() -> Iterator[None]:
    """Every httpx client reads the trusted certificates anew, which took about a sixth of the suite's time; nothing
    here talks to https."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", functools.cache(ssl.create_default_context))
        yield


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, new_store: Callable[[], str]) -> Iterator[app.House]:
    """An opened house on a fresh directory."""
    data = tmp_path_factory.mktemp("house")
    # What is looked at again, and when, is for each test to say.
    settings = Settings(
        data=data,
        store=new_store(),
        port=0,
        api_key=API_KEY,
        access_key="test-access",
        readers=3,
        review_delay_s=0,
    )
    _make_workspaces(settings)
    opened = app.open_house(settings)
    yield opened
    opened.close()


#: Workspaces that wait for tests, each with the secret of its key: two inserts for all of them, not for each.
_WAITING: list[tuple[str, str]] = []


def _make_workspaces(settings: Settings, count: int = 600) -> None:
    engine = app.open_engine(settings)
    migrate(engine)
    workspaces, keys, moment = [], [], dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    for _ in range(count):
        name, secret = f"t{uuid.uuid4().hex[:12]}", f"tk_{uuid.uuid4().hex}"
        made = Workspace(
            id=name,
            name=name,
            access_key=uuid.uuid4().hex[:16],
            signing_secret=base64.b64encode(secrets.token_bytes(32)).decode(),
            created_at=moment,
        )
        key = ApiKey(id=uuid.uuid4().hex[:12], workspace=name, digest=digest_of(secret), created_at=moment)
        workspaces.append(("", name, made))
        keys.append((name, key.id, key))
        _WAITING.append((name, secret))
    records = Records(engine)
    records.write("workspace", workspaces)
    records.write("key", keys)
    engine.close()


@pytest.fixture(scope="session")
def url(house: app.House) -> Iterator[str]:
    """The address of a server on that house."""
    with serve_house(house) as where:
        yield where


@pytest.fixture
def served_with(house: app.House, url: str) -> Iterator[Callable[..., str]]:
    """Serves that house once more, with other settings: `served_with(body_timeout_s=1)` is the address."""
    with contextlib.ExitStack() as servers:

        def serve(**settings: Any) -> str:
            services = replace(house.services, settings=replace(house.services.settings, **settings))
            return servers.enter_context(serve_house(replace(house, services=services)))

        yield serve
    # The last that was served is whom commands talk to.
    house.ownership.announce(url=url, token=house.services.local_token)


@contextlib.contextmanager
def serve_house(house: app.House) -> Iterator[str]:
    started, stopping = threading.Event(), []
    found: list[str] = []

    async def main() -> None:
        stop = asyncio.Event()
        stopping.append((asyncio.get_running_loop(), stop))
        async with serving.serving(house) as where:
            found.append(where)
            started.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(main(),), daemon=True)
    thread.start()
    assert started.wait(30)
    yield found[0]
    loop, stop = stopping[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(30)


@dataclass(frozen=True)
class Tenant:
    """A workspace of one test: `client` is authorised with a key of every scope."""

    workspace: Workspace
    key: str
    client: httpx.Client

    def send(self, *events: dict[str, object]) -> dict[str, object]:
        """Post events, and insist that all were accepted or known."""
        answer = self.client.post("/v1/events", json=list(events))
        assert answer.status_code == 200, answer.text
        body: dict[str, object] = answer.json()
        assert not body["rejected"], body
        return body

    def stats(self, metrics: str, **query: str) -> dict[str, object]:
        """Ask /v1/stats (`from_` is `from`)."""
        query = {name.removesuffix("_"): value for name, value in query.items()}
        answer = self.client.get("/v1/stats", params={"metrics": metrics, **query})
        assert answer.status_code == 200, answer.text
        body: dict[str, object] = answer.json()
        return body


@pytest.fixture
def make_tenant(house: app.House, url: str) -> Iterator[Callable[..., Tenant]]:
    """Makes workspaces: `make_tenant(timezone="Asia/Kolkata", scopes=("read",))`."""
    clients = []

    def make(timezone: str = "UTC", scopes: tuple[str, ...] = SCOPES) -> Tenant:
        catalog = house.services.catalog
        if _WAITING and (timezone, scopes) == ("UTC", SCOPES):
            name, key = _WAITING.pop()
            workspace = catalog.workspace(name)
        else:
            workspace = catalog.add_workspace(f"t{uuid.uuid4().hex[:12]}", timezone=timezone)
            _, key = catalog.add_key(workspace.id, scopes=scopes)
        client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)
        clients.append(client)
        return Tenant(workspace, key, client)

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def tenant(make_tenant: Callable[..., Tenant]) -> Tenant:
    """A fresh workspace in UTC."""
    return make_tenant()


@pytest.fixture(scope="session")
def sampled(house: app.House, url: str) -> Iterator[Tenant]:
    """The workspace of the sample campaigns, as `turnout demo` loads them; for tests that only look."""
    catalog = house.services.catalog
    workspace = catalog.add_workspace(f"sampled{uuid.uuid4().hex[:8]}", timezone="Europe/Berlin")
    _, key = catalog.add_key(workspace.id)
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        found = sample(SAMPLED_AT)
        for body in found.campaigns:
            client.put(f"/v1/campaigns/{body['id']}", json=body).raise_for_status()
        for chunk in chunks(found):
            answer = client.post("/v1/events", content=b"\n".join(chunk.lines))
            assert answer.status_code == 200, answer.text
        yield Tenant(workspace, key, client)


@pytest.fixture
def visit(url: str) -> Iterator[Callable[[Tenant], httpx.Client]]:
    """Signs in at the dashboard: `visit(tenant)` is a client with the session's cookie, which follows no redirects."""
    clients = []

    def enter(tenant: Tenant) -> httpx.Client:
        client = httpx.Client(base_url=url, timeout=60)
        clients.append(client)
        answer = client.post("/sign-in", data={"key": tenant.key})
        assert answer.status_code == 303, answer.text
        return client

    yield enter
    for client in clients:
        client.close()


@dataclass
class ServerProcess:
    """`turnout serve` in a process of its own, with the key `test-api-key`."""

    process: Command
    url: str
    data: Path

    def client(self) -> httpx.Client:
        """A client with the key."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {API_KEY}"}, timeout=60)


@pytest.fixture
def turnout_process(store_of: Callable[[Path], Mapping[str, str]]) -> Iterator[Callable[..., ServerProcess]]:
    """Starts `turnout serve --data DIR --port 0` and waits until it listens; killed at the test's end."""
    running: list[Command] = []

    def begin(data: Path, *arguments: str, **environment: str) -> ServerProcess:
        process = Command(
            ["serve", "--data", str(data), "--port", "0", *arguments],
            {
                **os.environ,
                "TURNOUT_API_KEY": API_KEY,
                "TURNOUT_ACCESS_KEY": "test-access",
                **({} if "TURNOUT_STORE" in environment else store_of(data)),
                **environment,
            },
        )
        running.append(process)
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "http://" in line:
                url = "http://" + line.split("http://", 1)[1].split()[0].rstrip("/.,")
                return ServerProcess(process, url, data)
        raise AssertionError(f"turnout serve ended: {''.join(lines)}")

    yield begin
    for process in running:
        process.close()
