"""Whether two stores hold the same rows: counts and checksums that no order of the rows changes.

An engine and what is asked about come in; `Digest`s leave, and, where two differ, which rows differ (`compare`). The
checksum of a row is of every column that the table doesn't compute by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from turnout import sql
from turnout.store.engine import Engine, rows
from turnout.store.moving_slices import Slice

_SLICE = sql.query("moving_digest")
_CAMPAIGNS = sql.query("moving_digests")
_PAIRS = sql.query("moving_pairs")

#: The column of `moving_rows.sql` that is no column of the table.
ROW_HASH = "row_hash"

_PAIR = np.dtype([("low", "<u8"), ("high", "<u8"), ("hash", "<u8"), ("erased", "u1")])
_WORD = 2**64


@dataclass(frozen=True)
class Digest:
    """So many rows, and the sum and the exclusive or of their checksums (64 bits each)."""

    events: int = 0
    total: int = 0
    parity: int = 0

    def __add__(self, other: Digest) -> Digest:
        return Digest(self.events + other.events, (self.total + other.total) % _WORD, self.parity ^ other.parity)

    def __str__(self) -> str:
        return f"{self.events}-{self.total:016x}-{self.parity:016x}"


@dataclass(frozen=True)
class Comparison:
    """What a slice of the target lacks, and what else is wrong with it.

    `missing` are ids that only the source has; `foreign` counts rows that only the target has; `changed` those that say
    something else there, or are there more than once, and `forgotten` those of them whose person was erased there and
    not in the source.
    """

    missing: frozenset[bytes]
    foreign: int
    changed: int
    forgotten: int


def of_batch(batch: pa.RecordBatch) -> Digest:
    """Of rows that were read with their checksums."""
    hashes = batch.column(ROW_HASH).to_numpy(zero_copy_only=False)
    return Digest(
        len(hashes), int(hashes.sum(dtype=np.uint64)), int(np.bitwise_xor.reduce(hashes)) if len(hashes) else 0
    )


def of_slice(engine: Engine, piece: Slice) -> Digest:
    """Of one slice."""
    ((events, total, parity),) = rows(engine, _SLICE, piece.parameters())
    return Digest(int(events), int(total), int(parity))


def of_campaigns(engine: Engine, workspace: str, campaigns: Sequence[str]) -> dict[str, Digest]:
    """Of each of these campaigns that has events."""
    found = rows(engine, _CAMPAIGNS, {"workspace": workspace, "campaigns": campaigns})
    return {name: Digest(int(events), int(total), int(parity)) for name, events, total, parity in found}


def compare(source: Engine, target: Engine, piece: Slice) -> Comparison:
    """Which rows of a slice differ. Takes 25 bytes of memory for each of its rows, and some hundred for each id."""
    here, there = _pairs(source, piece), _pairs(target, piece)
    wanted, held = Counter(_rows_of(here)), Counter(_rows_of(there))
    extra = held - wanted
    ids = {name for name, _ in wanted}
    changed = {name for name, _ in extra} & ids
    return Comparison(
        missing=frozenset(name for name, _ in wanted - held),
        foreign=sum(1 for name, _ in extra if name not in ids),
        changed=len(changed),
        forgotten=len((changed & _erased(there)) - _erased(here)),
    )


def _erased(pairs: np.ndarray) -> set[bytes]:
    return {name for name, _ in _rows_of(pairs[pairs["erased"] == 1])}


def _pairs(engine: Engine, piece: Slice) -> np.ndarray:
    return np.frombuffer(engine.query(_PAIRS, piece.parameters(), "RowBinary"), dtype=_PAIR)


def _rows_of(pairs: np.ndarray) -> list[tuple[bytes, int]]:
    """Identity and checksum of each."""
    raw = np.column_stack((pairs["low"], pairs["high"])).tobytes()
    ids = [raw[at : at + 16] for at in range(0, len(raw), 16)]
    return list(zip(ids, pairs["hash"].tolist(), strict=True))
