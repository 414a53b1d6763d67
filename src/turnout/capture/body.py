"""A request's body, whole, expanded and bounded: a bomb stops at the limit, not after it."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable

import zstandard

from turnout.errors import InvalidInput, TooLarge, UnsupportedFormat

#: How much a decompressor may give at once; bounds memory beyond the limit itself.
_STEP_BYTES = 1 << 20


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
    parts, size = [], 0
    while body:
        opener = zlib.decompressobj(wbits=47)
        while not opener.eof:
            part = opener.decompress(body, _STEP_BYTES)
            body = opener.unconsumed_tail
            size += len(part)
            if size > limit_bytes:
                raise _too_large(limit_bytes)
            parts.append(part)
            if not part and not body and not opener.eof:
                raise EOFError("it ends too early")
        # A gzip file may be several members, one behind the other; zeros after them are padding.
        body = opener.unused_data.lstrip(b"\0")
    return b"".join(parts)


def _unzstd(body: bytes, limit_bytes: int) -> bytes:
    parts, size = [], 0
    while body:
        opener = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
        for at in range(0, len(body), 65_536):
            part = opener.decompress(body[at : at + 65_536])
            size += len(part)
            if size > limit_bytes:
                raise _too_large(limit_bytes)
            parts.append(part)
            if opener.eof:
                body = opener.unused_data + body[at + 65_536 :]
                break
        else:
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
