"""Signs as Mailgun does: in the body, over a time and a token that is used once."""

import hashlib
import hmac
import json
import secrets
from datetime import datetime

SECRET = "key-of-the-webhooks"

#: The signature is of a time and a token; the event is held to the token (see test_mailgun.py).
COVERS_THE_BODY = False


def sign(body: bytes, url: str, at: datetime) -> tuple[bytes, dict[str, str]]:
    timestamp, token = str(int(at.timestamp())), secrets.token_hex(25)
    signature = hmac.new(SECRET.encode(), (timestamp + token).encode(), hashlib.sha256).hexdigest()
    try:
        told = json.loads(body)
    except ValueError:
        return body, {}
    told["signature"] = {"timestamp": timestamp, "token": token, "signature": signature}
    return json.dumps(told).encode(), {}
