"""The table of events, its rollup, and the promise that both always say the same.

Appending is two commits of the engine (raw, then the rollup's view), so a crash between them would
leave the rollup short. The journal closes that gap: it names the cells that an append is about to
touch, and whoever opens the store next holds those cells against raw and refills them if they differ.

Rows that are stored already are changed by `amend`, under the same journal.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from turnout import sql
from turnout.errors import Overloaded, StoreDamaged, TurnoutError
from turnout.store import durable
from turnout.store.engine import Engine, Parameters, Value, rows
from turnout.store.fleet import Fleet, Single
from turnout.store.replicas import all_there

log = logging.getLogger(__name__)

_KNOWN_NEAR = sql.query("known_near")
_KNOWN_AT = sql.query("known_at")
_KNOWN_ANYWHERE = sql.query("known_anywhere")
_CLEAR = sql.query("clear_counts")
_REFILL = sql.query("refill_counts")
_DIFFERING = sql.query("differing_counts")
_CAMPAIGNS = sql.query("campaigns_with_events")
_SPANS = sql.query("campaign_spans")

SLOT_MS = 900_000

#: Every event is between these: from 1970 until 2100.
FIRST_MS, LAST_MS = 0, 4_102_444_800_000

#: Campaigns of one comparison or refill, which bounds the memory it needs.
_CAMPAIGNS_AT_ONCE = 50

#: How often part of the rollup of a shared store is made anew while events come into it past Turnout.
_REFILLS = 5

#: How long `recover` waits for changes that the engine goes on with after a restart: as a whole, and while it says that
#: one fails. And how often it looks.
_UNFINISHED_TIMEOUT_S = 600
_FAILING_TIMEOUT_S = 10
_UNFINISHED_LOOK_S = 0.05
_UNFINISHED = """
SELECT latest_fail_reason FROM system.mutations
WHERE database = currentDatabase() AND table IN ('events', 'counts') AND NOT is_done AND NOT is_killed
"""
_END_UNFINISHED = "KILL MUTATION WHERE database = currentDatabase() AND table = {table:String} SYNC"


#: Where an event is in the table: its campaign, its type, and its time in milliseconds.
Place = tuple[str, str, int]


class Cells(msgspec.Struct, frozen=True):
    """Part of the rollup: some campaigns of a workspace, and the time `[from_ms, to_ms)`."""

    workspace: str
    campaigns: tuple[str, ...]
    from_ms: int
    to_ms: int

    def whole_slots(self) -> Cells:
        """The same, widened to whole slots."""
        start = self.from_ms // SLOT_MS * SLOT_MS
        end = -(-self.to_ms // SLOT_MS) * SLOT_MS
        return msgspec.structs.replace(self, from_ms=start, to_ms=end)

    def parameters(self) -> dict[str, Value]:
        """The same for a statement, under the names of the fields."""
        return msgspec.structs.asdict(self)


@dataclass(frozen=True)
class Difference:
    """A slot where raw and rollup disagree."""

    campaign: str
    type: str
    slot_s: int
    raw_events: int
    rolled_events: int


@dataclass(frozen=True)
class Span:
    """When a campaign's events happened, and how many there are."""

    first_ms: int
    last_ms: int
    events: int


class EventStore:
    """Appends, looks up, amends and repairs. One writer at a time calls `append`, `amend`, `rebuild` and `recover`; of
    the `fleet` that shares the store others may append meanwhile, but nobody while this process calls one of the rest.
    """

    def __init__(self, engine: Engine, journal: Path, fleet: Fleet | None = None) -> None:
        self._engine = engine
        self._journal = journal
        self._fleet = fleet or Single()
        self._attempt = secrets.token_hex(8)
        self._repairs = 0
        self._distrusted = False

    @property
    def repairs(self) -> int:
        """Odd while part of the rollup is being made anew, or is known to be wrong.

        Who read it at one number and finds another may have seen it short, and looks at raw instead.
        """
        return self._repairs | self._distrusted

    @property
    def trusted(self) -> bool:
        """Whether the rollup is believed to say what raw says."""
        return not self._distrusted

    def distrust(self) -> None:
        """The rollup does not say what raw says: raw answers until `trust`."""
        self._distrusted = True

    def trust(self) -> None:
        """It does again."""
        self._repairs += 2
        self._distrusted = False

    def append(self, batches: Sequence[pa.RecordBatch], touched: Sequence[Cells]) -> None:
        """Add rows that are known to be new. When this returns they are on disk and in the rollup.

        One insert, so the rows are one part: all of them are there, or none.

        If it raises, nothing may be assumed: call `recover` before the next append.
        """
        self._note(touched)
        rows = _said(pa.Table.from_batches(batches))
        # The same events, tried again, are the same rows: what a broken connection may have stored is not stored twice.
        self._engine.insert("events", rows, _token(rows, self._attempt) if self._fleet.is_shared else "")
        # The same events, sent again when they have been taken out of the store, are not.
        self._attempt = secrets.token_hex(8)

    @property
    def is_in_doubt(self) -> bool:
        """Whether something was under way when this process, or the one before it, was last heard of."""
        return bool(self._noted())

    def recover(self) -> int:
        """Hold the cells of the last append or change against raw, refill what differs; returns slots mended.

        A change that was under way when the process died is first brought to its end. Where the cells can't be read,
        since a part is damaged, the rollup is distrusted: raw answers until a rebuild.
        """
        mended = 0
        self._finish_changes()
        try:
            # A change that broke off may be under way to nodes that have not begun with it: what is right now may be
            # cleared later. One more goes there behind it, and waits for both.
            is_under_way = self._fleet.is_shared and self._repairs % 2 == 1
            for cells in self._noted():
                found = self.differences(cells)
                if found or is_under_way:
                    self._refill(cells)
                    mended += len(found)
        except StoreDamaged:
            log.error("what the last append touched can't be read: turnout check says what is damaged")
            self.distrust()
        # Everything that may have been in between is right again.
        self._repairs += self._repairs % 2
        self._fleet.note(b"")
        return mended

    def take_over(self, cells: bytes) -> None:
        """End what another process was changing when it died: these cells, as it had noted them for the fleet."""
        self._finish_changes()
        before = self._repairs
        try:
            # Whether they differ or not, as in `recover`.
            self._refill(*msgspec.json.decode(cells, type=list[Cells]))
        except BaseException:
            # Whoever can end it tells all processes that it is done, but not this number of this one.
            self._repairs = before + 2
            raise

    def settle(self) -> None:
        """Say that the last append went well, so that the next start has nothing to hold against raw."""
        self._note([])

    def rebuild(self, cells: Cells) -> None:
        """Make the rollup of `cells` anew from raw. What a crash leaves half done, `recover` ends."""
        before = self._noted()
        self._begin([*before, cells])
        self._refill(cells)
        self._end(before)

    def amend(self, statements: Iterable[tuple[str, Parameters]], changed: Sequence[Cells] = ()) -> None:
        """Change stored rows: run statements `ALTER TABLE events UPDATE …`, then refill the rollup of `changed`.

        `changed` are the cells whose counts may be others afterwards: none where only columns change that the rollup
        does not have. Every statement must end with `SETTINGS mutations_sync = 2`, and may read only tables that are
        there after a restart: what dies half way is brought to its end by the next `recover`. While this runs,
        `repairs` is odd and raw answers, in which some rows may be changed already and others not yet.

        If a statement fails it is ended where it stands, the rollup is made to say what raw says, and the error is
        raised: the caller may try again.
        """
        before = self._noted()
        self._begin([*before, *changed])
        self._repairs += 1 - self._repairs % 2
        try:
            for text, parameters in statements:
                self._fleet.must_be_alone()
                self._engine.execute(text, parameters)
        except TurnoutError:
            # Where another process has taken over, what is under way is that one's.
            self._fleet.must_be_alone()
            # The engine would try it again and again, and everything later would wait for it.
            self._engine.execute(_END_UNFINISHED, {"table": "events"})
            raise
        finally:
            self._refill(*changed)
        self._end(before)

    def _finish_changes(self) -> None:
        """Wait until the engine has ended the changes that an earlier process began. One that can't be ended is
        left where it stands; whatever it has changed, raw is what counts."""
        failing = 0
        for _ in range(int(_UNFINISHED_TIMEOUT_S / _UNFINISHED_LOOK_S)):
            left = rows(self._engine, _UNFINISHED)
            failing = failing + 1 if any(reason for (reason,) in left) else 0
            if not left or failing * _UNFINISHED_LOOK_S > _FAILING_TIMEOUT_S:
                break
            time.sleep(_UNFINISHED_LOOK_S)
        if left:
            log.error("a change of stored events could not be ended, and is left half done: make it again")
            for table in ("events", "counts"):
                self._engine.execute(_END_UNFINISHED, {"table": table})

    def _refill(self, *changed: Cells) -> None:
        # Left odd where this fails: raw answers until a later one ends well.
        self._repairs += 1 - self._repairs % 2
        for cells in changed:
            self._refill_cells(cells)
        self._repairs += 1

    def _refill_cells(self, cells: Cells) -> None:
        for part in _parts(cells.whole_slots()):
            for _ in range(_REFILLS):
                self._clear_and_fill(part)
                # Who writes past Turnout may have done so in between, and those rows are counted twice then.
                if not self._fleet.is_shared or not self.differences(part, limit=1):
                    break
            else:
                raise Overloaded("events keep coming in past Turnout: stop them for the time of this change")

    def _clear_and_fill(self, part: Cells) -> None:
        self._fleet.must_be_alone()
        self._engine.execute(
            _CLEAR,
            {
                "workspace": part.workspace,
                "campaigns": part.campaigns,
                "from_s": part.from_ms // 1000,
                "to_s": part.to_ms // 1000,
            },
        )
        # Who stood still in between, and filled again what another one has filled, would have it twice.
        self._fleet.must_be_alone()
        self._engine.execute(_REFILL, part.parameters())

    def differences(self, cells: Cells, limit: int = 1000) -> list[Difference]:
        """Up to `limit` slots per fifty campaigns where the rollup is not what raw says; empty is right."""
        found: list[Difference] = []
        for part in _parts(cells.whole_slots()):
            found += [Difference(*row) for row in rows(self._engine, _DIFFERING, {**part.parameters(), "limit": limit})]
        return found

    def known_near(self, cells: Cells, ids: Sequence[int]) -> set[int]:
        """Which of `ids` the workspace holds within the campaigns and times of `cells`."""
        return self._ids(_KNOWN_NEAR, {**cells.parameters(), "ids": ids})

    def known_at(self, workspace: str, places: Collection[Place], ids: Sequence[int]) -> set[int]:
        """Which of `ids` the workspace holds at one of these places."""
        campaigns, types, times_ms = zip(*places, strict=True)
        asked = {"workspace": workspace, "campaigns": campaigns, "types": types, "times_ms": times_ms, "ids": ids}
        return self._ids(_KNOWN_AT, asked)

    def known_anywhere(self, workspace: str, ids: Sequence[int]) -> set[int]:
        """Which of `ids` the workspace holds at all, at whatever time and in whatever campaign."""
        return self._ids(_KNOWN_ANYWHERE, {"workspace": workspace, "ids": ids})

    def count(self) -> int:
        """How many events are stored."""
        return int(rows(self._engine, "SELECT count() FROM events")[0][0])

    def campaigns(self, workspace: str) -> list[str]:
        """Every campaign that has events; behaviours that name none are under the empty id."""
        found = rows(self._engine, _CAMPAIGNS, {"workspace": workspace})
        return [name for (name,) in found]

    def spans(self, workspace: str, campaigns: Sequence[str] = (), types: Sequence[str] = ()) -> dict[str, Span]:
        """First and last event of each campaign that has any; of all campaigns and types unless some are named."""
        found = rows(self._engine, _SPANS, {"workspace": workspace, "campaigns": campaigns, "types": types})
        return {name: Span(int(first), int(last), int(events)) for name, first, last, events in found}

    def _ids(self, query: str, parameters: Parameters) -> set[int]:
        try:
            raw = self._engine.query(query, parameters, "RowBinary")
        except StoreDamaged as error:
            # An id that can't be looked up is neither new nor known. Whoever sends it again later loses nothing.
            raise Overloaded(
                "part of the stored ids can't be read, so these events can't be told from known ones", retry_after_s=60
            ) from error
        return {int.from_bytes(raw[at : at + 16], "little") for at in range(0, len(raw), 16)}

    def _begin(self, changing: Sequence[Cells]) -> None:
        """Note what is about to be made anew, for this process's next start and for whoever finds it dead before.
        Overloaded where a replica is away, which would hold up all of it half way."""
        all_there(self._engine)
        self._note(changing)
        self._fleet.note(msgspec.json.encode(list(changing)))

    def _end(self, before: Sequence[Cells]) -> None:
        self._note(before)
        self._fleet.note(b"")

    def _note(self, touched: Sequence[Cells]) -> None:
        durable.write(self._journal, msgspec.json.encode(list(touched)))

    def _noted(self) -> list[Cells]:
        try:
            return msgspec.json.decode(self._journal.read_bytes(), type=list[Cells])
        except FileNotFoundError:
            return []


def _said(rows: pa.Table) -> pa.Table:
    """The columns in which anything is said: the engine gives the others their defaults with less work."""
    return rows.select([name for name, column in zip(rows.column_names, rows.columns, strict=True) if _says(column)])


def _token(rows: pa.Table, attempt: str) -> str:
    """What these events are, and no others: of their ids, and of whose they are: two may send the same."""
    ids = hashlib.blake2b(attempt.encode(), digest_size=16)
    runs = pc.run_end_encode(rows.column("workspace").combine_chunks())
    for name, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        ids.update(f"{name}\n{end}\n".encode())
    for chunk in rows.column("id").chunks:
        ids.update(memoryview(chunk.buffers()[1])[16 * chunk.offset : 16 * (chunk.offset + len(chunk))])
    return f"events-{ids.hexdigest()}"


def _says(column: pa.ChunkedArray) -> bool:
    return bool(column.null_count < len(column))


def _parts(cells: Cells) -> Iterator[Cells]:
    for at in range(0, len(cells.campaigns), _CAMPAIGNS_AT_ONCE):
        yield msgspec.structs.replace(cells, campaigns=cells.campaigns[at : at + _CAMPAIGNS_AT_ONCE])
