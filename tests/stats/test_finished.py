"""Kept distinct counts against the judge: events, questions and the keeper in any order; and what makes them stale."""

from __future__ import annotations

import random
from typing import Any

import pytest
from tests.judge import Asked, Judge
from tests.judge.hearing import Asker, hold

from turnout.stats import recount
from turnout.stats.direct import Direct
from turnout.stats.finished import Extent, Figure, Finished, Place, nameless, scope_of
from turnout.stats.keeper import Keeper
from turnout.stats.question import Filter, Question
from turnout.stats.run import Statistics
from turnout.store.events import Cells

CLASSES = ("human", "proxy", "prefetch", "bot")
TRAFFICS = [
    ("human", "proxy"),
    ("proxy", "human"),
    ("human",),
    ("bot",),
    ("human", "proxy", "prefetch", "preview", "scanner", "bot"),
]
ZONES = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe", "Antarctica/Casey"]
METRICS = [
    *("sent", "opened", "opened_direct", "unsubscribed", "unique_sent", "unique_opened", "unique_opened_direct"),
    *(
        "unique_unsubscribed",
        "recipients",
        "unique_reached",
        "login_viewers",
        "open_rate",
        "click_rate",
        "conversions_1",
    ),
]
#: Clocks in Casey went back by three hours at two in the morning of 5 March 2010, so a day came twice.
START_MS = 1_267_660_800_000


def some_events(chance: random.Random, count: int) -> list[dict[str, Any]]:
    """Events of a few days, of few recipients, many of them late, some without a recipient."""
    return [
        {
            "type": chance.choice(["sent", "sent", "opened", "clicked", "unsubscribed", "watched", "impression"]),
            "campaign": chance.choice(["a", "a", "b", "c"]),
            "time": START_MS + chance.randrange(0, 4 * 86_400_000, chance.choice([1, 900_000])),
            "recipient": chance.choice(["", *(f"r{number}" for number in range(9))]),
            "open": chance.choice(["direct", "influenced"]),
            "traffic": chance.choice(CLASSES),
            "anonymous": chance.random() < 0.5,
            "id": f"e{chance.randrange(10**9)}",
        }
        for _ in range(count)
    ]


def at_both_ends(chance: random.Random) -> list[dict[str, Any]]:
    """An event of each type and campaign before and after all others, so that only their number tells more of them."""
    types = ("sent", "opened", "clicked", "unsubscribed", "watched", "impression")
    made = some_events(chance, 2 * len(types) * 3)
    for index, event in enumerate(made):
        at_ms = START_MS - 1 if index % 2 else START_MS + 4 * 86_400_000
        event |= {"type": types[index // 2 % len(types)], "campaign": "abc"[index // 12], "time": at_ms}
    return made


def fitting(event: dict[str, Any]) -> dict[str, Any]:
    """The event with the fields that its type has."""
    if event["type"] == "watched":
        event = {**event, "duration_s": 60, "recipient": event["recipient"] or "guest"}
    return {name: value for name, value in event.items() if name != "open" or event["type"] == "opened"}


def a_question(chance: random.Random) -> Asked:
    """A question that kept numbers may answer, or nearly."""
    dimensions = chance.choice([(), (), ("day",), ("day",), ("campaign",), ("week",), ("month",), ("campaign", "day")])
    metrics = tuple(chance.sample(METRICS, chance.randrange(1, 6)))
    slot = chance.choice([900_000, 900_000, 86_400_000, 1])
    bounds = sorted(START_MS + chance.randrange(-86_400_000, 5 * 86_400_000) // slot * slot for _ in range(2))
    filters = (
        {}
        if chance.random() < 0.4
        else {"campaign": tuple(chance.sample(["a", "b", "c", "none"], chance.randrange(1, 4)))}
    )
    return Asked(
        metrics, dimensions, tuple(filters.items()),
        from_ms=bounds[0] if chance.random() < 0.4 else None,
        to_ms=bounds[1] if chance.random() < 0.4 else None,
        timezone=chance.choice(ZONES), traffic=chance.choice(TRAFFICS),
        limit=chance.choice([1, 2, 1000]), offset=chance.choice([0, 0, 1]),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(1))
def test_kept_numbers_are_the_judges(
    house: Any, open_workspace: Any, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if seed % 2:  # in many small statements
        for name in ("EVENTS_A_PART", "EVENTS_AT_ONCE"):
            monkeypatch.setattr(recount, name, 7)
    chance, court = random.Random(seed), Judge()
    asker: Asker = open_workspace("Europe/Berlin")
    engine = house.services.engine
    finished = Finished(engine)
    keeper = Keeper(Direct(engine, finished), finished, house.services.catalog, worth_events=1)
    statistics = Statistics(engine, finished=finished, cache_entries=0)
    for events in (at_both_ends(chance), *(some_events(chance, 40) for _ in range(3))):
        events = [fitting(event) for event in events]
        assert asker.post(events) == court.post(events)
        house.services.writer.settle(asker.workspace)
        if chance.random() < 0.4:
            for name in ("a", "b", "*all"):
                keeper._count_campaign(asker.workspace, name)
        for _ in range(6):
            asked = a_question(chance)
            verdict = court.ask(asked)
            hold(asker.ask(asked), verdict)
            for _ in range(2):  # the second time from what the first has kept
                answer = statistics.ask(question_of(asker.workspace, asked))
                assert answer.rows == verdict.rows, asked
                assert (answer.totals, answer.row_count, answer.excluded) == (
                    verdict.totals, verdict.row_count, verdict.excluded,
                ), asked  # fmt: skip
        if chance.random() < 0.5:
            finished.save()
            finished = Finished(engine)
            finished.load()
            statistics = Statistics(engine, finished=finished, cache_entries=0)
    assert finished.cells
    statistics.close()


def question_of(workspace: str, asked: Asked) -> Question:
    """The judge's question in our words."""
    return Question(
        workspace, asked.metrics, asked.dimensions, tuple(Filter(name, values) for name, values in asked.filters),
        from_ms=asked.from_ms, to_ms=asked.to_ms, timezone=asked.timezone, traffic=asked.traffic,
        limit=asked.limit, offset=asked.offset,
    )  # fmt: skip


SENT = [
    {"type": "sent", "campaign": f"c{n % 3}", "time": f"2026-10-0{1 + n}T10:00:00Z", "recipient": f"r{n % 2}"}
    for n in range(7)
]
UNIQUE = ("sent", "unique_sent")


def test_what_is_finished_is_one_statement(counting_engine: Any, house: Any, tenant: Any) -> None:
    tenant.send(*SENT)
    house.services.writer.settle(tenant.workspace.id)
    counting_engine.derive = None
    statistics = Statistics(counting_engine, finished=Finished(counting_engine), cache_entries=0)
    workspace = tenant.workspace.id
    asked = [Question(workspace, UNIQUE, dimensions) for dimensions in ((), ("day",), ("campaign",), ("week",))]
    first = [statistics.ask(one).rows for one in asked]
    assert any("uniqExact" in sql for sql in counting_engine.asked)
    counting_engine.asked.clear()
    assert [statistics.ask(one).rows for one in asked] == first
    assert len(counting_engine.asked) == len(asked)
    assert all("FROM counts" in sql for sql in counting_engine.asked)
    # A range that has all of a campaign's events is the whole campaign.
    whole = Question(workspace, UNIQUE, from_ms=1_700_000_000_000 // 900_000 * 900_000)
    assert statistics.ask(whole).totals == {"sent": 7, "unique_sent": 2}
    assert len(counting_engine.asked) == len(asked) + 1
    statistics.close()


def test_only_what_grew_is_counted_again(counting_engine: Any, house: Any, tenant: Any) -> None:
    tenant.send(*SENT)
    house.services.writer.settle(tenant.workspace.id)
    statistics = Statistics(counting_engine, finished=Finished(counting_engine), cache_entries=0)
    asked = Question(tenant.workspace.id, UNIQUE, ("campaign",), rows_only=True)
    statistics.ask(asked)
    tenant.send({**SENT[1], "recipient": "new", "time": "2026-10-02T10:00:01Z"})
    house.services.writer.settle(tenant.workspace.id)
    counting_engine.asked.clear()
    parameters: list[Any] = []
    query = counting_engine._engine.query

    class Listening:
        def query(self, sql: str, values: Any = None, output: str = "JSONCompact") -> bytes:
            parameters.append(values)
            answer: bytes = query(sql, values, output)
            return answer

    counting_engine._engine = Listening()
    assert [row["unique_sent"] for row in statistics.ask(asked).rows] == [2, 3, 2]
    assert len(counting_engine.asked) == 2
    assert ("c1",) in parameters[1].values()
    assert not any("c0" in str(value) or "c2" in str(value) for value in parameters[1].values())
    statistics.close()


PLACE = Place("w", scope_of(("a",)), Figure("type IN ('sent') AND recipient != ''", ("sent",), ("human",)))
EXTENT = Extent(1_700_000_000_000, 1_700_000_100_000, 7)


def test_a_number_is_right_for_as_many_events_between_the_same_instants(house: Any) -> None:
    finished = Finished(house.services.engine)
    finished.keep([(PLACE, EXTENT, 3)], finished.version())
    assert finished.known(PLACE, EXTENT) == 3
    assert finished.known(PLACE, Extent(EXTENT.first_ms, EXTENT.last_ms, 8)) is None
    assert finished.known(PLACE, Extent(EXTENT.first_ms, EXTENT.last_ms + 1, 7)) is None
    assert finished.known(PLACE, Extent(EXTENT.first_ms - 1, EXTENT.last_ms, 7)) is None
    for other in (
        Place("v", PLACE.campaigns, PLACE.figure),
        Place("w", scope_of(("b",)), PLACE.figure),
        Place("w", scope_of(("a", "b")), PLACE.figure),
        Place("w", scope_of(None), PLACE.figure),
        Place("w", PLACE.campaigns, nameless("sent", "human")),
    ):
        assert finished.known(other, EXTENT) is None


def test_what_is_kept_is_there_after_a_restart_until_it_is_forgotten(house: Any, tenant: Any) -> None:
    engine, workspace = house.services.engine, tenant.workspace.id
    mine = [
        Place(workspace, scope_of(names), PLACE.figure)
        for names in (("a",), ("b'\\",), ("a", "b'\\"), None, ("*",), ("",))
    ]
    first = Finished(engine)
    for number, place in enumerate(mine):
        first.keep([(place, EXTENT, number)], first.version())
    first.keep([(mine[0], EXTENT, 2**40)], first.version())
    assert first.save() == len(mine) + 1
    assert first.save() == 0
    second = Finished(engine)
    second.load()
    assert [second.known(place, EXTENT) for place in mine] == [2**40, 1, 2, 3, 4, 5]
    before = second.version()
    second.forget(workspace, ["b'\\"])
    second.keep([(mine[1], EXTENT, 9)], before)  # was counted before
    third = Finished(engine)
    third.load()
    for finished in (second, third):
        assert [finished.known(place, EXTENT) for place in mine] == [2**40, None, None, None, 4, 5]


def test_no_more_is_kept_than_allowed(house: Any) -> None:
    finished = Finished(house.services.engine, limit_cells=10)
    places = [Place("bounded", scope_of((str(number),)), PLACE.figure) for number in range(4)]
    for day in range(4):
        extent = Extent(day * 10, day * 10 + 5, 1)
        finished.keep([(place, extent, day) for place in places[: 3 if day else 4]], finished.version())
    assert finished.cells <= 10
    assert finished.known(places[2], Extent(30, 35, 1)) == 3
    assert finished.known(places[3], Extent(0, 5, 1)) is None


def test_the_keeper_counts_before_anybody_asks(counting_engine: Any, house: Any, tenant: Any) -> None:
    tenant.send(*SENT)
    house.services.writer.settle(tenant.workspace.id)
    workspace = tenant.workspace.id
    finished = Finished(house.services.engine)
    keeper = Keeper(
        Direct(house.services.engine, finished), finished, house.services.catalog,
        quiet_s=0.01, worth_events=1, is_sound=lambda: sound[0],
    )  # fmt: skip
    sound = [False]
    keeper._begin = lambda: None  # type: ignore[method-assign]
    keeper.start()
    keeper.touched([Cells(workspace, ("c0", "c1", "c2"), 0, 1)])
    assert keeper.waiting == 4
    sound[0] = True
    for _ in range(1000):
        if not keeper.waiting:
            break
        keeper._closing.wait(0.01)
    statistics = Statistics(counting_engine, finished=finished, cache_entries=0)
    for dimensions, filters in (((), ()), (("campaign",), ()), (("day",), (Filter("campaign", ("c1",)),))):
        asked = Question(workspace, UNIQUE, dimensions, filters)
        assert statistics.ask(asked).totals["sent"]
    assert not any("uniqExact" in sql for sql in counting_engine.asked)
    keeper.close()
    assert not keeper._thread.is_alive()
    statistics.close()
    again = Finished(house.services.engine)
    again.load()
    assert {one for one in finished._cells if one.workspace == workspace} <= set(again._cells)


def test_an_error_does_not_end_the_keeper(house: Any, tenant: Any, caplog: pytest.LogCaptureFixture) -> None:
    tenant.send(*SENT)
    house.services.writer.settle(tenant.workspace.id)
    finished = Finished(house.services.engine)
    keeper = Keeper(Direct(None, finished), finished, house.services.catalog, quiet_s=0.01, worth_events=1)  # type: ignore[arg-type]
    keeper._begin = lambda: None  # type: ignore[method-assign]
    keeper.start()
    for _ in range(2):
        keeper.touched([Cells(tenant.workspace.id, ("c0",), 0, 1)])
        for _ in range(1000):
            if not keeper.waiting:
                break
            keeper._closing.wait(0.01)
    assert len(caplog.records) == 2
    assert keeper._thread.is_alive()
    keeper.close()


def test_groups_that_overlap_in_time_are_not_kept(counting_engine: Any, house: Any, tenant: Any) -> None:
    """Clocks that go back over midnight make a day of two pieces, with some of the next between them."""
    hours = [f"2010-03-0{day}T{hour:02}:30:00Z" for day, hour in ((4, 12), (4, 14), (4, 15), (4, 16), (4, 17))]
    tenant.send(*({"type": "sent", "campaign": "c", "time": time, "recipient": "r"} for time in hours))
    house.services.writer.settle(tenant.workspace.id)
    statistics = Statistics(counting_engine, finished=Finished(counting_engine), cache_entries=0)
    asked = Question(tenant.workspace.id, UNIQUE, ("day",), timezone="Antarctica/Casey")
    for _ in range(2):
        assert [tuple(row.values()) for row in statistics.ask(asked).rows] == [
            ("2010-03-04", 2, 1),
            ("2010-03-05", 3, 1),
        ]
    statistics.close()
