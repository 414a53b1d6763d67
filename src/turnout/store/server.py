"""A ClickHouse server behind a URL, spoken to over HTTP.

The same SQL and the same schema as in the process. One client serves every thread (it has no
session); a connection that breaks is a clear error, and nothing that writes is sent twice by itself.
"""

from __future__ import annotations

import contextlib
import io
import logging
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast
from urllib.parse import parse_qsl, unquote, urlsplit

import clickhouse_connect
import pyarrow as pa
import urllib3.exceptions as transport
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_connect.driver.httputil import get_pool_manager
from urllib3.response import HTTPResponse

from turnout.errors import InvalidInput, Overloaded, StoreError, TurnoutError
from turnout.store.engine import (
    OUTPUT_SETTINGS,
    STREAM_TIMEOUT_S,
    Parameters,
    at_least_one,
    code_of,
    ipc_stream,
    translate,
)
from turnout.store.fields import bind

log = logging.getLogger(__name__)

# They write whole requests, with the values of their parameters, into the log; what went wrong is said below.
for _talkative in ("clickhouse_connect", "urllib3"):
    logging.getLogger(_talkative).setLevel(logging.CRITICAL)

_READ_BYTES = 1 << 20

_CONNECT_TIMEOUT_S = 10

#: The server ends a question at its time limit; the socket waits a little longer for it to say so.
_SOCKET_GRACE_S = 15

#: How long one write may take. The server goes on with a write whose client has gone, so giving up early is wrong.
_WRITE_TIMEOUT_S = 600

#: Acknowledged means in a part on disk: no buffer of the server's in between, and its word is awaited.
#: Rows that happen to be the same as others are not left out: what is to be written once has a token.
_WRITE_SETTINGS: dict[str, object] = {"async_insert": 0, "wait_end_of_query": 1, "insert_deduplicate": 0}

#: A read whose connection was closed while it lay idle is asked once more.
_READ_RETRIES = 1

#: The server begins its last words with this, where a stream fails after its first byte.
_FAILED_MIDWAY = b"__exception__"

_WRONG_CREDENTIALS = {192, 193, 194, 492, 497, 516}
_NO_DATABASE = 81


@dataclass(frozen=True)
class Address:
    """Where a server is, and as whom to speak to it. `password` is in no message and no repr."""

    secure: bool
    host: str
    port: int
    user: str
    password: str
    database: str
    verify: bool = True
    ca_cert: str = ""

    def __repr__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}/{self.database}"


def parse_url(url: str) -> Address:
    """The address in `clickhouse://user:password@host:8123/database` (`clickhouses://` for TLS).

    TLS takes `?verify=false` and `?ca_cert=FILE`. InvalidInput for anything else; it does not repeat the URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise _bad_url(str(error)) from None
    secure = parts.scheme == "clickhouses"
    if parts.scheme not in ("clickhouse", "clickhouses") or not parts.hostname:
        raise _bad_url("it needs a host")
    unknown = sorted(set(options) - {"verify", "ca_cert"})
    if unknown:
        raise _bad_url(f"unknown option '{unknown[0]}'")
    if options.get("verify", "true") not in ("true", "false"):
        raise _bad_url("verify is true or false")
    return Address(
        secure=secure,
        host=parts.hostname,
        port=port or (8443 if secure else 8123),
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        database=unquote(parts.path.strip("/")) or "default",
        verify=options.get("verify", "true") == "true",
        ca_cert=options.get("ca_cert", ""),
    )


def _bad_url(why: str) -> InvalidInput:
    return InvalidInput(
        f"the store's URL can't be used: {why}",
        field="TURNOUT_STORE",
        hint="write clickhouse://user:password@host:8123/database",
    )


class ServerEngine:
    """An `Engine` on a ClickHouse server.

    `readers` bounds the questions that run at once, and the streams; one more waits up to
    `wait_timeout_s` for its turn and then fails with Overloaded. A question ends after `query_timeout_s`, and
    with TooLarge where one of its statements needs more than `query_memory_limit_bytes` (0: what the server allows).
    Raises StoreError if the server can't be reached or refuses the credentials.
    """

    def __init__(
        self,
        url: str,
        *,
        readers: int = 4,
        query_timeout_s: int = 30,
        query_memory_limit_bytes: int = 0,
        wait_timeout_s: float = 30.0,
    ) -> None:
        self._address = parse_url(url)
        self._wait_timeout_s = wait_timeout_s
        self._read_settings: dict[str, object] = {**OUTPUT_SETTINGS, "max_execution_time": query_timeout_s}
        self._stream_settings: dict[str, object] = {**OUTPUT_SETTINGS, "max_execution_time": STREAM_TIMEOUT_S}
        if query_memory_limit_bytes:
            for limits in (self._read_settings, self._stream_settings):
                limits["max_memory_usage"] = query_memory_limit_bytes
        self._question_slots = threading.BoundedSemaphore(readers)
        self._stream_slots = threading.BoundedSemaphore(readers)
        self._unsettled: set[str] = set()
        self._settling = threading.Lock()
        self._closed = False
        self._pool = get_pool_manager(
            verify=self._address.verify,
            ca_cert=self._address.ca_cert or None,
            maxsize=2 * readers + 1,
        )
        try:
            self._reader = self._client(query_timeout_s + _SOCKET_GRACE_S)
            self._writer = self._client(_WRITE_TIMEOUT_S)
        except ClickHouseError as error:
            self._pool.clear()
            raise self._unusable(error) from error

    def execute(self, sql: str, parameters: Parameters | None = None) -> None:
        """Run a statement for its effect, and wait for its end."""
        with self._translated(sql), self._awaited() as query_id:
            # A raw query, because a command would put its parameters into the URL, however long.
            text, bound = bind(sql, parameters)
            self._writer.raw_query(text, bound, settings={**_WRITE_SETTINGS, "query_id": query_id})

    def derive(self, sql: str, parameters: Parameters | None = None) -> None:
        """Run a statement for its effect; the server runs it beside all others."""
        self.execute(sql, parameters)

    def query(self, sql: str, parameters: Parameters | None = None, output: str = "JSONCompact") -> bytes:
        """Run a SELECT and wait for its whole result."""
        with self._turn(self._question_slots, "questions"), self._translated(sql):
            text, bound = bind(sql, parameters)
            return self._reader.raw_query(text, bound, settings=self._read_settings, fmt=output)

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
        """Append the rows as one Arrow stream, which the server writes as one part."""
        with self._translated(table), self._awaited() as query_id:
            self._writer.raw_insert(
                table,
                rows.schema.names,
                # A file and not bytes: the driver sends bytes again over a connection that broke, even
                # where the first ones were written already, and then rows would count twice.
                io.BytesIO(ipc_stream(rows)),
                fmt="ArrowStream",
                settings={**_WRITE_SETTINGS, **_once(token), "query_id": query_id},
            )

    def close(self) -> None:
        """Close every connection. What is asked later fails."""
        if not self._closed:
            self._closed = True
            self._reader.close()
            self._writer.close()
            self._pool.clear()

    def _client(self, socket_timeout_s: int) -> Client:
        address = self._address
        return clickhouse_connect.get_client(
            interface="https" if address.secure else "http",
            host=address.host,
            port=address.port,
            username=address.user,
            password=address.password,
            database=address.database,
            compress=False,
            query_retries=_READ_RETRIES,
            connect_timeout=_CONNECT_TIMEOUT_S,
            send_receive_timeout=socket_timeout_s,
            # Without a session, one client may be used by every thread.
            autogenerate_session_id=False,
            client_name="turnout",
            pool_mgr=self._pool,
        )

    @contextlib.contextmanager
    def _awaited(self) -> Iterator[str]:
        """The id for a statement that writes. Where its answer gets lost, the server may still be at it."""
        query_id = str(uuid.uuid4())
        try:
            yield query_id
        except Exception as error:
            if not _code(error):
                self._unsettled.add(query_id)
            raise

    def _settle(self) -> None:
        """See to the end of every write without an answer, so that what is asked next sees all of it or nothing.

        Without this, events that are sent again could be looked up before they are there, and count twice.
        """
        if self._unsettled:
            with self._settling:
                for query_id in tuple(self._unsettled):
                    text, bound = bind("KILL QUERY WHERE query_id = {id:String} SYNC", {"id": query_id})
                    self._writer.raw_query(text, bound)
                    self._unsettled.discard(query_id)

    def _unusable(self, error: ClickHouseError) -> TurnoutError:
        """Why the store can't be opened, for who set TURNOUT_STORE."""
        address = self._address
        log.info("ClickHouse at %s: %s", address, _words(error))
        hint = "check TURNOUT_STORE"
        code = _code(error)
        if code in _WRONG_CREDENTIALS:
            return StoreError(f"the ClickHouse server refused user '{address.user}' or the password", hint=hint)
        if code == _NO_DATABASE:
            return StoreError(
                f"the ClickHouse server has no database '{address.database}'",
                hint=f"run CREATE DATABASE {address.database} there, or check TURNOUT_STORE",
            )
        if code:
            return StoreError(f"the ClickHouse server refused the connection (engine code {code})", hint=hint)
        if any(isinstance(cause, transport.SSLError) for cause in _causes(error)):
            return StoreError(
                f"no TLS connection to {address.host}:{address.port} can be made",
                hint="add ?ca_cert=FILE to TURNOUT_STORE, or begin it with clickhouse:// if the server has no TLS",
            )
        return StoreError(f"no ClickHouse server answers at {address.host}:{address.port}", hint=hint)

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
                text, bound = bind(sql, parameters)
                # The driver says StreamContext too, which only its asynchronous client returns.
                body = cast(
                    HTTPResponse, self._reader.raw_stream(text, bound, settings=self._stream_settings, fmt=output)
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
        except (ClickHouseError, transport.HTTPError, pa.ArrowException, OSError) as error:
            log.warning("engine error in %s: %s", what.split("\n", 1)[0][:120], _words(error))
            raise _meaning(error) from error


def _once(token: str) -> dict[str, object]:
    """Settings of an insert that counts once, however often it is sent; also in what the views make of it."""
    if not token:
        return {}
    return {
        "insert_deduplicate": 1,
        "insert_deduplication_token": token,
        "deduplicate_blocks_in_dependent_materialized_views": 1,
    }


def _code(error: Exception) -> int:
    return getattr(error, "code", None) or code_of(error)


def _words(error: Exception) -> str:
    """What the engine said, or why it could not be asked; never the request, which has values in it."""
    return str(error if _code(error) else list(_causes(error))[-1])[:2000]


def _meaning(error: Exception) -> TurnoutError:
    if _code(error):
        return translate(ClickHouseError(f"Code: {_code(error)}"))
    causes = list(_causes(error))
    if any(isinstance(cause, (transport.NewConnectionError, transport.ConnectTimeoutError)) for cause in causes):
        return Overloaded("the store can't be reached", retry_after_s=5)
    if any(isinstance(cause, transport.ReadTimeoutError) for cause in causes):
        return StoreError("the store did not answer in time")
    if isinstance(error, ClickHouseError) and not any(isinstance(cause, transport.HTTPError) for cause in causes):
        return translate(error)
    return StoreError("the connection to the store broke")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen = 0
    while error is not None and seen < 10:
        yield error
        if isinstance(error, transport.MaxRetryError):
            error = error.reason
        else:
            error = error.__cause__ or error.__context__
        seen += 1


def _failed_midway(whole: bytes) -> bool:
    """Whether one of these lines is the server's mark of failure; no line of JSON begins like it."""
    return whole.startswith(_FAILED_MIDWAY) or b"\n" + _FAILED_MIDWAY in whole
