"""Who is human, found anew on two shards: as the embedded store and the judge find it, whatever dies on the way.

That a replica is away can't be shown here, where there are no replicas: the servers' word about it is made up.
"""

from __future__ import annotations

import datetime as dt
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from tests.ingest.test_reclassify import ALLOW, CHROME, CURL, judged, random_events
from tests.standin.cluster import Cluster

from turnout.errors import Overloaded, TurnoutError
from turnout.ingest.reclassify import Reclassifier
from turnout.model import Workspace
from turnout.store import replicas, revision
from turnout.store.engine import rows
from turnout.store.events import FIRST_MS, LAST_MS, Cells, EventStore
from turnout.store.revision import drop_left_behind
from turnout.store.server import ServerEngine

EVENTS = random_events(7, 400)


@pytest.fixture(scope="module")
def database(cluster: Cluster) -> str:
    """One of this module's own; the first process makes its tables."""
    return cluster.new_database()


@pytest.fixture(scope="module")
def clients(cluster: Cluster, database: str, serve: Callable[[str], httpx.Client]) -> tuple[httpx.Client, httpx.Client]:
    """Two processes, each at a node of its own, which look again after a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TURNOUT_REVIEW_DELAY_S", "1")
        return serve(cluster.url(database)), serve(cluster.url(database, node=1))


@pytest.fixture(scope="module")
def engine(cluster: Cluster, database: str, clients: object) -> Iterator[ServerEngine]:
    opened = ServerEngine(cluster.url(database))
    yield opened
    opened.close()


@pytest.fixture
def node(cluster: Cluster, database: str) -> Callable[..., list[list[str]]]:
    """Asks one node of this module's database."""

    def ask(place: int, sql: str) -> list[list[str]]:
        return [line.split("\t") for line in cluster.ask(sql, node=place, database=database).splitlines()]

    return ask


def exported(client: httpx.Client) -> dict[str, tuple[str, list[str]]]:
    """The class and the reasons of every event of the judge's, by its place in the list."""
    lines = client.get("/v1/events", params={"campaign": "spring,sümmer '\\"}).raise_for_status().text.splitlines()
    found = [json.loads(line) for line in lines]
    return {one["send_id"]: (one["traffic"], sorted(one.get("reasons", ()))) for one in found}


def by_traffic(client: httpx.Client, **asked: str) -> dict[str, int]:
    parameters = {"metrics": "events", "dimensions": "traffic", "traffic": "all", **asked}
    answer = client.get("/v1/stats", params=parameters).raise_for_status().json()
    return {row["traffic"]: row["events"] for row in answer["rows"]}


def reclassified(client: httpx.Client, **asked: Any) -> Any:
    answer = client.post("/v1/reclassify", json=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def scratch(node: Callable[..., list[list[str]]]) -> list[list[str]]:
    asked = "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE 'reclassify_%'"
    return [*node(0, asked), *node(1, asked)]


def test_all_of_it_is_found_as_on_one_machine(clients, tenant, node):
    here, there = clients
    for client in (here, tenant.client):
        client.patch("/v1/workspaces", json=ALLOW).raise_for_status()
        assert client.post("/v1/events", json=EVENTS).raise_for_status().json()["accepted"] == len(EVENTS)
    before = exported(here)
    assert before == exported(tenant.client)
    counted = by_traffic(there)
    assert counted == Counter(kind for kind, _ in before.values())

    assert reclassified(here, dry_run=True) == reclassified(tenant.client, dry_run=True)
    assert exported(here) == before
    report = reclassified(here)
    assert report == reclassified(tenant.client)
    assert report["changed"] > 10

    after = exported(here)
    assert after == exported(tenant.client)
    expected = {event["send_id"]: judged(event, EVENTS) for event in EVENTS}
    looked = {name: (one[0], sorted(one[1])) for name, one in expected.items() if one is not None}
    assert {name: after[name] for name in looked} == looked
    assert set(report["reasons"]) >= {"many_links_at_once", "many_recipients_at_once", "near_hidden_link", "allowed"}
    # What the other process has kept, it asks for anew.
    assert by_traffic(there) == Counter(kind for kind, _ in after.values()) != counted
    assert here.post("/v1/check", json={}).json()["differences"] == []
    assert reclassified(there)["changed"] == 0
    assert scratch(node) == []


def test_the_clicks_of_one_address_are_counted_over_all_shards(clients, node):
    """Eleven clicks of eleven persons, neither shard having more than ten; and three links of one person."""
    now = dt.datetime.now(dt.UTC).isoformat()
    click = {"type": "clicked", "time": now, "message": "m", "user_agent": CHROME}
    gateway = [
        {**click, "campaign": "gateway", "recipient": f"p{n}", "ip": "203.0.113.40", "link": "a"} for n in range(11)
    ]
    hasty = [{**click, "campaign": "hasty", "recipient": "ada", "ip": "203.0.113.41", "link": link} for link in "abc"]
    assert clients[0].post("/v1/events", json=[*gateway, *hasty]).raise_for_status().json()["accepted"] == 14
    # A question waits until they are stored.
    assert by_traffic(clients[0], campaign="gateway") == {"human": 11}
    held = [node(place, "SELECT count() FROM events_local WHERE campaign = 'gateway'") for place in (0, 1)]
    assert all(0 < int(count) < 11 for ((count,),) in held)
    # Nobody asks for it: each process looks again, a second later, at what it has stored.
    until = time.monotonic() + 30
    expected = [{"scanner": 11}, {"scanner": 3}]
    found: list[dict[str, int]] = []
    while found != expected and time.monotonic() < until:
        found = [by_traffic(clients[1], campaign=campaign) for campaign in ("gateway", "hasty")]
        time.sleep(0.5)
    assert found == expected
    assert clients[0].post("/v1/check", json={}).json()["differences"] == []


# ---- in this process, where something dies ------------------------------------------------------------


class Died(BaseException):
    """The process is gone: nothing catches this, and nothing is asked of the store any more."""


class Dying:
    """An engine whose process dies before the second mutation."""

    def __init__(self, engine: ServerEngine) -> None:
        self._engine = engine
        self.mutations = 0

    def __getattr__(self, name: str) -> Any:
        if self.mutations > 1:
            raise Died
        return getattr(self._engine, name)

    def execute(self, sql: str, parameters: Any = None) -> None:
        self.mutations += "ALTER TABLE events UPDATE" in sql
        if self.mutations > 1:
            raise Died
        self._engine.execute(sql, parameters)


class OneAway:
    """An engine that has heard of a replica that is away."""

    def __init__(self, engine: ServerEngine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def query(self, sql: str, *asked: Any) -> bytes:
        return b'{"data": [[1]]}' if sql == replicas._AWAY else self._engine.query(sql, *asked)


class AtOnce:
    """In the place of the writer: nobody else appends."""

    def __init__(self) -> None:
        self.calls = 0

    def exclusively(self, action: Callable[[], object]) -> None:
        self.calls += 1
        action()


@pytest.fixture
def workspace(engine) -> Workspace:
    """With opens of people and of programs, all said to be human."""
    name = f"r{uuid.uuid4().hex[:8]}"
    engine.execute(
        "INSERT INTO events (workspace, campaign, type, time, id, recipient, user_agent, traffic) SELECT {w:String}, "
        "'spring', 'opened', fromUnixTimestamp64Milli(1791200000000 + toInt64(number) * 61000), number, "
        "concat('p', toString(number % 7)), [{human:String}, {tool:String}, 'Mozilla/5.0'][1 + number % 3], 'human' "
        "FROM numbers(60)",
        {"w": name, "human": CHROME, "tool": CURL},
    )
    created = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    return Workspace(id=name, name="", access_key="", signing_secret="", created_at=created)


def reclassifier(engine: Any, store: EventStore, writer: Any) -> Reclassifier:
    return Reclassifier(engine, store, writer, forget=lambda *what: None, touched=lambda cells: None)


def held(engine: ServerEngine, workspace: Workspace) -> Counter[tuple[str, int, int]]:
    asked = "SELECT traffic, reasons, rule_version FROM events WHERE workspace = {w:String}"
    return Counter(map(tuple, rows(engine, asked, {"w": workspace.id})))


def everything(workspace: Workspace) -> Cells:
    return Cells(workspace.id, ("spring",), FIRST_MS, LAST_MS)


def test_what_dies_between_two_mutations_is_ended_by_trying_again(engine, node, workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(revision, "KINDS_AT_ONCE", 1)
    dying, journal = Dying(engine), tmp_path / "journal.json"
    with pytest.raises(Died):
        reclassifier(dying, EventStore(dying, journal), AtOnce()).run(workspace, everything(workspace))
    assert len(held(engine, workspace)) == 2
    assert scratch(node)

    store = EventStore(engine, journal)
    assert store.is_in_doubt
    store.recover()
    assert store.differences(everything(workspace)) == []
    drop_left_behind(engine)
    assert scratch(node) == []
    report = reclassifier(engine, store, AtOnce()).run(workspace, everything(workspace))
    assert 0 < report.changed < 60
    now = held(engine, workspace)
    assert sum(now.values()) == 60
    assert {(traffic, version) for traffic, _, version in now} == {("human", 1), ("bot", 1)}
    assert sum(count for (traffic, *_), count in now.items() if traffic == "bot") == 20
    assert store.differences(everything(workspace)) == []
    assert reclassifier(engine, store, AtOnce()).run(workspace, everything(workspace)).changed == 0


def test_what_a_node_refuses_is_ended_by_trying_again(engine, cluster, node, workspace, tmp_path):
    store = EventStore(engine, tmp_path / "journal.json")
    # A shard that is asked, and then one that is to write.
    cluster.refuse_next("user_agent", node=1)
    cluster.break_next("ALTER TABLE", "before", node=1)
    for _ in range(2):
        with pytest.raises(TurnoutError):
            reclassifier(engine, store, AtOnce()).run(workspace, everything(workspace))
        assert scratch(node) == []
        store.recover()
        assert store.differences(everything(workspace)) == []
    assert reclassifier(engine, store, AtOnce()).run(workspace, everything(workspace)).looked == 60
    now = held(engine, workspace)
    assert sum(count for (traffic, *_), count in now.items() if traffic == "bot") == 20
    assert store.differences(everything(workspace)) == []


def test_while_a_replica_is_away_nothing_is_begun(engine, node, workspace, tmp_path):
    before, writer = held(engine, workspace), AtOnce()
    found = reclassifier(OneAway(engine), EventStore(engine, tmp_path / "journal.json"), writer)
    with pytest.raises(Overloaded, match="a replica of the store is away"):
        found.run(workspace, everything(workspace))
    assert (writer.calls, held(engine, workspace), scratch(node)) == (0, before, [])
    # To look does not need all of them.
    assert found.run(workspace, everything(workspace), dry_run=True).changed == 60
    assert (writer.calls, held(engine, workspace), scratch(node)) == (0, before, [])
