"""Signed tokens: what an address says about whoever follows it, and that it was we who said so.

A `Claim` and a workspace's signing secret enter and a token leaves, or the other way round. A token is

    base64url( 0x01, 16 bytes of HMAC-SHA256, JSON )

without padding. The HMAC is over the version byte and the JSON, its key is HMAC-SHA256(signing secret, purpose):
`turnout recipient` for a token that says who follows a registered link or opens a message, `turnout target` for one
that says where a link leads. So no token of one kind is good for the other, nor for anything else that the secret
signs. RFC 2104 lets a MAC be cut to half its length.
"""

from __future__ import annotations

import binascii
import datetime as dt
import hashlib
import hmac
import re
from functools import lru_cache
from typing import Annotated, Literal

import msgspec

from turnout.errors import NotFound
from turnout.model import POSITION_LIMIT, Id, Name, Text, Url, Workspace
from turnout.store.catalog import Catalog

Purpose = Literal["recipient", "target"]

#: The longest token that is looked at, in characters.
LIMIT_CHARS = 16_384

_VERSION = b"\x01"
_MAC_BYTES = 16
_HEAD_BYTES = 1 + _MAC_BYTES

_BLOCK_BYTES = 64
_PADS = tuple(bytes(byte ^ mask for byte in range(256)) for mask in (0x36, 0x5C))

#: Workspaces whose keys are remembered, once for each purpose.
_REMEMBERED_KEYS = 2048

_ALPHABET = re.compile(r"[A-Za-z0-9_-]+")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_URLSAFE = bytes.maketrans(b"+/", b"-_")


class Claim(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a token says; one letter each in its JSON, since it is part of an address.

    `x` is when it ends, in seconds since the epoch (0: never). `u` is where a link leads, `l` and `t` are the id and
    title that its clicks are counted under, `n` its place in the message, counted from the top (0: not said).
    """

    workspace: Name = msgspec.field(default="default", name="w")
    campaign: Name = msgspec.field(default="", name="c")
    message: Name = msgspec.field(default="", name="m")
    recipient: Id = msgspec.field(default="", name="r")
    variation: Name = msgspec.field(default="", name="v")
    send_id: Name = msgspec.field(default="", name="s")
    profile: Name = msgspec.field(default="", name="p")
    channel: Name = msgspec.field(default="", name="h")
    url: Url = msgspec.field(default="", name="u")
    link: Text = msgspec.field(default="", name="l")
    title: Text = msgspec.field(default="", name="t")
    position: Annotated[int, msgspec.Meta(ge=0, le=POSITION_LIMIT)] = msgspec.field(default=0, name="n")
    expires_s: int = msgspec.field(default=0, name="x")

    def has_ended(self, now: dt.datetime) -> bool:
        """Whether its time is over."""
        return 0 < self.expires_s <= now.timestamp()


class Token(msgspec.Struct, frozen=True):
    """A token that was read and is not yet known to be true."""

    claim: Claim
    mac: bytes
    signed: bytes

    def is_signed_by(self, workspace: Workspace, purpose: Purpose) -> bool:
        """Whether this workspace said it, for this purpose. Takes as long for any wrong MAC."""
        return hmac.compare_digest(self.mac, _mac(workspace.signing_secret, purpose, self.signed))


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Claim).decode


def sign(claim: Claim, signing_secret: str, purpose: Purpose) -> str:
    """The token that says so."""
    signed = _VERSION + _encode(claim)
    raw = _VERSION + _mac(signing_secret, purpose, signed) + signed[1:]
    return binascii.b2a_base64(raw, newline=False).rstrip(b"=").translate(_URLSAFE).decode()


def read(token: str) -> Token | None:
    """What a token says, still to be held against the signature; None for what is no token of this version."""
    if len(token) > LIMIT_CHARS or not _ALPHABET.fullmatch(token):
        return None
    try:
        raw = binascii.a2b_base64(token.encode().translate(_STANDARD) + b"=" * (-len(token) % 4))
        if raw[:1] != _VERSION:
            return None
        body = raw[_HEAD_BYTES:]
        # The store can't keep a NUL.
        if b"\\u0000" in body:
            return None
        return Token(_decode(body), raw[1:_HEAD_BYTES], _VERSION + body)
    except (ValueError, RecursionError):
        return None


def known(token: str, catalog: Catalog, purpose: Purpose) -> tuple[Workspace, Claim] | None:
    """The workspace that a token names, and what it says; None unless that workspace said it."""
    found = read(token)
    if found is None:
        return None
    try:
        workspace = catalog.workspace(found.claim.workspace)
    except NotFound:
        return None
    return (workspace, found.claim) if found.is_signed_by(workspace, purpose) else None


def recipient_claim(token: str, workspace: Workspace, now: dt.datetime) -> Claim | None:
    """What a token says of who follows a link of this workspace; None if it is forged, over, or no token."""
    found = read(token)
    if found is None or not found.is_signed_by(workspace, "recipient") or found.claim.has_ended(now):
        return None
    return found.claim


def _mac(signing_secret: str, purpose: Purpose, signed: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104), from where its key is in already: a third less time, and unlike `hmac.digest` it does not
    let go of the interpreter, which takes far longer to get back where other threads are busy."""
    started, ended = (part.copy() for part in _keyed(signing_secret, purpose))
    started.update(signed)
    ended.update(started.digest())
    return ended.digest()[:_MAC_BYTES]


@lru_cache(_REMEMBERED_KEYS)
def _keyed(signing_secret: str, purpose: Purpose) -> tuple[hashlib._Hash, hashlib._Hash]:
    """The inner and the outer hash of a key, each after its first block."""
    key = hmac.digest(signing_secret.encode(), f"turnout {purpose}".encode(), "sha256").ljust(_BLOCK_BYTES, b"\0")
    return tuple(hashlib.sha256(key.translate(pad)) for pad in _PADS)  # type: ignore[return-value]
