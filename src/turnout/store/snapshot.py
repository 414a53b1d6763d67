"""The filter of known ids on disk, so that a start need not read every stored id again.

Tables of fingerprints go in, with what they cover; the same leave, or nothing where a file is missing or not as
it was written. A table that is full never changes again, so it is written once.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import xxhash

from turnout.store.durable import sync
from turnout.store.seen import WIDTH, Table, Words

_FORMAT = 1
_MANIFEST = "manifest.json"

#: Written, and added to the checksum, so many bytes at a time.
_CHUNK_BYTES = 8 * 1024 * 1024


class Shard(msgspec.Struct, frozen=True):
    """Ranges of blocks of one shard, and the tables of its replicas."""

    number: int
    tables: tuple[str, ...]
    blocks: tuple[tuple[int, int], ...]


class Coverage(msgspec.Struct, frozen=True):
    """What the ids of a snapshot are complete for: the blocks up to `block` of the table of events `table`. Of a store
    that is shared the `shards`, and of a single server when it was started, in seconds, and its last part."""

    table: str
    block: int
    shards: tuple[Shard, ...] = ()
    began_s: int = 0
    tail: str = ""


class _File(msgspec.Struct, frozen=True):
    name: str
    buckets: int
    added: int
    checksum: str


class _Manifest(msgspec.Struct, frozen=True):
    format: int
    coverage: Coverage
    files: tuple[_File, ...]


@dataclass(frozen=True)
class Loaded:
    """What was read."""

    coverage: Coverage
    tables: tuple[Table, ...]


class Snapshots:
    """The newest snapshot in a directory of its own. One thread at a time saves or loads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._written: list[tuple[Table, _File]] = []
        self._number = 0

    def load(self) -> Loaded | None:
        """The snapshot; None where there is none that is whole."""
        try:
            manifest = msgspec.json.decode((self._directory / _MANIFEST).read_bytes(), type=_Manifest)
            if manifest.format != _FORMAT:
                return None
            last = len(manifest.files) - 1
            tables = tuple(
                _read(self._directory / file.name, file, whole=number == last)
                for number, file in enumerate(manifest.files)
            )
        except (OSError, ValueError, msgspec.MsgspecError):
            return None
        self._written = list(zip(tables, manifest.files, strict=True))
        self._number = max((int(file.name.split(".")[0]) for file in manifest.files), default=0)
        return Loaded(manifest.coverage, tables)

    def drop(self) -> None:
        """Forget the snapshot: it is of a store that is no more. OSError if that can't be made sure."""
        (self._directory / _MANIFEST).unlink(missing_ok=True)
        if self._directory.is_dir():
            sync(self._directory)

    def save(self, tables: Sequence[Table], coverage: Coverage) -> None:
        """Write the tables, which may be added to meanwhile: what was added before is in it. OSError if it can't."""
        self._directory.mkdir(exist_ok=True)
        written = [(table, self._unchanged(table) or self._write(table)) for table in tables]
        manifest = _Manifest(_FORMAT, coverage, tuple(file for _, file in written))
        temporary = self._directory / f"{_MANIFEST}.new"
        with temporary.open("wb") as sink:
            sink.write(msgspec.json.encode(manifest))
            sink.flush()
            os.fsync(sink.fileno())
        temporary.replace(self._directory / _MANIFEST)
        self._written = written
        self._lay_down()
        self._sweep()

    def _lay_down(self) -> None:
        """Map what need not be in memory; where that can't be done it stays there."""
        for table, file in self._written[:-1]:
            if not table.laid_down:
                with contextlib.suppress(OSError):
                    table.lay_down(_mapped(self._directory / file.name, table.buckets * WIDTH))

    def _unchanged(self, table: Table) -> _File | None:
        """The file that holds the table as it is."""
        return next((file for one, file in self._written if one is table and file.added == table.added), None)

    def _write(self, table: Table) -> _File:
        self._number += 1
        name, added, digest = f"{self._number}.ids", table.added, xxhash.xxh3_128()
        with (self._directory / name).open("wb") as sink:
            # In this order: a place that is said to be used may still be empty here, but never the other way round.
            for array in (table.high, table.low, table.used):
                whole = array.data.cast("B")
                for at in range(0, len(whole), _CHUNK_BYTES):
                    part = bytes(whole[at : at + _CHUNK_BYTES])
                    digest.update(part)
                    sink.write(part)
            sink.flush()
            os.fsync(sink.fileno())
        return _File(name, table.buckets, added, digest.hexdigest())

    def _sweep(self) -> None:
        """Remove what the manifest does not name."""
        named = {file.name for _, file in self._written}
        for path in self._directory.glob("*.ids"):
            if path.name not in named:
                with contextlib.suppress(OSError):
                    path.unlink()


def _read(path: Path, file: _File, *, whole: bool) -> Table:
    """The table of a file, with `low` in memory or mapped; OSError or ValueError where it isn't what was written."""
    places, digest = file.buckets * WIDTH, xxhash.xxh3_128()
    if path.stat().st_size != 4 * places + file.buckets:
        raise ValueError(f"{file.name} is not as long as it was written")
    with path.open("rb") as source:
        high = np.fromfile(source, "<u2", places)
        digest.update(high.data.cast("B"))
        if whole:
            low = np.fromfile(source, "<u2", places)
            digest.update(low.data.cast("B"))
        else:
            low = _mapped(path, places)
            for at in range(0, 2 * places, _CHUNK_BYTES):
                digest.update(source.read(min(_CHUNK_BYTES, 2 * places - at)))
        used = np.fromfile(source, np.uint8, file.buckets)
        digest.update(used.data)
    if digest.hexdigest() != file.checksum:
        raise ValueError(f"{file.name} is not as it was written")
    table = Table(high, low, used, file.added)
    table.laid_down = not whole
    return table


def _mapped(path: Path, places: int) -> Words:
    """`low` of a table's file, read where it is looked at."""
    return np.asarray(np.memmap(path, "<u2", mode="r", offset=2 * places, shape=(places,)))
