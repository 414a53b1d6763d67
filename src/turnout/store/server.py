"""ClickHouse behind a URL, a server or a cluster of them, spoken to over HTTP.

The house's SQL goes in, as into the engine in the process; `cluster` says what of it goes to the servers. A connection
that breaks is a clear error, and nothing that writes is sent twice by itself unless it can't count twice.
"""

from __future__ import annotations

import contextlib
import io
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import TypeVar, cast

import pyarrow as pa
import urllib3.exceptions as transport
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3.response import HTTPResponse

from turnout.errors import Overloaded, StoreError
from turnout.store import refusals
from turnout.store.address import parse_url
from turnout.store.cluster import Cluster, layout_of
from turnout.store.engine import (
    OUTPUT_SETTINGS,
    STREAM_TIMEOUT_S,
    Parameters,
    Placement,
    at_least_one,
    ipc_stream,
    rows,
)
from turnout.store.fields import bind
from turnout.store.nodes import Node, Nodes

log = logging.getLogger(__name__)

# They write whole requests, with the values of their parameters, into the log; what went wrong is said below.
for _talkative in ("clickhouse_connect", "urllib3"):
    logging.getLogger(_talkative).setLevel(logging.CRITICAL)

_READ_BYTES = 1 << 20

#: The server ends a question at its time limit; the socket waits a little longer for it to say so.
_SOCKET_GRACE_S = 15

#: How long one write may take. The server goes on with a write whose client has gone, so giving up early is wrong.
_WRITE_TIMEOUT_S = 600

#: Acknowledged means in a part on disk: no buffer of the server's in between, and its word is awaited.
#: Rows that happen to be the same as others are not left out: what is to be written once has a token.
_WRITE_SETTINGS: dict[str, object] = {"async_insert": 0, "wait_end_of_query": 1, "insert_deduplicate": 0}

#: Newer servers ask this setting first, by default in favour of leaving rows out, and have to be told to go by the
#: older one, which all of them know.
_SUPERSEDES = "deduplicate_insert"

#: How long an insert waits for another one into the same table, and a question for a replica that lags behind, before
#: each further try.
_TURN_WAITS_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)

#: How long the nodes of a cluster have to say that a statement without an answer has ended.
_SETTLE_TIMEOUT_S = 30

#: How long nothing more is logged of a server that does not answer: all that is asked of it fails alike.
_SILENCE_SAID_S = 10.0

#: The server begins its last words with this, where a stream fails after its first byte.
_FAILED_MIDWAY = b"__exception__"

#: What the driver, the transport and the decoder raise.
_Failure = (ClickHouseError, transport.HTTPError, pa.ArrowException, OSError)

_SETTLE = "KILL QUERY WHERE query_id = {id:String} SYNC"
_WEIGHTS = """
SELECT any(shard_weight) FROM system.clusters WHERE cluster = {cluster:String} GROUP BY shard_num ORDER BY shard_num
"""
_MACROS = "SELECT macro FROM system.macros WHERE macro IN ('shard', 'replica')"

_T = TypeVar("_T")


class ServerEngine:
    """An `Engine` on a ClickHouse server, or on the nodes of a cluster, one of which is spoken to.

    `readers` bounds the questions that run at once, and the streams; one more waits up to
    `wait_timeout_s` for its turn and then fails with Overloaded. A question ends after `query_timeout_s`, and
    with TooLarge where one of its statements needs more than `query_memory_limit_bytes` (0: what the server allows).
    Ids of statements that write begin with `turnout-`, then `process`, so that those of a process that died are found.
    Raises StoreError if no server can be reached, it refuses the credentials, or it does not know the cluster.
    """

    def __init__(
        self,
        url: str,
        *,
        readers: int = 4,
        query_timeout_s: int = 30,
        query_memory_limit_bytes: int = 0,
        wait_timeout_s: float = 30.0,
        process: str = "",
    ) -> None:
        self._address = parse_url(url)
        self._layout = layout_of(self._address)
        self._wait_timeout_s = wait_timeout_s
        self._prefix = f"turnout-{process}-" if process else "turnout-"
        settings: dict[str, object] = {**OUTPUT_SETTINGS, **self._layout.read_settings}
        if query_memory_limit_bytes:
            settings["max_memory_usage"] = query_memory_limit_bytes
        self._read_settings = {**settings, "max_execution_time": query_timeout_s}
        self._stream_settings = {**settings, "max_execution_time": STREAM_TIMEOUT_S}
        self._write_settings = {**_WRITE_SETTINGS, **self._layout.write_settings}
        self._question_slots = threading.BoundedSemaphore(readers)
        self._stream_slots = threading.BoundedSemaphore(readers)
        #: By their text: the house has not many.
        self._deriving: dict[str, threading.BoundedSemaphore] = {}
        self._unsettled: set[str] = set()
        self._settling = threading.Lock()
        self._silence_said_s = float("-inf")
        self._closed = False
        try:
            self._nodes = Nodes(
                self._address,
                connections=2 * readers + 1,
                read_timeout_s=query_timeout_s + _SOCKET_GRACE_S,
                write_timeout_s=_WRITE_TIMEOUT_S,
            )
        except ClickHouseError as error:
            raise refusals.unusable(self._address, error) from error
        self._placement: Placement | None = None
        if isinstance(self._layout, Cluster):
            try:
                self._placement = self._placed(self._layout.name, self._layout.key)
            except BaseException:
                self.close()
                raise

    @property
    def placement(self) -> Placement | None:
        """How events are spread over the cluster's shards, since this engine was made; None on a single server."""
        return self._placement

    def execute(self, sql: str, parameters: Parameters | None = None) -> None:
        """Run a statement for its effect, and wait for its end."""
        for statement in self._layout.statements(sql, parameters):
            with self._translated(sql), self._awaited() as (writer, query_id):
                # A raw query, because a command would put its parameters into the URL, however long.
                text, bound = bind(statement, parameters)
                writer.raw_query(text, bound, settings=self._writing(writer, query_id))

    def derive(self, sql: str, parameters: Parameters | None = None) -> None:
        """Run a statement for its effect; the server runs it beside all others.

        On a cluster the same statement runs once at a time: of two that insert into one table the second is refused.
        """
        if self._placement is None:
            self.execute(sql, parameters)
            return
        with self._turn(self._deriving.setdefault(sql, threading.BoundedSemaphore()), "statements of this kind"):
            self.execute(sql, parameters)

    def query(self, sql: str, parameters: Parameters | None = None, output: str = "JSONCompact") -> bytes:
        """Run a SELECT and wait for its whole result."""
        with self._turn(self._question_slots, "questions"), self._translated(sql):
            text, bound = bind(self._layout.question(sql), parameters)
            return self._asked(
                lambda reader: reader.raw_query(text, bound, settings=self._read_settings, fmt=output),
            )

    def stream(self, sql: str, parameters: Parameters | None = None) -> Iterator[bytes]:
        """Run a SELECT and yield its rows as NDJSON, as they come."""
        with self._streaming(sql, parameters, "JSONEachRow") as body:
            rest = b""
            for block in self._blocks(body, sql):
                whole, newline, rest = (rest + block).rpartition(b"\n")
                if _FAILED_MIDWAY in whole and _failed_midway(whole):
                    self._fail(body, sql, whole + newline + rest)
                if newline:
                    yield whole + newline
            if rest:
                self._fail(body, sql, rest)

    def batches(self, sql: str, parameters: Parameters | None = None) -> Iterator[pa.RecordBatch]:
        """The same as Arrow batches."""
        with self._streaming(sql, parameters, "ArrowStream") as body:
            with self._translated(sql):
                reader = pa.ipc.open_stream(pa.PythonFile(body, mode="r"))
            yield from at_least_one(reader.schema, self._batches(reader, sql))

    def insert(self, table: str, rows: pa.RecordBatch | pa.Table, token: str = "") -> None:
        """Append the rows as one Arrow stream, which a server writes as one part.

        On a cluster one insert at a time goes into a table; another one waits for its turn, Overloaded where that
        takes long or the same insert might count twice.
        """
        body, names = ipc_stream(rows), rows.schema.names
        with self._translated(table):
            for wait_s in (*_TURN_WAITS_S, None):
                try:
                    with self._awaited() as (writer, query_id):
                        # A file and not bytes: the driver sends bytes again over a connection that broke, even
                        # where the first ones were written already, and then rows would count twice.
                        settings = self._writing(writer, query_id, token)
                        writer.raw_insert(table, names, io.BytesIO(body), fmt="ArrowStream", settings=settings)
                        return
                except ClickHouseError as error:
                    if wait_s is None or not (
                        refusals.is_another_s_turn(error) and self._layout.may_repeat(table, token)
                    ):
                        raise
                time.sleep(wait_s)

    def close(self) -> None:
        """Close every connection. What is asked later fails."""
        if not self._closed:
            self._closed = True
            self._nodes.close()

    def _placed(self, cluster: str, key: str) -> Placement:
        """How the cluster spreads events, as the server knows it. StoreError where tables can't be made rightly: they
        would have half a path, or be on one node."""
        weights = tuple(int(weight) for (weight,) in rows(self, _WEIGHTS, {"cluster": cluster}))
        missing = {"shard", "replica"} - {macro for (macro,) in rows(self, _MACROS)}
        if not weights or missing:
            raise StoreError(
                f"the ClickHouse server has no macro '{min(missing)}'"
                if weights
                else f"the ClickHouse server knows no cluster '{cluster}'",
                hint="its configuration needs <remote_servers> with the cluster, and <macros> with shard and replica",
            )
        return Placement(cluster, key, weights)

    def _asked(self, ask: Callable[[Client], _T]) -> _T:
        """Ask the node that is spoken to: once more where it lags behind, another one where it does not answer."""
        waits, nodes_left = iter(_TURN_WAITS_S), len(self._nodes)
        while True:
            node = self._nodes.current()
            try:
                return ask(node.reader)
            except _Failure as error:
                if refusals.is_behind(error) and (wait_s := next(waits, None)) is not None:
                    time.sleep(wait_s)
                    continue
                nodes_left -= 1
                if not self._has_left(node, error) or not nodes_left:
                    raise

    def _has_left(self, node: Node, error: Exception) -> bool:
        """Whether another node is to be spoken to after this error; from now on, then."""
        if refusals.is_silence(error) and len(self._nodes) > 1:
            self._nodes.leave(node)
            return True
        return False

    def _writing(self, writer: Client, query_id: str, token: str = "") -> dict[str, object]:
        """The settings of a statement that writes, on this server."""
        settings = {**self._write_settings, **_once(token), "query_id": query_id}
        if _SUPERSEDES in writer.server_settings:
            settings[_SUPERSEDES] = "backward_compatible_choice"
        return settings

    @contextlib.contextmanager
    def _awaited(self) -> Iterator[tuple[Client, str]]:
        """Who is to write a statement, and its id. Where its answer gets lost, the server may still be at it."""
        node, query_id = self._nodes.current(), f"{self._prefix}{uuid.uuid4().hex}"
        try:
            yield node.writer, query_id
        except Exception as error:
            if not refusals.code(error):
                self._unsettled.add(query_id)
            self._has_left(node, error)
            raise

    def _settle(self) -> None:
        """See to the end of every write without an answer, so that what is asked next sees all of it or nothing.

        Without this, events that are sent again could be looked up before they are there, and count twice.
        """
        if self._unsettled:
            with self._settling:
                for query_id in tuple(self._unsettled):
                    self._end(query_id)
                    self._unsettled.discard(query_id)

    def _end(self, query_id: str) -> None:
        parameters = {"id": query_id}
        settings = {**self._layout.write_settings}
        if self._address.cluster:
            settings["distributed_ddl_task_timeout"] = _SETTLE_TIMEOUT_S
        for statement in self._layout.statements(_SETTLE, parameters):
            text, bound = bind(statement, parameters)
            node = self._nodes.current()
            try:
                node.writer.raw_query(text, bound, settings=settings)
            except _Failure as error:
                self._has_left(node, error)
                raise

    @contextlib.contextmanager
    def _turn(self, slots: threading.BoundedSemaphore, what: str) -> Iterator[None]:
        if not slots.acquire(timeout=self._wait_timeout_s):
            raise Overloaded(f"too many {what} are running")
        try:
            yield
        finally:
            slots.release()

    @contextlib.contextmanager
    def _streaming(self, sql: str, parameters: Parameters | None, output: str) -> Iterator[HTTPResponse]:
        with self._turn(self._stream_slots, "exports"):
            with self._translated(sql):
                text, bound = bind(self._layout.question(sql), parameters)
                # The driver says StreamContext too, which only its asynchronous client returns.
                body = cast(
                    HTTPResponse,
                    self._asked(
                        lambda reader: reader.raw_stream(text, bound, settings=self._stream_settings, fmt=output)
                    ),
                )
            try:
                yield body
            finally:
                # Not drained: the server stops when its client has gone.
                body.close()

    def _blocks(self, body: HTTPResponse, sql: str) -> Iterator[bytes]:
        blocks = body.stream(_READ_BYTES)
        while True:
            with self._translated(sql):
                block = next(blocks, None)
            if block is None:
                return
            yield block

    def _fail(self, body: HTTPResponse, sql: str, said: bytes) -> None:
        """A stream that failed midway: what is left of it says why, and then it may break off."""
        with contextlib.suppress(transport.HTTPError):
            said += b"".join(body.stream(_READ_BYTES))
        with self._translated(sql):
            raise ClickHouseError(said[-4000:].decode(errors="backslashreplace"))

    def _batches(self, reader: pa.RecordBatchReader, sql: str) -> Iterator[pa.RecordBatch]:
        while True:
            with self._translated(sql):
                try:
                    batch = reader.read_next_batch()
                except StopIteration:
                    return
            yield batch

    @contextlib.contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        """Turn what the driver or the transport raises into our errors; their words go to the log only."""
        if self._closed:
            raise StoreError("the store is closed")
        try:
            self._settle()
            yield
        except _Failure as error:
            self._say(what, error)
            raise refusals.meaning(error) from error

    def _say(self, what: str, error: Exception) -> None:
        """Log what went wrong; where the server is not there, now and then."""
        if refusals.is_silence(error):
            now_s = time.monotonic()
            if now_s - self._silence_said_s < _SILENCE_SAID_S:
                return
            self._silence_said_s = now_s
        log.warning("engine error in %s: %s", what.split("\n", 1)[0][:120], refusals.words(error))


def _once(token: str) -> dict[str, object]:
    """Settings of an insert that counts once, however often it is sent; also in what the views make of it."""
    if not token:
        return {}
    return {
        "insert_deduplicate": 1,
        "insert_deduplication_token": token,
        "deduplicate_blocks_in_dependent_materialized_views": 1,
    }


def _failed_midway(whole: bytes) -> bool:
    """Whether one of these lines is the server's mark of failure; no line of JSON begins like it."""
    return whole.startswith(_FAILED_MIDWAY) or b"\n" + _FAILED_MIDWAY in whole
