"""Signs as Meta does."""

from __future__ import annotations

import datetime as dt
import hmac

COVERS_THE_BODY = True

SECRET = "an app secret"


def sign(body: bytes, url: str, at: dt.datetime) -> tuple[bytes, dict[str, str]]:
    return body, {"X-Hub-Signature-256": f"sha256={hmac.digest(SECRET.encode(), body, 'sha256').hex()}"}
