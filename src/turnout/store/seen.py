"""Which ids have surely never been stored: fingerprints in memory, in front of the exact look-up.

Ids enter, 16 bytes each; for each, whether it may have been added before leaves. Nearly every arriving event is
new, and this says so without asking the store; for the rest (real duplicates, and hardly ever a new one)
the store decides.

A `Table` keeps 32 bits of each id's hash in a bucket of 32; a bucket that has no room sends ids on to the next.
Full, it takes 4.8 bytes an id and doubts about one new id in a hundred million. That is worth its bytes: a doubt
costs a look into the whole store, 0.2 s of CPU at 100 million events. Half of them are seldom looked at, so they need
not be in memory (`lay_down`). `Seen` is a row of tables: when the last is full another begins, so nothing is read
again to grow.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

ID_BYTES = 16

#: Places of a bucket.
WIDTH = 32
_LOAD = 0.85

#: How full a bucket is that has sent ids on.
_OVERFLOWED = WIDTH + 1

#: Ids looked at together: few enough that a copy of their buckets stays in the cache.
_CHUNK_IDS = 4096

#: A new table doubles what there is, within these bounds: few tables to look into, little that is empty.
_SMALLEST_IDS = 4_000_000
_LARGEST_IDS = 32_000_000

Mask = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]
_Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint16]
_Places = npt.NDArray[np.intp]


def hashes(digests: bytes) -> Hashes:
    """A well-mixed number of each id. Ids need not look random: exported ones may be anything."""
    halves = np.frombuffer(digests, dtype="<u8").reshape(-1, 2)
    mixed = halves[:, 0] + halves[:, 1] * np.uint64(0x9E3779B97F4A7C15)
    for _ in range(2):
        mixed ^= mixed >> np.uint64(32)
        mixed *= np.uint64(0xD6E8FEB86659FD93)
    mixed ^= mixed >> np.uint64(32)
    return mixed


class Table:
    """Fingerprints of ids. One thread adds at a time; any may ask meanwhile, and misses nothing that was added before.

    `high` and `low` are bits 0-15 and 16-31 of the fingerprints, `used` says how full each bucket is. An empty
    place is zero in `high`, as no fingerprint is.
    """

    def __init__(self, high: Words, low: Words, used: _Bytes, added: int) -> None:
        self.high, self.low, self.used = high, low, used
        self.added = added
        self.laid_down = False
        self.buckets = len(used)
        self.capacity_ids = int(self.buckets * WIDTH * _LOAD)
        self._rows = high.reshape(self.buckets, WIDTH)

    @classmethod
    def empty(cls, ids: int) -> Table:
        """A table with room for at least `ids`."""
        buckets = int(ids / (WIDTH * _LOAD)) + 1
        return cls(
            np.zeros(buckets * WIDTH, np.dtype("<u2")),
            np.zeros(buckets * WIDTH, np.dtype("<u2")),
            np.zeros(buckets, np.uint8),
            0,
        )

    @property
    def room_ids(self) -> int:
        """How many more ids it is meant for."""
        return max(self.capacity_ids - self.added, 0)

    @property
    def resident_bytes(self) -> int:
        """Memory that it takes."""
        return self.high.nbytes + self.used.nbytes + (0 if self.laid_down else self.low.nbytes)

    def lay_down(self, low: Words) -> None:
        """Take the same `low` from elsewhere, such as a mapped file. Nothing may be added after this.

        It is looked at where `high` has a match: for one new id in two thousand, and for those that come again.
        """
        self.low, self.laid_down = low, True

    def add(self, hashed: Hashes) -> None:
        """Remember ids, no more than there is room for."""
        for at in range(0, len(hashed), _CHUNK_IDS):
            bucket, high, low = self._placed(hashed[at : at + _CHUNK_IDS])
            while len(bucket):
                bucket, high, low = self._store(bucket, high, low)
        self.added += len(hashed)

    def maybe(self, hashed: Hashes) -> Mask:
        """For each id, False if it was surely never added."""
        answer = np.zeros(len(hashed), np.bool_)
        for at in range(0, len(hashed), _CHUNK_IDS):
            bucket, high, low = self._placed(hashed[at : at + _CHUNK_IDS])
            who = np.arange(at, at + len(bucket))
            while len(who):
                found = self._holds(bucket, high, low)
                answer[who[found]] = True
                onward = np.flatnonzero((self.used.take(bucket) == _OVERFLOWED) & ~found)
                who, high, low = who.take(onward), high.take(onward), low.take(onward)
                bucket = self._next(bucket.take(onward))
        return answer

    def _placed(self, hashed: Hashes) -> tuple[_Places, Words, Words]:
        """The bucket of each id (from the upper half of its hash) and its fingerprint (from the lower)."""
        bucket = ((hashed >> np.uint64(32)) * np.uint64(self.buckets) >> np.uint64(32)).astype(np.intp)
        high = hashed.astype(np.uint16)
        high[high == 0] = 1
        return bucket, high, (hashed >> np.uint64(16)).astype(np.uint16)

    def _next(self, bucket: _Places) -> _Places:
        bucket = bucket + 1
        bucket[bucket == self.buckets] = 0
        return bucket

    def _holds(self, bucket: _Places, high: Words, low: Words) -> Mask:
        """Whether each bucket has the fingerprint."""
        same = self._rows.take(bucket, axis=0) == high[:, None]
        # The 32 answers of a bucket are looked at as four words.
        words = same.view(np.uint64)
        found: Mask = ((words[:, 0] | words[:, 1]) | (words[:, 2] | words[:, 3])) != 0
        half = np.flatnonzero(found)
        if len(half):
            found[half] = False
            row, place = np.nonzero(same.take(half, axis=0))
            who = half.take(row)
            found[who[self.low.take(bucket.take(who) * WIDTH + place) == low.take(who)]] = True
        return found

    def _store(self, bucket: _Places, high: Words, low: Words) -> tuple[_Places, Words, Words]:
        """Put each id into its bucket, if it has room; what must be tried again leaves, with the bucket to try.

        Ids that want the same place overwrite one another, and those that lost try again.
        """
        used = self.used.take(bucket)
        crowded = used >= WIDTH
        self.used[bucket[crowded]] = _OVERFLOWED
        fits = np.flatnonzero(~crowded)
        here, level = bucket.take(fits), used.take(fits)
        place = here * WIDTH + level
        self.high[place], self.low[place] = high.take(fits), low.take(fits)
        # Only now: whoever writes a table out while ids are added writes this last, so what it says is used is.
        self.used[here] = level + 1
        lost = (self.high.take(place) != high.take(fits)) | (self.low.take(place) != low.take(fits))
        again = crowded
        again[fits[lost]] = True
        left = np.flatnonzero(again)
        onward = bucket.take(left)
        return np.where(used.take(left) >= WIDTH, self._next(onward), onward), high.take(left), low.take(left)


class Seen:
    """A row of tables, which another joins when the last is full. Safe to use from any thread."""

    def __init__(self, capacity_ids: int = 0, tables: Sequence[Table] = ()) -> None:
        self.tables: tuple[Table, ...] = tuple(tables) or (Table.empty(max(capacity_ids, _SMALLEST_IDS)),)
        self._lock = threading.Lock()

    @property
    def added(self) -> int:
        """How many ids were added."""
        return sum(table.added for table in self.tables)

    @property
    def capacity_ids(self) -> int:
        """How many ids there is room for now; it grows."""
        return sum(table.capacity_ids for table in self.tables)

    @property
    def resident_bytes(self) -> int:
        """Memory that the tables take."""
        return sum(table.resident_bytes for table in self.tables)

    def add(self, digests: bytes) -> None:
        """Remember ids: 16 bytes each, end to end."""
        self._add(hashes(digests))

    def add_unseen(self, digests: bytes) -> None:
        """The same where many of them may be remembered already: each takes its room once."""
        hashed = hashes(digests)
        self._add(hashed[~self._maybe(hashed)])

    def _add(self, hashed: Hashes) -> None:
        with self._lock:
            while len(hashed):
                table = self.tables[-1]
                now = hashed[: table.room_ids]
                table.add(now)
                hashed = hashed[len(now) :]
                if len(hashed):
                    ids = min(max(self.capacity_ids, _SMALLEST_IDS), _LARGEST_IDS)
                    self.tables = (*self.tables, Table.empty(ids))

    def maybe(self, digests: bytes) -> Mask:
        """For each id, False if it was surely never added."""
        return self._maybe(hashes(digests))

    def _maybe(self, hashed: Hashes) -> Mask:
        # The youngest first: what comes again mostly does so soon.
        tables = self.tables
        answer = tables[-1].maybe(hashed)
        for table in reversed(tables[:-1]):
            left = np.flatnonzero(~answer)
            answer[left] = table.maybe(hashed.take(left))
        return answer
