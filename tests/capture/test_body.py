"""Bodies: bounded while they are read and while they are expanded."""

from __future__ import annotations

import asyncio
import gzip
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
