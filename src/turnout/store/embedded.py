"""chDB: the engine in this process, over a directory that this process owns.

One connection runs one query at a time, so readers share a small pool and a slow question holds up
nobody while a connection is free. The writer has a connection of its own, and so has every stream:
its client sets its pace, and must not hold up a question.
"""

from __future__ import annotations

import logging
import queue
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from chdb.state.sqlitelike import Connection, StreamingResult

from turnout.errors import Overloaded, StoreError
from turnout.store.engine import (
    OUTPUT_SETTINGS,
    STREAM_TIMEOUT_S,
    Parameters,
    Placement,
    at_least_one,
    encode_parameters,
    ipc_stream,
    translate,
    words_of,
)

log = logging.getLogger(__name__)


#: How long `close` waits for what is running; what runs longer ends with the process.
_CLOSE_TIMEOUT_S = 40.0


#: Where backups may go is for whoever may ask for one to say; the engine has nobody else to protect from.
_BACKUPS_ANYWHERE = "backups.allowed_path=/"

#: The marks of 100 million events take four; without a bound they may take gigabytes.
_MARK_CACHE_BYTES = 64 * 1024 * 1024

_OPTIONS = f"{_BACKUPS_ANYWHERE}&mark_cache_size={_MARK_CACHE_BYTES}"

#: A batch is one block, so one part: kept whole, or not at all.
_WHOLE_BATCHES = {"max_insert_threads": 1, "min_insert_block_size_bytes": 0, "min_insert_block_size_rows": 10_000_000}


class EmbeddedEngine:
    """An `Engine` on chDB.

    `readers` bounds the questions that run at once, and the streams; one more waits up to
    `wait_timeout_s` for its turn and then fails with Overloaded. A question ends after `query_timeout_s`, and
    with TooLarge where one of its statements needs more than `query_memory_limit_bytes` (0: no limit).
    """

    def __init__(
        self,
        directory: Path,
        *,
        readers: int = 4,
        query_timeout_s: int = 30,
        query_memory_limit_bytes: int = 0,
        wait_timeout_s: float = 30.0,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._query_settings = {"max_execution_time": query_timeout_s, "max_memory_usage": query_memory_limit_bytes}
        self._stream_settings = {**self._query_settings, "max_execution_time": STREAM_TIMEOUT_S}
        self._wait_timeout_s = wait_timeout_s
        self._closed = False
        self._writer = _open(directory)
        for name, value in _WHOLE_BATCHES.items():
            self._writer.query(f"SET {name} = {value}")
        self._write_lock = threading.Lock()
        self._scratch = _plain(directory) / "incoming.arrow"
        self._reader_count = readers
        self._readers: queue.LifoQueue[Connection] = queue.LifoQueue()
        for _ in range(readers):
            self._readers.put(_connect(directory, self._query_settings))
        self._streams: set[_Stream] = set()
        self._streams_lock = threading.Lock()
        self._stream_slots = threading.BoundedSemaphore(readers)

    @property
    def placement(self) -> Placement | None:
        """None: all of it is here."""
        return None

    def execute(self, sql: str, parameters: Parameters | None = None) -> None:
        """Run a statement on the writer's connection."""
        with self._write_lock, _translated(sql):
            self._must_be_open()
            self._writer.query(sql, "Null", params=encode_parameters(parameters))

    def query(self, sql: str, parameters: Parameters | None = None, output: str = "JSONCompact") -> bytes:
        """Run a SELECT on a free reader."""
        with self._reader() as reader, _translated(sql):
            answer: bytes = reader.query(sql, output, params=encode_parameters(parameters)).bytes()
            return answer

    def derive(self, sql: str, parameters: Parameters | None = None) -> None:
        """Run a statement for its effect on a free reader."""
        self.query(sql, parameters, "Null")

    @property
    def idle_readers(self) -> int:
        """How many questions could begin at once."""
        return self._readers.qsize()

    def stream(self, sql: str, parameters: Parameters | None = None) -> Iterator[bytes]:
        """Run a SELECT on a connection of its own, until the stream ends or is closed."""
        with self._streaming() as stream:
            yield from stream.chunks(sql, parameters, "JSONEachRow")

    def batches(self, sql: str, parameters: Parameters | None = None) -> Iterator[pa.RecordBatch]:
        """The same as Arrow batches."""
        with self._streaming() as stream:
            some = False
            # Every chunk is an Arrow stream by itself, and where there are no rows there is no chunk.
            for chunk in stream.chunks(sql, parameters, "ArrowStream"):
                some = True
                yield from pa.ipc.open_stream(chunk)
        if not some:
            reader = pa.ipc.open_stream(self.query(sql, parameters, "ArrowStream"))
            yield from at_least_one(reader.schema, reader)

    def insert(self, table: str, rows: pa.RecordBatch | pa.Table, token: str = "") -> None:
        """Write one Arrow batch as one part.

        The batch goes through a scratch file, because chDB's own way in (`send_insert`) reports
        success where the write failed: on a full disk, over a memory limit, in a view.
        """
        columns = ", ".join(rows.schema.names)
        with self._write_lock, _translated(table):
            self._must_be_open()
            self._scratch.write_bytes(ipc_stream(rows))
            self._writer.query(
                f"INSERT INTO {table} ({columns}) FROM INFILE '{self._scratch}' FORMAT ArrowStream", "Null"
            )
            # Persons who are taken out of the store must not stay here.
            self._scratch.write_bytes(b"")

    def close(self) -> None:
        """Close every connection once it is idle; the last one stops the engine. What is asked later fails."""
        if self._closed:
            return
        self._closed = True
        with self._write_lock:
            self._writer.close()
            if self._scratch.parent != self._directory.absolute():
                shutil.rmtree(self._scratch.parent, ignore_errors=True)
        with self._streams_lock:
            streams, self._streams = self._streams, set()
        for stream in streams:
            stream.close()
        for _ in range(self._reader_count):
            try:
                self._readers.get(timeout=_CLOSE_TIMEOUT_S).close()
            except queue.Empty:
                log.warning("a question outlived the store")

    def _must_be_open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed")

    @contextmanager
    def _reader(self) -> Iterator[Connection]:
        self._must_be_open()
        try:
            reader = self._readers.get(timeout=self._wait_timeout_s)
        except queue.Empty:
            raise Overloaded("too many questions are running") from None
        try:
            self._must_be_open()
            yield reader
        except BaseException:
            # What chDB has written of an answer that failed, it puts in front of the connection's next one.
            reader = self._instead_of(reader)
            raise
        finally:
            self._readers.put(reader)

    def _instead_of(self, reader: Connection) -> Connection:
        try:
            fresh = _connect(self._directory, self._query_settings)
        except Exception:
            log.exception("no new connection in the place of one that failed")
            return reader
        reader.close()
        return fresh

    @contextmanager
    def _streaming(self) -> Iterator[_Stream]:
        self._must_be_open()
        if not self._stream_slots.acquire(timeout=self._wait_timeout_s):
            raise Overloaded("too many exports are running")
        try:
            with self._streams_lock:
                self._must_be_open()
                stream = _Stream(_connect(self._directory, self._stream_settings))
                self._streams.add(stream)
            try:
                yield stream
            finally:
                with self._streams_lock:
                    self._streams.discard(stream)
                stream.close()
        finally:
            self._stream_slots.release()


class _Stream:
    """One connection with one running SELECT. It may be closed from another thread between two chunks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._result: StreamingResult | None = None
        self._lock = threading.Lock()
        self._closed = False

    def chunks(self, sql: str, parameters: Parameters | None, output: str) -> Iterator[bytes]:
        """The result in `output`, as the engine cuts it."""
        while True:
            # chDB does not survive a fetch from a connection that was closed.
            with self._lock, _translated(sql):
                if self._closed:
                    raise StoreError("the store is closed")
                if self._result is None:
                    self._result = self._connection.send_query(sql, output, params=encode_parameters(parameters))
                chunk = self._result.fetch()
            if chunk is None:
                return
            yield chunk.bytes()

    def close(self) -> None:
        """Cancel what runs and let the connection go."""
        if not self._lock.acquire(timeout=_CLOSE_TIMEOUT_S):
            log.warning("an export outlived the store")
            return
        with _translated("cancel"):
            try:
                if not self._closed:
                    self._closed = True
                    if self._result is not None:
                        self._result.close()
                    self._connection.close()
            finally:
                self._lock.release()


def _plain(directory: Path) -> Path:
    """A directory whose path the engine reads as it stands: not as a pattern, nor as the end of a quoted text."""
    absolute = directory.absolute()
    return Path(tempfile.mkdtemp(prefix="turnout-")) if set("*?{}[]'\\") & set(str(absolute)) else absolute


def _open(directory: Path) -> Connection:
    """The first connection, which loads the tables. The engine itself writes to stderr why it can't."""
    try:
        return _connect(directory, {})
    except RuntimeError as error:
        raise StoreError(
            f"the store in {directory} can't be opened",
            hint="what the engine wrote above says why; or restore a backup",
        ) from error


def _connect(directory: Path, settings: Mapping[str, int]) -> Connection:
    connection = Connection(f"{directory}?{_OPTIONS}")
    for name, value in {**OUTPUT_SETTINGS, **settings}.items():
        connection.query(f"SET {name} = {value}")
    return connection


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Turn whatever chDB raises into our errors (it decodes some messages as UTF-8, and fails at it)."""
    try:
        yield
    except Exception as error:
        # A RuntimeError is the binding's own, an OSError the scratch file's; other kinds are our own mistakes.
        expected = (RuntimeError, UnicodeDecodeError, OSError)
        known = isinstance(error, expected) or type(error).__module__.startswith("chdb")
        if not known:
            raise
        log.warning("engine error in %s: %s", what.split("\n", 1)[0][:120], words_of(error)[:2000])
        raise translate(error) from error
