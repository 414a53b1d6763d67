"""Signs as Segment does; what is sent here is never an array, of which it signs the first event only."""

from __future__ import annotations

import datetime as dt
import hmac

COVERS_THE_BODY = True

SECRET = "a shared secret"


def sign(body: bytes, url: str, at: dt.datetime) -> tuple[bytes, dict[str, str]]:
    return body, {"X-Signature": hmac.digest(SECRET.encode(), body, "sha1").hex()}
