"""The token by which a page proves who its viewer is: a JWT with HS256 and the workspace's signing secret.

A token, the secret and the moment go in; the viewer's id comes out, or Unauthenticated.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated

import msgspec
from jwt import PyJWTError
from jwt.algorithms import HMACAlgorithm
from jwt.api_jws import PyJWS

from turnout.errors import Unauthenticated

#: Longer ones are refused unread.
TOKEN_LIMIT_CHARACTERS = 4096

#: How far ahead the clock of whoever signs may be.
CLOCK_SKEW_S = 60

_ALGORITHM = "HS256"


class _AnyLength(HMACAlgorithm):
    """How long a signing secret is was decided when it was set; there is nothing to warn of at each beacon."""

    def check_key_length(self, key: bytes) -> str | None:
        return None


# Nothing but HS256 is there to be chosen by what a token says of itself.
_jws = PyJWS(algorithms=[])
_jws.register_algorithm(_ALGORITHM, _AnyLength(HMACAlgorithm.SHA256))


class _Claims(msgspec.Struct, frozen=True):
    sub: Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
    exp: int | float | None = None
    nbf: int | float | None = None


_claims = msgspec.json.Decoder(_Claims)


def viewer_of(token: str, secret: str, now: datetime) -> str:
    """The `sub` of a token that this secret signed and that is valid now. Unauthenticated otherwise.

    The key is the secret as text, or what it says read as base64: libraries do either.
    """
    claims = _verified(token, secret)
    at_s = now.timestamp()
    if claims.exp is not None and at_s >= claims.exp:
        raise Unauthenticated("the viewer's token has expired", field="token")
    if claims.nbf is not None and at_s < claims.nbf - CLOCK_SKEW_S:
        raise Unauthenticated("the viewer's token is not valid yet", field="token")
    return claims.sub


def _verified(token: str, secret: str) -> _Claims:
    if len(token) <= TOKEN_LIMIT_CHARACTERS:
        for key in _keys(secret):
            try:
                payload = _jws.decode_complete(token, key, algorithms=[_ALGORITHM])["payload"]
            except PyJWTError:
                continue
            try:
                return _claims.decode(payload)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                raise Unauthenticated("the viewer's token names nobody in 'sub'", field="token") from None
    raise Unauthenticated("the viewer's token is not signed with this workspace's secret", field="token")


def _keys(secret: str) -> list[bytes]:
    try:
        decoded = base64.b64decode(secret.encode(), validate=True)
    except binascii.Error:
        decoded = b""
    return [key for key in (secret.encode(), decoded) if key]
