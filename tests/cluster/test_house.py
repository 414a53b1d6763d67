"""The whole of Turnout on two shards, held against the judge and against the same on the embedded store."""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from tests.judge import Asked, Judge
from tests.judge.hearing import Asker, hold
from tests.standin.cluster import Cluster

START = dt.datetime(2026, 10, 3, 20, tzinfo=dt.UTC)
PEOPLE = [f"{name}@{domain}" for name in ("ann", "bob", "eve", "kim", "lee", "zoë") for domain in ("ex.org", "web.de")]
GOALS = [{"event": "purchased", "window_s": 7200, "after": "sent"}]
SPRING = (("campaign", ("spring",)),)


def made(count: int = 500) -> list[dict[str, Any]]:
    """Events of three days, the same in every run: of campaigns, of persons, of live viewers, and of nobody."""
    dice = random.Random(20261003)
    events: list[dict[str, Any]] = []
    for place in range(count):
        kind = dice.choice(
            [
                *("sent", "sent", "delivered", "opened", "opened", "clicked", "bounced", "unsubscribed", "watched"),
                *("purchased", "performed", "app_opened", "converted", "liked"),
            ]
        )
        event: dict[str, Any] = {
            "type": kind,
            "id": f"e{place}",
            "time": int(START.timestamp() * 1000) + dice.randrange(3 * 86_400_000),
            "recipient": dice.choice([*PEOPLE, *PEOPLE, ""]),
        }
        if kind not in ("purchased", "performed", "app_opened"):
            event["campaign"] = dice.choice(["spring", "spring", "autumn", "live"])
            event["message"] = dice.choice(["m1", "m2"])
            event["variation"] = dice.choice(["a", "b", ""])
        event |= {
            "bounced": {"bounce": "hard"},
            "clicked": {"link": dice.choice(["l1", "l2"]), "url": "https://ex.org/?a=1"},
            "watched": {"duration_s": dice.choice([30, 90, 1800])},
            "purchased": {"amount": f"{dice.randrange(1, 9999) / 100:.2f}", "currency": dice.choice(["USD", "EUR"])},
            "performed": {"name": dice.choice(["signup", "other"])},
            "converted": {"goal": 1, "amount": "2.50"},
        }.get(kind, {})
        if dice.random() < 0.1 and kind in ("opened", "clicked"):
            event["traffic"] = dice.choice(["bot", "proxy"])
        events.append(event)
    return events


QUESTIONS = {
    "counts": Asked(("sent", "opened", "clicked", "events", "bounced_hard")),
    "counts of campaigns": Asked(("sent", "opened", "click_rate"), ("campaign",)),
    "uniques": Asked(("unique_sent", "unique_opened", "unique_clicked", "recipients")),
    "uniques of campaigns": Asked(("unique_sent", "unique_opened", "open_rate"), ("campaign",)),
    "uniques of days": Asked(("unique_opened", "unique_sent"), ("day",), timezone="Asia/Kolkata"),
    "uniques of links": Asked(("clicked", "unique_clicked"), ("link",)),
    "uniques of domains": Asked(("opened", "unique_opened"), ("recipient_domain", "message")),
    "persons": Asked(("opened", "clicked"), ("recipient",), sort=(("opened", True), ("recipient", False)), limit=5),
    "a range off the slots": Asked(
        ("opened", "unique_opened"),
        ("variation",),
        from_ms=int(START.timestamp() * 1000) + 1_234_567,
        to_ms=int(START.timestamp() * 1000) + 150_000_001,
    ),
    "all traffic": Asked(("opened", "unique_opened"), ("traffic",), traffic=("human", "proxy", "bot")),
    # Each kind of credit is filled once for a campaign, which takes as long as all the rest.
    "attribution": Asked(("conversions", "unique_conversions", "revenue"), ("campaign",), SPRING),
    "attribution of days": Asked(("conversions", "revenue"), ("day",), SPRING, timezone="Europe/Berlin"),
    "influence": Asked(("total_opens", "influenced_opens"), ("campaign",), SPRING),
    "viewers": Asked(("viewers", "peak_concurrent_viewers", "viewing_time_s", "average_viewing_time_s"), ("campaign",)),
    "by the message's time": Asked(("sent", "opened", "unique_opened"), ("day",), placed_by="send"),
    "a page": Asked(("events",), ("hour",), sort=(("events", True), ("hour", False)), limit=4, offset=3),
}


@dataclass(frozen=True)
class Houses:
    """The same events in a house on the cluster, in one on the embedded store, and before the judge."""

    clustered: Asker
    embedded: Asker
    judge: Judge


@pytest.fixture(scope="module")
def houses(
    cluster: Cluster, database: str, serve: Callable[[str], httpx.Client], house: Any, url: str
) -> Iterator[Houses]:
    workspace = house.services.catalog.add_workspace("clustered")
    _, key = house.services.catalog.add_key(workspace.id)
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        yield _filled(
            Houses(Asker(serve(cluster.url(database)), "default", {}), Asker(client, workspace.id, {}), Judge())
        )


def _filled(found: Houses) -> Houses:
    events = made()
    for one in (found.clustered, found.embedded, found.judge):
        one.put("spring", {"goals": GOALS})
        assert one.post(events[:300]) == (300, 0)
        # What is there already, here and in the batch.
        assert one.post(events[290:]) == (len(events) - 300, 10)
    return found


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_answer_is_the_judge_s(houses, name):
    answer = houses.clustered.ask(QUESTIONS[name])
    hold(answer, houses.judge.ask(QUESTIONS[name]))
    assert answer["rows"] == houses.embedded.ask(QUESTIONS[name])["rows"]
    assert answer["rows"]


def test_the_export_is_every_event_once(houses):
    exported = []
    for one in (houses.clustered, houses.embedded):
        lines = one.client.get("/v1/events", headers=one.headers).text.splitlines()
        # An id is one in its workspace.
        exported.append(sorted(re.sub(r'"id":"[^"]*",', "", line) for line in lines))
    assert exported[0] == exported[1]
    assert len(exported[0]) == 500


def test_who_did_what_is_found_on_both_shards(houses):
    asked = {"did": "sent", "did_not": "clicked"}
    found = [
        sorted(one.client.get("/v1/campaigns/spring/recipients", params=asked, headers=one.headers).text.splitlines())
        for one in (houses.clustered, houses.embedded)
    ]
    assert found[0] == found[1]
    assert found[0]


def test_raw_and_rollup_agree_and_a_rebuild_changes_nothing(houses):
    client = houses.clustered.client
    checked = client.post("/v1/check", json={}).json()
    assert (checked["events"], checked["differences"], checked["misplaced"]) == (500, [], [])
    rebuilt = client.post("/v1/rebuild", json={})
    assert rebuilt.status_code == 200, rebuilt.text
    hold(houses.clustered.ask(QUESTIONS["counts of campaigns"]), houses.judge.ask(QUESTIONS["counts of campaigns"]))
    assert client.post("/v1/check", json={}).json()["differences"] == []


def test_a_process_at_the_other_node_knows_every_event(houses, cluster, database, serve):
    other = Asker(serve(cluster.url(database, node=1)), "default", {})
    assert other.post(made()) == (0, 500)
    for name in ("uniques of campaigns", "counts"):
        hold(other.ask(QUESTIONS[name]), houses.judge.ask(QUESTIONS[name]))


def test_a_batch_whose_answer_was_lost_counts_once(houses, cluster):
    events = [event | {"id": f"lost-{event['id']}"} for event in made(30)]
    cluster.break_next("INSERT INTO events", "after")
    for one in (houses.clustered, houses.judge):
        assert one.post(events) == (30, 0)
    assert houses.clustered.post(events) == (0, 30)
    hold(houses.clustered.ask(QUESTIONS["counts"]), houses.judge.ask(QUESTIONS["counts"]))
    assert houses.clustered.client.post("/v1/check", json={}).json()["differences"] == []


def test_a_shard_that_refuses_once_loses_nothing(houses, cluster):
    events = [event | {"id": f"refused-{event['id']}"} for event in made(30)]
    cluster.refuse_next("events_local (workspace", node=1)
    for one in (houses.clustered, houses.judge):
        assert one.post(events) == (30, 0)
    hold(houses.clustered.ask(QUESTIONS["uniques of campaigns"]), houses.judge.ask(QUESTIONS["uniques of campaigns"]))
    assert houses.clustered.client.post("/v1/check", json={}).json()["differences"] == []
