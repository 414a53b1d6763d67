"""The tokens that clients sign themselves: JWT with HS256 and the workspace's signing secret.

A token and the secret go in; its claims come out, or Unauthenticated. The clock is the caller's.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import math
import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

import msgspec
from jwt import PyJWTError
from jwt.algorithms import HMACAlgorithm
from jwt.api_jws import PyJWS

from turnout.errors import Unauthenticated

#: Longer ones are refused unread; a token with every claim of the document has some 200 characters.
TOKEN_LIMIT_CHARACTERS = 4096

#: How far ahead a client's clock may be when it dates a token. A token that has expired has expired.
CLOCK_SKEW_S = 60

#: Verified tokens that are remembered.
_KNOWN_LIMIT = 1000

_ALGORITHM = "HS256"
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}", re.ASCII)


class _AnyKeyLength(HMACAlgorithm):
    """A secret's length is its owner's choice: a short one is no reason to warn at every request."""

    def check_key_length(self, key: bytes) -> str | None:
        return None


def _only_hs256() -> PyJWS:
    """Knows no other algorithm, so that a token's own word for it can't choose one."""
    verifier = PyJWS(algorithms=[])
    verifier.register_algorithm(_ALGORITHM, _AnyKeyLength(HMACAlgorithm.SHA256))
    return verifier


_VERIFIER = _only_hs256()


class _Payload(msgspec.Struct, frozen=True):
    """The claims that are looked at; times are epoch seconds, and each may be left out."""

    access_key: str = msgspec.field(default="", name="accessKey")
    exp: int | float | None = None
    iat: int | float | None = None
    nbf: int | float | None = None


@dataclass(frozen=True)
class Claims:
    """Whom a token speaks for, and when: from `begins_s` (with the skew) until before `ends_s`."""

    access_key: str
    begins_s: float
    ends_s: float

    def holds_at(self, now: datetime) -> bool:
        """Whether the token is valid at this moment."""
        at = now.timestamp()
        return self.begins_s - CLOCK_SKEW_S <= at < self.ends_s


def of_header(value: str) -> str:
    """The token of an Authorization header, with or without `Bearer `; empty if there is none."""
    scheme, _, rest = value.strip().partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else value.strip()


def keys_of(secret: str) -> tuple[bytes, ...]:
    """The keys that a secret may mean: what its base64 says (either alphabet, padded or not), and its own text."""
    text = secret.strip().replace("-", "+").replace("_", "/")
    decoded = b""
    if _BASE64.fullmatch(text):
        text = text.rstrip("=")
        with contextlib.suppress(binascii.Error):
            decoded = base64.b64decode(text + "=" * (-len(text) % 4))
    return tuple(key for key in (decoded, secret.encode()) if key)


def sign(access_key: str, secret: str, begins: datetime, ends: datetime) -> str:
    """A token as a client signs it, with the first of the keys that its secret may mean."""
    claims = {"accessKey": access_key, "iat": int(begins.timestamp()), "exp": int(ends.timestamp())}
    return _VERIFIER.encode(msgspec.json.encode(claims), keys_of(secret)[0], algorithm=_ALGORITHM)


def verify(token: str, secret: str) -> Claims:
    """The claims of a token that this secret signed, whenever it is valid. Unauthenticated for any other."""
    if len(token) <= TOKEN_LIMIT_CHARACTERS:
        for key in keys_of(secret):
            try:
                signed = _VERIFIER.decode_complete(token, key, algorithms=[_ALGORITHM])
                return _claims(msgspec.json.decode(signed["payload"], type=_Payload))
            except PyJWTError:
                continue
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError):
                break
    raise Unauthenticated("Needs to login")


def _claims(payload: _Payload) -> Claims:
    begins = [float(moment) for moment in (payload.iat, payload.nbf) if moment is not None]
    ends = math.inf if payload.exp is None else float(payload.exp)
    return Claims(payload.access_key, max(begins, default=-math.inf), ends)


class Verified:
    """Tokens that were verified, by their digest: signatures are checked once. For one thread (the event loop's)."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, tuple[str, Claims]] = OrderedDict()

    def claims(self, token: str, secret: str) -> Claims:
        """What `verify` says; a token of an earlier secret is verified anew."""
        digest = hashlib.sha256(token.encode()).digest()
        known = self._known.get(digest)
        if known is not None and hmac.compare_digest(known[0].encode(), secret.encode()):
            self._known.move_to_end(digest)
            return known[1]
        claims = verify(token, secret)
        self._known[digest] = (secret, claims)
        if len(self._known) > _KNOWN_LIMIT:
            self._known.popitem(last=False)
        return claims
