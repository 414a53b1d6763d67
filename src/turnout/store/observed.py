"""An engine that is watched: every statement's kind, time and failure go to `observe`; the rest is the engine's own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

import pyarrow as pa

from turnout.errors import TurnoutError
from turnout.store.engine import Engine, Parameters, Placement

T = TypeVar("T")

#: Kind of the statement, seconds it took, and what it failed with: a code of `errors`, or empty.
Observe = Callable[[str, float, str], None]


class ObservedEngine:
    """Passes everything on. Of a stream, the time until its first chunk is taken: the rest is its reader's pace."""

    def __init__(self, engine: Engine, observe: Observe, stopwatch: Callable[[], float] = time.perf_counter) -> None:
        self._engine = engine
        self._observe = observe
        self._stopwatch = stopwatch

    @property
    def placement(self) -> Placement | None:
        """As Engine.placement."""
        return self._engine.placement

    def execute(self, sql: str, parameters: Parameters | None = None) -> None:
        """As Engine.execute."""
        with self._watched("execute"):
            self._engine.execute(sql, parameters)

    def query(self, sql: str, parameters: Parameters | None = None, output: str = "JSONCompact") -> bytes:
        """As Engine.query."""
        with self._watched("query"):
            return self._engine.query(sql, parameters, output)

    def derive(self, sql: str, parameters: Parameters | None = None) -> None:
        """As Engine.derive."""
        with self._watched("derive"):
            self._engine.derive(sql, parameters)

    def stream(self, sql: str, parameters: Parameters | None = None) -> Iterator[bytes]:
        """As Engine.stream."""
        return self._first(self._engine.stream(sql, parameters))

    def batches(self, sql: str, parameters: Parameters | None = None) -> Iterator[pa.RecordBatch]:
        """As Engine.batches."""
        return self._first(self._engine.batches(sql, parameters))

    def insert(self, table: str, rows: pa.RecordBatch | pa.Table, token: str = "") -> None:
        """As Engine.insert."""
        with self._watched("insert"):
            self._engine.insert(table, rows, token)

    def close(self) -> None:
        """As Engine.close."""
        self._engine.close()

    def _first(self, chunks: Iterator[T]) -> Iterator[T]:
        try:
            with self._watched("stream"):
                first = next(chunks, None)
            if first is not None:
                yield first
                yield from chunks
        finally:
            # A reader that stops early ends the engine's stream too.
            if isinstance(chunks, Generator):
                chunks.close()

    @contextlib.contextmanager
    def _watched(self, kind: str) -> Iterator[None]:
        started, failure = self._stopwatch(), ""
        try:
            yield
        except TurnoutError as error:
            failure = error.code
            raise
        except Exception:
            failure = TurnoutError.code
            raise
        finally:
            self._observe(kind, self._stopwatch() - started, failure)
