"""Whether a provider made a request: secrets compared in constant time, HMACs, times that are not too old.

What a request carries and what it should carry enter; nothing leaves, or Unauthenticated is raised. Its words name
what is wrong with a signature, never what a right one would be.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from typing import Literal

from turnout.capture.webhooks.contract import REPLAY_WINDOW_S, Delivery
from turnout.errors import Unauthenticated

Algorithm = Literal["sha1", "sha256"]

_SECONDS = re.compile(r"[0-9]{1,12}")


def header(delivery: Delivery, name: str) -> str:
    """The value of a header (its name in lower case); Unauthenticated if there is none."""
    value = delivery.headers.get(name, "")
    if not value:
        raise Unauthenticated(f"the request has no header '{name}'")
    return value


def same(given: str | bytes, expected: str | bytes) -> bool:
    """Whether both are equal, in a time that tells nothing of where they differ."""
    return hmac.compare_digest(_octets(given), _octets(expected))


def require_same(given: str | bytes, expected: str | bytes, what: str = "signature") -> None:
    """Unauthenticated unless both are equal."""
    if not same(given, expected):
        raise Unauthenticated(f"the {what} is not right")


def digest(secret: str | bytes, message: str | bytes, algorithm: Algorithm = "sha256") -> bytes:
    """The HMAC of a message."""
    return hmac.digest(_octets(secret), _octets(message), algorithm)


def require_hex(given: str, secret: str | bytes, message: str | bytes, algorithm: Algorithm = "sha256") -> None:
    """Unauthenticated unless `given` is the HMAC of the message in hexadecimal, in either case."""
    require_same(given.strip().lower(), digest(secret, message, algorithm).hex())


def unbase64(text: str, what: str = "signature") -> bytes:
    """What base64 says; Unauthenticated if it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Unauthenticated(f"the {what} is not base64") from None


def require_fresh(timestamp: str | int | float, delivery: Delivery, window_s: int = REPLAY_WINDOW_S) -> None:
    """Unauthenticated unless a time, in epoch seconds, is at most `window_s` away from when the request came."""
    if isinstance(timestamp, str):
        if not _SECONDS.fullmatch(timestamp):
            raise Unauthenticated("the time of the signature is not in epoch seconds")
        timestamp = int(timestamp)
    # Written so that what is no number (NaN) is refused, too.
    if not abs(timestamp - delivery.now.timestamp()) <= window_s:
        raise Unauthenticated("the signature is too old, or of a clock that is wrong")


def require_credential(delivery: Delivery) -> None:
    """Unauthenticated unless the request carries the hook's secret as it is, for providers that sign nothing.

    It is in the header that the hook's option `header` names, else in Authorization, where it may also be the
    `user:password` of basic authentication, or a bearer token.
    """
    secret = delivery.hook.secret
    name = delivery.hook.options.get("header", "").lower() or "authorization"
    given = header(delivery, name)
    scheme, _, rest = given.partition(" ")
    forms = {"basic": base64.b64encode(_octets(secret)).decode(), "bearer": secret}
    wanted = forms.get(scheme.lower()) if name == "authorization" else None
    # Both are compared, whatever comes of the first.
    as_it_is, in_its_form = same(given, secret), wanted is not None and same(rest.strip(), wanted)
    if not (as_it_is or in_its_form):
        raise Unauthenticated(f"the header '{name[:100]}' is not right")


def _octets(value: str | bytes) -> bytes:
    # What is no Unicode text (a lone surrogate from a body) must not fail, but differ.
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
