"""What is special about a server: its address, its credentials, and the wire between."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from urllib.parse import quote

import pyarrow as pa
import pytest

from turnout.errors import Overloaded, StoreError, TooLarge, TurnoutError
from turnout.store.cluster import Cluster
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
    # Whoever looks after the store four times a second would fill the disk with it while that is away.
    (said,) = [one.message for one in caplog.records if one.levelno == logging.WARNING]
    assert said == "engine error in SELECT 1: [Errno 111] Connection refused"


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


@pytest.fixture
def remembering(server) -> str:
    """A table that remembers tokens, with a view that counts its rows into another one that does."""
    name = f"t{uuid.uuid4().hex}"
    window = "SETTINGS non_replicated_deduplication_window = 100"
    server.execute(f"CREATE TABLE {name} (a UInt64) ENGINE = MergeTree ORDER BY a {window}")
    server.execute(f"CREATE TABLE {name}_n (n UInt64) ENGINE = MergeTree ORDER BY n {window}")
    server.execute(f"CREATE MATERIALIZED VIEW {name}_v TO {name}_n AS SELECT count() AS n FROM {name}")
    return name


def stored(server: ServerEngine, table: str) -> list[list[object]]:
    return rows(server, f"SELECT (SELECT count() FROM {table}), (SELECT sum(n) FROM {table}_n)")


def test_the_same_rows_with_the_same_token_count_once(server, remembering):
    for token in ("one", "one", "two"):
        server.insert(remembering, numbers(1, 2), token)
    assert stored(server, remembering) == [[4, 4]]


def test_the_same_rows_without_a_token_count_each_time(server, remembering):
    """Two of the same block are no mistake: a rollup that is made anew writes what it wrote before."""
    for _ in range(2):
        server.insert(remembering, numbers(1, 2))
        server.execute(f"INSERT INTO {remembering} SELECT 5 ORDER BY ALL")
    assert stored(server, remembering) == [[6, 6]]


def test_what_the_view_lacks_of_an_insert_comes_with_its_repetition(server, remembering):
    server.execute(f"DROP TABLE IF EXISTS {remembering}_v SYNC")
    server.insert(remembering, numbers(1, 2), "one")
    server.execute(
        f"CREATE MATERIALIZED VIEW {remembering}_v TO {remembering}_n AS SELECT count() AS n FROM {remembering}"
    )
    server.insert(remembering, numbers(1, 2), "one")
    assert stored(server, remembering) == [[2, 2]]


def test_writes_are_named_by_who_wrote_them(standin, table):
    engine = ServerEngine(f"{standin.url}/default", process="abc")
    standin.break_next(f"INSERT INTO {table}", "before")
    with pytest.raises(StoreError):
        engine.insert(table, numbers(1))
    (unsettled,) = engine._unsettled
    engine.close()
    assert unsettled.startswith("turnout-abc-")


class Door:
    """Another address of a server, until it is shut: then its connections break, and nobody answers."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._beyond = host, int(port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._passing: list[socket.socket] = []
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._let_in, daemon=True).start()

    def shut(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for one in self._passing:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _let_in(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(self._beyond)
                self._passing += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def door(standin) -> Iterator[Door]:
    made = Door(standin.address)
    yield made
    with contextlib.suppress(OSError):
        made.shut()


def several(*addresses: str) -> str:
    return f"clickhouse://turnout:{quote('s3cret p@ss/wörd', safe='')}@{','.join(addresses)}/default"


def test_of_several_hosts_the_first_that_answers_is_spoken_to(standin, connect):
    assert rows(connect(several("127.0.0.1:1", standin.address)), "SELECT 1") == [[1]]
    with pytest.raises(StoreError, match=r"no ClickHouse server answers at 127\.0\.0\.1:1 or 127\.0\.0\.1:2"):
        connect(several("127.0.0.1:1", "127.0.0.1:2"))


@pytest.mark.parametrize("ask", ["query", "stream", "batches"])
def test_a_question_goes_to_the_next_host_where_one_stopped(standin, door, connect, ask):
    engine = connect(several(door.address, standin.address))
    door.shut()
    if ask == "query":
        assert rows(engine, "SELECT 1") == [[1]]
    elif ask == "stream":
        assert list(engine.stream("SELECT 1 AS a")) == [b'{"a":1}\n']
    else:
        assert sum(batch.num_rows for batch in engine.batches("SELECT 1")) == 1


def test_a_write_is_not_repeated_on_the_next_host(standin, door, connect, table):
    """Whether the first one had written it is not known."""
    engine = connect(several(door.address, standin.address))
    door.shut()
    with pytest.raises(TurnoutError):
        engine.insert(table, numbers(1))
    assert rows(engine, f"SELECT count() FROM {table}") == [[0]]
    engine.insert(table, numbers(2))
    assert rows(engine, f"SELECT groupArray(a) FROM {table}") == [[[2]]]


def test_a_cluster_that_the_server_does_not_know_is_named(standin):
    with pytest.raises(StoreError, match="knows no cluster 'main'") as caught:
        ServerEngine(f"{standin.url}/default?cluster=main")
    assert "<remote_servers>" in caught.value.hint


def refusing(code: int, then: str) -> str:
    """SQL that the server answers with an error of this code while the table `then` is empty."""
    return f"throwIf((SELECT count() FROM {then}) = 0, 'not yet', {code}::Int16)"


@pytest.fixture
def waits(server, table, monkeypatch) -> list[float]:
    """How long was waited, in seconds; what is waited for has happened then: `table` is filled."""
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            server.insert(table, numbers(1))

    monkeypatch.setattr("turnout.store.server.time", SimpleNamespace(sleep=wait))
    return waited


def test_a_question_waits_for_a_replica_that_is_behind(server, table, waits):
    custom = "SETTINGS allow_custom_error_code_in_throwif = 1"
    assert rows(server, f"SELECT 7, {refusing(289, table)} {custom}") == [[7, 0]]
    assert len(waits) == 2


def test_a_question_does_not_wait_for_ever(server, table, monkeypatch):
    monkeypatch.setattr("turnout.store.server.time", SimpleNamespace(sleep=lambda seconds: None))
    with pytest.raises(Overloaded, match="replicas are not ready"):
        rows(server, f"SELECT {refusing(289, table)} SETTINGS allow_custom_error_code_in_throwif = 1")


@pytest.mark.parametrize("code", [242, 285, 999])
def test_replicas_that_can_t_do_their_work_are_waited_for_by_who_asks(server, table, code):
    with pytest.raises(Overloaded, match="replicas are not ready"):
        rows(server, f"SELECT {refusing(code, table)} SETTINGS allow_custom_error_code_in_throwif = 1")


@pytest.fixture
def taking(standin, connect, table) -> tuple[ServerEngine, str]:
    """An engine, and a table whose view refuses every insert until `table` is filled, as if another one were at it."""
    engine = connect(f"{standin.url}/default")
    engine._write_settings |= {"allow_custom_error_code_in_throwif": 1}
    name = f"t{uuid.uuid4().hex}"
    window = "SETTINGS non_replicated_deduplication_window = 100"
    engine.execute(f"CREATE TABLE {name} (a UInt64) ENGINE = MergeTree ORDER BY a {window}")
    engine.execute(f"CREATE TABLE {name}_n (n UInt8) ENGINE = MergeTree ORDER BY n {window}")
    engine.execute(
        f"CREATE MATERIALIZED VIEW {name}_v TO {name}_n AS SELECT {refusing(286, table)} + 1 AS n FROM {name}"
    )
    return engine, name


def test_an_insert_with_a_token_waits_for_its_turn(server, taking, waits):
    engine, name = taking
    # Only a cluster gives turns; what it refuses is repeated with all that it has kept of the refused one.
    engine._layout = Cluster("main", "default")
    engine.insert(name, numbers(1, 2), "one")
    assert stored(server, name) == [[2, 2]]
    assert len(waits) == 2


def test_an_insert_that_might_count_twice_is_left_to_who_sent_it(taking, waits):
    engine, name = taking
    with pytest.raises(Overloaded, match="replicas are not ready"):
        engine.insert(name, numbers(1, 2))
    assert not waits
