"""Postmark signs nothing: it sends the basic auth credentials that were set there."""

from __future__ import annotations

import base64
import datetime as dt

COVERS_THE_BODY = False

SECRET = "hooks:correct horse"


def sign(body: bytes, url: str, at: dt.datetime) -> tuple[bytes, dict[str, str]]:
    return body, {"Authorization": f"Basic {base64.b64encode(SECRET.encode()).decode()}"}
