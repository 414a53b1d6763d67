"""Versions that all processes of a store see: what is kept under one is right for as long as it is the same."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from turnout.stats.credits import Credits
from turnout.stats.finished import Extent, Figure, Finished, Place
from turnout.stats.question import Question
from turnout.stats.run import Statistics
from turnout.stats.versions import Version, Versions
from turnout.store.engine import rows
from turnout.store.fleet import Single

START = 1_791_200_000


class Fleet(Single):
    """Others share the store; somebody changes rows where `version` is odd."""

    is_shared = True
    version = 2


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
def statistics(counting_engine: Any, fleet: Fleet) -> Iterator[Statistics]:
    made = Statistics(
        counting_engine,
        finished=Finished(counting_engine, alone=False),
        versions=Versions(counting_engine, fleet),  # type: ignore[arg-type]
    )
    yield made
    made.close()


def sent(count: int, first: int = 0) -> list[dict[str, object]]:
    return [
        {"type": "sent", "time": START + number, "campaign": "c", "recipient": f"r{number}"}
        for number in range(first, first + count)
    ]


def test_an_answer_is_kept_until_anybody_adds_events(statistics: Statistics, counting_engine: Any, tenant: Any) -> None:
    tenant.send(*sent(3))
    tenant.stats("sent")
    question = Question(tenant.workspace.id, ("sent", "unique_sent"))
    assert statistics.ask(question).totals == {"sent": 3, "unique_sent": 3}
    asked = len(counting_engine.asked)
    assert statistics.ask(question).totals == {"sent": 3, "unique_sent": 3}
    assert len(counting_engine.asked) == asked + 1  # its version
    assert statistics.cached(question) is None  # who may not wait is never told
    assert statistics.current(question) is not None
    # Nobody says so to these statistics.
    tenant.send(*sent(2, first=3))
    tenant.stats("sent")
    assert statistics.current(question) is None
    assert statistics.ask(question).totals == {"sent": 5, "unique_sent": 5}


def test_nothing_is_kept_or_rolled_up_while_rows_change(
    statistics: Statistics, counting_engine: Any, fleet: Fleet, tenant: Any
) -> None:
    tenant.send(*sent(3))
    question = Question(tenant.workspace.id, ("sent",))
    tenant.stats("sent")
    assert statistics.ask(question).totals == {"sent": 3}
    fleet.version = 3
    counting_engine.asked.clear()
    for _ in range(2):
        assert statistics.ask(question).totals == {"sent": 3}
    assert not any("FROM counts" in text and "slot" in text for text in counting_engine.asked)
    assert sum("FROM events" in text for text in counting_engine.asked) >= 2
    fleet.version = 4
    assert statistics.current(question) is None
    statistics.ask(question)
    assert statistics.current(question) is not None


def test_an_answer_in_whose_time_rows_changed_is_made_of_raw_and_not_served_again(
    counting_engine: Any, fleet: Fleet, tenant: Any
) -> None:
    tenant.send(*sent(3))
    tenant.stats("sent")
    told: list[str] = []

    class Meanwhile:
        """Somebody changes rows while the rollup is read."""

        def query(self, sql: str, parameters: Any = None, output: str = "JSONCompact") -> bytes:
            if "slot" in sql and fleet.version == 2:
                fleet.version = 4
            return counting_engine.query(sql, parameters, output)  # type: ignore[no-any-return]

    engine: Any = Meanwhile()
    statistics = Statistics(
        engine,
        versions=Versions(engine, fleet),  # type: ignore[arg-type]
        observe=lambda source, seconds: told.append(source),
    )
    question = Question(tenant.workspace.id, ("sent",), ("day",))
    assert statistics.ask(question).totals == {"sent": 3}
    assert (told, fleet.version) == (["raw"], 4)
    assert statistics.current(question) is None
    statistics.close()


def test_figures_are_of_the_rows_as_they_are(house: Any) -> None:
    finished = Finished(house.services.engine, alone=False)
    place = Place("w", "=c", Figure("", ("sent",), ()))
    extent = Extent(1, 2, 3)
    finished.at(2)
    finished.keep([(place, extent, 3)], finished.version())
    assert finished.known(place, extent) == 3
    finished.at(2)
    assert finished.known(place, extent) == 3
    before = finished.version()
    finished.at(4)
    assert finished.known(place, extent) is None
    finished.keep([(place, extent, 3)], before)  # counted before the change
    assert finished.known(place, extent) is None
    # Who asked before the change, and is late, takes nothing away.
    finished.keep([(place, extent, 3)], finished.version())
    finished.at(2)
    assert finished.known(place, extent) == 3
    assert finished.save() == 0  # none of it is written where others could read it


def test_credits_are_kept_for_as_long_as_the_version_is_the_same(house: Any, tenant: Any) -> None:
    goals = {"goals": [{"event": "purchased", "window_s": 86400, "after": "sent"}]}
    tenant.client.put("/v1/campaigns/c", json=goals).raise_for_status()
    tenant.send(*sent(2), {"type": "purchased", "time": START + 60, "recipient": "r1", "amount": "1"})
    tenant.stats("sent")
    made = Credits(house.services.engine, alone=False, now=house.services.now)
    campaigns = house.services.catalog.campaigns(tenant.workspace.id)

    with ThreadPoolExecutor(2) as helpers:

        def fills(version: Version | None) -> tuple[int, ...]:
            with made.held(tenant.workspace, campaigns, ["goal_0"], ("human", "proxy"), helpers, version) as held:
                return held.fills

        def there(fill: int) -> bool:
            statement = "SELECT 1 FROM credits WHERE fill = {fill:UInt64} LIMIT 1"
            return bool(rows(house.services.engine, statement, {"fill": fill}))

        (first,) = fills(Version(2, 3))
        assert fills(Version(2, 3)) == (first,)
        assert there(first)
        (second,) = fills(Version(2, 4))
        assert second != first
        assert not there(first)
        # While rows change each question has its own.
        (own,) = fills(Version(3, 4))
        assert own not in (first, second)
        assert not there(own)
        (third,) = fills(Version(4, 4))
        made.drop_left_behind()
        assert there(third)
        made.close()
        assert not there(third)
