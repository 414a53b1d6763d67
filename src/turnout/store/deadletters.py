"""Dead letters: what providers told and nobody understood, on disk until it is understood, or too old.

Letters enter and are durable when `keep` returns; their descriptions, and one letter whole, leave. A workspace has a
bounded number of them: past it the oldest go, since the newest are those that somebody still waits for.
"""

from __future__ import annotations

import base64
import datetime as dt
import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec
import pyarrow as pa
import xxhash

from turnout import sql
from turnout.errors import NotFound
from turnout.store.engine import Engine, Value, rows

log = logging.getLogger(__name__)

_LIST = sql.query("deadletters")
_ONE = sql.query("deadletter")
_HELD = sql.query("deadletters_held")
_REASONS = sql.query("deadletters_reasons")
_OVER = sql.query("deadletters_over")
_REPLAYED = sql.query("deadletters_replayed")
_DROP = sql.query("deadletters_drop")
_OLD = sql.query("deadletters_old")
_EXPIRED = sql.query("deadletters_expired")

#: How much of its limits a workspace keeps when the oldest go, so that they don't go one by one.
_KEPT_SHARE = 0.9

#: Ids of one statement.
_AT_ONCE = 500

#: How often it is looked for letters that are too old.
_EXPIRY_INTERVAL_S = 3600

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_TIME = pa.timestamp("ms", "UTC")


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a letter beside its content. `hook` is empty where an API key was the token."""

    id: str
    received: dt.datetime
    provider: str
    hook: str
    reason: str
    bytes: int
    replayed: dt.datetime | None = None


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Letters of one provider that wait for one reason: how many, their bytes, and when the last of them came."""

    provider: str
    reason: str
    count: int
    bytes: int
    last: dt.datetime


class Letter(Described, frozen=True, kw_only=True):
    """A letter with its content: the part of the body as it came, and what of the request is needed to parse it."""

    body: bytes
    headers: dict[str, str] = {}
    query: dict[str, str] = {}


class DeadLetters:
    """The dead letters of every workspace. Every method may be called from any thread, and asks the engine.

    `dropped` is told how many of the oldest had to go.
    """

    def __init__(
        self,
        engine: Engine,
        now: Callable[[], dt.datetime],
        *,
        limit_rows: int,
        limit_bytes: int,
        age_limit_days: int,
        dropped: Callable[[int], None] = lambda count: None,
    ) -> None:
        self._engine = engine
        self._now = now
        self._limit_rows = limit_rows
        self._limit_bytes = limit_bytes
        self._age_limit = dt.timedelta(days=age_limit_days)
        self._dropped = dropped
        self._lock = threading.Lock()
        #: Rows and bytes of a workspace, never less than there are.
        self._held: dict[str, tuple[int, int]] = {}
        self._expire_next = _EPOCH

    def keep(self, workspace: str, letters: Sequence[Letter]) -> None:
        """Keep letters; they are on disk when this returns. One that is there already is not there twice."""
        if not letters:
            return
        self._engine.insert(
            "deadletters",
            pa.record_batch(
                {
                    "workspace": pa.array([workspace] * len(letters)),
                    "id": pa.array([one.id for one in letters]),
                    "received": pa.array([milliseconds(one.received) for one in letters], pa.int64()).view(_TIME),
                    "provider": pa.array([one.provider for one in letters]),
                    "hook": pa.array([one.hook for one in letters]),
                    "reason": pa.array([one.reason for one in letters]),
                    "body": pa.array([one.body for one in letters], pa.binary()),
                    "headers": pa.array([msgspec.json.encode(one.headers).decode() for one in letters]),
                    "query": pa.array([msgspec.json.encode(one.query).decode() for one in letters]),
                    "version": pa.array([milliseconds(one.received) for one in letters], pa.uint64()),
                }
            ),
        )
        with self._lock:
            self._bound(workspace, len(letters), sum(len(one.body) for one in letters))
        self.expire()

    def listing(
        self,
        workspace: str,
        *,
        ids: Collection[str] = (),
        provider: str = "",
        reason: str = "",
        everything: bool = True,
        after: str = "",
        limit: int = 100,
    ) -> list[Described]:
        """A page of letters, the first to come first, from behind `after` (`place_of` the last one of a page).

        `reason` is a part of theirs; `everything` is those, too, that were understood since.
        """
        after_ms, _, after_id = after.partition("-")
        asked: dict[str, Value] = {
            "workspace": workspace,
            "ids": list(ids),
            "provider": provider,
            "reason": reason,
            "everything": everything,
            "after_ms": int(after_ms) if after_ms.isascii() and after_ms.isdigit() and len(after_ms) < 16 else -1,
            "after_id": after_id[:64],
            "limit": limit,
        }
        return [_described(*row) for row in rows(self._engine, _LIST, asked)]

    def get(self, workspace: str, letter_id: str) -> Letter:
        """One letter; NotFound if the workspace has none with this id."""
        found = rows(self._engine, _ONE, {"workspace": workspace, "id": letter_id})
        if not found:
            raise NotFound(f"no dead letter '{letter_id[:100]}'", field="id")
        *known, body, headers, query = found[0]
        return Letter(
            **msgspec.structs.asdict(_described(*known)),
            body=base64.b64decode(body),
            headers=msgspec.json.decode(headers, type=dict[str, str]),
            query=msgspec.json.decode(query, type=dict[str, str]),
        )

    def count(self, workspace: str) -> tuple[int, int]:
        """How many letters a workspace has, and their bytes."""
        ((count, size),) = rows(self._engine, _HELD, {"workspace": workspace})
        return int(count), int(size)

    def waiting(self, workspace: str, limit: int) -> list[Waiting]:
        """What waits to be understood, by provider and reason; of all reasons the `limit` most frequent."""
        return [
            Waiting(provider=provider, reason=reason, count=int(count), bytes=int(size), last=_moment(last_ms))
            for provider, reason, count, size, last_ms in rows(
                self._engine, _REASONS, {"workspace": workspace, "limit": limit}
            )
        ]

    def mark_replayed(self, workspace: str, ids: Sequence[str]) -> None:
        """Note that letters were understood."""
        now_ms = milliseconds(self._now())
        for at in range(0, len(ids), _AT_ONCE):
            asked: dict[str, Value] = {"workspace": workspace, "now_ms": now_ms, "ids": ids[at : at + _AT_ONCE]}
            self._engine.execute(_REPLAYED, asked)

    def drop(self, workspace: str, ids: Sequence[str]) -> None:
        """Forget letters; those that there are not are no error."""
        for at in range(0, len(ids), _AT_ONCE):
            self._engine.execute(_DROP, {"workspace": workspace, "ids": ids[at : at + _AT_ONCE]})

    def expire(self) -> None:
        """Let those go that are too old, of every workspace; looks no more than once an hour."""
        now = self._now()
        if now < self._expire_next:
            return
        self._expire_next = now + dt.timedelta(seconds=_EXPIRY_INTERVAL_S)
        asked: dict[str, Value] = {"before_ms": milliseconds(now - self._age_limit)}
        if rows(self._engine, _OLD, asked)[0][0]:
            self._engine.execute(_EXPIRED, asked)

    def _bound(self, workspace: str, count: int, size: int) -> None:
        """Let the oldest go if there are too many now. What was counted may be too much, so it is counted again."""
        held = self._held.get(workspace)
        held = (held[0] + count, held[1] + size) if held is not None else self.count(workspace)
        if held[0] > self._limit_rows or held[1] > self._limit_bytes:
            held = self.count(workspace)
        if held[0] > self._limit_rows or held[1] > self._limit_bytes:
            kept = {"rows": int(self._limit_rows * _KEPT_SHARE), "bytes": int(self._limit_bytes * _KEPT_SHARE)}
            over = [str(name) for (name,) in rows(self._engine, _OVER, {"workspace": workspace, **kept})]
            self.drop(workspace, over)
            self._dropped(len(over))
            log.warning("workspace %s has too many dead letters: the %d oldest were dropped", workspace, len(over))
            held = self.count(workspace)
        self._held[workspace] = held


def letter_id(workspace: str, provider: str, body: bytes, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    """The id of a letter by what it says, of the request only what changes its meaning: 32 hexadecimal digits."""
    parts = (workspace, provider, sorted(headers.items()), sorted(query.items()), body)
    return xxhash.xxh3_128_hexdigest(msgspec.msgpack.encode(parts))


def place_of(one: Described) -> str:
    """Where a letter stands in a listing, for `after`."""
    return f"{milliseconds(one.received)}-{one.id}"


def milliseconds(moment: dt.datetime) -> int:
    """A moment in whole milliseconds since the epoch."""
    return (moment - _EPOCH) // dt.timedelta(milliseconds=1)


def _described(
    letter: str, received_ms: int, provider: str, hook: str, reason: str, size: int, replayed_ms: int
) -> Described:
    return Described(
        id=letter,
        received=_moment(received_ms),
        provider=provider,
        hook=hook,
        reason=reason,
        bytes=int(size),
        replayed=_moment(replayed_ms) if int(replayed_ms) else None,
    )


def _moment(moment_ms: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(milliseconds=int(moment_ms))
