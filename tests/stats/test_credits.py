"""Fills of credits: made when asked for, kept while right, made anew when not, dropped when nobody reads them.

What is credited to what is the judge's (test_judge_credits); here it is when, and how often.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from turnout.errors import StoreError
from turnout.model import Goal
from turnout.stats import credits
from turnout.stats.credits import Credits, rule
from turnout.stats.question import Filter, Question
from turnout.store.engine import rows
from turnout.store.events import Cells

HOUR_MS = 3_600_000
NOON = "2026-10-05T12:00:00Z"


def event(type: str, time: str, recipient: str, campaign: str = "", **more: object) -> dict[str, object]:
    named = {"campaign": campaign} if campaign else {}
    return {"type": type, "time": f"2026-10-{time}Z", "recipient": recipient, **named, **more}


class Watched:
    """The house's engine; it counts the fills that are made through it, and can be made to fail."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.made: list[dict[str, Any]] = []
        self.dropped: list[int] = []
        self.on_fill: Callable[[], None] = lambda: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def execute(self, sql: str, parameters: Any = None) -> None:
        # The house's own fills are in the same table.
        if not sql.startswith("TRUNCATE"):
            self._engine.execute(sql, parameters)

    def derive(self, sql: str, parameters: Any = None) -> None:
        if sql.startswith("ALTER"):
            self.dropped.append(parameters["fill"])
        else:
            self.on_fill()
            self.made.append(parameters)
        self._engine.derive(sql, parameters)


@pytest.fixture
def engine(house: Any) -> Watched:
    return Watched(house.services.engine)


@pytest.fixture
def kept(engine: Watched) -> Credits:
    made = Credits(engine)
    made._last_id = secrets.randbits(40) << 20  # apart from the house's own, and from other tests'
    return made


@pytest.fixture
def helpers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def shop(tenant: Any) -> Any:
    """A campaign with a goal of an hour, one recipient who met it, and one who didn't."""
    goals = [{"event": "purchased", "window_s": 3600, "after": "sent"}]
    assert tenant.client.put("/v1/campaigns/c", json={"goals": goals}).status_code == 201
    tenant.send(
        event("sent", "05T12:00:00", "ann", "c"),
        event("sent", "05T12:00:00", "bob", "c"),
        event("purchased", "05T12:10:00", "ann", amount="5"),
    )
    return tenant


class Asker:
    """Asks for the fills of campaign c as a question does, and counts what is in them."""

    def __init__(self, house: Any, kept: Credits, helpers: ThreadPoolExecutor, tenant: Any) -> None:
        self.catalog, self.engine = house.services.catalog, house.services.engine
        self.writer, self.kept, self.helpers, self.tenant = house.services.writer, kept, helpers, tenant

    def held(self, *kinds: str) -> Any:
        self.writer.settle(self.tenant.workspace.id)
        workspace = self.catalog.workspace(self.tenant.workspace.id)
        campaigns = self.catalog.campaigns(workspace.id)
        return self.kept.held(workspace, campaigns, kinds or ("goal_0",), ("human", "proxy"), self.helpers)

    def count(self, *kinds: str) -> int:
        with self.held(*kinds) as held:
            return self.count_of(held)

    def count_of(self, held: Any) -> int:
        found = rows(
            self.engine, "SELECT count() FROM credits WHERE fill IN {fills:Array(UInt64)}", {"fills": held.fills}
        )
        return int(found[0][0])

    def tell(self, *events: dict[str, object]) -> None:
        """Post events, and tell the credits as the writer tells the house's."""
        self.tenant.send(*events)
        self.kept.touched(cells(self.tenant.workspace.id, *events))


def cells(workspace: str, *events: dict[str, Any]) -> list[Any]:
    times = [int(dt.datetime.fromisoformat(one["time"]).timestamp() * 1000) for one in events]
    return [Cells(workspace, tuple({str(one.get("campaign", "")) for one in events}), min(times), max(times) + 1)]


@pytest.fixture
def asker(house: Any, kept: Credits, helpers: ThreadPoolExecutor, shop: Any) -> Asker:
    return Asker(house, kept, helpers, shop)


# ---- when a fill is right --------------------------------------------------------------------------


def test_a_fill_is_made_once_and_kept(asker: Asker, engine: Watched) -> None:
    assert [asker.count() for _ in range(3)] == [1, 1, 1]
    assert len(engine.made) == 1
    assert engine.dropped == []


def test_an_event_of_the_campaign_makes_it_stale(asker: Asker, engine: Watched) -> None:
    assert asker.count() == 1
    asker.tell(event("sent", "05T13:00:00", "ann", "c"), event("purchased", "05T13:01:00", "ann", amount="1"))
    assert asker.count() == 2
    assert len(engine.made) == 2
    assert engine.dropped == [engine.made[0]["fill"]]


def test_another_campaigns_event_does_not(asker: Asker, engine: Watched) -> None:
    asker.count()
    asker.tell(event("opened", "05T12:20:00", "bob", "other"))
    asker.count()
    assert len(engine.made) == 1


def test_a_behaviour_within_reach_makes_it_stale_and_one_past_it_does_not(asker: Asker, engine: Watched) -> None:
    asker.count()
    asker.tell(event("purchased", "05T13:00:00.001", "bob", amount="1"))  # a millisecond past the window
    assert asker.count() == 1
    assert len(engine.made) == 1
    asker.tell(event("purchased", "05T13:00:00", "bob", amount="2"))
    assert asker.count() == 2
    assert len(engine.made) == 2
    asker.tell(event("purchased", "04T09:00:00", "bob", amount="3", order="x"))  # an order may have been there before
    asker.count()
    assert len(engine.made) == 3


def test_a_changed_goal_is_another_fill(asker: Asker, engine: Watched) -> None:
    assert asker.count() == 1
    goals = [{"event": "purchased", "window_s": 60, "after": "sent"}]
    asker.tenant.client.put("/v1/campaigns/c", json={"goals": goals})
    assert asker.count() == 0


def test_what_comes_while_a_fill_is_made_makes_it_stale(asker: Asker, engine: Watched) -> None:
    late = [event("purchased", "05T12:30:00", "bob", amount="1")]

    def arrive() -> None:
        engine.on_fill = lambda: None
        asker.tell(*late)

    engine.on_fill = arrive
    asker.count()  # with it or without it: both are right for a question that came before
    assert asker.count() == 2
    assert len(engine.made) == 2


def test_a_campaign_that_touched_nobody_has_no_fill(asker: Asker, engine: Watched) -> None:
    asker.tenant.client.put("/v1/campaigns/none", json={"goals": [{"event": "purchased", "window_s": 60}]})
    with asker.held() as held:
        assert len(held.fills) == 1
        assert held.kinds == {"goal_0"}
    assert [one["campaign"] for one in engine.made] == ["c"]
    asker.count()
    assert len(engine.made) == 1
    asker.tell(event("sent", "05T12:00:00", "cem", "none"))
    with asker.held() as held:
        assert len(held.fills) == 2


# ---- who reads it -----------------------------------------------------------------------------------


def test_a_fill_that_is_read_stays_until_it_is_not(asker: Asker, engine: Watched) -> None:
    with asker.held() as first:
        asker.tell(event("purchased", "05T12:30:00", "bob", amount="1"))
        assert asker.count() == 2
        assert engine.dropped == []
        assert asker.count_of(first) == 1
    assert engine.dropped == list(first.fills)


def test_questions_at_once_make_one_fill(asker: Asker, engine: Watched) -> None:
    with ThreadPoolExecutor(8) as crowd:
        assert list(crowd.map(lambda _: asker.count(), range(16))) == [1] * 16
    assert len(engine.made) == 1


def test_a_fill_that_fails_is_not_kept(asker: Asker, engine: Watched) -> None:
    def fail() -> None:
        raise StoreError("no")

    engine.on_fill = fail
    with pytest.raises(StoreError):
        asker.count()
    engine.on_fill = lambda: None
    assert asker.count() == 1


def test_what_a_failed_fill_left_is_dropped(asker: Asker, engine: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credits, "_PART_TOUCHES", 1)  # two parts, for two recipients

    def fail() -> None:
        if engine.made:
            raise StoreError("no")

    engine.on_fill = fail
    with pytest.raises(StoreError):
        asker.count()
    (half,) = engine.made
    assert engine.dropped == [half["fill"]]


def test_a_fill_whose_place_was_taken_while_it_was_made_is_dropped_after_its_question(
    asker: Asker, engine: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credits, "KEPT_FILLS", 1)

    def other() -> None:
        engine.on_fill = lambda: None
        asker.count("value")

    engine.on_fill = other
    assert asker.count("goal_0") == 1
    made = {one["kind"]: one["fill"] for one in engine.made}
    assert engine.dropped == [made["goal_0"]]


def test_where_others_write_too_each_question_has_its_own(asker: Asker, engine: Watched) -> None:
    asker.kept = Credits(engine, alone=False)
    assert [asker.count(), asker.count()] == [1, 1]
    assert len(engine.made) == len(engine.dropped) == 2
    assert len(set(engine.dropped)) == 2


def test_no_more_than_so_many_are_kept(asker: Asker, engine: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credits, "KEPT_FILLS", 2)
    for kind in ("goal_0", "value", "revenue"):
        asker.count(kind)
    assert engine.dropped == [engine.made[0]["fill"]]
    asker.count("revenue")
    assert len(engine.made) == 3
    asker.count("goal_0")
    assert len(engine.made) == 4


def test_a_crowd_of_recipients_is_taken_in_parts(
    asker: Asker, engine: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credits, "_PART_TOUCHES", 7)
    many = [event("sent", "05T12:00:00", f"r{number}", "c") for number in range(40)]
    asker.tell(*many, *(event("purchased", "05T12:05:00", f"r{number}", amount="1") for number in range(0, 40, 2)))
    assert asker.count() == 21
    assert [one["part"] for one in engine.made] == list(range(6))
    assert asker.count("value") == 21


# ---- rules ------------------------------------------------------------------------------------------


def test_rules_are_of_the_goals(house: Any, tenant: Any) -> None:
    tenant.client.put("/v1/campaigns/c", json={})
    campaign = house.services.catalog.campaign(tenant.workspace.id, "c")
    workspace = tenant.workspace
    for kind in ("goal_0", "goal_3", "value", "revenue"):
        assert rule(kind, campaign, workspace) is None

    def of(kind: str, *goals: Goal) -> Any:
        return rule(kind, msgspec.structs.replace(campaign, goals=goals), workspace)

    said = Goal(event="converted", window_s=60, after="opened")
    assert of("goal_0", said) is None
    assert of("revenue", said).window_ms == 60_000
    bought = of("goal_1", said, Goal(event="purchased", window_s=5, after="clicked"))
    assert (bought.event, bought.touches, bought.window_ms) == ("purchased", ("clicked", "enrolled"), 5000)
    assert (bought.nameless, bought.own, bought.bar, bought.goal) == (True, True, "converted", 1)
    clicked = of("value", Goal(event="clicked", after="enrolled"))
    assert (clicked.nameless, clicked.touches, clicked.every) == (False, ("enrolled",), True)
    assert rule("influenced", campaign, workspace).window_ms == 3 * HOUR_MS
    assert rule("reengaged", campaign, workspace).quiet_ms == 14 * 24 * HOUR_MS


def test_windows_of_the_workspace_are_asked_with(shop: Any) -> None:
    shop.send(event("app_opened", "05T13:30:00", "bob"))
    assert shop.stats("influenced_opens")["totals"] == {"influenced_opens": 1}
    assert shop.client.patch("/v1/workspaces", json={"influence_window_s": 3600}).status_code == 200
    assert shop.stats("influenced_opens")["totals"] == {"influenced_opens": 0}


def test_questions_about_other_campaigns_fill_nothing(house: Any, shop: Any) -> None:
    watched = Watched(house.services.engine)
    house.services.writer.settle(shop.workspace.id)
    statistics = house.services.statistics
    before = statistics._credits._engine
    statistics._credits._engine = watched
    try:
        question = Question(shop.workspace.id, ("conversions",), filters=(Filter("campaign", ("other",)),))
        assert statistics.ask(question).totals == {"conversions": 0}
        assert watched.made == []
        assert statistics.ask(replace(question, filters=())).totals == {"conversions": 1}
        assert len(watched.made) == 1
    finally:
        statistics._credits._engine = before
