"""Signs as Twilio does: the address with the sorted fields of the form, or alone where it has the hash of the body."""

from __future__ import annotations

import base64
import datetime as dt
import hmac
from urllib.parse import parse_qsl

COVERS_THE_BODY = True

SECRET = "an auth token"


def sign(body: bytes, url: str, at: dt.datetime) -> tuple[bytes, dict[str, str]]:
    fields = [] if "bodySHA256=" in url else parse_qsl(body.decode(), keep_blank_values=True)
    signed = url + "".join(name + value for name, value in sorted(fields))
    return body, {
        "X-Twilio-Signature": base64.b64encode(hmac.digest(SECRET.encode(), signed.encode(), "sha1")).decode()
    }
