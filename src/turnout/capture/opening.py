"""A user's file, opened: whatever it is packed in, plain bytes come out, and what they seem to be.

A path (`-` is stdin) enters; a `Source` leaves. The content decides, not the name: gzip and zstd are
known by their first bytes, and so is Parquet; the name's ending only tells CSV from JSON where the
content could be either.
"""

from __future__ import annotations

import gzip
import io
import os
import sys
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

from turnout.errors import InvalidInput, TurnoutError, UnsupportedFormat

FORMATS = ("ndjson", "json", "csv", "parquet")

_GZIP, _ZSTD, _PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"
_BOM = b"\xef\xbb\xbf"
_BUFFER_BYTES = 1 << 18
_ENDINGS = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}


@dataclass
class Source:
    """An opened file: its `name` for messages, plain bytes to `read`, and how far along the file itself is.

    `size_bytes` is of the file as it lies there, packed; None if unknown (a pipe). `position` is in the same
    bytes. `packed` streams can't seek.
    """

    name: str
    stream: io.BufferedReader[Any]
    format: str
    size_bytes: int | None
    position: Callable[[], int]
    packed: bool

    def close(self) -> None:
        """Close the file."""
        self.stream.close()


def open_source(path: str, form: str = "") -> Source:
    """Open a file and find out its format (unless `form` says it). InvalidInput, UnsupportedFormat or OSError."""
    raw: BinaryIO
    if path == "-":
        raw, name = io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False), _BUFFER_BYTES), "stdin"
    else:
        if Path(path).is_dir():
            raise InvalidInput(f"{path} is a directory", hint="name files: turnout import DIR/*.ndjson")
        raw, name = open(path, "rb"), path  # noqa: SIM115 - closed by the Source
    if form and form not in FORMATS:
        raw.close()
        raise UnsupportedFormat(f"no format '{form}'", field="--format", hint=f"there are {', '.join(FORMATS)}")
    file = _Counted(raw)
    try:
        stream, is_packed = _unpacked(io.BufferedReader(file, _BUFFER_BYTES), name)
        return Source(name, stream, form or _format_of(stream, name), _size(raw), file.position, is_packed)
    except TurnoutError:
        raw.close()
        raise


def seekable(source: Source) -> BinaryIO:
    """The source as a file that can seek (Parquet begins at its end); pipes and packed files go to a temporary one."""
    if not source.packed and source.stream.seekable():
        return source.stream
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed by whoever reads it
    while block := read_block(source, _BUFFER_BYTES):
        copy.write(block)
    copy.seek(0)
    return copy


def read_block(source: Source, size: int) -> bytes:
    """Up to `size` plain bytes. InvalidInput if the packing is broken."""
    try:
        return source.stream.read(size)
    except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
        raise broken(source.name, error) from None


def broken(name: str, error: Exception) -> InvalidInput:
    """A packed file that can't be unpacked to its end."""
    return InvalidInput(f"{name}: broken or cut short: {error}", hint="get it again; what is in already counts once")


class _Counted(io.RawIOBase):
    """A file that knows how much of it was read."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._read_bytes = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._raw.seekable()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        block = self._raw.read(len(buffer))
        buffer[: len(block)] = block
        self._read_bytes += len(block)
        return len(block)

    def position(self) -> int:
        return self._read_bytes

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Zstd(io.RawIOBase):
    """Frames of zstd, unpacked as they are read. One that ends too early is an error, not an end."""

    def __init__(self, packed: io.BufferedReader[Any]) -> None:
        self._packed = packed
        self._opener = _zstd_opener()
        self._rest = b""
        self._ready = b""
        self._inside = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready:
            block = self._rest or self._packed.read1(65_536)
            self._rest = b""
            if not block:
                if self._inside:
                    raise EOFError("it ends too early")
                return 0
            self._ready = self._opener.decompress(block)
            self._inside = True
            if self._opener.eof:
                self._rest = self._opener.unused_data
                self._opener = _zstd_opener()
                self._inside = False
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def close(self) -> None:
        if not self.closed:
            self._packed.close()
        super().close()


def _zstd_opener() -> zstandard.ZstdDecompressionObj:
    return zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()


def _unpacked(packed: io.BufferedReader[Any], name: str) -> tuple[io.BufferedReader[Any], bool]:
    start = packed.peek(4)[:4]
    if start.startswith(_GZIP):
        return io.BufferedReader(gzip.GzipFile(fileobj=packed, mode="rb"), _BUFFER_BYTES), True
    if start.startswith(_ZSTD):
        return io.BufferedReader(_Zstd(packed), _BUFFER_BYTES), True
    if start.startswith((b"PK\x03\x04", b"BZh", b"\xfd7zXZ")):
        raise UnsupportedFormat(
            f"{name}: zip, bzip2 and xz are not read", hint="unpack it, or pack it with gzip or zstd"
        )
    return packed, False


def _format_of(stream: io.BufferedReader[Any], name: str) -> str:
    try:
        start = stream.peek(65_536)
    except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
        raise broken(name, error) from None
    if start.startswith(_PARQUET):
        return "parquet"
    endings = [ending for ending in reversed(Path(name).suffixes) if ending not in (".gz", ".zst", ".gzip", ".zstd")]
    by_name = _ENDINGS.get(endings[0].lower(), "") if endings else ""
    text = start.removeprefix(_BOM).lstrip()
    if by_name == "csv" or (not by_name and text[:1] not in (b"[", b"{")):
        return "csv"
    if text[:1] == b"[":
        return "json"
    # One object a line, or objects spread over lines: the first line shows it.
    line = text.split(b"\n", 1)[0].rstrip()
    if by_name == "ndjson" or line.endswith(b"}") or len(line) == len(text):
        return "ndjson"
    return "json"


def _size(raw: BinaryIO) -> int | None:
    if not raw.seekable():
        return None
    return os.fstat(raw.fileno()).st_size
