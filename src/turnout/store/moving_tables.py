"""The small tables that are moved beside the events: the registry and the dead letters, by their newest versions.

Two engines come in; the target's table says for every record of the source what the source says when `copy` returns.
Records that only the target has stay there.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pyarrow as pa

from turnout import sql
from turnout.errors import Conflict
from turnout.model import Workspace
from turnout.store.engine import Engine, rows

#: Rows and bytes of one insert.
_BLOCK_ROWS = 50_000
_BLOCK_BYTES = 32 * 1024 * 1024

_HELPERS = ("row_key", "row_hash")

_CATALOG_DIGEST = """
SELECT count(), sum(cityHash64(kind, workspace, id, body, deleted)) FROM catalog FINAL
"""
_WORKSPACES = "SELECT body FROM catalog FINAL WHERE kind = 'workspace' AND deleted = 0"


@dataclass(frozen=True)
class Table:
    """A table of versioned records; `query` gives the newest of each with `row_key`, `row_hash` and `version`."""

    name: str
    query: str = field(repr=False)


CATALOG = Table("catalog", sql.query("moving_catalog"))
LETTERS = Table("deadletters", sql.query("moving_deadletters"))


@dataclass(frozen=True)
class Copied:
    """So many records the source has, and so many of them had to be written."""

    records: int
    written: int


def lineage(engine: Engine) -> str:
    """What tells a store from others: when its first workspace was made, and how it is called; empty for none.

    A copy, a restored backup and a moved store have that of the store that they come from.
    """
    found = [msgspec.json.decode(body, type=Workspace) for (body,) in rows(engine, _WORKSPACES)]
    if not found:
        return ""
    first = min(found, key=lambda one: (one.created_at, one.id))
    return hashlib.blake2b(f"{first.created_at.isoformat()} {first.id}".encode(), digest_size=12).hexdigest()


def catalog_digest(engine: Engine) -> str:
    """What the registry says, as one word."""
    ((count, total),) = rows(engine, _CATALOG_DIGEST)
    return f"{count}-{int(total):016x}"


def differing(source: Engine, target: Engine, table: Table) -> int:
    """How many records of the source the target lacks, or has in another version."""
    held = _held(target, table)
    return sum(int(np.count_nonzero(_wanted(batch, held)[0])) for batch in source.batches(table.query))


def copy(source: Engine, target: Engine, table: Table, *, overwrite: bool, report: Callable[[int], None]) -> Copied:
    """Write what the target lacks, or has in an older version.

    Conflict where a record of the target differs and is not older: it was changed there. With `overwrite` the source's
    takes its place all the same. `report` is told how many records were looked at.
    """
    held = _held(target, table)
    newest = int(held.versions.max(initial=0))
    seen = written = 0
    block: list[pa.RecordBatch] = []
    with contextlib.closing(source.batches(table.query)) as batches:  # type: ignore[type-var]
        for batch in batches:
            wanted, newer = _wanted(batch, held)
            if not overwrite and bool(np.any(wanted & ~newer)):
                raise Conflict(
                    f"the target's {table.name} was changed since it was moved",
                    hint="--overwrite lets the source have the last word",
                )
            seen += batch.num_rows
            if wanted.any():
                lifted = _lifted(batch, wanted & ~newer, newest)
                block.append(lifted.filter(pa.array(wanted)).drop_columns(list(_HELPERS)))
            if sum(one.num_rows for one in block) >= _BLOCK_ROWS or sum(one.nbytes for one in block) >= _BLOCK_BYTES:
                written += _write(target, table, block)
                block = []
            report(seen)
    return Copied(seen, written + _write(target, table, block))


@dataclass(frozen=True)
class _Held:
    """What the target has: keys in order, and the checksum and version of each."""

    keys: np.ndarray
    hashes: np.ndarray
    versions: np.ndarray


def _held(target: Engine, table: Table) -> _Held:
    columns: list[list[np.ndarray]] = [[], [], []]
    for batch in target.batches(f"SELECT row_key, row_hash, version FROM ({_bare(table.query)})"):
        for column, name in zip(columns, ("row_key", "row_hash", "version"), strict=True):
            column.append(batch.column(name).to_numpy(zero_copy_only=False))
    keys, hashes, versions = (np.concatenate(column) for column in columns)
    order = np.argsort(keys)
    return _Held(keys[order], hashes[order], versions[order])


def _bare(query: str) -> str:
    """A query without its own settings, to be asked within another."""
    return query.partition("\nSETTINGS ")[0]


def _wanted(batch: pa.RecordBatch, held: _Held) -> tuple[np.ndarray, np.ndarray]:
    """Which records are to be written, and which are newer than what the target has (or new to it)."""
    keys, hashes, versions = (
        batch.column(name).to_numpy(zero_copy_only=False) for name in ("row_key", "row_hash", "version")
    )
    if not len(held.keys):
        return np.ones(len(keys), bool), np.ones(len(keys), bool)
    at = np.minimum(np.searchsorted(held.keys, keys), len(held.keys) - 1)
    known = held.keys[at] == keys
    same = known & (held.hashes[at] == hashes)
    return ~same, ~known | (versions > held.versions[at])


def _lifted(batch: pa.RecordBatch, these: np.ndarray, newest: int) -> pa.RecordBatch:
    """With versions above all of the target's, where the source's own would not be."""
    if not these.any():
        return batch
    versions = batch.column("version").to_numpy(zero_copy_only=False)
    raised = pa.array(np.where(these, np.uint64(newest + 1), versions), pa.uint64())
    return batch.set_column(batch.schema.get_field_index("version"), "version", raised)


def _write(target: Engine, table: Table, block: list[pa.RecordBatch]) -> int:
    if not block:
        return 0
    whole = pa.Table.from_batches(block)
    target.insert(table.name, whole)
    return int(whole.num_rows)
