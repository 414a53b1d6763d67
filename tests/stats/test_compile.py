"""The SQL of questions, held against files that are reviewed as SQL.

After a wanted change: `RENEW_GOLDEN=1 pytest tests/stats/test_compile.py`, and read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from turnout.errors import TurnoutError
from turnout.stats import calendar, compile, excluded, export, plan, recount, tally
from turnout.stats.export import Streamed
from turnout.stats.finished import Extent, distinct, nameless
from turnout.stats.metrics import DIMENSIONS, METRICS
from turnout.stats.plan import Held
from turnout.stats.question import Filter, Question, Sort
from turnout.stats.scope import Scope, Statement

GOLDEN = Path(__file__).parent / "golden"
DAY = 1_774_656_000_000  # 2026-03-28, the day before Berlin's clocks change

COUNTS = Question(
    "shop", ("sent", "purchase_value"), ("day", "campaign"), timezone="Europe/Berlin",
    from_ms=DAY, to_ms=DAY + 4 * 86_400_000,
)  # fmt: skip
RAGGED = Question("shop", ("opened",), from_ms=DAY + 1, to_ms=DAY + 7_200_001)
UNIQUES = Question(
    "shop",
    ("sent", "unique_opened", "open_rate", "unsubscribed"),
    ("variation", "link"),
    (Filter("campaign", ("spring", "o'hara\\")), Filter("week", ("2026-03-23",))),
    from_ms=DAY,
    to_ms=DAY + 2 * 86_400_000,
    timezone="Europe/Berlin",
    traffic=("human", "proxy", "prefetch", "preview", "scanner", "bot"),
    sort=(Sort("open_rate", descending=True), Sort("link")),
    limit=10,
    offset=20,
)
REACH = Question("shop", ("unique_sent", "unsubscribed", "unique_opened"), from_ms=DAY + 1, to_ms=DAY + 7_200_001)
DAILY = Question(
    "shop", ("sent", "clicked_body", "unique_opened"), ("day",), (Filter("campaign", ("spring",)),),
    from_ms=DAY, to_ms=DAY + 86_400_000, timezone="Europe/Berlin",
)  # fmt: skip
PEAK = Question("shop", ("peak_concurrent_viewers",), filters=(Filter("campaign", ("show",)),), to_ms=DAY)
PEAK_BY_HOUR = Question(
    "shop", ("viewing_time_s", "peak_concurrent_viewers"), ("campaign", "hour"), (Filter("day", ("2026-03-28",)),)
)
BY_SEND = Question("shop", ("opened",), ("day",), (Filter("campaign", ("spring",)),), from_ms=DAY, placed_by="send")
CONVERSIONS = Question("shop", ("conversions",), ("day",), (Filter("campaign", ("spring",)),), from_ms=DAY)
CONVERSIONS_OF_ARMS = Question("shop", ("conversions",), ("variation",), to_ms=DAY, placed_by="send")
REVENUE = Question("shop", ("revenue",), ("campaign",), from_ms=DAY, to_ms=DAY + 86_400_000)
FIRSTS = Question("shop", ("new_users",), ("day",), (Filter("param", ("ref",)),), from_ms=DAY)

WHY = Question(
    "shop", ("clicked",), ("reason", "mailbox_provider"), (Filter("reason", ("known_bot", "")), Filter("os", ("iOS",))),
    from_ms=DAY,
)  # fmt: skip


def page(question: Question, held: Held = plan.NOTHING_HELD) -> Statement:
    return compile.page(question, plan.plan(question, calendar.offsets(question.timezone), held=held))


def left_out(question: Question) -> Statement:
    chosen = plan.excluded(question, calendar.offsets(question.timezone))
    assert chosen is not None
    return excluded.statement(question, chosen)


def tallied(question: Question) -> Statement:
    offsets = calendar.offsets(question.timezone)
    asked = tally.tally(question, plan.plan(question, offsets), offsets)
    assert asked is not None
    return tally.statement(asked, offsets)


def recounted(question: Question, *groups: str) -> Statement:
    figures = [distinct(METRICS["unique_opened"], question.traffic), nameless("clicked", "bot")]
    cells = [recount.Cell((group,), figure, Extent(DAY, DAY + 7, 3)) for group in groups for figure in figures]
    (asked,) = recount.recounts(question.dimensions, frozenset({"spring"}), cells)
    return recount.statement(question, calendar.offsets(question.timezone), asked)


def streamed_events() -> Streamed:
    return export.events(
        "shop",
        types=("sent", "opened"),
        filters=(Filter("campaign", ("spring",)),),
        from_ms=DAY,
        to_ms=None,
        timezone="UTC",
        traffic=("human",),
    )


STATEMENTS = {
    "counts_by_local_day": page(COUNTS),
    "counts_with_ragged_edges": page(RAGGED),
    "uniques_sorted_and_paged": page(UNIQUES),
    "rows_of_all_pages": compile.row_count(COUNTS, plan.plan(COUNTS, calendar.offsets("Europe/Berlin"))),
    "uniques_without_groups": page(REACH),
    "tally_by_local_day": tallied(DAILY),
    "recount_of_days": recounted(DAILY, "2026-03-28"),
    "peak": page(PEAK),
    "peak_by_hour": page(PEAK_BY_HOUR),
    "by_send": page(BY_SEND),
    "credits_beside_the_rollup": page(CONVERSIONS, Held((7, 8), frozenset({"goal_0"}))),
    "credits_with_what_is_said": page(CONVERSIONS_OF_ARMS, Held((7, 8), frozenset({"goal_0"}))),
    "credits_alone": page(CONVERSIONS, Held((7,), frozenset({"goal_0"}), frozenset({"converted"}))),
    "revenue": page(REVENUE, Held((9,), frozenset({"revenue"}))),
    "first_times": page(FIRSTS),
    "reasons_by_mailbox_provider": page(WHY),
    "excluded_of_counts": left_out(RAGGED),
    "excluded_of_peak": left_out(PEAK_BY_HOUR),
    "export_of_events": streamed_events(),
    "export_of_recipients": export.recipients(
        Question("shop", ("recipients",), from_ms=DAY), "spring", ("opened", "unsubscribed"), ("clicked_body",)
    ),
}


def _text(statement: Statement | Streamed) -> str:
    values = "\n".join(f"-- {name} = {value!r}" for name, value in statement.parameters.items())
    return f"{statement.sql}\n\n{values}\n"


@pytest.mark.parametrize("name", STATEMENTS)
def test_statement_is_the_reviewed_one(name: str) -> None:
    path = GOLDEN / f"{name}.sql"
    if os.environ.get("RENEW_GOLDEN"):
        path.write_text(_text(STATEMENTS[name]), encoding="utf-8")
    assert _text(STATEMENTS[name]) == path.read_text(encoding="utf-8")


def test_no_reviewed_statement_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(STATEMENTS)


@pytest.mark.parametrize("dimension", sorted(set(DIMENSIONS) - {"minute", "hour"}))
def test_no_value_of_a_user_becomes_sql(dimension: str) -> None:
    marked = "zzMARKzz'\\"
    for metric in ("sent", "unique_sent", "revenue", "unique_conversions", "new_users", "peak_concurrent_viewers"):
        question = Question(
            marked,
            (metric,),
            ("day", "campaign"),
            (Filter(dimension, (marked,)),),
            from_ms=1_777_777_777_777,
            to_ms=1_888_888_888_888,
            limit=54_321,
            offset=65_432,
        )
        streams = [
            export.recipients(question, marked, ("sent",), ("opened",)),
            export.events(
                marked,
                types=("sent",),
                filters=question.filters,
                from_ms=question.from_ms,
                to_ms=question.to_ms,
                timezone="UTC",
                traffic=("bot",),
            ),
        ]
        for statement in (page(question), left_out(question), *streams):
            for value in ("zzMARKzz", "777777", "888888", "54321", "65432"):
                assert value not in statement.sql
            assert marked in str(list(statement.parameters.values())) or marked in statement.parameters.values()


def test_a_value_is_bound_once_per_type() -> None:
    scope = Scope(COUNTS, calendar.offsets("UTC"))
    bound = [
        scope.bind(1, "Int64"),
        scope.bind(1, "UInt64"),
        scope.bind(1, "Int64"),
        scope.bind("1", "String"),
        scope.bind(("a", "b"), "Array(String)"),
        scope.bind(["a", "b"], "Array(String)"),
        scope.bind((), "Array(String)"),
    ]
    assert bound == [
        "{p0:Int64}", "{p1:UInt64}", "{p0:Int64}", "{p2:String}", "{p3:Array(String)}", "{p3:Array(String)}",
        "{p4:Array(String)}",
    ]  # fmt: skip
    assert scope.parameters == {"p0": 1, "p1": 1, "p2": "1", "p3": ("a", "b"), "p4": ()}


def test_counts_of_whole_slots_never_touch_raw_events() -> None:
    additive = tuple(name for name, metric in METRICS.items() if metric.additive and not metric.credit)
    dims = [name for name, dimension in DIMENSIONS.items() if dimension.rolled_up]
    for name in dims:
        for start, end in ((None, None), (DAY, DAY + 86_400_000)):
            question = Question("shop", additive, (name,), from_ms=start, to_ms=end, timezone="Asia/Kathmandu")
            assert "FROM events" not in page(question).sql
            assert "FROM events" not in left_out(question).sql


@pytest.mark.parametrize("name", ["viewers", "sent_rate", "nothing"])
def test_recipients_are_found_by_counts_only(name: str) -> None:
    question = Question("shop", ("recipients",))
    with pytest.raises(TurnoutError, match=name):
        export.recipients(question, "c", (name,), ())
    with pytest.raises(TurnoutError, match=name) as raised:
        export.recipients(question, "c", (), (name,))
    assert raised.value.field == "did_not"
