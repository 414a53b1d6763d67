"""Which ids have surely never been stored: a bloom filter in memory, in front of the exact look-up.

Nearly every arriving event is new. The filter says so without asking the store; for the rest (real
duplicates, and about one new id in a thousand) the store decides. It never says "new" of a stored id:
until it has read every stored id it says nothing at all.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

_PROBES = 6
_BITS_PER_ID = 16

Words = npt.NDArray[np.uint64]


class Seen:
    """A filter for at least `capacity_ids` ids, two bytes each; it grows more doubtful past that, never wrong.

    Safe to use from any thread: bits are only ever set, so who asks beside an `add` misses nothing older.
    """

    def __init__(self, capacity_ids: int) -> None:
        words = 1 << max(10, (-(-capacity_ids * _BITS_PER_ID // 64) - 1).bit_length())
        self._words: Words = np.zeros(words, dtype=np.uint64)
        self._lock = threading.Lock()
        self.capacity_ids = words * 64 // _BITS_PER_ID
        self.added = 0

    def add(self, digests: bytes) -> None:
        """Remember ids: 16 bytes each, end to end."""
        where, bits = self._probes(digests)
        with self._lock:
            for probe, bit in zip(where, bits, strict=True):
                np.bitwise_or.at(self._words, probe, bit)
            self.added += len(digests) // 16

    def maybe(self, digests: bytes) -> npt.NDArray[np.bool_]:
        """For each id, False if it was surely never added."""
        where, bits = self._probes(digests)
        answer: npt.NDArray[np.bool_] = ((self._words[where] & bits) != 0).all(axis=0)
        return answer

    def _probes(self, digests: bytes) -> tuple[npt.NDArray[np.int64], Words]:
        """Word index and bit of each probe: arrays of shape (probes, ids), by double hashing."""
        halves = np.frombuffer(digests, dtype="<u8").reshape(-1, 2)
        first, step = halves[:, 0], halves[:, 1] | np.uint64(1)
        at = first[None, :] + step[None, :] * np.arange(_PROBES, dtype=np.uint64)[:, None]
        # The low bits choose the bit, the rest the word; both come from one well-mixed number.
        word = (at >> np.uint64(6)) & np.uint64(len(self._words) - 1)
        return word.astype(np.int64), np.left_shift(np.uint64(1), at & np.uint64(63))


def fill(seen: Seen, chunks: Iterable[bytes]) -> None:
    """Add every id of the chunks, each a whole number of 16-byte ids."""
    for chunk in chunks:
        if chunk:
            seen.add(chunk)
