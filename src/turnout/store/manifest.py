"""What a backup says of itself: `manifest.json`, and the checksum of every file in `SHA256SUMS`.

A directory comes in; a `Manifest` that can be trusted, or an error that says what is wrong with it, leaves. The
checksums are in the form of `sha256sum`, so that a backup can be proved without Turnout too:
`cd BACKUP && sha256sum --check --quiet SHA256SUMS`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from turnout import sql
from turnout.errors import InvalidInput, NotFound, SchemaTooNew
from turnout.store.durable import sync

#: Of the directory's layout. A Turnout reads this one and older ones.
FORMAT = 1

MANIFEST, SUMS = "manifest.json", "SHA256SUMS"
#: The engine's own backup, below the directory.
CONTENT = "store"

#: The manifest is read whole; it has a line a table.
_MANIFEST_LIMIT_BYTES = 1 << 20

#: Bytes done, bytes in all.
Report = Callable[[int, int], None]


class Base(msgspec.Struct, frozen=True):
    """The whole backup that an increment adds to: its `id`, and where it was when the increment was made."""

    id: str
    path: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A backup. `tables` maps the tables that have data to their rows; `definitions` are kept without any."""

    format: int = FORMAT
    id: str
    turnout: str
    engine: str
    schema: int
    taken_at: dt.datetime
    database: str
    tables: dict[str, int]
    definitions: tuple[str, ...]
    #: Of the data, as the store holds it; an increment is smaller by what its base has.
    data_bytes: int
    #: Disk of a ClickHouse server that holds the content, under the name `id`; empty where it lies beside this.
    disk: str = ""
    base: Base | None = None
    #: Parts of a table that could not be read through when they were copied, where there are any.
    damaged: dict[str, int] = {}

    @property
    def events(self) -> int:
        """How many events it holds."""
        return self.tables.get("events", 0)


def read(directory: Path) -> Manifest:
    """The manifest of a finished backup. NotFound, InvalidInput or SchemaTooNew where there is none to be used."""
    path = directory / MANIFEST
    if not path.is_file():
        raise NotFound(f"there is no backup in {directory}: {MANIFEST} is missing", hint="turnout backup DIR makes one")
    with path.open("rb") as file:
        raw = file.read(_MANIFEST_LIMIT_BYTES)
    try:
        # Its format first: what else a newer one says is not for this program to read.
        number = msgspec.json.decode(raw, type=dict[str, msgspec.Raw]).get("format", msgspec.Raw(b"0"))
        newer = msgspec.json.decode(number, type=int) > FORMAT
        manifest = None if newer else msgspec.json.decode(raw, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidInput(f"the backup in {directory} is damaged: {MANIFEST}: {error}") from None
    newest = sql.migrations()[-1].number
    if manifest is None or manifest.schema > newest:
        made = "a format" if manifest is None else f"schema {manifest.schema} (made by Turnout {manifest.turnout})"
        raise SchemaTooNew(
            f"the backup in {directory} has {made} that this Turnout does not know", hint="restore with a newer Turnout"
        )
    return manifest


def write(directory: Path, manifest: Manifest, report: Report = lambda done, total: None) -> None:
    """Add the manifest and the checksums of every file below `directory`, and see that all of it is on disk."""
    (directory / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    names = list(files(directory))
    total = sum((directory / name).stat().st_size for name in names)
    done = 0
    with (directory / SUMS).open("w", encoding="utf-8") as sums:
        for name in names:
            with (directory / name).open("rb") as file:
                sums.write(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {name}\n")
                done += file.tell()
                os.fsync(file.fileno())
            report(done, total)
        sums.flush()
        os.fsync(sums.fileno())
    for path in [directory, *directory.rglob("*")]:
        if path.is_dir():
            sync(path)


def verify(directory: Path, report: Report = lambda done, total: None) -> None:
    """Hold every file against its checksum. InvalidInput names the first one that is missing, changed or too many."""
    expected = _sums(directory)
    found = set(files(directory)) - {SUMS}
    for words, names in (("is missing", expected.keys() - found), ("is not listed", found - expected.keys())):
        if names:
            raise _damaged(directory, f"{min(names)} {words}")
    total = sum((directory / name).stat().st_size for name in expected)
    done = 0
    for name, digest in expected.items():
        with (directory / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                raise _damaged(directory, f"{name} is not what was written")
            done += file.tell()
        report(done, total)


def files(directory: Path) -> Iterator[str]:
    """Every file below `directory`, in order, as a path relative to it with forward slashes."""
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            yield path.relative_to(directory).as_posix()


def _sums(directory: Path) -> dict[str, str]:
    try:
        lines = (directory / SUMS).read_text(encoding="utf-8").splitlines()
        pairs = [line.split("  ", 1) for line in lines]
        return {name: digest for digest, name in pairs}
    except FileNotFoundError:
        raise _damaged(directory, f"{SUMS} is missing") from None
    except ValueError:
        raise _damaged(directory, f"{SUMS} can't be read") from None


def _damaged(directory: Path, what: str) -> InvalidInput:
    return InvalidInput(f"the backup in {directory} is damaged: {what}", hint="use another backup; this one is no use")
