"""CloudEvents have no signature: the secret comes as a bearer token."""

from __future__ import annotations

import datetime as dt

COVERS_THE_BODY = False

SECRET = "a token"


def sign(body: bytes, url: str, at: dt.datetime) -> tuple[bytes, dict[str, str]]:
    return body, {"Authorization": f"Bearer {SECRET}"}
