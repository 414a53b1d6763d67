"""What both engines promise, asked of both."""

from __future__ import annotations

import json
import threading
import uuid
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from turnout.errors import Overloaded, StoreError, TooLarge, TurnoutError
from turnout.store.engine import rows

NASTY = [
    "",
    "'",
    "']",
    '"',
    "\\",
    "\\'",
    "\\n",
    "\\N",
    "NULL",
    "\\x41",
    "a'b\\c\"d`e",
    "line\nline\r\n\ttab\b\f\v\a",
    "nul\0nul",
    "\x01\x1f\x7f\x85\u2028",
    "{x:String}",
    "%(x)s %s %%",
    "$$ $x$ --  /* ; */",
    "ünïcödé 🎉 אבג \U0010ffff",
    " lead and trail ",
    "&=+%20?#",
]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)

SLOW = "SELECT sum(sleepEachRow(0.3)) FROM numbers(5) SETTINGS max_block_size = 1"


@given(st.lists(TEXT, max_size=8))
@example(NASTY)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_a_value(engine, texts):
    """As one string, and as an array of strings."""
    one = "\0".join(texts)
    assert rows(engine, "SELECT {one:String}, {all:Array(String)}", {"one": one, "all": texts}) == [[one, texts]]


@pytest.mark.parametrize("text", NASTY)
def test_nasty_text_finds_its_row(engine, text):
    found = rows(engine, "SELECT {text:String} IN {texts:Array(String)}", {"text": text, "texts": [text, "other"]})
    assert found == [[1]]


def test_numbers_are_exact(engine):
    found = rows(
        engine,
        "SELECT {small:UInt8}, {big:UInt64}, {low:Int64}, {yes:Bool}, {money:Decimal(38, 6)}, {part:Float64}, "
        "toString({huge:UInt128}), {none:Array(UInt64)}",
        {
            "small": 7,
            "big": 2**64 - 1,
            "low": -(2**63),
            "yes": True,
            "money": Decimal("-12345678901234567890.123456"),
            "part": 0.1,
            "huge": 2**128 - 1,
            "none": (),
        },
    )
    money = "-12345678901234567890.123456"
    assert found == [[7, 2**64 - 1, -(2**63), True, money, 0.1, str(2**128 - 1), []]]


def test_fifty_thousand_ids_in_one_question(engine):
    ids = [2**127 + number * 7919 for number in range(50_000)]
    asked = (
        "SELECT length({ids:Array(UInt128)}), groupArray(toString(id)) "
        "FROM (SELECT arrayJoin({some:Array(UInt128)}) AS id) WHERE id IN {ids:Array(UInt128)}"
    )
    some = [ids[0], ids[25_000], ids[-1], 5]
    assert rows(engine, asked, {"ids": ids, "some": some}) == [[50_000, [str(one) for one in some[:3]]]]


def test_fifty_thousand_names_in_one_question(engine):
    names = [f"{NASTY[number % len(NASTY)]}{number}" for number in range(50_000)]
    (back,) = rows(engine, "SELECT {names:Array(String)}", {"names": names})[0]
    assert back == names


def test_a_stream_is_whole_lines(engine):
    chunks = list(engine.stream("SELECT number, 'a\nb' AS text FROM numbers({count:UInt64})", {"count": 300_000}))
    assert len(chunks) > 1
    assert all(chunk.endswith(b"\n") for chunk in chunks)
    lines = b"".join(chunks).splitlines()
    assert len(lines) == 300_000
    assert json.loads(lines[-1]) == {"number": 299_999, "text": "a\nb"}


def test_a_stream_of_nothing_is_empty(engine):
    assert b"".join(engine.stream("SELECT 1 AS one WHERE 0")) == b""


def test_batches_hold_every_row_once(engine):
    batches = list(engine.batches("SELECT number FROM numbers({count:UInt64})", {"count": 300_000}))
    numbers = pa.chunked_array([batch.column("number") for batch in batches]).to_numpy()
    assert len(batches) > 1
    assert sorted(numbers) == list(range(300_000))


def test_batches_of_no_rows_still_name_the_columns(engine):
    (batch,) = engine.batches("SELECT toUInt64(1) AS one, 'x' AS name WHERE {yes:Bool}", {"yes": False})
    assert batch.num_rows == 0
    assert batch.schema.names == ["one", "name"]


def test_what_is_inserted_is_there_and_missing_columns_take_defaults(engine):
    table = f"t{uuid.uuid4().hex}"
    engine.execute(f"CREATE TABLE {table} (a UInt64, b String, c UInt8 DEFAULT 7) ENGINE = MergeTree ORDER BY a")
    engine.insert(table, pa.record_batch({"b": pa.array(NASTY), "a": pa.array(range(len(NASTY)), pa.uint64())}))
    assert rows(engine, f"SELECT a, b, c FROM {table} ORDER BY a") == [[n, text, 7] for n, text in enumerate(NASTY)]
    engine.execute(f"DELETE FROM {table} WHERE b IN {{gone:Array(String)}}", {"gone": NASTY[1:]})
    assert rows(engine, f"SELECT a, b, c FROM {table}") == [[0, "", 7]]


@pytest.mark.parametrize("why", ["constraint", "view", "column", "type", "table"])
def test_a_failed_insert_is_an_error(engine, why):
    """chDB's own streaming insert reports success for the first two."""
    table = f"t{uuid.uuid4().hex}"
    engine.execute(f"CREATE TABLE {table} (a UInt8, CONSTRAINT small CHECK a < 9) ENGINE = MergeTree ORDER BY a")
    engine.execute(f"CREATE TABLE {table}_of (a UInt8) ENGINE = MergeTree ORDER BY a")
    engine.execute(f"CREATE MATERIALIZED VIEW {table}_view TO {table}_of AS SELECT throwIf(a = 8) AS a FROM {table}")
    values = {"constraint": [1, 2, 9], "view": [1, 2, 8]}.get(why, [1, 2, 3])
    batch = pa.record_batch({"a": pa.array(values, pa.uint8())})
    if why == "column":
        batch = pa.record_batch({"nope": pa.array(values, pa.uint8())})
    if why == "type":
        batch = pa.record_batch({"a": pa.array(["x"])})
    with pytest.raises(StoreError):
        engine.insert("nope" if why == "table" else table, batch)
    if why != "view":
        assert rows(engine, f"SELECT count() FROM {table}") == [[0]]
    engine.insert(table, pa.record_batch({"a": pa.array([1], pa.uint8())}))
    assert rows(engine, f"SELECT count() FROM {table}_of") == [[1]]


def test_an_insert_is_one_part(engine):
    table = f"t{uuid.uuid4().hex}"
    engine.execute(f"CREATE TABLE {table} (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
    size = 200_000
    engine.insert(table, pa.record_batch({"a": pa.array(range(size), pa.uint64()), "b": pa.array(["x" * 100] * size)}))
    asked = "SELECT count(), sum(rows) FROM system.parts WHERE table = {table:String}"
    assert rows(engine, asked, {"table": table}) == [[1, size]]


@pytest.mark.parametrize(
    "ask",
    [
        lambda engine, sql: engine.query(sql),
        lambda engine, sql: engine.execute(sql),
        lambda engine, sql: list(engine.stream(sql)),
        lambda engine, sql: list(engine.batches(sql)),
    ],
    ids=["query", "execute", "stream", "batches"],
)
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT secret_column FROM missing_table",
        "SELECT secret_column syntax error (",
        "SELECT toUInt64(unhex('ff41fe')) AS secret_column",
        "SELECT throwIf(number = 70000, 'secret_column') FROM numbers(80000)",
    ],
    ids=["table", "syntax", "not-utf8", "midway"],
)
def test_an_error_tells_no_secrets(engine, ask, sql):
    with pytest.raises(StoreError) as caught:
        ask(engine, sql)
    told = f"{caught.value.message} {caught.value.hint} {caught.value.field}"
    for secret in ("secret_column", "missing_table", "SELECT", "/", "DB::Exception", "127.0.0.1"):
        assert secret not in told
    assert caught.value.__cause__ is not None


def test_a_stream_that_fails_midway_says_so(engine):
    stream = engine.stream("SELECT throwIf(number = 900000) AS zero FROM numbers(1000000)")
    assert next(stream).startswith(b'{"zero":0}\n')
    with pytest.raises(StoreError):
        list(stream)


def test_a_slow_question_does_not_hold_up_a_fast_one(make_engine):
    engine = make_engine(readers=2)
    slow = threading.Thread(target=engine.query, args=(SLOW,))
    slow.start()
    for _ in range(5):
        assert rows(engine, "SELECT 1") == [[1]]
    assert slow.is_alive()
    slow.join()


def test_one_question_too_many_is_told_to_come_back(make_engine):
    engine = make_engine(readers=1, wait_timeout_s=0.1)
    slow = threading.Thread(target=engine.query, args=(SLOW,))
    slow.start()

    def ask_until_refused():
        while slow.is_alive():
            engine.query("SELECT 1")

    with pytest.raises(Overloaded):
        ask_until_refused()
    slow.join()
    assert rows(engine, "SELECT 1") == [[1]]


def test_a_question_that_needs_too_much_memory_is_refused_and_the_next_is_answered(make_engine):
    engine = make_engine(readers=1, query_memory_limit_bytes=50_000_000)
    heavy = "SELECT uniqExact(number) FROM numbers(5000000)"
    with pytest.raises(TooLarge, match="memory"):
        rows(engine, heavy)
    with pytest.raises(TooLarge, match="memory"):
        list(engine.stream(heavy))
    assert rows(engine, "SELECT 1") == [[1]]
    assert rows(make_engine(readers=1), heavy) == [[5_000_000]]


def test_a_question_that_takes_too_long_is_ended(make_engine):
    engine = make_engine(query_timeout_s=1)
    with pytest.raises(TooLarge):
        engine.query("SELECT sum(sleepEachRow(0.2)) FROM numbers(100) SETTINGS max_block_size = 1")


def test_a_question_that_takes_too_much_memory_is_ended(engine):
    with pytest.raises(TooLarge):
        engine.query("SELECT groupArray(number) FROM numbers(10000000) SETTINGS max_memory_usage = 1000000")


def test_a_stream_takes_no_reader_and_abandoning_it_gives_its_place_back(make_engine):
    engine = make_engine(readers=1, query_timeout_s=1, wait_timeout_s=0.2)
    endless = "SELECT number FROM numbers(1000000000)"
    stream = engine.stream(endless)
    next(stream)
    assert rows(engine, "SELECT 1") == [[1]]
    with pytest.raises(Overloaded):
        next(engine.batches(endless))
    stream.close()
    batches = engine.batches(endless)
    next(batches)
    del batches
    assert b"".join(engine.stream("SELECT 1 AS one")) == b'{"one":1}\n'


def test_an_answer_that_failed_leaves_nothing_to_the_next_one(make_engine):
    """chDB puts what it had written of it in front of whatever the same connection is asked next."""
    engine = make_engine(readers=1)
    for output in ("JSONCompact", "RowBinary", "TSV"):
        with pytest.raises(StoreError):
            engine.query("SELECT throwIf(number = 3) FROM numbers(10) SETTINGS max_block_size = 1", None, output)
        assert engine.query("SELECT toUInt8(4)", None, "RowBinary") == b"\x04"
        assert rows(engine, "SELECT 5") == [[5]]


def test_closing_twice_is_fine_and_what_is_asked_later_fails(make_engine):
    engine = make_engine(readers=1)
    stream = engine.stream("SELECT number FROM numbers(1000000000)")
    next(stream)
    engine.close()
    engine.close()
    for ask in (lambda: engine.query("SELECT 1"), lambda: engine.execute("SELECT 1"), lambda: list(stream)):
        with pytest.raises(TurnoutError):
            ask()
    with pytest.raises(TurnoutError):
        engine.insert("events", pa.record_batch({"id": pa.array([b"1" * 16])}))


def test_closing_waits_for_a_running_question(make_engine):
    engine = make_engine(readers=2)
    found = []
    slow = threading.Thread(target=lambda: found.append(engine.query(SLOW)))
    slow.start()
    rows(engine, "SELECT 1")
    engine.close()
    slow.join()
    assert found
