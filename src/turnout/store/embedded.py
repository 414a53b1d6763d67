"""chDB: the engine in this process, over a directory that this process owns.

One connection runs one query at a time, so readers share a small pool and a slow question holds up
nobody while a connection is free; the writer has a connection of its own.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from chdb.state.sqlitelike import Connection

from turnout.errors import Overloaded
from turnout.store.engine import OUTPUT_SETTINGS, Parameters, encode_parameters, translate

log = logging.getLogger(__name__)


class EmbeddedEngine:
    """An `Engine` on chDB.

    `readers` bounds the questions that run at once; one more waits up to `wait_timeout_s` for a free
    connection and then fails with Overloaded. A question ends after `query_timeout_s`.
    """

    def __init__(
        self, directory: Path, *, readers: int = 4, query_timeout_s: int = 30, wait_timeout_s: float = 30.0
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._wait_timeout_s = wait_timeout_s
        self._writer = Connection(str(directory))
        self._write_lock = threading.Lock()
        self._readers: queue.LifoQueue[Connection] = queue.LifoQueue()
        self._connections = [self._writer]
        for _ in range(readers):
            reader = Connection(str(directory))
            for name, value in {**OUTPUT_SETTINGS, "max_execution_time": query_timeout_s}.items():
                reader.query(f"SET {name} = {value}")
            self._connections.append(reader)
            self._readers.put(reader)

    def execute(self, sql: str, parameters: Parameters | None = None) -> None:
        """Run a statement on the writer's connection."""
        with self._write_lock, _translated(sql):
            self._writer.query(sql, "Null", params=encode_parameters(parameters))

    def query(self, sql: str, parameters: Parameters | None = None, output: str = "JSONCompact") -> bytes:
        """Run a SELECT on a free reader."""
        with self._reader() as reader, _translated(sql):
            answer: bytes = reader.query(sql, output, params=encode_parameters(parameters)).bytes()
            return answer

    def stream(self, sql: str, parameters: Parameters | None = None, output: str = "JSONEachRow") -> Iterator[bytes]:
        """Run a SELECT on a reader that stays taken until the stream ends or is closed."""
        with (
            self._reader() as reader,
            _translated(sql),
            reader.send_query(sql, output, params=encode_parameters(parameters)) as chunks,
        ):
            for chunk in chunks:
                yield chunk.bytes()

    def insert(self, table: str, batch: pa.RecordBatch) -> None:
        """Push one Arrow batch through the writer's connection."""
        columns = ", ".join(batch.schema.names)
        with self._write_lock, _translated(table):
            inserter = self._writer.send_insert(f"INSERT INTO {table} ({columns})", "ArrowStream")
            with inserter:
                inserter.append(ipc_stream(batch))
                inserter.finish()

    def close(self) -> None:
        """Close every connection; the last one stops the engine."""
        for connection in self._connections:
            connection.close()

    @contextmanager
    def _reader(self) -> Iterator[Connection]:
        try:
            reader = self._readers.get(timeout=self._wait_timeout_s)
        except queue.Empty:
            raise Overloaded("too many questions are running") from None
        try:
            yield reader
        finally:
            self._readers.put(reader)


def ipc_stream(batch: pa.RecordBatch) -> bytes:
    """The batch as one Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    body: bytes = sink.getvalue().to_pybytes()
    return body


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Turn whatever chDB raises into our errors (it decodes some messages as UTF-8, and fails at it)."""
    try:
        yield
    except (RuntimeError, UnicodeDecodeError) as error:
        log.warning("engine error in %s: %s", what.split("\n", 1)[0][:120], error)
        raise translate(error) from error
    except Exception as error:
        if type(error).__module__.startswith("chdb"):
            log.warning("engine error in %s: %s", what.split("\n", 1)[0][:120], error)
            raise translate(error) from error
        raise
