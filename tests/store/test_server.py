"""What is special about a server: its address, its credentials, and the wire between."""

from __future__ import annotations

import logging
import uuid
from urllib.parse import quote

import pyarrow as pa
import pytest

from turnout.errors import Overloaded, StoreError, TooLarge
from turnout.store.engine import rows
from turnout.store.server import ServerEngine


def numbers(*values: int) -> pa.RecordBatch:
    return pa.record_batch({"a": pa.array(values, pa.uint64())})


@pytest.fixture
def server(standin, connect) -> ServerEngine:
    return connect(f"{standin.url}/default")


@pytest.fixture
def table(server) -> str:
    name = f"t{uuid.uuid4().hex}"
    server.execute(f"CREATE TABLE {name} (a UInt64) ENGINE = MergeTree ORDER BY a")
    return name


def test_a_wrong_password_is_said_and_not_shown(standin, caplog):
    with pytest.raises(StoreError, match="refused user 'turnout' or the password") as caught:
        ServerEngine(f"clickhouse://turnout:hunter2@{standin.address}/default")
    assert "hunter2" not in f"{caught.value!r} {caught.value.hint} {caplog.text}"


def test_a_missing_database_is_named(standin):
    with pytest.raises(StoreError, match="no database 'nope'") as caught:
        ServerEngine(f"{standin.url}/nope")
    assert "CREATE DATABASE nope" in caught.value.hint


def test_a_server_that_is_not_there_is_named():
    with pytest.raises(StoreError, match=r"no ClickHouse server answers at 127\.0\.0\.1:1"):
        ServerEngine("clickhouse://u:hunter2@127.0.0.1:1/default")


def test_a_server_without_tls_is_told_from_one_that_is_not_there(standin):
    with pytest.raises(StoreError, match="no TLS connection") as caught:
        ServerEngine(standin.url.replace("clickhouse://", "clickhouses://") + "/default")
    assert "clickhouse://" in caught.value.hint


def test_a_server_that_went_away_is_waited_for_and_found_again(start_standin, connect, caplog):
    there = start_standin()
    engine = connect(f"{there.url}/default")
    there.process.kill()
    there.process.wait()
    for ask in (
        lambda: engine.query("SELECT 1"),
        lambda: engine.execute("SELECT 1"),
        lambda: engine.insert("events", numbers(1)),
        lambda: list(engine.stream("SELECT 1")),
        lambda: list(engine.batches("SELECT 1")),
    ):
        with pytest.raises(Overloaded, match="the store can't be reached"):
            ask()
    assert quote("s3cret", safe="") not in caplog.text


def test_a_question_over_a_connection_that_broke_is_asked_again(server, standin, table):
    server.insert(table, numbers(1))
    for when in ("before", "after"):
        standin.break_next(f"SELECT count() FROM {table}", when)
        assert rows(server, f"SELECT count() FROM {table}") == [[1]]


def test_a_write_over_a_connection_that_broke_is_not_sent_again(server, standin, table):
    """It may have been written: sent twice, it would count twice."""
    standin.break_next(f"INSERT INTO {table}", "after")
    with pytest.raises(StoreError, match="the connection to the store broke"):
        server.insert(table, numbers(1))
    assert rows(server, f"SELECT groupArray(a) FROM {table}") == [[[1]]]
    standin.break_next(f"INSERT INTO {table}", "before")
    with pytest.raises(StoreError, match="the connection to the store broke"):
        server.insert(table, numbers(2))
    standin.break_next(f"INSERT INTO {table}", "after")
    with pytest.raises(StoreError, match="the connection to the store broke"):
        server.execute(f"INSERT INTO {table} SELECT 3")
    assert rows(server, f"SELECT groupArray(a) FROM (SELECT a FROM {table} ORDER BY a)") == [[[1, 3]]]


@pytest.mark.parametrize("ask", ["query", "stream", "batches"])
def test_a_write_that_goes_on_without_its_client_is_waited_for(server, standin, table, ask):
    """Who looks for its rows right after must find them, or would write them again."""
    standin.break_next(f"INSERT INTO {table}", "meanwhile")
    with pytest.raises(StoreError, match="the connection to the store broke"):
        server.insert(table, numbers(1))
    if ask == "query":
        assert rows(server, f"SELECT count() FROM {table}") == [[1]]
    elif ask == "stream":
        assert list(server.stream(f"SELECT a FROM {table}")) == [b'{"a":1}\n']
    else:
        assert sum(batch.num_rows for batch in server.batches(f"SELECT a FROM {table}")) == 1


@pytest.mark.parametrize("way", ["stream", "batches"])
def test_a_stream_that_breaks_off_is_no_whole_result(server, standin, way):
    asked = f"SELECT number, '{uuid.uuid4().hex}' AS mark FROM numbers(1000000)"
    standin.break_next(asked, "midway")
    with pytest.raises(StoreError):
        list(getattr(server, way)(asked))


def test_the_engine_s_words_of_a_stream_are_kept_for_the_log(server, caplog):
    with caplog.at_level(logging.WARNING), pytest.raises(StoreError, match="engine code 395"):
        list(server.stream("SELECT throwIf(number = 900000, 'words for the log') FROM numbers(1000000)"))
    assert "words for the log" in caplog.text


def test_a_line_that_looks_like_the_mark_of_failure_is_a_line(server):
    (row,) = server.stream("SELECT '\\n__exception__\\r\\n' AS text")
    assert row == b'{"text":"\\n__exception__\\r\\n"}\n'


def test_a_text_that_no_form_takes_is_too_large(server):
    with pytest.raises(TooLarge):
        rows(server, "SELECT length({text:String})", {"text": "x" * 200_000})
