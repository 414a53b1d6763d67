"""A whole store copied into another, slice by slice, until both say the same; safe to begin again after anything.

Two engines come in, with the hold on the target (`fleet`); what was moved and proved leaves. The source is only read.

Nothing relies on what an earlier run has written down: a slice that the target holds something of is compared, row by
row where it differs, and only what is missing is written. An insert that was sent and not heard of has a token, so it
counts once if it is sent again. In the end every campaign is compared as a whole, and what differs is done once more.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from turnout import sql
from turnout.errors import Conflict, Overloaded, StoreDamaged, StoreError
from turnout.store import moving_digest as digest
from turnout.store import moving_tables as small
from turnout.store.engine import Engine
from turnout.store.fleet import Fleet
from turnout.store.moving_checks import Checks, Rollup
from turnout.store.moving_digest import ROW_HASH, Digest
from turnout.store.moving_progress import Progress
from turnout.store.moving_slices import Size, Slice, groups, sizes, slices

log = logging.getLogger(__name__)

_ROWS = sql.query("moving_rows")
_DELETE = sql.query("moving_delete")

#: One insert has no more than this, however large the events of a slice are.
_BLOCK_BYTES = 64 * 1024 * 1024

#: How often a slice is tried where the store does not answer, and how long to wait in between.
_ATTEMPTS = 4
_AGAIN_S = (1.0, 5.0, 15.0)

#: Events of one comparison of whole campaigns, which bounds how long it takes.
_COMPARED_EVENTS = 5_000_000

#: How often what still differs is moved once more: each time less, unless somebody goes on writing to the source.
_ROUNDS = 3

#: What is done (registry, letters, comparing, copying, checking), how much of it, and of how much (0: not known).
Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Order:
    """How to move: events of a slice, slices at once, and whether the source's registry wins over the target's."""

    slice_events: int = 200_000
    jobs: int = 2
    overwrite: bool = False


@dataclass
class Moved:
    """What a move did. `differing` are campaigns that are not the same on both sides even now."""

    events: int = 0
    written: int = 0
    slices: int = 0
    skipped: int = 0
    rewritten: int = 0
    campaigns: int = 0
    records: int = 0
    letters: int = 0
    rounds: int = 0
    differing: list[tuple[str, str]] = field(default_factory=list)
    source_rollup: Rollup = field(default_factory=Rollup)
    target_rollup: Rollup = field(default_factory=Rollup)

    @property
    def is_whole(self) -> bool:
        """Whether the target holds what the source holds, and its rollup says what its events say."""
        return not (self.differing or self.target_rollup.differences)

    @property
    def is_good(self) -> bool:
        """Whether the source's rollup does so too."""
        return self.is_whole and not self.source_rollup.differences


class _Unequal(StoreError):
    """A slice that was just written is not what was read."""


class Move:
    """One run. `journal` is a file of the target's, or a scratch file where that keeps none."""

    def __init__(
        self,
        source: Engine,
        target: Engine,
        fleet: Fleet,
        journal: Path,
        order: Order,
        report: Report,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._source = source
        self._target = target
        self._fleet = fleet
        self._order = order
        self._report = report
        self._pause = pause
        self._progress = Progress(target)
        self._checks = Checks(source, target, fleet, journal)
        self._moved = Moved()
        self._total = 0
        self._copied = 0

    def run(self) -> Moved:
        """Move what the target lacks, prove that both are the same, and close the move if they are.

        Conflict where the two are not the same store, the target has events that the source lacks, or either is in no
        state to be moved. Nothing is changed then. StoreError or Overloaded where a store fails; run it again.
        """
        self._checks.source_is_ready()
        self._checks.nobody_there()
        with self._fleet.alone():
            closed = self._progress.open()
            is_fresh = self._checks.target_is_fit(closed, overwrite=self._order.overwrite)
            self._move(is_fresh)
        return self._moved

    def _move(self, is_fresh: bool) -> None:
        found = sizes(self._source)
        self._checks.nothing_foreign(found)
        if is_fresh or self._progress.is_under_way:
            left = found
        else:
            left = self._differing(found)
            self._checks.nothing_more(left, self._order.slice_events)
        self._progress.begin()
        self._small_tables()
        for number in range(_ROUNDS):
            if number and not left:
                break
            self._moved.rounds += 1
            self._copy(left, believing=number == 0)
            before, found = {one.name: one.events for one in found}, sizes(self._source)
            again = {one.name for one in left}
            left = self._differing([one for one in found if one.name in again or before.get(one.name) != one.events])
        self._moved.differing = [one.name for one in left]
        self._moved.events = sum(one.events for one in found)
        self._moved.campaigns = len(found)
        self._small_tables()
        self._moved.source_rollup = self._checks.rollup(self._source, found, self._report)
        self._moved.target_rollup = self._checks.mended_rollup(found, self._report)
        if self._moved.is_whole:
            self._progress.close(small.catalog_digest(self._target))

    def _small_tables(self) -> None:
        for table, stage in ((small.CATALOG, "registry"), (small.LETTERS, "letters")):
            copied = small.copy(
                self._source,
                self._target,
                table,
                overwrite=self._order.overwrite,
                report=lambda count, stage=stage: self._report(stage, count, 0),  # type: ignore[misc]
            )
            if table is small.CATALOG:
                self._moved.records = copied.records
            else:
                self._moved.letters = copied.records

    # ---- comparing whole campaigns ----------------------------------------------------------------

    def _differing(self, found: list[Size]) -> list[Size]:
        """Those of these campaigns that are not the same on both sides. Both are read at the same time."""
        total = sum(one.events for one in found)
        unequal: list[Size] = []
        read = 0
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="turnout-compare") as other:
            for group in groups(found, _COMPARED_EVENTS):
                self._report("comparing", read, total)
                workspace, names = group[0].workspace, [one.campaign for one in group]
                reading = other.submit(digest.of_campaigns, self._target, workspace, names)
                here = digest.of_campaigns(self._source, workspace, names)
                there = reading.result()
                read += sum(one.events for one in group)
                unequal += [
                    Size(workspace, name, here.get(name, Digest()).events)
                    for name in names
                    if here.get(name) != there.get(name)
                ]
        self._report("comparing", total, total)
        return unequal

    # ---- copying ----------------------------------------------------------------------------------

    def _copy(self, left: list[Size], *, believing: bool) -> None:
        """Every slice of these campaigns, some at a time; `believing` leaves out those that were verified before."""
        self._total, self._copied = sum(one.events for one in left), 0
        wanted = slices(self._source, left, self._order.slice_events)
        with ThreadPoolExecutor(max_workers=self._order.jobs, thread_name_prefix="turnout-move") as threads:
            running: set[Future[int]] = set()
            try:
                for piece in wanted:
                    self._moved.slices += 1
                    if believing and self._progress.is_done(piece):
                        self._moved.skipped += 1
                        self._advance(piece)
                        continue
                    running.add(threads.submit(self._until_done, piece))
                    if len(running) >= self._order.jobs:
                        running = self._ended(running)
                while running:
                    running = self._ended(running)
            finally:
                for future in running:
                    future.cancel()

    def _ended(self, running: set[Future[int]]) -> set[Future[int]]:
        """Wait until one has ended; what it raises is raised. The others."""
        ended, others = wait(running, return_when=FIRST_COMPLETED)
        for future in ended:
            self._moved.written += future.result()
        return others

    def _advance(self, piece: Slice) -> None:
        self._copied = min(self._total, self._copied + piece.events)
        self._report("copying", self._copied, self._total)

    def _until_done(self, piece: Slice) -> int:
        """Copy one slice, again where a store fails; rows written."""
        written = 0
        for attempt in range(_ATTEMPTS):
            try:
                written += self._slice(piece)
                break
            except StoreDamaged:
                raise
            except (StoreError, Overloaded) as error:
                if attempt == _ATTEMPTS - 1:
                    raise
                log.warning("a slice of %s is tried again: %s", piece.workspace, error.message)
                self._pause(_AGAIN_S[attempt])
        self._progress.done(piece)
        self._advance(piece)
        return written

    def _slice(self, piece: Slice) -> int:
        """Bring the target's rows of one slice to what the source says, and read them back. Rows written."""
        there = digest.of_slice(self._target, piece)
        only: frozenset[bytes] | None = None
        if there.events:
            if there == digest.of_slice(self._source, piece):
                return 0
            only = self._missing(piece)
        expected, written = self._write(piece, only)
        found = digest.of_slice(self._target, piece)
        if found != expected:
            # Rows that were there, and were taken away since, are not taken for those that are sent again.
            self._progress.anew(piece)
            raise _Unequal(
                f"{found.events:,} events of {_named(piece)} are in the target, and {expected.events:,} were read, or "
                "they are not the same"
            )
        return written

    def _missing(self, piece: Slice) -> frozenset[bytes] | None:
        """The ids that the target lacks; None where its rows said something else, and were taken away."""
        found = digest.compare(self._source, self._target, piece)
        if found.foreign:
            raise Conflict(
                f"the target has {found.foreign:,} events of {_named(piece)} that the source does not have",
                hint="it was written to: what is only there would have to be moved the other way first",
            )
        if found.forgotten:
            raise Conflict(
                f"persons of {_named(piece)} were erased in the target, and not in the source",
                hint="erase them in the source too, then run this again",
            )
        if not found.changed:
            return found.missing
        log.info("%d events of %s say something else in the target: written anew", found.changed, _named(piece))
        self._progress.anew(piece)
        self._target.execute(_DELETE, piece.parameters())
        self._moved.rewritten += 1
        return None

    def _write(self, piece: Slice, only: frozenset[bytes] | None) -> tuple[Digest, int]:
        """Append the rows of a slice, all or `only` some; the digest of all of them, and how many were appended."""
        read, written = Digest(), 0
        for block, rows_read in self._blocks(piece, only):
            read += rows_read
            if block.num_rows:
                content = Digest()
                for batch in block.to_batches():
                    content += digest.of_batch(batch)
                token = self._progress.token(piece, str(content))
                self._target.insert("events", _said(block.drop_columns([ROW_HASH])), token)
                written += block.num_rows
        return read, written

    def _blocks(self, piece: Slice, only: frozenset[bytes] | None) -> Iterator[tuple[pa.Table, Digest]]:
        """The rows to write, as many at a time as one insert has, and the digest of all that were read for them."""
        held: list[pa.RecordBatch] = []
        read, size, count = Digest(), 0, 0
        batches = self._source.batches(_ROWS, piece.parameters())
        with contextlib.closing(batches):  # type: ignore[type-var]
            for batch in batches:
                read += digest.of_batch(batch)
                chosen = batch if only is None else batch.filter(_among(batch.column("id"), only))
                if chosen.num_rows:
                    held.append(chosen)
                    size, count = size + chosen.nbytes, count + chosen.num_rows
                if size >= _BLOCK_BYTES or count >= self._order.slice_events:
                    yield pa.Table.from_batches(held).combine_chunks(), read
                    held, read, size, count = [], Digest(), 0, 0
        yield (pa.Table.from_batches(held).combine_chunks() if held else pa.table({})), read


def _among(ids: pa.Array, wanted: frozenset[bytes]) -> pa.Array:
    return pa.array([one in wanted for one in ids.to_pylist()], pa.bool_())


def _said(rows: pa.Table) -> pa.Table:
    """The columns in which anything is said: the others have their defaults anyway, with less to send."""
    return rows.select([name for name in rows.column_names if _says(rows.column(name))])


def _says(column: pa.ChunkedArray) -> bool:
    kind = column.type
    if pa.types.is_binary(kind) or pa.types.is_string(kind):
        return bool(pc.max(pc.binary_length(column)).as_py())
    if pa.types.is_boolean(kind):
        return bool(pc.any(column).as_py())
    return not pa.types.is_integer(kind) or bool(pc.max(column).as_py())


def _named(piece: Slice) -> str:
    one = f"'{piece.campaigns[0]}'" if len(piece.campaigns) == 1 else f"{len(piece.campaigns)} campaigns"
    return f"{one} in workspace '{piece.workspace}'"
