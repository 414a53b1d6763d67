"""Chunks of events to a server: a few on their way at a time, each until it is acknowledged.

Chunks enter; what became of their events leaves. An event's identity makes it safe to send a chunk
again after a lost connection, so that is what happens.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from turnout.capture.files import Chunk
from turnout.cli.connection import Connection, Refused, Unreachable, refusal

#: One being written while the next one is on its way.
IN_FLIGHT = 2
#: First wait after a lost connection; it doubles up to the highest.
_FIRST_WAIT_S, _HIGHEST_WAIT_S = 0.25, 10.0
_PATIENCE_TRIES = 12
#: Rejections that are kept to be shown; the rest are counted.
FIRST_REJECTIONS = 20


@dataclass(frozen=True)
class Rejected:
    """One event that was refused: where it stands, which field, and why."""

    source: str
    unit: str
    place: int
    field: str
    error: str

    @property
    def where(self) -> str:
        """As an editor would find it: `file.ndjson:12`, `file.parquet row 12`."""
        return f"{self.source}:{self.place}" if self.unit == "line" else f"{self.source} {self.unit} {self.place}"


@dataclass
class Tally:
    """What became of everything that was sent. `first` are the first rejections; `retries` counts requests."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    retries: int = 0
    first: list[Rejected] = field(default_factory=list)

    @property
    def events(self) -> int:
        """All that were read."""
        return self.accepted + self.duplicates + self.rejected

    def add(self, chunk: Chunk, answer: dict[str, Any]) -> None:
        """Count a chunk's answer, and what was refused before it was sent."""
        self.accepted += answer["accepted"]
        self.duplicates += answer["duplicates"]
        found = [(chunk.places[one["index"]], one["field"], one["error"]) for one in answer["rejected"]]
        found += [(one.place, one.field, one.error) for one in chunk.refused]
        self.rejected += len(found)
        for place, name, error in sorted(found)[: max(0, FIRST_REJECTIONS - len(self.first))]:
            self.first.append(Rejected(chunk.source, chunk.unit, place, name, error))


_Answered = tuple[Chunk, dict[str, Any]]


class Sender:
    """Sends chunks in their order and counts the answers in `tally`."""

    def __init__(self, server: Connection) -> None:
        self.tally = Tally()
        self._server = server
        self._stopped = threading.Event()

    def send(self, chunks: Iterable[Chunk], on_answer: Callable[[Chunk], None] = lambda chunk: None) -> Tally:
        """Send them all, and tell of each that was answered: in their order, and none behind one that was not.

        Refused or Unreachable where no trying again helps; `tally` then holds what is in.
        """
        self._stopped.clear()
        under_way: deque[tuple[Chunk, Future[list[_Answered]]]] = deque()
        with ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="turnout-send") as threads:
            try:
                for chunk in chunks:
                    if len(under_way) >= IN_FLIGHT:
                        self._count(*under_way.popleft(), on_answer)
                    under_way.append((chunk, threads.submit(self._post, chunk)))
                while under_way:
                    self._count(*under_way.popleft(), on_answer)
            except Exception:
                # What is on its way may still arrive; it belongs into the tally.
                for chunk, answer in under_way:
                    if answer.exception() is None:
                        self._count(chunk, answer)
                raise
            finally:
                self._stopped.set()
        return self.tally

    def _count(
        self, chunk: Chunk, answer: Future[list[_Answered]], on_answer: Callable[[Chunk], None] = lambda chunk: None
    ) -> None:
        for part, found in answer.result():
            self.tally.add(part, found)
        on_answer(chunk)

    def _post(self, chunk: Chunk) -> list[_Answered]:
        """The chunk with its answer; as several where the server takes less at once."""
        if not chunk.lines:
            return [(chunk, {"accepted": 0, "duplicates": 0, "rejected": []})]
        try:
            return [(chunk, self._patiently(b"\n".join(chunk.lines)))]
        except Refused as error:
            if error.status != 413 or len(chunk.lines) == 1:
                raise
        first, second = chunk.halves()
        return self._post(first) + self._post(second)

    def _patiently(self, body: bytes) -> dict[str, Any]:
        import httpx

        wait_s = _FIRST_WAIT_S
        for left in reversed(range(_PATIENCE_TRIES)):
            asked_s = None
            credentials = self._server.credentials
            try:
                answer = self._server.client.post(
                    "/v1/events", content=body, headers={"Content-Type": "application/x-ndjson"}
                )
            except httpx.TransportError as error:
                problem: Exception = Unreachable(
                    f"no answer from {self._server.url}: {str(error) or type(error).__name__}",
                    hint="importing again counts nothing twice",
                )
            else:
                if answer.status_code < 400:
                    found: dict[str, Any] = json.loads(answer.content)
                    return found
                problem = refusal(answer)
                # A server that was started again has other credentials for commands on its machine.
                renewed = answer.status_code == 401 and self._server.renew(credentials)
                if answer.status_code not in (429, 502, 503, 504) and not renewed:
                    raise problem
                after = answer.headers.get("retry-after", "")
                asked_s = float(after) if after.isdigit() else None
            if not left or self._stopped.wait(wait_s if asked_s is None else min(asked_s, 60.0)):
                raise problem
            self._server.renew(credentials)
            self.tally.retries += 1
            wait_s = min(wait_s * 2, _HIGHEST_WAIT_S)
        raise AssertionError("unreachable")
