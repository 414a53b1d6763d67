"""What of the store's ids was read already, where other processes write them: blocks in, ids that were not read out.

An insert is a part whose block has a number in its shard; a merged part is named after the first and the last block
that it is made of, and has all that there are in between. So what was read is ranges of blocks for each shard, and a
part is new unless one range holds it whole.

On a single server blocks become visible in the order of their numbers, so what was read is one range. On a cluster they
need not: a block may be seen later than one with a higher number, or on another replica only. A gap stays one there,
unless a mutation has taken the number, and a part that was merged across a gap is read once more.

Numbers begin anew with another table, or where a single server was started again without its last parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import pyarrow as pa

from turnout import sql
from turnout.store.engine import Engine, Value, rows
from turnout.store.seen import ID_BYTES

_NEW = sql.query("known_new")
_ALL = sql.query("known_all")
_STATE = sql.query("known_state")
_STATES = sql.query("known_states")
_DATABASE = "SELECT currentDatabase()"

#: Ranges that are remembered of a shard: there are hardly more than parts. Beyond that the shortest are read again.
_LIMIT_RANGES = 3000

#: By how much the moment of a server's start may seem to move: its clock and its uptime are whole seconds.
_SAME_START_S = 3

#: First and last block, both of them included.
Range = tuple[int, int]


@dataclass(frozen=True)
class Ids:
    """Some ids, end to end, and the parts that they were read from, each with its shard's number."""

    digests: bytes
    parts: frozenset[tuple[int, str]]


@dataclass(frozen=True)
class Blocks:
    """The blocks that were read, by shard; the number of a single server is 0."""

    ranges: Mapping[int, tuple[Range, ...]] = field(default_factory=dict)

    def last(self, shard: int) -> int:
        """The highest block that was read of a shard."""
        return max((high for _, high in self.ranges.get(shard, ())), default=0)

    def joined(self, parts: Iterable[tuple[int, str]]) -> Blocks:
        """These, and the blocks of the parts that one statement has read, to its end."""
        ranges = {shard: list(theirs) for shard, theirs in self.ranges.items()}
        for shard, part in parts:
            # partition_first_last_level, and a mutation's number behind it.
            _, first, last, *_ = part.split("_")
            # A number is given and its block made visible under one lock of a server: all before it were there.
            ranges.setdefault(shard, []).append((int(first) if shard else 0, int(last)))
        return Blocks({shard: _without_seams(theirs) for shard, theirs in ranges.items()})

    def passing(self, numbers: Mapping[int, frozenset[int]]) -> Blocks:
        """The same without the gaps that are numbers of no block."""
        ranges = {
            shard: _without_seams([*theirs, *((one, one) for one in numbers.get(shard, ()))])
            for shard, theirs in self.ranges.items()
        }
        return Blocks(ranges)

    def parameters(self, limit: int) -> dict[str, Value]:
        """What the statement is asked with."""
        every = [(shard, low, high) for shard, theirs in self.ranges.items() for low, high in theirs]
        return {
            "shards": [shard for shard, _, _ in every],
            "lows": [low for _, low, _ in every],
            "highs": [high for _, _, high in every],
            "limit": limit,
        }


@dataclass(frozen=True)
class State:
    """What numbers of blocks mean just now: the tables of each shard, and its last block. Of a cluster also the numbers
    of mutations; of a single server when it was started, in seconds, its last part, and whether the one that was the
    last before is there."""

    tables: Mapping[int, frozenset[str]]
    last: Mapping[int, int]
    mutations: Mapping[int, frozenset[int]] = field(default_factory=dict)
    began_s: int = 0
    tail: str = ""
    is_tail_there: bool = True

    def after(self, before: State | None) -> State:
        """The same, with the tables of replicas that did not answer this time."""
        if before is None:
            return self
        both = {shard: self.tables.get(shard, frozenset()) | tables for shard, tables in before.tables.items()}
        return replace(self, tables={**self.tables, **both})


def database_of(engine: Engine) -> str:
    """The database that the engine speaks to: a node that is asked by another one takes its own for the current one."""
    return str(rows(engine, _DATABASE)[0][0])


def state_of(engine: Engine, database: str, tail: str = "") -> State:
    """The state of the store; `tail` is what the last part was before."""
    if engine.placement is not None:
        found = rows(engine, _STATES, {"cluster": engine.placement.cluster, "database": database})
        return State(
            {int(shard): frozenset(tables) for shard, tables, _, _ in found},
            {int(shard): int(last) for shard, _, last, _ in found},
            {int(shard): frozenset(map(int, numbers)) for shard, _, _, numbers in found},
        )
    ((table, last, began_s, now_tail, is_there),) = rows(engine, _STATE, {"database": database, "tail": tail})
    tables = {0: frozenset([str(table)])}
    return State(tables, {0: int(last)}, began_s=int(began_s), tail=str(now_tail), is_tail_there=bool(is_there))


def is_anew(before: State, now: State, read: Blocks) -> bool:
    """Whether numbers that were read may have been given once more since `before`."""
    for shard, tables in now.tables.items():
        known = before.tables.get(shard, frozenset())
        if known and tables and not known & tables:
            return True
        # Numbers that Keeper gives go on, whatever is dropped; those of a table that is restored there begin again.
        # By half, since the replica that was ahead may be away.
        if shard and now.last[shard] < read.last(shard) // 2:
            return True
    # A server counts on from its last part when it is started, and for as long as it runs from the last number.
    was_restarted = abs(now.began_s - before.began_s) > _SAME_START_S
    return was_restarted and (now.last[0] < read.last(0) or (bool(before.tail) and not now.is_tail_there))


def new_ids(engine: Engine, read: Blocks, limit: int) -> tuple[Ids, bool]:
    """The ids of parts that were not read, in memory; and whether these are all, since there are at most `limit`."""
    answer = engine.query(_NEW, read.parameters(limit), "ArrowStream")
    batches = [_ids(batch) for batch in pa.ipc.open_stream(answer)] if answer else []
    found = Ids(b"".join(one.digests for one in batches), frozenset().union(*(one.parts for one in batches)))
    return found, len(found.digests) < limit * ID_BYTES


def stream_ids(engine: Engine, read: Blocks) -> Iterator[Ids]:
    """The same as a stream, however many there are. Only what was read to its end may be joined."""
    if not read.ranges:
        batches = engine.batches(_ALL)
    else:
        batches = engine.batches(_NEW, read.parameters(2**63))
    return map(_ids, batches)


def count_ids(engine: Engine) -> int:
    """How many are stored."""
    return int(rows(engine, "SELECT count() FROM events")[0][0])


def _ids(batch: pa.RecordBatch) -> Ids:
    column = batch.column("id")
    digests = column.buffers()[1].slice(column.offset * ID_BYTES, len(column) * ID_BYTES).to_pybytes()
    parts = pa.Table.from_batches([batch]).group_by(["shard", "part"], use_threads=False).aggregate([])
    return Ids(digests, frozenset(zip(parts["shard"].to_pylist(), map(_text, parts["part"].to_pylist()), strict=True)))


def _text(name: str | bytes) -> str:
    # Servers say strings as either.
    return name.decode() if isinstance(name, bytes) else name


def _without_seams(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """The same blocks in as few ranges as there can be."""
    joined: list[Range] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(joined[-1][1], high)
        else:
            joined.append((low, high))
    if len(joined) > _LIMIT_RANGES:
        joined = sorted(sorted(joined, key=lambda one: one[0] - one[1])[:_LIMIT_RANGES])
    return tuple(joined)
