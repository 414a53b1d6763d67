"""Bodies: bounded while they are read and while they are expanded."""

from __future__ import annotations

import asyncio
import gzip
import random
import time
import tracemalloc
import zlib

import pytest
import zstandard

from turnout.capture.body import expand, read
from turnout.errors import InvalidInput, TooLarge, UnsupportedFormat

TEXT = b'{"type":"sent"}\n' * 1000


def test_an_unencoded_body_is_itself():
    assert expand(TEXT, "", 10) is TEXT
    assert expand(TEXT, "identity", 10) is TEXT


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("GZIP", gzip.compress(TEXT, mtime=0)),
        ("gzip", gzip.compress(TEXT[:8000], mtime=0) + gzip.compress(TEXT[8000:], mtime=0)),
        ("gzip", gzip.compress(TEXT, mtime=0) + b"\0" * 16),
        ("deflate", zlib.compress(TEXT)),
        ("zstd", zstandard.compress(TEXT)),
        ("zstd", zstandard.compress(TEXT[:8000]) + zstandard.compress(TEXT[8000:])),
    ],
)
def test_encodings(encoding, packed):
    assert expand(packed, encoding, len(TEXT)) == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("damage", ["cut", "garbled", "foreign"])
def test_a_broken_body_is_invalid(encoding, damage):
    packed = gzip.compress(TEXT) if encoding == "gzip" else zstandard.compress(TEXT)
    broken = {"cut": packed[:-7], "garbled": packed[:10] + b"\xff\xff" + packed[12:], "foreign": b"plain text"}[damage]
    with pytest.raises(InvalidInput) as refused:
        expand(broken, encoding, 1 << 20)
    assert refused.value.field == "body"


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, zstandard.compress])
def test_a_bomb_stops_at_the_limit(pack):
    encoding = {gzip.compress: "gzip", zlib.compress: "deflate"}.get(pack, "zstd")
    bomb = pack(b"\0" * 50_000_000)
    with pytest.raises(TooLarge):
        expand(bomb, encoding, 1 << 20)


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
def test_a_bomb_takes_no_memory(encoding, pack):
    bomb = pack(b"\0" * 40_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            expand(bomb, encoding, 65_536)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_many_empty_members_take_no_longer_than_their_length(encoding):
    member = gzip.compress(b"", mtime=0) if encoding == "gzip" else zstandard.compress(b"")
    packed = member * (3_000_000 // len(member))
    started = time.process_time()
    assert expand(packed, encoding, 1 << 28) == b""
    # All that is left of the body, copied for each member, took seven seconds, and thirty.
    assert time.process_time() - started < 4


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_any_length_is_read_to_its_end(size):
    body = random.Random(size).randbytes(size // 2) + b"\0" * (size - size // 2)
    for encoding, pack in (("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstandard.compress)):
        assert expand(pack(body), encoding, size) == body
        with pytest.raises(TooLarge):
            expand(pack(body), encoding, size - 1)
        with pytest.raises(InvalidInput):
            expand(pack(body)[:-1], encoding, size)


def test_an_unknown_encoding_is_named():
    with pytest.raises(UnsupportedFormat, match="br"):
        expand(TEXT, "br", 1 << 20)


async def chunks(*parts: bytes):
    for part in parts:
        yield part


def test_reading_stops_at_the_limit():
    assert asyncio.run(read(chunks(b"ab", b"cd"), 4)) == b"abcd"
    with pytest.raises(TooLarge):
        asyncio.run(read(chunks(b"ab", b"cd", b"e"), 4))


def test_a_declared_length_over_the_limit_is_refused_unread():
    async def unread():
        raise AssertionError("was read")
        yield b""

    with pytest.raises(TooLarge):
        asyncio.run(read(unread(), 4, declared_bytes=5))
