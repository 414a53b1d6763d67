"""Asking: how often the engine is asked, what is remembered, and until when."""

from __future__ import annotations

from typing import Any

import pytest

from turnout.stats.question import Question
from turnout.stats.run import Statistics

SENT = [
    {"type": "sent", "campaign": f"c{n % 3}", "time": f"2026-10-0{1 + n}T10:00:00Z", "recipient": f"r{n}"}
    for n in range(7)
]


@pytest.fixture
def workspace(house: Any, tenant: Any) -> str:
    tenant.send(*SENT)
    house.services.writer.settle(tenant.workspace.id)
    name: str = tenant.workspace.id
    return name


def rows_of(statistics: Statistics, question: Question) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in statistics.ask(question).rows]


def test_without_dimensions_the_totals_are_the_row(counting_engine: Any, workspace: str) -> None:
    answer = Statistics(counting_engine).ask(Question(workspace, ("sent", "unique_sent")))
    assert answer.rows == [answer.totals] == [{"sent": 7, "unique_sent": 7}]
    assert answer.row_count == 1
    assert len(counting_engine.asked) == 2  # the numbers, and what was left out


def test_where_nothing_is_left_out_it_is_not_asked(counting_engine: Any, workspace: str) -> None:
    every = ("human", "proxy", "prefetch", "preview", "scanner", "bot")
    answer = Statistics(counting_engine).ask(Question(workspace, ("sent",), traffic=every))
    assert answer.excluded == {}
    assert len(counting_engine.asked) == 1


def test_an_empty_range_asks_nothing(counting_engine: Any, workspace: str) -> None:
    statistics = Statistics(counting_engine)
    assert statistics.ask(Question(workspace, ("sent", "revenue"), from_ms=5, to_ms=5)).rows == [
        {"sent": 0, "revenue": {}}
    ]
    by_day = statistics.ask(Question(workspace, ("sent",), ("day",), from_ms=5, to_ms=5))
    assert (by_day.rows, by_day.row_count, by_day.totals) == ([], 0, {"sent": 0})
    assert by_day.excluded == {"prefetch": 0, "preview": 0, "scanner": 0, "bot": 0}
    assert counting_engine.asked == []


def test_pages_make_up_the_whole(counting_engine: Any, workspace: str) -> None:
    statistics = Statistics(counting_engine)
    whole = statistics.ask(Question(workspace, ("sent",), ("day", "campaign")))
    assert [row["day"] for row in whole.rows] == [f"2026-10-0{n}" for n in range(1, 8)]
    pages = []
    for offset in range(0, 9, 3):
        page = statistics.ask(Question(workspace, ("sent",), ("day", "campaign"), limit=3, offset=offset))
        assert (page.row_count, page.totals) == (7, {"sent": 7})
        pages += page.rows
    assert pages == whole.rows


@pytest.mark.parametrize(("limit", "offset"), [(0, 0), (0, 3), (3, 7), (3, 2**31)])
def test_a_page_of_nothing_still_counts(counting_engine: Any, workspace: str, limit: int, offset: int) -> None:
    asked = Question(workspace, ("sent", "unique_sent"), ("campaign",), limit=limit, offset=offset)
    answer = Statistics(counting_engine).ask(asked)
    assert (answer.rows, answer.row_count, answer.totals) == ([], 3, {"sent": 7, "unique_sent": 7})


@pytest.mark.parametrize(("limit", "offset", "rows"), [(0, 0, 0), (1, 0, 1), (1, 1, 0)])
def test_the_one_row_is_paged_too(counting_engine: Any, workspace: str, limit: int, offset: int, rows: int) -> None:
    answer = Statistics(counting_engine).ask(Question(workspace, ("sent",), limit=limit, offset=offset))
    assert (len(answer.rows), answer.row_count, answer.totals) == (rows, 1, {"sent": 7})


def test_ties_are_broken_by_the_dimensions(counting_engine: Any, workspace: str) -> None:
    statistics = Statistics(counting_engine)
    for offset, campaign in enumerate(("c0", "c1", "c2")):
        asked = Question(workspace, ("opened", "sent"), ("campaign",), limit=1, offset=offset)
        assert rows_of(statistics, asked) == [(campaign, 0, 3 if campaign == "c0" else 2)]


def test_an_answer_is_remembered_until_its_workspace_changes(counting_engine: Any, workspace: str) -> None:
    statistics = Statistics(counting_engine)
    asked = Question(workspace, ("sent",))
    assert statistics.cached(asked) is None
    first = statistics.ask(asked)
    often = len(counting_engine.asked)
    assert statistics.cached(asked) is statistics.ask(asked) is first
    statistics.changed(["another"])
    assert statistics.ask(asked) is first
    assert len(counting_engine.asked) == often
    before = statistics.version(workspace)
    statistics.changed([workspace])
    assert statistics.version(workspace) > before
    assert statistics.cached(asked) is None
    assert statistics.ask(asked) is not first
    assert len(counting_engine.asked) == 2 * often


def test_what_changes_while_the_engine_answers_makes_the_answer_stale(house: Any, workspace: str) -> None:
    asked = Question(workspace, ("sent",))

    class Meanwhile:
        def query(self, *arguments: Any) -> bytes:
            statistics.changed([workspace])
            answer: bytes = house.services.engine.query(*arguments)
            return answer

    statistics = Statistics(Meanwhile())  # type: ignore[arg-type]
    statistics.ask(asked)
    assert statistics.cached(asked) is None


def test_no_more_answers_are_kept_than_allowed(counting_engine: Any, workspace: str) -> None:
    statistics = Statistics(counting_engine, cache_entries=2)
    one, two, three = (Question(workspace, (name,)) for name in ("sent", "opened", "clicked"))
    statistics.ask(one)
    statistics.ask(two)
    statistics.ask(one)  # asked again: two is now the one that was not needed for longest
    statistics.ask(three)
    assert [statistics.cached(asked) is not None for asked in (one, two, three)] == [True, False, True]


def test_no_more_rows_are_kept_than_allowed(counting_engine: Any, workspace: str) -> None:
    statistics = Statistics(counting_engine, cache_rows=7)
    by_day, by_campaign = (Question(workspace, ("sent",), (name,)) for name in ("day", "campaign"))
    assert len(statistics.ask(by_day).rows) == 7
    assert statistics.cached(by_day) is not None
    statistics.ask(by_campaign)
    assert statistics.cached(by_day) is None
    assert statistics.cached(by_campaign) is not None
    for _ in range(9):
        statistics.changed([workspace])
        statistics.ask(by_campaign)
    assert statistics.cached(by_campaign) is not None


def test_an_answer_of_too_many_rows_is_not_kept(counting_engine: Any, workspace: str) -> None:
    statistics = Statistics(counting_engine, cache_rows=6)
    by_day, first_days = (Question(workspace, ("sent",), ("day",), limit=limit) for limit in (1000, 6))
    statistics.ask(first_days)
    assert statistics.cached(first_days) is not None
    statistics.ask(by_day)
    assert statistics.cached(by_day) is None


def test_nothing_is_kept_where_others_write(counting_engine: Any, workspace: str) -> None:
    statistics = Statistics(counting_engine, cache_entries=0)
    asked = Question(workspace, ("sent",))
    statistics.ask(asked)
    assert statistics.cached(asked) is None


def test_new_events_are_in_the_next_answer(tenant: Any) -> None:
    for number, event in enumerate(SENT, start=1):
        tenant.send(event)
        assert tenant.stats("sent")["totals"] == {"sent": number}
        assert tenant.stats("sent")["totals"] == {"sent": number}
        tenant.send(event)
        assert tenant.stats("sent,unique_sent")["totals"] == {"sent": number, "unique_sent": number}


def test_while_the_rollup_is_made_anew_raw_answers(counting_engine: Any, workspace: str) -> None:
    answer = Statistics(counting_engine, repairs=lambda: 1).ask(Question(workspace, ("sent",), ("day",)))
    assert answer.totals == {"sent": 7}
    assert not any("FROM counts" in sql for sql in counting_engine.asked)


def test_a_repair_that_begins_meanwhile_makes_raw_answer_again(counting_engine: Any, workspace: str) -> None:
    repairs = iter([0, 1])
    answer = Statistics(counting_engine, repairs=lambda: next(repairs)).ask(Question(workspace, ("sent",)))
    assert answer.totals == {"sent": 7}
    assert "FROM counts" in counting_engine.asked[0]
    assert "FROM events" in counting_engine.asked[-1]


def test_rows_alone_are_one_statement(counting_engine: Any, workspace: str) -> None:
    answer = Statistics(counting_engine).ask(Question(workspace, ("sent",), ("campaign",), rows_only=True))
    assert (len(answer.rows), answer.row_count, answer.totals, answer.excluded) == (3, 3, {}, {})
    assert len(counting_engine.asked) == 1
