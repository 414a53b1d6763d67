"""Two processes on one store: what one is told, the other says; and nothing counts twice or gets lost."""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid

import pytest
from tests.processes import Command
from tests.real.field import SEEN_WITHIN_S, events, until

from turnout import sql


@pytest.fixture
def campaign() -> str:
    """A campaign of the test's own."""
    return f"c{uuid.uuid4().hex[:8]}"


@pytest.mark.usefixtures("own_processes")
def test_the_schema_that_both_made_is_whole_on_every_node(store):
    numbers = [int(number) for (number,) in store.ask("SELECT number FROM schema_migrations ORDER BY number")]
    assert numbers == [step.number for step in sql.migrations()]
    names = [store.tables(node) for node in range(len(store.nodes))]
    assert {"events", "counts", "credits", "catalog"} <= names[0]
    assert all(one == names[0] for one in names)


def test_what_one_is_sent_it_counts_at_once_and_the_other_within_a_second_or_two(both, campaign):
    one, two = both
    assert one.send(events(0, 300, campaign)) == (300, 0)
    assert one.sent(campaign=campaign) == {"sent": 300, "unique_sent": 150, "events": 300}
    until(lambda: two.sent(campaign=campaign) == {"sent": 300, "unique_sent": 150, "events": 300})
    # And what the other has stored is known to the first, at the door, a second later.
    time.sleep(1.2)
    assert two.send(events(0, 400, campaign)) == (100, 300)
    until(lambda: one.sent(campaign=campaign)["sent"] == 400)


def test_a_campaign_that_was_seen_by_one_is_known_to_the_other(both, campaign):
    one, two = both
    one.send(events(0, 1, campaign))
    until(lambda: two.client.get(f"/v1/campaigns/{campaign}").status_code == 200)
    assert two.client.put(f"/v1/campaigns/{campaign}", json={"title": "Spring"}).status_code in (200, 201)
    until(lambda: one.client.get(f"/v1/campaigns/{campaign}").json()["title"] == "Spring")


def test_a_key_that_one_made_is_good_for_the_other_until_it_is_revoked(both):
    one, two = both
    made = one.client.post("/v1/keys", json={"name": "shared"}).json()
    asked = {"Authorization": f"Bearer {made['secret']}"}

    def status() -> int:
        return two.client.get("/v1/keys", headers=asked).status_code

    until(lambda: status() == 200)
    assert one.client.delete(f"/v1/keys/{made['id']}").status_code == 200
    until(lambda: status() == 401)


def test_the_same_events_to_both_at_once_count_once_after_a_check(both, campaign):
    batch, accepted = events(0, 1000, campaign), []

    def send(process) -> None:
        for first in range(0, len(batch), 200):
            accepted.append(process.send(batch[first : first + 200])[0])

    threads = [threading.Thread(target=send, args=(process,)) for process in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Each looked for the ids before the other had stored them, or did not: both may have taken them.
    assert 1000 <= sum(accepted) <= 2000
    one, two = both
    until(lambda: one.sent(campaign=campaign)["sent"] == two.sent(campaign=campaign)["sent"] >= 1000)
    found = one.client.post("/v1/check", json={"campaigns": [campaign]}).json()
    assert len(found["duplicates"]) == one.sent(campaign=campaign)["sent"] - 1000
    mended = one.client.post("/v1/rebuild", json={"campaigns": [campaign]})
    assert mended.status_code == 200, mended.text + one.words()
    checked = two.client.post("/v1/check", json={"campaigns": [campaign]}).json()
    assert checked["differences"] == []
    assert checked["duplicates"] == []
    for process in both:
        until(lambda process=process: process.sent(campaign=campaign)["sent"] == 1000)
        assert process.sent(campaign=campaign)["unique_sent"] == 500
        assert process.send(batch) == (0, 1000)


@pytest.mark.usefixtures("own_processes", "once")
def test_a_process_that_is_told_to_end_stores_what_it_has_acknowledged(both, start, campaign):
    leaving = start(TURNOUT_FLUSH_AGE_MS="600000")
    assert leaving.send(events(0, 2000, campaign)) == (2000, 0)
    leaving.command.terminate()
    assert leaving.command.wait(60) == 0
    until(lambda: both[0].sent(campaign=campaign) == {"sent": 2000, "unique_sent": 1000, "events": 2000})


@pytest.mark.usefixtures("own_processes", "once")
def test_a_process_that_was_killed_stores_it_when_it_is_back(both, start, campaign):
    dying = start(TURNOUT_FLUSH_AGE_MS="600000")
    assert dying.send(events(0, 500, campaign)) == (500, 0)
    dying.command.send_signal(signal.SIGKILL)
    dying.command.wait(20)
    # Meanwhile its sender, who may have heard nothing, has gone to another.
    assert both[1].send(events(0, 200, campaign)) == (200, 0)
    until(lambda: both[0].sent(campaign=campaign)["sent"] == 200)
    again = start(dying.data)
    until(lambda: again.sent(campaign=campaign) == {"sent": 500, "unique_sent": 250, "events": 500})
    until(lambda: both[0].sent(campaign=campaign)["sent"] == 500)


@pytest.mark.usefixtures("own_processes")
def test_a_person_is_on_one_shard_and_counts_beside_the_events(both, store, campaign):
    if not store.address.cluster or len(store.nodes) < 2:
        pytest.skip("one node has everything")
    both[0].send(events(0, 600, campaign))
    assert both[0].sent(campaign=campaign)["unique_sent"] == 300
    people: dict[str, set[str]] = {}
    for node in range(len(store.nodes)):
        ((shard,),) = store.ask("SELECT substitution FROM system.macros WHERE macro = 'shard'", node)
        asked = f"SELECT DISTINCT recipient FROM events_local WHERE campaign = '{campaign}'"
        people.setdefault(shard, set()).update(name for (name,) in store.ask(asked, node))
        raw = f"SELECT count() FROM events_local WHERE campaign = '{campaign}'"
        rolled = f"SELECT sum(events) FROM counts_local WHERE campaign = '{campaign}'"
        if store.kind == "miniature":
            assert store.ask(raw, node) == store.ask(rolled, node)
        else:
            until(lambda node=node, raw=raw, rolled=rolled: store.ask(raw, node) == store.ask(rolled, node))
    assert all(people.values())
    assert sum(map(len, people.values())) == len(set().union(*people.values())) == 300


@pytest.mark.usefixtures("own_processes")
def test_replicas_hold_the_same(both, store, campaign):
    if len(store.nodes) < 2:
        pytest.skip("one node has no other")
    both[0].send(events(0, 300, campaign))
    assert both[0].sent(campaign=campaign)["sent"] == 300
    shards = [store.ask("SELECT substitution FROM system.macros WHERE macro = 'shard'", n)[0][0] for n in _nodes(store)]

    def sums(table: str, node: int) -> list[list[str]]:
        return store.ask(f"SELECT count(), sum(cityHash64(*)) FROM {table} WHERE campaign = '{campaign}'", node)

    def same() -> bool:
        found = {(shards[node], str(sums("events_local", node))) for node in _nodes(store)}
        return len(found) == len(set(shards))

    until(same)
    catalog = "SELECT count(), sum(cityHash64(*)) FROM catalog"
    until(lambda: len({str(store.ask(catalog, node)) for node in _nodes(store)}) == 1)


def _nodes(store) -> range:
    return range(len(store.nodes))


@pytest.mark.embedded("what moves is one")
@pytest.mark.usefixtures("own_processes", "once")
def test_a_store_of_one_machine_moves_in(new_database, tmp_path, turnout_process):
    home = tmp_path / "home"
    alone = turnout_process(home)
    with alone.client() as client:
        client.post("/v1/events", json=events(0, 800, "moved")).raise_for_status()
        before = client.get("/v1/stats", params={"metrics": "sent,unique_sent", "dimensions": "day"}).json()["rows"]
    alone.process.terminate()
    assert alone.process.wait(60) == 0
    target = new_database()
    moving = Command(["migrate-store", "--from", f"chdb://{home}", "--to", target.url, "--json"], dict(os.environ))
    try:
        assert moving.wait(SEEN_WITHIN_S * 6) == 0, moving.stdout.read()
    finally:
        moving.close()
    there = turnout_process(tmp_path / "there", TURNOUT_STORE=target.url)
    with there.client() as client:
        after = client.get("/v1/stats", params={"metrics": "sent,unique_sent", "dimensions": "day"}).json()["rows"]
        assert after == before
        assert client.post("/v1/events", json=events(0, 800, "moved")).json()["duplicates"] == 800
