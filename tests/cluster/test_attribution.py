"""Who did what after which message, on two shards: what the judge says, with each person's events looked at only where
they are, whichever way they are spread."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.cluster.test_house import START, made
from tests.conftest import API_KEY, serve_house
from tests.judge import Asked, Judge
from tests.judge.hearing import Asker, hold
from tests.standin.cluster import SHARDS, Cluster

from turnout import app
from turnout.settings import Settings

GOALS = [
    {"event": "purchased", "window_s": 86_400, "after": "sent"},
    {"event": "performed", "name": "signup", "window_s": 86_400, "after": "impression"},
]
START_MS = int(START.timestamp() * 1000)
ORDERS = (("campaign", ("orders",)),)
SPRING = (("campaign", ("spring",)),)
#: What a message that a connection carries says besides its text: an empty block.
NOTHING_BYTES = 100

#: With those of the whole house: all kinds of credit, of joins and of what is merged person by person.
QUESTIONS = {
    "campaigns": Asked(("conversions_1", "revenue"), ("campaign",), SPRING),
    "persons": Asked(("unique_conversions", "conversion_events", "conversion_value"), filters=SPRING),
    "orders": Asked(("revenue",), filters=ORDERS),
    "messages": Asked(("conversions", "revenue"), ("message", "variation"), SPRING),
    "the day of the send": Asked(
        ("conversions", "revenue", "opened", "unique_opened"),
        ("day",),
        SPRING,
        timezone="Europe/Berlin",
        placed_by="send",
    ),
    "who came back": Asked(("unique_reengaged",), filters=SPRING),
    "first times": Asked(("new_users", "new_login_viewers"), ("day",)),
    "viewers of hours": Asked(("peak_concurrent_viewers",), ("hour",), timezone="Asia/Kathmandu"),
}


def some_events() -> list[dict[str, Any]]:
    """Those of the other tests, and cards that are seen again, and orders: of one person, of several, named and not."""
    dice = random.Random(20261122)
    events = made(400)
    for place, event in enumerate(events):
        if event["type"] == "purchased" and dice.random() < 0.6:
            event["order"] = f"o{dice.randrange(12)}"
        if event["type"] == "purchased" and dice.random() < 0.3:
            event["campaign"] = "spring"
        if event["type"] in ("delivered", "bounced"):
            event |= {"type": "impression", "send_id": dice.choice(["s1", "s2"])}
            event.pop("bounce", None)
        if event["type"] == "watched":
            event["duration_s"] = dice.choice([90, 1800, 7200, 40_000])
            # Through the change of a day.
            event["time"] = START_MS + place * 450_000
    return [*events, *orders_of_several()]


def orders_of_several() -> Iterator[dict[str, Any]]:
    """A campaign whose twelve persons are on both shards, and have the same orders."""
    for place in range(12):
        time, person = START_MS + place, {"recipient": f"p{place}@ex.org"}
        yield {"type": "sent", "campaign": "orders", "time": time, **person}
        bought = {"type": "purchased", "time": time + 1000, "amount": "1.00", "currency": "USD", **person}
        yield from (bought | {"order": "shared"}, bought | {"order": "own", "time": time + 5000})
        yield from (bought | {"order": order, "campaign": "orders"} for order in ("named", "own"))


@contextlib.contextmanager
def asking(store: str, data: Path) -> Iterator[Asker]:
    """A workspace of a house on that store, with the events."""
    house = app.open_house(Settings(data=data, store=store, port=0, api_key=API_KEY, readers=3, review_delay_s=0))
    workspace = house.services.catalog.add_workspace("attributed")
    _, key = house.services.catalog.add_key(workspace.id)
    with serve_house(house) as where, httpx.Client(base_url=where, timeout=60) as client:
        yield filled(Asker(client, workspace.id, {"Authorization": f"Bearer {key}"}))
    house.close()


@pytest.fixture(scope="module")
def asker(cluster: Cluster, database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    """Persons are spread over both shards."""
    with asking(cluster.url(database), tmp_path_factory.mktemp("data")) as found:
        yield found


@pytest.fixture(scope="module")
def by_workspace(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    """All events of the workspace are on one shard."""
    store = cluster.url(cluster.new_database(), options="&shard_by=workspace")
    with asking(store, tmp_path_factory.mktemp("data")) as found:
        yield found


def filled(one: Any) -> Any:
    """With the campaigns and the events."""
    for name in ("spring", "orders"):
        one.put(name, {"goals": GOALS})
    assert one.post(some_events()) == (460, 0)
    return one


@pytest.fixture(scope="module")
def judge() -> Judge:
    return filled(Judge())


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_answer_is_the_judge_s(asker, judge, name):
    answer = asker.ask(QUESTIONS[name])
    hold(answer, judge.ask(QUESTIONS[name]))
    assert any(number not in (0, {}) for number in answer["totals"].values())


@pytest.mark.parametrize("name", ["orders", "the day of the send", "viewers of hours"])
def test_so_it_is_where_a_workspace_is_on_one_shard(by_workspace, judge, name):
    hold(by_workspace.ask(QUESTIONS[name]), judge.ask(QUESTIONS[name]))


def heard(cluster: Cluster, asker: Asker, asked: Asked) -> list[tuple[str, int]]:
    """What the shards were asked of raw events for an answer, and the bytes of the tables they were sent for it."""
    cluster.heard()
    asker.ask(asked)
    return [(text, size) for text, size in cluster.heard() if "events_local" in text]


def test_a_fill_asks_each_shard_for_persons_once_and_for_orders(cluster, asker):
    # Nobody has asked for this traffic: one fill of one kind of credit is made.
    cold = heard(cluster, asker, Asked(("influenced_opens",), filters=SPRING, traffic=("human",)))
    joined = [text for text, _ in cold if "groupArrayIf" in text]
    assert 1 <= len(joined) <= SHARDS
    # Finished there: a shard says what it has found of a person, not what every person did.
    assert all("GROUP BY" in text and "HAVING" in text for text in joined)
    assert len(cold) <= 8 * SHARDS


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        (Asked(("opened",), ("hour",), SPRING, placed_by="send"), "ASOF LEFT JOIN"),
        (Asked(("converted", "conversions"), ("variation",), SPRING), "ASOF LEFT JOIN"),
        (Asked(("new_users",), ("hour",)), "`recipient` IN (SELECT"),
    ],
    ids=["messages", "conversions", "firsts"],
)
def test_what_a_shard_joins_nobody_sends_it(cluster, asker, asked, word):
    joined = [(text, size) for text, size in heard(cluster, asker, asked) if word in text]
    assert joined
    # Tables that are sent along have such names.
    assert all("_data_" not in text and size < NOTHING_BYTES for text, size in joined)


@pytest.mark.parametrize("placed_by", ["event", "send"])
def test_an_order_of_persons_on_several_shards_counts_once(asker, judge, placed_by):
    asked = Asked(("revenue",), filters=ORDERS, placed_by=placed_by)
    answer = asker.ask(asked)
    hold(answer, judge.ask(asked))
    # The shared one, the named one, and the one that the campaign names itself.
    assert Decimal(answer["totals"]["revenue"]["USD"]) == 3


def test_one_fill_is_made_at_a_time(engine, monkeypatch):
    """Replicated shards take one insert into a table after another, and refuse a second one meanwhile."""
    running: list[str] = []
    together: list[int] = []

    def slow(sql: str, parameters: Any = None) -> None:
        running.append(sql)
        time.sleep(0.02)
        together.append(running.count(sql))
        running.remove(sql)

    monkeypatch.setattr(engine, "execute", slow)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(engine.derive, ["INSERT", "DROP"] * 4))
    assert together == [1] * 8
