"""Processes that share a store: what one changes the others see, keep no answer of, and never do twice."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import secrets
import signal
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import httpx
import pytest
from tests.conftest import API_KEY
from tests.processes import Command

from turnout.errors import Conflict, NotFound
from turnout.model import CampaignFields, Hook
from turnout.reports.runner import Runner
from turnout.store.catalog import Catalog
from turnout.store.deliveries import Delivery
from turnout.store.fleet import Shared
from turnout.store.migrate import migrate
from turnout.store.schedules import ReportRun, ScheduleFields
from turnout.store.server import ServerEngine
from turnout.store.sightings import Sighting

NOW = dt.datetime(2026, 11, 18, 12, tzinfo=dt.UTC)
START = 1_791_200_000

#: What a process is told of others' changes within, in these tests.
REFRESH_MS = 100


class Process:
    """The registry of one process, and its place in the fleet; nothing runs by itself."""

    def __init__(self, url: str, name: str) -> None:
        self.engine = ServerEngine(url)
        self.fleet = Shared(self.engine, name)
        self.fleet.prepare()
        migrate(self.engine)
        self.catalog = Catalog(self.engine, lambda: NOW, self.fleet)


@pytest.fixture(scope="module")
def two(standin) -> Iterator[tuple[Process, Process]]:
    url = standin.new_database()
    made = Process(url, "one"), Process(url, "two")
    yield made
    for process in made:
        process.engine.close()
    standin.drop_database(url)


@pytest.fixture
def w() -> str:
    """A workspace of one test."""
    return f"w{secrets.token_hex(6)}"


def at_once(*works) -> None:
    failed: list[BaseException] = []

    def run(work) -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed


# ---- the registry -----------------------------------------------------------------------------------


def test_whatever_one_changes_another_knows_once_it_has_looked(two, w, monkeypatch):
    one, two = (process.catalog for process in two)
    two.refresh()
    one.add_workspace(w, timezone="Europe/Berlin")
    key, secret = one.add_key(w)
    one.put_campaign(w, "spring", CampaignFields(number=7, title="Spring"))
    link = one.links.add(w, url="https://example.org/", code=f"abc-{w}")
    hook, token = one.hooks.add(w, "postmark")
    schedule = one.schedules.add(w, ScheduleFields())
    assert two.key_of(secret) is None
    told = []
    monkeypatch.setattr(two, "on_change", told.append)
    two.refresh()
    assert told == [{w}]
    assert two.workspace(w) == one.workspace(w)
    assert two.key_of(secret) == key
    assert two.find(w, "number", 7) == one.campaign(w, "spring")
    assert two.links.by_code(f"abc-{w}") == link
    assert two.hooks.of_token(token) == hook
    assert two.schedules.all(w) == [schedule]

    two.revoke_key(w, key.id)
    two.put_campaign(w, "spring", CampaignFields(number=8))
    two.put_campaign(w, "autumn", CampaignFields(number=7))
    two.hooks.revoke(w, hook.id)
    two.links.delete(w, link.id)
    two.schedules.remove(w, schedule.id)
    one.refresh()
    assert one.key_of(secret) is None
    assert [one.find(w, "number", number).id for number in (7, 8)] == ["autumn", "spring"]
    assert one.hooks.of_token(token) is None
    assert one.links.by_code(f"abc-{w}").deleted_at is not None
    assert one.schedules.all(w) == []
    two.delete_campaign(w, "autumn")
    one.refresh()
    assert one.find(w, "number", 7) is None
    with pytest.raises(NotFound):
        one.campaign(w, "autumn")
    # Events bring a deleted campaign back, also where they were seen before.
    two.observe(w, [Sighting("autumn")])
    one.refresh()
    assert one.has_campaign(w, "autumn")
    taken = one.taken
    one._records.catch_up(again=1000)
    assert one.taken == taken


def test_an_identifier_that_changed_hands_leads_to_its_new_holder_in_whatever_order_it_is_told(two, w):
    one, two = (process.catalog for process in two)
    one.put_campaign(w, "a", CampaignFields(number=1))
    two.refresh()
    one.put_campaign(w, "a", CampaignFields(number=2))
    one.put_campaign(w, "b", CampaignFields(number=1))
    # Only the newest of each is read: here a, which had number 1 when it was last seen, comes after b.
    one.put_campaign(w, "a", CampaignFields(number=2, title="later"))
    two.refresh()
    assert [two.find(w, "number", number).id for number in (1, 2)] == ["b", "a"]


def test_what_can_be_there_once_is_there_once(two, w):
    one, two = (process.catalog for process in two)
    one.add_workspace(w, access_key="mine")
    _, secret = one.add_key(w)
    one.links.add(w, url="https://example.org/", code=f"abc-{w}")
    for refused in (
        lambda: two.add_workspace(w),
        lambda: two.add_workspace(f"v{w}", access_key="mine"),
        lambda: two.add_key(w, secret=secret),
        lambda: two.links.add(w, url="https://example.com/", code=f"abc-{w}"),
    ):
        with pytest.raises(Conflict):
            refused()
    assert two.put_campaign(w, "a", CampaignFields()).number == 1
    assert one.put_campaign(w, "b", CampaignFields()).number == 2
    with pytest.raises(Conflict):
        one.put_campaign(w, "c", CampaignFields(number=1))


def test_campaigns_that_both_see_first_at_once_are_one_each(two, w):
    one, two = (process.catalog for process in two)
    shared = [Sighting("both", "email", "m1")]
    seen = [[*shared, *(Sighting(f"{name}{number}") for number in range(50))] for name in ("one", "two")]
    at_once(lambda: one.observe(w, seen[0]), lambda: two.observe(w, seen[1]))
    for catalog in (one, two):
        catalog.refresh()
    assert one.campaigns(w) == two.campaigns(w)
    found = one.campaigns(w)
    assert len(found) == 101
    for kind in ("number", "uuid", "token", "key"):
        assert len({getattr(campaign, kind) for campaign in found}) == 101
    assert sorted(campaign.number for campaign in found) == list(range(1, 102))


def test_what_is_known_costs_no_turn(two, w, monkeypatch):
    one, two = two
    one.catalog.observe(w, [Sighting("spring", "email", "m1")])
    wanted = [{"url": "https://example.org/"}]
    ((link, _),) = one.catalog.links.ensure(w, _links(wanted))
    two.catalog.refresh()

    def refuse() -> None:
        raise AssertionError("nothing is changed")

    monkeypatch.setattr(two.fleet, "registering", refuse)
    two.catalog.observe(w, [Sighting("spring", "email"), Sighting("spring", message="m1")])
    assert two.catalog.links.ensure(w, _links(wanted)) == [(link, False)]


def _links(wanted):
    from turnout.store.links import LinkFields

    return [LinkFields(**fields) for fields in wanted]


def test_what_hooks_received_is_of_all_processes(two, w, standin):
    one, two = two
    hook = Hook(id="h", workspace=w, provider="postmark", digest="", created_at=NOW)
    for minute in range(3):
        for process in (one, two):
            at = NOW + dt.timedelta(minutes=minute, seconds=process is two)
            process.catalog.deliveries.note(hook, Delivery(at=at, status=200, accepted=1))
            process.catalog.deliveries.write()
    one.catalog.refresh()
    found = one.catalog.deliveries.of(hook)
    assert found == two.catalog.deliveries.of(hook)
    assert (found.requests, found.accepted, len(found.recent)) == (6, 6, 6)
    assert [one.at for one in found.recent] == sorted((one.at for one in found.recent), reverse=True)
    # An answer that gets lost is no reason to count twice.
    one.catalog.deliveries.note(hook, Delivery(at=NOW, status=200, accepted=1))
    standin.break_next("INSERT INTO catalog", "after")
    one.catalog.deliveries.write()
    one.catalog.deliveries.write()
    two.catalog.refresh()
    assert [process.catalog.deliveries.of(hook).requests for process in (one, two)] == [7, 7]


# ---- what one process does for all ------------------------------------------------------------------


def test_a_report_is_made_by_one_and_by_another_once_that_has_died(two, w, monkeypatch):
    one, two = two
    one.catalog.add_workspace(w)
    schedule = one.catalog.schedules.add(w, ScheduleFields(folder=True))
    two.catalog.refresh()
    made: list[str] = []
    dies = False

    def runner(process: Process, name: str) -> Runner:
        def deliver(services, server, schedule, moment):
            made.append(name)
            if dies:
                raise KeyboardInterrupt
            return ReportRun(moment=moment, ended_at=NOW, outcome="delivered", words="")

        services = SimpleNamespace(catalog=process.catalog, fleet=process.fleet, now=lambda: NOW)
        return Runner(services, None, run=deliver)

    first, second = runner(one, "one"), runner(two, "two")
    one.catalog.schedules.ask(w, schedule.id)
    first.look()
    assert made == ["one"]
    one.catalog.schedules.ask(w, schedule.id)
    two.catalog.refresh()
    second.look()  # the first one leads
    assert made == ["one"]
    dies = True
    with pytest.raises(KeyboardInterrupt):
        first.look()
    assert made == ["one", "one"]
    dies = False
    second.look()  # the lease lasts
    assert made == ["one", "one"]
    monkeypatch.setattr(two.fleet._locks["leader"], "_lease_s", 0.0)  # it has run out
    second.look()
    assert made == ["one", "one", "two"]
    second.look()
    # Who comes back late has lost the lead, and sees what was done.
    one.fleet._locks["leader"]._heard_at = float("-inf")
    first.look()
    assert made == ["one", "one", "two"]


# ---- two servers ------------------------------------------------------------------------------------


class Server:
    """`turnout serve` on a store that others use; `client` has the key of the workspace default."""

    def __init__(self, store: str, data, **environment: str) -> None:
        self.data = data
        self.process = Command(
            ["serve", "--data", str(data), "--port", "0"],
            {
                **os.environ,
                "TURNOUT_API_KEY": API_KEY,
                "TURNOUT_STORE": store,
                "TURNOUT_REGISTRY_REFRESH_MS": str(REFRESH_MS),
                **environment,
            },
        )
        self.said = []
        for line in self.process.stdout:
            self.said.append(line)
            if "serving on http://" in line:
                self.client = self.with_key(API_KEY, "http://" + line.split("http://", 1)[1].split()[0])
                return
        raise AssertionError("".join(self.said))

    def with_key(self, key: str, url: str = "") -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=url or self.client.base_url, headers=headers, timeout=60)

    def totals(self, metrics: str, **query: str) -> dict[str, int]:
        answer = self.client.get("/v1/stats", params={"metrics": metrics, **query})
        assert answer.status_code == 200, answer.text
        return answer.json()["totals"]

    def from_cache(self) -> float:
        lines = self.client.get("/metrics").text.splitlines()
        found = [line for line in lines if line.startswith("turnout_question_seconds_count") and '"cache"' in line]
        return sum(float(line.split()[-1]) for line in found)

    def from_memory(self, **asked: str) -> dict[str, int]:
        """What it answers from memory; it does, for as long as nothing changes."""
        before = self.from_cache()
        soon(lambda: self.totals(**asked) and self.from_cache() > before)
        return self.totals(**asked)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        for line in self.process.stdout:
            self.said.append(line)
        return self.process.wait(60)


@pytest.fixture(scope="module")
def store(standin) -> Iterator[str]:
    url = standin.new_database()
    yield url
    standin.drop_database(url)


@pytest.fixture(scope="module")
def servers(store, tmp_path_factory) -> Iterator[tuple[Server, Server]]:
    with contextlib.ExitStack() as running:
        made: list[Server] = []

        def begin(name: str) -> None:
            made.append(Server(store, tmp_path_factory.mktemp(name), TURNOUT_FLUSH_AGE_MS="50"))

        # At once, on an empty store: one makes the schema and the first workspace, the other finds them.
        at_once(lambda: begin("one"), lambda: begin("two"))
        for server in made:
            running.callback(server.process.close)
            running.callback(server.client.close)
        yield made[0], made[1]


def events(campaign: str, first: int, count: int, **fields: object) -> list[dict[str, object]]:
    return [
        {"type": "sent", "time": START + number, "campaign": campaign, "recipient": f"r{number}", **fields}
        for number in range(first, first + count)
    ]


def soon(found, timeout_s: float = 20.0):
    """What `found` says once it says anything."""
    until = time.monotonic() + timeout_s
    while not (said := found()):
        assert time.monotonic() < until
        time.sleep(0.02)
    return said


def test_what_is_made_in_one_is_found_in_the_other_at_once(servers):
    one, two = servers
    for _ in range(3):
        made = one.client.post("/v1/keys", json={"name": "k"}).json()
        with two.with_key(made["secret"]) as client:
            assert client.get("/v1/campaigns").status_code == 200
            assert one.client.delete(f"/v1/keys/{made['id']}").status_code in (200, 204)
            began = time.monotonic()
            soon(lambda client=client: client.get("/v1/campaigns").status_code == 401)
            # The stated time, a look, and a slow machine.
            assert time.monotonic() - began < REFRESH_MS / 1000 + 2
    assert one.client.put("/v1/campaigns/made", json={"title": "Made"}).status_code == 201
    assert two.client.get("/v1/campaigns/made").json()["title"] == "Made"
    link = one.client.post("/v1/links", json={"url": "https://example.org/", "code": "shared", "campaign": "made"})
    assert link.status_code in (200, 201), link.text
    assert two.client.get("/r/shared").status_code == 302
    with two.with_key("tk_guessed") as guesser:
        assert {guesser.get("/v1/campaigns").status_code for _ in range(5)} == {401}


def test_no_answer_is_kept_past_a_change_that_another_process_makes(servers):
    one, two = servers
    assert one.client.post("/v1/events", json=events("kept", 0, 10)).json()["accepted"] == 10
    asked = {"metrics": "sent,unique_sent", "campaign": "kept"}
    soon(lambda: two.totals(**asked)["sent"] == 10)
    assert two.from_memory(**asked) == {"sent": 10, "unique_sent": 10}

    assert one.client.post("/v1/events", json=events("kept", 10, 5)).json()["accepted"] == 5
    soon(lambda: two.totals(**asked) == {"sent": 15, "unique_sent": 15})

    # Rows that change in one are others in the other as soon as the change is acknowledged.
    who = {"did": "sent"}
    assert "r3" in two.client.get("/v1/campaigns/kept/recipients", params=who).text
    by_class = {"metrics": "sent,unique_sent", "campaign": "kept", "traffic": "bot"}
    assert two.totals(**by_class) == {"sent": 0, "unique_sent": 0}
    assert one.client.delete("/v1/recipients/r3").status_code in (200, 204)
    assert '"r3"' not in two.client.get("/v1/campaigns/kept/recipients", params=who).text
    assert two.totals(**asked) == {"sent": 15, "unique_sent": 15}

    # A conversion is credited anew once the other process has got it.
    goals = {"goals": [{"event": "purchased", "window_s": 86400, "after": "sent"}]}
    assert one.client.put("/v1/campaigns/kept", json=goals).status_code == 200
    converted = {"metrics": "conversions", "campaign": "kept"}
    soon(lambda: two.totals(**asked))
    assert soon(lambda: two.totals(**converted)) == {"conversions": 0}
    bought = {"type": "purchased", "time": START + 60, "recipient": "r5", "amount": "1"}
    assert one.client.post("/v1/events", json=[bought]).json()["accepted"] == 1
    soon(lambda: two.totals(**converted) == {"conversions": 1})
    assert two.from_memory(**converted) == {"conversions": 1}


# ---- the end of a process ---------------------------------------------------------------------------


def test_what_was_acknowledged_is_stored_when_a_process_has_ended_or_by_the_next(servers, store, standin, tmp_path):
    _, two = servers
    assert two.client.get("/readyz").status_code == 200
    slow = {"TURNOUT_FLUSH_AGE_MS": "600000"}
    third = Server(store, tmp_path / "three", **slow)
    with contextlib.closing(third.process), third.client:
        assert "TURNOUT_SESSION_SECRET is not set" in "".join(third.said)
        assert third.client.post("/v1/events", json=events("ended", 0, 20)).json()["accepted"] == 20
        assert two.totals("sent", campaign="ended") == {"sent": 0}
        assert third.end() == 0
    assert two.totals("sent,unique_sent", campaign="ended") == {"sent": 20, "unique_sent": 20}

    third = Server(store, tmp_path / "three", TURNOUT_SESSION_SECRET="s" * 40, **slow)
    with contextlib.closing(third.process), third.client:
        assert "TURNOUT_SESSION_SECRET" not in "".join(third.said)
        assert third.client.post("/v1/events", json=events("ended", 20, 7)).json()["accepted"] == 7
        standin.break_next("INSERT INTO events", "before")
        began = time.monotonic()
        assert third.end() == 0
        assert time.monotonic() - began < 20
    assert "7 events wait in the spool" in "".join(third.said)
    assert two.totals("sent", campaign="ended") == {"sent": 20}

    third = Server(store, tmp_path / "three")
    with contextlib.closing(third.process), third.client:
        soon(lambda: two.totals("sent", campaign="ended") == {"sent": 27})
        assert third.end() == 0
