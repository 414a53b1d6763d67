"""Signs as SendGrid does, with a key of this run."""

from __future__ import annotations

import base64
import datetime as dt

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

COVERS_THE_BODY = True

KEY = ec.generate_private_key(ec.SECP256R1())
SECRET = base64.b64encode(
    KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()


def sign(body: bytes, url: str, at: dt.datetime) -> tuple[bytes, dict[str, str]]:
    timestamp = str(int(at.timestamp()))
    signature = KEY.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return body, {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
    }
