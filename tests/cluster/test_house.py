"""The whole of Turnout on two shards, held against the judge and against the same on the embedded store."""

from __future__ import annotations

import datetime as dt
import random
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
GOALS = [
    {"event": "purchased", "window_s": 7200, "after": "sent"},
    {"event": "performed", "name": "signup", "window_s": 3600, "after": "opened"},
]


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
    "uniques of hours of a campaign": Asked(("unique_opened",), ("hour",), (("campaign", ("spring",)),)),
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
    "attribution": Asked(("conversions", "conversions_1", "unique_conversions", "revenue"), ("campaign",)),
    "attribution of days": Asked(("conversions", "revenue", "conversion_events"), ("day",), timezone="Europe/Berlin"),
    "influence": Asked(("total_opens", "influenced_opens", "reengaged", "new_users"), ("campaign",)),
    "viewers": Asked(("viewers", "peak_concurrent_viewers", "viewing_time_s", "average_viewing_time_s"), ("campaign",)),
    "viewers of days": Asked(("peak_concurrent_viewers", "viewers"), ("day",)),
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
        for campaign in ("spring", "autumn"):
            one.put(campaign, {"goals": GOALS})
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
