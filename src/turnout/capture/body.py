"""A request's body, whole, expanded and bounded: a bomb stops at the limit, not after it."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable

import zstandard

from turnout.errors import InvalidInput, TooLarge, UnsupportedFormat

#: How much a decompressor may give at once; bounds memory beyond the limit itself.
_STEP_BYTES = 1 << 20

#: How much it is given at once. What it leaves over is copied, so a body of many short members takes long otherwise.
_BLOCK_BYTES = 1 << 16

#: gzip or zlib, with the largest window.
_ANY_WBITS = 47

#: What a byte of zstd becomes at most: four are a block, and a block is 128 KiB.
_ZSTD_AT_MOST = 1 << 15
_ZSTD_BLOCK_LEAST_BYTES = 64


async def read(chunks: AsyncIterator[bytes], limit_bytes: int, declared_bytes: int | None = None) -> bytes:
    """The body, or TooLarge as soon as it is known to be over the limit."""
    if declared_bytes is not None and declared_bytes > limit_bytes:
        raise _too_large(limit_bytes)
    parts, size = [], 0
    async for chunk in chunks:
        size += len(chunk)
        if size > limit_bytes:
            raise _too_large(limit_bytes)
        parts.append(chunk)
    return b"".join(parts)


def expand(body: bytes, encoding: str, limit_bytes: int) -> bytes:
    """Undo a Content-Encoding: gzip, deflate, zstd or none. InvalidInput if the body is broken."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    opener = _OPENERS.get(encoding)
    if opener is None:
        raise UnsupportedFormat(
            f"content encoding '{encoding[:50]}' is not spoken",
            field="Content-Encoding",
            hint="use gzip or zstd",
        )
    try:
        return opener(body, limit_bytes)
    except (zlib.error, zstandard.ZstdError, EOFError) as error:
        raise InvalidInput(f"the {encoding} body is broken: {error}", field="body") from None


def _gunzip(body: bytes, limit_bytes: int) -> bytes:
    parts, size, opener = [], 0, zlib.decompressobj(wbits=_ANY_WBITS)
    for at in range(0, len(body), _BLOCK_BYTES):
        block, is_full = body[at : at + _BLOCK_BYTES], False
        while block or is_full:
            if opener.eof:
                # A gzip file may be several members, one behind the other; zeros after them are padding.
                block = block.lstrip(b"\0")
                if not block:
                    break
                opener = zlib.decompressobj(wbits=_ANY_WBITS)
            part = opener.decompress(block, _STEP_BYTES)
            block = opener.unused_data if opener.eof else opener.unconsumed_tail
            # There may be more of what went in already.
            is_full = len(part) == _STEP_BYTES and not opener.eof
            size += len(part)
            if size > limit_bytes:
                raise _too_large(limit_bytes)
            parts.append(part)
    if body and not opener.eof:
        raise EOFError("it ends too early")
    return b"".join(parts)


def _unzstd(body: bytes, limit_bytes: int) -> bytes:
    # Its decompressor gives all that a block holds at once: so blocks are as short as keeps that within the limit.
    block_bytes = max(_ZSTD_BLOCK_LEAST_BYTES, limit_bytes // _ZSTD_AT_MOST)
    unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    parts, size, opener = [], 0, unpacker.decompressobj()
    for at in range(0, len(body), block_bytes):
        block = body[at : at + block_bytes]
        while block:
            if opener.eof:
                opener = unpacker.decompressobj()
            part = opener.decompress(block)
            block = opener.unused_data if opener.eof else b""
            size += len(part)
            if size > limit_bytes:
                raise _too_large(limit_bytes)
            parts.append(part)
    if body and not opener.eof:
        raise EOFError("it ends too early")
    return b"".join(parts)


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"the body is over {limit_bytes} bytes", field="body", hint="send fewer events a request")


_OPENERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _gunzip,
    "zstd": _unzstd,
}
