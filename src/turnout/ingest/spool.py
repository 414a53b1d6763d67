"""The spool: what was acknowledged and is not in the store yet, on disk, in the order it came.

Payloads go in by `append` and are on disk when it returns; `read` gives them back in the same order, and
`forget` lets go of what the store holds. The files are segments of frames:

    magic 8 | position 8 | stored 8 | length 8 | checksum of the payload 8 | checksum of these 40 bytes 8 | payload

Positions count from 1. `stored` is what the store held when the frame was written, so that a restart looks
again only at what may be missing. An append that was cut short was never acknowledged, and is cut off at the
next start. Anything else that does not fit its checksum is damage: the segment is kept aside, what is whole
in it is served, and `damage` says what is not.
"""

from __future__ import annotations

import logging
import os
import struct
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import xxhash

from turnout.errors import Overloaded
from turnout.store.durable import sync

log = logging.getLogger(__name__)

Payload = bytes | bytearray | memoryview

_MAGIC = b"TURNOUT1"
_HEAD = struct.Struct("<8sQQQQ")
_CHECK = struct.Struct("<Q")
_FRAME_BYTES = _HEAD.size + _CHECK.size

#: A segment is given up when it is this large and everything in it is stored.
SEGMENT_BYTES = 64 * 1024 * 1024

_DAMAGED = "damaged"


@dataclass(frozen=True)
class Damage:
    """A part of a segment that is not what was written: at least one acknowledged group may be in it."""

    file: str
    offset: int
    bytes: int


@dataclass(frozen=True)
class Frame:
    """Where a payload is."""

    position: int
    segment: Path
    offset: int
    length: int


class Spool:
    """A directory of segments. One thread appends, one reads and forgets; both at once is fine.

    `limit_bytes` bounds what is not stored yet. As much again, and `free_floor_bytes` besides, must be free on
    the disk, since the store needs room to take it over. Past either `append` raises Overloaded and nothing was
    taken.
    """

    def __init__(
        self,
        directory: Path,
        *,
        limit_bytes: int = 1 << 30,
        free_floor_bytes: int = 0,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._limit_bytes = limit_bytes
        self._free_floor_bytes = free_floor_bytes
        self._segment_bytes = segment_bytes
        self._lock = threading.Lock()
        self._frames: deque[Frame] = deque()
        self._segments: deque[Path] = deque()
        self._file = -1
        self._end = 0
        self.bytes = 0
        self.last = 0
        self.stored = 0
        self.damage: list[Damage] = []
        self._open()

    def append(self, payload: Payload) -> Frame:
        """Write one payload; it is on disk when this returns. Overloaded if there is no room."""
        with self._lock:
            needed = _FRAME_BYTES + len(payload)
            if self._frames and self.bytes + needed > self._limit_bytes:
                raise Overloaded("the spool is full: the store can't keep up", retry_after_s=2)
            position = self.last + 1
            try:
                self._must_fit(needed)
                if self._file < 0 or self._end >= self._segment_bytes:
                    self._begin(position)
                head = _HEAD.pack(_MAGIC, position, self.stored, len(payload), xxhash.xxh3_64_intdigest(payload))
                self._write([head, _CHECK.pack(xxhash.xxh3_64_intdigest(head)), payload])
            except OSError as error:
                if not self._take_back():
                    # It may come back at the next start: what was not acknowledged may count, and does so once.
                    self.last = position
                log.warning("the spool can't be written: %s", error)
                raise Overloaded("the spool's disk can't be written", retry_after_s=30) from error
            frame = Frame(position, self._segments[-1], self._end, len(payload))
            self._frames.append(frame)
            self._end += needed
            self.bytes += needed
            self.last = position
            return frame

    def waiting(self) -> list[Frame]:
        """What is spooled and not yet forgotten, in order."""
        with self._lock:
            return list(self._frames)

    def read(self, frame: Frame) -> bytes:
        """A payload as it was written. ValueError where the disk gives something else; OSError where it can't."""
        with frame.segment.open("rb") as file:
            file.seek(frame.offset + _FRAME_BYTES)
            payload = file.read(frame.length)
            file.seek(frame.offset)
            head = file.read(_HEAD.size)
        is_whole = len(head) == _HEAD.size and len(payload) == frame.length
        if not is_whole or xxhash.xxh3_64_intdigest(payload) != _HEAD.unpack(head)[4]:
            raise ValueError(f"{frame.segment.name}: the group at byte {frame.offset} is not what was written")
        return payload

    def forget(self, position: int) -> None:
        """Everything up to `position` is in the store."""
        with self._lock:
            self.stored = max(self.stored, position)
            while self._frames and self._frames[0].position <= position:
                self.bytes -= _FRAME_BYTES + self._frames.popleft().length
            needed = {frame.segment for frame in self._frames}
            while self._segments and self._segments[0] not in needed:
                # The one that is written to is given up only where that saves something.
                if len(self._segments) == 1 and self._file >= 0 and self._end < self._segment_bytes:
                    break
                self._drop(self._segments.popleft())

    def begin_anew(self) -> None:
        """Write on in another file, so that this one goes, with what it holds, as soon as all of it is stored."""
        with self._lock:
            # An empty one has the name that the next would have.
            if self._file >= 0 and self._end:
                os.close(self._file)
                self._file = -1
        self.forget(self.stored)

    def set_aside(self, frame: Frame) -> None:
        """Give up a payload that can't be read: its segment is kept, and counted as damaged."""
        with self._lock:
            if frame not in self._frames:
                return  # it was tried again, and is set aside already
            self._frames.remove(frame)
            self.bytes -= _FRAME_BYTES + frame.length
            self._keep_aside(frame.segment, [Damage(frame.segment.name, frame.offset, _FRAME_BYTES + frame.length)])

    def close(self) -> None:
        """Stop writing. Where everything is stored, nothing is left behind."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1
            if not self._frames:
                while self._segments:
                    self._segments.popleft().unlink(missing_ok=True)

    # ---- writing ----------------------------------------------------------------------------------

    def _must_fit(self, needed: int) -> None:
        if self._free_floor_bytes:
            disk = os.statvfs(self._directory)
            if disk.f_bavail * disk.f_frsize < self._free_floor_bytes + self.bytes + needed:
                raise OSError("too little space is left for the store to take over what is spooled")

    def _begin(self, position: int) -> None:
        """Open the next segment; its name must be on disk before what is in it can be relied on."""
        path = self._directory / f"{position:020d}.spool"
        # O_DSYNC: a write returns when it is on disk. One call instead of two, and after each the interpreter's lock
        # has to be waited for.
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_DSYNC, 0o600)
        try:
            sync(self._directory)
        except OSError:
            os.close(file)
            path.unlink(missing_ok=True)
            raise
        if self._file >= 0:
            os.close(self._file)
        self._file, self._end = file, 0
        self._segments.append(path)

    def _write(self, parts: list[Payload]) -> None:
        total = sum(len(part) for part in parts)
        written = os.writev(self._file, parts)
        while written < total:
            rest = b"".join(parts)[written:]
            written += os.write(self._file, rest)

    def _take_back(self) -> bool:
        """After an append that failed: whether surely nothing of it is left on the disk."""
        if self._file < 0:
            return True
        try:
            os.ftruncate(self._file, self._end)
            os.fdatasync(self._file)
        except OSError:
            # What the disk holds of this file's end is unknown now; no more is written behind it.
            os.close(self._file)
            self._file = -1
            return False
        return True

    def _drop(self, segment: Path) -> None:
        if not self._segments and self._file >= 0:
            os.close(self._file)
            self._file = -1
        try:
            segment.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s holds nothing that is needed, and can't be deleted: %s", segment.name, error)

    # ---- opening ----------------------------------------------------------------------------------

    def _open(self) -> None:
        aside = self._directory / _DAMAGED
        for path in sorted(aside.glob("*.spool")) if aside.is_dir() else ():
            self.damage.append(Damage(path.name, 0, path.stat().st_size))
        paths = sorted(path for path in self._directory.glob("*.spool") if path.stem.isdigit())
        for path in paths:
            # A segment is named after its first position, even if that was never written.
            self.last = max(self.last, int(path.stem))
            self._load(path, is_last=path == paths[-1])
        self.forget(self.stored)

    def _load(self, path: Path, *, is_last: bool) -> None:
        content = path.read_bytes()
        frames, stored, gaps = _parse(content, path)
        if gaps and is_last and _is_torn(content, gaps[-1]):
            torn = gaps.pop()
            log.info("%s: cut off %d bytes of an append that never ended", path.name, torn.bytes)
            os.truncate(path, torn.offset)
        self.stored = max(self.stored, stored)
        self.last = max([self.last, stored, *(frame.position for frame in frames)])
        self._frames.extend(frames)
        self._segments.append(path)
        self.bytes += sum(_FRAME_BYTES + frame.length for frame in frames)
        if gaps:
            self._keep_aside(path, gaps)

    def _keep_aside(self, path: Path, gaps: list[Damage]) -> None:
        """Link the segment to where nobody deletes it, for whoever looks into it."""
        for gap in gaps:
            log.error("%s: %d bytes at %d are damaged; what they held is lost", gap.file, gap.bytes, gap.offset)
        self.damage += gaps
        aside = self._directory / _DAMAGED
        try:
            aside.mkdir(exist_ok=True)
            os.link(path, aside / path.name)
        except FileExistsError:
            pass
        except OSError as error:
            log.error("%s can't be kept aside: %s", path.name, error)


def _parse(content: bytes, path: Path) -> tuple[list[Frame], int, list[Damage]]:
    """The whole frames of a segment, what was stored when the last was written, and what lies between them."""
    frames: list[Frame] = []
    gaps: list[Damage] = []
    stored, at = 0, 0
    while at < len(content):
        found = _frame_at(content, at, path)
        if found is None:
            following = next(_frames_after(content, at + 1, path), None)
            end = following.offset if following else len(content)
            gaps.append(Damage(path.name, at, end - at))
            at = end
            continue
        frame, known = found
        frames.append(frame)
        stored = max(stored, known)
        at += _FRAME_BYTES + frame.length
    return frames, stored, gaps


def _frame_at(content: bytes, at: int, path: Path) -> tuple[Frame, int] | None:
    """The frame that begins here and what its `stored` says; None unless it is whole and as written."""
    head = content[at : at + _HEAD.size]
    if not _is_head(content, at, head):
        return None
    _, position, stored, length, checksum = _HEAD.unpack(head)
    payload = memoryview(content)[at + _FRAME_BYTES : at + _FRAME_BYTES + length]
    if len(payload) != length or xxhash.xxh3_64_intdigest(payload) != checksum:
        return None
    return Frame(position, path, at, length), stored


def _is_head(content: bytes, at: int, head: bytes) -> bool:
    check = content[at + _HEAD.size : at + _FRAME_BYTES]
    return (
        head.startswith(_MAGIC)
        and len(check) == _CHECK.size
        and _CHECK.unpack(check)[0] == xxhash.xxh3_64_intdigest(head)
    )


def _frames_after(content: bytes, at: int, path: Path) -> Iterator[Frame]:
    while (at := content.find(_MAGIC, at)) >= 0:
        found = _frame_at(content, at, path)
        if found is not None:
            yield found[0]
        at += 1


def _is_torn(content: bytes, gap: Damage) -> bool:
    """Whether what does not fit at the end is an append that never ended: too short, or never filled in."""
    rest = content[gap.offset :]
    if len(rest) != gap.bytes:
        return False
    head = rest[: _HEAD.size]
    if _is_head(rest, 0, head):
        return len(rest) < _FRAME_BYTES + int(_HEAD.unpack(head)[3])
    return (len(rest) < _FRAME_BYTES and _MAGIC.startswith(rest[: len(_MAGIC)])) or not rest.strip(b"\0")
